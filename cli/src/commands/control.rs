//! `pause`, `resume`, `cancel`, `move`.

use std::process::ExitCode;

use clap::Args;
use domain::ActivationId;
use program::{Actor, Commanded};

use super::{activation_id, open::Settings};
use crate::output::{Output, number};

pub const PAUSE_HELP: &str = "\
Example:
  throughline pause act_0000000000001

No send of it starts later than 2 s after the answer. What is being sent at that moment ends.";

pub const RESUME_HELP: &str = "\
Example:
  throughline resume act_0000000000001";

pub const CANCEL_HELP: &str = "\
Example:
  throughline cancel act_0000000000001

No send of it starts later than 2 s after the answer, and what had not gone is marked as cancelled.";

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

#[derive(Debug, Args)]
pub struct Options {
    /// The activation's id, as `launch` and `status` show it.
    #[arg(value_name = "ACTIVATION", value_parser = activation_id)]
    activation: ActivationId,
}

pub async fn pause(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let done = settings.program().await?.pause(&Actor::Ops, options.activation).await?;
    answer(&done, output)
}

pub async fn resume(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let done = settings.program().await?.resume(&Actor::Ops, options.activation).await?;
    answer(&done, output)
}

pub async fn cancel(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let done = settings.program().await?.cancel(&Actor::Ops, options.activation).await?;
    answer(&done, output)
}

fn answer(done: &Commanded, output: Output) -> anyhow::Result<ExitCode> {
    output.answer(done, || {
        let change = if done.changed {
            format!("was {}, is {} now", done.before, done.after)
        } else {
            format!("was {} already", done.after)
        };
        let cancelled = match done.sends_cancelled {
            0 => String::new(),
            sends => format!(", {} sends cancelled", number(sends)),
        };
        format!("{} {change}{cancelled}; {}", done.activation, done.belt)
    })?;
    Ok(ExitCode::SUCCESS)
}
