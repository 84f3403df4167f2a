//! Sends that are queued in the book: finding them, putting them back, giving them up to a person.

use domain::{ActivationId, PartnerId, SendId, UtcMillis};

use crate::{
    activation::activation_ids,
    bulk::{Rows, Value},
    engine::Store,
    error::Result,
    feed::{Fed, Queue},
    row::Read,
};

/// Where a walk over queued sends stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuedKey {
    /// The activation.
    pub activation: ActivationId,
    /// The send in it.
    pub send: SendId,
}

/// A send that is queued in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedSend {
    /// Its place in the walk.
    pub key: QueuedKey,
    /// The send.
    pub send: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// Its partner, which is its lane.
    pub partner: PartnerId,
    /// When it was fed last.
    pub fed_at: UtcMillis,
}

impl Store {
    /// Queued sends that were fed at `fed_before` or earlier, past `after`, at most `limit`. With the
    /// largest time there is: all of them.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn queued_sends(
        &self,
        fed_before: UtcMillis,
        after: Option<QueuedKey>,
        limit: i64,
    ) -> Result<Vec<QueuedSend>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("send/queued_page.sql"))
            .bind(fed_before.get())
            .bind(after.map_or(0, |key| key.activation.get()))
            .bind(after.map_or(0, |key| key.send.get()))
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                let activation = ActivationId::new(row.int("activation_id")?);
                let send = SendId::new(row.int("send_id")?);
                Ok(QueuedSend {
                    key: QueuedKey { activation, send },
                    send,
                    activation,
                    partner: row.parsed("partner_id")?,
                    fed_at: row.time("fed_at")?,
                })
            })
            .collect()
    }

    /// Reads these sends again; those that are still queued, of activations that may go on, are noted
    /// as fed `now` and come back to be pushed. Those suppressed meanwhile are skipped. What was fed later than
    /// `fed_before` came back and went out again since it was looked for: it is somebody else's.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn requeue(
        &self,
        sends: &[SendId],
        fed_before: UtcMillis,
        now: UtcMillis,
    ) -> Result<Fed> {
        if sends.is_empty() {
            return Ok(Fed::default());
        }
        let ids: Vec<i64> = sends.iter().map(|send| send.get()).collect();
        let mut tx = self.begin_write().await?;
        let fed = tx.queue(&ids, Queue::Again { fed_before }, now).await?;
        tx.commit().await?;
        Ok(fed)
    }

    /// Takes these sends back into the book, due at `due_at`, if they are still queued; answers how many.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn make_due(&self, sends: &[SendId], due_at: UtcMillis) -> Result<u64> {
        let mut rows = Rows::new(2, sends.len());
        for send in sends {
            rows.push([Value::Int(send.get()), Value::Int(due_at.get())]);
        }
        if rows.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin_write().await?;
        let engine = tx.engine;
        let moved = rows.execute(engine, tx.connection(), sql!("send/make_due_many.sql")).await?;
        tx.commit().await?;
        Ok(moved)
    }

    /// Holds these sends for a person to decide, if they are still queued; answers how many.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn hold_sends(&self, sends: &[SendId], reason: &str, now: UtcMillis) -> Result<u64> {
        let mut rows = Rows::new(2, sends.len());
        for send in sends {
            rows.push([Value::Int(send.get()), reason.into()]);
        }
        if rows.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin_write().await?;
        let engine = tx.engine;
        let held = rows.fetch(engine, tx.connection(), sql!("send/hold_many.sql")).await?;
        let mut activations = activation_ids(&held)?;
        activations.sort_unstable();
        activations.dedup();
        tx.complete(&activations, now).await?;
        tx.commit().await?;
        Ok(held.len() as u64)
    }
}
