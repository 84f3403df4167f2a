//! `package check`, `package publish` and `render`.

use program::{Actor, ErrorKind, Preview, PreviewFor, PreviewOf, check_package};
use render::{SamplePackage, SharedTemplates};

use crate::world::{OPS, World};

fn sample_folder(world: &World) -> std::path::PathBuf {
    let sample = SamplePackage::all().into_iter().find(|p| p.name() == "product-launch").unwrap();
    for (path, bytes) in sample.files().iter() {
        world.file(&format!("package/{path}"), bytes);
    }
    world
        .file("package/package.toml", sample.files().get("package.toml").unwrap())
        .parent()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_same_content_is_the_same_version() {
    let world = World::new().await;
    let folder = sample_folder(&world);
    assert!(check_package(&SharedTemplates::embedded(), &folder).unwrap().is_good);
    let first = world.program.publish_package(&OPS, &world.vendor, &folder).await.unwrap();
    assert!(first.is_new && first.number == 1);
    let again = world.program.publish_package(&OPS, &world.vendor, &folder).await.unwrap();
    assert!(!again.is_new && again.version == first.version);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_place_and_nothing_is_published() {
    let world = World::new().await;
    let folder = sample_folder(&world);
    world.file("package/en/announce/subject.txt.hbs", "Hello {{person.frist_name}}\n");
    let checked = check_package(&SharedTemplates::embedded(), &folder).unwrap();
    assert!(!checked.is_good);
    let error = world.program.publish_package(&OPS, &world.vendor, &folder).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.to_string().contains("en/announce/subject.txt.hbs:1:"), "{error}");
    assert!(world.store.packages(&world.vendor).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_preview_is_what_the_partner_s_contacts_would_get() {
    let world = World::new().await;
    let (partner, _) = world.partner("acme", "Gold").await;
    world.publish(|_| {}).await;
    let preview = Preview {
        vendor: world.vendor.clone(),
        package: PreviewOf::Published("product-launch".to_owned()),
        partner: Some(partner),
        step: Some("announce".to_owned()),
        slots: Default::default(),
        person: PreviewFor::Sample(
            [
                ("first_name".to_owned(), "Zoë".to_owned()),
                ("email".to_owned(), "zoe@example.com".to_owned()),
            ]
            .into(),
        ),
    };
    let shown = world.program.preview(&OPS, &preview).await.unwrap();
    assert_eq!(shown.len(), 1);
    assert!(
        shown[0].text.contains("Zoë") && shown[0].text.contains("Main Street 1"),
        "{}",
        shown[0].text
    );
    let eml = String::from_utf8(shown[0].eml.clone()).unwrap();
    for header in [
        "From: ",
        "To: ",
        "List-Unsubscribe: <https://mail.example/u/preview>",
        "List-Unsubscribe-Post: ",
    ] {
        assert!(eml.contains(header), "{header}\n{eml}");
    }
    let mut every = preview.clone();
    every.step = None;
    assert_eq!(world.program.preview(&OPS, &every).await.unwrap().len(), 3);
    every.step = Some("anounce".to_owned());
    let error = world.program.preview(&OPS, &every).await.unwrap_err();
    assert!(error.to_string().contains("did you mean \"announce\""), "{error}");

    let folder =
        Preview { package: PreviewOf::Folder(sample_folder(&world)), partner: None, ..preview };
    assert_eq!(world.program.preview(&OPS, &folder).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_contact_s_preview_is_for_its_own_company_only() {
    let world = World::new().await;
    let (partner, company) = world.partner("acme", "Gold").await;
    world.publish(|_| {}).await;
    let csv = "email,first_name,last_name,company\nzoe@example.com,Zoë,Novák,Sample & Sons\n";
    world.try_import_contacts(&company, csv).await.unwrap();
    let of = |address: &str, list: Option<&str>| Preview {
        vendor: world.vendor.clone(),
        package: PreviewOf::Published("product-launch".to_owned()),
        partner: Some(partner.clone()),
        step: Some("announce".to_owned()),
        slots: Default::default(),
        person: PreviewFor::Contact { address: address.to_owned(), list: list.map(str::to_owned) },
    };
    let shown = world.program.preview(&OPS, &of("Zoe@Example.com", None)).await.unwrap();
    let eml = String::from_utf8(shown[0].eml.clone()).unwrap();
    assert!(shown[0].text.contains("Zoë"), "{}", shown[0].text);
    assert!(eml.contains("<zoe@example.com>"), "{eml}");

    let refused = async |actor: &Actor, preview: Preview| {
        let error = world.program.preview(actor, &preview).await.unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, _) = refused(&OPS, of("nobody@example.com", None)).await;
    assert_eq!(kind, ErrorKind::NotFound);
    let (kind, _) = refused(&OPS, of("nobody", None)).await;
    assert_eq!(kind, ErrorKind::BadInput);
    let (_, text) = refused(&OPS, of("zoe@example.com", Some("prospects"))).await;
    assert!(text.contains("it has customers"), "{text}");
    // The contacts are the company's: a vendor previews with somebody made up.
    let (kind, _) =
        refused(&Actor::Vendor(world.vendor.clone()), of("zoe@example.com", None)).await;
    assert_eq!(kind, ErrorKind::NotFound);
}
