//! Which job has which handler, and the apalis worker around them: one line per job.

use std::sync::Arc;

use apalis::prelude::{WorkerBuilder, WorkerBuilderExt};
use belt::{BeltBackend, WorkerName, WorkerOptions};
use domain::SendEmail;
use process::Shutdown;

use crate::{
    jobs::send_email::send_email,
    workshop::{Parts, Workshop},
};

/// Runs until the shutdown drains: stops claiming, finishes what is on the wire, gives the rest back.
///
/// # Errors
/// When apalis ends the worker by itself, which our backend gives it no reason to do.
pub async fn run(parts: Parts, shutdown: Shutdown) -> Result<(), apalis_core::error::WorkerError> {
    let name = parts.name.clone();
    let limits = parts.limits;
    let options = WorkerOptions {
        name: WorkerName::new(&name),
        hands: limits.hands,
        drain: limits.drain_time_limit,
    };
    let workshop = Arc::new(Workshop::new(&parts));
    let (emails, checkpoint) = BeltBackend::<SendEmail>::start(parts.belt.clone(), options);
    let watch = tokio::spawn(watch(parts.clone(), checkpoint));

    let worker = WorkerBuilder::new(name.as_str())
        .backend(emails)
        .data(workshop)
        .enable_tracing()
        .catch_panic()
        .timeout(limits.job_time_limit)
        .build(send_email);
    let drained = {
        let shutdown = shutdown.clone();
        async move {
            shutdown.draining().await;
            Ok::<(), std::io::Error>(())
        }
    };
    let ended = worker.run_until(drained).await;
    parts.relays.drain(limits.drain_time_limit).await;
    watch.abort();
    ended
}

/// Keeps the gauges and the readiness of this process in step with its hands.
async fn watch(parts: Parts, checkpoint: belt::Checkpoint) {
    let connected = parts.readiness.check("belt");
    loop {
        let stats = checkpoint.stats();
        parts.metrics.set_busy_hands(parts.limits.hands.saturating_sub(stats.free_hands));
        match stats.registered_as {
            Some(_) => connected.pass(),
            None => {
                connected.fail("not registered with the belt: Redis is away or no epoch is open")
            }
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
