//! The backend under a real apalis worker.

use std::{any::Any, future::Future, time::Duration};

use apalis::{layers::catch_panic::CatchPanicLayer, prelude::*};
use apalis_core::error::AbortError;
use belt::{BeltBackend, Claimed, Mark, Place, WorkerName, WorkerOptions};
use domain::{Outcome, outcome::PermanentReason};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::stage::{Stage, done, job, jobs};

#[derive(Debug, serde::Deserialize)]
pub struct Numbered {
    pub n: i64,
}

pub struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub async fn stop(self) {
        self.stop.send(()).ok();
        tokio::time::timeout(Duration::from_secs(20), self.task)
            .await
            .expect("the worker drains")
            .expect("the worker does not panic");
    }

    /// Stops while jobs may still come in: they are given back.
    pub async fn stop_after<T>(self, begun: &mut mpsc::UnboundedReceiver<Claimed<T>>) {
        begun.close();
        while let Ok(job) = begun.try_recv() {
            drop(job);
        }
        self.stop().await;
    }
}

/// A function rather than the default's pointer to one, whose type can't cross a spawned task.
fn panicked(_: &Box<dyn Any + Send>) -> AbortError {
    AbortError::new(std::io::Error::other("the handler panicked"))
}

/// An apalis worker with the layers the product uses.
pub fn run<F, Fut>(name: &str, backend: BeltBackend<Numbered>, handler: F) -> Running
where
    F: Fn(Claimed<Numbered>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    run_for(name, backend, Duration::from_secs(60), handler)
}

pub fn run_for<F, Fut>(
    name: &str,
    backend: BeltBackend<Numbered>,
    limit: Duration,
    handler: F,
) -> Running
where
    F: Fn(Claimed<Numbered>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = WorkerBuilder::new(name)
        .backend(backend)
        .layer(CatchPanicLayer::with_panic_handler(panicked))
        .timeout(limit)
        .enable_tracing()
        .build(handler);
    let task = tokio::spawn(async move {
        let signal = async {
            stopped.await.ok();
            Ok::<(), std::io::Error>(())
        };
        worker.run_until(signal).await.expect("the backend never fails");
    });
    Running { stop, task }
}

fn start(stage: &Stage, hands: usize) -> (BeltBackend<Numbered>, belt::Checkpoint) {
    let options = WorkerOptions::new(WorkerName::new("a"), hands);
    BeltBackend::start(stage.belt.clone(), options)
}

async fn outcomes(stage: &Stage, count: usize) -> Vec<domain::OutcomeRecord> {
    testkit::wait::wait_for("outcomes", Duration::from_secs(20), || async {
        let found = stage.outcomes().await;
        (found.len() >= count).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_panicking_handler_gives_back_and_is_set_aside_in_the_end() {
    let stage = Stage::live().await;
    stage.push(&jobs(1..4, 1)).await;
    let (backend, _checkpoint) = start(&stage, 4);
    let worker = run("a", backend, |job: Claimed<Numbered>| async move {
        assert_ne!(job.payload.n, 2, "this handler breaks on 2");
        job.complete(done()).await;
    });
    let mut ended = outcomes(&stage, 3).await;
    ended.sort_by_key(|record| record.send);
    let labels: Vec<_> = ended.iter().map(|record| record.outcome.label()).collect();
    assert_eq!(labels, ["done", "permanent", "done"]);
    assert!(matches!(
        ended[1].outcome,
        Outcome::Permanent { reason: PermanentReason::SetAside, .. }
    ));
    worker.stop().await;
}

#[tokio::test]
async fn a_handler_that_breaks_on_the_wire_ends_as_unknown() {
    let stage = Stage::live().await;
    stage.push(&jobs(1..3, 1)).await;
    let (backend, _checkpoint) = start(&stage, 4);
    let worker =
        run_for("a", backend, Duration::from_millis(300), |job: Claimed<Numbered>| async move {
            assert!(matches!(job.gate().mark().await, Mark::Go(_)));
            assert_ne!(job.payload.n, 1, "this handler breaks on 1");
            // And 2 outlasts its time.
            std::future::pending::<()>().await;
        });
    let ended = outcomes(&stage, 2).await;
    assert!(ended.iter().all(|record| record.outcome.label() == "unknown"), "{ended:?}");
    worker.stop().await;
    assert_eq!(stage.belt.queued().await.expect("known"), 0);
}

#[tokio::test]
async fn a_payload_that_can_t_be_read_is_ended_and_the_worker_goes_on() {
    let stage = Stage::live().await;
    let bad = belt::NewJob { payload: "{\"n\":\"x\"}".to_owned(), ..job(1, 1) };
    stage.push(&[bad, job(2, 1)]).await;
    let (backend, _checkpoint) = start(&stage, 4);
    let worker =
        run("a", backend, |job: Claimed<Numbered>| async move { job.complete(done()).await });
    let mut ended = outcomes(&stage, 2).await;
    ended.sort_by_key(|record| record.send);
    assert!(matches!(
        ended[0].outcome,
        Outcome::Permanent { reason: PermanentReason::Unreadable, .. }
    ));
    assert_eq!(ended[1].outcome.label(), "done");
    worker.stop().await;
}

#[tokio::test]
async fn an_idle_worker_is_woken_by_a_push_and_costs_little() {
    let stage = Stage::live().await;
    let (backend, checkpoint) = start(&stage, 4);
    let (send, mut begun) = mpsc::unbounded_channel();
    let worker = run("a", backend, move |job: Claimed<Numbered>| {
        send.send(std::time::Instant::now()).expect("the test listens");
        async move { job.complete(done()).await }
    });
    checkpoint.joined().await;
    let mut waits = Vec::new();
    for n in 1..=5 {
        // Long enough for the worker to be asleep again.
        tokio::time::sleep(Duration::from_millis(120)).await;
        let pushed = std::time::Instant::now();
        stage.push(&[job(n, 1)]).await;
        waits.push(begun.recv().await.expect("begun").duration_since(pushed));
    }
    waits.sort_unstable();
    assert!(waits[2] < Duration::from_millis(100), "{waits:?}");

    let calls = || -> u64 {
        let stats = stage.redis.cli(&["INFO", "stats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.expect("in INFO").trim().parse().expect("a number")
    };
    let scripts = || -> u64 {
        let stats = stage.redis.cli(&["INFO", "commandstats"]);
        let count = |name: &str| {
            let line = stats.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|rest| rest.split(',').next()).map(str::to_owned);
            value.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0)
        };
        count("cmdstat_evalsha:calls=") + count("cmdstat_blpop:calls=")
    };
    let (all, before) = (calls(), scripts());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(calls() > all);
    let sent = scripts() - before;
    assert!(sent <= 10, "{sent} calls in two idle seconds");
    worker.stop().await;
}

#[tokio::test]
async fn closing_gives_back_what_has_not_begun_and_leaves() {
    let stage = Stage::live().await;
    stage.push(&jobs(1..30, 1)).await;
    let (backend, _checkpoint) = start(&stage, 5);
    let (send, mut begun) = mpsc::unbounded_channel();
    let (go, wait) = tokio::sync::watch::channel(false);
    let worker = run("a", backend, move |job: Claimed<Numbered>| {
        let mut wait = wait.clone();
        let send = send.clone();
        async move {
            send.send(job.payload.n).expect("the test listens");
            wait.wait_for(|go| *go).await.expect("the test lives");
            job.complete(done()).await;
        }
    });
    for _ in 0..5 {
        begun.recv().await.expect("a job");
    }
    let stopping = tokio::spawn(worker.stop());
    testkit::wait::wait_for("the stop to arrive", Duration::from_secs(5), || async {
        (stage.belt.status().await.expect("status").in_hand == 5).then_some(())
    })
    .await;
    go.send(true).expect("a handler waits");
    stopping.await.expect("stopped");
    let status = stage.belt.status().await.expect("status");
    assert_eq!((status.in_hand, status.workers.len()), (0, 0), "{status:?}");
    let ended = stage.outcomes().await.len();
    assert_eq!(u64::try_from(ended).expect("small") + status.queued, 29, "none is lost");
    assert_eq!(
        stage.redis.cli(&["EXISTS", "tl:{0}:1:email:deaths"]).trim_start_matches("(integer) "),
        "0",
        "nobody is blamed"
    );
}

#[tokio::test]
async fn a_job_in_a_dropped_worker_comes_back() {
    let stage = Stage::live().await;
    stage.push(&[job(1, 1)]).await;
    let (backend, _checkpoint) = start(&stage, 1);
    let (send, mut begun) = mpsc::unbounded_channel();
    let worker = run("a", backend, move |job: Claimed<Numbered>| {
        send.send(()).expect("the test listens");
        async move {
            std::future::pending::<()>().await;
            drop(job);
        }
    });
    begun.recv().await.expect("begun");
    worker.task.abort();
    testkit::wait::wait_for("the job to come back", Duration::from_secs(5), || async {
        (stage.place(1).await == Place::Lane).then_some(())
    })
    .await;
}

/// Redis is killed and restarted again and again under two live workers; the leader opens new epochs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_doubled_when_redis_is_restarted_under_live_workers() {
    use std::{
        collections::{HashMap, HashSet},
        sync::{Arc, Mutex},
    };

    const SENDS: i64 = 400;
    let mut stage = Stage::live().await;
    let written: Arc<Mutex<HashMap<i64, u32>>> = Arc::default();
    let mut workers = Vec::new();
    for name in ["a", "b"] {
        let options = WorkerOptions::new(WorkerName::new(name), 4);
        let (backend, _) = BeltBackend::start(stage.belt.clone(), options);
        let written = Arc::clone(&written);
        workers.push(run(name, backend, move |job: Claimed<Numbered>| {
            let written = Arc::clone(&written);
            async move {
                match job.gate().mark().await {
                    Mark::Go(permit) if permit.is_fresh() => {
                        *written.lock().expect("no panic").entry(job.payload.n).or_default() += 1;
                        // The relay's answer takes its time.
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        drop(job.complete(done()));
                    }
                    Mark::Go(_) => drop(job.complete(belt::Refusal::Gone.outcome())),
                    Mark::Refused(refusal) => drop(job.complete(refusal.outcome())),
                }
            }
        }));
    }
    stage.push(&jobs(1..SENDS + 1, 1)).await;
    // The book: what has been recorded, and how far.
    let mut ended: HashSet<i64> = HashSet::new();
    let mut position = belt::StreamId::default();
    let mut epoch = 1;
    let mut cuts = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while ended.len() < usize::try_from(SENDS).expect("small") {
        assert!(tokio::time::Instant::now() < deadline, "{} of {SENDS} ended", ended.len());
        if let Ok(found) = stage.belt.read_outcomes(position, 50, Duration::from_millis(20)).await {
            for recorded in &found {
                let record = recorded.record.as_ref().expect("readable");
                assert_eq!(record.outcome.label(), "done", "{record:?}");
                ended.insert(record.send.get());
                position = recorded.id;
            }
            stage.belt.commit(position).await.ok();
        }
        if cuts < 3 && ended.len() > 80 * (cuts + 1) {
            cuts += 1;
            if cuts == 2 { stage.redis.flushall() } else { stage.redis.kill_and_restart() }
        }
        if let Ok(belt::Phase::Closed { .. }) = stage.belt.phase().await {
            epoch += 1;
            let roster = vec![WorkerName::new("a"), WorkerName::new("b")];
            let with = belt::OpenWith { roster, position, ..belt::OpenWith::default() };
            stage.belt.open(epoch, crate::stage::FENCE, with).await.expect("open");
            testkit::wait::wait_for("both reports", Duration::from_secs(10), || async {
                stage.belt.reporting_status().await.ok()?.missing.is_empty().then_some(())
            })
            .await;
            // Everything told again is recorded before anything is put back.
            let tail = stage.belt.stream_tail().await.expect("known");
            while position < tail {
                for recorded in
                    stage.belt.read_outcomes(position, 500, Duration::ZERO).await.expect("readable")
                {
                    ended.insert(recorded.record.expect("readable").send.get());
                    position = recorded.id;
                }
            }
            let left: Vec<_> = jobs(1..SENDS + 1, 1)
                .into_iter()
                .filter(|job| !ended.contains(&job.send.get()))
                .collect();
            stage.push(&left).await;
            stage.belt.finish_reporting(crate::stage::FENCE).await.expect("open");
        }
    }
    assert_eq!(cuts, 3);
    let written = written.lock().expect("no panic").clone();
    let doubled: Vec<_> = written.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "written more than once: {doubled:?}");
    assert_eq!(written.len(), usize::try_from(SENDS).expect("small"));
    for worker in workers {
        worker.stop().await;
    }
}
