//! Where the links of messages lead.

use domain::{LinkTargets, TargetsId, UtcMillis};

use crate::{
    bulk::{Rows, Value},
    engine::Store,
    error::Result,
    row::{Read, json_text},
};

impl Store {
    /// Keeps lists under their names, for good: they stand in mail. What is there already stays as it is.
    ///
    /// # Errors
    /// When the book fails; then no message that needs them may go.
    pub async fn put_link_targets(&self, lists: &[LinkTargets], now: UtcMillis) -> Result<()> {
        if lists.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(4, lists.len());
        for list in lists {
            rows.push([
                list.id().to_string().into(),
                Value::Int(list.len() as i64),
                json_text(list).into(),
                Value::Int(now.get()),
            ]);
        }
        let mut tx = self.begin_write().await?;
        let engine = tx.engine;
        rows.execute(engine, tx.connection(), sql!("link_targets/add_many.sql")).await?;
        tx.commit().await
    }

    /// The list of this name.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn link_targets(&self, id: &TargetsId) -> Result<Option<LinkTargets>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("link_targets/get.sql"))
            .bind(id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| row.json("targets")).transpose()
    }
}
