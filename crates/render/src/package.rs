//! What a package says about itself.

mod localised;
mod motion;
mod slot;
mod step;
mod templates;
mod tracking;

use std::collections::BTreeMap;

use domain::{UtcMillis, brand};
use serde::{Deserialize, Serialize};

pub use self::{
    localised::Localised,
    motion::{Goal, GoalKind, LandingPage, Motion, Share},
    slot::{Choice, Fill, HostRule, Slot, SlotKind},
    step::{BranchOn, Network, Step, StepKind},
    tracking::Tracking,
};

/// The name of the package that invites a partner to launch another. No vendor's campaign may have it: its
/// links launch.
pub const INVITATION: &str = "invitation";

/// The metadata of a package, as its `package.toml` has it.
///
/// What a package does not use is not in its version blob either, so that packages written before a
/// feature keep their hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Stable name, the same in every version: small letters, digits and hyphens.
    pub name: String,
    /// What partners see.
    pub title: Localised,
    /// The vendor's name, for people who read the file; the vendor that publishes it is what counts.
    pub vendor: String,
    /// One paragraph for partners.
    pub description: Localised,
    /// The package's own language, used when a better one is not there (BCP 47).
    pub language: String,
    /// What its mail is about, for recipients who want some mail of a partner and not other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// When its steps may be sent.
    pub validity: Validity,
    /// Names of the tiers that may launch it; empty means all.
    pub tiers: Vec<String>,
    /// Countries of the partners that may launch it (ISO 3166-1 alpha-2); empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Kinds of partners that may launch it, compared without case; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partner_types: Vec<String>,
    /// Who gets it.
    pub audience: Audience,
    /// Merge fields of a person its templates use. Feed needs to send no others.
    pub person_fields: Vec<String>,
    /// What partners may fill, by name.
    pub slots: BTreeMap<String, Slot>,
    /// The shared layout its mails are wrapped in.
    pub layout: String,
    /// Whether it runs once, around an event, or always.
    #[serde(default, skip_serializing_if = "Motion::is_once")]
    pub motion: Motion,
    /// What counts as success.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Goal>,
    /// What is counted of its mail.
    #[serde(default, skip_serializing_if = "Tracking::is_default")]
    pub tracking: Tracking,
    /// The page its links may lead to. Kept; not served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing_page: Option<LandingPage>,
    /// Its pictures, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assets: BTreeMap<String, Asset>,
    /// Its steps, in the order of the file.
    pub steps: Vec<Step>,
}

impl Package {
    /// The steps that are emails and become due by the clock. Those that a branch leads to are not
    /// among them, nor is anything but an email.
    pub fn clock_steps(&self) -> impl Iterator<Item = &Step> {
        self.email_steps().filter(|step| !self.is_led_to(step))
    }

    /// The steps that are emails, also those that only a branch leads to.
    pub fn email_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.kind == StepKind::Email)
    }

    /// Whether a branch names `step` as the way to go on.
    pub fn is_led_to(&self, step: &Step) -> bool {
        self.steps.iter().any(|branch| branch.leads_to().any(|key| *key == step.key))
    }

    /// Whether a partner in `country` (ISO 3166-1 alpha-2) may launch it.
    pub fn is_for_region(&self, country: &str) -> bool {
        self.regions.is_empty() || self.regions.iter().any(|one| one.eq_ignore_ascii_case(country))
    }

    /// Whether a partner of this type may launch it.
    pub fn is_for_partner_type(&self, partner_type: &str) -> bool {
        let wanted = partner_type.trim().to_lowercase();
        self.partner_types.is_empty()
            || self.partner_types.iter().any(|one| one.trim().to_lowercase() == wanted)
    }
}

/// What a package's mail is about. Packages of one vendor that share a name share the topic: who wants no mail
/// about it gets none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Stable name: small letters, digits and hyphens.
    pub name: String,
    /// What recipients see.
    pub title: Localised,
}

/// When the steps of a package may be sent. Open ends are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// Not before.
    pub from: Option<UtcMillis>,
    /// Before this moment, which is outside.
    pub until: Option<UtcMillis>,
}

impl Validity {
    /// Whether a step may be sent at `moment`.
    pub fn covers(&self, moment: UtcMillis) -> bool {
        self.from.is_none_or(|from| moment >= from) && self.until.is_none_or(|until| moment < until)
    }
}

/// Who gets a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// How people are chosen.
    pub rule: AudienceRule,
    /// What recipients were told when they consented, for the partner to compare; may be empty.
    pub consent: Localised,
}

/// How people are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudienceRule {
    /// Everybody on the list the partner chooses at launch.
    List,
}

/// A picture of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its file in the package.
    pub file: String,
    /// What it shows, for people who don't see it; empty for decoration.
    pub alt: Localised,
    /// How wide it is shown, in CSS pixels; its own width, at most 600, if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_width: Option<u32>,
    /// The picture as it was published; `None` only while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<brand::Asset>,
}

/// The widest picture that is shown when a package says nothing: the sheet of the layout.
const SHEET: u32 = 600;

impl Asset {
    /// Width and height it is shown with, in CSS pixels.
    pub(crate) fn shown(&self) -> (u32, u32) {
        let Some(picture) = &self.picture else { return (0, 0) };
        let width = self.shown_width.unwrap_or_else(|| picture.width.min(SHEET));
        let height = f64::from(picture.height) * f64::from(width) / f64::from(picture.width.max(1));
        (width, (height.round() as u32).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_validity_window_is_outside() {
        let window = Validity { from: Some(UtcMillis::new(10)), until: Some(UtcMillis::new(20)) };
        let covered: Vec<i64> = (8..23).filter(|at| window.covers(UtcMillis::new(*at))).collect();
        assert_eq!(covered, (10..20).collect::<Vec<_>>());
        assert!(Validity::default().covers(UtcMillis::new(0)));
    }

    #[test]
    fn a_picture_keeps_its_shape_in_the_width_it_is_shown_with() {
        let picture = brand::Asset {
            hash: domain::ContentHash::of(b"x"),
            extension: "png".to_owned(),
            width: 1_200,
            height: 400,
        };
        let mut asset = Asset {
            file: "assets/x.png".to_owned(),
            alt: Localised::default(),
            shown_width: None,
            picture: Some(picture),
        };
        assert_eq!(asset.shown(), (600, 200));
        asset.shown_width = Some(520);
        assert_eq!(asset.shown(), (520, 173));
    }
}
