//! Who did what.

use domain::UtcMillis;
use sqlx::any::AnyRow;

use crate::{
    engine::{Store, WriteTx},
    error::Result,
    row::Read,
};

/// Something somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: UtcMillis,
    /// Who, as the caller named them.
    pub who: String,
    /// What, such as `pause activation`.
    pub action: String,
    /// To what: an id.
    pub subject: String,
    /// More about it.
    pub detail: String,
}

pub(crate) fn audit_row(row: &AnyRow) -> Result<AuditRow> {
    Ok(AuditRow {
        at: row.time("at")?,
        who: row.text("who")?,
        action: row.text("action")?,
        subject: row.text("subject")?,
        detail: row.text("detail")?,
    })
}

impl WriteTx {
    pub(crate) async fn write_audit(
        &mut self,
        at: UtcMillis,
        who: &str,
        action: &str,
        subject: &str,
        detail: &str,
    ) -> Result<()> {
        let id = self.ids.ulid(at).to_string();
        sqlx::query(sql!("audit/add.sql"))
            .bind(id)
            .bind(at.get())
            .bind(who)
            .bind(action)
            .bind(subject)
            .bind(detail)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

impl Store {
    /// The newest audit rows, newest first.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn audit(&self, limit: i64) -> Result<Vec<AuditRow>> {
        let mut connection = self.read().await?;
        let rows =
            sqlx::query(sql!("audit/list.sql")).bind(limit).fetch_all(&mut *connection).await?;
        rows.iter().map(audit_row).collect()
    }
}
