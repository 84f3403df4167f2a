//! Seeded schedules of faults over the belt's scripts and the scheduler's passes. See README.md.

mod acts;
mod bench;
mod chance;
mod connection;
mod faults;
mod house;
mod judge;
mod mutants;
mod part;
mod plan;
mod player;
mod report;
mod run;
mod server;
mod stage;
mod wire;
mod world;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Run the belt's scripts and the scheduler's passes under faults in an order that a seed decides, and judge
/// what was sent.
#[derive(Debug, Parser)]
#[command(
    name = "simulation",
    after_help = "\
Examples:
  simulation --schedules 2000 --seed 1      seeds 1 to 2000, as `make simulate` does
  simulation --seed 4711 --schedules 1      seed 4711 again, with all that happened
  simulation mutants                        breaks the scripts, one guard after the other: a seed must see it

Exits 0 if every promise held, 1 if one was broken (or a mutant lived), 2 if it was asked for something it does not
know, 3 if it could not run. A failing seed is printed with what happened, cut to the fewest steps that still break
the promise."
)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many schedules; with one, everything that happens in it is shown.
    #[arg(long, default_value_t = 2_000)]
    schedules: u64,
    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// At most so many steps of each schedule before everything is healed.
    #[arg(long)]
    steps: Option<usize>,
    /// Go on after a broken promise, and name every seed that breaks one.
    #[arg(long)]
    keep_going: bool,
    /// Schedules at once, each with a Redis of its own.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    at_once: u64,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Break the scripts in the ways the list has: each must be seen by a seed.
    Mutants {
        /// The list; of its rows those whose file is Lua are tried.
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mutations.toml"))]
        list: PathBuf,
        /// Only rows of this line of the belt's protocol.
        #[arg(long)]
        line: Option<u8>,
        /// Seeds tried for each.
        #[arg(long, default_value_t = 2_000)]
        schedules: u64,
    },
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.command {
        Some(Command::Mutants { list, line, schedules }) => mutants::all(list, *line, *schedules),
        None => report::run(&report::Asked {
            first: options.seed,
            schedules: options.schedules,
            steps: options.steps,
            keep_going: options.keep_going,
            at_once: options.at_once,
            json: options.json,
        }),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulation: {error:#}");
            ExitCode::from(3)
        }
    }
}
