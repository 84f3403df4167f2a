//! Feed: from due sends in the book to jobs on lanes, in bounded batches.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use belt::{Belt, Line, Phase};
use domain::PartnerId;
use store::{FeedWindow, Store};

use crate::{
    Parts,
    pass::{Pass, Passed},
    push::Pusher,
};

/// The loop that feeds.
pub struct Feed {
    store: Store,
    belt: Belt,
    pusher: Arc<Pusher>,
    belt_window: usize,
    lane_window: usize,
    batch: usize,
    /// Jobs waiting in each line that had any when it was last looked at.
    on_belt: BTreeMap<Line, usize>,
}

impl Feed {
    pub fn new(parts: &Parts, pusher: Arc<Pusher>) -> Self {
        let config = &parts.config.scheduler;
        Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            pusher,
            belt_window: config.belt_window,
            lane_window: config.lane_window,
            batch: config.feed_batch,
            on_belt: BTreeMap::new(),
        }
    }

    /// Asks the belt how full the lines are that were not empty; what is empty now is forgotten.
    async fn look_at_lines(&mut self) -> anyhow::Result<()> {
        let lines: Vec<Line> = self.on_belt.keys().cloned().collect();
        let depths = self.belt.line_depths(&lines).await?;
        self.on_belt = lines
            .into_iter()
            .zip(depths)
            .filter(|(_, depth)| *depth > 0)
            .map(|(line, depth)| (line, depth as usize))
            .collect();
        Ok(())
    }

    /// What each lane has on the belt for each provider, whatever it is sent from.
    fn by_provider(&self) -> HashMap<(PartnerId, String), usize> {
        let mut counts = HashMap::with_capacity(self.on_belt.len());
        for (line, depth) in &self.on_belt {
            *counts.entry((line.lane.clone(), line.provider.clone())).or_default() += depth;
        }
        counts
    }
}

impl Pass for Feed {
    async fn pass(&mut self, fence: u64) -> anyhow::Result<Passed> {
        let idle = Passed { rows: 0, more: false };
        // Marking rows as queued while nothing can be pushed would only make work for reconcile.
        let Phase::Open { epoch } = self.belt.phase().await? else {
            return Ok(idle);
        };
        self.pusher.set_epoch(epoch);
        // Asked before rows are marked: what is put back meanwhile must not be pushed again by a pass that was held up.
        let round = self.belt.round().await?;
        if round.epoch != epoch {
            return Ok(idle);
        }
        let room = self.belt_window.saturating_sub(self.belt.queued().await? as usize);
        let total = room.min(self.batch);
        if total == 0 {
            return Ok(idle);
        }
        self.look_at_lines().await?;
        let on_belt = self.by_provider();
        let now = self.belt.clock().await?.campaign;
        let window = FeedWindow {
            now,
            until: now,
            per_lane: self.lane_window,
            // At most twice what is free: one provider that is slow leaves a third of the window to
            // the others, and several leave less and less, but always something.
            per_provider: room * 2,
            total,
            on_belt: &on_belt,
        };
        let fed = self.store.feed(&window).await?;
        for line in self.pusher.push(&fed.sends, round, fence).await?.lines {
            *self.on_belt.entry(line).or_default() += 1;
        }
        let rows = fed.sends.len() as u64 + fed.skipped;
        Ok(Passed { rows, more: rows > 0 })
    }
}
