//! Outcomes say enough to be merged in any order, however often they are repeated.

use std::time::Duration;

use domain::{SendState, UtcMillis, merge};

use crate::stage::{Stage, deferred, done, job};

#[tokio::test]
async fn a_repeat_is_one_event_and_order_does_not_matter() {
    let mut stage = Stage::open().await;
    stage.push(&[job(1, 1)]).await;
    let mut a = stage.worker("a").await;
    let first = a.one().await;
    a.mark(&first).await;
    stage.pass(Duration::from_secs(7)).await;
    stage.belt.sweep().await.expect("swept");
    // Unknown is on record; the book makes it due again and it goes once more.
    stage.push(&[job(1, 1)]).await;
    let mut b = stage.worker("b").await;
    let second = b.one().await;
    b.complete(&second, deferred()).await;
    b.complete(&second, deferred()).await;
    a.complete(&first, done()).await;
    let records = stage.outcomes().await;
    assert_eq!(records.len(), 4, "unknown, deferred twice, done");
    assert!(records.iter().any(|r| r.claim == first.claim && r.outcome.label() == "done"));

    let fresh = merge::SendStatus {
        not_before: None,
        state: SendState::Queued,
        reason: String::new(),
        due_at: UtcMillis::default(),
        claim: None,
        accepted_claim: None,
        attempts: 0,
        duplicates: 0,
        first_fed_at: None,
    };
    let give_up = merge::GiveUp { after: Duration::from_secs(345_600) };
    let mut told = std::collections::HashSet::new();
    let events: Vec<_> = records.iter().filter(|r| told.insert((r.send, r.claim))).collect();
    assert_eq!(events.len(), 3, "a late done is an event of its own beside the belt's unknown");
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let end = order.iter().fold(fresh.clone(), |status, at| {
            merge::merge(&status, events[*at], UtcMillis::new(1_767_225_600_000), give_up)
        });
        assert_eq!((end.state, end.duplicates), (SendState::Sent, 0), "{order:?}");
    }
}
