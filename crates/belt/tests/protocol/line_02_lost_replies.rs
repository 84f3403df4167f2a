//! A repeated claim call answers with the same jobs.

use crate::stage::{Stage, done, jobs, sends};

#[tokio::test]
async fn a_repeat_answers_with_the_same_jobs() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..10, 1)).await;
    let mut worker = stage.worker("a").await;
    let first = worker.claim(3).await;
    let again = worker.repeat(3).await.jobs;
    assert_eq!(first, again);
    assert_eq!(stage.belt.status().await.expect("status").in_hand, 3, "nothing new was handed out");
    assert_eq!(sends(&worker.claim(3).await), [4, 5, 6]);
}

#[tokio::test]
async fn a_repeat_leaves_out_what_has_ended_meanwhile() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..4, 1)).await;
    let mut worker = stage.worker("a").await;
    let first = worker.claim(3).await;
    worker.complete(&first[1], done()).await;
    assert_eq!(sends(&worker.repeat(3).await.jobs), [1, 3]);
}

#[tokio::test]
async fn a_repeat_of_an_empty_answer_stays_empty() {
    let stage = Stage::open().await;
    let mut worker = stage.worker("a").await;
    assert!(worker.claim(3).await.is_empty());
    stage.push(&jobs(1..4, 1)).await;
    assert!(worker.repeat(3).await.jobs.is_empty());
    assert_eq!(worker.claim(3).await.len(), 3);
}
