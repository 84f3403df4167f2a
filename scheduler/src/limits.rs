//! What the belt is told of limits: the configuration's, with vendors by their ids.

use belt::{Limits, PerName, TierLimits, VendorLimits};
use process::{Config, config::LimitOf};
use store::Store;

/// Every limit under a name. A vendor that the book does not have is named in the log and left out: it may be added later.
pub async fn limits(config: &Config, store: &Store) -> anyhow::Result<Limits> {
    let own = |of: LimitOf| config.own_limits.iter().filter(move |own| own.of == of);
    let mut vendors = VendorLimits {
        limits: PerName { each: config.limits.vendor, own: Vec::new() },
        weights: Vec::new(),
    };
    for one in own(LimitOf::Vendor) {
        let Some(vendor) = store.find_vendor(&one.name).await? else {
            tracing::warn!(
                vendor = one.name,
                "[[limit]] names a vendor that the book does not have"
            );
            continue;
        };
        if let Some(limit) = one.limit {
            vendors.limits.own.push((vendor.id.to_string(), limit));
        }
        if let Some(weight) = one.weight {
            vendors.weights.push((vendor.id.to_string(), weight));
        }
    }
    let per_name = |of: LimitOf, each| {
        let own = own(of).filter_map(|one| Some((one.name.clone(), one.limit?)));
        PerName { each, own: own.collect() }
    };
    let tiers = config.tiers.iter().map(|tier| TierLimits {
        name: tier.name.clone(),
        weight: tier.weight,
        limit: Some(tier.partner_limit),
        monthly_volume: tier.monthly_volume,
    });
    Ok(Limits {
        vendors,
        senders: per_name(LimitOf::SendingDomain, config.limits.sending_domain),
        providers: per_name(LimitOf::Provider, config.limits.provider),
        tiers: tiers.collect(),
    })
}
