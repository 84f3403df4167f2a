//! `openapi`.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::output::Output;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline openapi > openapi.json")]
pub struct Options {}

/// Prints the description of the API, as the portal serves it: JSON, asked for or not.
pub fn run(Options {}: Options, output: Output) -> anyhow::Result<ExitCode> {
    let text = portal::openapi_json();
    let document: Value = serde_json::from_str(&text).context("can't read our own description")?;
    output.answer(&document, || text)?;
    Ok(ExitCode::SUCCESS)
}
