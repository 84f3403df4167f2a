//! Stops and suppressions that are in the book and may not have reached the belt.
//!
//! Whoever answers a pause or an unsubscribe writes the book, then the belt. If it could not reach
//! Redis, though the workers can, the belt hears of it here, within a second.

use std::{collections::BTreeMap, time::Duration};

use belt::{Belt, Stop};
use domain::{ActivationState, UtcMillis};
use store::{Store, Suppression};

/// The book's `now` is the clock of whoever wrote; this much may lie between two clocks.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// What was told to the belt so far.
#[derive(Debug, Default)]
pub struct Stops {
    told: BTreeMap<String, Stop>,
    looked_at: Option<UtcMillis>,
}

/// Everything of the book that must stop, by the belt's stop keys.
pub async fn in_the_book(
    store: &Store,
    ended_since: UtcMillis,
) -> store::Result<BTreeMap<String, Stop>> {
    let stops = store.stops(ended_since).await?;
    let activations = stops.activations.iter().map(|(activation, state)| {
        let stop = match state {
            ActivationState::Paused => Stop::Pause,
            _ => Stop::Cancel,
        };
        (activation.to_string(), stop)
    });
    let versions = stops.versions.iter().map(|version| (version.to_string(), Stop::Cancel));
    let revisions = stops.revisions.iter().map(|(activation, revision)| {
        (belt::revision_key(*activation), Stop::OlderThan(*revision))
    });
    Ok(activations.chain(versions).chain(revisions).collect())
}

impl Stops {
    /// The belt was opened with everything: nothing needs to be told twice.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Tells the belt what is new in the book since the last look.
    pub async fn tell(
        &mut self,
        store: &Store,
        belt: &Belt,
        now: UtcMillis,
        fresh: Duration,
    ) -> anyhow::Result<()> {
        let stops = in_the_book(store, now.minus(fresh)).await?;
        for (key, stop) in &stops {
            if self.told.get(key) != Some(stop) {
                belt.set_stop(key, *stop).await?;
            }
        }
        let over: Vec<String> =
            self.told.keys().filter(|key| !stops.contains_key(*key)).cloned().collect();
        for key in over {
            belt.clear_stop(&key).await?;
            // A pause may have been answered between the look and the clearing.
            if let Some(stop) = in_the_book(store, now.minus(fresh)).await?.get(&key) {
                belt.set_stop(&key, *stop).await?;
            }
        }
        let since = self.looked_at.unwrap_or(now).minus(CLOCKS_APART);
        let suppressions = store.suppressions_since(since).await?;
        let marks: Vec<_> = suppressions.iter().map(Suppression::mark).collect();
        if !marks.is_empty() {
            belt.suppress(&marks).await?;
        }
        self.told = stops;
        self.looked_at = Some(now);
        Ok(())
    }
}
