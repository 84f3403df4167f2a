use domain::{ContentHash, VersionState, package_version::VersionCommand};
use store::Change;

use crate::builder::{Book, NOW, partner_input};

on_both_engines!(
    the_same_content_is_the_same_version,
    a_brand_that_changes_makes_a_revision_and_the_old_one_stays,
    assets_and_settings_are_kept,
);

async fn the_same_content_is_the_same_version(book: Book) {
    let program = book.program().await;
    assert_eq!(book.publish(&program.vendor, b"one").await, program.version);
    let second = book.publish(&program.vendor, b"two").await;
    let latest = book.store.latest_published(&program.package).await.unwrap().unwrap();
    assert_eq!((&latest.id, latest.number), (&second, 2));
    assert_eq!(book.store.version_blob(&latest.hash).await.unwrap().unwrap(), b"two");
    let recalled = book
        .store
        .change_version(&second, VersionCommand::Recall, "test", NOW)
        .await
        .unwrap()
        .version;
    assert_eq!((recalled.state, recalled.state_by.as_str()), (VersionState::Recalled, "test"));
    let latest = book.store.latest_published(&program.package).await.unwrap().unwrap();
    assert_eq!(latest.id, program.version);
    assert_eq!(book.store.versions(&program.package).await.unwrap().len(), 2);
    assert_eq!(book.store.stops(NOW).await.unwrap().versions, [second]);
    assert_eq!(book.store.version_blob(&ContentHash::of(b"three")).await.unwrap(), None);
}

async fn a_brand_that_changes_makes_a_revision_and_the_old_one_stays(book: Book) {
    let program = book.program().await;
    let put = |input| {
        let (store, vendor) = (book.store.clone(), program.vendor.clone());
        async move { store.upsert_partners(&vendor, &[input], "test", NOW).await.unwrap().remove(0) }
    };
    let first = put(partner_input("p0")).await;
    assert_eq!((first.change, first.row.revision_number), (Change::New, 1));
    assert_eq!(put(partner_input("p0")).await.change, Change::Unchanged);
    let mut other = partner_input("p0");
    other.tier = "Silver".to_owned();
    let promoted = put(other.clone()).await;
    assert_eq!((promoted.change, promoted.row.revision_number), (Change::Updated, 1));
    other.brand.colour = "#ffffff".to_owned();
    let second = put(other).await;
    assert_eq!((second.change, second.row.revision_number), (Change::Updated, 2));
    assert_ne!(second.row.revision, first.row.revision);
    let (brand, sender) = book.store.partner_brand(&first.row.id).await.unwrap().unwrap();
    assert_eq!(
        (brand.colour.as_str(), sender.from_email.as_str()),
        ("#ffffff", "news@p0.example.com")
    );
    let back = put(partner_input("p0")).await;
    assert_eq!((back.row.revision, back.row.revision_number), (first.row.revision, 1));
    let found = book.store.find_partner(&program.vendor, "p0").await.unwrap().unwrap();
    assert_eq!(
        Some(&found),
        book.store.find_partner(&program.vendor, found.id.as_str()).await.unwrap().as_ref()
    );
    assert_eq!(book.store.partners(&program.vendor).await.unwrap().len(), 1);
    let again = book.store.add_vendor("NORTHWIND", "test", NOW).await.unwrap();
    assert_eq!((again.change, again.row.id), (Change::Unchanged, program.vendor));
}

async fn assets_and_settings_are_kept(book: Book) {
    let bytes = [0_u8, 255, 1, 0, 39, 92];
    let hash = book.store.put_asset(&bytes, "image/png", NOW).await.unwrap();
    assert_eq!(book.store.put_asset(&bytes, "image/png", NOW).await.unwrap(), hash);
    let asset = book.store.asset(&hash).await.unwrap().unwrap();
    assert_eq!(
        (asset.bytes.as_slice(), asset.content_type.as_str()),
        (bytes.as_slice(), "image/png")
    );
    assert_eq!(book.store.campaign_offset().await.unwrap(), 0);
    book.store.set_campaign_offset(-5, "test", NOW).await.unwrap();
    assert_eq!(book.store.campaign_offset().await.unwrap(), -5);
    assert_eq!(book.store.audit(1).await.unwrap()[0].action, "set campaign offset");
}
