//! What a text in a request looks like: said once, for the description and for the check.
//!
//! A pattern is never run as a regular expression; each is known here beside the function that says the same. What
//! the description says and what is let in can't drift apart, and no text of a stranger meets a regex engine.

use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};

use super::results::PERSON_KINDS;

/// The most items of a page, and how many there are when nobody says.
pub(super) const PAGE_MOST: u32 = program::MOST_OF_A_PAGE;
pub(super) const PAGE_USUAL: u32 = 50;

/// What a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// How many items a page may have.
    Limit,
    /// The id of a row of a small table.
    Ulid(&'static str),
    /// The id of a row of a large table.
    Number(&'static str),
    /// A version's number.
    Count,
    /// 32 hex digits.
    Hash,
    /// Where suppressions hold: `everywhere`, a vendor or a company.
    Scope,
    /// The key of a step.
    Step,
    /// A place among persons: a kind and a send.
    PersonPlace,
    /// A text without control characters, of so many characters at most.
    Line(u32),
    /// One of these words.
    Word(&'static [&'static str]),
}

impl Shape {
    /// As a regular expression, for the description.
    fn pattern(self) -> Option<String> {
        Some(match self {
            Self::Ulid(prefix) => format!("^{prefix}_{ULID}$"),
            Self::Number(prefix) => format!("^{prefix}_{NUMBER}$"),
            Self::Count => "^[1-9][0-9]{0,17}$".to_owned(),
            Self::Hash => "^[0-9a-f]{32}$".to_owned(),
            Self::Scope => format!("^(everywhere|(ven|com)_{ULID})$"),
            Self::Step => "^[a-z][a-z0-9-]{0,39}$".to_owned(),
            Self::PersonPlace => {
                let kinds = PERSON_KINDS.join("|");
                format!("^({kinds})[.]snd_{NUMBER}$")
            }
            // No C0, DEL or C1, and nothing that stands for a half of a character.
            Self::Line(_) => r"^[^\u0000-\u001f\u007f-\u009f]+$".to_owned(),
            Self::Limit | Self::Word(_) => return None,
        })
    }

    /// The words of an answer that refuses a text.
    pub fn expected(self) -> String {
        match self {
            Self::Limit => format!("a whole number from 1 to {PAGE_MOST}"),
            Self::Ulid(prefix) => format!("an id like {prefix}_01j00000000000000000000000"),
            Self::Number(prefix) => format!("an id like {prefix}_0000000000abc"),
            Self::Count => "a whole number from 1".to_owned(),
            Self::Hash => "32 hex digits".to_owned(),
            Self::Scope => {
                "everywhere, or the id of a vendor (ven_…) or of a company (com_…)".to_owned()
            }
            Self::Step => "1 to 40 of a-z, 0-9 and -, starting with a letter".to_owned(),
            Self::PersonPlace => "a place like opened.snd_0000000000abc".to_owned(),
            Self::Line(most) => format!("1 to {most} characters, no control characters"),
            Self::Word(words) => format!("one of {}", words.join(", ")),
        }
    }

    /// Whether a text is of this shape.
    pub fn fits(self, text: &str) -> bool {
        match self {
            Self::Limit => {
                let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                is_plain && text.parse().is_ok_and(|limit| (1..=PAGE_MOST).contains(&limit))
            }
            Self::Ulid(prefix) => is_id(text, prefix, 26),
            Self::Number(prefix) => is_id(text, prefix, 13),
            Self::Count => {
                let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
                is_plain && (1..=18).contains(&text.len())
            }
            Self::Hash => {
                let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                text.len() == 32 && text.bytes().all(is_hex)
            }
            Self::Scope => text == "everywhere" || is_id(text, "ven", 26) || is_id(text, "com", 26),
            Self::Step => {
                let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                (1..=40).contains(&text.len())
                    && text.starts_with(|c: char| c.is_ascii_lowercase())
                    && text.bytes().all(is_plain)
            }
            Self::PersonPlace => text
                .split_once('.')
                .is_some_and(|(kind, send)| PERSON_KINDS.contains(&kind) && is_id(send, "snd", 13)),
            Self::Line(most) => {
                let length = text.chars().count();
                (1..=most as usize).contains(&length) && !text.chars().any(char::is_control)
            }
            Self::Word(words) => words.contains(&text),
        }
    }

    /// The shape whose pattern this is.
    pub fn of_pattern(pattern: &str, max_length: u32) -> Option<Self> {
        const PREFIXES: [&str; 7] = ["ven", "com", "par", "pkg", "ver", "lst", "inv"];
        let mut known = PREFIXES.map(Self::Ulid).to_vec();
        known.extend(["act", "snd", "evt"].map(Self::Number));
        known.extend([Self::Count, Self::Hash, Self::Scope, Self::Line(max_length)]);
        known.into_iter().find(|shape| shape.pattern().is_some_and(|known| known == pattern))
    }

    /// As the description of a parameter.
    pub fn schema(self) -> Value {
        match self {
            Self::Limit => json!({
                "type": "integer", "format": "int32", "minimum": 1, "maximum": PAGE_MOST, "default": PAGE_USUAL,
            }),
            Self::Word(words) => json!({ "type": "string", "enum": words }),
            Self::Line(most) => {
                json!({ "type": "string", "minLength": 1, "maxLength": most, "pattern": self.pattern() })
            }
            other => json!({ "type": "string", "pattern": other.pattern() }),
        }
    }

    /// As the description of a member of a body.
    fn object(self) -> Object {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(self.pattern());
        match self {
            Self::Line(most) => text.min_length(Some(1)).max_length(Some(most as usize)).build(),
            Self::Word(words) => text.enum_values(Some(words.iter().copied())).build(),
            _ => text.build(),
        }
    }
}

/// Crockford's base32 of 128 bits: the first digit has three.
const ULID: &str = "[0-7][0-9a-hjkmnp-tv-z]{25}";

/// The same of 63 bits.
const NUMBER: &str = "[0-7][0-9a-hjkmnp-tv-z]{12}";

fn is_id(text: &str, prefix: &str, digits: usize) -> bool {
    let rest = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    rest.is_some_and(|rest| {
        let is_digit = |b: u8| {
            b.is_ascii_digit()
                || (b.is_ascii_lowercase() && !matches!(b, b'i' | b'l' | b'o' | b'u'))
        };
        rest.len() == digits
            && rest.bytes().all(is_digit)
            && rest.bytes().next().is_some_and(|first| (b'0'..=b'7').contains(&first))
    })
}

/// Members of bodies and answers: `#[schema(schema_with = member::partner)]`.
pub(super) mod member {
    use super::*;

    macro_rules! members {
        ($($name:ident = $shape:expr;)*) => {
            $(pub fn $name() -> Schema {
                Schema::Object($shape.object())
            })*
        };
    }

    members! {
        vendor = Shape::Ulid("ven");
        company = Shape::Ulid("com");
        partner = Shape::Ulid("par");
        package = Shape::Ulid("pkg");
        version = Shape::Ulid("ver");
        list = Shape::Ulid("lst");
        invitation = Shape::Ulid("inv");
        activation = Shape::Number("act");
        send = Shape::Number("snd");
        event = Shape::Number("evt");
        hash = Shape::Hash;
        scope = Shape::Scope;
        line_40 = Shape::Line(40);
        line_200 = Shape::Line(200);
    }
}

#[cfg(test)]
mod tests {
    use program::PersonsCursor;

    use super::*;

    #[test]
    fn a_text_is_of_its_shape_or_not() {
        let ulid = "01hzzzzzzzzzzzzzzzzzzzzzzz";
        let line = Shape::Line(3);
        for (shape, text, fits) in [
            (Shape::Limit, "1", true),
            (Shape::Limit, "200", true),
            (Shape::Limit, "201", false),
            (Shape::Limit, "0", false),
            (Shape::Limit, "+5", false),
            (Shape::Limit, "", false),
            (Shape::Ulid("par"), &format!("par_{ulid}"), true),
            (Shape::Ulid("par"), &format!("ven_{ulid}"), false),
            (Shape::Ulid("par"), &format!("par_8{}", &ulid[1..]), false),
            (Shape::Ulid("par"), &format!("par_{}", ulid.to_uppercase()), false),
            (Shape::Number("act"), "act_00000000000i1", false),
            (Shape::Number("act"), "act_0000000000001", true),
            (Shape::Count, "10", true),
            (Shape::Count, "010", false),
            (Shape::Count, "", false),
            (Shape::Scope, "everywhere", true),
            (Shape::Scope, &format!("com_{ulid}"), true),
            (Shape::Scope, &format!("par_{ulid}"), false),
            (line, "äöü", true),
            (line, "äöüß", false),
            (line, "a\r\n", false),
            (line, "a\u{85}", false),
            (line, "", false),
            (Shape::Step, "deep-dive-2", true),
            (Shape::Step, "2-deep", false),
            (Shape::Step, "Deep", false),
            (Shape::Step, "", false),
            (Shape::Step, &"a".repeat(40), true),
            (Shape::Step, &"a".repeat(41), false),
            (Shape::PersonPlace, "opened.snd_0000000000001", true),
            (Shape::PersonPlace, "accepted.snd_0000000000001", false),
            (Shape::PersonPlace, "opened.act_0000000000001", false),
            (Shape::PersonPlace, "opened", false),
            (Shape::Word(&["a", "b"]), "b", true),
            (Shape::Word(&["a", "b"]), "c", false),
        ] {
            assert_eq!(shape.fits(text), fits, "{shape:?} {text:?}");
        }
    }

    #[test]
    fn what_fits_is_an_id_of_the_domain() {
        let first = "par_00000000000000000000000000";
        let last = "par_7zzzzzzzzzzzzzzzzzzzzzzzzz";
        for text in [first, last] {
            assert!(Shape::Ulid("par").fits(text) && text.parse::<domain::PartnerId>().is_ok());
        }
        for text in ["act_0000000000000", "act_7zzzzzzzzzzzz"] {
            assert!(Shape::Number("act").fits(text));
            assert!(text.parse::<domain::ActivationId>().is_ok());
        }
        for kind in PERSON_KINDS {
            let place = format!("{kind}.snd_7zzzzzzzzzzzz");
            assert!(Shape::PersonPlace.fits(&place) && place.parse::<PersonsCursor>().is_ok());
            assert!(kind.parse::<domain::results::ResultKind>().is_ok(), "{kind}");
        }
        let step = "a-step-2";
        assert!(Shape::Step.fits(step) && step.parse::<domain::StepKey>().is_ok());
    }
}
