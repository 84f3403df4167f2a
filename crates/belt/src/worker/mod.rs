//! A worker's side of the belt: an apalis backend with everything that must not run inside its poll.
//!
//! Four parts share a `session::Session`: the heartbeat (a thread of its own), the checkpoint (one
//! task: every mark, completion and give-back of this process goes through it in order), the claims
//! (one task: asks for as many jobs as there are free hands) and the backend apalis polls.

mod backend;
pub mod by_hand;
mod checkpoint;
mod claimed;
mod claims;
mod heartbeat;
mod kept;
mod permit;
mod session;

use std::time::Duration;

pub use backend::BeltBackend;
pub use claimed::{Claimed, Completion, Gate, JobHandle, Mark, Refusal};
pub use permit::Permit;
pub use session::Checkpoint;

use crate::job::WorkerName;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Its name; unique for every start of a process.
    pub name: WorkerName,
    /// How many jobs it holds at once.
    pub hands: usize,
    /// How long closing may take when Redis does not answer.
    pub drain: Duration,
}

impl WorkerOptions {
    /// `hands` hands under `name`, 30 s to drain.
    pub fn new(name: WorkerName, hands: usize) -> Self {
        Self { name, hands: hands.max(1), drain: Duration::from_secs(30) }
    }
}

/// What a worker looks like from inside its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerStats {
    /// The epoch it has joined, if it is in one.
    pub epoch: Option<u32>,
    /// The name it is known by in this epoch; it changes when it was declared dead.
    pub registered_as: Option<WorkerName>,
    /// Outcomes it keeps because the book may not have them.
    pub kept_outcomes: usize,
    /// Jobs whose content may be on the wire.
    pub on_the_wire: usize,
    /// Hands without a job.
    pub free_hands: usize,
}
