//! `vendor add`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use program::Actor;

use super::open::Settings;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub enum VendorCommand {
    /// Add a vendor; one that is there already is left as it is.
    Add(Add),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline vendor add \"Northwind Secure\"")]
pub struct Add {
    /// The name its program is known by.
    name: String,
}

pub async fn run(
    command: VendorCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let VendorCommand::Add(add) = command;
    let added = settings.program().await?.add_vendor(&Actor::Ops, &add.name).await?;
    output.answer(&added, || {
        let done = if added.is_new { "added" } else { "was there already" };
        format!("vendor {} {done}: {}", added.name, added.vendor)
    })?;
    Ok(ExitCode::SUCCESS)
}
