//! The command line: one file per group of commands.

mod api_key;
mod check_config;
mod control;
mod engagement;
mod events;
mod export;
mod import;
mod invite;
mod jobs;
mod launch;
mod migrate;
pub mod open;
mod openapi;
mod package;
mod package_for;
pub mod render;
mod results;
mod status;
mod vendor;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::{ActivationId, UtcMillis, VendorId, activation::ActivationCommand};
use program::{Actor, PreviewOf, Program, SlotPicture};

use crate::{demo, failure::EXIT_CODES, output::Output, roles};
pub use engagement::UnreadableList;
use open::Settings;

/// One click of a partner becomes co-branded mail for that partner's contacts.
#[derive(Debug, Parser)]
#[command(name = "throughline", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct CommandLine {
    /// The configuration file. Without it, config/throughline.toml or throughline.toml in this
    /// folder, if there is one. THROUGHLINE__SECTION__KEY in the environment wins over both.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Answer with one JSON document (`events`: one a line); errors too, on standard error.
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add vendors.
    #[command(subcommand)]
    Vendor(vendor::VendorCommand),
    /// Import partners or contacts from a file.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Export partners or contacts as a file that an import takes back.
    #[command(subcommand)]
    Export(export::ExportCommand),
    /// Check or publish an activation package.
    #[command(subcommand)]
    Package(package::PackageCommand),
    /// Render a package's messages to files, without sending anything.
    Render(render::Options),
    /// Launch a package for one partner or for all eligible ones.
    Launch(launch::Options),
    /// Ask partners, by mail, to launch a package with one button.
    Invite(invite::Options),
    /// List, resend or revoke invitations.
    #[command(subcommand)]
    Invitation(invite::InvitationCommand),
    /// Show where activations stand, in counts that add up to their audience.
    Status(status::Options),
    /// Show what came back of an activation: opens and clicks, people's and machines' apart.
    Results(results::Options),
    /// Show what happened, oldest first.
    Events(events::Options),
    /// Opens and clicks, people's and machines'.
    #[command(subcommand)]
    Engagement(engagement::EngagementCommand),
    /// Stop an activation, a partner, a package, a vendor or everything for now.
    #[command(after_help = control::PAUSE_HELP)]
    Pause(control::Options),
    /// Go on with what is paused.
    #[command(after_help = control::RESUME_HELP)]
    Resume(control::Options),
    /// Stop an activation, or all of a partner, a package or a vendor, for good.
    #[command(after_help = control::CANCEL_HELP)]
    Cancel(control::Options),
    /// Find jobs that are set aside, held, unknown or failed, and decide about them.
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// Give the event of an activation another time; its sends move along.
    Move(control::MoveOptions),
    /// Run a scheduler: expands launches, feeds the belt, records what happened.
    #[command(after_help = "Example:\n  throughline --config fleet.toml scheduler")]
    Scheduler,
    /// Run a worker: renders and sends.
    #[command(after_help = "Example:\n  throughline --config fleet.toml worker")]
    Worker,
    /// Run a portal: the unsubscribe endpoint, links and images of mail.
    #[command(after_help = "Example:\n  throughline --config fleet.toml portal")]
    Portal,
    /// Run everything on this machine: book, Redis, scheduler, portal and workers.
    All(demo::all::Options),
    /// See a real campaign go through all of it, into a mail sink on this machine.
    Demo(demo::Options),
    /// Make, list or revoke keys of the JSON API.
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// Print the description of the JSON API (OpenAPI 3.1).
    Openapi(openapi::Options),
    /// Bring the book's schema up to date.
    #[command(after_help = migrate::HELP)]
    Migrate,
    /// Show the configuration as it is after file and environment, secrets masked.
    #[command(after_help = check_config::HELP)]
    CheckConfig,
    /// Take mail and deliver none of it.
    #[command(hide = true)]
    Sink(demo::sink::Options),
}

/// Runs one command. The exit code is that of a command that came to an answer.
pub async fn run(line: CommandLine) -> anyhow::Result<ExitCode> {
    let output = Output::new(line.json);
    let settings = Settings::new(line.config);
    match line.command {
        Command::Vendor(command) => vendor::run(command, &settings, output).await,
        Command::Import(command) => import::run(command, &settings, output).await,
        Command::Export(command) => export::run(command, &settings, output).await,
        Command::Package(command) => package::run(command, &settings, output).await,
        Command::Render(options) => render::run(options, &settings, output).await,
        Command::Launch(options) => launch::run(options, &settings, output).await,
        Command::Invite(options) => invite::invite(options, &settings, output).await,
        Command::Invitation(command) => invite::run(command, &settings, output).await,
        Command::Status(options) => status::run(options, &settings, output).await,
        Command::Results(options) => results::run(options, &settings, output).await,
        Command::Events(options) => events::run(options, &settings, output).await,
        Command::Engagement(command) => engagement::run(command, &settings, output).await,
        Command::Pause(options) => {
            control::run(options, ActivationCommand::Pause, &settings, output).await
        }
        Command::Resume(options) => {
            control::run(options, ActivationCommand::Resume, &settings, output).await
        }
        Command::Cancel(options) => {
            control::run(options, ActivationCommand::Cancel, &settings, output).await
        }
        Command::Jobs(command) => jobs::run(command, &settings, output).await,
        Command::Move(options) => control::move_event(options, &settings, output).await,
        Command::Scheduler => done(roles::scheduler::run(settings.for_role()?).await),
        Command::Worker => done(roles::worker::run(settings.for_role()?).await),
        Command::Portal => done(roles::portal::run(settings.for_role()?).await),
        Command::All(options) => {
            demo::all::run(options, settings.file().map(ToOwned::to_owned)).await
        }
        Command::Demo(options) => demo::run(options, line.json).await,
        Command::ApiKey(command) => api_key::run(command, &settings, output).await,
        Command::Openapi(options) => openapi::run(options, output),
        Command::Migrate => migrate::run(&settings, output).await,
        Command::CheckConfig => check_config::run(&settings, output),
        Command::Sink(options) => done(demo::sink::run(options).await),
    }
}

fn done(ended: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    ended.map(|()| ExitCode::SUCCESS)
}

/// An activation's id as people type it.
fn activation_id(text: &str) -> Result<ActivationId, String> {
    text.trim().parse().map_err(|error: domain::ids::ParseIdError| error.to_string())
}

/// Slot values as they were given; `name=@file` becomes a picture of the book.
async fn slot_values(
    program: &Program,
    vendor: &VendorId,
    package: &PreviewOf,
    given: Vec<(String, String)>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (slot, value) in given {
        let value = match read_picture(&value)? {
            None => value,
            Some((bytes, alt)) => {
                let picture = SlotPicture { slot: &slot, bytes: &bytes, alt: &alt };
                program.slot_picture(&Actor::Ops, vendor, package, picture).await?
            }
        };
        values.insert(slot, value);
    }
    Ok(values)
}

/// The picture of a slot value `@FILE what it shows`, and what it shows; `None` for any other value.
fn read_picture(value: &str) -> anyhow::Result<Option<(Vec<u8>, String)>> {
    let Some(file) = value.strip_prefix('@') else { return Ok(None) };
    let (file, alt) = file.split_once(' ').unwrap_or((file, ""));
    let bytes = std::fs::read(file).with_context(|| format!("can't read {file}"))?;
    Ok(Some((bytes, alt.to_owned())))
}

/// `name=value`.
fn name_and_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| "expected NAME=VALUE".to_owned())
}

/// A moment as people write it, with its offset; a date alone is midnight UTC.
fn moment(text: &str) -> Result<UtcMillis, String> {
    let date = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    text.parse::<jiff::Timestamp>()
        .ok()
        .or_else(|| date().map(|zoned| zoned.timestamp()))
        .map(UtcMillis::from)
        .ok_or_else(|| "expected a time like 2026-03-01T09:00:00+01:00, or a date".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    /// Commands that only hold others have none: theirs are one word further.
    fn leaves(command: &clap::Command, found: &mut Vec<(String, String)>) {
        for sub in
            command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
        {
            if sub.has_subcommands() {
                leaves(sub, found);
            } else {
                let help = sub.clone().render_long_help().to_string();
                found.push((sub.get_name().to_owned(), help));
            }
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        let mut found = Vec::new();
        leaves(&CommandLine::command(), &mut found);
        assert!(found.len() > 15, "{}", found.len());
        for (name, help) in found {
            let example = help.split_once("Example:").map(|(_, example)| example.trim_start());
            assert!(
                example.is_some_and(|text| text.starts_with("throughline ")),
                "{name}:\n{help}"
            );
        }
    }

    #[test]
    fn the_exit_codes_are_in_the_help() {
        let help = CommandLine::command().render_help().to_string();
        for code in 0..=5 {
            assert!(help.contains(&format!("\n  {code}  ")), "{help}");
        }
    }

    #[test]
    fn moments_and_pairs_are_read() {
        assert_eq!(moment("2026-01-31").unwrap(), moment("2026-01-31T01:00:00+01:00").unwrap());
        assert!(moment("tomorrow").is_err());
        assert_eq!(name_and_value("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        assert!(name_and_value("a").is_err() && name_and_value("=b").is_err());
    }
}
