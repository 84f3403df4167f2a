//! Stock apalis-redis with jobs that do nothing, measured beside the belt by `bench/belt.py`.
//!
//! `bench-apalis-redis push URL COUNT BODY_BYTES`
//! `bench-apalis-redis work URL NAME CONCURRENCY BATCH`   acknowledges every job, as it does by itself; ends on SIGTERM

use std::time::Duration;

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

type AnyResult<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Jobs in one call of push.
const PART: usize = 500;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct NoOp {
    v: u32,
    fields: String,
}

async fn no_op(_: NoOp) -> Result<(), BoxDynError> {
    Ok(())
}

#[tokio::main]
async fn main() -> AnyResult<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["push", url, count, body] => push(url, count.parse()?, body.parse()?).await,
        ["work", url, name, concurrency, batch] => {
            work(url, name, concurrency.parse()?, batch.parse()?).await
        }
        _ => Err("usage: bench-apalis-redis push URL COUNT BODY | work URL NAME CONCURRENCY BATCH"
            .into()),
    }
}

async fn storage(url: &str, config: Config) -> AnyResult<RedisStorage<NoOp>> {
    let connection = apalis_redis::connect(url).await?;
    Ok(RedisStorage::new(connection).with_config(config))
}

async fn push(url: &str, count: usize, body: usize) -> AnyResult<()> {
    let mut storage = storage(url, Config::default().queue("noop")).await?;
    let job = NoOp { v: 1, fields: "x".repeat(body) };
    for _ in 0..count.div_ceil(PART) {
        storage.push_bulk(vec![job.clone(); PART]).await?;
    }
    Ok(())
}

async fn work(url: &str, name: &str, concurrency: usize, batch: usize) -> AnyResult<()> {
    let config = Config::default().queue("noop").batch_size(batch);
    let storage = storage(url, config).await?;
    let worker = WorkerBuilder::new(name)
        .backend(storage)
        .enable_tracing()
        .catch_panic()
        .timeout(Duration::from_secs(60))
        .concurrency(concurrency)
        .build(no_op);
    let mut told = signal(SignalKind::terminate())?;
    worker
        .run_until(async move {
            told.recv().await;
            Ok::<(), std::io::Error>(())
        })
        .await?;
    Ok(())
}
