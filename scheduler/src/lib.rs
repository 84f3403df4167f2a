//! The scheduler: loops that take no input, read state and close a gap.
//!
//! Several may run; a lease in the book chooses the one that works, and its number is the fence on
//! the belt. Each loop wakes when its bell rings and by itself every second, so a lost ring costs a
//! second and nothing else.

pub mod by_hand;
mod epoch;
mod expand;
mod feed;
mod invite;
mod leader;
mod limits;
mod links;
mod packages;
mod pass;
mod push;
mod reconcile;
mod record;
mod roster;
mod stops;
mod track;

use std::sync::Arc;

use belt::Belt;
use domain::HashKey;
use process::{Config, Metrics, Readiness, Shutdown};
use render::SharedTemplates;
use store::Store;

pub use leader::SCHEDULER_LEASE;

/// The bell a launch rings.
pub const EXPAND_BELL: &str = "expand";
/// The bell that says something new may be due.
pub const FEED_BELL: &str = "feed";

/// The bell that says that invitations wait for their mail.
pub const INVITE_BELL: &str = "invite";

/// What a scheduler is built from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The book, its schema already current.
    pub store: Store,
    /// The belt.
    pub belt: Belt,
    /// The key that turns addresses into persons.
    pub hash_key: HashKey,
    /// Layouts and partials that packages share, and the package that invites.
    pub templates: SharedTemplates,
    /// Windows, batches, relays, tiers.
    pub config: Arc<Config>,
    /// Where passes are counted.
    pub metrics: Metrics,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// The name under which it holds the lease; unique per process start.
    pub holder: String,
}

/// Runs until the shutdown drains: ends the passes that have begun, then gives the lease back.
///
/// # Errors
/// When the lists of `tracking.rules` or `limits.providers_folder` or the templates can't be used, or a loop ends by a panic; everything else is logged and
/// tried again.
pub async fn run(parts: Parts, shutdown: Shutdown) -> anyhow::Result<()> {
    let (leader, leadership) = leader::Leader::new(&parts);
    let rules = Arc::new(parts.config.tracking.rules()?);
    let providers = Arc::new(parts.config.limits.providers()?);
    let packages = packages::Packages::new(parts.store.clone());
    let pusher = Arc::new(push::Pusher::new(&parts, packages.clone(), providers.clone()));
    let invite = invite::Invite::new(&parts, pusher.clone(), packages.clone(), providers.clone())?;
    let stop = shutdown.drain_token();
    let runner = |name, bell: Option<&str>| pass::Runner {
        name,
        bell: bell.map(|bell| parts.belt.bell(bell)),
        metrics: parts.metrics.clone(),
        leadership: leadership.clone(),
        stop: stop.clone(),
        progress: parts.readiness.check(name),
    };

    let mut loops = tokio::task::JoinSet::new();
    loops.spawn(runner("epoch", None).run(epoch::EpochKeeper::new(&parts, pusher.clone())));
    let expand = expand::Expand::new(&parts, packages, providers);
    loops.spawn(runner("expand", Some(EXPAND_BELL)).run(expand));
    loops.spawn(runner("feed", Some(FEED_BELL)).run(feed::Feed::new(&parts, pusher.clone())));
    loops.spawn(runner("invite", Some(INVITE_BELL)).run(invite));
    loops.spawn(runner("record", None).run(record::Record::new(&parts)));
    loops.spawn(runner("track", None).run(track::Track::new(&parts, rules)));
    loops.spawn(runner("reconcile", None).run(reconcile::Reconcile::new(&parts, pusher)));

    let keep_lease = tokio_util::sync::CancellationToken::new();
    let lease = tokio::spawn(leader.keep(keep_lease.clone()));
    let mut failed = None;
    while let Some(ended) = loops.join_next().await {
        if let Err(error) = ended {
            // A loop that panicked would leave a scheduler that looks alive and does half its work.
            failed.get_or_insert(error);
            shutdown.start_drain();
        }
    }
    // The lease goes back last: while it is held, no other scheduler starts what this one is ending.
    keep_lease.cancel();
    lease.await?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
