//! Moving a live activation from one version of its package to another.

use std::collections::BTreeMap;

use domain::{ActivationId, ContentHash, StepKey, UtcMillis, VersionId};

use crate::{
    activation::{Activation, activation, activation_ids},
    bulk::Rows,
    engine::Store,
    error::{Result, StoreError},
    row::json_text,
};

/// How an activation goes on under another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationMigration {
    /// The version it has.
    pub from: VersionId,
    /// The version it gets.
    pub to: VersionId,
    /// The hash of that version's content.
    pub to_hash: ContentHash,
    /// Every step of the old version that goes on, and what it is called in the new one.
    pub steps: Vec<(StepKey, StepKey)>,
    /// Steps of the old version that end.
    pub dropped: Vec<StepKey>,
    /// When each step of the new version is due, as far as all recipients have one time.
    pub due_at: Vec<(StepKey, UtcMillis)>,
    /// What the partner filled in, as the new version takes it.
    pub slots: BTreeMap<String, String>,
    /// Campaign time: what the new version would have sent before is late.
    pub campaign_now: UtcMillis,
}

/// What became of an activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationMigrated {
    /// The activation as it is now.
    pub activation: Activation,
    /// Sends of dropped steps that will not go.
    pub dropped: u64,
}

impl Store {
    /// The live activations of a version.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn live_activations_of(&self, version: &VersionId) -> Result<Vec<ActivationId>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("activation/live_of_version.sql"))
            .bind(version.as_str())
            .fetch_all(&mut *connection)
            .await?;
        activation_ids(&rows)
    }

    /// Moves an activation to another version, in one transaction; `None` if it has ended or has another
    /// version already. A send keeps its place under the new name of its step, so nobody gets a step
    /// twice; the audience is walked again for steps that are new.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn migrate_activation(
        &self,
        id: ActivationId,
        migration: &ActivationMigration,
        who: &str,
        now: UtcMillis,
    ) -> Result<Option<ActivationMigrated>> {
        let mut tx = self.begin_write().await?;
        // First of all, as whoever records does: the counts move with the names of steps.
        tx.lock_counts().await?;
        let before =
            tx.lock_activation(id).await?.ok_or_else(|| StoreError::not_found("activation", id))?;
        if !before.state.is_live() || before.version_id != migration.from {
            tx.rollback().await?;
            return Ok(None);
        }
        let row = sqlx::query(sql!("activation/migrate.sql"))
            .bind(id.get())
            .bind(migration.to.as_str())
            .bind(migration.to_hash.as_str())
            .bind(json_text(&migration.slots))
            .bind(migration.campaign_now.get())
            .bind(now.get())
            .fetch_one(tx.connection())
            .await?;
        let after = activation(&row)?;
        let mut dropped = 0;
        for step in &migration.dropped {
            dropped += sqlx::query(sql!("send/drop_step.sql"))
                .bind(id.get())
                .bind(step.as_str())
                .execute(tx.connection())
                .await?
                .rows_affected();
        }
        // Through a name that no step has: two steps may change their names with each other. A dropped
        // step keeps its sends under a name of its own, out of the way of a new step of that name.
        let renames: Vec<(&str, String, String)> = migration
            .steps
            .iter()
            .filter(|(old, new)| old != new)
            .map(|(old, new)| (old.as_str(), format!("{old}>{new}"), new.to_string()))
            .collect();
        for (old, between, _) in &renames {
            tx.rename_step(id, old, between).await?;
        }
        for (_, between, new) in &renames {
            tx.rename_step(id, between, new).await?;
        }
        let mut rows = Rows::new(3, migration.due_at.len());
        for (step, due_at) in &migration.due_at {
            rows.push([id.get().into(), step.as_str().into(), due_at.get().into()]);
        }
        let engine = tx.engine;
        rows.execute(engine, tx.connection(), sql!("send/reschedule_many.sql")).await?;
        let detail = format!("{} to {}", migration.from, migration.to);
        tx.write_audit(now, who, "migrate activation", &id.to_string(), &detail).await?;
        tx.commit().await?;
        Ok(Some(ActivationMigrated { activation: after, dropped }))
    }
}

impl crate::engine::WriteTx {
    async fn rename_step(&mut self, id: ActivationId, from: &str, to: &str) -> Result<()> {
        for text in [
            sql!("send/rename_step.sql"),
            sql!("rollup_hour/rename_step.sql"),
            sql!("rollup_link/rename_step.sql"),
        ] {
            sqlx::query(text).bind(id.get()).bind(from).bind(to).execute(self.connection()).await?;
        }
        Ok(())
    }
}
