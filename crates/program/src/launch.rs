//! `launch`: one click of a partner, or one for all who are eligible.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use domain::{
    ActivationId, ActivationState, CompanyId, LaunchGroupId, ListId, PackageId, PartnerId,
    UtcMillis, VendorId, VersionId,
};
use render::{Compiled, Package, SlotProblem, validate_brand, validate_slots};
use serde::Serialize;
use store::{LaunchItem, LaunchKind, LaunchRequest, ListSize, Partner};

use crate::{
    actor::Actor,
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

/// Why a package is not launched for a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum RefusedReason {
    /// The package is for other tiers.
    TierNotEligible {
        /// The partner's.
        tier: String,
        /// Those that may.
        eligible: Vec<String>,
    },
    /// The configuration does not know the partner's tier (any more).
    TierUnknown {
        /// The partner's.
        tier: String,
    },
    /// The brand profile lacks what a mail must show.
    BrandIncomplete {
        /// What, field by field.
        missing: Vec<String>,
    },
    /// There is no address that mail may come from.
    NoSender,
    /// The company has no contact list of this name, or none at all.
    NoList {
        /// The name asked for; empty for any.
        asked: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The company has several lists and none was named.
    SeveralLists {
        /// Those there are.
        known: Vec<String>,
    },
}

impl fmt::Display for RefusedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TierNotEligible { tier, eligible } => {
                write!(f, "tier {tier} is not eligible; the package is for {}", eligible.join(", "))
            }
            Self::TierUnknown { tier } => write!(f, "tier {tier} is not in the configuration"),
            Self::BrandIncomplete { missing } => {
                write!(f, "the brand profile is not complete: {}", missing.join("; "))
            }
            Self::NoSender => {
                f.write_str("there is no sender identity with a From and a Reply-To address")
            }
            Self::NoList { asked, known } if known.is_empty() => {
                let _ = asked;
                f.write_str("the company has no contact list; import contacts first")
            }
            Self::NoList { asked, known } => {
                write!(f, "the company has no list \"{asked}\"; it has {}", known.join(", "))
            }
            Self::SeveralLists { known } => {
                write!(f, "the company has several lists, name one: {}", known.join(", "))
            }
        }
    }
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
        let chosen = match &launch.who {
            LaunchFor::AllEligible => self.visible_partners(actor, &vendor).await?,
            LaunchFor::Partner(id) => {
                let found =
                    self.store().partner(id).await.map_err(Error::book("read the partner"))?;
                let partner = found
                    .filter(|row| row.vendor_id == vendor && actor.sees(&vendor, &row.company_id))
                    .ok_or_else(|| Error::not_found("partner", id))?;
                vec![partner]
            }
        };

        let mut refused = Vec::new();
        let mut items = Vec::with_capacity(chosen.len());
        let mut by_id = HashMap::with_capacity(chosen.len());
        for partner in chosen {
            match self.launch_list(&partner, package, launch.list.as_deref()).await? {
                Ok(list) => {
                    items.push(LaunchItem {
                        event_at: None,
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

    /// The list a partner's activation would use; the inner error says why there will be none.
    async fn launch_list(
        &self,
        partner: &Partner,
        package: &Package,
        asked: Option<&str>,
    ) -> Result<std::result::Result<ListId, RefusedReason>> {
        if self.parts.tiers.find(&partner.tier).is_none() {
            return Ok(Err(RefusedReason::TierUnknown { tier: partner.tier.clone() }));
        }
        let eligible = package.tiers.is_empty()
            || package.tiers.iter().any(|tier| tier.trim().eq_ignore_ascii_case(&partner.tier));
        if !eligible {
            return Ok(Err(RefusedReason::TierNotEligible {
                tier: partner.tier.clone(),
                eligible: package.tiers.clone(),
            }));
        }
        let brand = self
            .store()
            .partner_brand(&partner.id)
            .await
            .map_err(Error::book("read the brand profile"))?;
        let Some((brand, sender)) = brand else {
            let missing = vec!["there is none".to_owned()];
            return Ok(Err(RefusedReason::BrandIncomplete { missing }));
        };
        let missing: Vec<String> =
            validate_brand(&brand).iter().map(|problem| problem.to_string()).collect();
        if !missing.is_empty() {
            return Ok(Err(RefusedReason::BrandIncomplete { missing }));
        }
        let is_address = |text: &str| text.parse::<domain::EmailAddress>().is_ok();
        if !is_address(&sender.from_email) || !is_address(&sender.reply_to) {
            return Ok(Err(RefusedReason::NoSender));
        }
        self.choose_list(&partner.company_id, asked).await
    }

    /// The company's list of this name, or the only one it has.
    pub(crate) async fn choose_list(
        &self,
        company: &CompanyId,
        asked: Option<&str>,
    ) -> Result<std::result::Result<ListId, RefusedReason>> {
        let doing = "look for the contact list";
        if let Some(asked) = asked {
            let found =
                self.store().find_list(company, asked.trim()).await.map_err(Error::book(doing))?;
            if let Some(list) = found {
                return Ok(Ok(list.id));
            }
        }
        let lists: Vec<ListSize> = self.store().lists(company).await.map_err(Error::book(doing))?;
        let known: Vec<String> = lists.iter().map(|size| size.list.name.clone()).collect();
        Ok(match (asked, lists.as_slice()) {
            (Some(asked), _) => Err(RefusedReason::NoList { asked: asked.to_owned(), known }),
            (None, []) => Err(RefusedReason::NoList { asked: String::new(), known }),
            (None, [only]) => Ok(only.list.id.clone()),
            (None, _) => Err(RefusedReason::SeveralLists { known }),
        })
    }
}

fn bad_slots(problems: Vec<SlotProblem>) -> Error {
    let problems = problems
        .into_iter()
        .map(|problem| {
            Problem::new(&format!("slot {}", problem.slot), &problem.message, &problem.expected)
        })
        .collect();
    Error::BadInput { problems }
}
