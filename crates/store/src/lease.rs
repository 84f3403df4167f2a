//! Who works: a lease with a number that only grows.

use std::time::Duration;

use domain::UtcMillis;

use crate::{engine::Store, error::Result, row::Read};

/// A lease that is held. Its number is the fence: the belt refuses whoever shows a lower one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is for.
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// Larger than that of every holder before.
    pub number: i64,
    /// Until when, by the clock the caller passes in.
    pub expires_at: UtcMillis,
}

impl Store {
    /// Takes the lease if nobody holds it at `now`, for `ttl`. Whoever holds it already keeps it under
    /// the same number.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        now: UtcMillis,
        ttl: Duration,
    ) -> Result<Option<Lease>> {
        let expires_at = now.plus(ttl);
        let mut tx = self.begin_write().await?;
        let row = sqlx::query(sql!("lease/acquire.sql"))
            .bind(name)
            .bind(holder)
            .bind(expires_at.get())
            .bind(now.get())
            .fetch_optional(tx.connection())
            .await?;
        tx.commit().await?;
        row.map(|row| {
            Ok(Lease {
                name: name.to_owned(),
                holder: holder.to_owned(),
                number: row.int("number")?,
                expires_at,
            })
        })
        .transpose()
    }

    /// Keeps the lease for another `ttl`; `None` when it was lost.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn renew_lease(
        &self,
        lease: &Lease,
        now: UtcMillis,
        ttl: Duration,
    ) -> Result<Option<Lease>> {
        let expires_at = now.plus(ttl);
        let mut tx = self.begin_write().await?;
        let row = sqlx::query(sql!("lease/renew.sql"))
            .bind(lease.name.as_str())
            .bind(lease.holder.as_str())
            .bind(lease.number)
            .bind(expires_at.get())
            .bind(now.get())
            .fetch_optional(tx.connection())
            .await?;
        tx.commit().await?;
        Ok(row.map(|_| Lease { expires_at, ..lease.clone() }))
    }

    /// Gives the lease up, so that another need not wait for its end.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn release_lease(&self, lease: &Lease) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("lease/release.sql"))
            .bind(lease.name.as_str())
            .bind(lease.holder.as_str())
            .bind(lease.number)
            .execute(tx.connection())
            .await?;
        tx.commit().await
    }
}
