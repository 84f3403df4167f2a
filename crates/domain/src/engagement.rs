//! Honest counts: who opened and who clicked, a person or a machine.
//!
//! Mail is read by programs before and beside people: scanners follow every link, mailbox providers load
//! pictures ahead. Every request is kept as it came; what it was is decided by rules, which have a version
//! and can be run again over everything that was kept.

mod classify;
mod network;
mod pattern;
mod rules;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ids::ParseIdError, send::text_enum};

pub use classify::{Context, Seen, Verdict, classify};
pub use network::{Cidr, NetworkKept};
pub use rules::{NETWORKS, Rules, RulesError, USER_AGENTS};

text_enum! {
    /// What asked for the image of a message or followed a link.
    Class ("a class: human, proxy_open, prefetch or scanner") {
        /// A person, as far as can be told.
        Human = "human",
        /// A person who looked, through a proxy that fetches the image for them at that moment.
        ProxyOpen = "proxy_open",
        /// A program that loads ahead, whether anybody looks or not.
        Prefetch = "prefetch",
        /// A program that looks for harm, or copies.
        Scanner = "scanner",
    }
}

impl Class {
    /// Whether a person did it.
    pub const fn is_human(self) -> bool {
        matches!(self, Self::Human | Self::ProxyOpen)
    }
}
