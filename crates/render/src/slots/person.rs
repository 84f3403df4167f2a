//! A person in a slot: `Name <email>, phone`.

use std::fmt;

use domain::{EmailAddress, brand::ContactPerson};

use super::Misfit;
use crate::clean::clean;

const MOST_NAME: usize = 100;
const MOST_PHONE: usize = 40;
const EXPECTED: &str = "a person like `Priya Raman <priya@example.com>, +44 117 496 0000`; the telephone number may be left out";

/// A person a message may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonValue {
    /// Full name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Telephone, as it was written; may be empty.
    pub phone: String,
}

impl PersonValue {
    /// Reads `Name <email>, phone`.
    pub(super) fn read(text: &str) -> Result<Self, Misfit> {
        let refuse = |message: String| (message, EXPECTED.to_owned());
        let shown = || clean(text, 60);
        let (name, rest) = text
            .split_once('<')
            .ok_or_else(|| refuse(format!("`{}` has no address in `<…>`", shown())))?;
        let (email, rest) =
            rest.split_once('>').ok_or_else(|| refuse("the `<` is never closed".to_owned()))?;
        let name = clean(name, MOST_NAME).into_owned();
        if name.is_empty() {
            return Err(refuse("it has no name".to_owned()));
        }
        let email = email.trim();
        let is_plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
        if !is_plain || email.parse::<EmailAddress>().is_err() {
            return Err(refuse(format!("`{}` is no address", clean(email, 60))));
        }
        let phone = match rest.trim() {
            "" => "",
            rest => rest
                .strip_prefix(',')
                .ok_or_else(|| {
                    refuse("something else than `, phone` follows the address".to_owned())
                })?
                .trim(),
        };
        let is_number = phone.len() <= MOST_PHONE
            && phone.chars().all(|c| c.is_ascii_digit() || " +()-/.".contains(c))
            && (phone.is_empty() || phone.bytes().any(|b| b.is_ascii_digit()));
        if !is_number {
            return Err(refuse(format!("`{}` is no telephone number", clean(phone, 60))));
        }
        Ok(Self { name, email: email.to_owned(), phone: clean(phone, MOST_PHONE).into_owned() })
    }

    /// The contact person of a brand profile, if it can be written as one; a telephone number that
    /// can't is left out.
    pub(super) fn of(contact: &ContactPerson) -> Option<Self> {
        let name = contact.name.replace(['<', '>'], " ");
        let start = format!("{name} <{}>", contact.email.trim());
        let with_phone = format!("{start}, {}", contact.phone.trim());
        Self::read(&with_phone).or_else(|_| Self::read(&start)).ok()
    }
}

impl fmt::Display for PersonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)?;
        if self.phone.is_empty() { Ok(()) } else { write!(f, ", {}", self.phone) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_as_they_are_written() {
        for text in [
            "Priya Raman <priya@example.com>, +44 117 496 0000",
            "Søren Ø <s@example.com>",
            "عبد الرحمن <a@example.com>, (0)1/234-5.6",
        ] {
            assert_eq!(PersonValue::read(text).unwrap().to_string(), text);
        }
        let odd = PersonValue::read("  A\u{202E}  B< a@example.com >,  ").unwrap();
        assert_eq!(odd.to_string(), "A B <a@example.com>");
    }

    #[test]
    fn what_names_nobody_is_refused_with_a_reason() {
        for (bad, why) in [
            ("Priya", "`Priya` has no address in `<…>`"),
            ("<a@example.com>", "it has no name"),
            ("A <a@example.com", "the `<` is never closed"),
            ("A <nobody>", "`nobody` is no address"),
            (
                "A <a@example.com\r\nBcc: x@y.example>",
                "`a@example.com Bcc: x@y.example` is no address",
            ),
            ("A <a@example.com> 123", "something else than `, phone` follows the address"),
            ("A <a@example.com>, call me", "`call me` is no telephone number"),
            ("A <a@example.com>, +", "`+` is no telephone number"),
            ("A <a@example.com>, 1<b>", "`1<b>` is no telephone number"),
        ] {
            assert_eq!(PersonValue::read(bad).unwrap_err().0, why);
        }
    }

    #[test]
    fn a_contact_person_stands_in() {
        let contact = |name: &str, email: &str, phone: &str| ContactPerson {
            name: name.to_owned(),
            email: email.to_owned(),
            phone: phone.to_owned(),
        };
        let filled = |contact: &ContactPerson| PersonValue::of(contact).map(|it| it.to_string());
        let whole = contact("Priya <b>", "p@example.com", "+44 1");
        assert_eq!(filled(&whole).as_deref(), Some("Priya b <p@example.com>, +44 1"));
        let odd = contact("Priya", "p@example.com", "ask for me");
        assert_eq!(filled(&odd).as_deref(), Some("Priya <p@example.com>"));
        assert_eq!(filled(&contact("", "p@example.com", "")), None);
    }
}
