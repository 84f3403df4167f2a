//! `package …`: from a folder to a version partners may launch, and back.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use domain::{VersionState, package_version::VersionCommand};
use program::{Actor, BeltTold, PackageChecked, PartnersChecked, PublishAs, StepMap, VersionLine};
use render::Diagnostic;
use serde::Serialize;

use super::{
    name_and_value,
    open::{Settings, shared_templates},
};
use crate::{
    failure::BAD_INPUT,
    output::{Output, number, table},
};

#[derive(Debug, Subcommand)]
pub enum PackageCommand {
    /// Find everything that is wrong with a package, with file, line and column.
    Check(Check),
    /// Freeze a package into a version of a vendor's program.
    Publish(Publish),
    /// List packages and their versions, with where each stands, since when, and by whom.
    List(List),
    /// Ask for approval of a draft.
    Submit(Of),
    /// Send a version that waits for approval back to be worked on.
    Reject(Of),
    /// Approve a version: partners may launch it.
    Approve(Of),
    /// Let nobody launch a version any more; what was launched goes on.
    Retire(Of),
    /// Stop every send of a version, for good.
    Recall(Of),
    /// Move running activations to another version; nobody gets a step twice.
    Migrate(Migrate),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline package check campaigns/product-launch
  throughline package check campaigns/product-launch --partners")]
pub struct Check {
    /// The package's folder.
    dir: PathBuf,
    /// Also which partners could not launch it today, and why. Needs the book.
    #[arg(long)]
    partners: bool,
    /// The vendor whose partners these are, by name or id; needed only when there are several.
    #[arg(long, value_name = "V", requires = "partners")]
    vendor: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline package publish campaigns/product-launch

The same content is the same version, so publishing again changes nothing.")]
pub struct Publish {
    /// The package's folder.
    dir: PathBuf,
    /// Keep it as a draft: nobody can launch it before it is approved.
    #[arg(long)]
    draft: bool,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline package list product-launch")]
pub struct List {
    /// One package, by name; without it, all.
    package: Option<String>,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline package recall product-launch@3

A version is named by its id (ver_…) or as package@number; `throughline package list` shows both.")]
pub struct Of {
    /// The version.
    version: String,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline package migrate product-launch@3 product-launch@4 --step last-call=reminder

A step with the same name in both versions goes on as it is. Every other step of the old one must be named:
with its new name, or to be dropped. Steps that are new are decided for everybody; those whose time is over
are skipped as late.")]
pub struct Migrate {
    /// The version activations have.
    old: String,
    /// The version they get.
    new: String,
    /// A step with another name.
    #[arg(long = "step", value_name = "OLD=NEW", value_parser = name_and_value)]
    steps: Vec<(String, String)>,
    /// A step that ends.
    #[arg(long = "drop", value_name = "OLD")]
    dropped: Vec<String>,
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
        PackageCommand::Check(check) => return run_check(&check, settings, output).await,
        PackageCommand::Publish(publish) => run_publish(&publish, settings, output).await?,
        PackageCommand::List(list) => run_list(&list, settings, output).await?,
        PackageCommand::Submit(of) => change(&of, VersionCommand::Submit, settings, output).await?,
        PackageCommand::Reject(of) => change(&of, VersionCommand::Reject, settings, output).await?,
        PackageCommand::Approve(of) => {
            change(&of, VersionCommand::Publish, settings, output).await?;
        }
        PackageCommand::Retire(of) => change(&of, VersionCommand::Retire, settings, output).await?,
        PackageCommand::Recall(of) => recall(&of, settings, output).await?,
        PackageCommand::Migrate(migrate) => run_migrate(migrate, settings, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_check(check: &Check, settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    let templates = shared_templates(&settings.load()?)?;
    let checked = program::check_package(&templates, &check.dir)?;
    let partners = if check.partners && checked.is_good {
        let program = settings.program().await?;
        let vendor = program.find_vendor(&Actor::Ops, check.vendor.as_deref()).await?;
        Some(program.check_for_partners(&Actor::Ops, &vendor, &check.dir).await?)
    } else {
        None
    };
    let answer = Checked { package: &checked, partners: partners.as_ref() };
    output.answer(&answer, || {
        let end = if checked.is_good { "the package is good" } else { "the package has errors" };
        let partners = partners.as_ref().map(said_of_partners).unwrap_or_default();
        format!("{}{partners}{end}", listed(&checked.diagnostics))
    })?;
    Ok(if checked.is_good { ExitCode::SUCCESS } else { ExitCode::from(BAD_INPUT) })
}

#[derive(Serialize)]
struct Checked<'a> {
    #[serde(flatten)]
    package: &'a PackageChecked,
    #[serde(skip_serializing_if = "Option::is_none")]
    partners: Option<&'a PartnersChecked>,
}

fn said_of_partners(partners: &PartnersChecked) -> String {
    let mut text = String::new();
    for refused in &partners.cannot {
        text.push_str(&format!(
            "not for {} ({}): {}\n",
            refused.partner_key, refused.partner_name, refused.reason
        ));
    }
    for other in &partners.other_language {
        text.push_str(&format!(
            "{} ({}) has no {}: its contacts get {}\n",
            other.partner_key, other.partner_name, other.locale, other.language
        ));
    }
    if !partners.to_fill.is_empty() {
        text.push_str(&format!("a partner must fill: {}\n", partners.to_fill.join(", ")));
    }
    text.push_str(&format!(
        "{} partners could launch it today, {} could not\n",
        number(partners.can),
        number(partners.cannot.len() as u64)
    ));
    text
}

async fn run_publish(publish: &Publish, settings: &Settings, output: Output) -> anyhow::Result<()> {
    let program = settings.program().await?;
    let vendor = program.find_vendor(&Actor::Ops, publish.vendor.as_deref()).await?;
    let publish_as = if publish.draft { PublishAs::Draft } else { PublishAs::Published };
    let published = program.publish_package(&Actor::Ops, &vendor, &publish.dir, publish_as).await?;
    output.answer(&published, || {
        let done = match (published.is_new, published.state) {
            (true, VersionState::Published) => "published".to_owned(),
            (true, _) => "kept as a draft".to_owned(),
            (false, state) => format!("was there already, {state}"),
        };
        format!(
            "{}package {} version {} {done}: {} ({})",
            listed(&published.warnings),
            published.slug,
            published.number,
            published.version,
            published.hash,
        )
    })
}

async fn run_list(list: &List, settings: &Settings, output: Output) -> anyhow::Result<()> {
    let program = settings.program().await?;
    let vendor = program.find_vendor(&Actor::Ops, list.vendor.as_deref()).await?;
    let versions = program.versions(&Actor::Ops, &vendor, list.package.as_deref()).await?;
    output.answer(&versions, || {
        if versions.is_empty() {
            return "no package yet; publish one with `throughline package publish`".to_owned();
        }
        let rows: Vec<Vec<String>> = versions
            .iter()
            .map(|line| {
                vec![
                    name(line),
                    line.state.to_string(),
                    line.state_at.to_string(),
                    line.state_by.clone(),
                    line.version.to_string(),
                ]
            })
            .collect();
        table(&["version", "state", "since", "by", "id"], &rows)
    })
}

async fn change(
    of: &Of,
    command: VersionCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<()> {
    let program = settings.program().await?;
    let vendor = program.find_vendor(&Actor::Ops, of.vendor.as_deref()).await?;
    let changed = program.change_version(&Actor::Ops, &vendor, &of.version, command).await?;
    output.answer(&changed, || {
        let state = changed.version.state;
        if changed.changed {
            format!("{}: {} → {state}", name(&changed.version), changed.before)
        } else {
            format!("{} was {state} already", name(&changed.version))
        }
    })
}

async fn recall(of: &Of, settings: &Settings, output: Output) -> anyhow::Result<()> {
    let program = settings.program().await?;
    let vendor = program.find_vendor(&Actor::Ops, of.vendor.as_deref()).await?;
    let recalled = program.recall_version(&Actor::Ops, &vendor, &of.version).await?;
    output.answer(&recalled, || {
        let when = match recalled.belt {
            BeltTold::Told => "nothing of it starts any more",
            BeltTold::BeforeAnythingIsSent => {
                "the belt could not be told; it learns it before anything is sent"
            }
        };
        format!(
            "{} recalled: stopped {}, already out {}, in {} activations; {when}",
            name(&recalled.change.version),
            number(recalled.stopped),
            number(recalled.already_out.unsigned_abs()),
            number(recalled.activations),
        )
    })
}

async fn run_migrate(migrate: Migrate, settings: &Settings, output: Output) -> anyhow::Result<()> {
    let program = settings.program().await?;
    let vendor = program.find_vendor(&Actor::Ops, migrate.vendor.as_deref()).await?;
    let map = StepMap { renamed: migrate.steps, dropped: migrate.dropped };
    let migrated =
        program.migrate_version(&Actor::Ops, &vendor, &migrate.old, &migrate.new, &map).await?;
    output.answer(&migrated, || {
        let mut text = String::new();
        for stays in &migrated.stay {
            text.push_str(&format!("{} stays: {}\n", stays.activation, stays.problems.join("; ")));
        }
        text.push_str(&format!(
            "{} → {}: {} activations moved, {} stay, {} sends of dropped steps cancelled; {}",
            name(&migrated.from),
            name(&migrated.to),
            number(migrated.moved.len() as u64),
            number(migrated.stay.len() as u64),
            number(migrated.dropped),
            migrated.belt
        ));
        text
    })
}

fn name(line: &VersionLine) -> String {
    format!("{}@{}", line.package, line.number)
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|found| format!("{found}\n")).collect()
}
