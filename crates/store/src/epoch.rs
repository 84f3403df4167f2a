//! What a belt that lost its memory is rebuilt by: the epoch, the workers there were, and how far
//! the recorder had come.

use domain::UtcMillis;

use crate::{
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::{Result, StoreError},
    row::Read,
};

/// A worker that has been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterEntry {
    /// Its name on the belt.
    pub worker: String,
    /// The epoch it was seen in.
    pub epoch: u32,
    /// When it was last seen.
    pub seen_at: UtcMillis,
}

impl Store {
    /// The next epoch, which nobody was given before.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn next_epoch(&self) -> Result<u32> {
        let mut tx = self.begin_write().await?;
        let epoch = tx.next_count("epoch").await?;
        tx.commit().await?;
        small(epoch)
    }

    /// The epoch that was given out last; 0 before the first.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn epoch(&self) -> Result<u32> {
        let mut connection = self.read().await?;
        let row =
            sqlx::query(sql!("counter/get.sql")).bind("epoch").fetch_one(&mut *connection).await?;
        small(row.int("value")?)
    }

    /// Replaces the roster.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn save_roster(&self, roster: &[RosterEntry]) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("worker_roster/clear.sql")).execute(tx.connection()).await?;
        let mut rows = Rows::new(3, roster.len());
        for entry in roster {
            rows.push([
                entry.worker.as_str().into(),
                Value::Int(i64::from(entry.epoch)),
                Value::Int(entry.seen_at.get()),
            ]);
        }
        let engine = tx.engine;
        rows.execute(engine, tx.connection(), sql!("worker_roster/add_many.sql")).await?;
        tx.commit().await
    }

    /// The roster as it was saved last, by name.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn roster(&self) -> Result<Vec<RosterEntry>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("worker_roster/list.sql")).fetch_all(&mut *connection).await?;
        rows.iter()
            .map(|row| {
                Ok(RosterEntry {
                    worker: row.text("worker")?,
                    epoch: row.small("epoch")?,
                    seen_at: row.time("seen_at")?,
                })
            })
            .collect()
    }

    /// How far the recorder has come in this stream.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn recorder_position(&self, stream: &str) -> Result<Option<String>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("recorder_position/get.sql"))
            .bind(stream)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| row.text("position")).transpose()
    }

    /// Notes how far the recorder has come, for entries that change nothing else in the book.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn set_recorder_position(&self, stream: &str, position: &str) -> Result<()> {
        let mut tx = self.begin_write().await?;
        tx.put_recorder_position(stream, position).await?;
        tx.commit().await
    }
}

impl WriteTx {
    pub(crate) async fn put_recorder_position(
        &mut self,
        stream: &str,
        position: &str,
    ) -> Result<()> {
        sqlx::query(sql!("recorder_position/put.sql"))
            .bind(stream)
            .bind(position)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn small(value: i64) -> Result<u32> {
    u32::try_from(value)
        .map_err(|_| StoreError::Corrupt { column: "value", text: value.to_string() })
}
