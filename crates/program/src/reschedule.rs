//! `move`: another time for the event of an activation.

use belt::Stop;
use domain::{ActivationId, StepKey, UtcMillis, schedule::Due};
use render::{event_moment, validate_slots};
use serde::Serialize;
use store::NewSchedule;

use crate::{
    actor::Actor,
    error::{Error, Result},
    launch::{bad_slots, event_at},
    program::{BeltTold, Program},
};

/// What a move changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The activation.
    pub activation: ActivationId,
    /// When the event was.
    pub from: Option<UtcMillis>,
    /// When it is now.
    pub to: UtcMillis,
    /// Sends that have another time now.
    pub moved: u64,
    /// Counts the changes: what was queued under an older one does not go out.
    pub schedule_revision: u32,
    /// Whether the belt knows already.
    pub belt: BeltTold,
}

impl Program {
    /// Gives the event of an activation another time, such as `2026-12-03T10:00[Europe/Vienna]`: the open
    /// sends of its steps move along, and nothing that was queued with the old time goes out.
    ///
    /// # Errors
    /// It is none of the actor's, has ended, or its package has no event; a time that can't be read or is
    /// over.
    pub async fn move_event(
        &self,
        actor: &Actor,
        activation: ActivationId,
        to: &str,
    ) -> Result<Moved> {
        let before = self.require_activation(actor, activation).await?;
        let compiled = self.compiled(&before.version_hash).await?;
        let package = compiled.package();
        let Some(slot) = package.motion.event_at() else {
            let why = format!("package {} has no event that could be moved", package.name);
            return Err(Error::Conflict { why });
        };
        let mut slots = before.slots.clone();
        slots.insert(slot.to_owned(), to.to_owned());
        let slots = validate_slots(package, &slots).map_err(bad_slots)?;
        let now = self.campaign_now().await?;
        event_at(package, &slots, now)?;
        let to = event_moment(package, &slots).unwrap_or(now);
        let zone = self.activation_zone(activation).await?;
        let due_at: Vec<(StepKey, UtcMillis)> = package
            .clock_steps()
            .filter_map(|step| {
                let due = step.due.filter(|due| Due::is_from_event(*due))?;
                Some((step.key.clone(), due.moment(to, &zone)))
            })
            .collect();
        let schedule = NewSchedule { event_at: Some(to), slots, due_at };
        let changed = self
            .store()
            .reschedule(activation, &schedule, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("move the activation"))?;
        let revision = changed.activation.schedule_revision;
        let key = belt::revision_key(activation);
        let belt = self
            .tell_belt("stop", |belt| async move {
                belt.set_stop(&key, Stop::OlderThan(revision)).await
            })
            .await;
        self.ring("feed").await;
        Ok(Moved {
            activation,
            from: before.event_at,
            to,
            moved: changed.moved,
            schedule_revision: revision,
            belt,
        })
    }

    /// The time zone by which the clocks of an activation's recipients are taken to go.
    pub(crate) async fn activation_zone(
        &self,
        activation: ActivationId,
    ) -> Result<jiff::tz::TimeZone> {
        let source = self
            .store()
            .shelf_source(activation)
            .await
            .map_err(Error::book("read the partner's time zone"))?;
        let name = source.map(|source| source.brand.time_zone).unwrap_or_default();
        Ok(jiff::tz::TimeZone::get(&name).unwrap_or(jiff::tz::TimeZone::UTC))
    }
}
