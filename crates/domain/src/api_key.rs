//! Keys of the API: what a program shows to say for whom it asks.
//!
//! A key is `tlk_` with the id of its row, and 64 hex digits that nobody but its owner has:
//! `tlk_01j0000000000000000000000_5b1f…`. The id may be shown, logged and listed; the digits are 256
//! random bits, so a plain hash of them is enough to keep.

use std::{fmt, str::FromStr};

use crate::{
    ids::{ApiKeyId, ParseIdError},
    secret::Secret,
};

/// Random bytes in a key.
pub const SECRET_BYTES: usize = 32;

/// What the hash of a key is made for, so that it is no hash of anything else.
const PURPOSE: &str = "throughline 2026-11 api key";

const EXPECTED: &str = "a key like tlk_01j0000000000000000000000_ and 64 hex digits";

/// A key as its owner has it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The part that may be shown.
    pub id: ApiKeyId,
    secret: Secret<[u8; SECRET_BYTES]>,
}

impl ApiKey {
    /// A key from random bytes.
    pub const fn new(id: ApiKeyId, secret: [u8; SECRET_BYTES]) -> Self {
        Self { id, secret: Secret::new(secret) }
    }

    /// The whole key, for its owner, once.
    pub fn text(&self) -> Secret<String> {
        let digits = blake3::Hash::from_bytes(*self.secret.expose()).to_hex();
        Secret::new(format!("{}_{digits}", self.id))
    }

    /// What is kept of it.
    pub fn hash(&self) -> ApiKeyHash {
        let mut hasher = blake3::Hasher::new_derive_key(PURPOSE);
        hasher.update(self.id.as_str().as_bytes());
        hasher.update(self.secret.expose());
        ApiKeyHash(hasher.finalize())
    }
}

impl FromStr for ApiKey {
    type Err = ParseIdError;

    /// The text of what was given is not repeated in the error: it may be a key with a slip.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseIdError { expected: EXPECTED, got: "something else".to_owned() };
        let (id, digits) = text.rsplit_once('_').ok_or_else(refused)?;
        let id: ApiKeyId = id.parse().map_err(|_| refused())?;
        // One key has one spelling.
        let is_small = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let secret =
            blake3::Hash::from_hex(digits).ok().filter(|_| is_small).ok_or_else(refused)?;
        Ok(Self::new(id, *secret.as_bytes()))
    }
}

/// What is kept of a key. Comparing takes the same time whatever differs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyHash(blake3::Hash);

impl fmt::Display for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ApiKeyHash {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(Self).map_err(|_| ParseIdError {
            expected: "a key's hash: 64 hex digits",
            got: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fill: u8) -> ApiKey {
        let id = "tlk_01j00000000000000000000000".parse().unwrap();
        ApiKey::new(id, [fill; SECRET_BYTES])
    }

    #[test]
    fn a_key_survives_being_handed_over_and_does_not_show() {
        let text = key(7).text();
        let read: ApiKey = text.expose().parse().unwrap();
        assert_eq!((read.id.clone(), read.hash()), (key(7).id, key(7).hash()));
        assert!(!format!("{read:?} {text:?}").contains("0707"));
        assert_eq!(key(7).hash().to_string().parse(), Ok(key(7).hash()));
    }

    #[test]
    fn another_secret_or_another_id_is_another_hash() {
        assert_ne!(key(7).hash(), key(8).hash());
        let other = ApiKey::new("tlk_01j00000000000000000000001".parse().unwrap(), [7; 32]);
        assert_ne!(key(7).hash(), other.hash());
        assert_ne!(key(7).hash().to_string(), blake3::hash(&[7; 32]).to_hex().to_string());
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let good = key(0xab).text().expose().clone();
        for bad in [
            "",
            "tlk_",
            "Bearer",
            &good[..good.len() - 1],
            &format!("{good}0"),
            &good.replace("tlk_", "act_"),
            &good.replace("ab", "AB"),
            &good.replace("ab", "zz"),
        ] {
            let error = bad.parse::<ApiKey>().unwrap_err().to_string();
            assert!(
                error.contains("expected a key like tlk_") && !error.contains("abab"),
                "{error}"
            );
        }
    }
}
