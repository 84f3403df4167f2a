//! Header fields, encoded so that what a reader decodes is what was meant (RFC 5322, RFC 2047).
//!
//! lettre's own encoder is not used for names and subjects: it takes text that looks like an
//! encoded word for one, and writes plain ASCII names with an apostrophe or an ampersand as base64,
//! which content filters hold against a sender.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{EmailAddress, UtcMillis};
use lettre::message::header::{HeaderName, HeaderValue};
use unicode_segmentation::UnicodeSegmentation;

use super::error::{BuildError, BuildErrorReason};

/// Lines are folded at this length where they can be (RFC 5322, 2.1.1: SHOULD be at most 78).
const FOLD_AT: usize = 76;

/// An encoded word is at most this long (RFC 2047, 2).
const ENCODED_WORD: usize = 75;

/// What an encoded word has around its base64.
const ENCODED_OPEN: &str = "=?utf-8?b?";
const ENCODED_CLOSE: &str = "?=";

/// The longest URL List-Unsubscribe takes. It is never folded: a fold inside it is read back as
/// part of the URL by some readers.
const MAX_URL: usize = 900;

/// Refuses control characters, so that no field can end its header and begin another.
pub(crate) fn refuse_control(field: &'static str, text: &str) -> Result<(), BuildError> {
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(BuildError { field, reason: BuildErrorReason::Control(u32::from(c)) }),
        None => Ok(()),
    }
}

/// Reads an address, after refusing control characters by name.
pub(crate) fn address(field: &'static str, text: &str) -> Result<EmailAddress, BuildError> {
    refuse_control(field, text)?;
    text.parse().map_err(|e| BuildError { field, reason: BuildErrorReason::Address(e) })
}

/// A moment as the Date header takes it.
pub(crate) fn date(field: &'static str, at: UtcMillis) -> Result<SystemTime, BuildError> {
    /// 9999-12-31T23:59:59Z, the last second with a four-digit year.
    const LAST: i64 = 253_402_300_799_999;
    match u64::try_from(at.get()) {
        Ok(millis) if at.get() <= LAST => {
            Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
        }
        _ => Err(BuildError { field, reason: BuildErrorReason::Form("a time from 1970 to 9999") }),
    }
}

/// `From`, `To`, `Reply-To`: a display name and an address.
pub(crate) fn mailbox(
    header: &'static str,
    field: &'static str,
    name: &str,
    address: &EmailAddress,
) -> Result<HeaderValue, BuildError> {
    let encoded = named(header, field, name, &[("<", address.as_str(), ">")])?;
    // lettre reads From and To back from the raw value when it checks a message, so the raw value
    // is the address alone.
    Ok(HeaderValue::dangerous_new_pre_encoded(
        HeaderName::new_from_ascii_str(header),
        address.as_str().to_owned(),
        encoded,
    ))
}

/// `Subject`: unstructured text.
pub(crate) fn subject(field: &'static str, text: &str) -> Result<HeaderValue, BuildError> {
    refuse_control(field, text)?;
    let mut out = Encoded::after("Subject");
    if reads_back_plain(text) {
        for (i, word) in text.split(' ').enumerate() {
            out.word(if i == 0 { "" } else { " " }, word);
        }
    } else {
        out.encoded_words(text);
    }
    Ok(out.into_value("Subject"))
}

/// `Message-ID`: the identifier in angle brackets (RFC 5322, 3.6.4).
pub(crate) fn message_id(field: &'static str, id: &str) -> Result<HeaderValue, BuildError> {
    refuse_control(field, id)?;
    let fits = id.len() <= 250
        && id.split_once('@').is_some_and(|(left, right)| is_dot_atom(left) && is_dot_atom(right));
    if !fits {
        let reason = BuildErrorReason::Form("left@right of letters, digits, dots and -_+=");
        return Err(BuildError { field, reason });
    }
    Ok(raw("Message-ID", format!("<{id}>")))
}

/// `List-Unsubscribe` (RFC 2369) with the one URI that RFC 8058 asks for.
pub(crate) fn list_unsubscribe(field: &'static str, url: &str) -> Result<HeaderValue, BuildError> {
    refuse_control(field, url)?;
    let fits = ["https://", "http://"].iter().any(|scheme| {
        url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
    }) && url.bytes().all(|b| b.is_ascii_graphic() && !b"<>,\"".contains(&b));
    if !fits {
        let reason = BuildErrorReason::Form("an http(s) URL in ASCII without < > , or quotes");
        return Err(BuildError { field, reason });
    }
    if url.len() > MAX_URL {
        return Err(BuildError { field, reason: BuildErrorReason::TooLong(MAX_URL) });
    }
    Ok(raw("List-Unsubscribe", format!("<{url}>")))
}

/// `List-Unsubscribe-Post`, whose value RFC 8058 fixes.
pub(crate) fn list_unsubscribe_post() -> HeaderValue {
    raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())
}

/// `List-ID`: a name and the list's identifier (RFC 2919).
pub(crate) fn list_id(name: &str, id: &str) -> Result<HeaderValue, BuildError> {
    refuse_control("list_id", id)?;
    if id.len() > 255 || !id.contains('.') || !is_dot_atom(id) {
        let reason = BuildErrorReason::Form("labels of letters, digits and -_ joined by dots");
        return Err(BuildError { field: "list_id", reason });
    }
    let encoded = named("List-ID", "list_id_name", name, &[("<", id, ">")])?;
    Ok(raw("List-ID", encoded))
}

/// A phrase, then `<something>`; only the latter when the phrase is empty.
fn named(
    header: &'static str,
    field: &'static str,
    name: &str,
    rest: &[(&str, &str, &str)],
) -> Result<String, BuildError> {
    refuse_control(field, name)?;
    let name = name.trim_matches(' ');
    let mut out = Encoded::after(header);
    if !name.is_empty() {
        out.phrase(name);
    }
    for (open, text, close) in rest {
        let gap = if out.text.is_empty() { "" } else { " " };
        out.word(gap, &format!("{open}{text}{close}"));
    }
    Ok(out.text)
}

fn raw(header: &'static str, value: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(header);
    HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
}

fn is_dot_atom(text: &str) -> bool {
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"-_+=".contains(&b);
    text.split('.').all(|label| !label.is_empty() && label.bytes().all(atext))
}

/// Whether readers get `text` back when it is written as it is: printable ASCII, single spaces
/// between words that fit on a line, and nothing that looks like an encoded word.
fn reads_back_plain(text: &str) -> bool {
    text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
        && !text.contains("=?")
        && text.split(' ').all(|word| (1..=60).contains(&word.len()))
}

/// The value of a header being written, which knows how long its last line is.
struct Encoded {
    text: String,
    line: usize,
}

impl Encoded {
    fn after(header: &str) -> Self {
        Self { text: String::new(), line: header.len() + 2 }
    }

    /// Writes `gap` and `word`, folding before the gap if the line would grow too long.
    fn word(&mut self, gap: &str, word: &str) {
        if !gap.is_empty() && self.line + gap.len() + word.len() > FOLD_AT {
            self.text.push_str("\r\n");
            self.line = 0;
        }
        self.text.push_str(gap);
        self.text.push_str(word);
        self.line += gap.len() + word.len();
    }

    /// A display name: as a quoted string if that can carry it, else as encoded words.
    fn phrase(&mut self, name: &str) {
        if !reads_back_plain(name) || name.len() > 60 {
            return self.encoded_words(name);
        }
        if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ') {
            return self.word("", name);
        }
        let mut quoted = String::with_capacity(name.len() + 4);
        quoted.push('"');
        for c in name.chars() {
            if c == '"' || c == '\\' {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        quoted.push('"');
        self.word("", &quoted);
    }

    /// Encoded words (RFC 2047), cut between words where they can be, and never inside what a reader
    /// sees as one letter: between two of them some readers, Python's among them, put a space that
    /// should not be there.
    fn encoded_words(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            // The first stands behind the header's name; each of the others may begin a line.
            let (gap, before) = if self.text.is_empty() { ("", self.line) } else { (" ", 1) };
            let part = first_part(rest, payload(FOLD_AT - before));
            let encoded = STANDARD.encode(part);
            self.word(gap, &format!("{ENCODED_OPEN}{encoded}{ENCODED_CLOSE}"));
            rest = &rest[part.len()..];
        }
    }

    fn into_value(self, header: &'static str) -> HeaderValue {
        raw(header, self.text)
    }
}

/// Bytes that an encoded word of at most `room` characters carries.
fn payload(room: usize) -> usize {
    let around = ENCODED_OPEN.len() + ENCODED_CLOSE.len();
    room.min(ENCODED_WORD).saturating_sub(around) / 4 * 3
}

/// The beginning of `text` that goes into `most` bytes: whole words with the space after them, else
/// whole letters as a reader sees them, else whole characters. Empty if not even one fits.
fn first_part(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let fits = |end: &usize| *end <= most;
    let words = text.match_indices(' ').map(|(at, space)| at + space.len()).take_while(fits);
    let end = words
        .last()
        .or_else(|| text.grapheme_indices(true).map(|(at, _)| at).take_while(fits).last())
        .filter(|end| *end > 0)
        .or_else(|| text.char_indices().map(|(at, _)| at).take_while(fits).last());
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &HeaderValue) -> String {
        let mut headers = lettre::message::header::Headers::new();
        headers.insert_raw(value.clone());
        headers.to_string()
    }

    #[test]
    fn plain_names_stay_readable() {
        let address = "anna@example.com".parse().unwrap();
        for (name, want) in [
            ("Anna Meier", "To: Anna Meier <anna@example.com>\r\n"),
            ("O'Brien & Sons, Ltd.", "To: \"O'Brien & Sons, Ltd.\" <anna@example.com>\r\n"),
            ("a \"b\" \\c", "To: \"a \\\"b\\\" \\\\c\" <anna@example.com>\r\n"),
            ("", "To: <anna@example.com>\r\n"),
            ("Jürgen", "To: =?utf-8?b?SsO8cmdlbg==?= <anna@example.com>\r\n"),
            ("=?utf-8?b?eA==?=", "To: =?utf-8?b?PT91dGYtOD9iP2VBPT0/PQ==?= <anna@example.com>\r\n"),
        ] {
            assert_eq!(text(&mailbox("To", "to_name", name, &address).unwrap()), want, "{name}");
        }
    }

    #[test]
    fn long_names_are_cut_between_words_and_never_inside_a_letter() {
        let address = "a@example.com".parse().unwrap();
        let parts = |name: &str| -> Vec<String> {
            let header = text(&mailbox("Reply-To", "reply_to", name, &address).unwrap());
            assert!(header.lines().all(|line| line.len() <= 76), "{header}");
            let words = header.split_ascii_whitespace().filter_map(|word| {
                let inside = word.strip_prefix(ENCODED_OPEN)?.strip_suffix(ENCODED_CLOSE)?;
                assert!(word.len() <= ENCODED_WORD, "{word}");
                Some(String::from_utf8(STANDARD.decode(inside).unwrap()).unwrap())
            });
            words.collect()
        };
        assert_eq!(parts("गंगा इन्फोटेक प्रा. लि."), ["गंगा इन्फोटेक ", "प्रा. लि."]);
        assert_eq!(parts(&"é".repeat(40)).concat(), "é".repeat(40));
        // No words, and letters of several characters, each of which stays whole.
        let family = "👨‍👩‍👧‍👦".repeat(4);
        assert!(parts(&family).iter().all(|part| "👨‍👩‍👧‍👦".repeat(4).contains(part.as_str())));
        assert_eq!(parts(&family).len(), 4);
        // One letter that is too long for an encoded word is cut between characters.
        let endless = format!("e{}", "\u{301}".repeat(200));
        assert_eq!(parts(&endless).concat(), endless);
    }

    #[test]
    fn a_long_unsubscribe_url_is_not_folded() {
        let url = format!("https://t.example/u/{}", "a".repeat(800));
        let header = text(&list_unsubscribe("list_unsubscribe_url", &url).unwrap());
        assert_eq!(header, format!("List-Unsubscribe: <{url}>\r\n"));
        let too_long = format!("https://t.example/u/{}", "a".repeat(900));
        assert!(list_unsubscribe("list_unsubscribe_url", &too_long).is_err());
        for bad in [
            "",
            "ftp://x.example/",
            "https://",
            "https:///x",
            "https://x/ y",
            "https://x/>",
            "https://ü.example/",
            "https://x/\r\nBcc: a@b.example",
            "javascript:alert(1)",
        ] {
            assert!(list_unsubscribe("list_unsubscribe_url", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn identifiers_have_one_form() {
        assert_eq!(
            text(&message_id("message_id", "snd_1@m.example").unwrap()),
            "Message-ID: <snd_1@m.example>\r\n"
        );
        for bad in ["", "a", "@", "a@", "a@b>c", "a b@c", "a@b@c", "a@b\r\n", "ä@b.example"] {
            assert!(message_id("message_id", bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            text(&list_id("Nord & Süd", "nord.lists.example").unwrap()),
            "List-ID: =?utf-8?b?Tm9yZCAmIFPDvGQ=?= <nord.lists.example>\r\n"
        );
        for bad in ["", "nodot", "a..b", ".a.b", "a.b ", "a.b>", "a.ü"] {
            assert!(list_id("x", bad).is_err(), "{bad:?}");
        }
    }
}
