//! The parts list of a scheduler process.

use std::sync::Arc;

use anyhow::Context;
use domain::time::Clock;
use process::{Config, Metrics, Readiness, Shutdown, SystemClock, health};

use super::start;

/// Runs a scheduler until it is told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    process::shutdown::watch_signals(shutdown.clone())?;
    let metrics = Metrics::new("scheduler", SystemClock.now());
    let readiness = Readiness::new();
    let server = health::serve(
        config.health.listen,
        readiness.clone(),
        metrics.clone(),
        shutdown.drain_token(),
    )
    .await
    .with_context(|| format!("health.listen is {}", config.health.listen))?;
    tracing::info!(health.address = %server.address, "scheduler starts");

    let store = start::book(&config).await?;
    let belt = start::belt(&config).await?;
    start::wait_for_belt(&belt, &config, &shutdown).await?;
    let parts = scheduler::Parts {
        store: store.clone(),
        belt,
        hash_key: config.secrets.address_key()?,
        config: Arc::new(config),
        metrics,
        readiness,
        holder: process::fresh_worker_name(),
    };
    scheduler::run(parts, shutdown).await?;
    store.close().await;
    tracing::info!("scheduler stopped");
    Ok(())
}
