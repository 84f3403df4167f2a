//! How the parts of the sandbox fail.

use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;

/// The private Redis can't be had.
#[derive(Debug, Error)]
pub enum RedisError {
    /// No `redis-server` on this machine.
    #[error(
        "redis-server is not installed; on Debian or Ubuntu run: apt-get install -y redis-server"
    )]
    NotInstalled,
    /// There is one, but it doesn't run.
    #[error("{} does not run", binary.display())]
    Unusable {
        /// What was started.
        binary: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Its folder or its configuration can't be written.
    #[error("can't prepare the folder of the private redis-server, {}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It was started and gave no answer in time.
    #[error("the private redis-server did not answer within {within:?}; see {}", log.display())]
    NotReady {
        /// How long was waited.
        within: Duration,
        /// Where it writes its log.
        log: PathBuf,
    },
    /// It can't be reached.
    #[error("the private redis-server can't be reached")]
    Connection(#[source] io::Error),
    /// It answered with something else than was asked for.
    #[error("the private redis-server answered {0:?}")]
    Answer(String),
}

/// A child process can't be started or watched.
#[derive(Debug, Error)]
pub enum SupervisorError {
    /// The program can't be started.
    #[error("can't start {name}")]
    Start {
        /// The child's name.
        name: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Its log can't be opened.
    #[error("can't open the log of {name}, {}", path.display())]
    Log {
        /// The child's name.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It did not say that it is ready.
    #[error("{name} did not get ready within {within:?}; see {}", log.display())]
    NotReady {
        /// The child's name.
        name: String,
        /// How long was waited.
        within: Duration,
        /// Where it writes its log.
        log: PathBuf,
    },
    /// The thread that starts children is gone: the supervisor was stopped.
    #[error("the supervisor has stopped")]
    Stopped,
}

/// The mail sink can't start or go on.
#[derive(Debug, Error)]
pub enum SinkError {
    /// An address can't be listened on.
    #[error("the mail sink can't listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A file or folder of the sink can't be used.
    #[error("the mail sink can't use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The page server ended by itself.
    #[error("the mail sink's page server ended")]
    Http(#[source] io::Error),
}

/// The sink's ledger can't be read.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The sink can't be reached or refuses.
    #[error("the mail sink's ledger can't be fetched")]
    Fetch(#[source] reqwest::Error),
    /// A line is not what a ledger has.
    #[error("the mail sink's ledger has a line that can't be read: {line:?}")]
    Line {
        /// The line.
        line: String,
        /// Why it failed.
        #[source]
        source: serde_json::Error,
    },
}

/// Simulated recipients can't read their mail.
#[derive(Debug, Error)]
pub enum RecipientsError {
    /// The ledger, which is their mailbox, can't be read.
    #[error("the simulated recipients can't read their mail")]
    Ledger(#[from] LedgerError),
    /// No HTTP client can be had.
    #[error("the simulated recipients have no HTTP client")]
    Client(#[source] reqwest::Error),
    /// What they may call is nothing that can be called.
    #[error(
        "the simulated recipients may only call addresses below {0:?}, which is no web address"
    )]
    Base(String),
    /// They were at work and are not.
    #[error("the simulated recipients have stopped")]
    Stopped,
}

/// The demo data can't be written.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file or folder can't be written.
    #[error("can't write {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A CSV file can't be written.
    #[error("can't write {}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: csv::Error,
    },
    /// A logo can't be encoded.
    #[error("can't encode {}", path.display())]
    Logo {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: png::EncodingError,
    },
}
