use std::{collections::HashMap, time::Duration};

use domain::{HashScope, SendState, activation::ActivationCommand};
use store::{FeedWindow, OpenSends, reason};

use crate::builder::{Book, NOW};

on_both_engines!(
    empty_lanes_come_first_and_no_lane_is_overfilled,
    lanes_behind_those_on_the_belt_fill_the_batch,
    a_fed_send_carries_what_its_job_needs_and_is_fed_once,
    who_was_suppressed_meanwhile_is_skipped_for_that_reason,
    paused_and_cancelled_activations_are_not_fed,
    what_is_not_due_yet_waits,
    two_that_feed_at_once_share_the_sends,
);

async fn empty_lanes_come_first_and_no_lane_is_overfilled(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 3).await;
    for (lane, count) in lanes.iter().zip([100, 20, 20]) {
        book.contacts(lane, "a", count).await;
    }
    for id in book.launch(&program, &lanes).await {
        book.expand(id, &["hello"]).await;
    }
    let count = |fed: &store::Fed, n: usize| {
        fed.sends.iter().filter(|send| send.partner == lanes[n].partner).count()
    };
    let at = |n: usize, provider: &str, count: usize| {
        ((lanes[n].partner.clone(), provider.to_owned()), count)
    };
    let on_belt = HashMap::from([at(0, "example.com", 15), at(1, "example.com", 5)]);
    let fed = book.feed(20, 30, &on_belt).await;
    assert_eq!((count(&fed, 0), count(&fed, 1), count(&fed, 2)), (5, 10, 10));
    assert_eq!(
        fed.sends[0].partner, lanes[2].partner,
        "the lane with nothing on the belt is first"
    );
    let on_belt = HashMap::from([at(0, "example.com", 20), at(1, "example.com", 15)]);
    let fed = book.feed(20, 8, &on_belt).await;
    assert_eq!((count(&fed, 0), count(&fed, 2)), (0, 8), "a full lane gets nothing");
}

async fn lanes_behind_those_on_the_belt_fill_the_batch(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 8).await;
    for lane in &lanes {
        book.contacts(lane, "a", 1).await;
    }
    for id in book.launch(&program, &lanes).await {
        book.expand(id, &["hello"]).await;
    }
    let at = |n: usize| ((lanes[n].partner.clone(), "example.com".to_owned()), 1);
    let on_belt = HashMap::from([at(0), at(1)]);
    let fed = book.feed(20, 3, &on_belt).await;
    let partners: Vec<_> = fed.sends.iter().map(|send| &send.partner).collect();
    assert_eq!(partners, [&lanes[2].partner, &lanes[3].partner, &lanes[4].partner]);
}

async fn a_fed_send_carries_what_its_job_needs_and_is_fed_once(book: Book) {
    let (program, lane, id) = book.running(1).await;
    assert_eq!(book.store.next_due_at().await.unwrap(), Some(NOW));
    let oldest = book.store.oldest_due(NOW).await.unwrap().unwrap();
    let fed = book.feed_all().await;
    let send = &fed.sends[0];
    assert_eq!(oldest.send, send.send);
    assert_eq!((send.activation, &send.partner, &send.company), (id, &lane.partner, &lane.company));
    assert_eq!(
        (send.address.as_str(), send.last_name.as_str(), send.tier.as_str()),
        ("a0@example.com", "Ábel", "Gold")
    );
    assert_eq!((send.fields["city"].as_str(), send.attempts, send.first_fed_at), ("Wien", 0, NOW));
    let vendor_hash = book.key.hash_text(HashScope::Vendor(&program.vendor), "a0@example.com");
    assert_eq!(send.hash_vendor, vendor_hash);
    let shelf = book.store.shelf_source(id).await.unwrap().unwrap();
    assert_eq!((&shelf.version_hash, &shelf.revision), (&send.version_hash, &send.revision));
    assert_eq!(
        (shelf.vendor_name.as_str(), shelf.slots["greeting"].as_str()),
        ("Northwind", "Servus")
    );
    assert_eq!(shelf.sender.from_email, "news@p0.example.com");
    assert!(book.feed_all().await.sends.is_empty());
    let detail = book.store.send(send.send).await.unwrap().unwrap();
    assert_eq!((detail.state, detail.hash_company), (SendState::Queued, send.hash_company.clone()));
    let open = book.store.open_sends().await.unwrap();
    assert_eq!(open, OpenSends { due: 0, queued: 1, live_activations: 1 });
    assert_eq!(book.store.next_due_at().await.unwrap(), None);
}

async fn who_was_suppressed_meanwhile_is_skipped_for_that_reason(book: Book) {
    let (program, lane, id) = book.running(5).await;
    let hash = |scope, n: usize| vec![book.key.hash_text(scope, &format!("a{n}@example.com"))];
    let scopes = [
        (HashScope::Everywhere, reason::HARD_BOUNCE),
        (HashScope::Everywhere, reason::COMPLAINED),
        (HashScope::Vendor(&program.vendor), reason::MANUAL),
        (HashScope::Company(&lane.company), reason::UNSUBSCRIBED),
    ];
    for (n, (scope, why)) in scopes.into_iter().enumerate() {
        book.store.add_suppressions(scope, &hash(scope, n), why, "test", NOW).await.unwrap();
    }
    let fed = book.feed_all().await;
    assert_eq!((fed.sends.len(), fed.skipped), (1, 4));
    let counts = book.counts(id).await;
    for name in ["bad_address", "suppressed_everywhere", "suppressed_vendor", "suppressed_company"]
    {
        assert_eq!(counts[&format!("skipped:{name}")], 1, "{counts:?}");
    }
}

async fn paused_and_cancelled_activations_are_not_fed(book: Book) {
    let (_, _, id) = book.running(3).await;
    book.store.change_activation(id, ActivationCommand::Pause, "test", NOW).await.unwrap();
    assert!(book.feed_all().await.sends.is_empty());
    assert_eq!(book.store.next_due_at().await.unwrap(), None);
    assert_eq!(book.store.oldest_due(NOW).await.unwrap(), None);
    book.store.change_activation(id, ActivationCommand::Resume, "test", NOW).await.unwrap();
    assert_eq!(book.feed(10, 1, &HashMap::new()).await.sends.len(), 1);
    book.store.change_activation(id, ActivationCommand::Cancel, "test", NOW).await.unwrap();
    assert!(book.feed_all().await.sends.is_empty());
}

async fn what_is_not_due_yet_waits(book: Book) {
    let (_, _, _) = book.running(1).await;
    let early = NOW.minus(Duration::from_secs(31));
    let on_belt = HashMap::new();
    let until = early.plus(Duration::from_secs(30));
    let window = FeedWindow {
        now: early,
        until,
        per_lane: 10,
        per_provider: 1_000_000,
        total: 10,
        on_belt: &on_belt,
    };
    assert!(book.store.feed(&window).await.unwrap().sends.is_empty());
    let window = FeedWindow { until: NOW, ..window };
    assert_eq!(book.store.feed(&window).await.unwrap().sends.len(), 1);
}

async fn two_that_feed_at_once_share_the_sends(book: Book) {
    book.running(400).await;
    let on_belt = HashMap::new();
    let (one, other) = tokio::join!(book.feed(400, 400, &on_belt), book.feed(400, 400, &on_belt));
    let mut sends: Vec<_> = one.sends.iter().chain(&other.sends).map(|send| send.send).collect();
    sends.sort_unstable();
    let all = sends.len();
    sends.dedup();
    assert_eq!((sends.len(), all), (400, 400));
}
