//! `pause`, `resume`, `cancel`, `move`.

use std::process::ExitCode;

use clap::Args;
use domain::{ActivationId, activation::ActivationCommand};
use program::{Actor, Commanded, ControlOf, Controlled, PauseLine};

use super::{activation_id, open::Settings};
use crate::output::{Output, number};

pub const PAUSE_HELP: &str = "\
Example:
  throughline pause act_0000000000001
  throughline pause --partner acme
  throughline pause --package product-launch --version 2
  throughline pause --vendor Northwind
  throughline pause --all

No send of it starts later than 2 s after the answer. What is being sent at that moment ends.
Pauses add up: what is paused at several levels goes on once every one of them is resumed.";

pub const RESUME_HELP: &str = "\
Example:
  throughline resume act_0000000000001
  throughline resume --partner acme

Lifts the pause of exactly what is named. What is paused at another level too stays paused; the answer says so.";

pub const CANCEL_HELP: &str = "\
Example:
  throughline cancel act_0000000000001
  throughline cancel --partner acme

Ends what is live now, for good; what is launched later goes. No send of it starts later than 2 s after the answer,
and what had not gone is marked as cancelled.";

/// Another time for the event of an activation.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline move act_0000000000001 --event-at \"2026-12-03T10:00[Europe/Vienna]\"

The sends of its steps move along; nothing that was queued with the old time goes out.")]
pub struct MoveOptions {
    /// The activation's id, as `launch` and `status` show it.
    #[arg(value_name = "ACTIVATION", value_parser = activation_id)]
    activation: ActivationId,
    /// When the event is now, with its time zone.
    #[arg(long, value_name = "TIME[ZONE]")]
    event_at: String,
}

pub async fn move_event(
    options: MoveOptions,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    let moved = program.move_event(&Actor::Ops, options.activation, &options.event_at).await?;
    output.answer(&moved, || {
        let from = moved.from.map(|from| format!(" from {from}")).unwrap_or_default();
        format!(
            "{} moved{from} to {}: {} sends have another time; {}",
            moved.activation,
            moved.to,
            number(moved.moved),
            moved.belt
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What to pause, resume or cancel.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").multiple(false).args(["activation", "partner", "package", "all"]))]
#[command(group = clap::ArgGroup::new("anything").required(true).multiple(true)
    .args(["activation", "partner", "package", "vendor", "all"]))]
pub struct Options {
    /// The activation's id, as `launch` and `status` show it.
    #[arg(value_name = "ACTIVATION", value_parser = activation_id)]
    activation: Option<ActivationId>,
    /// A partner, by key or id: all that it launched in this program.
    #[arg(long, value_name = "P")]
    partner: Option<String>,
    /// A package, by name or id: all that was launched of it.
    #[arg(long, value_name = "P")]
    package: Option<String>,
    /// One version of the package, by its number.
    #[arg(long, value_name = "N", requires = "package", value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
    /// A vendor, by name or id: its whole program. With --partner or --package: whose that is, needed only when there are
    /// several vendors.
    #[arg(long, value_name = "V", conflicts_with_all = ["activation", "all"])]
    vendor: Option<String>,
    /// Everything this installation sends.
    #[arg(long)]
    all: bool,
}

impl Options {
    /// What is named above a single activation.
    fn scope(self) -> ControlOf {
        let Self { partner, package, version, vendor, all, .. } = self;
        match (partner, package) {
            _ if all => ControlOf::All,
            (Some(partner), _) => ControlOf::Partner { vendor, partner },
            (None, Some(package)) => ControlOf::Package { vendor, package, version },
            (None, None) => ControlOf::Vendor(vendor),
        }
    }
}

pub async fn run(
    options: Options,
    command: ActivationCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    if let Some(activation) = options.activation {
        let done = program.steer(&Actor::Ops, activation, command).await?;
        output.answer(&done, || one(&done))?;
        return Ok(ExitCode::SUCCESS);
    }
    let scope = program.find_scope(&Actor::Ops, &options.scope()).await?;
    let done = program.control(&Actor::Ops, &scope, command).await?;
    output.answer(&done, || many(&done, command))?;
    Ok(ExitCode::SUCCESS)
}

fn one(done: &Commanded) -> String {
    let change = if done.changed {
        format!("was {}, is {} now", done.before, done.after)
    } else {
        format!("was {} already", done.after)
    };
    let cancelled = match done.sends_cancelled {
        0 => String::new(),
        sends => format!(", {} sends cancelled", number(sends)),
    };
    format!(
        "{} {change}{cancelled}; {}\n{}",
        done.activation,
        done.belt,
        still("it does not go: ", &done.paused_by)
    )
}

fn many(done: &Controlled, command: ActivationCommand) -> String {
    let Controlled { level, subject, changed, activations, sends_cancelled, paused_by, belt } =
        done;
    let live = number(*activations);
    let what = match (command, changed) {
        (ActivationCommand::Pause, true) => format!("is paused now, with {live} live activations"),
        (ActivationCommand::Pause, false) => "was paused already".to_owned(),
        (ActivationCommand::Resume, true) => format!("goes on, with {live} live activations"),
        (ActivationCommand::Resume, false) => "was not paused".to_owned(),
        (ActivationCommand::Cancel, true) => {
            format!("{live} activations and {} sends cancelled", number(*sends_cancelled))
        }
        (ActivationCommand::Cancel, false) => "nothing was live".to_owned(),
    };
    let name =
        if *level == subject.as_str() { level.to_string() } else { format!("{level} {subject}") };
    let pauses = match command {
        ActivationCommand::Pause => String::new(),
        _ => still("", paused_by),
    };
    format!("{name}: {what}; {belt}\n{pauses}")
}

/// What is paused all the same, a line each.
fn still(before: &str, pauses: &[PauseLine]) -> String {
    pauses.iter().map(|pause| format!("{before}{}\n", paused(pause))).collect()
}

/// A pause in words.
pub fn paused(pause: &PauseLine) -> String {
    let what = match pause.name.as_str() {
        "" if pause.subject == pause.level => "everything".to_owned(),
        "" => format!("{} {}", pause.level, pause.subject),
        name => format!("{} {name} ({})", pause.level, pause.subject),
    };
    let who = if pause.who.is_empty() { "somebody" } else { &pause.who };
    let since = pause.since.map(|since| format!(" since {since}")).unwrap_or_default();
    format!("{what} is paused by {who}{since}")
}
