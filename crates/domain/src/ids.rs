//! Ids are types: a swapped argument does not compile.
//!
//! Hot tables (contact, person, activation, send, event) have `i64` ids from blocks handed out by a
//! row in SQL, shown outside as a prefix and base32 (`snd_0000000000abc`). Small tables have ULIDs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The text is no id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected}, got \"{got}\"")]
pub struct ParseIdError {
    /// The form that was expected, with an example.
    pub expected: &'static str,
    /// What was given instead.
    pub got: String,
}

/// Crockford's base32 in lower case: no `i`, `l`, `o`, `u`, so an id survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const NUMBER_DIGITS: usize = 13;

fn encode_number(value: i64) -> String {
    let mut digits = [b'0'; NUMBER_DIGITS];
    let mut rest = value as u64;
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

fn decode_number(text: &str) -> Option<i64> {
    if text.len() != NUMBER_DIGITS {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|&c| c == byte.to_ascii_lowercase())? as u64;
        value = value.checked_mul(32)?.checked_add(digit)?;
    }
    i64::try_from(value).ok()
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The prefix of the outside form.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps the number a row is stored under.
            pub const fn new(value: i64) -> Self {
                Self(value)
            }

            /// The number the row is stored under.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode_number(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .and_then(decode_number)
                    .map(Self)
                    .ok_or_else(|| ParseIdError {
                        expected: concat!("an id like ", $prefix, "_0000000000abc"),
                        got: text.to_owned(),
                    })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The prefix of every id of this kind.
            pub const PREFIX: &'static str = $prefix;

            /// A new id from a ULID (time-sortable, 128 bits).
            pub fn from_ulid(ulid: ulid::Ulid) -> Self {
                Self(format!("{}_{}", $prefix, ulid.to_string().to_ascii_lowercase()))
            }

            /// The whole id, as it is stored and shown.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .filter(|rest| ulid::Ulid::from_string(rest).is_ok())
                    .map(|_| Self(text.to_ascii_lowercase()))
                    .ok_or_else(|| ParseIdError {
                        expected: concat!("an id like ", $prefix, "_01j0000000000000000000000"),
                        got: text.to_owned(),
                    })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

number_id!(
    /// A row in a company's contact list.
    ContactId,
    "con"
);
number_id!(
    /// One recipient as one vendor sees it; the row that carries the keyed hash of the address.
    PersonId,
    "per"
);
number_id!(
    /// One partner's launch of one package version.
    ActivationId,
    "act"
);
number_id!(
    /// The intent to deliver one step once to one person.
    SendId,
    "snd"
);
number_id!(
    /// Something that happened to a send.
    EventId,
    "evt"
);

text_id!(
    /// The brand that owns a program; the top-level tenant.
    VendorId,
    "ven"
);
text_id!(
    /// A firm, without a vendor.
    CompanyId,
    "com"
);
text_id!(
    /// A company in one vendor's program.
    PartnerId,
    "par"
);
text_id!(
    /// A contact list of a company.
    ListId,
    "lst"
);
text_id!(
    /// An activation package.
    PackageId,
    "pkg"
);
text_id!(
    /// An immutable, content-addressed version of a package.
    VersionId,
    "ver"
);
text_id!(
    /// One click of one partner, or one "launch for all eligible".
    LaunchGroupId,
    "grp"
);

text_id!(
    /// A partner asked, by a link in a mail, to launch a package.
    InvitationId,
    "inv"
);
text_id!(
    /// A key of the API: the part of it that may be shown.
    ApiKeyId,
    "tlk"
);

/// The stable name of a step inside its package: 1 to 40 of `a-z`, `0-9`, `-`, starting with a letter.
///
/// It is part of a send's unique key, so renaming a step makes it another step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepKey(String);

impl StepKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StepKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=40).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then(|| Self(text.to_owned())).ok_or_else(|| ParseIdError {
            expected: "a step key: 1 to 40 of a-z, 0-9 and -, starting with a letter",
            got: text.to_owned(),
        })
    }
}

impl TryFrom<String> for StepKey {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StepKey> for String {
    fn from(key: StepKey) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn number_ids_survive_the_outside_form(value in 0..=i64::MAX) {
            let id = SendId::new(value);
            prop_assert_eq!(id.to_string().parse::<SendId>().unwrap(), id);
        }

        #[test]
        fn outside_form_sorts_as_the_numbers_do(a in 0..=i64::MAX, b in 0..=i64::MAX) {
            prop_assert_eq!(a.cmp(&b), SendId::new(a).to_string().cmp(&SendId::new(b).to_string()));
        }
    }

    #[test]
    fn another_kind_of_id_is_refused_with_an_example() {
        let error = "act_0000000000001".parse::<SendId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected an id like snd_0000000000abc, got \"act_0000000000001\""
        );
        assert!("snd_zzzzzzzzzzzzz".parse::<SendId>().is_err(), "past 63 bits");
        assert!("snd_00000000000i1".parse::<SendId>().is_err(), "i is no digit");
        assert!("par_short".parse::<PartnerId>().is_err());
    }

    #[test]
    fn step_keys_are_stable_names() {
        assert!("announce-1".parse::<StepKey>().is_ok());
        for bad in ["", "1st", "Announce", "a b", &"a".repeat(41)] {
            assert!(bad.parse::<StepKey>().is_err(), "{bad:?}");
        }
    }
}
