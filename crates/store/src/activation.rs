//! Activations: reading them, and moving them between states.

use std::collections::BTreeMap;

use domain::{
    ActivationId, ActivationState, CompanyId, ContactId, ContentHash, LaunchGroupId, ListId,
    PackageId, PartnerId, Scope, StepKey, UtcMillis, VendorId, VersionId,
    activation::ActivationCommand,
};
use sqlx::any::AnyRow;

use crate::{
    bulk::Rows,
    engine::{Store, WriteTx},
    error::{Result, StoreError},
    row::{Read, json_text},
};

/// One partner's launch of one package version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// Its id.
    pub id: ActivationId,
    /// Whose program it is in.
    pub vendor_id: VendorId,
    /// Whose mail it is.
    pub partner_id: PartnerId,
    /// The partner's firm.
    pub company_id: CompanyId,
    /// The package.
    pub package_id: PackageId,
    /// The version of it.
    pub version_id: VersionId,
    /// The hash of the version's content.
    pub version_hash: ContentHash,
    /// The partner's brand and sender as they were at the launch.
    pub revision: ContentHash,
    /// Whom it goes to.
    pub list_id: ListId,
    /// The click that made it.
    pub group_id: LaunchGroupId,
    /// Where it stands.
    pub state: ActivationState,
    /// What the partner filled in, by slot name.
    pub slots: BTreeMap<String, String>,
    /// Campaign time its steps count from.
    pub start_at: UtcMillis,
    /// When the event is that its steps are dated from, in an event motion.
    pub event_at: Option<UtcMillis>,
    /// Counts the changes after which what was queued before must not go out any more.
    pub schedule_revision: u32,
    /// When it was moved to another version of its package.
    pub migrated_at: Option<UtcMillis>,
    /// The last contact that was decided; 0 at first.
    pub expand_cursor: ContactId,
    /// Where the contacts stood when the expansion began; the last pass looks at what came after.
    pub expand_mark: Option<i64>,
    /// When its audience was decided to the end.
    pub expanded_at: Option<UtcMillis>,
    /// How many persons that was.
    pub audience: Option<i64>,
    /// When it was launched.
    pub created_at: UtcMillis,
    /// When it ended.
    pub ended_at: Option<UtcMillis>,
}

/// What a command did to an activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationChange {
    /// The activation as it is now.
    pub activation: Activation,
    /// The state it was in.
    pub before: ActivationState,
    /// Whether anything changed.
    pub changed: bool,
}

/// What must not be sent: the belt is told when it opens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stops {
    /// Activations that are paused, or were cancelled or recalled lately.
    pub activations: Vec<(ActivationId, ActivationState)>,
    /// Package versions that were recalled.
    pub versions: Vec<VersionId>,
    /// What is paused above a single activation, as the belt knows it: everything, vendors, partners and versions.
    pub pauses: Vec<Scope>,
    /// Live activations whose schedule was changed lately, with its revision: what was queued under
    /// an older one must not go out.
    pub revisions: Vec<(ActivationId, u32)>,
}

/// A new schedule of an activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSchedule {
    /// When the event is now.
    pub event_at: Option<UtcMillis>,
    /// What the partner filled in, by slot name.
    pub slots: BTreeMap<String, String>,
    /// When each step is due now.
    pub due_at: Vec<(StepKey, UtcMillis)>,
}

/// What a new schedule changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescheduled {
    /// The activation as it is now.
    pub activation: Activation,
    /// Sends that have another time now, those on the belt included.
    pub moved: u64,
}

pub(crate) fn activation(row: &AnyRow) -> Result<Activation> {
    Ok(Activation {
        id: ActivationId::new(row.int("activation_id")?),
        vendor_id: row.parsed("vendor_id")?,
        partner_id: row.parsed("partner_id")?,
        company_id: row.parsed("company_id")?,
        package_id: row.parsed("package_id")?,
        version_id: row.parsed("version_id")?,
        version_hash: row.parsed("version_hash")?,
        revision: row.parsed("revision")?,
        list_id: row.parsed("list_id")?,
        group_id: row.parsed("group_id")?,
        state: row.parsed("state")?,
        slots: row.json("slots")?,
        start_at: row.time("start_at")?,
        event_at: row.opt_time("event_at")?,
        schedule_revision: row.small("schedule_revision")?,
        migrated_at: row.opt_time("migrated_at")?,
        expand_cursor: ContactId::new(row.int("expand_cursor")?),
        expand_mark: row.opt_int("expand_mark")?,
        expanded_at: row.opt_time("expanded_at")?,
        audience: row.opt_int("audience")?,
        created_at: row.time("created_at")?,
        ended_at: row.opt_time("ended_at")?,
    })
}

impl Store {
    /// The activation of this id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn activation(&self, id: ActivationId) -> Result<Option<Activation>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("activation/get.sql"))
            .bind(id.get())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(activation).transpose()
    }

    /// A partner's newest activation of a package, whatever its state.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn latest_activation(
        &self,
        partner: &PartnerId,
        package: &PackageId,
    ) -> Result<Option<Activation>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("activation/latest.sql"))
            .bind(partner.as_str())
            .bind(package.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(activation).transpose()
    }

    /// Pauses, resumes or cancels. Cancelling moves the activation only; its open sends are moved by
    /// [`Store::cancel_open_sends`], in pieces, after the belt was told.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Transition`].
    pub async fn change_activation(
        &self,
        id: ActivationId,
        command: ActivationCommand,
        who: &str,
        now: UtcMillis,
    ) -> Result<ActivationChange> {
        let mut tx = self.begin_write().await?;
        let mut row =
            tx.lock_activation(id).await?.ok_or_else(|| StoreError::not_found("activation", id))?;
        let before = row.state;
        let after = before.after(command, row.expanded_at.is_some())?;
        if after == before {
            tx.rollback().await?;
            return Ok(ActivationChange { activation: row, before, changed: false });
        }
        row.state = after;
        row.ended_at = (!after.is_live()).then_some(now);
        sqlx::query(sql!("activation/set_state.sql"))
            .bind(id.get())
            .bind(after.as_str())
            .bind(row.ended_at.map(UtcMillis::get))
            .bind((after == ActivationState::Paused).then_some(who))
            .bind((after == ActivationState::Paused).then_some(now.get()))
            .execute(tx.connection())
            .await?;
        let action = match command {
            ActivationCommand::Pause => "pause activation",
            ActivationCommand::Resume => "resume activation",
            ActivationCommand::Cancel => "cancel activation",
        };
        tx.write_audit(now, who, action, &id.to_string(), before.as_str()).await?;
        // What was on the belt when it was paused may have ended since.
        if after == ActivationState::Running && !tx.complete(&[id], now).await?.is_empty() {
            row.state = ActivationState::Completed;
            row.ended_at = Some(now);
        }
        tx.commit().await?;
        Ok(ActivationChange { activation: row, before, changed: true })
    }

    /// Gives an activation's open sends other times, in one transaction, and counts its schedule
    /// revision up: what is on the belt goes back to the book by itself once the belt is told.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Ended`] when it is live no more.
    pub async fn reschedule(
        &self,
        id: ActivationId,
        schedule: &NewSchedule,
        who: &str,
        now: UtcMillis,
    ) -> Result<Rescheduled> {
        let mut tx = self.begin_write().await?;
        let before =
            tx.lock_activation(id).await?.ok_or_else(|| StoreError::not_found("activation", id))?;
        if !before.state.is_live() {
            return Err(StoreError::Ended { activation: id, state: before.state });
        }
        let row = sqlx::query(sql!("activation/reschedule.sql"))
            .bind(id.get())
            .bind(schedule.event_at.map(UtcMillis::get))
            .bind(json_text(&schedule.slots))
            .bind(now.get())
            .fetch_one(tx.connection())
            .await?;
        let activation = activation(&row)?;
        let mut rows = Rows::new(3, schedule.due_at.len());
        for (step, due_at) in &schedule.due_at {
            rows.push([id.get().into(), step.as_str().into(), due_at.get().into()]);
        }
        let engine = tx.engine;
        let moved = rows.execute(engine, tx.connection(), sql!("send/reschedule_many.sql")).await?;
        let at = schedule.event_at.map(|at| at.to_string()).unwrap_or_default();
        tx.write_audit(now, who, "move activation", &id.to_string(), &at).await?;
        tx.commit().await?;
        Ok(Rescheduled { activation, moved })
    }

    /// Ends what is due or queued of an activation as `cancelled`, 500 sends a transaction, so that
    /// nobody waits for a big one; answers how many. To be called once the activation has ended: that
    /// waited for the expansion that was writing, and no other begins.
    ///
    /// # Errors
    /// When the book fails; what was moved before stays moved.
    pub async fn cancel_open_sends(&self, id: ActivationId, reason: &str) -> Result<u64> {
        let mut moved = 0;
        loop {
            let mut tx = self.begin_write().await?;
            let part = sqlx::query(sql!("send/cancel_open.sql"))
                .bind(id.get())
                .bind(reason)
                .execute(tx.connection())
                .await?
                .rows_affected();
            tx.commit().await?;
            moved += part;
            if part == 0 {
                break;
            }
        }
        Ok(moved)
    }

    /// How many sends of these activations the belt stopped and the recorder wrote as cancelled, before
    /// [`Store::cancel_open_sends`] came to them.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn stopped_on_belt(&self, ids: &[ActivationId]) -> Result<u64> {
        const PART: usize = 1_000;
        let mut connection = self.read().await?;
        let mut stopped = 0;
        for part in ids.chunks(PART) {
            let mut rows = Rows::new(1, part.len());
            for id in part {
                rows.push([id.get().into()]);
            }
            let sql = sql!("send/stopped_many.sql");
            for row in rows.fetch(self.engine(), &mut connection, sql).await? {
                stopped += row.int("sends")?.unsigned_abs();
            }
        }
        Ok(stopped)
    }

    /// Ends those of these activations that run and have nothing open; answers which.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn complete_activations(
        &self,
        ids: &[ActivationId],
        now: UtcMillis,
    ) -> Result<Vec<ActivationId>> {
        let mut tx = self.begin_write().await?;
        let completed = tx.complete(ids, now).await?;
        tx.commit().await?;
        Ok(completed)
    }

    /// What must not be sent. Activations that ended before `ended_since` are left out: nothing of
    /// them can still be on the belt.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn stops(&self, ended_since: UtcMillis) -> Result<Stops> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("activation/stops.sql"))
            .bind(ended_since.get())
            .fetch_all(&mut *connection)
            .await?;
        let activations = rows
            .iter()
            .map(|row| Ok((ActivationId::new(row.int("activation_id")?), row.parsed("state")?)))
            .collect::<Result<_>>()?;
        let rows =
            sqlx::query(sql!("package_version/recalled.sql")).fetch_all(&mut *connection).await?;
        let versions = rows.iter().map(|row| row.parsed("version_id")).collect::<Result<_>>()?;
        let rows = sqlx::query(sql!("activation/revised.sql"))
            .bind(ended_since.get())
            .fetch_all(&mut *connection)
            .await?;
        let revisions = rows
            .iter()
            .map(|row| {
                let id = ActivationId::new(row.int("activation_id")?);
                Ok((id, row.small("schedule_revision")?))
            })
            .collect::<Result<_>>()?;
        let rows = sqlx::query(sql!("pause/keys.sql")).fetch_all(&mut *connection).await?;
        let pauses = rows.iter().map(|row| row.parsed("subject")).collect::<Result<_>>()?;
        Ok(Stops { activations, versions, pauses, revisions })
    }
}

impl WriteTx {
    /// Reads the activation and keeps others from changing it until the transaction ends.
    pub(crate) async fn lock_activation(&mut self, id: ActivationId) -> Result<Option<Activation>> {
        let row = sqlx::query(sql!("activation/lock.sql"))
            .bind(id.get())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(activation).transpose()
    }

    pub(crate) async fn complete(
        &mut self,
        ids: &[ActivationId],
        now: UtcMillis,
    ) -> Result<Vec<ActivationId>> {
        let mut rows = Rows::new(2, ids.len());
        for id in ids {
            rows.push([id.get().into(), now.get().into()]);
        }
        let engine = self.engine;
        let rows =
            rows.fetch(engine, self.connection(), sql!("activation/complete_many.sql")).await?;
        activation_ids(&rows)
    }
}

pub(crate) fn activation_ids(rows: &[AnyRow]) -> Result<Vec<ActivationId>> {
    rows.iter().map(|row| Ok(ActivationId::new(row.int("activation_id")?))).collect()
}
