//! Which package, and for whom: what launching and inviting are both asked.

use clap::Args;
use domain::VendorId;
use program::{Actor, LaunchFor, Program};

#[derive(Debug, Args)]
pub struct PackageFor {
    /// The package, by name.
    #[arg(long, value_name = "P")]
    pub package: String,
    /// For one partner, by partner key or id.
    #[arg(
        long,
        value_name = "X",
        required_unless_present = "all_eligible",
        conflicts_with = "all_eligible"
    )]
    partner: Option<String>,
    /// For every partner that may launch it.
    #[arg(long)]
    all_eligible: bool,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

impl PackageFor {
    /// Whose package it is, and for whom.
    ///
    /// # Errors
    /// There is no such vendor or partner, or several vendors and none is named.
    pub async fn find(
        &self,
        program: &Program,
        actor: &Actor,
    ) -> anyhow::Result<(VendorId, LaunchFor)> {
        let vendor = program.find_vendor(actor, self.vendor.as_deref()).await?;
        let who = match &self.partner {
            Some(asked) => {
                LaunchFor::Partner(program.find_partner(actor, Some(&vendor), asked).await?.partner)
            }
            None => LaunchFor::AllEligible,
        };
        Ok((vendor, who))
    }
}
