//! How a command that failed ends: the whole chain once, what to do about it, and an exit code.

use std::process::ExitCode;

use belt::Error as BeltError;
use process::config::{ConfigError, MissingKey};
use program::{Error as ProgramError, ErrorKind};
use sandbox::RedisError;
use serde_json::json;
use store::StoreError;

use crate::commands::{UnreadableList, render::NoBrowser};

/// Something failed.
pub const FAILED: u8 = 1;
/// The input was bad, or some of its rows were refused.
pub const BAD_INPUT: u8 = 2;
/// Something must be installed or configured on this machine first.
pub const NOT_READY: u8 = 3;
/// There is no such thing.
pub const NOT_FOUND: u8 = 4;
/// A server can't be reached.
pub const UNREACHABLE: u8 = 5;

/// The exit codes, as every `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  bad input, or some rows were refused
  3  something must be installed or configured on this machine first
  4  there is no such thing
  5  a server (Redis, the book, a relay) can't be reached";

/// Prints the failure to standard error (as one JSON document with `--json`) and gives the exit code.
pub fn report(error: &anyhow::Error, json: bool) -> ExitCode {
    let code = code_of(error);
    let mut chain: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // Some libraries repeat their source's text in their own.
        if !chain.last().is_some_and(|last| last.contains(&text)) {
            chain.push(text);
        }
    }
    let hint = hint(code);
    if json {
        eprintln!("{}", json!({ "error": chain, "exit_code": code, "hint": hint }));
    } else {
        eprintln!("error: {}", chain.join("\n  because: "));
        if let Some(hint) = hint {
            eprintln!("hint: {hint}");
        }
    }
    ExitCode::from(code)
}

/// The first cause that is of a known kind decides.
fn code_of(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of_cause).unwrap_or(FAILED)
}

fn code_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(error) = cause.downcast_ref::<ProgramError>() {
        return match error.kind() {
            ErrorKind::NotFound => Some(NOT_FOUND),
            ErrorKind::BadInput | ErrorKind::Conflict => Some(BAD_INPUT),
            ErrorKind::Unreachable => Some(UNREACHABLE),
            ErrorKind::NotReady => Some(NOT_READY),
            // What is behind it may be of a known kind.
            ErrorKind::Busy | ErrorKind::Internal => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<StoreError>() {
        return match error {
            error if error.is_unreachable() => Some(UNREACHABLE),
            StoreError::BadUrl { .. } => Some(BAD_INPUT),
            StoreError::Unwritable { .. }
            | StoreError::WritesRefused { .. }
            | StoreError::SchemaOld { .. }
            | StoreError::SchemaDiffers { .. } => Some(NOT_READY),
            StoreError::NotFound { .. } => Some(NOT_FOUND),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<BeltError>() {
        return match error {
            BeltError::BadUrl { .. } => Some(BAD_INPUT),
            BeltError::ServerConfig { .. } => Some(NOT_READY),
            error if error.is_unreachable() => Some(UNREACHABLE),
            _ => None,
        };
    }
    if cause.is::<ConfigError>() || cause.is::<UnreadableList>() {
        return Some(BAD_INPUT);
    }
    if cause.is::<NoBrowser>()
        || cause.is::<MissingKey>()
        || matches!(cause.downcast_ref(), Some(RedisError::NotInstalled))
    {
        return Some(NOT_READY);
    }
    None
}

fn hint(code: u8) -> Option<&'static str> {
    match code {
        BAD_INPUT => Some("nothing that is wrong was taken; correct it and run the command again"),
        NOT_READY => Some("`throughline check-config` shows what this machine is set up with"),
        NOT_FOUND => Some("`throughline status` lists what there is"),
        UNREACHABLE => Some("`throughline check-config` shows where servers are expected"),
        _ => None,
    }
}
