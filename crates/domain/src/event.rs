//! Engagement events: what happened to a send.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ids::ParseIdError, outcome::Outcome, send::text_enum};

text_enum! {
    /// What happened to a send.
    EventKind ("an event kind") {
        /// The relay took responsibility for it.
        Accepted = "accepted",
        /// It did not go this time and will be tried again.
        Deferred = "deferred",
        /// It came back to the book without an attempt.
        Returned = "returned",
        /// The relay refused it for good.
        Bounced = "bounced",
        /// It ended without the relay having refused it.
        Failed = "failed",
        /// The connection was lost between the final dot and its answer.
        Unknown = "unknown",
        /// The image that says so was asked for: by whom, [`crate::engagement`] decides.
        Opened = "opened",
        /// A link was followed: by whom, [`crate::engagement`] decides.
        Clicked = "clicked",
        /// The recipient asked for no more mail.
        Unsubscribed = "unsubscribed",
    }
}

impl EventKind {
    /// The event an outcome writes.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done(_) => Self::Accepted,
            Outcome::Permanent { answer, .. } if answer.code >= 500 => Self::Bounced,
            Outcome::Permanent { .. } => Self::Failed,
            Outcome::Transient { .. } => Self::Deferred,
            Outcome::NotNow { .. } => Self::Returned,
            Outcome::Unknown(_) => Self::Unknown,
        }
    }
}
