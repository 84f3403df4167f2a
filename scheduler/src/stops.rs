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

/// Up to when the belt was told.
#[derive(Debug, Default)]
pub struct Stops {
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
    // A recall stands above a pause of the same version: it comes later.
    let pauses = stops.pauses.iter().map(|scope| (scope.to_string(), Stop::Pause));
    let versions = stops.versions.iter().map(|version| (version.to_string(), Stop::Cancel));
    let revisions = stops.revisions.iter().map(|(activation, revision)| {
        (belt::revision_key(*activation), Stop::OlderThan(*revision))
    });
    Ok(pauses.chain(activations).chain(versions).chain(revisions).collect())
}

impl Stops {
    /// The belt was opened with everything: nothing needs to be told twice.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Brings the belt's stops in line with the book's, and tells it of suppressions since the last look. What the belt has is
    /// looked up and not remembered: whoever answers a command changes it too, and may not have reached it.
    pub async fn tell(
        &mut self,
        store: &Store,
        belt: &Belt,
        now: UtcMillis,
        fresh: Duration,
    ) -> anyhow::Result<()> {
        let there = belt.stops().await?;
        let stops = in_the_book(store, now.minus(fresh)).await?;
        let is_new = |(key, stop): &(&String, &Stop)| there.get(*key) != Some(*stop);
        let new = stops.iter().filter(is_new).map(|(key, stop)| (key.clone(), *stop));
        belt.set_stops(&new.collect::<Vec<_>>()).await?;
        let over: Vec<&String> = there.keys().filter(|key| !stops.contains_key(*key)).collect();
        for key in &over {
            belt.clear_stop(key).await?;
        }
        if !over.is_empty() {
            // A pause may have been answered between the look and the clearing.
            let stops = in_the_book(store, now.minus(fresh)).await?;
            let again = over.into_iter().filter_map(|key| Some((key.clone(), *stops.get(key)?)));
            belt.set_stops(&again.collect::<Vec<_>>()).await?;
        }
        let since = self.looked_at.unwrap_or(now).minus(CLOCKS_APART);
        let suppressions = store.suppressions_since(since).await?;
        let marks: Vec<_> = suppressions.iter().map(Suppression::mark).collect();
        if !marks.is_empty() {
            belt.suppress(&marks).await?;
        }
        self.looked_at = Some(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use belt::{BeltConfig, OpenWith};
    use domain::{Holder, Scope};
    use store::StoreOptions;
    use testkit::{TestDatabase, TestRedis};

    use super::*;

    const NOW: UtcMillis = UtcMillis::new(1_700_000_000_000);

    /// Commands that died between book and belt, one that stops and one that lifts.
    #[tokio::test]
    async fn a_stop_whose_command_never_reached_the_belt_arrives_and_one_that_is_lifted_goes() {
        let database = TestDatabase::sqlite();
        let store = Store::open(database.url(), StoreOptions::default()).await.unwrap();
        store.migrate(NOW).await.unwrap();
        let redis = TestRedis::start();
        let belt = Belt::connect(BeltConfig::new(redis.url())).await.unwrap();
        belt.open(1, 1, OpenWith::default()).await.unwrap();
        belt.finish_reporting(1).await.unwrap();
        let mut stops = Stops::default();
        let told = async |stops: &mut Stops| {
            stops.tell(&store, &belt, NOW, Duration::from_secs(7_200)).await.unwrap();
            let mut keys: Vec<_> = belt.stops().await.unwrap().into_iter().collect();
            keys.sort_by(|a, b| a.0.cmp(&b.0));
            keys
        };
        let vendor = Scope::Vendor("ven_01j00000000000000000000000".parse().unwrap());
        for scope in [&Scope::All, &vendor] {
            store.pause_scope(scope, Holder::Ops, "ops", NOW).await.unwrap();
        }
        belt.set_stop("par_of_yesterday", Stop::Pause).await.unwrap();
        let both = [&Scope::All, &vendor].map(|scope| (scope.to_string(), Stop::Pause));
        assert_eq!(told(&mut stops).await, both);
        store.resume_scope(&Scope::All, None, "ops", NOW).await.unwrap();
        assert_eq!(told(&mut stops).await, both[1..]);
        // What somebody else lost is set again, though it was told before.
        belt.clear_stop(vendor.as_str()).await.unwrap();
        assert_eq!(told(&mut stops).await, both[1..]);
    }
}
