//! How one attempt at a send ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    claim::ClaimNumber,
    ids::{ActivationId, PartnerId, SendId},
};

/// What a job carries for the case that its attempt ends as [`Outcome::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Try again: at least once (the default for email, as RFC 5321 section 4.5.4.1 asks).
    #[default]
    Retry,
    /// Hold for a person to decide: at most once (the default for social posts).
    Hold,
}

/// How one attempt at a send ended: "may we try again?" is a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum Outcome {
    /// The other side has taken responsibility for it.
    Done(Answer),
    /// It will not go, now or later.
    Permanent {
        /// Why, as a small closed set.
        reason: PermanentReason,
        /// What the other side said, if it said anything.
        answer: Answer,
    },
    /// It did not go; try again after a while. Costs an attempt.
    Transient {
        /// How long to wait, in milliseconds of campaign time.
        after_ms: u64,
        /// What the other side said, if it said anything.
        answer: Answer,
    },
    /// It was not this message's fault; try again after a while. Costs no attempt.
    NotNow {
        /// How long to wait, in milliseconds of campaign time.
        after_ms: u64,
        /// Why, as a small closed set.
        reason: NotNowReason,
    },
    /// The connection was lost between the final dot and its answer; see [`OnUnknown`].
    Unknown(Answer),
}

impl Outcome {
    /// A permanent end that nobody outside said anything about.
    pub fn permanent(reason: PermanentReason) -> Self {
        Self::Permanent { reason, answer: Answer::default() }
    }

    /// "Not now" for `after`.
    pub fn not_now(after: Duration, reason: NotNowReason) -> Self {
        Self::NotNow { after_ms: millis(after), reason }
    }

    /// "Try again" after `after`.
    pub fn transient(after: Duration, answer: Answer) -> Self {
        Self::Transient { after_ms: millis(after), answer }
    }

    /// The label of this end in metrics and logs.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Permanent { .. } => "permanent",
            Self::Transient { .. } => "transient",
            Self::NotNow { .. } => "not_now",
            Self::Unknown(_) => "unknown",
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the other side said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The reply code (SMTP: `250`, `451`, …), 0 if there was none.
    #[serde(skip_serializing_if = "is_zero")]
    pub code: u16,
    /// The enhanced status code (RFC 3463), such as `5.1.1`; empty if there was none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub enhanced: String,
    /// The first 200 characters of the text, control characters replaced.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The relay that was spoken to; empty if none was.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub relay: String,
}

fn is_zero(code: &u16) -> bool {
    *code == 0
}

impl Answer {
    /// An answer that is only a text of our own.
    pub fn note(text: &str) -> Self {
        Self { text: clean(text), ..Self::default() }
    }

    /// An answer as it came, its text cut and cleaned.
    pub fn new(code: u16, enhanced: &str, text: &str, relay: &str) -> Self {
        Self { code, enhanced: enhanced.to_owned(), text: clean(text), relay: relay.to_owned() }
    }
}

/// The text of a stranger, made safe to keep: at most 200 characters, nothing that moves a cursor.
fn clean(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why a send will not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermanentReason {
    /// The address does not exist (5.1.x): the address is suppressed.
    BadAddress,
    /// The relay refused this message or recipient for good.
    Rejected,
    /// The message could not be rendered; the template or its data is at fault.
    RenderFailed,
    /// The job could not be read (unknown version, broken payload).
    Unreadable,
    /// Three processes died holding it.
    SetAside,
    /// Nobody took it for longer than the configured time.
    GaveUp,
    /// It came past the end of its validity.
    Expired,
    /// The person was suppressed after the send was queued.
    Suppressed,
    /// The activation was cancelled or its package version recalled.
    Stopped,
}

impl PermanentReason {
    /// The reason as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadAddress => "bad_address",
            Self::Rejected => "rejected",
            Self::RenderFailed => "render_failed",
            Self::Unreadable => "unreadable",
            Self::SetAside => "set_aside",
            Self::GaveUp => "gave_up",
            Self::Expired => "expired",
            Self::Suppressed => "suppressed",
            Self::Stopped => "stopped",
        }
    }
}

/// Why a send may not go right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotNowReason {
    /// A limit is used up for longer than the belt keeps jobs.
    Limit,
    /// Its activation is paused.
    Paused,
    /// Its activation was changed after it was queued: the book has a new time for it.
    Revised,
    /// The relay can't be reached or asks for a pause (421, connection refused).
    RelayDown,
    /// The relay could not be used a moment ago and was not asked again yet.
    RelayLeftAlone,
    /// The provider, or a relay for it, asks for less mail (RFC 3463 X.7.x with a temporary code; 429).
    Throttled,
    /// What the job needs is not on the shelf.
    ShelfMiss,
    /// The worker is stopping, or its permit grew too old.
    GivenBack,
}

impl NotNowReason {
    /// The reason as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Paused => "paused",
            Self::Revised => "revised",
            Self::RelayDown => "relay_down",
            Self::RelayLeftAlone => "relay_left_alone",
            Self::Throttled => "throttled",
            Self::ShelfMiss => "shelf_miss",
            Self::GivenBack => "given_back",
        }
    }
}

/// What travels from the worker over the belt's `outcomes` stream into the book.
///
/// `(send, claim)` names it: a repeat is one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// Format version of this record; see [`crate::job::VERSION`].
    pub v: u32,
    /// The send it is about.
    pub send: SendId,
    /// The activation the send belongs to.
    pub activation: ActivationId,
    /// The partner the send belongs to.
    pub partner: PartnerId,
    /// The hand-out it ends.
    pub claim: ClaimNumber,
    /// The policy the job carried.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// How it ended.
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_s_text_is_cut_and_cleaned() {
        let answer =
            Answer::new(550, "5.1.1", &format!("no\r\nsuch\u{1b}[2J{}", "x".repeat(500)), "r");
        assert!(answer.text.starts_with("no  such [2J"), "{}", answer.text);
        assert_eq!(answer.text.chars().count(), 200);
    }

    #[test]
    fn the_wire_form_is_small_and_reads_back() {
        let outcome = Outcome::Done(Answer::new(250, "", "ok", "main"));
        let json = serde_json::to_string(&outcome).unwrap();
        assert_eq!(json, r#"{"end":"done","code":250,"text":"ok","relay":"main"}"#);
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
    }
}
