//! The last question before a message leaves.

use std::future::Future;

use domain::Outcome;

/// Asked once per message, after the relay's 354 and before the first byte of content: the last
/// moment at which not sending costs nothing.
pub trait Gate: Sync {
    /// Whether the content may be written now.
    fn leave(&self) -> impl Future<Output = Leave> + Send;
}

/// The gate's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// Write the content.
    Go,
    /// Write nothing of it, close the connection, and end with this.
    Refused(Outcome),
}

/// A gate that is always open, for tools that send without a belt.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysGo;

impl Gate for AlwaysGo {
    async fn leave(&self) -> Leave {
        Leave::Go
    }
}
