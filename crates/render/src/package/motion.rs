//! How a package runs, and what counts as its success.

use domain::schedule::Period;
use serde::{Deserialize, Serialize};

use super::Localised;

/// Whether a package runs once, around an event, or always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Motion {
    /// Its steps follow the start, once.
    #[default]
    Once,
    /// Its steps stand before and after an event.
    Event {
        /// The slot of kind `datetime` that says when.
        event_at: String,
    },
    /// It goes on, period by period: each is one occurrence of its steps (0, 1, 2 …).
    AlwaysOn {
        /// How long a period is.
        period: Period,
    },
}

impl Motion {
    /// Whether it runs once.
    pub fn is_once(&self) -> bool {
        *self == Self::Once
    }

    /// The slot that says when the event is.
    pub fn event_at(&self) -> Option<&str> {
        match self {
            Self::Event { event_at } => Some(event_at),
            _ => None,
        }
    }

    /// The period of an always-on package.
    pub const fn period(&self) -> Option<Period> {
        match self {
            Self::AlwaysOn { period } => Some(*period),
            _ => None,
        }
    }
}

/// Something that counts as success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// Stable name, unique in the package.
    pub key: String,
    /// What partners see.
    pub title: Localised,
    /// What a recipient does.
    pub kind: GoalKind,
    /// The share of the audience that is hoped for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Share>,
}

/// What a recipient does to reach a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoalKind {
    /// Follows a link.
    Click,
    /// Sends a form.
    Form,
    /// Answers.
    Reply,
}

/// A share from 0 to 1, kept in millionths so that it compares exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(u32);

const WHOLE: f64 = 1_000_000.0;

impl Share {
    /// The share as a number from 0 to 1.
    pub fn get(self) -> f64 {
        f64::from(self.0) / WHOLE
    }
}

impl TryFrom<f64> for Share {
    type Error = &'static str;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        match (0.0..=1.0).contains(&share) {
            true => Ok(Self((share * WHOLE).round() as u32)),
            false => Err("a share is a number from 0 to 1"),
        }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.get()
    }
}

/// The page the links of a package may lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandingPage {
    /// The folder of its template under each language.
    pub template: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_from_nothing_to_all() {
        for share in [0.0, 0.05, 0.333_333, 1.0] {
            assert_eq!(Share::try_from(share).unwrap().get(), share);
        }
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Share::try_from(bad).is_err(), "{bad}");
        }
    }
}
