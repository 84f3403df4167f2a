//! `events`.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use domain::{ActivationId, EventId};
use program::{Actor, EventLine};

use super::{activation_id, open::Settings};
use crate::output::Output;

/// Events read at once.
const PAGE: u32 = 500;

/// How often the book is asked for more while following.
const ASK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline --json events act_0000000000001 --follow

With --json, one document a line.")]
pub struct Options {
    /// One activation; without it, all of them.
    #[arg(value_name = "ACTIVATION", value_parser = activation_id)]
    activation: Option<ActivationId>,
    /// Go on with what happens from now on, until Ctrl-C.
    #[arg(long)]
    follow: bool,
    /// Begin after this event.
    #[arg(long, value_name = "EVENT")]
    after: Option<EventId>,
}

pub async fn run(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    let mut after = options.after;
    loop {
        let page = program.events(&Actor::Ops, options.activation, after, PAGE).await?;
        for event in &page.events {
            output.line(event, || text(event))?;
        }
        after = Some(page.next);
        let is_last = page.events.len() < PAGE as usize;
        if is_last && !options.follow {
            return Ok(ExitCode::SUCCESS);
        }
        if is_last {
            tokio::select! {
                () = tokio::time::sleep(ASK_EVERY) => {}
                stop = tokio::signal::ctrl_c() => {
                    stop?;
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
    }
}

fn text(event: &EventLine) -> String {
    let detail = match &event.detail {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(map) if map.is_empty() => String::new(),
        other => other.to_string(),
    };
    format!(
        "{}  {:<12}  {}  {}  {detail}",
        event.at,
        event.kind.as_str(),
        event.activation,
        event.send
    )
    .trim_end()
    .to_owned()
}
