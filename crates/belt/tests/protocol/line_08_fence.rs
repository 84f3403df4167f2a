//! A scheduler with a lower lease number is refused; a send on the belt is absorbed.

use belt::{Error, OpenWith};

use crate::stage::{FENCE, Stage, done, job, jobs};

#[tokio::test]
async fn a_lower_lease_is_refused_everywhere() {
    let stage = Stage::open().await;
    assert_eq!(stage.belt.push(&[job(1, 1)], FENCE + 1).await.expect("higher").pushed, 1);
    let old = stage.belt.push(&[job(2, 1)], FENCE).await;
    assert!(matches!(old, Err(Error::Fenced { lease: 7, seen: 8 })), "{old:?}");
    assert!(stage.belt.begin(2, FENCE).await.expect_err("old").is_fenced());
    assert!(stage.belt.set_offset(5, FENCE).await.expect_err("old").is_fenced());
    assert!(stage.belt.set_relays(&[], FENCE).await.expect_err("old").is_fenced());
    assert!(stage.belt.finish_reporting(FENCE).await.expect_err("old").is_fenced());
    assert!(stage.belt.load(FENCE, OpenWith::default()).await.expect_err("old").is_fenced());
    assert_eq!(stage.belt.status().await.expect("status").queued, 1, "nothing of it was done");
}

#[tokio::test]
async fn a_send_on_the_belt_is_absorbed_wherever_it_is() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..4, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(2).await;
    worker.give_back(&held[1], false, 5_000).await;
    // 1 in a hand, 2 delayed, 3 on its lane.
    let again = stage.push(&jobs(1..5, 1)).await;
    assert_eq!((again.pushed, again.absorbed), (1, 3));
    assert_eq!(stage.belt.queued().await.expect("known"), 3);
    worker.complete(&held[0], done()).await;
    assert_eq!(stage.push(&[job(1, 1)]).await.pushed, 1, "it has left the belt");
}

#[tokio::test]
async fn a_push_of_many_is_taken_in_parts() {
    let stage = Stage::open().await;
    let pushed: Vec<_> =
        (1..=1_750).map(|n| job(n, u32::try_from(n % 70).expect("small"))).collect();
    assert_eq!(stage.push(&pushed).await.pushed, 1_750);
    let lines = [job(1, 0).line(), job(1, 1).line(), job(1, 99).line()];
    assert_eq!(stage.belt.line_depths(&lines).await.expect("known"), [25, 25, 0]);
}

#[tokio::test]
async fn a_payload_that_is_too_large_is_refused() {
    let stage = Stage::open().await;
    let large = belt::NewJob { payload: "x".repeat(4_097), ..job(2, 1) };
    let refused = stage.belt.push(&[job(1, 1), large], FENCE).await;
    assert!(matches!(refused, Err(Error::BadJob { .. })));
    assert_eq!(stage.belt.queued().await.expect("known"), 0);
}
