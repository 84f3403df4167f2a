//! Reconcile: finds sends that are queued in the book and nowhere else, and puts them back.

use std::{sync::Arc, time::Duration};

use belt::{Belt, Phase, Place};
use domain::SendId;
use store::{QueuedKey, Store};

use crate::{
    Parts,
    pass::{Pass, Passed},
    push::Pusher,
};

/// How many candidates one pass looks at.
const CANDIDATES: i64 = 1_000;

/// The loop that reconciles.
pub struct Reconcile {
    store: Store,
    belt: Belt,
    pusher: Arc<Pusher>,
    after: Duration,
    recorded_within: Duration,
    cursor: Option<QueuedKey>,
}

impl Reconcile {
    pub fn new(parts: &Parts, pusher: Arc<Pusher>) -> Self {
        Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            pusher,
            after: parts.config.scheduler.reconcile_after.get(),
            recorded_within: RECORDED_WITHIN,
            cursor: None,
        }
    }

    /// Looks once how far the recorder is.
    pub fn without_waiting(self) -> Self {
        Self { recorded_within: Duration::ZERO, ..self }
    }

    /// Those of `sends` that are neither on a lane nor in hands.
    async fn nowhere(&self, sends: &[SendId]) -> belt::Result<Vec<SendId>> {
        let places = self.belt.find(sends).await?;
        let lost = sends.iter().zip(places).filter(|(_, place)| matches!(place, Place::Nowhere));
        Ok(lost.map(|(send, _)| *send).collect())
    }
}

impl Pass for Reconcile {
    /// The order is what makes it right: a send that has left the belt since it was looked for has
    /// its outcome in the stream before the noted tail, so once the recorder is past the tail the
    /// book shows it ended, and it is not pushed again.
    async fn pass(&mut self, fence: u64) -> anyhow::Result<Passed> {
        let idle = Passed { rows: 0, more: false };
        let Phase::Open { epoch } = self.belt.phase().await? else {
            return Ok(idle);
        };
        let now = self.belt.clock().await?.campaign;
        let fed_before = now.minus(self.after);
        let candidates =
            self.store.queued_sends(fed_before, self.cursor.take(), CANDIDATES).await?;
        let Some(last) = candidates.last() else {
            return Ok(idle);
        };
        if candidates.len() as i64 == CANDIDATES {
            self.cursor = Some(last.key);
        }
        let sends: Vec<SendId> = candidates.iter().map(|candidate| candidate.send).collect();
        let passed_by = Passed { rows: 0, more: self.cursor.is_some() };
        let lost = self.nowhere(&sends).await?;
        if lost.is_empty() {
            return Ok(passed_by);
        }
        // A push of them may be on its way. From here on it comes too late, so this look is the one that counts.
        let round = self.belt.begin_round(epoch, fence).await?;
        let lost = self.nowhere(&lost).await?;
        if lost.is_empty() {
            return Ok(passed_by);
        }
        wait_until_recorded(&self.belt, self.recorded_within).await?;
        let fed = self.store.requeue(&lost, fed_before, now).await?;
        let pushed = self.pusher.push(&fed.sends, round, fence).await?.pushed;
        if pushed > 0 {
            tracing::info!(sends = pushed, "queued in the book and nowhere else: put back");
        }
        Ok(Passed { rows: pushed + fed.skipped, more: self.cursor.is_some() })
    }
}

/// How long a pass waits for the recorder before it fails and the next one looks again.
pub const RECORDED_WITHIN: Duration = Duration::from_secs(5);

/// Waits until the recorder has committed what is in the stream now.
///
/// # Errors
/// When it takes longer than `within`: the recorder is behind or stuck, and the caller's next pass looks
/// again.
pub async fn wait_until_recorded(belt: &Belt, within: Duration) -> anyhow::Result<()> {
    if !belt.wait_until_recorded(within).await? {
        anyhow::bail!("the recorder has not caught up within {within:?}");
    }
    Ok(())
}
