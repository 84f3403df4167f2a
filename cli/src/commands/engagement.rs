//! `engagement`.

mod agent_list;
mod check;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use program::{Actor, Reclassified};

pub use agent_list::UnreadableList;

use super::open::Settings;
use crate::output::{Output, number, table};

#[derive(Debug, Subcommand)]
pub enum EngagementCommand {
    /// Decide anew which opens and clicks were people's, by the rules of today.
    Reclassify(Reclassify),
    /// Count how many of known bots the rules find, and how many people they take for bots.
    Check(check::Check),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline engagement reclassify

Opens and clicks stay as they came; what they were is decided by the rules in tracking.rules, or those of the
program. Run it after a change of the lists, as often as you like: the second time it changes nothing.")]
pub struct Reclassify {}

pub async fn run(
    command: EngagementCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    match command {
        EngagementCommand::Reclassify(Reclassify {}) => reclassify(settings, output).await,
        EngagementCommand::Check(check) => check::run(&check, settings, output),
    }
}

async fn reclassify(settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    let rules = settings.load()?.tracking.rules()?;
    let done = settings.program().await?.reclassify(&Actor::Ops, &rules).await?;
    output.answer(&done, || text(&done))?;
    Ok(ExitCode::SUCCESS)
}

fn text(done: &Reclassified) -> String {
    let rows: Vec<Vec<String>> = done
        .by_rule
        .iter()
        .map(|tally| {
            vec![
                tally.kind.to_string(),
                tally.class.to_string(),
                tally.rule.clone(),
                number(tally.events),
            ]
        })
        .collect();
    let decided = if rows.is_empty() {
        String::new()
    } else {
        table(&["what", "who", "rule", "events"], &rows)
    };
    format!(
        "{decided}rules {}: {} opens and clicks looked at, {} decided anew\n",
        done.rules,
        number(done.events),
        number(done.changed)
    )
}
