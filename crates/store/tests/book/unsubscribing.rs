use domain::{EventId, EventKind, HashScope, SendId};
use store::reason;

use crate::builder::{Book, NOW};

on_both_engines!(an_unsubscribe_is_kept_once_and_stops_what_is_due, an_unknown_send_is_nobody);

async fn an_unsubscribe_is_kept_once_and_stops_what_is_due(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 2).await;
    let mut ids = Vec::new();
    for lane in &lanes {
        book.contacts(lane, "a", 2).await;
    }
    for id in book.launch(&program, &lanes).await {
        book.expand(id, &["hello", "remind"]).await;
        ids.push(id);
    }
    let fed = book.feed(8, 1, &std::collections::HashMap::new()).await.sends;
    let send = &fed[0];
    let own = if send.activation == ids[0] { 0 } else { 1 };
    let first = book.store.unsubscribe(send.send, "one-click", NOW).await.unwrap().unwrap();
    assert!(first.is_new);
    assert_eq!(first.skipped, 1);
    let again = book.store.unsubscribe(send.send, "one-click", NOW).await.unwrap().unwrap();
    assert_eq!((again.is_new, again.skipped), (false, 0));
    let scope = HashScope::Company(&lanes[own].company);
    let kept = book.store.find_suppression(scope, &send.hash_company).await.unwrap().unwrap();
    assert_eq!((kept.reason.as_str(), kept.source.as_str()), (reason::UNSUBSCRIBED, "one-click"));
    assert_eq!(book.counts(ids[own]).await["skipped:suppressed_company"], 1);
    assert!(
        !book.counts(ids[1 - own]).await.contains_key("skipped:suppressed_company"),
        "another company's mail goes on"
    );
    let events = book.store.events(Some(ids[own]), None, EventId::new(0), 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].kind, events[0].send), (EventKind::Unsubscribed, send.send));
}

async fn an_unknown_send_is_nobody(book: Book) {
    assert_eq!(book.store.unsubscribe(SendId::new(77), "one-click", NOW).await.unwrap(), None);
    assert_eq!(book.store.send(SendId::new(77)).await.unwrap(), None);
}
