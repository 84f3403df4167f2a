//! What is queued in the book and nowhere else is found without doubling what is on its way.

use std::time::Duration;

use belt::{Error, OpenWith, Place};

use crate::stage::{FENCE, Stage, done, job, jobs};

#[tokio::test]
async fn a_send_whose_outcome_is_in_the_stream_is_seen_by_waiting_for_the_tail() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..4, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    worker.complete(&held, done()).await;
    // The book still says queued for 1 (in the stream), 2 (on the lane) and 9 (lost).
    let candidates = [1, 2, 9].map(domain::SendId::new);
    let places = stage.belt.find(&candidates).await.expect("found");
    assert_eq!(places, [Place::Nowhere, Place::Lane, Place::Nowhere]);
    let tail = stage.belt.stream_tail().await.expect("known");
    assert!(stage.belt.committed().await.expect("known") < tail, "the recorder is behind: wait");
    let read =
        stage.belt.read_outcomes(stage.belt.committed().await.expect("known"), 10, Duration::ZERO);
    let read = read.await.expect("readable");
    assert_eq!(read.last().expect("one").id, tail);
    stage.belt.commit(tail).await.expect("committed");
    assert!(stage.belt.committed().await.expect("known") >= tail, "past it: read the book again");
    // 1 is done in the book by now; only 9 is pushed.
    assert_eq!(stage.push(&[job(9, 1)]).await.pushed, 1);
    assert_eq!(
        stage.belt.stream_tail().await.expect("known"),
        tail,
        "also when all of it is trimmed"
    );
}

#[tokio::test]
async fn what_is_delayed_or_in_a_hand_is_found() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..4, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(3).await;
    worker.give_back(&held[0], false, 2_000).await;
    worker.mark(&held[1]).await;
    assert_eq!(stage.place(1).await, Place::Delayed);
    let name = belt::WorkerName::new("a");
    assert_eq!(stage.place(2).await, Place::Hand { worker: name.clone(), marked: true });
    assert_eq!(stage.place(3).await, Place::Hand { worker: name, marked: false });
}

/// A push was held up on its way, its send was put back, went and is ended.
#[tokio::test]
async fn a_push_that_was_held_up_comes_too_late_once_its_send_was_put_back() {
    let mut stage = Stage::open().await;
    let chosen = stage.belt.round().await.expect("known");
    let round = stage.belt.begin_round(1, FENCE).await.expect("begun");
    stage.belt.push_in(round, &[job(1, 1)], FENCE).await.expect("put back");
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    worker.complete(&held, done()).await;
    let late = stage.belt.push_in(chosen, &[job(1, 1)], FENCE).await;
    assert!(matches!(late, Err(Error::Overtaken)), "{late:?}");
    assert_eq!(stage.place(1).await, Place::Nowhere);
    // Nor does it find its way into another epoch, whose reports it has not waited for.
    stage.epoch(2, OpenWith::default()).await;
    let late = stage.belt.push_in(round, &[job(1, 1)], FENCE).await;
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
}
