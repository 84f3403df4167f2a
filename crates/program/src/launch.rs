//! `launch`: one click of a partner, or one for all who are eligible.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use domain::{
    ActivationId, ActivationState, LaunchGroupId, PackageId, PartnerId, UtcMillis, VendorId,
    VersionId,
};
use render::{Compiled, Package, SlotProblem, event_moment, validate_slots};
use serde::Serialize;
use store::{LaunchItem, LaunchKind, LaunchRequest};

use crate::{
    actor::Actor,
    eligibility::RefusedReason,
    error::{Error, Problem, Result},
    program::Program,
};

/// What to launch, and for whom.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Whose program.
    pub vendor: VendorId,
    /// The package, by its name (slug).
    pub package: String,
    /// For whom.
    pub who: LaunchFor,
    /// The contact list, by name, in each partner's company; without one, the only one there is.
    pub list: Option<String>,
    /// Launch once more where an earlier activation has ended. A live one always answers itself.
    pub again: bool,
    /// When the activation starts, in campaign time; without one, now.
    pub start: Option<UtcMillis>,
    /// Slot values by slot name; missing ones take their defaults.
    pub slots: BTreeMap<String, String>,
}

/// For whom a launch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchFor {
    /// One partner.
    Partner(PartnerId),
    /// Several partners; one that is named twice is launched once.
    Partners(Vec<PartnerId>),
    /// Every partner of the program whose tier may launch the package.
    AllEligible,
}

/// What became of a launch.
#[derive(Debug, Clone, Serialize)]
pub struct Launched {
    /// The group of the new activations; `None` when none is new.
    pub group: Option<LaunchGroupId>,
    /// The package's name (slug).
    pub package: String,
    /// The version that new activations are of.
    pub version: VersionId,
    /// One for every partner that has one now, new or not.
    pub activations: Vec<LaunchedActivation>,
    /// The partners for whom it was not launched, and why.
    pub refused: Vec<LaunchRefused>,
    /// Whether the scheduler was woken; otherwise it wakes by itself within a second.
    pub doorbell_rung: bool,
}

/// An activation that answers a launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaunchedActivation {
    /// Its id.
    pub activation: ActivationId,
    /// Its partner.
    pub partner: PartnerId,
    /// The vendor's key for the partner.
    pub partner_key: String,
    /// The partner's name.
    pub partner_name: String,
    /// Whether this launch made it.
    pub is_new: bool,
    /// Where it stands.
    pub state: ActivationState,
}

/// A partner for whom it was not launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaunchRefused {
    /// The partner.
    pub partner: PartnerId,
    /// The vendor's key for it.
    pub partner_key: String,
    /// Its name.
    pub partner_name: String,
    /// Why.
    pub reason: RefusedReason,
}

impl Program {
    /// Launches a package for one partner or for all eligible ones, in one transaction, and wakes the
    /// scheduler. There is at most one live activation of a package a partner: a second launch answers
    /// with the first.
    ///
    /// # Errors
    /// No such package or partner for this actor, slot values that don't fit, or a package whose
    /// validity has ended. What stands against single partners is in the answer.
    pub async fn launch(&self, actor: &Actor, launch: &Launch) -> Result<Launched> {
        let _turn = self.launches.acquire().await.map_err(|source| Error::Internal {
            doing: "wait for a turn",
            source: Box::new(source),
        })?;
        let vendor = self.require_vendor(actor, &launch.vendor).await?;
        let (package_id, version, compiled) =
            self.published_package(&vendor, &launch.package).await?;
        let package = compiled.package();
        let start_at = match launch.start {
            Some(start) => start,
            None => self.campaign_now().await?,
        };
        if package.validity.until.is_some_and(|until| until <= start_at) {
            let until = package.validity.until.map(|until| until.to_string()).unwrap_or_default();
            let why = format!(
                "package {} was valid until {until}; publish a newer version",
                package.name
            );
            return Err(Error::Conflict { why });
        }
        let slots = validate_slots(package, &launch.slots).map_err(bad_slots)?;
        let event_at = event_at(package, &slots, start_at)?;
        let chosen = match &launch.who {
            LaunchFor::AllEligible => self.visible_partners(actor, &vendor).await?,
            LaunchFor::Partner(id) => vec![self.partner_of(actor, &vendor, id).await?],
            LaunchFor::Partners(ids) => {
                let mut named = HashSet::with_capacity(ids.len());
                let mut chosen = Vec::with_capacity(ids.len());
                for id in ids.iter().filter(|id| named.insert(*id)) {
                    chosen.push(self.partner_of(actor, &vendor, id).await?);
                }
                chosen
            }
        };

        let mut refused = Vec::new();
        let mut items = Vec::with_capacity(chosen.len());
        let mut by_id = HashMap::with_capacity(chosen.len());
        for partner in chosen {
            match self.may_launch(&partner, package, launch.list.as_deref(), Some(&slots)).await? {
                Ok(list) => {
                    items.push(LaunchItem {
                        event_at,
                        partner: partner.id.clone(),
                        list,
                        slots: slots.clone(),
                    });
                    by_id.insert(partner.id.clone(), partner);
                }
                Err(reason) => refused.push(LaunchRefused {
                    partner: partner.id,
                    partner_key: partner.partner_key,
                    partner_name: partner.company_name,
                    reason,
                }),
            }
        }
        let version_id = version.clone();
        let kind = match launch.who {
            LaunchFor::Partner(_) => LaunchKind::One,
            LaunchFor::Partners(_) => LaunchKind::Several,
            LaunchFor::AllEligible => LaunchKind::AllEligible,
        };
        let request = LaunchRequest {
            vendor,
            package: package_id,
            version,
            kind,
            who: actor.to_string(),
            now: self.now(),
            start_at,
            again: launch.again,
            items,
        };
        let launched =
            self.store().launch(&request).await.map_err(Error::book("write the launch"))?;
        let doorbell_rung = launched.group.is_some() && self.ring("expand").await;
        let activations = launched
            .items
            .into_iter()
            .filter_map(|item| {
                let partner = by_id.remove(&item.partner)?;
                Some(LaunchedActivation {
                    activation: item.activation,
                    partner: partner.id,
                    partner_key: partner.partner_key,
                    partner_name: partner.company_name,
                    is_new: item.is_new,
                    state: item.state,
                })
            })
            .collect();
        Ok(Launched {
            group: launched.group,
            package: package.name.clone(),
            version: version_id,
            activations,
            refused,
            doorbell_rung,
        })
    }

    /// The partner of this id, if it is in this program and the actor may see it.
    pub(crate) async fn partner_of(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        id: &PartnerId,
    ) -> Result<store::Partner> {
        let partner = self.require_partner(actor, id).await?;
        match partner.vendor_id == *vendor {
            true => Ok(partner),
            false => Err(Error::not_found("partner", id)),
        }
    }

    /// The newest published version of a package, by slug, name or id.
    pub(crate) async fn published_package(
        &self,
        vendor: &VendorId,
        asked: &str,
    ) -> Result<(PackageId, VersionId, Arc<Compiled>)> {
        let package = self.require_package(vendor, asked).await?;
        let doing = "look for the package's version";
        let version = self
            .store()
            .latest_published(&package.id)
            .await
            .map_err(Error::book(doing))?
            .ok_or_else(|| Error::Conflict {
                why: format!(
                    "package {} has no published version; publish one first",
                    package.slug
                ),
            })?;
        let compiled = self.compiled(&version.hash).await?;
        Ok((package.id, version.id, compiled))
    }
}

/// When the event of an event motion is; `None` for other motions.
pub(crate) fn event_at(
    package: &Package,
    slots: &BTreeMap<String, String>,
    start_at: UtcMillis,
) -> Result<Option<UtcMillis>> {
    let Some(slot) = package.motion.event_at() else { return Ok(None) };
    let place = format!("slot {slot}");
    let given = slots.get(slot).map(String::as_str).unwrap_or_default();
    let expected = "when the event is, like 2026-12-03T10:00[Europe/Vienna]";
    let at =
        event_moment(package, slots).ok_or_else(|| Error::bad_input(&place, given, expected))?;
    if at <= start_at {
        let expected = format!("a time after the start of the campaign, {start_at}");
        return Err(Error::bad_input(&place, given, &expected));
    }
    Ok(Some(at))
}

pub(crate) fn bad_slots(problems: Vec<SlotProblem>) -> Error {
    Error::BadInput { problems: slot_problems(problems) }
}

pub(crate) fn slot_problems(problems: Vec<SlotProblem>) -> Vec<Problem> {
    let said =
        |it: SlotProblem| Problem::said(&format!("slot {}", it.slot), &it.message, &it.expected);
    problems.into_iter().map(said).collect()
}
