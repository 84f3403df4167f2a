//! A scheduler of the simulation: the passes themselves ([`scheduler::by_hand`]), under way one beside the
//! other as its loops are.

use scheduler::by_hand::{ByHand, Leader, Loop, Passed};

use crate::{part::Part, wire::Process};

/// Which loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The epoch keeper.
    Epoch,
    /// Expand.
    Expand,
    /// Feed.
    Feed,
    /// Record.
    Record,
    /// Reconcile.
    Reconcile,
}

impl Which {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Epoch, Self::Expand, Self::Feed, Self::Record, Self::Reconcile];
}

/// One start of a scheduler process.
#[derive(Debug)]
pub struct House {
    /// Which start.
    pub number: u32,
    /// The lease.
    pub leader: Part<Leader, anyhow::Result<()>>,
    loops: [Part<Loop, anyhow::Result<Passed>>; 5],
    /// The lease number, as it was last known.
    pub fence: Option<u64>,
    /// A loop of it that stands still, and until when (boot us).
    pub stalled: Option<(Which, u64)>,
    /// It stands still until then (boot us).
    pub frozen_until: u64,
    /// When it renews its lease next (boot us).
    pub next_lead: u64,
    /// Stops that the judge knew when the pass under way of the epoch keeper began.
    pub stops_known: usize,
    /// Where the belt stood then.
    pub was_open: belt::Phase,
}

impl House {
    /// A scheduler that was just started.
    pub fn new(number: u32, parts: ByHand) -> Self {
        Self {
            number,
            leader: Part::new(parts.leader),
            loops: [
                Part::new(parts.epoch),
                Part::new(parts.expand),
                Part::new(parts.feed),
                Part::new(parts.record),
                Part::new(parts.reconcile),
            ],
            fence: None,
            stalled: None,
            frozen_until: 0,
            next_lead: 0,
            stops_known: 0,
            was_open: belt::Phase::Closed { last_epoch: None },
        }
    }

    /// As which process it is on the wire.
    pub fn process(&self) -> Process {
        Process::Scheduler(self.number)
    }

    /// One of its loops.
    pub fn body(&mut self, which: Which) -> &mut Part<Loop, anyhow::Result<Passed>> {
        &mut self.loops[which as usize]
    }
}

/// One pass, on its way.
pub fn pass(mut body: Loop, fence: u64) -> crate::part::UnderWay<Loop, anyhow::Result<Passed>> {
    Box::pin(async move {
        let passed = body.pass(fence).await;
        (body, passed)
    })
}

/// One look at the lease, on its way.
pub fn lead(mut leader: Leader) -> crate::part::UnderWay<Leader, anyhow::Result<()>> {
    Box::pin(async move {
        let led = leader.step().await;
        (leader, led)
    })
}
