//! One scheduler in parts, stepped by somebody else than the clock and the bells.
//!
//! The same passes as under [`run`](crate::run), and the same lease. What is left out are the rests
//! between passes: the recorder does not wait for an outcome, and who needs the recorder's position looks
//! once and fails if it is not far enough, as it otherwise does after five seconds.

use std::sync::Arc;

use store::Lease;

use crate::{
    Parts, epoch::EpochKeeper, expand::Expand, feed::Feed, leader, pass::Pass, push::Pusher,
    reconcile::Reconcile, record::Record,
};
pub use crate::{packages::Packages, pass::Passed};

/// One scheduler. Its parts may be under way at the same time, as its loops are.
#[derive(Debug)]
pub struct ByHand {
    /// The lease.
    pub leader: Leader,
    /// Opens epochs and looks after them.
    pub epoch: Loop,
    /// From activations to sends.
    pub expand: Loop,
    /// From the book to the belt.
    pub feed: Loop,
    /// From the belt to the book.
    pub record: Loop,
    /// Puts back what is nowhere.
    pub reconcile: Loop,
}

impl ByHand {
    /// A scheduler that does nothing by itself. `packages` is shared by those of one installation:
    /// versions never change.
    ///
    /// # Errors
    /// When the list of providers can't be used.
    pub fn new(parts: &Parts, packages: Packages) -> anyhow::Result<Self> {
        let providers = Arc::new(parts.config.limits.providers()?);
        let pusher = Arc::new(Pusher::new(parts, packages.clone(), providers.clone()));
        let (leader, _) = leader::Leader::new(parts);
        Ok(Self {
            leader: Leader { leader, lease: None },
            epoch: Loop(Kind::Epoch(Box::new(
                EpochKeeper::new(parts, pusher.clone()).without_waiting(),
            ))),
            expand: Loop(Kind::Expand(Box::new(Expand::new(parts, packages, providers)))),
            feed: Loop(Kind::Feed(Box::new(Feed::new(parts, pusher.clone())))),
            record: Loop(Kind::Record(Box::new(Record::new(parts).without_waiting()))),
            reconcile: Loop(Kind::Reconcile(Box::new(
                Reconcile::new(parts, pusher).without_waiting(),
            ))),
        })
    }
}

/// The lease of one scheduler.
pub struct Leader {
    leader: leader::Leader,
    lease: Option<Lease>,
}

impl std::fmt::Debug for Leader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leader").field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl Leader {
    /// Takes or renews the lease once. What its passes carry is [`Self::fence`], which stays as it was
    /// when this fails.
    ///
    /// # Errors
    /// When the belt's clock or the book can't be read.
    pub async fn step(&mut self) -> anyhow::Result<()> {
        self.lease = self.leader.take_or_renew(self.lease.as_ref()).await?;
        self.leader.announce(self.lease.as_ref());
        Ok(())
    }

    /// The fence for everything it does on the belt; `None` while another leads.
    pub fn fence(&self) -> Option<u64> {
        self.leader.leadership().fence()
    }
}

/// One loop.
pub struct Loop(Kind);

impl std::fmt::Debug for Loop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loop").finish_non_exhaustive()
    }
}

enum Kind {
    Epoch(Box<EpochKeeper>),
    Expand(Box<Expand>),
    Feed(Box<Feed>),
    Record(Box<Record>),
    Reconcile(Box<Reconcile>),
}

impl Loop {
    /// One bounded pass under the fence its scheduler had when it began.
    ///
    /// # Errors
    /// Whatever stopped it; the next pass tries again.
    pub async fn pass(&mut self, fence: u64) -> anyhow::Result<Passed> {
        match &mut self.0 {
            Kind::Epoch(body) => body.pass(fence).await,
            Kind::Expand(body) => body.pass(fence).await,
            Kind::Feed(body) => body.pass(fence).await,
            Kind::Record(body) => body.pass(fence).await,
            Kind::Reconcile(body) => body.pass(fence).await,
        }
    }
}
