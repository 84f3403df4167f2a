//! What all handlers of a worker process share.

use std::time::Duration;

use belt::{Belt, Shelf};
use channels::smtp::Relays;
use domain::token::LinkKey;
use process::{Metrics, Readiness};

use crate::skeletons::Skeletons;

/// How much of the shelf a worker keeps in memory, in bytes.
const SHELF_CACHE: usize = 16 * 1024 * 1024;

/// What a worker is built from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The belt.
    pub belt: Belt,
    /// The relays mail leaves through, by the names the claim answers with.
    pub relays: Relays,
    /// Seals the unsubscribe links.
    pub link_key: LinkKey,
    /// Where the portal is reached from outside, `https://…` without a slash at the end.
    pub public_url: String,
    /// The right-hand side of every Message-ID.
    pub message_id_domain: String,
    /// Hands and time limits.
    pub limits: Limits,
    /// Where jobs are counted.
    pub metrics: Metrics,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// The name in the belt's roster; unique per process start.
    pub name: String,
}

/// Hands and time limits of one worker process.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Jobs done at the same time.
    pub hands: usize,
    /// How long one job may take in all.
    pub job_time_limit: Duration,
    /// How long a stopping worker waits for what is on the wire.
    pub drain_time_limit: Duration,
}

/// What handlers work with.
#[derive(Debug)]
pub struct Workshop {
    pub(crate) shelf: Shelf,
    pub(crate) skeletons: Skeletons,
    pub(crate) relays: Relays,
    pub(crate) link_key: LinkKey,
    pub(crate) public_url: String,
    pub(crate) message_id_domain: String,
    pub(crate) metrics: Metrics,
}

impl Workshop {
    /// Sets it up; nothing is connected yet.
    pub fn new(parts: &Parts) -> Self {
        Self {
            shelf: parts.belt.shelf(SHELF_CACHE),
            skeletons: Skeletons::new(&parts.public_url),
            relays: parts.relays.clone(),
            link_key: parts.link_key.clone(),
            public_url: parts.public_url.clone(),
            message_id_domain: parts.message_id_domain.clone(),
            metrics: parts.metrics.clone(),
        }
    }
}
