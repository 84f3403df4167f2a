//! A send: the intent to deliver one step once to one person.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::ParseIdError;

macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident ($expected:literal) { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value there is, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value as it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(ParseIdError { expected: $expected, got: text.to_owned() }),
                }
            }
        }
    };
}
pub(crate) use text_enum;

text_enum! {
    /// Where a send stands in the book. Every send ends as sent, failed, skipped, held or cancelled.
    SendState ("a send state: due, queued, sent, failed, skipped, held or cancelled") {
        /// It has a due time and waits for it in the book.
        Due = "due",
        /// It is on the belt (or was, when the book last looked).
        Queued = "queued",
        /// The relay took responsibility for it.
        Sent = "sent",
        /// It will not go; the reason says why.
        Failed = "failed",
        /// It was decided against; the reason says why.
        Skipped = "skipped",
        /// Its outcome is unknown and its policy is `hold`, or it was set aside: a person decides.
        Held = "held",
        /// Its activation was cancelled or recalled before it went.
        Cancelled = "cancelled",
    }
}

impl SendState {
    /// Whether nothing more will be tried by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Due | Self::Queued)
    }
}

text_enum! {
    /// Why a person does not get a step. Exactly one reason each: the first that applies, in this order.
    SkipReason ("a skip reason") {
        /// The package version was recalled or retired.
        Recalled = "recalled",
        /// The step is due outside the package's validity window.
        OutsideValidity = "outside_validity",
        /// The person asked to be erased.
        Erased = "erased",
        /// The address is none that mail can be sent to, or it bounced for good.
        BadAddress = "bad_address",
        /// Suppressed for the whole installation.
        SuppressedEverywhere = "suppressed_everywhere",
        /// Suppressed for this vendor.
        SuppressedVendor = "suppressed_vendor",
        /// Suppressed for this company: an unsubscribe from its mail.
        SuppressedCompany = "suppressed_company",
        /// Suppressed for this topic of this partner's mail: the person wants none about it.
        SuppressedTopic = "suppressed_topic",
        /// No basis on which to mail.
        NoConsent = "no_consent",
        /// The step belongs to a time before an event that was over when its activation was launched.
        OutsideEventWindow = "outside_event_window",
        /// The step would have been due before its activation got the version that has it.
        Late = "late",
    }
}

text_enum! {
    /// Why a send waits for a person, or ended where a person may want it tried again.
    StuckReason ("why a job is stuck") {
        /// Three processes died holding it, or it is of a version no worker reads.
        SetAside = "set_aside",
        /// Nobody knows whether it went: the connection was lost between the final dot and its answer.
        Unknown = "unknown",
        /// What the job carries is more than the belt takes.
        PayloadTooBig = "payload_too_big",
        /// The message could not be rendered.
        RenderFailed = "render_failed",
        /// The job could not be read.
        Unreadable = "unreadable",
        /// Nobody took it for longer than the configured time.
        GaveUp = "gave_up",
        /// The relay refused it for good.
        Rejected = "rejected",
        /// The address does not exist.
        BadAddress = "bad_address",
    }
}

impl StuckReason {
    /// Whether something of ours is to be mended, and not a recipient or a relay that said no.
    pub const fn is_ours(self) -> bool {
        !matches!(self, Self::Rejected | Self::BadAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_reason_reads_back() {
        for state in SendState::ALL {
            assert_eq!(state.as_str().parse::<SendState>().unwrap(), *state);
        }
        for reason in SkipReason::ALL {
            assert_eq!(reason.as_str().parse::<SkipReason>().unwrap(), *reason);
        }
        for reason in StuckReason::ALL {
            assert_eq!(reason.as_str().parse::<StuckReason>().unwrap(), *reason);
        }
        assert!("done".parse::<SendState>().is_err());
    }
}
