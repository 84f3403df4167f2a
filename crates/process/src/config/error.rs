//! What can be wrong with a configuration, and where.

use std::{fmt, path::PathBuf, sync::Arc};

use thiserror::Error;

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the copy of `config/throughline.toml` that the program carries.
    BuiltIn {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
    },
    /// In a file.
    File {
        /// The file.
        path: Arc<PathBuf>,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
    },
    /// In an environment variable.
    Variable(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn { line, column } => {
                write!(f, "config/throughline.toml:{line}:{column} (built in)")
            }
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written; none when the file could not be read at all.
    pub origin: Option<Origin>,
    /// The key, such as `redis.url`; empty when the whole file is meant.
    pub key: String,
    /// What is wrong and what was expected. Never holds a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// The configuration can't be used; names every problem, not only the first.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", list(.problems))]
pub struct ConfigError {
    /// All of them, in the order of the file, then of the environment, then across settings.
    pub problems: Vec<Problem>,
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A key that a role needs is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "secrets.{key} is empty and {purpose} need it; make one with `openssl rand -hex 32` and give it, \
     the same in every process, as {variable}"
)]
pub struct MissingKey {
    /// The key in `[secrets]`.
    pub key: &'static str,
    /// What needs it.
    pub purpose: &'static str,
    /// The environment variable that sets it.
    pub variable: &'static str,
}
