//! What can't go within 30 s leaves the belt; shorter waits stay on it.

use std::time::Duration;

use belt::{BeltBackend, Claimed, OpenWith, Place, WorkerName, WorkerOptions};
use domain::{Outcome, outcome::NotNowReason};

use crate::{
    apalis_worker::{Numbered, run},
    stage::{Stage, job, jobs, limited, relay, sends},
};

#[tokio::test]
async fn a_short_wait_stays_on_the_belt_and_says_nothing_to_the_book() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..3, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    assert_eq!(worker.give_back(&held, false, 200).await, "1");
    assert_eq!(stage.place(1).await, Place::Delayed);
    assert_eq!(sends(&worker.claim(5).await), [2]);
    let answer = worker.call(5).await;
    assert!(answer.jobs.is_empty());
    assert_eq!(answer.retry, Duration::from_millis(200), "the answer says when to come back");
    stage.pass(Duration::from_millis(200)).await;
    assert_eq!(sends(&worker.claim(5).await), [1]);
    assert!(stage.outcomes().await.is_empty());
}

#[tokio::test]
async fn a_handler_decides_by_the_length_of_its_wait() {
    let stage = Stage::live().await;
    stage.push(&jobs(1..4, 1)).await;
    let options = WorkerOptions::new(WorkerName::new("a"), 3);
    let (backend, checkpoint) = BeltBackend::<Numbered>::start(stage.belt.clone(), options);
    let worker = run("a", backend, |job: Claimed<Numbered>| async move {
        let after = [29_999, 30_000, 60_000][usize::try_from(job.payload.n - 1).expect("small")];
        job.complete(Outcome::not_now(Duration::from_millis(after), NotNowReason::RelayDown)).await;
    });
    testkit::wait::wait_for("all three", Duration::from_secs(5), || async {
        let status = stage.belt.status().await.expect("status");
        (status.in_hand == 0 && status.queued == 0 && status.outcomes == 2).then_some(())
    })
    .await;
    assert_eq!(stage.place(1).await, Place::Delayed);
    assert_eq!(stage.place(2).await, Place::Nowhere);
    worker.stop().await;
    drop(checkpoint);
}

#[tokio::test]
async fn jobs_whose_limit_is_too_far_away_go_back_to_the_book() {
    let mut stage = Stage::open().await;
    let pushed: Vec<_> = (1..=60).map(|n| limited(job(n, 1), "1/min, burst 1")).collect();
    stage.push(&pushed).await;
    let mut worker = stage.worker("a").await;
    assert!(worker.claim(10).await.is_empty());
    let ended = stage.outcomes().await;
    assert_eq!(ended.len(), 50, "a bounded number each call");
    let waits: Vec<u64> = ended
        .iter()
        .map(|record| match record.outcome {
            Outcome::NotNow { after_ms, reason: NotNowReason::Limit } => after_ms,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        &waits[..3],
        [60_000, 120_000, 180_000],
        "one interval apart, so they come back in turn"
    );
    stage.pass(Duration::from_millis(200)).await;
    assert!(worker.claim(10).await.is_empty());
    assert_eq!(stage.outcomes().await.len(), 60);
    assert_eq!(stage.belt.queued().await.expect("known"), 0);
}

#[tokio::test]
async fn a_shorter_limit_keeps_its_jobs_on_the_belt() {
    let with = OpenWith { relays: vec![relay("r", Some("1/min, burst 1"))], ..OpenWith::default() };
    let mut stage = Stage::open().await;
    stage.push(&[limited(job(1, 1), "3/min, burst 1")]).await;
    let mut worker = stage.worker("a").await;
    let answer = worker.call(5).await;
    assert!(answer.jobs.is_empty());
    assert_eq!(answer.retry, Duration::from_secs(1), "no later than a self-wake");
    assert!(stage.outcomes().await.is_empty());
    // The same with the relay's limit out of reach: all of it goes back.
    stage.epoch(2, with).await;
    stage.push(&jobs(1..4, 1)).await;
    assert!(stage.worker("a").await.claim(5).await.is_empty());
    assert_eq!(stage.outcomes().await.len(), 3);
}
