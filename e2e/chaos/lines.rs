//! The lines of the two files that a run leaves. Whoever has these has all that the verdict is made from.
//!
//! `ledger.ndjson` is what the relay saw and what was done to the fleet, on the relay's clock; `book.ndjson` is what
//! the book said when everything had ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A line of `ledger.ndjson`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum LedgerLine {
    /// The first line.
    Run(Run),
    /// A recipient was named and accepted.
    Begun(Begun),
    /// The end of a message arrived.
    Taken(Taken),
    /// Something was done to the fleet.
    Fault(Fault),
    /// Something else was counted that has bounds of its own.
    Check(Check),
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The row of the table.
    pub fault: String,
    /// What it is, in words.
    pub title: String,
    /// Where the book was.
    pub engine: String,
    /// What every choice of this run was made from.
    pub seed: u64,
    /// Persons, each of whom gets one message.
    pub persons: usize,
    /// What happens to a message of which nobody knows whether it was taken: `retry` or `hold`.
    pub on_unknown: String,
    /// Other ends than `sent` that this fault is meant to bring about: `state/reason`, and how many of them.
    pub ends: BTreeMap<String, usize>,
}

/// A message has begun at the relay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Milliseconds on the relay's clock.
    pub at_ms: f64,
    /// The connection, from 1.
    pub connection: u64,
    /// The name in EHLO: one worker process.
    pub client: String,
    /// The person.
    pub rcpt: String,
}

/// The end of a message has arrived at the relay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// Milliseconds on the relay's clock.
    pub at_ms: f64,
    /// The connection, from 1.
    pub connection: u64,
    /// The name in EHLO: one worker process.
    pub client: String,
    /// The person.
    pub rcpt: String,
    /// The send it is, before the `@`.
    pub message_id: String,
    /// Whether the relay took it.
    pub accepted: bool,
    /// What it answered; nothing if it hung or closed the connection instead.
    pub answered: Option<u16>,
}

/// Something was done to the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Milliseconds on the relay's clock.
    pub at_ms: f64,
    /// What, in words.
    pub what: String,
    /// The worker it was done to, by its name in EHLO; empty for anything else.
    pub client: String,
    /// Connections that were open to the relay at that moment: this worker's, or all.
    pub open_connections: usize,
    /// How many messages it may double at most.
    pub may_double: usize,
    /// What its recovery is.
    pub recovery: Recovery,
}

/// From the fault until when?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Until another process begins what this one had begun: a time for every such message.
    Orphans,
    /// The longest time in which the relay saw no message begin, from the fault on.
    Silence,
    /// There is nothing to measure.
    None,
}

/// Something that was counted beside the messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What, in words.
    pub what: String,
    /// What it came to.
    pub got: f64,
    /// The least it may be.
    pub least: f64,
    /// The most it may be.
    pub most: f64,
}

/// A line of `book.ndjson`: a send as the book has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// Its id, as in the Message-ID.
    pub send: String,
    /// The person's address.
    pub rcpt: String,
    /// Where it stands.
    pub state: String,
    /// Why; mostly empty.
    pub reason: String,
    /// Attempts that were charged.
    pub attempts: i64,
    /// Acceptances beyond the first that the book knows of.
    pub duplicates: i64,
}

impl LedgerLine {
    /// When it was, on the relay's clock; what has no time comes first.
    pub fn at_ms(&self) -> f64 {
        match self {
            Self::Begun(begun) => begun.at_ms,
            Self::Taken(taken) => taken.at_ms,
            Self::Fault(fault) => fault.at_ms,
            Self::Run(_) | Self::Check(_) => 0.0,
        }
    }
}
