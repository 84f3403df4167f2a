//! What a partner or a person wrote, made fit to stand beside what the vendor wrote.
//!
//! Escaping keeps a text from becoming markup. It does not keep it from disturbing its neighbours:
//! line ends and control characters end lines and headers, directional overrides and isolates reach
//! over the text around them (UAX 9), characters without width hide text or split words that
//! somebody searches for, and towers of combining marks paint over the lines above and below. All of
//! that is taken out here; what people write in their languages stays.

use std::borrow::Cow;

use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// The most that combining marks on one character may weigh: four that are piled up on it, as
/// Vietnamese and pointed Hebrew have, or eight beside it, as Burmese has.
const MOST_MARKS: usize = 8;

/// How much a combining mark weighs.
fn weight(mark: char) -> usize {
    // Classes from 200 on name a place above, below or beside the character.
    if canonical_combining_class(mark) >= 200 { 2 } else { 1 }
}

const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// The only character that tags follow in emoji: the flags of England, Scotland and Wales.
const BLACK_FLAG: char = '\u{1F3F4}';

/// Whether a character has no business in what somebody wrote into a field, wherever it stands.
fn is_foreign(c: char) -> bool {
    c.is_control()
        || is_noncharacter(c)
        || matches!(c,
            // Line and paragraph separators; embeddings, overrides and isolates.
            '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            // No width and no meaning of their own: soft hyphen, grapheme joiner, fillers, zero width space,
            // word joiner and invisible operators, deprecated format characters, byte order mark, annotations.
            | '\u{AD}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E001F}'
            | '\u{E0080}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}')
}

/// Whether a character is one that Unicode keeps for use inside a program.
pub(crate) fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE
}

const fn is_joiner(c: char) -> bool {
    matches!(c, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER)
}

const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{61C}')
}

const fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

const fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0020}'..='\u{E007F}')
}

/// Whether a character is fine in some company only, which [`Tidy`] looks at.
fn needs_company(c: char) -> bool {
    c >= '\u{300}'
        && (is_joiner(c)
            || is_direction_mark(c)
            || is_variation_selector(c)
            || is_tag(c)
            || is_combining_mark(c))
}

/// Lets through what may stand in a text, character by character.
#[derive(Default)]
struct Tidy {
    /// The last character that has a width.
    base: Option<char>,
    /// How much the marks since then weigh.
    marks: usize,
    has_selector: bool,
    /// A joiner or a mark of direction: it stands between two characters or not at all.
    waiting: Option<char>,
}

impl Tidy {
    /// Whether `c` goes out now, after the character that waited for it, if any.
    fn admit(&mut self, c: char) -> (Option<char>, bool) {
        if is_foreign(c) {
            return (None, false);
        }
        if c.is_whitespace() {
            *self = Self::default();
            return (None, true);
        }
        if is_joiner(c) || is_direction_mark(c) {
            // One between two characters; a run of them is a message nobody sees.
            if self.base.is_some() && self.waiting.is_none() {
                self.waiting = Some(c);
            }
            return (None, false);
        }
        if is_variation_selector(c) {
            let is_fine = self.base.is_some() && !self.has_selector;
            self.has_selector = true;
            return (None, is_fine);
        }
        if is_tag(c) {
            let is_fine = self.base == Some(BLACK_FLAG) && self.marks < 8;
            self.marks += 1;
            return (None, is_fine);
        }
        if is_combining_mark(c) {
            self.marks += weight(c);
            let is_fine = self.base.is_some() && self.marks <= MOST_MARKS;
            return (self.waiting.take().filter(|_| is_fine), is_fine);
        }
        let before = self.waiting.take();
        *self = Self { base: Some(c), ..Self::default() };
        (before, true)
    }
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
            || !text
                .chars()
                .any(|c| is_foreign(c) || needs_company(c) || (c.is_whitespace() && c != ' ')));
    if is_fine {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(most * 4));
    let mut count = 0;
    let mut space = false;
    let mut tidy = Tidy::default();
    for c in text.chars() {
        if c.is_control() || c.is_whitespace() {
            space = !out.is_empty();
            tidy = Tidy::default();
            continue;
        }
        let (before, goes_out) = tidy.admit(c);
        if !goes_out {
            continue;
        }
        let width = 1 + usize::from(space) + usize::from(before.is_some());
        if count + width > most {
            break;
        }
        if space {
            out.push(' ');
            space = false;
        }
        out.extend(before);
        out.push(c);
        count += width;
    }
    Cow::Owned(out)
}

/// The same for text that keeps its lines and spaces, such as that of markup.
pub(crate) fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut tidy = Tidy::default();
    for c in text.chars() {
        if c == '\n' {
            tidy = Tidy::default();
            out.push(c);
            continue;
        }
        let (before, goes_out) = tidy.admit(c);
        if goes_out {
            out.extend(before);
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cleaning_leaves_one_line_without_marks_and_overrides() {
        let cases = [
            ("O'Brien & Söhne <b>", "O'Brien & Söhne <b>"),
            ("  two\r\n words\t", "two words"),
            ("a\u{FDD0}f0\u{FDD1}b", "af0b"),
            ("evil\u{202E}gnp.exe", "evilgnp.exe"),
            ("\u{2067}a\u{2066}b", "ab"),
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

    #[test]
    fn what_has_no_width_stays_only_where_a_language_needs_it() {
        let cases = [
            ("pay\u{200B}pal", "paypal"),
            ("\u{FEFF}Acme\u{2060}\u{AD}", "Acme"),
            ("\u{3164}", ""),
            ("می\u{200C}خواهم", "می\u{200C}خواهم"),
            ("Acme\u{200D}", "Acme"),
            ("\u{200D}Acme", "Acme"),
            ("Acme \u{200D} Ltd", "Acme Ltd"),
            ("A\u{200C}\u{200C}\u{200D}\u{200C}B", "A\u{200C}B"),
            ("شركة\u{200F}", "شركة"),
            ("(شركة\u{200F})", "(شركة\u{200F})"),
            ("❤\u{FE0F}\u{FE0F}", "❤\u{FE0F}"),
            ("x\u{E0068}\u{E0069}", "x"),
            (
                "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
                "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            ),
            ("\u{301}a", "a"),
        ];
        for (written, read) in cases {
            assert_eq!(clean(written, 100), read, "{written:?}");
        }
        let tower = format!("a{}b", "\u{301}".repeat(60));
        assert_eq!(clean(&tower, 100), format!("a{}b", "\u{301}".repeat(4)));
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "\\PC{0,20}[\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}a \u{301}]{0,20}", most in 1_usize..60) {
            let once = clean(&text, most).into_owned();
            prop_assert!(once.chars().count() <= most);
            prop_assert!(!once.chars().any(is_foreign));
            prop_assert_eq!(clean(&once, most).into_owned(), once.clone());
            let tidied = tidy(&text);
            prop_assert!(!tidied.chars().any(is_foreign));
            prop_assert_eq!(tidy(&tidied), tidied.clone());
        }
    }
}
