//! The belt works only inside an epoch; an emptied or restarted Redis closes it, and workers report.

use std::time::Duration;

use belt::{
    BeltBackend, Claimed, Error, Mark, OpenWith, Phase, Place, Refusal, Stop, WorkerName,
    WorkerOptions, protocol::Retold,
};
use tokio::sync::mpsc;

use crate::{
    apalis_worker::{Numbered, run},
    stage::{
        FENCE, Stage, Worker, deferred, done, hash, job, jobs, limited, record, sends, shared,
    },
};

#[tokio::test]
async fn an_emptied_redis_is_closed_to_everybody() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..5, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    stage.redis.flushall();
    stage.set_clock().await;
    assert_eq!(stage.belt.phase().await.expect("answered"), Phase::Closed { last_epoch: None });
    // The scripts are still there; only the epoch key is not.
    assert!(matches!(worker.member.claim(9, 1).await, Err(Error::Closed)));
    assert!(matches!(
        worker.member.checkpoint(&[belt::protocol::Op::Mark(&held)]).await,
        Err(Error::Closed)
    ));
    assert!(matches!(worker.member.beat().await, Err(Error::Closed)));
    assert!(matches!(stage.belt.push(&[job(9, 1)], FENCE).await, Err(Error::Closed)));
    assert!(matches!(stage.belt.set_stop("x", Stop::Pause).await, Err(Error::Closed)));
}

#[tokio::test]
async fn a_restarted_redis_is_closed_though_its_keys_are_there() {
    let mut stage = Stage::live().await;
    stage.push(&jobs(1..5, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    worker.complete(&held, done()).await;
    // What the AOF has is what counts here; wait for its second.
    stage.redis.cli(&["CONFIG", "SET", "appendfsync", "always"]);
    stage.redis.kill_and_restart();
    let phase = testkit::wait::wait_for("the new server", Duration::from_secs(5), || async {
        stage.belt.phase().await.ok()
    })
    .await;
    assert_eq!(phase, Phase::Closed { last_epoch: Some(1) });
    assert!(matches!(worker.member.claim(9, 1).await, Err(Error::Closed)));
    assert!(matches!(stage.belt.push(&[job(9, 1)], FENCE).await, Err(Error::Closed)));
    stage.epoch(2, OpenWith::default()).await;
    assert_eq!(stage.outcomes().await.len(), 1, "the stream stays");
    assert!(
        matches!(worker.member.claim(9, 1).await, Err(Error::Closed)),
        "it has to report first"
    );
}

#[tokio::test]
async fn a_new_epoch_leaves_lanes_hands_and_buckets_behind_and_removes_them() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..50, 1)).await;
    stage.push(&[limited(job(60, 2), "1/s, burst 5")]).await;
    stage.worker("a").await.claim(3).await;
    stage.epoch(2, OpenWith::default()).await;
    let status = stage.belt.status().await.expect("status");
    assert_eq!((status.queued, status.in_hand, status.workers.len()), (0, 0, 0));
    assert_eq!(stage.place(1).await, Place::Nowhere);
    assert!(stage.belt.sweep().await.expect("swept").keys_removed > 3);
    let left = stage.redis.cli(&["KEYS", "tl:{0}:1:*"]);
    assert_eq!(left, "", "nothing of epoch 1 is left");
    stage.push(&[job(1, 1)]).await;
    assert_eq!(sends(&stage.worker("a").await.claim(3).await), [1]);
}

#[tokio::test]
async fn only_a_higher_number_opens() {
    let mut stage = Stage::open().await;
    stage.epoch(5, OpenWith::default()).await;
    for epoch in [4, 5] {
        let refused = stage.belt.begin(epoch, FENCE).await;
        assert!(matches!(refused, Err(Error::StaleEpoch { current: 5, .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn the_leader_is_alone_until_it_has_loaded_stops_and_suppressions() {
    let stage = Stage::open().await;
    stage.belt.begin(2, FENCE).await.expect("begun");
    assert!(matches!(stage.belt.join(&WorkerName::new("a"), &[], &[]).await, Err(Error::Closed)));
    assert!(matches!(stage.belt.push(&[job(1, 1)], FENCE).await, Err(Error::Closed)));
    // A stop that is set in between is not lost.
    stage.belt.set_stop("version-1", Stop::Pause).await.expect("taken in every phase");
    let with = OpenWith {
        stops: vec![("version-2".to_owned(), Stop::Cancel)],
        suppressions: vec![hash(3, 2)],
        ..OpenWith::default()
    };
    stage.belt.load(FENCE, with).await.expect("loaded");
    assert_eq!(stage.belt.phase().await.expect("answered"), Phase::Reporting { epoch: 2 });
    let mut worker = stage.worker("a").await;
    let mut pushed = jobs(1..5, 1);
    pushed[1].version = "version-2".to_owned();
    pushed[2].version = "version-3".to_owned();
    pushed[3].version = "version-3".to_owned();
    stage.push(&pushed).await;
    assert!(worker.claim(5).await.is_empty(), "nothing is handed out while reports are taken");
    stage.belt.finish_reporting(FENCE).await.expect("open");
    assert_eq!(sends(&worker.claim(5).await), [4]);
    let mut ended: Vec<_> = stage
        .outcomes()
        .await
        .into_iter()
        .map(|record| {
            (
                record.send.get(),
                serde_json::to_value(&record.outcome).expect("JSON")["reason"].clone(),
            )
        })
        .collect();
    ended.sort_by_key(|(send, _)| *send);
    assert_eq!(ended, [(1, "paused".into()), (2, "stopped".into()), (3, "suppressed".into())]);
}

#[tokio::test]
async fn workers_resend_outcomes_and_name_what_is_on_the_wire() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..5, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(3).await;
    worker.mark(&held[0]).await;
    stage.redis.flushall();
    stage.set_clock().await;
    let roster = vec![WorkerName::new("a"), WorkerName::new("b")];
    stage.belt.open(2, FENCE, OpenWith { roster, ..OpenWith::default() }).await.expect("open");
    let before = stage.belt.reporting_status().await.expect("status");
    assert_eq!(before.missing.len(), 2);

    let told = Retold {
        send: held[1].send,
        claim: held[1].claim,
        done: true,
        record: record(&held[1], done()),
    };
    let (member, _, ids) = stage
        .belt
        .join(&WorkerName::new("a"), &[shared(&held[0])], &[told])
        .await
        .expect("reported");
    assert_eq!(ids.len(), 1);
    let after = stage.belt.reporting_status().await.expect("status");
    assert_eq!(after.missing, [WorkerName::new("b")]);
    assert_eq!(after.reported, [WorkerName::new("a")]);
    assert_eq!(stage.belt.on_the_wire().await.expect("known"), [held[0].send]);
    assert_eq!(stage.outcomes().await.len(), 1);

    // The book puts back what is queued and not named; what is named is absorbed.
    let pushed = stage.push(&jobs(1..5, 1)).await;
    assert_eq!((pushed.pushed, pushed.absorbed), (3, 1));
    stage.belt.finish_reporting(FENCE).await.expect("open");
    let said = member
        .checkpoint(&[belt::protocol::Op::Complete {
            meta: &held[0],
            done: true,
            record: &record(&held[0], done()),
        }])
        .await
        .expect("under the number it was named with");
    assert!(said.alive);
    assert_eq!(stage.place(1).await, Place::Nowhere);
}

#[tokio::test]
async fn a_late_report_takes_what_is_on_the_wire_back_from_a_lane_and_unmarked_hands() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..3, 1)).await;
    let mut late = stage.worker("late").await;
    let held = late.claim(2).await;
    for meta in &held {
        late.mark(meta).await;
    }
    stage.epoch(2, OpenWith::default()).await;
    stage.push(&jobs(1..3, 1)).await;
    let mut other = stage.worker("other").await;
    let taken = other.one().await;
    let wire: Vec<_> = held.iter().map(shared).collect();
    stage.belt.join(&WorkerName::new("late"), &wire, &[]).await.expect("reported");
    assert_eq!(other.mark(&taken).await, "gone");
    assert!(other.claim(5).await.is_empty());
    for send in [1, 2] {
        let place = stage.place(send).await;
        assert_eq!(place, Place::Hand { worker: WorkerName::new("late"), marked: true });
    }
}

#[tokio::test]
async fn a_late_report_leaves_what_another_has_marked() {
    let mut stage = Stage::open().await;
    stage.push(&[job(1, 1)]).await;
    let mut late = stage.worker("late").await;
    let held = late.one().await;
    late.mark(&held).await;
    stage.epoch(2, OpenWith::default()).await;
    stage.push(&[job(1, 1)]).await;
    let mut other = stage.worker("other").await;
    let taken = other.one().await;
    assert!(other.mark(&taken).await.starts_with("go "));
    stage.belt.join(&WorkerName::new("late"), &[shared(&held)], &[]).await.expect("reported");
    let place = stage.place(1).await;
    assert_eq!(place, Place::Hand { worker: WorkerName::new("other"), marked: true });
}

/// The whole way with a real worker: Redis is emptied while a message is on the wire and others wait.
#[tokio::test]
async fn nothing_is_doubled_or_lost_when_redis_is_emptied_under_a_live_worker() {
    let mut stage = Stage::live().await;
    stage.push(&jobs(1..4, 1)).await;
    let options = WorkerOptions::new(WorkerName::new("a"), 3);
    let (backend, checkpoint) = BeltBackend::<Numbered>::start(stage.belt.clone(), options);
    let (send, mut begun) = mpsc::unbounded_channel();
    let worker = run("a", backend, move |job: Claimed<Numbered>| {
        let send = send.clone();
        async move { send.send(job).expect("the test listens") }
    });
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(begun.recv().await.expect("a job"));
    }
    held.sort_by_key(|job| job.payload.n);
    let (third, second, first) = (held.pop(), held.pop(), held.pop());
    let (first, second, third) = (first.expect("1"), second.expect("2"), third.expect("3"));
    first.complete(done()).await;
    assert!(matches!(second.gate().mark().await, Mark::Go(_)));

    stage.redis.flushall();
    // Not marked before, and the belt is closed: it may not be written.
    let refused = third.gate().mark().await;
    assert!(matches!(refused, Mark::Refused(Refusal::Closed)), "{refused:?}");
    drop(third.complete(Refusal::Closed.outcome()));
    let roster = vec![WorkerName::new("a")];
    stage.belt.open(2, FENCE, OpenWith { roster, ..OpenWith::default() }).await.expect("open");
    testkit::wait::wait_for("the report", Duration::from_secs(5), || async {
        stage.belt.reporting_status().await.expect("status").missing.is_empty().then_some(())
    })
    .await;
    assert_eq!(stage.belt.on_the_wire().await.expect("known"), [domain::SendId::new(2)]);
    let told: Vec<_> = stage.outcomes().await.iter().map(|record| record.send.get()).collect();
    assert_eq!(told, [1], "the outcome that was lost with Redis is told again");
    // The book: 1 is recorded, 2 is named, 3 is reported by nobody.
    let pushed = stage.push(&[job(2, 1), job(3, 1)]).await;
    assert_eq!((pushed.pushed, pushed.absorbed), (1, 1));
    stage.belt.finish_reporting(FENCE).await.expect("open");
    second.complete(done()).await;
    let again = begun.recv().await.expect("a job");
    assert_eq!(again.payload.n, 3);
    assert!(matches!(again.gate().mark().await, Mark::Go(_)));
    again.complete(done()).await;
    let mut all: Vec<_> = stage.outcomes().await.iter().map(|record| record.send.get()).collect();
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3], "each once");
    assert_eq!(checkpoint.stats().epoch, Some(2));
    worker.stop_after(&mut begun).await;
    stage.redis.stop();
}

#[tokio::test]
async fn ids_of_a_lost_stream_go_on_after_what_the_book_has_read() {
    let mut stage = Stage::open().await;
    stage.redis.flushall();
    let position: belt::StreamId = "9767225600000-5".parse().expect("an id");
    stage.epoch(2, OpenWith { position, ..OpenWith::default() }).await;
    assert_eq!(stage.belt.committed().await.expect("known"), position);
    stage.push(&[job(1, 1)]).await;
    let mut worker = Worker::join(&stage.belt, "a").await;
    let held = worker.one().await;
    worker.complete(&held, deferred()).await;
    let found = stage.belt.read_outcomes(position, 10, Duration::ZERO).await.expect("readable");
    assert_eq!(found.len(), 1, "the recorder would not have seen an id before its position");
}

/// A replica that lagged takes over: it still has outcomes the book has read, and an older position.
#[tokio::test]
async fn what_the_book_has_read_is_not_waited_for_again() {
    let mut stage = Stage::open().await;
    stage.push(&[job(1, 1)]).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    worker.complete(&held, done()).await;
    let position = stage.belt.stream_tail().await.expect("known");
    assert!(!stage.belt.wait_until_recorded(Duration::ZERO).await.expect("known"));
    stage.redis.cli(&["SET", "tl:{0}:committed", "1-0"]);
    stage.epoch(2, OpenWith { position, ..OpenWith::default() }).await;
    assert!(stage.belt.wait_until_recorded(Duration::ZERO).await.expect("known"));
}
