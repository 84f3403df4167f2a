//! What can go wrong with the book.

use domain::{
    ActivationId, ActivationState, VersionId, VersionState, activation::TransitionError,
    package_version::VersionTransitionError,
};
use thiserror::Error;

/// What every operation of the book answers.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A failure of the book. The source's text is not repeated in it; print the chain.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL is none the book can be at.
    #[error("\"{url}\" is no book; expected sqlite:FILE or postgres://user@host/database")]
    BadUrl {
        /// The URL, its password masked.
        url: String,
    },
    /// The SQLite file can't be opened for writing.
    #[error(
        "the book at {path} can't be written; check that its folder exists, belongs to the user this \
         runs as, is not mounted read-only and has space left, or name another file in the book's URL"
    )]
    Unwritable {
        /// The file.
        path: String,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// An open book stopped taking writes: its disk is full, or became read-only.
    #[error(
        "the book takes no more writes; free space on its disk and check that it is not read-only"
    )]
    WritesRefused {
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The server can't be reached, or the connection to it was lost.
    #[error("the book's server can't be reached")]
    Unreachable {
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// Somebody else held the book for longer than the time limit, or two transactions met.
    #[error("the book was busy for too long")]
    Busy {
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The book's schema is older than this program needs.
    #[error(
        "the book's schema is version {have}, this program needs {need}; run `throughline migrate`"
    )]
    SchemaOld {
        /// The last migration the book has.
        have: i64,
        /// The last migration this program has.
        need: i64,
    },
    /// A migration the book has was another text than the one this program has.
    #[error(
        "migration {version} of the book is not the one this program has; the book was made by another program"
    )]
    SchemaDiffers {
        /// Its number.
        version: i64,
    },
    /// There is no such row.
    #[error("there is no {what} \"{which}\"")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// How it was asked for.
        which: String,
    },
    /// The activation can't do what was asked.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// The activation has ended.
    #[error("activation {activation} is {state} and can't be changed")]
    Ended {
        /// Which one.
        activation: ActivationId,
        /// Where it stands.
        state: ActivationState,
    },
    /// The package version can't do what was asked.
    #[error(transparent)]
    VersionTransition(#[from] VersionTransitionError),
    /// The package version may not be launched.
    #[error("version {version} of the package is {state} and can't be launched")]
    NotPublished {
        /// Which one.
        version: VersionId,
        /// Where it stands.
        state: VersionState,
    },
    /// A row holds what this program can't read.
    #[error("column {column} of the book holds \"{text}\", which this program can't read")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What it holds.
        text: String,
    },
    /// Any other failure of the database.
    #[error("the book failed")]
    Sql(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same call may succeed if it is made again after a while.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable { .. } | Self::WritesRefused { .. })
    }

    /// Whether the database could not be reached.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    pub(crate) fn not_found(what: &'static str, which: impl ToString) -> Self {
        Self::NotFound { what, which: which.to_string() }
    }
}

/// Primary result codes of SQLite (the low byte of an extended code).
const SQLITE_BUSY: i64 = 5;
const SQLITE_LOCKED: i64 = 6;
const SQLITE_READONLY: i64 = 8;
const SQLITE_IOERR: i64 = 10;
const SQLITE_FULL: i64 = 13;
const SQLITE_CANTOPEN: i64 = 14;

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unreachable { source },
            sqlx::Error::PoolTimedOut => Self::Busy { source },
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                // SQLSTATE has five characters; SQLite's extended codes are numbers of other lengths.
                if code.len() == 5 {
                    match (&code[..2], code.as_str()) {
                        ("08", _) | (_, "57P01" | "57P02" | "57P03" | "53300") => {
                            Self::Unreachable { source }
                        }
                        ("40", _) | (_, "55P03") => Self::Busy { source },
                        (_, "53100" | "25006") => Self::WritesRefused { source },
                        _ => Self::Sql(source),
                    }
                } else {
                    match code.parse::<i64>().map(|code| code & 0xff) {
                        Ok(SQLITE_BUSY | SQLITE_LOCKED) => Self::Busy { source },
                        Ok(SQLITE_READONLY | SQLITE_FULL | SQLITE_IOERR | SQLITE_CANTOPEN) => {
                            Self::WritesRefused { source }
                        }
                        _ => Self::Sql(source),
                    }
                }
            }
            _ => Self::Sql(source),
        }
    }
}
