//! The belt: the Redis queue between the book and the workers, as an apalis backend of our own.
//!
//! What it promises, line by line, and the test that fails when a line is broken, is in
//! `crates/belt/README.md`. The scripts are in `lua/`, one file each; key names are built in `keys`
//! only. Nothing here knows SQL, SMTP, or what is in a payload.
//!
//! A leader opens an epoch ([`Belt::begin`], [`Belt::load`], [`Belt::finish_reporting`]), feeds it
//! ([`Belt::push`]) and drains its streams ([`Belt::read_outcomes`], [`Belt::commit`]). A worker is
//! a [`BeltBackend`] under an apalis worker; its handlers get [`Claimed`] jobs.

pub mod bell;
pub mod between;
pub mod config;
pub mod connection;
mod deaths;
pub mod error;
pub mod feed;
pub mod job;
mod keys;
pub mod leader;
pub mod limits;
pub mod link_targets;
pub mod pace;
pub mod protocol;
pub mod record;
mod scripts;
mod sentinel;
pub mod shelf;
pub mod status;
pub mod stops;
pub mod worker;

pub use bell::Bell;
pub use between::Between;
pub use config::{BeltConfig, Channel, TimeSource};
pub use connection::Belt;
pub use error::{Error, Result};
pub use feed::{Place, Pushed, Round};
pub use job::{ClaimedMeta, Line, NewJob, WorkerName};
pub use leader::{OpenWith, Phase, Relay, ReportingStatus, Swept};
pub use limits::{Limits, PerName, TierLimits, VendorLimits};
pub use pace::Pace;
pub use record::{Recorded, StreamId, Unreadable};
pub use scripts::ScriptTexts;
pub use shelf::Shelf;
pub use status::{Clock, Status, WorkerSeen};
pub use stops::{Stop, revision_key};
pub use worker::{
    BeltBackend, Checkpoint, Claimed, Completion, Gate, JobHandle, Mark, Permit, Refusal,
    WorkerOptions, WorkerStats,
};
