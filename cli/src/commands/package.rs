//! `package check` and `package publish`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use program::Actor;
use render::{Diagnostic, SharedTemplates};

use super::open::Settings;
use crate::{failure::BAD_INPUT, output::Output};

#[derive(Debug, Subcommand)]
pub enum PackageCommand {
    /// Find everything that is wrong with a package, with file, line and column. Needs no book.
    Check(Check),
    /// Freeze a package into a version of a vendor's program.
    Publish(Publish),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline package check campaigns/product-launch")]
pub struct Check {
    /// The package's folder.
    dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline package publish campaigns/product-launch

The same content is the same version, so publishing again changes nothing.")]
pub struct Publish {
    /// The package's folder.
    dir: PathBuf,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

pub async fn run(
    command: PackageCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    match command {
        PackageCommand::Check(check) => {
            let checked = program::check_package(&SharedTemplates::embedded(), &check.dir)?;
            output.answer(&checked, || {
                let end =
                    if checked.is_good { "the package is good" } else { "the package has errors" };
                format!("{}{end}", listed(&checked.diagnostics))
            })?;
            Ok(if checked.is_good { ExitCode::SUCCESS } else { ExitCode::from(BAD_INPUT) })
        }
        PackageCommand::Publish(publish) => {
            let program = settings.program().await?;
            let vendor = program.find_vendor(&Actor::Ops, publish.vendor.as_deref()).await?;
            let published = program.publish_package(&Actor::Ops, &vendor, &publish.dir).await?;
            output.answer(&published, || {
                let done = if published.is_new { "published" } else { "was published already" };
                format!(
                    "{}package {} version {} {done}: {} ({})",
                    listed(&published.warnings),
                    published.slug,
                    published.number,
                    published.version,
                    published.hash,
                )
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|found| format!("{found}\n")).collect()
}
