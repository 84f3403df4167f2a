//! The lease in the book that chooses the scheduler that works.

use std::time::Duration;

use belt::Belt;
use process::{Metrics, health::Check};
use store::{Lease, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Parts;

/// The name of the lease row.
pub const SCHEDULER_LEASE: &str = "scheduler";

/// Whether this scheduler leads, and under which lease number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leadership(Option<u64>);

impl Leadership {
    /// The fence for everything it does on the belt; `None` while another leads.
    pub fn fence(self) -> Option<u64> {
        self.0
    }
}

/// Takes, renews and gives back the lease.
pub struct Leader {
    store: Store,
    belt: Belt,
    holder: String,
    lease_time: Duration,
    metrics: Metrics,
    check: Check,
    leadership: watch::Sender<Leadership>,
}

impl Leader {
    pub fn new(parts: &Parts) -> (Self, watch::Receiver<Leadership>) {
        let (leadership, receiver) = watch::channel(Leadership::default());
        let leader = Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            holder: parts.holder.clone(),
            lease_time: parts.config.scheduler.lease_time.get(),
            metrics: parts.metrics.clone(),
            check: parts.readiness.check("lease"),
            leadership,
        };
        (leader, receiver)
    }

    /// Keeps the lease while it can, until `stop`; then gives it back.
    pub async fn keep(self, stop: CancellationToken) {
        let mut lease: Option<Lease> = None;
        let mut trouble: Option<String> = None;
        loop {
            match self.take_or_renew(lease.as_ref()).await {
                Ok(held) => {
                    self.check.pass();
                    trouble = None;
                    self.announce(held.as_ref());
                    lease = held;
                }
                // The lease runs on the belt's clock. While that can't be read nothing can be pushed
                // either, and the fence decides who may once it can: nothing is announced.
                Err(error) => {
                    let text = format!("{error:#}");
                    self.check.fail(text.clone());
                    if trouble.as_ref() != Some(&text) {
                        tracing::warn!(error = %text, "lease can't be renewed; trying again");
                        trouble = Some(text);
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.lease_time / 4) => {}
                () = stop.cancelled() => break,
            }
        }
        if let Some(lease) = lease
            && let Err(error) = self.store.release_lease(&lease).await
        {
            tracing::warn!(error = %error, "lease not given back; it runs out by itself");
        }
        self.announce(None);
    }

    /// What was announced last.
    pub fn leadership(&self) -> Leadership {
        *self.leadership.borrow()
    }

    pub async fn take_or_renew(&self, held: Option<&Lease>) -> anyhow::Result<Option<Lease>> {
        let now = self.belt.redis_time().await?;
        if let Some(lease) = held
            && let Some(renewed) = self.store.renew_lease(lease, now, self.lease_time).await?
        {
            return Ok(Some(renewed));
        }
        Ok(self.store.acquire_lease(SCHEDULER_LEASE, &self.holder, now, self.lease_time).await?)
    }

    pub fn announce(&self, lease: Option<&Lease>) {
        let next = Leadership(lease.and_then(|lease| u64::try_from(lease.number).ok()));
        self.metrics.set_leader(next.0.is_some());
        self.leadership.send_if_modified(|current| {
            let changed = *current != next;
            if changed {
                match next.0 {
                    Some(fence) => tracing::info!(lease.number = fence, "leads"),
                    None => tracing::info!("does not lead"),
                }
                *current = next;
            }
            changed
        });
    }
}
