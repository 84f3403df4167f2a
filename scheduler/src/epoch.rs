//! The epoch keeper: opens the belt, rebuilds it from the book when it was lost, and looks after it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use belt::{Belt, OpenWith, Phase, Relay, Round, WorkerName};
use domain::{OnUnknown, SendId, UtcMillis};
use jiff::tz::TimeZone;
use process::{Config, Metrics, metrics::BeltDepth};
use store::{RosterEntry, Store};

use crate::{
    Parts,
    limits::limits,
    pass::{Pass, Passed},
    push::Pusher,
    reconcile::{RECORDED_WITHIN, wait_until_recorded},
    record,
    roster::Roster,
    stops::{self, Stops},
};

/// How long workers of the last epoch have to report: one lease of a worker.
const REPORTS_WITHIN: Duration = Duration::from_secs(6);
/// How long a rebuild waits even when the whole roster has reported: a worker that joined a moment
/// before the loss is not in the roster yet. Longer than a heartbeat and one that has to be repeated take, at which
/// every live worker meets the new epoch.
const REPORTS_SETTLE: Duration = Duration::from_secs(3);
/// Redis keeps suppressions and stops of ended activations this long; older ones feed has checked.
const FRESH: Duration = Duration::from_secs(2 * 60 * 60);
/// How many queued sends the rebuild reads at a time.
const REBUILD_CHUNK: i64 = 500;

/// The loop that keeps the epoch.
pub struct EpochKeeper {
    store: Store,
    belt: Belt,
    pusher: Arc<Pusher>,
    config: Arc<Config>,
    metrics: Metrics,
    roster: Roster,
    stops: Stops,
    /// The epoch and lease in which the belt was told of the limits.
    told_limits: Option<(u32, u64)>,
    recorded_within: Duration,
}

impl EpochKeeper {
    pub fn new(parts: &Parts, pusher: Arc<Pusher>) -> Self {
        Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            pusher,
            config: parts.config.clone(),
            metrics: parts.metrics.clone(),
            roster: Roster::default(),
            stops: Stops::default(),
            told_limits: None,
            recorded_within: RECORDED_WITHIN,
        }
    }

    /// Looks once how far the recorder is.
    pub fn without_waiting(self) -> Self {
        Self { recorded_within: Duration::ZERO, ..self }
    }

    /// Takes the next number from SQL and opens the belt for reports.
    async fn open(&self, fence: u64) -> anyhow::Result<()> {
        self.belt.check_server().await?;
        let epoch = self.store.next_epoch().await?;
        self.belt.begin(epoch, fence).await?;
        // Read after the belt has begun: what is written to SQL later is also told to the belt.
        let with = self.what_to_open_with().await?;
        tracing::info!(
            belt.epoch = epoch,
            workers = with.roster.len(),
            stops = with.stops.len(),
            "belt opened for reports"
        );
        self.belt.load(fence, with).await?;
        Ok(())
    }

    async fn what_to_open_with(&self) -> anyhow::Result<OpenWith> {
        let since = self.belt.redis_time().await?.minus(FRESH);
        let stops = stops::in_the_book(&self.store, since).await?;
        let suppressions = self.store.suppressions_since(since).await?;
        Ok(OpenWith {
            offset_ms: self.store.campaign_offset().await?,
            stops: stops.into_iter().collect(),
            suppressions: suppressions.iter().map(store::Suppression::mark).collect(),
            relays: self.relays(),
            roster: self
                .store
                .roster()
                .await?
                .iter()
                .map(|entry| WorkerName::new(&entry.worker))
                .collect(),
            limits: limits(&self.config, &self.store).await?,
            position: record::position(&self.store, record::STREAM).await?,
        })
    }

    fn relays(&self) -> Vec<Relay> {
        let relays = self.config.relays.iter();
        relays.map(|relay| Relay { name: relay.name.clone(), limit: relay.limit }).collect()
    }

    /// A leader that finds the belt open may have been started with other limits than the one before.
    async fn tell_limits(&mut self, epoch: u32, fence: u64) -> anyhow::Result<()> {
        if self.told_limits != Some((epoch, fence)) {
            self.belt.set_relays(&self.relays(), fence).await?;
            self.belt.set_limits(&limits(&self.config, &self.store).await?, fence).await?;
            self.told_limits = Some((epoch, fence));
        }
        Ok(())
    }

    /// What partners have had of this month, before anything of it is handed out in this epoch.
    async fn tell_volumes(&self, now: UtcMillis, fence: u64) -> anyhow::Result<()> {
        if self.config.tiers.iter().all(|tier| tier.monthly_volume.is_none()) {
            return Ok(());
        }
        let date = jiff::Timestamp::from_millisecond(now.get())?.to_zoned(TimeZone::UTC);
        let first = date.first_of_month()?.start_of_day()?.timestamp();
        let had = self.store.accepted_since(UtcMillis::new(first.as_millisecond())).await?;
        Ok(self.belt.set_volumes(&date.strftime("%Y-%m").to_string(), &had, fence).await?)
    }

    /// Once everybody has reported, or had the time to: puts back what nobody has.
    async fn rebuild(&self, epoch: u32, fence: u64) -> anyhow::Result<Passed> {
        let status = self.belt.reporting_status().await?;
        let waited = Duration::from_millis(status.since_ms);
        if !status.missing.is_empty() && waited < REPORTS_WITHIN {
            return Ok(Passed { rows: 0, more: false });
        }
        // With nothing queued there is nothing a late report could double.
        if waited < REPORTS_SETTLE && self.store.open_sends().await?.queued > 0 {
            return Ok(Passed { rows: 0, more: false });
        }
        wait_until_recorded(&self.belt, self.recorded_within).await?;
        let on_the_wire: HashSet<SendId> = self.belt.on_the_wire().await?.into_iter().collect();
        self.pusher.set_epoch(epoch);
        let round = Round { epoch, number: 0 };
        // What a worker that never reported had on the wire may have gone out.
        let hold = !status.missing.is_empty() && self.config.sending.on_unknown == OnUnknown::Hold;
        let now = self.belt.clock().await?.campaign;
        let mut cursor = None;
        let mut rows = 0;
        loop {
            let queued = self
                .store
                .queued_sends(UtcMillis::new(i64::MAX), cursor.take(), REBUILD_CHUNK)
                .await?;
            let Some(last) = queued.last() else {
                break;
            };
            cursor = Some(last.key);
            let lost: Vec<SendId> = queued
                .iter()
                .map(|queued| queued.send)
                .filter(|send| !on_the_wire.contains(send))
                .collect();
            if hold {
                rows += self.store.hold_sends(&lost, "unknown", now).await?;
            } else {
                let fed = self.store.requeue(&lost, UtcMillis::new(i64::MAX), now).await?;
                rows += self.pusher.push(&fed.sends, round, fence).await?.pushed;
            }
        }
        self.tell_volumes(now, fence).await?;
        self.belt.finish_reporting(fence).await?;
        tracing::info!(
            belt.epoch = epoch,
            sends = rows,
            on_the_wire = on_the_wire.len(),
            workers.reported = status.reported.len(),
            workers.missing = status.missing.len(),
            "belt open"
        );
        Ok(Passed { rows, more: false })
    }

    /// The daily round: dead workers' jobs, the roster, the campaign clock, the gauges.
    async fn look_after(&mut self, epoch: u32, fence: u64) -> anyhow::Result<Passed> {
        self.tell_limits(epoch, fence).await?;
        self.belt.sweep().await?;
        let status = self.belt.status().await?;
        if !matches!(status.phase, Phase::Open { .. }) {
            // Lost since this pass began: its empty list of workers must not become the roster.
            return Ok(Passed { rows: 0, more: true });
        }
        let roster: Vec<RosterEntry> = status
            .workers
            .iter()
            .map(|worker| RosterEntry {
                worker: worker.name.to_string(),
                epoch,
                seen_at: worker.last_seen,
            })
            .collect();
        self.roster.keep(&self.store, &self.belt, roster, (epoch, fence)).await?;
        let clock = self.belt.clock().await?;
        self.stops.tell(&self.store, &self.belt, clock.redis, FRESH).await?;
        let offset = self.store.campaign_offset().await?;
        if clock.campaign.get() - clock.redis.get() != offset {
            self.belt.set_offset(offset, fence).await?;
            self.belt.ring(crate::FEED_BELL).await.ok();
        }
        let slowed = status.paces.iter().map(|pace| {
            let share = if pace.rests.is_zero() { pace.share } else { 0.0 };
            (pace.of.as_str(), pace.name.as_str(), share)
        });
        self.metrics.set_slowed(slowed);
        self.metrics.set_belt(BeltDepth {
            waiting: status.queued + status.delayed,
            in_hands: status.in_hand,
            set_aside: u64::try_from(self.store.set_aside_count().await?).unwrap_or(0),
            lanes: status.lanes_ready + status.lanes_waiting,
            outcomes: status.outcomes,
            tracks: status.tracks,
            tracks_cut: self.belt.tracks_cut().await?,
            epoch: u64::from(epoch),
        });
        Ok(Passed { rows: 0, more: false })
    }
}

impl Pass for EpochKeeper {
    async fn pass(&mut self, fence: u64) -> anyhow::Result<Passed> {
        match self.belt.phase().await? {
            Phase::Closed { .. } | Phase::Opening { .. } => {
                self.open(fence).await?;
                self.stops.forget();
                Ok(Passed { rows: 0, more: true })
            }
            Phase::Reporting { epoch } => self.rebuild(epoch, fence).await,
            Phase::Open { epoch } => self.look_after(epoch, fence).await,
        }
    }
}
