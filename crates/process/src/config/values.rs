//! The types of settings whose invalid states can't be built.

use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};

use domain::Secret;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The text is no value of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected}, got {got}")]
pub struct ParseValueError {
    /// The form that was expected, with an example.
    pub expected: &'static str,
    /// What was given instead; masked where it may be a secret.
    pub got: String,
}

fn refuse(expected: &'static str, got: &str) -> ParseValueError {
    ParseValueError { expected, got: format!("\"{got}\"") }
}

/// Makes a type that is written as a string readable and printable by serde.
macro_rules! as_text {
    ($name:ty) => {
        impl TryFrom<String> for $name {
            type Error = ParseValueError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// A length of time, written as a whole number and a unit: `"250ms"`, `"30s"`, `"5min"`, `"36h"`, `"4d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeSpan(Duration);

impl TimeSpan {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The same as the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for TimeSpan {
    /// Rounded down to whole milliseconds.
    fn from(duration: Duration) -> Self {
        Self(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for TimeSpan {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let text = text.trim();
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let count: u64 = text[..digits].parse().ok()?;
            let unit = text[digits..].trim_start();
            let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
            let millis = count.checked_mul(*millis)?;
            (1..=MOST_MILLIS).contains(&millis).then(|| Self(Duration::from_millis(millis)))
        };
        parsed().ok_or_else(|| {
            refuse(
                "a time like \"250ms\", \"30s\", \"5min\", \"36h\" or \"4d\", from 1ms to 3650d",
                text,
            )
        })
    }
}

/// Ten years: longer is a slip of the hand, and sums of a few of them stay far from any bound.
const MOST_MILLIS: u64 = 3_650 * 86_400_000;

impl fmt::Display for TimeSpan {
    /// In the largest unit that leaves no remainder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, size) = UNITS.iter().find(|(_, size)| millis % size == 0).unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", millis / size)
    }
}

as_text!(TimeSpan);

/// The URL of a server that we connect to. It may hold a password, which is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerUrl(Secret<String>);

impl ServerUrl {
    /// The URL with its password, to connect with.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The part before the first `:`, in lower case.
    pub fn scheme(&self) -> String {
        self.expose().split(':').next().unwrap_or_default().to_ascii_lowercase()
    }
}

impl FromStr for ServerUrl {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scheme = text.split_once(':').map(|(scheme, rest)| (scheme, !rest.is_empty()));
        match scheme {
            Some((scheme, true))
                if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
                    && !text.contains(char::is_whitespace) =>
            {
                Ok(Self(Secret::new(text.to_owned())))
            }
            _ => Err(ParseValueError {
                expected: "a URL like \"redis://127.0.0.1:6379\"",
                got: mask(text),
            }),
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(self.expose()))
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

as_text!(ServerUrl);

/// Replaces what may be a password: between the first `:` of the authority and its last `@`, and the
/// value of a query parameter that is named like one.
fn mask(url: &str) -> String {
    let (before, query) = match url.split_once('?') {
        // A password may hold a `?` that nobody encoded: what comes before the last `@` is still user and password.
        Some((before, query)) if !query.contains('@') => (before, Some(query)),
        _ => (url, None),
    };
    let start = before.find("://").map_or(0, |at| at + 3);
    let mut shown = match before[start..].rfind('@') {
        Some(at) => {
            let user = &before[start..start + at];
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            let hidden = if user.len() < at { ":[secret]" } else { "" };
            format!("{}{user}{hidden}{}", &before[..start], &before[start + at..])
        }
        None => before.to_owned(),
    };
    if let Some(query) = query {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("pass") => {
                format!("{name}=[secret]")
            }
            _ => pair.to_owned(),
        });
        shown = format!("{shown}?{}", pairs.collect::<Vec<_>>().join("&"));
    }
    shown
}

/// How the portal is reached from outside: http or https, a host, no slash at the end, no query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let fits = rest.is_some_and(|rest| {
            // It stands inside `<…>` in a header (RFC 2369): nothing that could end it, and ASCII only.
            rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
                && !rest.ends_with('/')
                && rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"'\\^`{|}?#,@".contains(&b))
        });
        fits.then(|| Self(text.to_owned())).ok_or_else(|| {
            refuse("a URL like \"https://mail.example.com\", http or https, without a slash at its end", text)
        })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(PublicUrl);

/// Host and port of a relay.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelayAddress {
    /// A name or an address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl FromStr for RelayAddress {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let parsed = || {
            let (host, port) = text.rsplit_once(':')?;
            let port = port.parse().ok().filter(|port| *port > 0)?;
            let fits = !host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            fits.then(|| Self { host: host.to_owned(), port })
        };
        parsed().ok_or_else(|| refuse("a host and a port like \"smtp.example.com:25\"", text))
    }
}

impl From<SocketAddr> for RelayAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

as_text!(RelayAddress);

/// A key of 32 bytes, written as 64 hex digits, or none yet. Never shown.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretKey(Option<Secret<[u8; 32]>>);

impl SecretKey {
    /// Wraps 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Some(Secret::new(bytes)))
    }

    /// The bytes, if there is a key.
    pub fn bytes(&self) -> Option<&[u8; 32]> {
        self.0.as_ref().map(Secret::expose)
    }
}

impl FromStr for SecretKey {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(None));
        }
        let parsed = || {
            let digits: Option<Vec<u8>> =
                text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
            let bytes: Vec<u8> = digits?
                .chunks(2)
                .map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0))
                .collect();
            <[u8; 32]>::try_from(bytes).ok().filter(|_| text.len() == 64)
        };
        parsed().map(Self::from_bytes).ok_or_else(|| ParseValueError {
            expected: "64 hex digits (make them with: openssl rand -hex 32)",
            got: format!("{} characters that are not that", text.chars().count()),
        })
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "[secret, 64 digits]" } else { "[empty]" })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

as_text!(SecretKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        for text in ["250ms", "30s", "5min", "36h", "4d"] {
            assert_eq!(text.parse::<TimeSpan>().unwrap().to_string(), text);
        }
        assert_eq!("1500ms".parse::<TimeSpan>().unwrap().get(), Duration::from_millis(1500));
        assert_eq!("120 s".parse::<TimeSpan>().unwrap().to_string(), "2min");
        for bad in ["", "5", "5m", "-1s", "1.5s", "0s", "s", "3651d", "99999999999999999999d"] {
            let error = bad.parse::<TimeSpan>().unwrap_err().to_string();
            assert!(error.contains("\"30s\""), "{error}");
        }
    }

    #[test]
    fn passwords_in_urls_do_not_show() {
        for (url, shown) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://:canary@h:6379/0", "redis://:[secret]@h:6379/0"),
            ("postgres://u:canary@h/db?sslmode=off", "postgres://u:[secret]@h/db?sslmode=off"),
            ("postgres://u:ca?nary@h/db", "postgres://u:[secret]@h/db"),
            ("postgres://u:can@ry@h/db", "postgres://u:[secret]@h/db"),
            ("postgres://u@h/db?password=canary", "postgres://u@h/db?password=[secret]"),
            ("sqlite:book.sqlite", "sqlite:book.sqlite"),
        ] {
            let parsed: ServerUrl = url.parse().unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(format!("{parsed:?}"), shown);
            assert_eq!(serde_json::to_string(&parsed).unwrap(), format!("\"{shown}\""));
            assert_eq!(parsed.expose(), url);
        }
        let refused = "not a url:canary@h".parse::<ServerUrl>().unwrap_err().to_string();
        assert!(!refused.contains("canary"), "{refused}");
    }

    #[test]
    fn a_public_url_fits_into_a_header() {
        for good in [
            "http://127.0.0.1:8080",
            "https://mail.example.com",
            "https://example.com/tl",
            "http://[::1]:80",
        ] {
            assert_eq!(good.parse::<PublicUrl>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https://example.com/",
            "https://exa mple.com",
            "https://a>,<mailto:x",
            "https://example.com?x=1",
            "https://u@example.com",
            "https://bücher.example",
            "https://a\r\nBcc",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn relay_addresses_are_a_host_and_a_port() {
        for good in ["127.0.0.1:25", "[::1]:2525", "smtp.example.com:587"] {
            assert_eq!(good.parse::<RelayAddress>().unwrap().to_string(), good);
        }
        assert_eq!("[::1]:25".parse::<RelayAddress>().unwrap().host, "::1");
        for bad in [
            "",
            "smtp.example.com",
            ":25",
            "smtp.example.com:0",
            "smtp.example.com:99999",
            "a b:25",
            "::1:25",
        ] {
            assert!(bad.parse::<RelayAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_are_64_digits_and_do_not_show() {
        let digits = "00ff".repeat(16);
        let key: SecretKey = digits.parse().unwrap();
        assert_eq!(&key.bytes().unwrap()[..4], &[0, 255, 0, 255]);
        assert_eq!(format!("{key:?} {key}"), "[secret, 64 digits] [secret, 64 digits]");
        assert_eq!("".parse::<SecretKey>().unwrap().to_string(), "[empty]");
        for bad in ["0", "zz", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)]
        {
            let error = bad.parse::<SecretKey>().unwrap_err().to_string();
            assert!(
                error.contains("openssl rand -hex 32") && !error.contains(bad) || bad == "0",
                "{error}"
            );
        }
    }
}
