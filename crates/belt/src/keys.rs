//! Every key of the belt. Nothing else spells a key name.
//!
//! `tl:{shard}:…` stays over epochs; `tl:{shard}:<epoch>:…` is left behind with its epoch;
//! `tl:{shard}:<epoch>:<channel>:…` belongs to one channel.

use crate::config::Channel;

/// The names that stay over epochs.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    root: String,
}

impl Keys {
    pub(crate) fn new(shard: u32) -> Self {
        Self { root: format!("tl:{{{shard}}}:") }
    }

    fn at(&self, name: &str) -> String {
        format!("{}{name}", self.root)
    }

    /// Hash: epoch number, phase, claim counter, when it began, campaign offset.
    pub(crate) fn epoch(&self) -> String {
        self.at("epoch")
    }

    /// Highest lease number seen.
    pub(crate) fn fence(&self) -> String {
        self.at("fence")
    }

    /// Stream of outcomes on their way to the book.
    pub(crate) fn outcomes(&self) -> String {
        self.at("outcomes")
    }

    /// How far the book has read the outcomes.
    pub(crate) fn committed(&self) -> String {
        self.at("committed")
    }

    /// Stream of opens and clicks on their way to the book.
    pub(crate) fn tracks(&self) -> String {
        self.at("tracks")
    }

    /// How many tracks were cut.
    pub(crate) fn cut(&self) -> String {
        self.at("cut")
    }

    /// Set of epochs whose keys have not been removed yet.
    pub(crate) fn garbage(&self) -> String {
        self.at("garbage")
    }

    /// The time (us) a simulation has set.
    pub(crate) fn test_clock(&self) -> String {
        self.at("clock")
    }

    /// A shelf item.
    pub(crate) fn shelf(&self, hash: &domain::ContentHash) -> String {
        format!("{}shelf:{hash}", self.root)
    }

    /// Where the links of messages lead.
    pub(crate) fn link_targets(&self, id: &domain::TargetsId) -> String {
        format!("{}links:{id}", self.root)
    }

    /// A doorbell: a capped list.
    pub(crate) fn bell(&self, name: &str) -> String {
        format!("{}bell:{name}", self.root)
    }

    /// A pattern for everything an epoch left behind.
    pub(crate) fn of_epoch(&self, epoch: &str) -> String {
        // The braces of the hash tag mean nothing in a glob; epochs are digits.
        format!("{}{epoch}:*", self.root)
    }

    /// A name of one epoch, shared by its channels.
    pub(crate) fn in_epoch(&self, epoch: u32, name: &str) -> String {
        format!("{}{epoch}:{name}", self.root)
    }

    /// A name of one channel in one epoch.
    pub(crate) fn in_channel(&self, epoch: u32, channel: Channel, name: &str) -> String {
        format!("{}{epoch}:{}:{name}", self.root, channel.as_str())
    }

    /// The Lua table of all names, for the head of every script.
    pub(crate) fn as_lua(&self, epoch: u32, channel: Channel) -> String {
        let mut lua = String::from("local K = {\n");
        let mut add = |name: &str, key: String| {
            lua.push_str(&format!("  {name} = '{key}',\n"));
        };
        add("epoch", self.epoch());
        add("fence", self.fence());
        add("outcomes", self.outcomes());
        add("committed", self.committed());
        add("tracks", self.tracks());
        add("cut", self.cut());
        add("garbage", self.garbage());
        add("clock", self.test_clock());
        for name in EPOCH_NAMES {
            add(name, self.in_epoch(epoch, name));
        }
        for name in CHANNEL_NAMES {
            add(name, self.in_channel(epoch, channel, name));
        }
        // These three are beginnings: a name follows.
        add("ready", self.in_channel(epoch, channel, "ready:"));
        add("lane", self.in_channel(epoch, channel, "lane:"));
        add("held", self.in_channel(epoch, channel, "held:"));
        lua.push_str("}\n");
        lua
    }
}

/// stops, suppressed: what must not go · roster, reported: whose reports a new epoch waits for · limits: what is set for vendors,
/// senders, providers, tiers · buckets: what was used of limits · pace: what answers have made of them · volume: how many of a month a partner has had.
const EPOCH_NAMES: [&str; 8] =
    ["stops", "suppressed", "roster", "reported", "limits", "buckets", "pace", "volume"];

/// providers: every provider there ever was a job for · waiting: lines and vendors by when their limit lets them go · delayed: sends
/// by when their short wait ends · lanes: what a lane was pushed with · vt: virtual times · jobs: packed jobs · hand: who holds
/// what · deaths: how often a job was recovered · alone: recovered jobs that go out alone · quiet: workers that wait to
/// take one · workers: last seen · dead: workers whose hands are being emptied · calls: last claim
/// call · relays: relays with their limits · wake: rings for idle workers. Beside them: ready:…, lane:…, held:… (see `lua/ready.lua`).
const CHANNEL_NAMES: [&str; 15] = [
    "providers",
    "waiting",
    "delayed",
    "lanes",
    "vt",
    "jobs",
    "hand",
    "deaths",
    "alone",
    "quiet",
    "workers",
    "dead",
    "calls",
    "relays",
    "wake",
];
