//! Feed: from due sends in the book to jobs on lanes, in bounded batches.

use std::{collections::HashMap, sync::Arc};

use belt::{Belt, Phase};
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
    /// Jobs waiting on each lane that had any when it was last looked at.
    on_belt: HashMap<PartnerId, usize>,
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
            on_belt: HashMap::new(),
        }
    }

    /// Asks the belt how full the lanes are that were not empty; what is empty now is forgotten.
    async fn look_at_lanes(&mut self) -> anyhow::Result<()> {
        let lanes: Vec<PartnerId> = self.on_belt.keys().cloned().collect();
        let depths = self.belt.lane_depths(&lanes).await?;
        self.on_belt = lanes
            .into_iter()
            .zip(depths)
            .filter(|(_, depth)| *depth > 0)
            .map(|(lane, depth)| (lane, depth as usize))
            .collect();
        Ok(())
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
        let room = self.belt_window.saturating_sub(self.belt.queued().await? as usize);
        let total = room.min(self.batch);
        if total == 0 {
            return Ok(idle);
        }
        self.look_at_lanes().await?;
        let now = self.belt.clock().await?.campaign;
        let window = FeedWindow {
            now,
            until: now,
            per_lane: self.lane_window,
            total,
            on_belt: &self.on_belt,
        };
        let fed = self.store.feed(&window).await?;
        for send in &fed.sends {
            *self.on_belt.entry(send.partner.clone()).or_default() += 1;
        }
        self.pusher.push(&fed.sends, fence).await?;
        let rows = fed.sends.len() as u64 + fed.skipped;
        Ok(Passed { rows, more: rows > 0 })
    }
}
