//! The one binary: reads the command line and hands over. Decisions are made in the rooms.

mod commands;
mod demo;
mod failure;
mod output;
mod roles;

use std::process::ExitCode;

use clap::Parser;

use commands::CommandLine;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let json = line.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::report(&error.into(), json),
    };
    let ended = runtime.block_on(commands::run(line));
    // A blocked read of standard input or of a file must not keep the process from ending.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| failure::report(&error, json))
}
