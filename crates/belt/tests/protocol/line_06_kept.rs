//! Workers keep what the book has not.

use std::time::Duration;

use belt::{BeltBackend, Claimed, WorkerName, WorkerOptions};

use crate::{
    apalis_worker::{Numbered, run},
    stage::{Stage, done, job, jobs},
};

#[tokio::test]
async fn every_claim_answer_carries_the_committed_position() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..4, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    worker.complete(&held, done()).await;
    let id = stage.recorded().await[0].id;
    stage.belt.commit(id).await.expect("committed");
    assert_eq!(worker.call(1).await.committed, id);
}

#[tokio::test]
async fn outcomes_are_kept_until_the_recorder_has_passed_them() {
    let stage = Stage::live().await;
    stage.push(&jobs(1..11, 1)).await;
    let options = WorkerOptions::new(WorkerName::new("a"), 4);
    let (backend, checkpoint) = BeltBackend::<Numbered>::start(stage.belt.clone(), options);
    let worker =
        run("a", backend, |job: Claimed<Numbered>| async move { job.complete(done()).await });
    let kept = |count| {
        let checkpoint = checkpoint.clone();
        async move {
            testkit::wait::wait_for("kept outcomes", Duration::from_secs(10), || async {
                (checkpoint.stats().kept_outcomes == count).then_some(())
            })
            .await;
        }
    };
    kept(10).await;
    let recorded = stage.recorded().await;
    assert_eq!(recorded.len(), 10);
    stage.belt.commit(recorded[5].id).await.expect("committed");
    kept(4).await;
    stage.belt.commit(recorded[9].id).await.expect("committed");
    kept(0).await;
    assert_eq!(stage.belt.status().await.expect("status").outcomes, 0, "nothing stays in Redis");
    stage.push(&[job(99, 1)]).await;
    kept(1).await;
    worker.stop().await;
}
