//! Record: from the belt's `outcomes` stream into the book.

use std::time::Duration;

use belt::{Belt, StreamId};
use domain::{UtcMillis, merge::GiveUp};
use store::{Store, StreamedOutcome};

use crate::{
    FEED_BELL, Parts,
    pass::{Pass, Passed},
};

/// The stream's name in the book.
pub const STREAM: &str = "outcomes";
/// How long one pass waits for something to record.
const WAIT: Duration = Duration::from_secs(1);

/// The loop that records.
pub struct Record {
    store: Store,
    belt: Belt,
    batch: usize,
    wait: Duration,
    give_up: GiveUp,
    /// Where it stands, and under which fence it read that from the book.
    position: Option<(u64, StreamId)>,
}

impl Record {
    pub fn new(parts: &Parts) -> Self {
        Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            batch: parts.config.scheduler.record_batch,
            wait: WAIT,
            give_up: parts.config.give_up(),
            position: None,
        }
    }

    /// Takes what there is.
    pub fn without_waiting(self) -> Self {
        Self { wait: Duration::ZERO, ..self }
    }

    async fn position(&mut self, fence: u64) -> anyhow::Result<StreamId> {
        if let Some((read_under, position)) = self.position
            && read_under == fence
        {
            return Ok(position);
        }
        let position = position(&self.store, STREAM).await?;
        // The belt may have been told less than the book holds, by a recorder that died between the two.
        self.belt.commit(position).await?;
        Ok(position)
    }
}

/// How far the book has read a stream.
pub async fn position(store: &Store, stream: &str) -> anyhow::Result<StreamId> {
    match store.recorder_position(stream).await? {
        Some(text) => Ok(text.parse()?),
        None => Ok(StreamId::default()),
    }
}

impl Pass for Record {
    async fn pass(&mut self, fence: u64) -> anyhow::Result<Passed> {
        let after = self.position(fence).await?;
        // Until this pass has ended well the book is asked again.
        self.position = None;
        let read = self.belt.read_outcomes(after, self.batch, self.wait).await?;
        let Some((last, last_was_unreadable)) =
            read.last().map(|recorded| (recorded.id, recorded.record.is_err()))
        else {
            self.position = Some((fence, after));
            // It has waited already: no rest.
            return Ok(Passed { rows: 0, more: true });
        };
        let clock = self.belt.clock().await?;
        let offset = clock.campaign.get() - clock.redis.get();
        let mut outcomes = Vec::with_capacity(read.len());
        for recorded in read {
            match recorded.record {
                Ok(record) => outcomes.push(StreamedOutcome {
                    position: recorded.id.to_string(),
                    record,
                    at: UtcMillis::new(recorded.id.ms as i64 + offset),
                }),
                // It is passed over, and its send found by reconcile.
                Err(unreadable) => {
                    tracing::error!(stream.position = %recorded.id, error = %unreadable, "outcome can't be read");
                }
            }
        }
        let recorded = self.store.record(STREAM, &outcomes, self.give_up).await?;
        // `record` has moved the position to the last outcome it was given; what can't be read and
        // came after that is passed over here.
        if last_was_unreadable {
            self.store.set_recorder_position(STREAM, &last.to_string()).await?;
        }
        if recorded.unknown > 0 {
            tracing::warn!(outcomes = recorded.unknown, "outcomes of sends the book does not know");
        }
        if !recorded.suppressed.is_empty() {
            self.belt.suppress(&recorded.suppressed).await?;
        }
        self.belt.commit(last).await?;
        self.position = Some((fence, last));
        if recorded.changed.iter().any(|changed| changed.after == domain::SendState::Due) {
            self.belt.ring(FEED_BELL).await.ok();
        }
        Ok(Passed { rows: recorded.new + recorded.repeated, more: true })
    }
}
