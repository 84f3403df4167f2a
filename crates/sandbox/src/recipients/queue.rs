//! What is to be done, and when.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use tokio::time::Instant;

use super::hands::Step;

/// A step in the future.
#[derive(Debug)]
pub(super) struct Planned {
    at: Instant,
    number: u64,
    pub(super) step: Step,
    /// Whether the campaign waits for it, before its clock goes on.
    pub(super) at_once: bool,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Steps by the time at which they are due; those of one time in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    steps: BinaryHeap<Reverse<Planned>>,
    numbers: u64,
}

impl Queue {
    pub(super) fn plan(&mut self, at: Instant, at_once: bool, step: Step) {
        self.numbers += 1;
        self.steps.push(Reverse(Planned { at, number: self.numbers, step, at_once }));
    }

    /// When the next step is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.steps.peek().map(|Reverse(planned)| planned.at)
    }

    /// The next step, if it is due at `now`.
    pub(super) fn due(&mut self, now: Instant) -> Option<Planned> {
        self.next_at().filter(|at| *at <= now)?;
        self.steps.pop().map(|Reverse(planned)| planned)
    }
}
