//! The parts list of a portal process.

use anyhow::Context;
use belt::Belt;
use domain::time::Clock;
use portal::{ApiParts, PortalParts, TrackParts};
use process::{Config, Metrics, Readiness, Shutdown, SystemClock};
use store::Store;

use super::start;
use crate::commands::open;

/// Runs a portal until it is told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    process::shutdown::watch_signals(shutdown.clone())?;
    let store = start::book(&config).await?;
    // Redis need not be there: an unsubscribe is in the book before it is answered.
    let belt = start::belt(&config).await?;
    let parts = parts(&config, store.clone(), belt)?;
    let listen = config.portal.listen;
    let server = portal::serve(listen, parts, shutdown.drain_token())
        .await
        .with_context(|| format!("portal.listen is {listen}"))?;
    tracing::info!(portal.address = %server.address, "portal starts");
    server.task.await?;
    store.close().await;
    tracing::info!("portal stopped");
    Ok(())
}

/// What a portal is built from.
pub fn parts(config: &Config, store: Store, belt: Belt) -> anyhow::Result<PortalParts> {
    let readiness = Readiness::new();
    let book = store.clone();
    readiness.probe("book", move || {
        let book = book.clone();
        async move { book.healthy().await.map_err(|error| error.to_string()) }
    });
    let metrics = Metrics::new("portal", SystemClock.now());
    let track = track_parts(config, belt.clone())?;
    let program = open::program(config, store, Some(belt))?;
    let api = api_parts(config);
    Ok(PortalParts { api, ..PortalParts::new(program, track, metrics, readiness) })
}

/// The limits of the JSON API.
pub fn api_parts(config: &Config) -> ApiParts {
    ApiParts {
        limit: config.api.limit,
        anonymous_limit: config.api.anonymous_limit,
        client_address: config.tracking.client_address,
    }
}

/// What opens and clicks go through.
pub fn track_parts(config: &Config, belt: Belt) -> anyhow::Result<TrackParts> {
    Ok(TrackParts {
        belt,
        link_key: config.secrets.link_key()?,
        network: config.tracking.network,
        client_address: config.tracking.client_address,
        waiting: TrackParts::DEFAULT_WAITING,
    })
}
