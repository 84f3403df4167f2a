//! What roles wait for before they start.

use std::time::{Duration, Instant};

use anyhow::Context;
use belt::{Belt, BeltConfig};
use process::{Config, Shutdown};
use store::{Store, StoreOptions};

/// How often Redis is asked while a starting role waits for it.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// A handle on the belt; nothing is connected yet.
pub async fn belt(config: &Config) -> anyhow::Result<Belt> {
    let redis = &config.redis;
    let mut belt = BeltConfig::new(redis.url.expose());
    belt.response_timeout = redis.response_timeout.get();
    belt.outcomes_bound = redis.outcomes_bound;
    belt.tracks_cap = redis.tracks_bound;
    Belt::connect(belt).await.with_context(|| format!("redis.url is {}", redis.url))
}

/// Waits until Redis answers, and refuses one that is set up to lose jobs.
///
/// # Errors
/// After `redis.start_wait` without an answer, or when Redis would evict keys or keeps no
/// append-only file. A shutdown while it waits is no error: the caller sees it drain.
pub async fn wait_for_belt(
    belt: &Belt,
    config: &Config,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let patience = config.redis.start_wait.get();
    let mut said = false;
    while let Err(error) = belt.ping().await {
        if began.elapsed() >= patience {
            return Err(error).with_context(|| {
                format!(
                    "Redis at {} has not answered within {}",
                    config.redis.url, config.redis.start_wait
                )
            });
        }
        if !said {
            tracing::warn!(
                redis.url = %config.redis.url, wait = %config.redis.start_wait, error = %error,
                "Redis can't be reached; waiting for it"
            );
            said = true;
        }
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            () = shutdown.draining() => return Ok(()),
        }
    }
    Ok(belt.check_server().await?)
}

/// The book, its schema current.
pub async fn book(config: &Config) -> anyhow::Result<Store> {
    let url = &config.book.url;
    let store = Store::open(url.expose(), StoreOptions::default())
        .await
        .with_context(|| format!("book.url is {url}"))?;
    store.require_schema().await.context("run `throughline migrate` first")?;
    Ok(store)
}
