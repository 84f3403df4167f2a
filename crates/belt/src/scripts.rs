//! The scripts of one epoch: the files in `lua/` with the epoch's number and key names in their text.

use redis::Script;

use crate::{
    config::{Channel, TimeSource},
    keys::Keys,
};

/// Six seconds of silence is death; a beat comes every second.
pub(crate) const LEASE_US: u64 = 6_000_000;
/// Marks and permits are good for one second.
pub(crate) const PERMIT_US: u64 = 1_000_000;
/// What can't go within this leaves the belt.
pub(crate) const LONG_WAIT_US: u64 = 30_000_000;
/// Deaths after which a job is set aside.
pub(crate) const DEATHS: u32 = 3;

/// What every script starts with, in this order.
const PRELUDE: &str = concat!(
    include_str!("../lua/job.lua"),
    include_str!("../lua/limits.lua"),
    include_str!("../lua/ready.lua"),
    include_str!("../lua/prelude.lua"),
);

/// Scripts that end jobs: what they took off the belt is written behind them, in one go (see prelude.lua).
const ENDING: [&str; 2] = ["checkpoint", "report"];

/// A script's text: a file, or the files of a folder in the order given.
macro_rules! body {
    ($name:ident) => {
        include_str!(concat!("../lua/", stringify!($name), ".lua"))
    };
    ($name:ident $($part:literal)+) => {
        concat!($(include_str!(concat!("../lua/", stringify!($name), "/", $part, ".lua"))),+)
    };
}

macro_rules! scripts {
    ($($name:ident $([$($part:literal)+])?),+ $(,)?) => {
        /// One epoch's scripts for one channel. Everybody calls them by their hash; only the leader
        /// loads them.
        #[derive(Debug)]
        pub(crate) struct Scripts {
            /// The epoch in their text.
            pub(crate) epoch: u32,
            $(pub(crate) $name: Text,)+
        }

        impl Scripts {
            pub(crate) fn of(keys: &Keys, epoch: u32, channel: Channel, time: TimeSource) -> Self {
                let head = head(keys, epoch, channel, time);
                Self {
                    epoch,
                    $($name: Text::new(stringify!($name), &head, body!($name $($($part)+)?)),)+
                }
            }

            pub(crate) fn all(&self) -> Vec<&Text> {
                vec![$(&self.$name),+]
            }
        }
    };
}

scripts!(
    begin,
    beat,
    checkpoint,
    claim["start" "alone" "turn" "choose" "write"],
    commit,
    find,
    leave,
    load,
    push,
    report,
    stop,
    sweep,
    track,
);

/// A script's text and hash.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) name: &'static str,
    pub(crate) code: String,
    pub(crate) hash: String,
}

impl Text {
    fn new(name: &'static str, head: &str, body: &str) -> Self {
        let code = if ENDING.contains(&name) {
            format!(
                "{head}{PRELUDE}\nlocal function body()\n{body}\nend\n\
                 local said = body()\nwrite_ends()\nreturn said\n"
            )
        } else {
            format!("{head}{PRELUDE}\n{body}")
        };
        let hash = Script::new(&code).get_hash().to_owned();
        Self { name, code, hash }
    }
}

fn head(keys: &Keys, epoch: u32, channel: Channel, time: TimeSource) -> String {
    let clock = match time {
        TimeSource::Server => {
            "local function now_us() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end\n"
        }
        TimeSource::Key => {
            "local function now_us() return tonumber(redis.call('GET', K.clock)) end\n"
        }
    };
    format!(
        "local EPOCH, RECORD_VERSION = '{epoch}', '{version}'\n\
         local LEASE_US, PERMIT_US, LONG_WAIT_US, DEATHS = {LEASE_US}, {PERMIT_US}, {LONG_WAIT_US}, {DEATHS}\n\
         {keys}{clock}",
        version = domain::job::VERSION,
        keys = keys.as_lua(epoch, channel),
    )
}
