//! Settings that belong to the book and not to a process.

use domain::UtcMillis;

use crate::{engine::Store, error::Result, error::StoreError, row::Read};

const CAMPAIGN_OFFSET: &str = "campaign_offset_ms";

impl Store {
    /// How far campaign time is ahead of the belt's clock, in milliseconds; 0 unless somebody moved it.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn campaign_offset(&self) -> Result<i64> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("setting/get.sql"))
            .bind(CAMPAIGN_OFFSET)
            .fetch_optional(&mut *connection)
            .await?;
        row.map_or(Ok(0), |row| row.parsed("value"))
    }

    /// Moves campaign time to be this many milliseconds ahead of the belt's clock.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn set_campaign_offset(&self, millis: i64, who: &str, now: UtcMillis) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("setting/put.sql"))
            .bind(CAMPAIGN_OFFSET)
            .bind(millis.to_string())
            .execute(tx.connection())
            .await?;
        tx.write_audit(now, who, "set campaign offset", CAMPAIGN_OFFSET, &millis.to_string())
            .await?;
        tx.commit().await?;
        Ok::<(), StoreError>(())
    }
}
