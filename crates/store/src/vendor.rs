//! Vendors: the top-level tenants.

use domain::{UtcMillis, VendorId, VendorSender};
use sqlx::any::AnyRow;

use crate::{
    Change, Upserted,
    engine::Store,
    error::{Result, StoreError},
    row::{Read, json_text},
};

/// The brand that owns a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    /// Its id.
    pub id: VendorId,
    /// Its name, unique without regard to case.
    pub name: String,
    /// When it was added.
    pub created_at: UtcMillis,
}

fn vendor(row: &AnyRow) -> Result<Vendor> {
    Ok(Vendor {
        id: row.parsed("vendor_id")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
    })
}

impl Store {
    /// Adds a vendor; one of this name that is there already is the answer then.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn add_vendor(
        &self,
        name: &str,
        who: &str,
        now: UtcMillis,
    ) -> Result<Upserted<Vendor>> {
        let name = name.trim();
        let id = VendorId::from_ulid(self.ids().ulid(now));
        let mut tx = self.begin_write().await?;
        let added = sqlx::query(sql!("vendor/add.sql"))
            .bind(id.as_str())
            .bind(name)
            .bind(name.to_lowercase())
            .bind(now.get())
            .execute(tx.connection())
            .await?
            .rows_affected();
        let row = sqlx::query(sql!("vendor/find.sql"))
            .bind(name.to_lowercase())
            .fetch_optional(tx.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("vendor", name))?;
        let row = vendor(&row)?;
        if added > 0 {
            tx.write_audit(now, who, "add vendor", row.id.as_str(), &row.name).await?;
        }
        tx.commit().await?;
        let change = if added > 0 { Change::New } else { Change::Unchanged };
        Ok(Upserted { row, change })
    }

    /// The vendor of this id or name.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn find_vendor(&self, name_or_id: &str) -> Result<Option<Vendor>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("vendor/find.sql"))
            .bind(name_or_id.trim().to_lowercase())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(vendor).transpose()
    }

    /// Whom a vendor's invitations come from; `None` until it has said.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn vendor_sender(&self, id: &VendorId) -> Result<Option<VendorSender>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("vendor/sender.sql"))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(None) };
        row.opt_text("sender")?.map(|_| row.json("sender")).transpose()
    }

    /// Says whom a vendor's invitations come from.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a vendor that is not there.
    pub async fn set_vendor_sender(
        &self,
        id: &VendorId,
        sender: &VendorSender,
        who: &str,
        now: UtcMillis,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        let changed = sqlx::query(sql!("vendor/set_sender.sql"))
            .bind(id.as_str())
            .bind(json_text(sender))
            .execute(tx.connection())
            .await?;
        if changed.rows_affected() == 0 {
            return Err(StoreError::not_found("vendor", id));
        }
        tx.write_audit(now, who, "set vendor sender", id.as_str(), "").await?;
        tx.commit().await
    }

    /// All vendors, by name.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn vendors(&self) -> Result<Vec<Vendor>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("vendor/list.sql")).fetch_all(&mut *connection).await?;
        rows.iter().map(vendor).collect()
    }
}
