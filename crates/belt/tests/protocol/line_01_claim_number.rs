//! Every hand-out has a number, never used again; a job moves only under it.

use std::{collections::HashSet, time::Duration};

use belt::Place;

use crate::stage::{Stage, deferred, done, job, jobs, sends};

/// Worker `a` claims send 1 and dies; the send waits at the front of its lane again.
async fn died_holding(stage: &mut Stage) -> (crate::stage::Worker, belt::ClaimedMeta) {
    stage.push(&[job(1, 1)]).await;
    let mut a = stage.worker("a").await;
    let held = a.one().await;
    stage.pass(Duration::from_secs(7)).await;
    stage.belt.sweep().await.expect("swept");
    assert_eq!(stage.place(1).await, Place::Lane);
    (a, held)
}

#[tokio::test]
async fn numbers_are_never_used_again() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..20, 1)).await;
    let mut seen = HashSet::new();
    let mut worker = stage.worker("a").await;
    for _ in 0..5 {
        for meta in worker.claim(7).await {
            assert!(seen.insert(meta.claim), "{} was used twice", meta.claim);
            assert_eq!(worker.give_back(&meta, false, 0).await, "1");
        }
    }
    stage.epoch(2, belt::OpenWith::default()).await;
    stage.push(&jobs(1..20, 1)).await;
    for meta in stage.worker("a").await.claim(7).await {
        assert!(seen.insert(meta.claim), "{} was used twice", meta.claim);
    }
}

#[tokio::test]
async fn what_is_not_in_flight_under_the_number_does_not_move() {
    let mut stage = Stage::open().await;
    let (a, old) = died_holding(&mut stage).await;
    let mut b = stage.worker("b").await;
    let now = b.one().await;
    assert!(now.claim > old.claim);

    assert_eq!(b.mark(&old).await, "gone");
    assert_eq!(a.give_back(&old, false, 0).await, "0");
    a.complete(&old, deferred()).await;
    assert!(matches!(stage.place(1).await, Place::Hand { .. }), "it stays with b");
    assert_eq!(stage.outcomes().await.len(), 1, "the event is appended all the same");

    assert!(b.mark(&now).await.starts_with("go "));
    b.complete(&now, deferred()).await;
    assert_eq!(stage.place(1).await, Place::Nowhere);
}

#[tokio::test]
async fn a_late_done_takes_the_job_off_its_lane() {
    let mut stage = Stage::open().await;
    let (a, old) = died_holding(&mut stage).await;
    a.complete(&old, done()).await;
    assert_eq!(stage.place(1).await, Place::Nowhere);
    assert!(sends(&stage.worker("b").await.claim(10).await).is_empty());
    assert_eq!(stage.belt.status().await.expect("status").queued, 0);
}

#[tokio::test]
async fn a_late_done_takes_it_out_of_hands_that_have_not_marked() {
    let mut stage = Stage::open().await;
    let (a, old) = died_holding(&mut stage).await;
    let mut b = stage.worker("b").await;
    let now = b.one().await;
    a.complete(&old, done()).await;
    assert_eq!(stage.place(1).await, Place::Nowhere);
    assert_eq!(b.mark(&now).await, "gone");
}

#[tokio::test]
async fn a_late_done_leaves_it_in_hands_that_have_marked() {
    let mut stage = Stage::open().await;
    let (a, old) = died_holding(&mut stage).await;
    let mut b = stage.worker("b").await;
    let now = b.one().await;
    assert!(b.mark(&now).await.starts_with("go "));
    a.complete(&old, done()).await;
    assert!(matches!(stage.place(1).await, Place::Hand { marked: true, .. }));
    b.complete(&now, done()).await;
    assert_eq!(stage.outcomes().await.len(), 2, "both are on record, and shown as a duplicate");
}
