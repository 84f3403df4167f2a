//! How a process is connected to the belt.

use std::{sync::Arc, time::Duration};

use crate::{between::Between, scripts::ScriptTexts};

/// One belt of jobs. All channels of a shard share stops, suppressions, streams and the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Emails.
    Email,
    /// Steps of nurture flows.
    Nurture,
    /// Social posts.
    Social,
}

impl Channel {
    /// Every channel, in order.
    pub const ALL: [Self; 3] = [Self::Email, Self::Nurture, Self::Social];

    /// The name in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Nurture => "nurture",
            Self::Social => "social",
        }
    }
}

/// Where the scripts take the time from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimeSource {
    /// Redis `TIME`.
    #[default]
    Server,
    /// The key [`crate::Belt::set_test_clock`] writes: the same scripts with `TIME` replaced, for a
    /// simulation that decides what time it is. Stream ids and the leader's own looks at the clock go
    /// by it too, and what Redis would draw by lot is the first in order.
    Key,
}

/// How to connect. Everything but the URL has a default.
#[derive(Debug, Clone)]
pub struct BeltConfig {
    /// `redis://host:port`, `rediss://…`, `unix:///path`, `redis+unix:///path` or
    /// `redis+sentinel://host:port,host:port/name`.
    pub url: String,
    /// The shard; its keys begin with `tl:{<shard>}:`.
    pub shard: u32,
    /// The channel this handle feeds and claims from.
    pub channel: Channel,
    /// How long an answer may take. The library's own default of 500 ms is shorter than an AOF
    /// rewrite on a slow disk.
    pub response_timeout: Duration,
    /// How long connecting may take.
    pub connection_timeout: Duration,
    /// Outcomes the book has not read yet at which claims answer nothing.
    pub outcomes_bound: u64,
    /// Tracks that are kept; older ones are cut and counted.
    pub tracks_cap: u64,
    /// Where the scripts take the time from.
    pub time: TimeSource,
    /// The scripts' texts.
    pub scripts: Arc<ScriptTexts>,
    /// What stands between this process and Redis; only a simulation has something there.
    pub between: Option<Arc<dyn Between>>,
}

impl BeltConfig {
    /// The defaults, at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            shard: 0,
            channel: Channel::Email,
            response_timeout: Duration::from_secs(5),
            connection_timeout: Duration::from_secs(2),
            outcomes_bound: 100_000,
            tracks_cap: 100_000,
            time: TimeSource::Server,
            scripts: Arc::default(),
            between: None,
        }
    }
}
