//! The parts list of a scheduler process.

use std::sync::Arc;

use process::Config;

use super::start::{self, Observed};
use crate::commands::open::shared_templates;

/// Runs a scheduler until it is told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let Observed { shutdown, metrics, readiness } = start::observed("scheduler", &config).await?;
    let store = start::book(&config).await?;
    let belt = start::belt(&config).await?;
    start::wait_for_belt(&belt, &config, &shutdown).await?;
    let parts = scheduler::Parts {
        store: store.clone(),
        belt,
        hash_key: config.secrets.address_key()?,
        templates: shared_templates(&config)?,
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
