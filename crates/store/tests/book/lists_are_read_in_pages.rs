//! Lists, a page at a time: every row once, whatever comes in meanwhile.

use std::collections::BTreeSet;

use domain::{ActivationState, HashScope, VersionState, activation::ActivationCommand};
use store::{PublishInput, Walk};

use crate::builder::{Book, NOW, partner_input};

on_both_engines!(
    partners_come_once_each_while_others_join,
    activations_come_newest_first_by_whose_they_are_and_how_they_stand,
    packages_and_versions_hide_what_partners_have_not_seen,
    one_activation_is_summed_up_alone,
    suppressing_says_what_is_new_and_leaves_a_word,
);

async fn partners_come_once_each_while_others_join(book: Book) {
    let program = book.program().await;
    book.lanes(&program.vendor, 11).await;
    let stranger = book.store.add_vendor("Contoso", "test", NOW).await.unwrap().row.id;
    book.lanes(&stranger, 3).await;
    for walk in [Walk::All, Walk::Vendor(&program.vendor)] {
        let before: BTreeSet<String> = {
            let rows = book.store.partner_rows(walk, None, None, 1_000).await.unwrap();
            rows.into_iter().map(|row| row.id.to_string()).collect()
        };
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = book.store.partner_rows(walk, None, after.as_ref(), 4).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 4);
            after = Some(last.id.clone());
            seen.extend(page.into_iter().map(|row| row.id.to_string()));
            let more = partner_input(&format!("late{}-{walk:?}", seen.len()));
            if seen.len() < 9 {
                book.store.upsert_partners(&stranger, &[more], "test", NOW).await.unwrap();
            }
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "{walk:?}: no repeats");
        assert!(before.is_subset(&once), "{walk:?}: all that was there");
    }
    let mut silver = partner_input("p3");
    silver.tier = "Silver".to_owned();
    book.store.upsert_partners(&program.vendor, &[silver], "test", NOW).await.unwrap();
    let company = {
        let of =
            |tier| book.store.partner_rows(Walk::Vendor(&program.vendor), Some(tier), None, 100);
        assert_eq!(of("Gold").await.unwrap().len(), 10);
        let silver = of("Silver").await.unwrap();
        assert_eq!((silver.len(), silver[0].partner_key.as_str()), (1, "p3"));
        assert!(of("gold").await.unwrap().is_empty());
        silver[0].company_id.clone()
    };
    let own = async |vendor, tier| {
        let walk = Walk::Company(&company, vendor);
        book.store.partner_rows(walk, tier, None, 100).await.unwrap().len()
    };
    assert_eq!(own(None, None).await, 1);
    assert_eq!(own(Some(&program.vendor), Some("Silver")).await, 1);
    assert_eq!(own(Some(&program.vendor), Some("Gold")).await, 0);
    assert_eq!(own(Some(&stranger), None).await, 0);
    assert_eq!(book.store.partners_of_company(&company).await.unwrap().len(), 1);
    assert_eq!(book.store.partner_rows(Walk::All, Some("Silver"), None, 9).await.unwrap().len(), 1);
}

async fn activations_come_newest_first_by_whose_they_are_and_how_they_stand(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 7).await;
    let ids = book.launch(&program, &lanes).await;
    for id in &ids[..3] {
        book.store.change_activation(*id, ActivationCommand::Pause, "test", NOW).await.unwrap();
    }
    let stranger = book.store.add_vendor("Contoso", "test", NOW).await.unwrap().row.id;
    let company = &lanes[2].company;
    let rows = async |walk, state| {
        let mut all = Vec::new();
        let mut before = None;
        loop {
            let page = book.store.activation_rows(walk, state, before, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.activation.id);
            all.extend(page.into_iter().map(|row| row.activation.id));
        }
        all
    };
    let newest_first: Vec<_> = ids.iter().rev().copied().collect();
    let paused = Some(ActivationState::Paused);
    for walk in [Walk::All, Walk::Vendor(&program.vendor)] {
        assert_eq!(rows(walk, None).await, newest_first);
        assert_eq!(rows(walk, paused).await, newest_first[4..]);
        assert!(rows(walk, Some(ActivationState::Recalled)).await.is_empty());
    }
    assert_eq!(rows(Walk::Company(company, None), None).await, [ids[2]]);
    assert_eq!(rows(Walk::Company(company, Some(&program.vendor)), paused).await, [ids[2]]);
    assert!(rows(Walk::Company(company, Some(&stranger)), None).await.is_empty());
    assert!(rows(Walk::Vendor(&stranger), None).await.is_empty());
}

async fn packages_and_versions_hide_what_partners_have_not_seen(book: Book) {
    let program = book.program().await;
    let company = book.lanes(&program.vendor, 1).await.remove(0).company;
    let hash = domain::ContentHash::of(b"draft");
    for slug in ["launch", "secret"] {
        let draft = PublishInput {
            vendor: &program.vendor,
            slug,
            name: "A draft",
            hash: &hash,
            blob: b"draft",
            topic: "",
            topic_name: "\"\"",
            state: VersionState::Draft,
            who: "test",
            now: NOW,
        };
        book.store.add_version(&draft).await.unwrap();
    }
    let slugs = async |walk| {
        let rows = book.store.package_rows(walk, None, 100).await.unwrap();
        rows.into_iter().map(|row| row.slug).collect::<BTreeSet<_>>()
    };
    let both = BTreeSet::from(["launch".to_owned(), "secret".to_owned()]);
    assert_eq!(slugs(Walk::All).await, both);
    assert_eq!(slugs(Walk::Vendor(&program.vendor)).await, both);
    assert_eq!(slugs(Walk::Company(&company, None)).await, BTreeSet::from(["launch".to_owned()]));
    let first = book.store.package_rows(Walk::All, None, 1).await.unwrap().remove(0);
    let rest = book.store.package_rows(Walk::All, Some(&first.id), 5).await.unwrap();
    assert_eq!((rest.len(), rest[0].id != first.id), (1, true));
    assert_eq!(book.store.package(&first.id).await.unwrap(), Some(first));
    let numbers = async |with_drafts, before| {
        let rows = book.store.version_rows(&program.package, with_drafts, before, 5).await.unwrap();
        rows.into_iter().map(|row| row.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(true, None).await, [2, 1]);
    assert_eq!(numbers(true, Some(2)).await, [1]);
    assert_eq!(numbers(false, None).await, [1]);
}

async fn one_activation_is_summed_up_alone(book: Book) {
    let (_, _, id) = book.running(3).await;
    let (summary, by_step) = book.store.activation_summary(id).await.unwrap().unwrap();
    assert_eq!((summary.activation.id, summary.counts.due, summary.counts.total()), (id, 3, 3));
    assert_eq!(by_step.iter().map(|count| count.count).sum::<i64>(), 3);
    let unsent = book.store.unsent_counts(id).await.unwrap();
    let unsent: Vec<_> = unsent.into_iter().filter(|(_, sends)| *sends > 0).collect();
    assert_eq!(unsent, [(domain::SendState::Due, 3)]);
    assert_eq!((summary.partner_key.as_str(), summary.package_slug.as_str()), ("p0", "launch"));
    let other = domain::ActivationId::new(id.get() + 1);
    assert!(book.store.activation_summary(other).await.unwrap().is_none());
}

async fn suppressing_says_what_is_new_and_leaves_a_word(book: Book) {
    let program = book.program().await;
    let scope = HashScope::Vendor(&program.vendor);
    let hash = |text: &str| book.key.hash_text(scope, text);
    let two = [hash("a@example.com"), hash("b@example.com")];
    let suppress = async |hashes: &[_]| {
        book.store.suppress(scope, hashes, "manual", "somebody", NOW).await.unwrap()
    };
    assert_eq!(suppress(&two).await, 2);
    let rows = book.store.audit(1).await.unwrap();
    assert_eq!(
        (rows[0].action.as_str(), rows[0].subject.as_str()),
        ("suppress", program.vendor.as_str())
    );
    assert_eq!((rows[0].who.as_str(), rows[0].detail.as_str()), ("somebody", "2 as manual"));
    assert_eq!(suppress(&two).await, 0);
    assert_eq!(suppress(&[two[0].clone(), hash("c@example.com")]).await, 1);
    let said = book.store.audit(50).await.unwrap();
    assert_eq!(
        said.iter().filter(|row| row.action == "suppress").count(),
        2,
        "nothing new, no word"
    );
}
