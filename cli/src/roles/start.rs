//! What roles have in common before they start.

use std::time::{Duration, Instant};

use anyhow::Context;
use belt::{Belt, BeltConfig};
use domain::time::Clock;
use process::{Config, Metrics, Readiness, Shutdown, SystemClock, health};
use store::{Store, StoreOptions};

/// How often Redis is asked while a starting role waits for it.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// A process that shows what it does, and ends when it is told to.
#[derive(Debug)]
pub struct Observed {
    /// Follows the signals.
    pub shutdown: Shutdown,
    /// Served at `/metrics`.
    pub metrics: Metrics,
    /// Served at `/readyz`.
    pub readiness: Readiness,
}

/// Follows the signals and serves health and metrics, before anything else is looked for: a role that
/// waits for Redis lives and is not ready.
///
/// # Errors
/// `health.listen` can't be listened on.
pub async fn observed(role: &'static str, config: &Config) -> anyhow::Result<Observed> {
    let shutdown = Shutdown::new();
    process::shutdown::watch_signals(shutdown.clone())?;
    let metrics = Metrics::new(role, SystemClock.now());
    let readiness = Readiness::new();
    readiness.follow(&shutdown);
    let listen = config.health.listen;
    // Until the process ends: one that drains for a minute lives, and who stops hearing from it kills it.
    let stop = shutdown.quit_token();
    let server = health::serve(listen, readiness.clone(), metrics.clone(), stop)
        .await
        .with_context(|| format!("health.listen is {listen}"))?;
    tracing::info!(role, health.address = %server.address, "starts");
    Ok(Observed { shutdown, metrics, readiness })
}

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
