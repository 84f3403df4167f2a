//! What can be wrong with a message or with the configuration of a relay, before anything is sent.

use domain::address::AddressError;
use thiserror::Error;

/// A message could not be built. Deterministic: the same parts fail the same way again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("field {field}: {reason}")]
pub struct BuildError {
    /// The field of [`crate::smtp::MailParts`] at fault, `message` for the finished whole.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: BuildErrorReason,
}

/// What is wrong with a field. The text never repeats the field's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BuildErrorReason {
    /// A control character in a header field would let it end the header and begin another.
    #[error("has the control character U+{0:04X}, which no header field may carry")]
    Control(u32),
    /// Not an address mail can be sent to or from.
    #[error("is no address: {0}")]
    Address(AddressError),
    /// Not of the form the header needs.
    #[error("has the wrong form; expected {0}")]
    Form(&'static str),
    /// Nothing in it.
    #[error("is empty; expected {0}")]
    Empty(&'static str),
    /// Longer than the header can carry on one line (RFC 5322, 2.1.1).
    #[error("is longer than {0} octets")]
    TooLong(usize),
    /// A CR without LF or an LF without CR would leave (RFC 5321, 2.3.8).
    #[error("has a line end that is not CRLF at octet {0}")]
    BareLineEnd(usize),
    /// A line longer than 998 octets would leave (RFC 5322, 2.1.1).
    #[error("has a line longer than 998 octets at octet {0}")]
    LongLine(usize),
}

/// The configuration of the relays can't work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RelayConfigError {
    /// No relay at all.
    #[error("no relay is configured")]
    None,
    /// Two relays of one name.
    #[error("two relays are called {0:?}")]
    Twice(String),
    /// A relay without a usable value in one field.
    #[error("relay {relay:?}: {field} is {got:?}; expected {expected}")]
    Field {
        /// The relay's name.
        relay: String,
        /// The field of [`crate::smtp::RelayConfig`].
        field: &'static str,
        /// What it holds.
        got: String,
        /// What it must look like.
        expected: &'static str,
    },
}
