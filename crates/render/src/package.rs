//! What a package says about itself.

use std::collections::BTreeMap;

use domain::{StepKey, UtcMillis, schedule::Offset};
use serde::{Deserialize, Serialize};

/// The metadata of a package, as its `package.toml` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Stable name, the same in every version: small letters, digits and hyphens.
    pub name: String,
    /// What partners see.
    pub title: String,
    /// The vendor's name, for people who read the file; the vendor that publishes it is what counts.
    pub vendor: String,
    /// One paragraph for partners.
    pub description: String,
    /// The language that is used when a better one is not there (BCP 47).
    pub language: String,
    /// When its steps may be sent.
    pub validity: Validity,
    /// Names of the tiers that may launch it; empty means all.
    pub tiers: Vec<String>,
    /// Who gets it.
    pub audience: Audience,
    /// Merge fields of a person its templates use. Feed needs to send no others.
    pub person_fields: Vec<String>,
    /// What partners may fill, by name.
    pub slots: BTreeMap<String, Slot>,
    /// The shared layout its mails are wrapped in.
    pub layout: String,
    /// Its steps, in the order of the file.
    pub steps: Vec<Step>,
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
    pub consent: String,
}

/// How people are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudienceRule {
    /// Everybody on the list the partner chooses at launch.
    List,
}

/// Something a partner may fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// What may stand in it.
    pub kind: SlotKind,
    /// What the partner is asked.
    pub label: String,
    /// The most characters.
    pub max_length: u32,
    /// Whether a launch needs it.
    pub required: bool,
    /// What stands there if the partner leaves it; empty means nothing does.
    pub default: String,
}

/// What may stand in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotKind {
    /// Plain text, one paragraph.
    Text,
    /// A link, `https` only.
    Url,
}

/// One step of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Stable name, unique in the package.
    pub key: StepKey,
    /// What is sent.
    pub kind: StepKind,
    /// When it is due, from the start of the activation.
    pub after: Offset,
    /// The folder of its templates under each language.
    pub template: String,
}

/// What a step sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// An email to each person.
    Email,
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
}
