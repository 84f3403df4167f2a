//! Email over SMTP (RFC 5321).
//!
//! [`build()`] makes an [`Outgoing`] out of rendered parts; [`Relays::transmit`] hands it to a relay and
//! says how that ended. Addresses and MIME are lettre's; the dialogue is ours: its client waits for each answer before
//! the next command, has one time limit for all of them, and can't tell on which side of the final dot a connection broke.

mod admission;
mod answer;
mod body;
pub mod config;
mod connection;
mod dialogue;
pub mod error;
pub mod gate;
mod header;
mod keeper;
pub mod message;
pub mod outgoing;
pub mod relays;
mod wire;

pub use config::{RelayConfig, TimeLimits};
pub use error::{BuildError, BuildErrorReason, RelayConfigError};
pub use gate::{AlwaysGo, Gate, Leave};
pub use keeper::After;
pub use message::{MailParts, build};
pub use outgoing::Outgoing;
pub use relays::{RelayLoad, Relays, Transmitted};
