use std::collections::HashMap;

use domain::{ContentHash, EventId, EventKind, HashScope, SendId};
use store::{PublishInput, Wish, reason};

use crate::builder::{Book, NOW, Program};

on_both_engines!(
    a_refused_topic_is_skipped_wherever_it_is_decided,
    less_mail_is_kept_once_and_taken_back,
    only_one_s_own_word_is_taken_back,
    an_unknown_send_has_no_preferences
);

impl Book {
    /// A package about something, to be launched.
    async fn about(&self, vendor: &domain::VendorId, slug: &str, topic: &str) -> Program {
        let blob = slug.as_bytes();
        let input = PublishInput {
            vendor,
            slug,
            name: slug,
            hash: &ContentHash::of(blob),
            blob,
            topic,
            topic_name: &format!("\"About {topic}\""),
            state: domain::VersionState::Published,
            who: "test",
            now: NOW,
        };
        let row = self.store.add_version(&input).await.unwrap().row;
        Program { vendor: vendor.clone(), package: row.package_id, version: row.id }
    }
}

async fn a_refused_topic_is_skipped_wherever_it_is_decided(book: Book) {
    let vendor = book.program().await.vendor;
    let program = book.about(&vendor, "tips-for-spring", "tips").await;
    let lanes = book.lanes(&vendor, 2).await;
    for lane in &lanes {
        book.contacts(lane, "a", 1).await;
    }
    let ids = book.launch(&program, &lanes).await;
    for id in &ids {
        book.expand(*id, &["hello", "remind"]).await;
    }
    let fed = book.feed(1, 1, &HashMap::new()).await.sends;
    let own = usize::from(fed[0].activation != ids[0]);
    assert_eq!(fed[0].topic, "tips");
    let wish = Wish::Topics { wanted: vec![], refused: vec!["tips".to_owned()] };
    let done = book.store.set_preferences(fed[0].send, &wish, "page", NOW).await.unwrap().unwrap();
    let mark = fed[0].hash_company.about(&fed[0].partner, "tips");
    assert_eq!((done.suppressed.as_slice(), done.lifted.len()), ([mark.clone()].as_slice(), 0));
    // What was still due is skipped at once; what is on the belt is the belt's.
    assert_eq!(book.counts(ids[own]).await["skipped:suppressed_topic"], 1);
    // Another partner's mail about the same goes on.
    assert!(!book.counts(ids[1 - own]).await.contains_key("skipped:suppressed_topic"));
    // The belt hears the same when it opens.
    let told = book.store.suppressions_since(NOW).await.unwrap();
    assert_eq!(told.iter().map(|row| row.mark()).collect::<Vec<_>>(), [mark]);
    // Another package about the same: decided when it is expanded, also in the last pass.
    let same = book.about(&vendor, "tips-for-autumn", "tips").await;
    let other = book.about(&vendor, "events-in-spring", "events").await;
    for (program, state) in [(same, "skipped:suppressed_topic"), (other, "due")] {
        let id = book.launch(&program, &lanes[own..=own]).await[0];
        assert_eq!(book.expand_chunk(id, &["hello"], 500).await, 1);
        assert_eq!(book.counts(id).await[state], 1);
        let mut changed = book.contact(&lanes[own], "a0@example.com");
        changed.first_name = format!("Anna {id}");
        let (company, list) = (&lanes[own].company, &lanes[own].list);
        book.store.upsert_contacts(company, list, &[changed], NOW).await.unwrap();
        let mut tx = book.store.begin_write().await.unwrap();
        let activation = tx.begin_expand(id).await.unwrap().unwrap();
        let late = tx.late_contacts(&activation, domain::ContactId::new(0), 10).await.unwrap();
        assert_eq!((late.len(), late[0].suppressed_topic), (1, state != "due"));
    }
}

async fn less_mail_is_kept_once_and_taken_back(book: Book) {
    let vendor = book.program().await.vendor;
    let program = book.about(&vendor, "tips-for-spring", "tips").await;
    let lane = book.lanes(&vendor, 1).await.remove(0);
    book.contacts(&lane, "a", 1).await;
    let id = book.launch(&program, std::slice::from_ref(&lane)).await[0];
    book.expand(id, &["hello"]).await;
    let send = book.feed_all().await.sends.remove(0);
    let refuse = Wish::Topics { wanted: vec![], refused: vec!["tips".to_owned()] };
    for _ in 0..2 {
        book.store.set_preferences(send.send, &refuse, "page", NOW).await.unwrap().unwrap();
    }
    let seen = book.store.preferences(send.send).await.unwrap().unwrap();
    assert_eq!((seen.topics.len(), seen.topics[0].is_refused), (1, true));
    assert_eq!(seen.topics[0].name, "\"About tips\"");
    for wish in [Wish::NothingOfCompany, Wish::NothingOfVendor] {
        book.store.set_preferences(send.send, &wish, "page", NOW).await.unwrap().unwrap();
    }
    let seen = book.store.preferences(send.send).await.unwrap().unwrap();
    assert_eq!(seen.company_refused.as_deref(), Some(reason::UNSUBSCRIBED));
    assert_eq!(seen.vendor_refused.as_deref(), Some(reason::UNSUBSCRIBED));
    let want = Wish::Topics { wanted: vec!["tips".to_owned()], refused: vec![] };
    let done = book.store.set_preferences(send.send, &want, "page", NOW).await.unwrap().unwrap();
    assert_eq!(done.lifted.len(), 3);
    let seen = book.store.preferences(send.send).await.unwrap().unwrap();
    assert_eq!((seen.company_refused, seen.vendor_refused), (None, None));
    assert!(!seen.topics[0].is_refused);
    // One message, one event, however often the mind was changed.
    let events = book.store.events(Some(id), None, EventId::new(0), 10).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Unsubscribed]);
}

async fn only_one_s_own_word_is_taken_back(book: Book) {
    let (_, lane, _) = book.running(1).await;
    let send = book.feed_all().await.sends.remove(0);
    let scope = HashScope::Company(&lane.company);
    let hashes = std::slice::from_ref(&send.hash_company);
    book.store.add_suppressions(scope, hashes, reason::MANUAL, "ops", NOW).await.unwrap();
    let want = Wish::Topics { wanted: vec![], refused: vec![] };
    let done = book.store.set_preferences(send.send, &want, "page", NOW).await.unwrap().unwrap();
    assert!(done.lifted.is_empty());
    assert!(book.store.find_suppression(scope, &send.hash_company).await.unwrap().is_some());
}

async fn an_unknown_send_has_no_preferences(book: Book) {
    assert_eq!(book.store.preferences(SendId::new(77)).await.unwrap(), None);
    let wish = Wish::NothingOfVendor;
    let done = book.store.set_preferences(SendId::new(77), &wish, "page", NOW).await.unwrap();
    assert_eq!(done, None);
}
