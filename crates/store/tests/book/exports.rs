use std::collections::BTreeSet;

use domain::HashScope;
use store::{ConsentInput, reason};

use crate::builder::{Book, NOW};

on_both_engines!(
    a_list_is_read_page_by_page_as_its_company_knows_it,
    partners_are_read_page_by_page_as_a_file_would_name_them,
);

async fn a_list_is_read_page_by_page_as_its_company_knows_it(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 2).await;
    let (lane, other) = (&lanes[0], &lanes[1]);
    // Two lists that grow side by side, so that pages are not ranges of ids.
    for part in 0..3 {
        book.contacts(lane, &format!("a{part}-"), 7).await;
        book.contacts(other, &format!("b{part}-"), 5).await;
    }
    let mut with_more = book.contact(lane, "a1-3@example.com");
    with_more.fields.insert("job".to_owned(), "CEO".to_owned());
    with_more.consent = Some(ConsentInput {
        basis: "contract".to_owned(),
        source: "order".to_owned(),
        text: String::new(),
        at: NOW.plus(std::time::Duration::from_secs(1)),
    });
    let mut without = book.contact(lane, "none@example.com");
    without.consent = None;
    without.fields.clear();
    let inputs = [with_more.clone(), without.clone()];
    book.store.upsert_contacts(&lane.company, &lane.list, &inputs, NOW).await.unwrap();
    let scope = HashScope::Company(&lane.company);
    let hashes = [without.hash_company.clone()];
    book.store.add_suppressions(scope, &hashes, reason::MANUAL, "test", NOW).await.unwrap();

    let mut all = Vec::new();
    loop {
        let after = all.last().map(|contact: &store::ExportedContact| contact.id);
        let page = book.store.contacts_page(&lane.list, after, 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 4);
        all.extend(page);
    }
    let addresses: BTreeSet<&str> = all.iter().map(|c| c.address_raw.as_str()).collect();
    assert_eq!((all.len(), addresses.len()), (22, 22));
    assert!(addresses.iter().all(|address| !address.starts_with('b')));
    let found = |address: &str| all.iter().find(|c| c.address_raw == address).unwrap();
    let consent = found("a1-3@example.com").consent.clone().unwrap();
    assert_eq!((consent.basis.as_str(), consent.source.as_str()), ("contract", "order"));
    assert_eq!(found("a1-3@example.com").fields, with_more.fields);
    assert_eq!(found("a0-0@example.com").consent.as_ref().unwrap().basis, "opt_in");
    assert_eq!(found("none@example.com").consent, None);
    let suppressed: Vec<_> = all.iter().filter(|c| c.is_suppressed).collect();
    assert_eq!(suppressed, [found("none@example.com")]);
    let names = book.store.contact_field_names(&lane.list).await.unwrap();
    assert_eq!(names, BTreeSet::from(["city".to_owned(), "job".to_owned()]));
}

async fn partners_are_read_page_by_page_as_a_file_would_name_them(book: Book) {
    let program = book.program().await;
    book.lanes(&program.vendor, 7).await;
    let stranger = book.store.add_vendor("Contoso", "test", NOW).await.unwrap().row.id;
    assert!(book.store.partners_page(&stranger, "", 10).await.unwrap().is_empty());
    let mut all: Vec<store::PartnerInput> = Vec::new();
    loop {
        let after = all.last().map(|partner| partner.partner_key.clone()).unwrap_or_default();
        let page = book.store.partners_page(&program.vendor, &after, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    let known = book.store.partners(&program.vendor).await.unwrap();
    assert_eq!(all.len(), 7);
    for (exported, known) in all.iter().zip(&known) {
        assert_eq!(exported.partner_key, known.partner_key);
        let brand = book.store.partner_brand(&known.id).await.unwrap().unwrap();
        assert_eq!((exported.brand.clone(), exported.sender.clone()), brand);
    }
}
