//! `vendor add` and `vendor sender`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use domain::VendorSender;
use program::Actor;

use super::open::Settings;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub enum VendorCommand {
    /// Add a vendor; one that is there already is left as it is.
    Add(Add),
    /// Say whom a vendor's invitations to its partners come from.
    Sender(Sender),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline vendor add \"Northwind Secure\"")]
pub struct Add {
    /// The name its program is known by.
    name: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline vendor sender --from-email partners@northwind.example --web-site https://www.northwind.example \\
    --postal-address \"1 Northwind Plaza | Dublin D02 X285 | Ireland\"")]
pub struct Sender {
    /// The address it comes from.
    #[arg(long, value_name = "ADDRESS")]
    from_email: String,
    /// The name before it; without one, the vendor's.
    #[arg(long, value_name = "NAME", default_value = "")]
    from_name: String,
    /// Where answers go; without one, the address it comes from.
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    reply_to: String,
    /// The vendor's postal address, which the law wants in every mailing; lines separated by " | ".
    #[arg(long, value_name = "LINES")]
    postal_address: String,
    /// The vendor's web site.
    #[arg(long, value_name = "URL")]
    web_site: String,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

pub async fn run(
    command: VendorCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let add = match command {
        VendorCommand::Add(add) => add,
        VendorCommand::Sender(sender) => return set_sender(sender, settings, output).await,
    };
    let added = settings.program().await?.add_vendor(&Actor::Ops, &add.name).await?;
    output.answer(&added, || {
        let done = if added.is_new { "added" } else { "was there already" };
        format!("vendor {} {done}: {}", added.name, added.vendor)
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn set_sender(
    given: Sender,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    let vendor = program.find_vendor(&Actor::Ops, given.vendor.as_deref()).await?;
    let lines = given.postal_address.split('|').map(|line| line.trim().to_owned());
    let sender = VendorSender {
        from_name: given.from_name,
        from_email: given.from_email,
        reply_to: given.reply_to,
        postal_address: lines.filter(|line| !line.is_empty()).collect(),
        web_site: given.web_site,
    };
    let sender = program.set_vendor_sender(&Actor::Ops, &vendor, sender).await?;
    output.answer(&sender, || {
        format!("invitations come from {} <{}>", sender.from_name, sender.from_email)
    })?;
    Ok(ExitCode::SUCCESS)
}
