//! Who must not be mailed.

use domain::{AddressHash, HashScope, PartnerId, UtcMillis};
use sqlx::any::AnyRow;

use crate::{
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::Result,
    row::Read,
};

/// Why an address is suppressed.
pub mod reason {
    /// A relay said that the address does not exist. The audience decision calls it a bad address.
    pub const HARD_BOUNCE: &str = "hard_bounce";
    /// The recipient asked for no more mail.
    pub const UNSUBSCRIBED: &str = "unsubscribed";
    /// The recipient reported the mail as spam.
    pub const COMPLAINED: &str = "complained";
    /// Somebody put it on the list.
    pub const MANUAL: &str = "manual";
}

/// An address that must not be mailed in a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// `everywhere`, `vendor`, `company` or `topic`.
    pub scope: String,
    /// The vendor's or company's id; `<partner>/<topic>` for a topic; empty for `everywhere`.
    pub scope_id: String,
    /// The address's hash in that scope; for a topic, that of the partner's company.
    pub hash: AddressHash,
    /// See [`reason`].
    pub reason: String,
    /// Where it came from.
    pub source: String,
    /// Since when.
    pub at: UtcMillis,
}

impl Suppression {
    /// What stands for it on the belt.
    pub fn mark(&self) -> AddressHash {
        let about = self.scope_id.split_once('/').filter(|_| self.scope == "topic");
        about
            .and_then(|(partner, topic)| Some(self.hash.about(&partner.parse().ok()?, topic)))
            .unwrap_or_else(|| self.hash.clone())
    }
}

/// The `scope_id` of a topic in a partner's mail.
pub(crate) fn topic_id(partner: &PartnerId, topic: &str) -> String {
    format!("{partner}/{topic}")
}

fn suppression(row: &AnyRow) -> Result<Suppression> {
    Ok(Suppression {
        scope: row.text("scope")?,
        scope_id: row.text("scope_id")?,
        hash: row.parsed("address_hash")?,
        reason: row.text("reason")?,
        source: row.text("source")?,
        at: row.time("at")?,
    })
}

pub(crate) const fn word(scope: HashScope<'_>) -> &'static str {
    match scope {
        HashScope::Everywhere => "everywhere",
        HashScope::Vendor(_) => "vendor",
        HashScope::Company(_) => "company",
    }
}

pub(crate) fn scope_id<'a>(scope: HashScope<'a>) -> &'a str {
    match scope {
        HashScope::Everywhere => "",
        HashScope::Vendor(vendor) => vendor.as_str(),
        HashScope::Company(company) => company.as_str(),
    }
}

impl WriteTx {
    /// Adds suppressions; those that are there keep the reason they came with.
    pub(crate) async fn insert_suppressions(
        &mut self,
        scope: HashScope<'_>,
        hashes: &[AddressHash],
        reason: &str,
        source: &str,
        at: UtcMillis,
    ) -> Result<u64> {
        let mut rows = Rows::new(6, hashes.len());
        for hash in hashes {
            rows.push([
                word(scope).into(),
                scope_id(scope).into(),
                hash.as_str().into(),
                reason.into(),
                source.into(),
                Value::Int(at.get()),
            ]);
        }
        let engine = self.engine;
        rows.execute(engine, self.connection(), sql!("suppression/add_many.sql")).await
    }
}

impl Store {
    /// Suppresses addresses in a scope; answers how many were not suppressed there before.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn add_suppressions(
        &self,
        scope: HashScope<'_>,
        hashes: &[AddressHash],
        reason: &str,
        source: &str,
        now: UtcMillis,
    ) -> Result<u64> {
        let mut tx = self.begin_write().await?;
        let new = tx.insert_suppressions(scope, hashes, reason, source, now).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Suppresses addresses in a scope because somebody asked for it: with a word in the audit, if any is
    /// new. Answers how many are.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn suppress(
        &self,
        scope: HashScope<'_>,
        hashes: &[AddressHash],
        reason: &str,
        who: &str,
        now: UtcMillis,
    ) -> Result<u64> {
        let mut tx = self.begin_write().await?;
        let new = tx.insert_suppressions(scope, hashes, reason, who, now).await?;
        if new > 0 {
            let subject = if scope_id(scope).is_empty() { word(scope) } else { scope_id(scope) };
            let detail = format!("{new} as {reason}");
            tx.write_audit(now, who, "suppress", subject, &detail).await?;
        }
        tx.commit().await?;
        Ok(new)
    }

    /// How many of these addresses are not suppressed in a scope.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn count_unsuppressed(
        &self,
        scope: HashScope<'_>,
        hashes: &[AddressHash],
    ) -> Result<u64> {
        let mut rows = Rows::new(3, hashes.len());
        for hash in hashes {
            rows.push([word(scope).into(), scope_id(scope).into(), hash.as_str().into()]);
        }
        let engine = self.engine();
        let mut connection = self.read().await?;
        let text = sql!("suppression/missing_many.sql");
        Ok(rows.fetch(engine, &mut connection, text).await?.len() as u64)
    }

    /// The suppression of this hash in this scope.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn find_suppression(
        &self,
        scope: HashScope<'_>,
        hash: &AddressHash,
    ) -> Result<Option<Suppression>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("suppression/get.sql"))
            .bind(word(scope))
            .bind(scope_id(scope))
            .bind(hash.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(suppression).transpose()
    }

    /// A page of a scope's suppressions, by hash.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn suppressions(
        &self,
        scope: HashScope<'_>,
        after: Option<&AddressHash>,
        limit: i64,
    ) -> Result<Vec<Suppression>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("suppression/list.sql"))
            .bind(word(scope))
            .bind(scope_id(scope))
            .bind(after.map_or("", AddressHash::as_str))
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(suppression).collect()
    }

    /// Everything suppressed at `at` or later, in any scope: what the belt needs to know.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn suppressions_since(&self, at: UtcMillis) -> Result<Vec<Suppression>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("suppression/since.sql"))
            .bind(at.get())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(suppression).collect()
    }
}
