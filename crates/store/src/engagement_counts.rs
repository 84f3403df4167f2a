//! How many opens and clicks there were, and which rules decided them.

use domain::{ActivationId, EventKind, VendorId, engagement::Class, results::Who};

use crate::{engine::Store, error::Result, row::Read};

/// How many opens or clicks of an activation were people's, or machines'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngagementCount {
    /// The activation.
    pub activation: ActivationId,
    /// Opened or clicked.
    pub kind: EventKind,
    /// People's; see [`Class::is_human`].
    pub human: bool,
    /// How many.
    pub events: i64,
    /// Of how many messages.
    pub sends: i64,
}

/// How many opens or clicks one rule decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCount {
    /// Opened or clicked.
    pub kind: EventKind,
    /// What they were.
    pub class: Class,
    /// The rule that says so.
    pub rule: String,
    /// How many.
    pub events: i64,
}

impl Store {
    /// How many opens and clicks were people's and how many machines': of one activation, of one vendor, or
    /// of all.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn engagement_counts(
        &self,
        activation: Option<ActivationId>,
        vendor: Option<&VendorId>,
    ) -> Result<Vec<EngagementCount>> {
        let rows = self.fetch_scoped(scoped!("rollup_hour/tracks"), activation, vendor).await?;
        rows.iter()
            .map(|row| {
                Ok(EngagementCount {
                    activation: ActivationId::new(row.int("activation_id")?),
                    kind: row.parsed("kind")?,
                    human: row.parsed::<Who>("who")? == Who::Human,
                    events: row.int("events")?,
                    sends: row.int("messages")?,
                })
            })
            .collect()
    }

    /// How many opens and clicks each rule decided: of one activation, of one vendor, or of all.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn rule_counts(
        &self,
        activation: Option<ActivationId>,
        vendor: Option<&VendorId>,
    ) -> Result<Vec<RuleCount>> {
        let rows = self.fetch_scoped(scoped!("event_class/rules"), activation, vendor).await?;
        rows.iter()
            .map(|row| {
                Ok(RuleCount {
                    kind: row.parsed("kind")?,
                    class: row.parsed("class")?,
                    rule: row.text("rule")?,
                    events: row.int("events")?,
                })
            })
            .collect()
    }
}
