//! What can be wrong with what a user asks for.

use std::{error::Error as StdError, fmt, io, path::PathBuf};

use serde::Serialize;
use store::StoreError;

/// The answer of every command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A source of another room's error type.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Why a command could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, or none that this actor may know of.
    #[error("there is no {what} \"{asked}\"{}", did_you_mean(.nearest))]
    NotFound {
        /// `partner`, `package`, …
        what: &'static str,
        /// What was asked for.
        asked: String,
        /// The nearest name this actor may see.
        nearest: Option<String>,
    },
    /// What was given can't be used; every problem that was found.
    #[error("{}", listed(.problems))]
    BadInput {
        /// All of them, in the order they were found.
        problems: Vec<Problem>,
    },
    /// What was given is fine, but not in this state of affairs.
    #[error("{why}")]
    Conflict {
        /// What stands against it, and what to do.
        why: String,
    },
    /// A file could not be read or written.
    #[error("can't use the file {path}", path = .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A server can't be reached, or was lost on the way.
    #[error("{server} can't be reached")]
    Unreachable {
        /// `the book` or `the belt`.
        server: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Others held the book for too long; the same may be asked again.
    #[error("the book is busy")]
    Busy {
        /// Why.
        #[source]
        source: Cause,
    },
    /// Something on this machine must be set up first.
    #[error("{what}")]
    NotReady {
        /// What, and how.
        what: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The fault is on our side.
    #[error("could not {doing}")]
    Internal {
        /// What was being done, as a verb and its object.
        doing: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
}

/// The few kinds that callers tell apart: exit codes, HTTP answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// See [`Error::NotFound`].
    NotFound,
    /// See [`Error::BadInput`].
    BadInput,
    /// See [`Error::Conflict`].
    Conflict,
    /// See [`Error::Unreachable`].
    Unreachable,
    /// See [`Error::Busy`].
    Busy,
    /// See [`Error::NotReady`].
    NotReady,
    /// Anything else.
    Internal,
}

impl Error {
    /// Which kind it is.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::BadInput { .. } | Self::File { .. } => ErrorKind::BadInput,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Unreachable { .. } => ErrorKind::Unreachable,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::NotReady { .. } => ErrorKind::NotReady,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// One problem.
    pub fn bad_input(place: &str, value: &str, expected: &str) -> Self {
        Self::BadInput { problems: vec![Problem::new(place, value, expected)] }
    }

    /// What went wrong with the book while `doing`.
    pub(crate) fn book(doing: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |error| match error {
            StoreError::NotFound { what, which } => Self::not_found(what, which),
            error @ (StoreError::Transition(_)
            | StoreError::VersionTransition(_)
            | StoreError::NotPublished { .. }
            | StoreError::Ended { .. }) => Self::Conflict { why: error.to_string() },
            error if error.is_unreachable() => {
                Self::Unreachable { server: "the book", source: Box::new(error) }
            }
            error @ StoreError::Busy { .. } => Self::Busy { source: Box::new(error) },
            error @ (StoreError::SchemaOld { .. }
            | StoreError::SchemaDiffers { .. }
            | StoreError::WritesRefused { .. }
            | StoreError::BadUrl { .. }
            | StoreError::Unwritable { .. }) => Self::NotReady {
                what: "the book can't be used as it is".to_owned(),
                source: Box::new(error),
            },
            error => Self::Internal { doing, source: Box::new(error) },
        }
    }

    pub(crate) fn not_found(what: &'static str, asked: impl fmt::Display) -> Self {
        Self::NotFound { what, asked: asked.to_string(), nearest: None }
    }
}

/// Something that was given and can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: an option, a file and line.
    pub place: String,
    /// What stands there, cut to a readable length; empty where `message` says what is wrong.
    pub value: String,
    /// What is wrong; empty where it is that `value` is not what was expected.
    pub message: String,
    /// What was expected instead; may be empty beside a message.
    pub expected: String,
}

impl Problem {
    /// A problem at `place`.
    pub fn new(place: &str, value: &str, expected: &str) -> Self {
        Self {
            place: place.to_owned(),
            value: cut(value),
            message: String::new(),
            expected: expected.to_owned(),
        }
    }

    /// Something that is wrong at `place` in words of its own.
    pub fn said(place: &str, message: &str, expected: &str) -> Self {
        Self {
            place: place.to_owned(),
            value: String::new(),
            message: message.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, value, message, expected } = self;
        match (message.as_str(), expected.as_str()) {
            ("", expected) => write!(f, "{place}: expected {expected}, got \"{value}\""),
            (message, "") => write!(f, "{place}: {message}"),
            (message, expected) => write!(f, "{place}: {message}; expected {expected}"),
        }
    }
}

/// At most 80 characters, nothing that moves a cursor.
pub(crate) fn cut(value: &str) -> String {
    // Marks of direction turn around what stands beside them.
    let moves = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown: String =
        value.chars().take(80).map(|c| if moves(c) { ' ' } else { c }).collect();
    if value.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
