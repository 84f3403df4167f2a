//! `pause`, `resume` and `cancel` above a single activation: a partner, a package, a version, a vendor, everything.
//!
//! Pauses add up: what was paused at one level stays paused whatever is resumed at another. A pause belongs to whoever it was
//! made for (ops, the vendor, the company), and each lifts its own; ops lifts all.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use belt::Stop;
use domain::{
    ActivationId, CompanyId, Holder, Scope, UtcMillis, VersionState, activation::ActivationCommand,
};
use serde::Serialize;
use store::{Activation, Pause, PausedActivation};

use crate::{
    actor::Actor,
    error::{Error, Result},
    program::{BeltTold, Program},
};

/// How long the answer to a cancel waits for the book to hear of what is out already.
const OUT_WITHIN: Duration = Duration::from_secs(3);

/// A pause, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PauseLine {
    /// The level: `all`, `vendor`, `partner`, `package`, `version` or `activation`.
    pub level: &'static str,
    /// What is paused: `all`, or its id.
    pub subject: String,
    /// What people call it; empty where it has no name but its id.
    pub name: String,
    /// For whom; `None` for an activation, which whoever sees it may resume.
    pub holder: Option<Holder>,
    /// Who paused it; empty where an older program did.
    pub who: String,
    /// Since when, as far as that is known.
    pub since: Option<UtcMillis>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Controlled {
    /// The level.
    pub level: &'static str,
    /// What was commanded: `all`, or its id.
    pub subject: Scope,
    /// Whether the command changed anything.
    pub changed: bool,
    /// Activations that were live under it when it was commanded.
    pub activations: u64,
    /// Sends that were open and will not go: of a cancel.
    pub sends_cancelled: u64,
    /// Who pauses exactly this, still.
    pub paused_by: Vec<PauseLine>,
    /// Whether the belt knows already.
    pub belt: BeltTold,
}

/// What people name when they control something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlOf {
    /// Everything.
    All,
    /// A vendor, by name or id; without one, the only one there is.
    Vendor(Option<String>),
    /// A partner, by key or id.
    Partner {
        /// Its vendor, by name or id; needed only when there are several.
        vendor: Option<String>,
        /// The partner.
        partner: String,
    },
    /// A package, by name or id, or one version of it.
    Package {
        /// Its vendor, by name or id; needed only when there are several.
        vendor: Option<String>,
        /// The package.
        package: String,
        /// Which one of its versions, from 1; without it, all.
        version: Option<i64>,
    },
}

/// What keeps mail back.
pub(crate) struct Pauses {
    pub above: Vec<Pause>,
    by_themselves: HashMap<ActivationId, PausedActivation>,
}

impl Pauses {
    /// What keeps an activation back, itself first.
    pub fn of(&self, activation: &Activation) -> Vec<PauseLine> {
        if !activation.state.is_live() {
            return Vec::new();
        }
        let itself = self.by_themselves.get(&activation.id).map(|row| PauseLine {
            level: "activation",
            subject: row.activation.to_string(),
            name: String::new(),
            holder: None,
            who: row.who.clone(),
            since: row.at,
        });
        itself.into_iter().chain(standing_against(activation, &self.above)).collect()
    }
}

/// Those of the pauses that stand against an activation, which may be paused by itself too.
pub(crate) fn standing_against(activation: &Activation, pauses: &[Pause]) -> Vec<PauseLine> {
    let is_under = |scope: &Scope| match scope {
        Scope::All => true,
        Scope::Vendor(id) => *id == activation.vendor_id,
        Scope::Partner(id) => *id == activation.partner_id,
        Scope::Package(id) => *id == activation.package_id,
        Scope::Version(id) => *id == activation.version_id,
    };
    pauses.iter().filter(|pause| is_under(&pause.scope)).map(PauseLine::from).collect()
}

impl From<&Pause> for PauseLine {
    fn from(pause: &Pause) -> Self {
        let name = match pause.number {
            Some(number) => format!("{}@{number}", pause.name),
            None => pause.name.clone(),
        };
        Self {
            level: pause.scope.level(),
            subject: pause.scope.to_string(),
            name,
            holder: Some(pause.holder),
            who: pause.who.clone(),
            since: Some(pause.at),
        }
    }
}

/// For whom an actor pauses.
fn holder(actor: &Actor) -> Holder {
    match actor {
        Actor::Ops => Holder::Ops,
        Actor::Vendor(_) => Holder::Vendor,
        Actor::Company(_) => Holder::Company,
    }
}

impl Program {
    /// The scope that people named.
    ///
    /// # Errors
    /// There is none of this name that the actor may see.
    pub async fn find_scope(&self, actor: &Actor, of: &ControlOf) -> Result<Scope> {
        match of {
            ControlOf::All => Ok(Scope::All),
            ControlOf::Vendor(vendor) => {
                Ok(Scope::Vendor(self.find_vendor(actor, vendor.as_deref()).await?))
            }
            ControlOf::Partner { vendor, partner } => {
                let vendor = self.find_vendor(actor, vendor.as_deref()).await?;
                let found = self.find_partner(actor, Some(&vendor), partner).await?;
                Ok(Scope::Partner(found.partner))
            }
            ControlOf::Package { vendor, package, version } => {
                let vendor = self.find_vendor(actor, vendor.as_deref()).await?;
                let package = self.require_package(&vendor, package).await?;
                let Some(number) = version else { return Ok(Scope::Package(package.id)) };
                let name = format!("{}@{number}", package.slug);
                Ok(Scope::Version(self.find_version(actor, &vendor, &name).await?.version))
            }
        }
    }

    /// Pauses, resumes or cancels everything under a scope: no send of it starts later than 2 s after the answer to a pause
    /// or a cancel. A cancel ends what is live; what is launched later goes. Asking again finishes what an
    /// interrupted cancel left.
    ///
    /// # Errors
    /// The scope is none of the actor's: ops control all, a vendor its program, a company what it is in one. A pause
    /// that is held by somebody else can't be lifted.
    pub async fn control(
        &self,
        actor: &Actor,
        scope: &Scope,
        command: ActivationCommand,
    ) -> Result<Controlled> {
        self.may_control(actor, scope).await?;
        let live = self.store().live_activations(scope).await;
        let live = live.map_err(Error::book("count the activations"))?;
        let mut done = match command {
            ActivationCommand::Pause => self.pause_scope(actor, scope).await?,
            ActivationCommand::Resume => self.resume_scope(actor, scope).await?,
            ActivationCommand::Cancel => self.cancel_scope(actor, scope).await?,
        };
        done.activations = done.activations.max(u64::try_from(live).unwrap_or(0));
        Ok(done)
    }

    /// What is paused above single activations, as far as the actor may know: everything; of a vendor's program; what keeps a
    /// company's own mail back.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn paused(&self, actor: &Actor) -> Result<Vec<PauseLine>> {
        Ok(self.visible_pauses(actor).await?.iter().map(PauseLine::from).collect())
    }

    /// Everything that keeps mail back and that an actor may know of.
    pub(crate) async fn pauses_for(&self, actor: &Actor) -> Result<Pauses> {
        let activations = self.store().paused_activations().await;
        let activations = activations.map_err(Error::book("read what is paused"))?;
        let by_themselves = activations.into_iter().map(|row| (row.activation, row)).collect();
        Ok(Pauses { above: self.visible_pauses(actor).await?, by_themselves })
    }

    /// Pauses above single activations that an actor may know of.
    pub(crate) async fn visible_pauses(&self, actor: &Actor) -> Result<Vec<Pause>> {
        let pauses = self.store().pauses().await;
        let mut pauses = pauses.map_err(Error::book("read what is paused"))?;
        match actor {
            Actor::Ops => {}
            Actor::Vendor(own) => {
                pauses.retain(|pause| pause.vendor.as_ref().is_none_or(|vendor| vendor == own));
            }
            Actor::Company(own) => {
                if !pauses.is_empty() {
                    let known = self.known_to_company(own).await?;
                    pauses.retain(|pause| known.contains(&pause.scope));
                }
            }
        }
        Ok(pauses)
    }

    /// The scopes a company is under: what it launched, the partners it is, and whose programs these are in.
    async fn known_to_company(&self, company: &CompanyId) -> Result<HashSet<Scope>> {
        let doing = "read what is paused";
        let mut known = HashSet::from([Scope::All]);
        let partners = self.store().partners_of_company(company).await;
        for partner in partners.map_err(Error::book(doing))? {
            known.extend([Scope::Vendor(partner.vendor_id), Scope::Partner(partner.id)]);
        }
        let launched = self.store().packages_of_company(company).await;
        for (package, version) in launched.map_err(Error::book(doing))? {
            known.extend([Scope::Package(package), Scope::Version(version)]);
        }
        Ok(known)
    }

    /// Whether an actor may control a scope; if not, there is none.
    async fn may_control(&self, actor: &Actor, scope: &Scope) -> Result<()> {
        let what = if *scope == Scope::All { "scope" } else { scope.level() };
        let missing = || Error::not_found(what, scope);
        let may = match scope {
            Scope::All => *actor == Actor::Ops,
            Scope::Vendor(vendor) => {
                actor.runs(vendor) && self.require_vendor(actor, vendor).await.is_ok()
            }
            Scope::Partner(partner) => return self.require_partner(actor, partner).await.map(drop),
            Scope::Package(package) => {
                let row = self.store().package(package).await;
                let row = row.map_err(Error::book("look for the package"))?;
                row.is_some_and(|row| actor.runs(&row.vendor_id))
            }
            Scope::Version(version) => {
                let (vendor, ..) = self.version(actor, version).await?;
                actor.runs(&vendor)
            }
        };
        if may { Ok(()) } else { Err(missing()) }
    }

    async fn pause_scope(&self, actor: &Actor, scope: &Scope) -> Result<Controlled> {
        let changed = self
            .store()
            .pause_scope(scope, holder(actor), &actor.to_string(), self.now())
            .await
            .map_err(Error::book("pause it"))?;
        self.controlled(scope, changed).await
    }

    async fn resume_scope(&self, actor: &Actor, scope: &Scope) -> Result<Controlled> {
        let whose = (*actor != Actor::Ops).then(|| holder(actor));
        let lifted = self
            .store()
            .resume_scope(scope, whose, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("resume it"))?;
        let done = self.controlled(scope, lifted > 0).await?;
        if let (0, Some(pause)) = (lifted, done.paused_by.first()) {
            let held_by = pause.holder.map_or("", Holder::as_str);
            let who = &pause.who;
            return Err(Error::Conflict {
                why: format!(
                    "it is paused by {who} for {held_by}, who alone (or ops) may resume it"
                ),
            });
        }
        self.ring("expand").await;
        self.ring("feed").await;
        Ok(done)
    }

    async fn cancel_scope(&self, actor: &Actor, scope: &Scope) -> Result<Controlled> {
        let doing = "cancel the activations";
        let cancelled = self
            .store()
            .cancel_scope(scope, &actor.to_string(), self.now())
            .await
            .map_err(Error::book(doing))?;
        let belt = self.stop_on_belt(&cancelled).await;
        if let (BeltTold::Told, Some(belt)) = (belt, &self.parts.belt) {
            // What relays took before the answer is counted as sent, not as cancelled.
            belt.wait_until_recorded(OUT_WITHIN).await.ok();
        }
        let mut sends_cancelled = 0;
        let open = self.store().cancelled_and_open(scope).await.map_err(Error::book(doing))?;
        for activation in open {
            sends_cancelled += self
                .store()
                .cancel_open_sends(activation, "cancelled")
                .await
                .map_err(Error::book("cancel the open sends"))?;
        }
        // What the belt stopped first, the recorder may have ended already.
        let heard = self.store().stopped_on_belt(&cancelled).await;
        sends_cancelled += heard.map_err(Error::book("count what was stopped"))?;
        let activations = cancelled.len() as u64;
        let paused_by = self.pauses_of(scope).await?;
        let changed = activations > 0 || sends_cancelled > 0;
        Ok(Controlled {
            level: scope.level(),
            subject: scope.clone(),
            changed,
            activations,
            sends_cancelled,
            paused_by,
            belt,
        })
    }

    /// Stops activations on the belt, a bounded number in the time that a command waits for it.
    async fn stop_on_belt(&self, activations: &[ActivationId]) -> BeltTold {
        const PART: usize = 5_000;
        for part in activations.chunks(PART) {
            let stops: Vec<(String, Stop)> =
                part.iter().map(|id| (id.to_string(), Stop::Cancel)).collect();
            let told =
                self.tell_belt("stop", |belt| async move { belt.set_stops(&stops).await }).await;
            if told != BeltTold::Told {
                return told;
            }
        }
        BeltTold::Told
    }

    async fn controlled(&self, scope: &Scope, changed: bool) -> Result<Controlled> {
        let belt = self.align_scope(scope).await?;
        let paused_by = self.pauses_of(scope).await?;
        Ok(Controlled {
            level: scope.level(),
            subject: scope.clone(),
            changed,
            activations: 0,
            sends_cancelled: 0,
            paused_by,
            belt,
        })
    }

    async fn pauses_of(&self, scope: &Scope) -> Result<Vec<PauseLine>> {
        let pauses = self.store().pauses().await.map_err(Error::book("read what is paused"))?;
        Ok(pauses.iter().filter(|pause| pause.scope == *scope).map(PauseLine::from).collect())
    }

    /// Tells the belt what the book says of a scope, until that is what it says: as for one activation.
    async fn align_scope(&self, scope: &Scope) -> Result<BeltTold> {
        let mut stops = self.stops_of(scope).await?;
        loop {
            let (set, clear): (Vec<_>, Vec<_>) =
                stops.clone().into_iter().partition(|(_, stop)| stop.is_some());
            let set: Vec<(String, Stop)> =
                set.into_iter().filter_map(|(key, stop)| Some((key, stop?))).collect();
            let told = self
                .tell_belt("stop", |belt| async move {
                    belt.set_stops(&set).await?;
                    for (key, _) in clear {
                        belt.clear_stop(&key).await?;
                    }
                    Ok(())
                })
                .await;
            let now = self.stops_of(scope).await?;
            if told != BeltTold::Told || now == stops {
                return Ok(told);
            }
            stops = now;
        }
    }

    /// The belt's keys of a scope, and what the book says of each.
    async fn stops_of(&self, scope: &Scope) -> Result<Vec<(String, Option<Stop>)>> {
        let doing = "read what is paused";
        if matches!(scope, Scope::Package(_) | Scope::Version(_)) {
            let versions = self.store().version_stops(scope).await.map_err(Error::book(doing))?;
            return Ok(versions
                .into_iter()
                .map(|row| {
                    let stop = match row.state {
                        VersionState::Recalled => Some(Stop::Cancel),
                        _ => row.is_paused.then_some(Stop::Pause),
                    };
                    (row.version.to_string(), stop)
                })
                .collect());
        }
        let is_paused = self.store().is_paused(scope).await.map_err(Error::book(doing))?;
        Ok(vec![(scope.to_string(), is_paused.then_some(Stop::Pause))])
    }
}
