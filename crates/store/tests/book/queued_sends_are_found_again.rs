use std::{collections::HashMap, time::Duration};

use domain::{
    HashScope, Outcome, SendState, UtcMillis, activation::ActivationCommand, outcome::Answer,
};
use store::{FeedWindow, reason};

use crate::builder::{Book, GIVE_UP, NOW, outcome};

on_both_engines!(
    queued_sends_are_walked_by_key_and_fed_again,
    what_moved_meanwhile_is_not_fed_again,
    what_was_fed_anew_meanwhile_is_not_put_back,
    queued_sends_go_back_or_are_held,
);

async fn queued_sends_are_walked_by_key_and_fed_again(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 3).await;
    for lane in &lanes {
        book.contacts(lane, "a", 10).await;
    }
    for id in book.launch(&program, &lanes).await {
        book.expand(id, &["hello"]).await;
    }
    let fed = book.feed_all().await.sends;
    assert!(
        book.store
            .queued_sends(NOW.minus(Duration::from_secs(10)), None, 50)
            .await
            .unwrap()
            .is_empty()
    );
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = book.store.queued_sends(UtcMillis::new(i64::MAX), after, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        found.extend(page.into_iter().map(|queued| queued.send));
    }
    found.sort_unstable();
    let mut expected: Vec<_> = fed.iter().map(|send| send.send).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let later = NOW.plus(Duration::from_secs(60));
    let again = book.store.requeue(&found, NOW, later).await.unwrap().sends;
    assert_eq!(again.len(), 30);
    assert_eq!(again[0].first_fed_at, NOW, "the date of the message stays");
    assert!(book.store.queued_sends(NOW, None, 50).await.unwrap().is_empty());
    assert_eq!(book.store.queued_sends(later, None, 50).await.unwrap().len(), 30);
}

async fn what_moved_meanwhile_is_not_fed_again(book: Book) {
    let (_, _, id) = book.running(3).await;
    let fed = book.feed_all().await.sends;
    let ids: Vec<_> = fed.iter().map(|send| send.send).collect();
    let done = outcome(&fed[0], 1, Outcome::Done(Answer::default()));
    book.store.record("outcomes", &[done], GIVE_UP).await.unwrap();
    let hash = std::slice::from_ref(&fed[1].hash_everywhere);
    book.store
        .add_suppressions(HashScope::Everywhere, hash, reason::COMPLAINED, "test", NOW)
        .await
        .unwrap();
    let again = book.store.requeue(&ids, NOW, NOW).await.unwrap();
    assert_eq!((again.sends.len(), again.skipped), (1, 1));
    assert_eq!(again.sends[0].send, ids[2]);
    book.store.change_activation(id, ActivationCommand::Pause, "test", NOW).await.unwrap();
    assert!(book.store.requeue(&ids, NOW, NOW).await.unwrap().sends.is_empty());
}

/// It was nowhere because it had come back; when its outcome was recorded it was due at once, and fed again. A worker may have sent it
/// since, and the book not know.
async fn what_was_fed_anew_meanwhile_is_not_put_back(book: Book) {
    book.running(2).await;
    let fed = book.feed_all().await.sends;
    let ids: Vec<_> = fed.iter().map(|send| send.send).collect();
    book.store.make_due(&ids[..1], NOW).await.unwrap();
    let later = NOW.plus(Duration::from_secs(11));
    let none = HashMap::new();
    let window = FeedWindow {
        now: later,
        until: later,
        per_lane: 10,
        per_provider: 10,
        total: 10,
        on_belt: &none,
    };
    assert_eq!(book.store.feed(&window).await.unwrap().sends.len(), 1);
    let again = book.store.requeue(&ids, NOW, later).await.unwrap().sends;
    assert_eq!(again.iter().map(|send| send.send).collect::<Vec<_>>(), ids[1..]);
}

async fn queued_sends_go_back_or_are_held(book: Book) {
    let (_, _, id) = book.running(3).await;
    let fed = book.feed_all().await.sends;
    let done = outcome(&fed[0], 1, Outcome::Done(Answer::default()));
    book.store.record("outcomes", &[done], GIVE_UP).await.unwrap();
    let later = NOW.plus(Duration::from_secs(5));
    assert_eq!(book.store.make_due(&[fed[0].send, fed[1].send], later).await.unwrap(), 1);
    assert_eq!(book.store.next_due_at().await.unwrap(), Some(later));
    assert_eq!(
        book.store.hold_sends(&[fed[0].send, fed[2].send], "unknown", NOW).await.unwrap(),
        1
    );
    let counts = book.counts(id).await;
    assert_eq!((counts["sent"], counts["due"], counts["held:unknown"]), (1, 1, 1));
    assert_eq!(book.store.send(fed[2].send).await.unwrap().unwrap().state, SendState::Held);
}
