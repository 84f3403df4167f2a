//! Whether a partner may launch a package today, and if not, why.

use std::{collections::BTreeMap, fmt, path::Path};

use domain::{CompanyId, ListId, VendorId};
use render::{Compiled, Package, fill_slots, validate_brand};
use serde::Serialize;
use store::{ListSize, Partner};

use crate::{
    actor::Actor,
    error::{Error, Result},
    launch::LaunchRefused,
    program::Program,
};

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
    /// The package is for other regions.
    RegionNotEligible {
        /// The partner's; empty if the vendor has not said.
        region: String,
        /// Those that may.
        eligible: Vec<String>,
    },
    /// The package is for other kinds of partners.
    TypeNotEligible {
        /// The partner's; empty if the vendor has not said.
        partner_type: String,
        /// Those that may.
        eligible: Vec<String>,
    },
    /// What was filled in does not do for this partner.
    SlotsDoNotFit {
        /// What, slot by slot.
        problems: Vec<String>,
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

impl RefusedReason {
    /// The reason as a word, as it is serialised.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::TierNotEligible { .. } => "tier_not_eligible",
            Self::RegionNotEligible { .. } => "region_not_eligible",
            Self::TypeNotEligible { .. } => "type_not_eligible",
            Self::SlotsDoNotFit { .. } => "slots_do_not_fit",
            Self::TierUnknown { .. } => "tier_unknown",
            Self::BrandIncomplete { .. } => "brand_incomplete",
            Self::NoSender => "no_sender",
            Self::NoList { .. } => "no_list",
            Self::SeveralLists { .. } => "several_lists",
        }
    }
}

impl fmt::Display for RefusedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TierNotEligible { tier, eligible } => {
                write!(f, "tier {tier} is not eligible; the package is for {}", eligible.join(", "))
            }
            Self::RegionNotEligible { region, eligible } => {
                let region = if region.is_empty() { "not known" } else { region };
                write!(f, "its region is {region}; the package is for {}", eligible.join(", "))
            }
            Self::TypeNotEligible { partner_type, eligible } => {
                let kind = if partner_type.is_empty() { "not known" } else { partner_type };
                write!(f, "its type is {kind}; the package is for {}", eligible.join(", "))
            }
            Self::SlotsDoNotFit { problems } => f.write_str(&problems.join("; ")),
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

/// Which partners could launch a package today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartnersChecked {
    /// Partners that could.
    pub can: u64,
    /// Those that could not, and why.
    pub cannot: Vec<LaunchRefused>,
    /// Those that could, in another language than their own.
    pub other_language: Vec<OtherLanguage>,
    /// Slots that a partner must fill first.
    pub to_fill: Vec<String>,
}

/// A partner whose language a package does not speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherLanguage {
    /// The vendor's key for it.
    pub partner_key: String,
    /// Its name.
    pub partner_name: String,
    /// Its locale.
    pub locale: String,
    /// What its contacts would get, unless their own language is known.
    pub language: String,
}

impl Program {
    /// Which of a vendor's partners could launch the package in a folder today.
    ///
    /// # Errors
    /// The vendor is none of the actor's, or the package has errors.
    pub async fn check_for_partners(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        folder: &Path,
    ) -> Result<PartnersChecked> {
        if !actor.runs(vendor) {
            return Err(Error::not_found("vendor", vendor));
        }
        let vendor = self.require_vendor(actor, vendor).await?;
        let compiled = self.compile_folder(folder)?.compiled;
        let package = compiled.package();
        let mut checked = PartnersChecked {
            can: 0,
            cannot: Vec::new(),
            other_language: Vec::new(),
            to_fill: package
                .slots
                .iter()
                .filter(|(_, slot)| slot.required && slot.fill.is_none() && slot.default.is_empty())
                .map(|(name, _)| name.clone())
                .collect(),
        };
        for partner in self.visible_partners(actor, &vendor).await? {
            match self.may_launch(&partner, package, None, None).await? {
                // Which of several lists is said at the launch.
                Ok(_) | Err(RefusedReason::SeveralLists { .. }) => {
                    checked.can += 1;
                    checked.other_language.extend(self.other_language(&compiled, &partner).await?);
                }
                Err(reason) => checked.cannot.push(LaunchRefused {
                    partner: partner.id,
                    partner_key: partner.partner_key,
                    partner_name: partner.company_name,
                    reason,
                }),
            }
        }
        Ok(checked)
    }

    async fn other_language(
        &self,
        compiled: &Compiled,
        partner: &Partner,
    ) -> Result<Option<OtherLanguage>> {
        let brand = self
            .store()
            .partner_brand(&partner.id)
            .await
            .map_err(Error::book("read the brand profile"))?;
        let Some((brand, _)) = brand else { return Ok(None) };
        let language = compiled.language_for(&brand.locale);
        let first = |tag: &str| tag.split('-').next().unwrap_or_default().to_lowercase();
        Ok((first(language) != first(&brand.locale)).then(|| OtherLanguage {
            partner_key: partner.partner_key.clone(),
            partner_name: partner.company_name.clone(),
            locale: brand.locale.clone(),
            language: language.to_owned(),
        }))
    }

    /// The list a partner's activation would use; the inner error says why there will be none.
    pub(crate) async fn may_launch(
        &self,
        partner: &Partner,
        package: &Package,
        asked: Option<&str>,
        slots: Option<&BTreeMap<String, String>>,
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
        if !package.is_for_region(&partner.region) {
            let (region, eligible) = (partner.region.clone(), package.regions.clone());
            return Ok(Err(RefusedReason::RegionNotEligible { region, eligible }));
        }
        if !package.is_for_partner_type(&partner.partner_type) {
            return Ok(Err(RefusedReason::TypeNotEligible {
                partner_type: partner.partner_type.clone(),
                eligible: package.partner_types.clone(),
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
        let filled = slots.map(|slots| fill_slots(package, slots, &brand.locale, &brand));
        if let Some(Err(problems)) = filled {
            let problems = problems.iter().map(ToString::to_string).collect();
            return Ok(Err(RefusedReason::SlotsDoNotFit { problems }));
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
