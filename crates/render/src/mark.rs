//! Marks: how a person's fields travel through the rendering of a partner's skeleton.
//!
//! While a skeleton is rendered, `person.first_name` is a short text between two Unicode
//! noncharacters. They mean nothing in any text (Unicode 23.7), escaping leaves them alone, and
//! [`clean`](crate::clean::clean) takes them out of everything a partner or a person wrote; so a mark in the output was
//! put there by a template.

/// Begins a mark.
pub(crate) const OPEN: char = '\u{FDD0}';
/// Ends a mark.
pub(crate) const CLOSE: char = '\u{FDD1}';

/// What a mark stands for. `usize` is the number of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// A partner's rich text, as the part has it. The number is that of the text.
    Rich(usize),
    /// What follows up to `Unlock` is locked under this name.
    Lock(String),
    /// The end of what is locked.
    Unlock,
}

impl Mark {
    /// The mark as it travels.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Field(n) => format!("{OPEN}f{n}{CLOSE}"),
            Self::Percent(n) => format!("{OPEN}p{n}{CLOSE}"),
            Self::If(n) => format!("{OPEN}i{n}{CLOSE}"),
            Self::Else => format!("{OPEN}e{CLOSE}"),
            Self::End => format!("{OPEN}z{CLOSE}"),
            Self::Rich(n) => format!("{OPEN}r{n}{CLOSE}"),
            Self::Lock(name) => format!("{OPEN}l{name}{CLOSE}"),
            Self::Unlock => format!("{OPEN}u{CLOSE}"),
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
            "r" => field().map(Self::Rich),
            "l" => Some(Self::Lock(number.to_owned())),
            "u" => Some(Self::Unlock),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back() {
        for mark in [
            Mark::Field(0),
            Mark::Percent(12),
            Mark::If(3),
            Mark::Else,
            Mark::End,
            Mark::Rich(2),
            Mark::Lock("terms".to_owned()),
            Mark::Unlock,
        ] {
            let text = mark.text();
            let inside = text.strip_prefix(OPEN).unwrap().strip_suffix(CLOSE).unwrap();
            assert_eq!(Mark::read(inside), Some(mark));
        }
        assert_eq!(Mark::field_of(&Mark::Field(7).text()), Some(7));
        assert_eq!(Mark::field_of(&Mark::If(7).text()), None);
        assert_eq!(Mark::read(""), None);
        assert_eq!(Mark::read("ä"), None);
    }
}
