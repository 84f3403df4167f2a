//! What `bench/belt.py` needs beside the fleet: the belt with jobs that do nothing, each part a process of its own.
//!
//! `belt_load open URL`                        an epoch without limits, open
//! `belt_load push URL FIRST COUNT LANES`      jobs from number FIRST on
//! `belt_load work URL NAME HANDS`             the worker of apalis over the belt's backend; its handler completes and nothing else
//! `belt_load record URL`                      reads every outcome, as the recorder does, and commits what it has read
//!
//! `work` and `record` run until they are told to end.

mod made_up;

use std::time::Duration;

use apalis::prelude::{WorkerBuilder, WorkerBuilderExt};
use belt::{
    Belt, BeltBackend, BeltConfig, Claimed, OpenWith, Relay, StreamId, WorkerName, WorkerOptions,
};
use domain::{Outcome, outcome::Answer};
use made_up::{AnyResult, job};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

/// Jobs in one call of push.
const PART: usize = 500;
/// Outcomes read and committed at once: what `scheduler.record_batch` is by default.
const RECORD: usize = 1_000;

/// The payload, as a handler of the product reads its own.
#[derive(Debug, Deserialize)]
struct NoOp {
    #[allow(dead_code)]
    fields: String,
}

#[tokio::main]
async fn main() -> AnyResult<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["open", url] => open(&connect(url).await?).await,
        ["push", url, first, count, lanes] => {
            push(&connect(url).await?, first.parse()?, count.parse()?, lanes.parse()?).await
        }
        ["work", url, name, hands] => work(connect(url).await?, name, hands.parse()?).await,
        ["record", url] => record(&connect(url).await?).await,
        _ => Err("usage: belt_load open URL | push URL FIRST COUNT LANES | work URL NAME HANDS | record URL".into()),
    }
}

async fn connect(url: &str) -> AnyResult<Belt> {
    // As the roles have it by default.
    let config = BeltConfig { outcomes_bound: 200_000, ..BeltConfig::new(url) };
    Ok(Belt::connect(config).await?)
}

async fn open(belt: &Belt) -> AnyResult<()> {
    let relays = vec![Relay { name: "relay".to_owned(), limit: None }];
    belt.open(1, 1, OpenWith { relays, ..OpenWith::default() }).await?;
    belt.finish_reporting(1).await?;
    Ok(())
}

async fn push(belt: &Belt, first: usize, count: usize, lanes: usize) -> AnyResult<()> {
    let mut next = first;
    while next < first + count {
        let end = (next + PART).min(first + count);
        let jobs = (next..end).map(|n| job(n, lanes, 1)).collect::<AnyResult<Vec<_>>>()?;
        let pushed = belt.push(&jobs, 1).await?;
        if pushed.pushed != jobs.len() as u64 {
            return Err(
                format!("{} of {} were on the belt already", pushed.absorbed, jobs.len()).into()
            );
        }
        next = end;
    }
    Ok(())
}

async fn no_op(job: Claimed<NoOp>) {
    // The one exit; as in the product, the next job need not wait for its answer.
    drop(job.complete(Outcome::Done(Answer::new(250, "2.0.0", "queued as 4F1A2B", "relay"))));
}

async fn work(belt: Belt, name: &str, hands: usize) -> AnyResult<()> {
    let options = WorkerOptions::new(WorkerName::new(name), hands);
    let (backend, _checkpoint) = BeltBackend::<NoOp>::start(belt, options);
    // The layers of the product's worker.
    let worker = WorkerBuilder::new(name)
        .backend(backend)
        .enable_tracing()
        .catch_panic()
        .timeout(Duration::from_secs(60))
        .build(no_op);
    let mut told = signal(SignalKind::terminate())?;
    let told = async move {
        told.recv().await;
        Ok::<(), std::io::Error>(())
    };
    Ok(worker.run_until(told).await?)
}

async fn record(belt: &Belt) -> AnyResult<()> {
    let mut position = StreamId::default();
    loop {
        let found = belt.read_outcomes(position, RECORD, Duration::from_secs(1)).await?;
        let Some(last) = found.last() else { continue };
        position = last.id;
        if let Some(unreadable) = found.iter().find_map(|one| one.record.as_ref().err()) {
            return Err(unreadable.to_string().into());
        }
        belt.commit(position).await?;
    }
}
