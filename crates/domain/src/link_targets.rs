//! Where the links of a message lead: one list for all messages of a step to one partner's people in one
//! language.
//!
//! A list is named by its content, so a link in an old mail leads where it led when the mail was sent,
//! whatever the partner has changed since. It holds nothing about a person.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::ParseIdError;

/// The most links of a message that are followed through us.
pub const MOST_LINKS: usize = 200;
/// The most bytes of a target.
pub const MOST_TARGET_BYTES: usize = 2_000;
/// The number of a link that no person sees. Who follows it reads the source of a mail and is a machine.
pub const HONEYPOT: u16 = 0;

/// The name of a list of targets: the first 128 bits of its content's BLAKE3 hash. Half a hash, because it
/// stands in every link; to find two lists with one name takes 2^64 tries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetsId([u8; Self::BYTES]);

impl TargetsId {
    /// How long it is.
    pub const BYTES: usize = 16;

    /// Wraps the bytes of a name.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes of the name.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for TargetsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TargetsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TargetsId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let parse = || {
            let pairs = text.as_bytes().chunks_exact(2);
            let bytes = pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
            let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
            (text.len() == 2 * Self::BYTES).then_some(())?;
            bytes.try_into().ok().map(Self)
        };
        parse().ok_or_else(|| ParseIdError {
            expected: "the name of a list of links: 32 hex digits",
            got: text.to_owned(),
        })
    }
}

impl TryFrom<String> for TargetsId {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TargetsId> for String {
    fn from(id: TargetsId) -> Self {
        id.to_string()
    }
}

/// What can't be the target of a link that is followed through us.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// It is no plain web address.
    #[error("\"{0}\" is no http or https address of a host")]
    NotWeb(String),
    /// It is too long.
    #[error("a link of {0} bytes is longer than {MOST_TARGET_BYTES}")]
    TooLong(usize),
    /// There are too many.
    #[error("{0} links are more than {MOST_LINKS}")]
    TooMany(usize),
}

/// Where the links of a message lead, in the order in which they stand; the first one has number 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct LinkTargets {
    urls: Vec<String>,
}

impl LinkTargets {
    /// The list of these addresses.
    ///
    /// # Errors
    /// One of them is not an absolute http or https address of a host, is too long, or there are too many.
    pub fn new(urls: Vec<String>) -> Result<Self, TargetError> {
        if urls.len() > MOST_LINKS {
            return Err(TargetError::TooMany(urls.len()));
        }
        for url in &urls {
            if url.len() > MOST_TARGET_BYTES {
                return Err(TargetError::TooLong(url.len()));
            }
            if !is_web_address(url) {
                return Err(TargetError::NotWeb(url.clone()));
            }
        }
        Ok(Self { urls })
    }

    /// Its name, which is made of its content.
    pub fn id(&self) -> TargetsId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"throughline link targets 1");
        for url in &self.urls {
            hasher.update(&(url.len() as u64).to_be_bytes());
            hasher.update(url.as_bytes());
        }
        let mut id = [0; TargetsId::BYTES];
        hasher.finalize_xof().fill(&mut id);
        TargetsId(id)
    }

    /// Where link `number` leads; there is no link 0.
    pub fn get(&self, number: u16) -> Option<&str> {
        self.urls.get(usize::from(number).checked_sub(1)?).map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.urls.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.urls.is_empty()
    }

    /// The addresses in order.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }
}

impl TryFrom<Vec<String>> for LinkTargets {
    type Error = TargetError;

    fn try_from(urls: Vec<String>) -> Result<Self, Self::Error> {
        Self::new(urls)
    }
}

impl From<LinkTargets> for Vec<String> {
    fn from(targets: LinkTargets) -> Self {
        targets.urls
    }
}

/// Whether `url` may stand in a Location header of ours: it names its host in plain sight, and no reader of
/// it can take another part of it for the host.
pub fn is_web_address(url: &str) -> bool {
    let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    let Some(start) = ["https://", "http://"].iter().find(|start| lower.starts_with(**start))
    else {
        return false;
    };
    let rest = &url[start.len()..];
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    // A backslash is a slash to browsers; what stands before an `@` looks like the host and is not.
    !host.is_empty()
        && !authority.contains('@')
        && url.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(urls: &[&str]) -> LinkTargets {
        LinkTargets::new(urls.iter().map(|url| (*url).to_owned()).collect()).unwrap()
    }

    #[test]
    fn a_list_is_named_by_its_addresses_and_their_order() {
        let one = list(&["https://a.example/", "https://b.example/"]);
        assert_eq!(one.id(), list(&["https://a.example/", "https://b.example/"]).id());
        assert_ne!(one.id(), list(&["https://b.example/", "https://a.example/"]).id());
        assert_ne!(
            list(&["https://a.example/x"]).id(),
            list(&["https://a.example/", "https://a.example/x"]).id()
        );
        assert_eq!(one.get(0), None);
        assert_eq!(one.get(1), Some("https://a.example/"));
        assert_eq!(one.get(2), Some("https://b.example/"));
        assert_eq!(one.get(3), None);
    }

    #[test]
    fn names_read_back() {
        let id = list(&["https://a.example/"]).id();
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "zz", "é", &id.to_string()[1..], &format!("{id}00"), &"g".repeat(32)] {
            assert!(bad.parse::<TargetsId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_addresses_that_say_where_they_lead_are_targets() {
        for fine in [
            "https://a.example",
            "http://a.example:8080/x?y=z#f",
            "HTTPS://A.example/a@b",
            "https://a.example/?next=https://b.example",
            "https://[2001:db8::1]:443/",
        ] {
            assert!(is_web_address(fine), "{fine}");
        }
        for bad in [
            "",
            "/x",
            "//evil.example/",
            "https:evil.example",
            "https://",
            "https:///evil.example",
            "https://:443/",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "mailto:a@b.example",
            "ftp://a.example/",
            "https://a.example@evil.example/",
            "https://a.example:x@evil.example/",
            "https://a.example\\@evil.example/",
            "https://a.example/\r\nSet-Cookie: x",
            "https://a.example/ x",
            "https://bücher.example/",
            "\u{1}https://a.example/",
        ] {
            assert!(!is_web_address(bad), "{bad}");
            assert!(LinkTargets::new(vec![bad.to_owned()]).is_err(), "{bad}");
            assert!(serde_json::from_value::<LinkTargets>(serde_json::json!([bad])).is_err());
        }
    }

    #[test]
    fn a_list_is_bounded() {
        let url = "https://a.example/".to_owned();
        assert!(LinkTargets::new(vec![url.clone(); MOST_LINKS]).is_ok());
        assert_eq!(
            LinkTargets::new(vec![url.clone(); MOST_LINKS + 1]),
            Err(TargetError::TooMany(MOST_LINKS + 1))
        );
        let long = url + &"x".repeat(MOST_TARGET_BYTES);
        assert_eq!(LinkTargets::new(vec![long.clone()]), Err(TargetError::TooLong(long.len())));
    }
}
