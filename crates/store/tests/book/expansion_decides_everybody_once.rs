use std::collections::BTreeMap;

use domain::{ActivationState, ContactId, HashScope, activation::ActivationCommand};
use store::reason;

use crate::builder::{Book, NOW};

on_both_engines!(
    every_contact_ends_with_one_reason_and_counts_add_up,
    a_repeated_chunk_is_absorbed,
    what_was_written_during_the_expansion_is_decided_in_the_last_pass,
    a_paused_activation_is_not_expanded,
    a_person_in_two_lists_is_one_person,
    an_audience_of_nobody_completes_at_once,
);

async fn every_contact_ends_with_one_reason_and_counts_add_up(book: Book) {
    let program = book.program().await;
    let lane = book.lanes(&program.vendor, 1).await.remove(0);
    let inputs = book.contacts(&lane, "a", 20).await;
    let mut odd =
        vec![book.contact(&lane, "not an address"), book.contact(&lane, "noconsent@example.com")];
    odd[1].consent = None;
    book.store.upsert_contacts(&lane.company, &lane.list, &odd, NOW).await.unwrap();
    let vendor = HashScope::Vendor(&program.vendor);
    let suppressions = [
        (HashScope::Everywhere, inputs[0].hash_everywhere.clone(), reason::HARD_BOUNCE),
        (HashScope::Everywhere, inputs[1].hash_everywhere.clone(), reason::MANUAL),
        (vendor, book.key.hash_text(vendor, &inputs[2].address), reason::MANUAL),
        (HashScope::Company(&lane.company), inputs[3].hash_company.clone(), reason::UNSUBSCRIBED),
    ];
    for (scope, hash, why) in suppressions {
        book.store.add_suppressions(scope, &[hash], why, "test", NOW).await.unwrap();
    }

    let id = book.launch(&program, std::slice::from_ref(&lane)).await[0];
    let expanded = book.expand(id, &["hello", "remind"]).await;
    assert_eq!(expanded.audience, 22);
    assert_eq!(expanded.state, ActivationState::Running);
    let expected: BTreeMap<String, i64> = [
        ("due", 32),
        ("skipped:bad_address", 4),
        ("skipped:suppressed_everywhere", 2),
        ("skipped:suppressed_vendor", 2),
        ("skipped:suppressed_company", 2),
        ("skipped:no_consent", 2),
    ]
    .into_iter()
    .map(|(name, count)| (name.to_owned(), count))
    .collect();
    assert_eq!(book.counts(id).await, expected);
    let summary = book.store.activation_summaries(Some(&program.vendor)).await.unwrap().remove(0);
    assert_eq!(summary.counts.total(), 2 * expanded.audience);
    assert_eq!(summary.activation.audience, Some(22));
    let partner = book.store.partner_summaries(&program.vendor).await.unwrap().remove(0);
    assert_eq!(partner.counts, summary.counts);
}

async fn a_repeated_chunk_is_absorbed(book: Book) {
    let program = book.program().await;
    let lane = book.lanes(&program.vendor, 1).await.remove(0);
    book.contacts(&lane, "a", 50).await;
    let id = book.launch(&program, std::slice::from_ref(&lane)).await[0];
    for _ in 0..2 {
        let mut tx = book.store.begin_write().await.unwrap();
        let mut activation = tx.begin_expand(id).await.unwrap().unwrap();
        activation.expand_cursor = ContactId::new(0);
        let contacts = tx.audience_chunk(&activation, 100).await.unwrap();
        assert_eq!(contacts.len(), 50);
        book.decide_into(&mut tx, &activation, &contacts, &["hello"]).await;
        tx.commit().await.unwrap();
    }
    assert_eq!(book.counts(id).await["due"], 50);
    // A chunk that was given up leaves nothing behind.
    let mut tx = book.store.begin_write().await.unwrap();
    let activation = tx.begin_expand(id).await.unwrap().unwrap();
    let contacts = tx.audience_chunk(&activation, 100).await.unwrap();
    assert_eq!(book.decide_into(&mut tx, &activation, &contacts, &["other"]).await, 50);
    drop(tx);
    assert_eq!(book.counts(id).await["due"], 50);
}

async fn what_was_written_during_the_expansion_is_decided_in_the_last_pass(book: Book) {
    let program = book.program().await;
    let lane = book.lanes(&program.vendor, 1).await.remove(0);
    book.contacts(&lane, "a", 10).await;
    let id = book.launch(&program, std::slice::from_ref(&lane)).await[0];
    assert_eq!(book.expand_chunk(id, &["hello"], 10).await, 10);
    // A changed contact behind the cursor and a new one; ids of several importers are in no order.
    let mut changed = book.contact(&lane, "a3@example.com");
    changed.first_name = "Another".to_owned();
    let new = book.contact(&lane, "late@example.com");
    book.store.upsert_contacts(&lane.company, &lane.list, &[changed, new], NOW).await.unwrap();
    let mut tx = book.store.begin_write().await.unwrap();
    let mut activation = tx.begin_expand(id).await.unwrap().unwrap();
    // As if the new contact had an id the cursor has passed.
    activation.expand_cursor = ContactId::new(i64::MAX);
    assert!(tx.audience_chunk(&activation, 10).await.unwrap().is_empty());
    let late = tx.late_contacts(&activation, ContactId::new(0), 10).await.unwrap();
    let addresses: Vec<&str> = late.iter().map(|contact| contact.address.as_str()).collect();
    assert_eq!(addresses, ["a3@example.com", "late@example.com"]);
    assert_eq!(tx.late_contacts(&activation, late[0].contact, 10).await.unwrap(), late[1..]);
    assert_eq!(book.decide_into(&mut tx, &activation, &late, &["hello"]).await, 1);
    assert_eq!(tx.finish_expand(id, NOW).await.unwrap().audience, 11);
    tx.commit().await.unwrap();
}

async fn a_paused_activation_is_not_expanded(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 1).await;
    book.contacts(&lanes[0], "a", 3).await;
    let id = book.launch(&program, &lanes).await[0];
    book.store.change_activation(id, ActivationCommand::Pause, "test", NOW).await.unwrap();
    assert!(book.store.activations_to_expand(10).await.unwrap().is_empty());
    let mut tx = book.store.begin_write().await.unwrap();
    assert_eq!(tx.begin_expand(id).await.unwrap(), None);
    tx.rollback().await.unwrap();
    let resumed =
        book.store.change_activation(id, ActivationCommand::Resume, "test", NOW).await.unwrap();
    assert_eq!(resumed.activation.state, ActivationState::Scheduled);
    assert_eq!(book.store.activations_to_expand(10).await.unwrap().len(), 1);
}

async fn a_person_in_two_lists_is_one_person(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 2).await;
    for lane in &lanes {
        book.contacts(lane, "a", 3).await;
    }
    let mut persons = Vec::new();
    for id in book.launch(&program, &lanes).await {
        let mut tx = book.store.begin_write().await.unwrap();
        let activation = tx.begin_expand(id).await.unwrap().unwrap();
        let contacts = tx.audience_chunk(&activation, 10).await.unwrap();
        let hashes: Vec<_> =
            contacts.iter().map(|contact| book.vendor_hash(&activation, contact)).collect();
        let mut twice = hashes.clone();
        twice.extend(hashes);
        let found = tx.ensure_persons(&activation.vendor_id, &twice).await.unwrap();
        assert_eq!(found[..3], found[3..]);
        persons.push(found);
        tx.commit().await.unwrap();
    }
    assert_eq!(persons[0], persons[1]);
}

async fn an_audience_of_nobody_completes_at_once(book: Book) {
    let program = book.program().await;
    let lane = book.lanes(&program.vendor, 1).await.remove(0);
    let mut contact = book.contact(&lane, "x@example.com");
    contact.consent = None;
    book.store.upsert_contacts(&lane.company, &lane.list, &[contact], NOW).await.unwrap();
    let id = book.launch(&program, std::slice::from_ref(&lane)).await[0];
    let expanded = book.expand(id, &["hello"]).await;
    assert_eq!((expanded.audience, expanded.state), (1, ActivationState::Completed));
}
