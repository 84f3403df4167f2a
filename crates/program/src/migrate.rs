//! `package migrate`: running activations go on under another version of their package.

use std::collections::{BTreeMap, BTreeSet};

use belt::Stop;
use domain::{ActivationId, StepKey, UtcMillis, VendorId};
use render::{Package, event_moment, validate_slots};
use serde::Serialize;
use store::{Activation, ActivationMigration};

use crate::{
    actor::Actor,
    error::{Error, Problem, Result},
    program::{BeltTold, Program},
    version::VersionLine,
};

/// Which step of the old version is which of the new one.
#[derive(Debug, Clone, Default)]
pub struct StepMap {
    /// Steps with another name; a step whose name is in both versions need not be named.
    pub renamed: Vec<(String, String)>,
    /// Steps of the old version that end.
    pub dropped: Vec<String>,
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The version activations had.
    pub from: VersionLine,
    /// The version they have now.
    pub to: VersionLine,
    /// Activations that were moved.
    pub moved: Vec<ActivationId>,
    /// Those that stay with the old version, and why.
    pub stay: Vec<Stays>,
    /// Sends of dropped steps that will not go.
    pub dropped: u64,
    /// Whether the belt knows already.
    pub belt: BeltTold,
}

/// An activation that stays with its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stays {
    /// Which one.
    pub activation: ActivationId,
    /// What the new version does not take, slot by slot.
    pub problems: Vec<String>,
}

impl Program {
    /// Moves every live activation of a version to another version of its package. Nobody gets a step
    /// twice: a step that goes on keeps what was sent and what is to be sent; steps that are new are
    /// decided for everybody, and those whose time is over are skipped as late.
    ///
    /// # Errors
    /// The vendor is none of the actor's; no such versions, or of two packages; a new version that is not
    /// published; a step of the old version of which nothing is said.
    pub async fn migrate_version(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        from: &str,
        to: &str,
        map: &StepMap,
    ) -> Result<Migrated> {
        if !actor.runs(vendor) {
            return Err(Error::not_found("vendor", vendor));
        }
        let from = self.find_version(actor, vendor, from).await?;
        let to = self.find_version(actor, vendor, to).await?;
        if from.package != to.package || from.version == to.version {
            let why = format!(
                "{}@{} and {}@{} are not two versions of one package",
                from.package, from.number, to.package, to.number
            );
            return Err(Error::Conflict { why });
        }
        if to.state != domain::VersionState::Published {
            let why = format!("{}@{} is {}, not published", to.package, to.number, to.state);
            return Err(Error::Conflict { why });
        }
        let old = self.compiled(&from.hash).await?;
        let new = self.compiled(&to.hash).await?;
        let (steps, dropped) = mapped(old.package(), new.package(), map)?;
        let campaign_now = self.campaign_now().await?;
        let doing = "migrate the activations";
        let mut migrated = Migrated {
            moved: Vec::new(),
            stay: Vec::new(),
            dropped: 0,
            belt: BeltTold::Told,
            from,
            to,
        };
        let live = self
            .store()
            .live_activations_of(&migrated.from.version)
            .await
            .map_err(Error::book(doing))?;
        for id in live {
            let Some(activation) = self.store().activation(id).await.map_err(Error::book(doing))?
            else {
                continue;
            };
            let slots = match fitting(&activation, new.package()) {
                Ok(slots) => slots,
                Err(problems) => {
                    migrated.stay.push(Stays { activation: id, problems });
                    continue;
                }
            };
            let migration = ActivationMigration {
                from: migrated.from.version.clone(),
                to: migrated.to.version.clone(),
                to_hash: migrated.to.hash.clone(),
                steps: steps.clone(),
                dropped: dropped.clone(),
                due_at: self.due_at(&activation, new.package(), &slots).await?,
                slots,
                campaign_now,
            };
            let done = self
                .store()
                .migrate_activation(id, &migration, &actor.to_string(), self.now())
                .await
                .map_err(Error::book(doing))?;
            let Some(done) = done else { continue };
            let revision = done.activation.schedule_revision;
            let key = belt::revision_key(id);
            let told = self
                .tell_belt("stop", |belt| async move {
                    belt.set_stop(&key, Stop::OlderThan(revision)).await
                })
                .await;
            if told != BeltTold::Told {
                migrated.belt = told;
            }
            migrated.moved.push(id);
            migrated.dropped += done.dropped;
        }
        self.ring("expand").await;
        Ok(migrated)
    }

    /// When the steps of a package are due for an activation.
    async fn due_at(
        &self,
        activation: &Activation,
        package: &Package,
        slots: &BTreeMap<String, String>,
    ) -> Result<Vec<(StepKey, UtcMillis)>> {
        let zone = self.activation_zone(activation.id).await?;
        let event_at = event_moment(package, slots).or(activation.event_at);
        Ok(package
            .clock_steps()
            .filter_map(|step| {
                let due = step.due?;
                let anchor = if due.is_from_event() { event_at? } else { activation.start_at };
                Some((step.key.clone(), due.moment(anchor, &zone)))
            })
            .collect())
    }
}

type Mapped = (Vec<(StepKey, StepKey)>, Vec<StepKey>);

/// What becomes of every step of the old version.
fn mapped(old: &Package, new: &Package, map: &StepMap) -> Result<Mapped> {
    let find = |package: &Package, key: &str| {
        package.email_steps().map(|step| &step.key).find(|known| known.as_str() == key).cloned()
    };
    let mut problems = Vec::new();
    for (from, to) in &map.renamed {
        for (package, key, which) in [(old, from, "old"), (new, to, "new")] {
            if find(package, key).is_none() {
                let keys: Vec<&str> = package.email_steps().map(|step| step.key.as_str()).collect();
                let expected = format!("an email of the {which} version: {}", keys.join(", "));
                problems.push(Problem::new("--step", key, &expected));
            }
        }
    }
    let (mut steps, mut dropped) = (Vec::new(), Vec::new());
    let mut taken = BTreeSet::new();
    for step in old.email_steps() {
        let key = step.key.as_str();
        let renamed = map.renamed.iter().find(|(from, _)| from == key).map(|(_, to)| to.as_str());
        if map.dropped.iter().any(|dropped| dropped == key) {
            dropped.push(step.key.clone());
        } else if let Some(to) = find(new, renamed.unwrap_or(key)) {
            if !taken.insert(to.clone()) {
                problems.push(Problem::new("--step", to.as_str(), "one old step for each new one"));
            }
            steps.push((step.key.clone(), to));
        } else if renamed.is_none() {
            let expected =
                format!("`--step {key}=NEW` or `--drop {key}`: the new version has no {key}");
            problems.push(Problem::new("the step map", key, &expected));
        }
    }
    // A dropped step keeps what was sent of it under its name.
    for step in &dropped {
        if find(new, step.as_str()).is_some() && !taken.contains(step) {
            let expected = "a step that the new version does not have";
            problems.push(Problem::new("--drop", step.as_str(), expected));
        }
    }
    if problems.is_empty() { Ok((steps, dropped)) } else { Err(Error::BadInput { problems }) }
}

/// What a partner filled in, as far as another version knows the slots.
fn fitting(
    activation: &Activation,
    package: &Package,
) -> std::result::Result<BTreeMap<String, String>, Vec<String>> {
    let mut slots = activation.slots.clone();
    slots.retain(|name, _| package.slots.contains_key(name));
    validate_slots(package, &slots)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}
