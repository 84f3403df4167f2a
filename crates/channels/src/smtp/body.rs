//! Bodies, encoded so that no byte of them can be taken for a line end, a dot or a boundary.

use lettre::message::{Body, header::ContentTransferEncoding};

/// Encodes `text` as quoted-printable, or as base64 where that is shorter (RFC 2045), its line ends
/// made CRLF first. Never as it is: an encoded body has only lines of at most 76 octets, all ASCII,
/// and passes relays that know no 8BITMIME.
pub(crate) fn encode(text: &str) -> Body {
    let text = crlf_lines(text);
    let above_ascii = text.bytes().filter(|b| !b.is_ascii()).count();
    // Quoted-printable makes three octets of one above ASCII, base64 four of any three.
    let encoding = if above_ascii * 6 > text.len() {
        ContentTransferEncoding::Base64
    } else {
        ContentTransferEncoding::QuotedPrintable
    };
    Body::new_with_encoding(text, encoding).expect("quoted-printable and base64 take any text")
}

/// Every CRLF, lone CR and lone LF becomes one CRLF.
fn crlf_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        out.push_str("\r\n");
        let end = if rest[at..].starts_with("\r\n") { at + 2 } else { at + 1 };
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_become_crlf() {
        assert_eq!(crlf_lines("a\nb\rc\r\nd\n\re\r\r\n"), "a\r\nb\r\nc\r\nd\r\n\r\ne\r\n\r\n");
        assert_eq!(crlf_lines(""), "");
    }

    #[test]
    fn the_shorter_encoding_is_taken() {
        assert_eq!(
            encode("Grüße aus Köln an alle, die mitlesen").encoding(),
            ContentTransferEncoding::QuotedPrintable
        );
        assert_eq!(encode("こんにちは").encoding(), ContentTransferEncoding::Base64);
    }
}
