//! Marks: how a person's fields travel through the rendering of a partner's skeleton.
//!
//! While a skeleton is rendered, `person.first_name` is a short text between two Unicode
//! noncharacters. They mean nothing in any text (Unicode 23.7), escaping leaves them alone, and
//! [`clean`] takes them out of everything a partner or a person wrote; so a mark in the output was
//! put there by a template.

use std::borrow::Cow;

/// Begins a mark.
pub(crate) const OPEN: char = '\u{FDD0}';
/// Ends a mark.
pub(crate) const CLOSE: char = '\u{FDD1}';

/// What a mark stands for. `usize` is the number of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The field's value, escaped for the part it stands in.
    Field(usize),
    /// The field's value, percent-encoded.
    Percent(usize),
    /// What follows up to `Else` stands there if the field is not empty.
    If(usize),
    /// What follows up to `End` stands there if it is.
    Else,
    /// The end of a conditional.
    End,
}

impl Mark {
    /// The mark as it travels.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Field(n) => format!("{OPEN}f{n}{CLOSE}"),
            Self::Percent(n) => format!("{OPEN}p{n}{CLOSE}"),
            Self::If(n) => format!("{OPEN}i{n}{CLOSE}"),
            Self::Else => format!("{OPEN}e{CLOSE}"),
            Self::End => format!("{OPEN}z{CLOSE}"),
        }
    }

    /// Reads what stands between [`OPEN`] and [`CLOSE`].
    pub(crate) fn read(inside: &str) -> Option<Self> {
        let (kind, number) = inside.split_at_checked(1)?;
        let field = || number.parse().ok();
        match kind {
            "f" => field().map(Self::Field),
            "p" => field().map(Self::Percent),
            "i" => field().map(Self::If),
            "e" => Some(Self::Else),
            "z" => Some(Self::End),
            _ => None,
        }
    }

    /// The field a whole text stands for, if it is the mark of one and nothing else.
    pub(crate) fn field_of(text: &str) -> Option<usize> {
        let inside = text.strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
        match Self::read(inside)? {
            Self::Field(n) => Some(n),
            _ => None,
        }
    }
}

/// Whether a character has no business in what somebody wrote into a field.
///
/// Control characters end lines and headers; directional overrides and isolates would reach over the
/// vendor's text around them (UAX 9); noncharacters are what marks are made of.
fn is_foreign(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        || is_noncharacter(c)
}

/// Whether a character is one that Unicode keeps for use inside a program.
pub(crate) fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE
}

/// What somebody wrote into a field, as one line of plain text of at most `most` characters.
///
/// White space and control characters become single spaces; the ends are trimmed.
pub(crate) fn clean(text: &str, most: usize) -> Cow<'_, str> {
    let is_fine = text.len() <= most
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
        && (text.bytes().all(|b| (0x20..0x7F).contains(&b))
            || !text.chars().any(|c| is_foreign(c) || (c.is_whitespace() && c != ' ')));
    if is_fine {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(most * 4));
    let mut count = 0;
    let mut space = false;
    for c in text.chars() {
        if c.is_control() || c.is_whitespace() {
            space = !out.is_empty();
            continue;
        }
        if is_foreign(c) {
            continue;
        }
        let width = 1 + usize::from(space);
        if count + width > most {
            break;
        }
        if space {
            out.push(' ');
            space = false;
        }
        out.push(c);
        count += width;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back() {
        for mark in [Mark::Field(0), Mark::Percent(12), Mark::If(3), Mark::Else, Mark::End] {
            let text = mark.text();
            let inside = text.strip_prefix(OPEN).unwrap().strip_suffix(CLOSE).unwrap();
            assert_eq!(Mark::read(inside), Some(mark));
        }
        assert_eq!(Mark::field_of(&Mark::Field(7).text()), Some(7));
        assert_eq!(Mark::field_of(&Mark::If(7).text()), None);
        assert_eq!(Mark::read(""), None);
        assert_eq!(Mark::read("ä"), None);
    }

    #[test]
    fn cleaning_leaves_one_line_without_marks_and_overrides() {
        let cases = [
            ("O'Brien & Söhne <b>", "O'Brien & Söhne <b>"),
            ("  two\r\n words\t", "two words"),
            ("a\u{FDD0}f0\u{FDD1}b", "af0b"),
            ("evil\u{202E}gnp.exe", "evilgnp.exe"),
            ("👩‍👩‍👧", "👩‍👩‍👧"),
            ("\u{0}", ""),
            ("a\u{A0}b", "a b"),
        ];
        for (written, read) in cases {
            assert_eq!(clean(written, 100), read, "{written:?}");
        }
        assert_eq!(clean("äöü äöü", 4), "äöü");
        assert_eq!(clean("abcdef", 4), "abcd");
    }
}
