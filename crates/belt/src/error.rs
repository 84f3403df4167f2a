//! What can go wrong between a process and the belt.

use thiserror::Error;

/// The result of a call to the belt.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the belt did not do what it was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// No answer: Redis is away, the connection broke, or the answer took too long. The call may or
    /// may not have been carried out; every call may be repeated.
    #[error("Redis at {url} can't be reached")]
    Unreachable {
        /// The server that was asked, without its password.
        url: String,
        /// What the connection said.
        #[source]
        source: redis::RedisError,
    },
    /// The belt is in no epoch, or in one this process has not joined: the leader has to open it.
    #[error("the belt is closed until the scheduler opens a new epoch")]
    Closed,
    /// Another scheduler has a higher lease number.
    #[error("lease {lease} was refused: the belt has seen lease {seen}")]
    Fenced {
        /// The number this call carried.
        lease: u64,
        /// The highest number the belt has seen.
        seen: u64,
    },
    /// Sends were put back since those that were to be pushed were chosen; they may be among them.
    #[error("sends were put back since these were chosen; what of them is nowhere is found again")]
    Overtaken,
    /// The belt is already in this epoch or a later one.
    #[error("epoch {epoch} was refused: the belt is in epoch {current}")]
    StaleEpoch {
        /// The epoch that was to begin.
        epoch: u32,
        /// The epoch the belt is in.
        current: u32,
    },
    /// The URL names no Redis server.
    #[error("\"{url}\" is no Redis URL; expected redis://host:port or unix:///path/to/socket")]
    BadUrl {
        /// What was given.
        url: String,
        /// What the parser said.
        #[source]
        source: redis::RedisError,
    },
    /// The URL names no Sentinels, or not what they are asked for.
    #[error(
        "\"{url}\" names no Sentinels; expected redis+sentinel://host:port,host:port/NAME, where NAME is what the \
         Sentinels call the primary (`sentinel monitor NAME …`), perhaps with :password@ before the hosts and /0 behind it"
    )]
    BadSentinelUrl {
        /// What was given, without its passwords.
        url: String,
    },
    /// The server is not configured the way a queue needs it.
    #[error(
        "Redis has `{setting} {found}`, the belt needs `{setting} {needed}`: run \
         `redis-cli CONFIG SET {setting} {needed}` and put the line `{setting} {needed}` into redis.conf"
    )]
    ServerConfig {
        /// The setting's name.
        setting: &'static str,
        /// What it is set to.
        found: String,
        /// What it has to be set to.
        needed: &'static str,
    },
    /// A shelf item is too large.
    #[error("a shelf item has {size} bytes; at most {limit} are allowed")]
    ShelfItemTooLarge {
        /// Its size in bytes.
        size: usize,
        /// The largest allowed size in bytes.
        limit: usize,
    },
    /// A job can't travel.
    #[error("{send} can't go on the belt: {why}")]
    BadJob {
        /// The send.
        send: domain::SendId,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Redis answered something the belt does not understand, or refused a command.
    #[error("Redis gave an unexpected answer to {what}")]
    Reply {
        /// What was asked.
        what: &'static str,
        /// What came back.
        #[source]
        source: redis::RedisError,
    },
}

impl Error {
    /// Whether what was asked has to wait for Redis or for the leader: a stop that meets this takes
    /// effect before anything is sent, because the next epoch loads it from the book.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Closed)
    }

    /// Whether the belt waits for a leader to open an epoch.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Whether another scheduler took over.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. })
    }
}

/// Sorts what Redis said. `lease` and `epoch` are what the call carried.
pub(crate) fn sort(
    source: redis::RedisError,
    url: &str,
    what: &'static str,
    lease: u64,
    epoch: u32,
) -> Error {
    let detail = |of: &redis::RedisError| {
        of.detail()
            .and_then(|text| text.split_whitespace().next())
            .and_then(|n| n.parse::<u64>().ok())
    };
    match source.code() {
        Some("NOSCRIPT" | "CLOSED") => Error::Closed,
        Some("FENCED") => Error::Fenced { lease, seen: detail(&source).unwrap_or(0) },
        Some("OVERTAKEN") => Error::Overtaken,
        Some("STALE") => Error::StaleEpoch {
            epoch,
            current: detail(&source).and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        },
        // A server that loads its AOF, became a replica or has lost its replicas will be another server in a moment.
        Some("LOADING" | "READONLY" | "MASTERDOWN" | "NOREPLICAS" | "BUSY") => {
            Error::Unreachable { url: url.to_owned(), source }
        }
        Some(_) => Error::Reply { what, source },
        None if source.is_io_error()
            || source.is_timeout()
            || source.is_connection_dropped()
            || source.is_unrecoverable_error() =>
        {
            Error::Unreachable { url: url.to_owned(), source }
        }
        None => Error::Reply { what, source },
    }
}
