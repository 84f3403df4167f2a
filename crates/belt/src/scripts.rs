//! The scripts of one epoch: the files in `lua/` with the epoch's number and key names in their text.

use std::{borrow::Cow, collections::BTreeMap};

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
const PRELUDE: [&str; 6] =
    ["job.lua", "pace.lua", "limits.lua", "heard.lua", "ready.lua", "prelude.lua"];

macro_rules! texts {
    ($($file:literal),+ $(,)?) => {
        const EMBEDDED: &[(&str, &str)] = &[$(($file, include_str!(concat!("../lua/", $file)))),+];
    };
}

texts!(
    "job.lua",
    "pace.lua",
    "limits.lua",
    "heard.lua",
    "ready.lua",
    "prelude.lua",
    "begin.lua",
    "beat.lua",
    "checkpoint.lua",
    "claim/start.lua",
    "claim/alone.lua",
    "claim/turn.lua",
    "claim/choose.lua",
    "claim/write.lua",
    "commit.lua",
    "find.lua",
    "leave.lua",
    "load.lua",
    "push.lua",
    "report.lua",
    "stop.lua",
    "sweep.lua",
    "track.lua",
);

/// The files of `lua/`, by their names there.
///
/// All processes of a belt must have the same: a script is known by the hash of its text, and only the
/// leader loads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptTexts(BTreeMap<&'static str, Cow<'static, str>>);

impl Default for ScriptTexts {
    fn default() -> Self {
        Self(EMBEDDED.iter().map(|(file, text)| (*file, Cow::Borrowed(*text))).collect())
    }
}

impl ScriptTexts {
    /// Replaces what a file says in one place: for trials of a change without a build. False if there is
    /// no such file, or nothing of the kind in it.
    pub fn replace(&mut self, file: &str, find: &str, by: &str) -> bool {
        let Some(text) = self.0.get_mut(file) else { return false };
        let is_there = text.contains(find);
        *text = Cow::Owned(text.replacen(find, by, 1));
        is_there
    }

    fn joined(&self, files: &[&str]) -> String {
        files.iter().filter_map(|file| self.0.get(file)).map(|text| &**text).collect()
    }
}

/// A script's files: one of its own name, or those of a folder in the order given.
macro_rules! files {
    ($name:ident) => {
        [concat!(stringify!($name), ".lua")]
    };
    ($name:ident $($part:literal)+) => {
        [$(concat!(stringify!($name), "/", $part, ".lua")),+]
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
            pub(crate) fn of(
                keys: &Keys,
                epoch: u32,
                channel: Channel,
                time: TimeSource,
                texts: &ScriptTexts,
            ) -> Self {
                let head = head(keys, epoch, channel, time) + &texts.joined(&PRELUDE);
                Self {
                    epoch,
                    $($name: Text::new(
                        stringify!($name),
                        &head,
                        &texts.joined(&files!($name $($($part)+)?)),
                    ),)+
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
        let code = format!("{head}\n{body}");
        let hash = Script::new(&code).get_hash().to_owned();
        Self { name, code, hash }
    }
}

/// The clock of [`TimeSource::Key`], and everything else that would differ between two runs: the ids Redis
/// gives stream entries (as `*` does it: never below the last one), and the order in which it shows sets.
const SIMULATED: &str = r#"
local function now_us() return tonumber(redis.call('GET', K.clock)) end
local server = redis
local redis = setmetatable({}, { __index = server })
function redis.call(command, key, ...)
  if command == 'XADD' and (...) == '*' then
    local rest = { select(2, ...) }
    local added = server.pcall('XADD', key, string.format('%.0f', math.floor(now_us() / 1000)) .. '-*', unpack(rest))
    if type(added) ~= 'table' or not added.err then return added end
    local about = server.call('XINFO', 'STREAM', key)
    for i = 1, #about, 2 do
      if about[i] == 'last-generated-id' then
        return server.call('XADD', key, string.match(about[i + 1], '^%d+') .. '-*', unpack(rest))
      end
    end
  elseif command == 'SMEMBERS' or command == 'SRANDMEMBER' then
    local members = server.call('SMEMBERS', key)
    table.sort(members)
    local count = tonumber((...) or #members)
    while #members > count do members[#members] = nil end
    return members
  end
  return server.call(command, key, ...)
end
"#;

fn head(keys: &Keys, epoch: u32, channel: Channel, time: TimeSource) -> String {
    let clock = match time {
        TimeSource::Server => {
            "local function now_us() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end\n"
        }
        TimeSource::Key => SIMULATED,
    };
    format!(
        "local EPOCH, RECORD_VERSION = '{epoch}', '{version}'\n\
         local LEASE_US, PERMIT_US, LONG_WAIT_US, DEATHS = {LEASE_US}, {PERMIT_US}, {LONG_WAIT_US}, {DEATHS}\n\
         {keys}{clock}",
        version = domain::job::VERSION,
        keys = keys.as_lua(epoch, channel),
    )
}
