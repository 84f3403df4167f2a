//! A finished message: bytes that may go out as they are.

use std::borrow::Cow;

use domain::EmailAddress;
use lettre::Address;
use memchr::memchr2;

use super::error::{BuildError, BuildErrorReason};

/// The longest line without its CRLF (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;

/// A message and its envelope. Exists only checked: every line ends in CRLF, there is no CR or LF
/// elsewhere, and no line is longer than 998 octets, so nothing in it can end the message early or
/// begin a command (SMTP smuggling).
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    message_id: String,
    envelope_from: Address,
    envelope_to: Address,
    bytes: Vec<u8>,
    leading_dots: usize,
    needs_smtputf8: bool,
}

impl Outgoing {
    /// Checks `bytes` and ties them to their envelope.
    ///
    /// # Errors
    /// When `bytes` are empty, have a bare CR or LF, a line over 998 octets or no CRLF at the end,
    /// or when an address is not one that may stand in an envelope.
    pub fn new(
        message_id: &str,
        envelope_from: &EmailAddress,
        envelope_to: &EmailAddress,
        bytes: Vec<u8>,
    ) -> Result<Self, BuildError> {
        let leading_dots =
            check_lines(&bytes).map_err(|reason| BuildError { field: "message", reason })?;
        let needs_smtputf8 =
            envelope_from.needs_smtputf8() || envelope_to.needs_smtputf8() || !bytes.is_ascii();
        Ok(Self {
            message_id: message_id.to_owned(),
            envelope_from: envelope_address("envelope_from", envelope_from)?,
            envelope_to: envelope_address("to_email", envelope_to)?,
            bytes,
            leading_dots,
            needs_smtputf8,
        })
    }

    /// The Message-ID without its angle brackets.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// Where a bounce goes.
    pub fn envelope_from(&self) -> &Address {
        &self.envelope_from
    }

    /// The one recipient.
    pub fn envelope_to(&self) -> &Address {
        &self.envelope_to
    }

    /// Headers and body, ending in CRLF, not dot-stuffed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the relay must offer SMTPUTF8 (RFC 6531): only for a non-ASCII name before the `@`.
    pub fn needs_smtputf8(&self) -> bool {
        self.needs_smtputf8
    }

    /// The bytes as they go over the wire: lines that begin with a dot get a second one (RFC 5321, 4.5.2). Few messages have any.
    pub(crate) fn stuffed(&self) -> Cow<'_, [u8]> {
        if self.leading_dots == 0 {
            return Cow::Borrowed(&self.bytes);
        }
        let mut stuffed = Vec::with_capacity(self.bytes.len() + self.leading_dots);
        for line in self.bytes.split_inclusive(|byte| *byte == b'\n') {
            if line[0] == b'.' {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        Cow::Owned(stuffed)
    }
}

impl std::fmt::Debug for Outgoing {
    /// Without address and content, so that a debug print leaks nobody.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("message_id", &self.message_id)
            .field("size_bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

fn envelope_address(field: &'static str, address: &EmailAddress) -> Result<Address, BuildError> {
    Address::new(address.local(), address.domain()).map_err(|_| BuildError {
        field,
        reason: BuildErrorReason::Form("an address that may stand in an SMTP envelope"),
    })
}

/// The last look at what leaves. Returns the number of lines that begin with a dot.
fn check_lines(bytes: &[u8]) -> Result<usize, BuildErrorReason> {
    if bytes.is_empty() {
        return Err(BuildErrorReason::Empty("a message"));
    }
    let mut dots = 0;
    let mut start = 0;
    while start < bytes.len() {
        let Some(length) = memchr2(b'\r', b'\n', &bytes[start..]) else {
            return Err(BuildErrorReason::BareLineEnd(bytes.len()));
        };
        let end = start + length;
        if bytes[end..].first_chunk() != Some(b"\r\n") {
            return Err(BuildErrorReason::BareLineEnd(end));
        }
        if length > MAX_LINE {
            return Err(BuildErrorReason::LongLine(start));
        }
        dots += usize::from(bytes[start] == b'.');
        start = end + 2;
    }
    Ok(dots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_crlf_lines_pass() {
        assert_eq!(check_lines(b"a\r\n"), Ok(0));
        assert_eq!(check_lines(b".a\r\n\r\n.\r\n..\r\n"), Ok(3));
        assert_eq!(check_lines(b""), Err(BuildErrorReason::Empty("a message")));
        for (bytes, at) in [
            (&b"a"[..], 1),
            (b"a\n", 1),
            (b"a\r", 1),
            (b"a\r\n.\n", 4),
            (b"a\r\r\n", 1),
            (b"a\n\r\n", 1),
            (b"a\r\n\r", 3),
        ] {
            assert_eq!(check_lines(bytes), Err(BuildErrorReason::BareLineEnd(at)), "{bytes:?}");
        }
        let line = |n: usize| [vec![b'a'; n], b"\r\n".to_vec()].concat();
        assert_eq!(check_lines(&line(998)), Ok(0));
        assert_eq!(check_lines(&line(999)), Err(BuildErrorReason::LongLine(0)));
    }
}
