//! Completion of the last job and mark of the next travel in one call, in order.

use std::time::Duration;

use belt::{BeltBackend, Claimed, Mark, WorkerName, WorkerOptions, protocol::Op};

use crate::{
    apalis_worker::{Numbered, run},
    stage::{Stage, done, jobs, record},
};

#[tokio::test]
async fn one_call_carries_completions_and_marks_of_many_connections() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..5, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(4).await;
    worker.mark(&held[0]).await;
    worker.mark(&held[1]).await;
    let records = [record(&held[0], done()), record(&held[1], done())];
    let said = worker
        .say(&[
            Op::Complete { meta: &held[0], done: true, record: &records[0] },
            Op::Mark(&held[2]),
            Op::Complete { meta: &held[1], done: true, record: &records[1] },
            Op::Mark(&held[3]),
        ])
        .await;
    assert_eq!(said.len(), 4);
    assert!(said[1].starts_with("go ") && said[3].starts_with("go "), "{said:?}");
    assert_eq!(stage.outcomes().await.len(), 2);
    assert_eq!(stage.belt.status().await.expect("status").marked, 2);
}

/// Two jobs in hand and one connection: what is said first is carried out first, in the same call.
#[tokio::test]
async fn a_completion_travels_before_the_mark_that_was_asked_for_after_it() {
    let stage = Stage::live().await;
    stage.push(&jobs(1..3, 1)).await;
    let options = WorkerOptions::new(WorkerName::new("a"), 2);
    let (backend, _checkpoint) = BeltBackend::<Numbered>::start(stage.belt.clone(), options);
    let (send, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let worker = run("a", backend, move |job: Claimed<Numbered>| {
        let send = send.clone();
        async move { send.send(job).expect("the test listens") }
    });
    let first = begun.recv().await.expect("a job");
    let second = begun.recv().await.expect("a job");
    let names = [first.meta.send.to_string(), second.meta.send.to_string()];
    assert!(matches!(first.gate().mark().await, Mark::Go(_)));
    stage.redis.cli(&["CONFIG", "SET", "slowlog-max-len", "2000", "slowlog-log-slower-than", "0"]);
    drop(first.complete(done()));
    assert!(matches!(second.gate().mark().await, Mark::Go(_)));
    let log = stage.redis.cli(&["SLOWLOG", "GET", "500"]);
    let words: Vec<&str> = log.lines().collect();
    let mark =
        words.windows(2).position(|w| w == ["m", &names[1]]).expect("the mark is in the log");
    assert_eq!(
        words[mark - 5..mark - 3],
        ["c", &names[0]],
        "the completion is in front of it: {words:?}"
    );
    second.complete(done()).await;
    worker.stop_after(&mut begun).await;
}

/// A handler that never awaits its completion: the answer to the next mark still comes no earlier.
#[tokio::test]
async fn the_completion_is_in_the_stream_before_the_next_mark_is_answered() {
    let stage = Stage::live().await;
    stage.push(&jobs(1..60, 1)).await;
    let options = WorkerOptions::new(WorkerName::new("a"), 1);
    let (backend, checkpoint) = BeltBackend::<Numbered>::start(stage.belt.clone(), options);
    let belt = stage.belt.clone();
    let worker = run("a", backend, move |job: Claimed<Numbered>| {
        let belt = belt.clone();
        async move {
            let expected = usize::try_from(job.payload.n - 1).expect("small");
            assert!(matches!(job.gate().mark().await, Mark::Go(_)));
            let found = belt.read_outcomes(belt::StreamId::default(), 100, Duration::ZERO).await;
            let found = found.expect("readable").len();
            assert!(found >= expected, "{found} of {expected} completions before this mark");
            drop(job.complete(done()));
        }
    });
    testkit::wait::wait_for("59 outcomes", Duration::from_secs(20), || async {
        (stage.outcomes().await.len() == 59).then_some(())
    })
    .await;
    worker.stop().await;
    let ended = stage.outcomes().await;
    assert!(ended.iter().all(|record| record.outcome.label() == "done"), "{ended:?}");
    drop(checkpoint);
}

#[tokio::test]
async fn a_killed_worker_leaves_at_most_one_unknown_for_each_connection() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..40, 1)).await;
    let mut worker = stage.worker("a").await;
    let connections = 5;
    let held = worker.claim(20).await;
    // Each connection has one message on the wire when the process dies; the rest has not begun.
    for meta in &held[..connections] {
        worker.mark(meta).await;
    }
    stage.pass(Duration::from_secs(7)).await;
    stage.belt.sweep().await.expect("swept");
    let ended = stage.outcomes().await;
    assert_eq!(ended.len(), connections);
    assert!(ended.iter().all(|record| record.outcome.label() == "unknown"));
    assert_eq!(stage.belt.status().await.expect("status").queued, 34);
}
