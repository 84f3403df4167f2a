//! `openapi`.

use std::process::ExitCode;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline openapi > openapi.json")]
pub struct Options {}

/// Prints the description of the API, as the portal serves it.
pub fn run(Options {}: Options) -> ExitCode {
    println!("{}", portal::openapi_json());
    ExitCode::SUCCESS
}
