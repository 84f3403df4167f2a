//! Pausing and cancelling above a single activation.

use domain::{
    ActivationId, CompanyId, Holder, PackageId, Scope, UtcMillis, VendorId, VersionId, VersionState,
};

use crate::{activation::activation_ids, engine::Store, error::Result, row::Read};

/// Something that is paused above a single activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What is paused.
    pub scope: Scope,
    /// For whom.
    pub holder: Holder,
    /// Who paused it.
    pub who: String,
    /// Since when.
    pub at: UtcMillis,
    /// Whose program it is in; `None` for everything.
    pub vendor: Option<VendorId>,
    /// Of a partner: its firm.
    pub company: Option<CompanyId>,
    /// What people call it: a vendor's name, a partner's key, a package's name; empty for everything.
    pub name: String,
    /// Of a version: its number.
    pub number: Option<i64>,
}

/// An activation that is paused by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PausedActivation {
    /// The activation.
    pub activation: ActivationId,
    /// Whose program it is in.
    pub vendor: VendorId,
    /// Whose mail it is.
    pub company: CompanyId,
    /// Who paused it; empty where an older program did.
    pub who: String,
    /// Since when, as far as that is known.
    pub at: Option<UtcMillis>,
}

/// A version, and what stands against its mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionStop {
    /// The version.
    pub version: VersionId,
    /// Where it stands.
    pub state: VersionState,
    /// It is paused, or its package is.
    pub is_paused: bool,
}

impl Store {
    /// Pauses a scope for `holder`; answers whether that is new.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn pause_scope(
        &self,
        scope: &Scope,
        holder: Holder,
        who: &str,
        now: UtcMillis,
    ) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let added = sqlx::query(sql!("pause/add.sql"))
            .bind(scope.as_str())
            .bind(holder.as_str())
            .bind(who)
            .bind(now.get())
            .execute(tx.connection())
            .await?
            .rows_affected();
        if added == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        let action = format!("pause {}", scope.level());
        tx.write_audit(now, who, &action, scope.as_str(), holder.as_str()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lifts the pause of a scope by one holder, or by everybody; answers how many there were.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn resume_scope(
        &self,
        scope: &Scope,
        holder: Option<Holder>,
        who: &str,
        now: UtcMillis,
    ) -> Result<u64> {
        let mut tx = self.begin_write().await?;
        let lifted = sqlx::query(sql!("pause/lift.sql"))
            .bind(scope.as_str())
            .bind(holder.map_or("", Holder::as_str))
            .execute(tx.connection())
            .await?
            .rows_affected();
        if lifted == 0 {
            tx.rollback().await?;
            return Ok(0);
        }
        let action = format!("resume {}", scope.level());
        let whose = holder.map_or("everybody", Holder::as_str);
        tx.write_audit(now, who, &action, scope.as_str(), whose).await?;
        tx.commit().await?;
        Ok(lifted)
    }

    /// Ends every live activation of a scope as cancelled, in one transaction; answers which. Their open sends are moved by
    /// [`Store::cancel_open_sends`], after the belt was told.
    ///
    /// # Errors
    /// When the book fails; then none is cancelled.
    pub async fn cancel_scope(
        &self,
        scope: &Scope,
        who: &str,
        now: UtcMillis,
    ) -> Result<Vec<ActivationId>> {
        let mut tx = self.begin_write().await?;
        let rows = sqlx::query(sql!("pause/cancel.sql"))
            .bind(scope.as_str())
            .bind(now.get())
            .fetch_all(tx.connection())
            .await?;
        if rows.is_empty() {
            tx.rollback().await?;
            return Ok(Vec::new());
        }
        let action = format!("cancel {}", scope.level());
        let count = rows.len().to_string();
        tx.write_audit(now, who, &action, scope.as_str(), &count).await?;
        tx.commit().await?;
        activation_ids(&rows)
    }

    /// Cancelled activations of a scope with open sends still: those of a cancel that was interrupted.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn cancelled_and_open(&self, scope: &Scope) -> Result<Vec<ActivationId>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("pause/cancelled_open.sql"))
            .bind(scope.as_str())
            .fetch_all(&mut *connection)
            .await?;
        activation_ids(&rows)
    }

    /// How many live activations a scope has.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn live_activations(&self, scope: &Scope) -> Result<i64> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("pause/live.sql"))
            .bind(scope.as_str())
            .fetch_one(&mut *connection)
            .await?;
        row.int("live")
    }

    /// Everything that is paused above a single activation, by when.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn pauses(&self) -> Result<Vec<Pause>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("pause/list.sql")).fetch_all(&mut *connection).await?;
        rows.iter()
            .map(|row| {
                Ok(Pause {
                    scope: row.parsed("subject")?,
                    holder: row.parsed("holder")?,
                    who: row.text("who")?,
                    at: row.time("at")?,
                    vendor: row.opt_parsed("vendor_id")?,
                    company: row.opt_parsed("company_id")?,
                    name: row.opt_text("name")?.unwrap_or_default(),
                    number: row.opt_int("number")?,
                })
            })
            .collect()
    }

    /// Activations that are paused by themselves, by id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn paused_activations(&self) -> Result<Vec<PausedActivation>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("pause/activations.sql")).fetch_all(&mut *connection).await?;
        rows.iter()
            .map(|row| {
                Ok(PausedActivation {
                    activation: ActivationId::new(row.int("activation_id")?),
                    vendor: row.parsed("vendor_id")?,
                    company: row.parsed("company_id")?,
                    who: row.opt_text("paused_by")?.unwrap_or_default(),
                    at: row.opt_time("paused_at")?,
                })
            })
            .collect()
    }

    /// The packages that a company ever launched, with the versions it did.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn packages_of_company(
        &self,
        company: &CompanyId,
    ) -> Result<Vec<(PackageId, VersionId)>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("pause/of_company.sql"))
            .bind(company.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(|row| Ok((row.parsed("package_id")?, row.parsed("version_id")?))).collect()
    }

    /// Whether anybody paused exactly this scope.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn is_paused(&self, scope: &Scope) -> Result<bool> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("pause/of.sql"))
            .bind(scope.as_str())
            .fetch_one(&mut *connection)
            .await?;
        Ok(row.int("pauses")? > 0)
    }

    /// The version of a scope, or all versions of its package, and what stands against each.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn version_stops(&self, scope: &Scope) -> Result<Vec<VersionStop>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("pause/versions.sql"))
            .bind(scope.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(VersionStop {
                    version: row.parsed("version_id")?,
                    state: row.parsed("state")?,
                    is_paused: row.flag("paused")?,
                })
            })
            .collect()
    }
}
