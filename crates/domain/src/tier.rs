//! Tiers: what a partner's rank in a program gives it.

use serde::{Deserialize, Serialize};

use crate::rate::RateSpec;

/// One tier of a program, from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The name, such as `Gold`. Compared without regard to case.
    pub name: String,
    /// The share of service relative to other lanes that have work: 1 to 100.
    pub weight: u32,
    /// How fast one partner of this tier may send.
    pub partner_limit: RateSpec,
    /// How many messages one partner of this tier may send in a calendar month; none: as many as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_volume: Option<u64>,
}

/// The tiers of a program, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tiers(Vec<Tier>);

impl Tiers {
    /// Wraps tiers, lowest first.
    pub const fn new(tiers: Vec<Tier>) -> Self {
        Self(tiers)
    }

    /// The tier of this name.
    pub fn find(&self, name: &str) -> Option<&Tier> {
        self.0.iter().find(|tier| tier.name.eq_ignore_ascii_case(name.trim()))
    }

    /// All of them, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = &Tier> {
        self.0.iter()
    }

    /// Their names, for a message that says what was expected.
    pub fn names(&self) -> String {
        self.0.iter().map(|tier| tier.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl Default for Tiers {
    /// Registered, Silver, Gold, Platinum.
    fn default() -> Self {
        let tier = |name: &str, weight, per_second| Tier {
            name: name.to_owned(),
            weight,
            partner_limit: RateSpec::per_second(per_second, per_second * 2),
            monthly_volume: None,
        };
        Self(vec![
            tier("Registered", 1, 50),
            tier("Silver", 2, 100),
            tier("Gold", 4, 200),
            tier("Platinum", 8, 400),
        ])
    }
}
