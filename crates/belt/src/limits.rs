//! The limits that stand on the belt under a name: of vendors, senders, providers and tiers.

use domain::{PartnerId, RateSpec};

use crate::{
    connection::{Belt, Carried},
    error::Result,
    job::limit_parts,
};

/// Limits of one kind: what holds for each, and what single ones have instead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PerName {
    /// The limit of each that is not named here; none by default.
    pub each: Option<RateSpec>,
    /// The limits of single ones, by name.
    pub own: Vec<(String, RateSpec)>,
}

/// What vendors are set to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VendorLimits {
    /// Their limits.
    pub limits: PerName,
    /// Their shares of service, by vendor id; who is not named has 1.
    pub weights: Vec<(String, u32)>,
}

/// What a tier gives each of its partners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierLimits {
    /// Its name, as in [`crate::NewJob::tier`].
    pub name: String,
    /// The share of service among the vendor's lanes; 0 is taken as 1.
    pub weight: u32,
    /// The partner's limit.
    pub limit: Option<RateSpec>,
    /// How many may go in a calendar month (UTC, campaign time); none if there is no bound.
    pub monthly_volume: Option<u64>,
}

/// Every limit under a name. Relays have theirs in [`crate::Relay`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Of vendors, by id.
    pub vendors: VendorLimits,
    /// Of senders: sending domains or social accounts.
    pub senders: PerName,
    /// Of providers: mailbox providers or social networks.
    pub providers: PerName,
    /// Of tiers.
    pub tiers: Vec<TierLimits>,
}

impl Limits {
    /// Fields and values as `lua/limits.lua` reads them.
    fn fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        let text = |limit: &RateSpec| {
            let (interval, burst, text) = limit_parts(Some(limit));
            format!("{interval}\n{burst}\n{text}")
        };
        let mut add = |kind: &str, limits: &PerName| {
            if let Some(each) = &limits.each {
                fields.extend([kind.to_owned(), text(each)]);
            }
            for (name, limit) in &limits.own {
                fields.extend([format!("{kind} {name}"), text(limit)]);
            }
            if !limits.own.is_empty() {
                fields.extend([format!("own {kind}"), limits.own.len().to_string()]);
            }
        };
        add("vendor", &self.vendors.limits);
        add("sender", &self.senders);
        add("provider", &self.providers);
        for (vendor, weight) in &self.vendors.weights {
            fields.extend([format!("weight {vendor}"), weight.max(&1).to_string()]);
        }
        for tier in &self.tiers {
            let (interval, burst, text) = limit_parts(tier.limit.as_ref());
            let volume = tier.monthly_volume.unwrap_or(0);
            fields.push(format!("tier {}", tier.name));
            fields.push(format!("{}\n{interval}\n{burst}\n{volume}\n{text}", tier.weight.max(1)));
        }
        fields
    }
}

impl Belt {
    /// Sets every limit under a name, for all channels, with the next claim. A changed limit starts with nothing in hand; saying
    /// the same again changes nothing.
    ///
    /// # Errors
    /// [`crate::Error::Fenced`], [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn set_limits(&self, limits: &Limits, fence: u64) -> Result<()> {
        let fields = limits.fields();
        let mut arguments = vec![fence.to_string(), "limits".to_owned()];
        arguments.extend(fields);
        self.call(|s| &s.load, &arguments, Carried { lease: fence }).await
    }

    /// Says how many of `month` (`2026-01`, UTC, campaign time) partners have had, as the book has it. What an epoch hands out it counts by
    /// itself, so say it when the recorder has passed the stream's tail and before [`Belt::finish_reporting`].
    ///
    /// # Errors
    /// [`crate::Error::Fenced`], [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn set_volumes(
        &self,
        month: &str,
        had: &[(PartnerId, u64)],
        fence: u64,
    ) -> Result<()> {
        for part in had.chunks(500) {
            let mut arguments = vec![fence.to_string(), "volume".to_owned(), month.to_owned()];
            for (partner, number) in part {
                arguments.extend([partner.to_string(), number.to_string()]);
            }
            self.call::<(), _>(|s| &s.load, &arguments, Carried { lease: fence }).await?;
        }
        Ok(())
    }
}
