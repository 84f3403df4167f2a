//! What a scripted relay remembers.

use std::{collections::HashMap, fmt, time::Duration};

/// One message whose end arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Taken {
    /// The Message-ID without its angle brackets; empty if it has none.
    pub message_id: String,
    /// The address in MAIL.
    pub from: String,
    /// The addresses in RCPT that were accepted.
    pub rcpt: Vec<String>,
    /// The content without dot-stuffing and final dot; empty with `sizes_only`.
    pub data: Vec<u8>,
    /// The size of the content in bytes.
    pub size: usize,
    /// Whether the relay took responsibility for it, told the client or not.
    pub accepted: bool,
    /// The code that was written to the client.
    pub answered: Option<u16>,
    /// The connection it came over, from 1.
    pub connection: u64,
    /// The name its client gave in EHLO.
    pub client: String,
    /// When its end arrived, since the relay started.
    pub at: Duration,
}

/// A recipient that was named and accepted: a message has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The address in RCPT.
    pub rcpt: String,
    /// The connection it came over, from 1.
    pub connection: u64,
    /// The name its client gave in EHLO.
    pub client: String,
    /// When, since the relay started.
    pub at: Duration,
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken")
            .field("message_id", &self.message_id)
            .field("rcpt", &self.rcpt)
            .field("size", &self.size)
            .field("accepted", &self.accepted)
            .field("answered", &self.answered)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) taken: Vec<Taken>,
    pub(super) accepted: usize,
    pub(super) begun: Vec<Begun>,
    /// The open connections that said EHLO, and as whom.
    pub(super) clients: HashMap<u64, String>,
    pub(super) commands: Vec<(u64, String)>,
    pub(super) wire: HashMap<u64, Vec<u8>>,
    pub(super) content_bytes: usize,
    pub(super) listening: bool,
    pub(super) open: usize,
    pub(super) most_open: usize,
    pub(super) seen: usize,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("taken", &self.taken.len())
            .field("accepted", &self.taken.iter().filter(|taken| taken.accepted).count())
            .field("open", &self.open)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// The Message-ID in the header of `content`.
pub(super) fn message_id(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let header = text.split("\r\n\r\n").next().unwrap_or_default();
    let line = header.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("message-id").then_some(value)
    });
    line.unwrap_or_default().trim().trim_matches(['<', '>']).to_owned()
}
