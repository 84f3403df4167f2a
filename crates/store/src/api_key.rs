//! Keys of the API.

use domain::{ApiKeyHash, ApiKeyId, UtcMillis};
use sqlx::any::AnyRow;

use crate::{
    engine::Store,
    error::{Result, StoreError},
    row::Read,
};

word! {
    /// For whom a key asks.
    ApiKeyScope ("a key's scope: ops, vendor or company") {
        /// Whoever runs the installation.
        Ops = "ops",
        /// One vendor.
        Vendor = "vendor",
        /// One company.
        Company = "company",
    }
}

/// A key of the API, as the book has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// The part that may be shown.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// What is kept of the rest.
    pub hash: ApiKeyHash,
    /// For whom it asks.
    pub scope: ApiKeyScope,
    /// The vendor's or company's id; empty for ops.
    pub scope_id: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UtcMillis,
    /// From when on it is none any more.
    pub expires_at: Option<UtcMillis>,
    /// When it was revoked.
    pub revoked_at: Option<UtcMillis>,
    /// When it was last used, give or take what [`Store::note_api_key_use`] was told.
    pub used_at: Option<UtcMillis>,
}

fn api_key(row: &AnyRow) -> Result<ApiKeyRow> {
    Ok(ApiKeyRow {
        id: row.parsed("key_id")?,
        name: row.text("name")?,
        hash: row.parsed("secret_hash")?,
        scope: row.parsed("scope")?,
        scope_id: row.text("scope_id")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.opt_time("expires_at")?,
        revoked_at: row.opt_time("revoked_at")?,
        used_at: row.opt_time("used_at")?,
    })
}

impl Store {
    /// A new id for a key.
    pub fn new_api_key_id(&self, now: UtcMillis) -> ApiKeyId {
        ApiKeyId::from_ulid(self.ids().ulid(now))
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn add_api_key(&self, key: &ApiKeyRow) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("api_key/add.sql"))
            .bind(key.id.as_str())
            .bind(key.name.as_str())
            .bind(key.hash.to_string())
            .bind(key.scope.as_str())
            .bind(key.scope_id.as_str())
            .bind(key.created_by.as_str())
            .bind(key.created_at.get())
            .bind(key.expires_at.map(UtcMillis::get))
            .execute(tx.connection())
            .await?;
        let detail = format!("{} for {} {}", key.name, key.scope, key.scope_id);
        let action = "add api key";
        tx.write_audit(key.created_at, &key.created_by, action, key.id.as_str(), detail.trim())
            .await?;
        tx.commit().await
    }

    /// The key of this id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRow>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("api_key/get.sql"))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(api_key).transpose()
    }

    /// All keys, those of old first.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn api_keys(&self) -> Result<Vec<ApiKeyRow>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("api_key/list.sql")).fetch_all(&mut *connection).await?;
        rows.iter().map(api_key).collect()
    }

    /// Ends a key for good; answers whether it was none before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke_api_key(&self, id: &ApiKeyId, who: &str, now: UtcMillis) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let revoked = sqlx::query(sql!("api_key/revoke.sql"))
            .bind(id.as_str())
            .bind(now.get())
            .execute(tx.connection())
            .await?
            .rows_affected();
        if revoked == 0 {
            tx.rollback().await?;
            let known = self.api_key(id).await?;
            return known.map(|_| false).ok_or_else(|| StoreError::not_found("api key", id));
        }
        tx.write_audit(now, who, "revoke api key", id.as_str(), "").await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that a key was used, unless that is known of a time after `unless_since` already.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn note_api_key_use(
        &self,
        id: &ApiKeyId,
        now: UtcMillis,
        unless_since: UtcMillis,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("api_key/used.sql"))
            .bind(id.as_str())
            .bind(now.get())
            .bind(unless_since.get())
            .execute(tx.connection())
            .await?;
        tx.commit().await
    }
}
