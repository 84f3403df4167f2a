//! E-mail addresses and the keyed hashes that stand for them.

use std::{fmt, str::FromStr};

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::{
    ids::{CompanyId, ParseIdError, PartnerId, VendorId},
    secret::Secret,
};

/// Why a text is no address that mail can be sent to. The text says what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing but white space.
    #[error("empty; expected an address like anna@example.com")]
    Empty,
    /// No `@`, or nothing on one side of it.
    #[error("expected one @ with a name before it and a domain after it")]
    Shape,
    /// More than 64 octets before the `@` (RFC 5321, 4.5.3.1.1).
    #[error("the part before the @ is longer than 64 octets (RFC 5321)")]
    LocalTooLong,
    /// More than 254 octets in all (RFC 5321, 4.5.3.1.3 less the angle brackets).
    #[error("longer than 254 octets (RFC 5321)")]
    TooLong,
    /// A character that may not stand before the `@` without quotes; quoted names are not accepted.
    #[error("the part before the @ has a space, a quote, a control character or a misplaced dot")]
    LocalCharacter,
    /// The domain does not turn into a valid host name with at least two labels.
    #[error("the domain is no valid host name with a dot in it (IDNA 2008)")]
    Domain,
}

/// A normalised address: composed (NFC), the domain in lower-case A-labels, the name in lower case.
///
/// Two spellings that reach the same mailbox in practice are equal. Quoted names, comments and
/// address literals are refused: no mailing list has a use for them, and every parser differs on them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    whole: String,
    at: usize,
}

impl EmailAddress {
    /// The normalised address.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.whole[..self.at]
    }

    /// The domain, in lower-case A-labels (`xn--…`).
    pub fn domain(&self) -> &str {
        &self.whole[self.at + 1..]
    }

    /// Whether the name needs SMTPUTF8 (RFC 6531); domains never do, they are A-labels.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local().is_ascii()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)
    }
}

impl fmt::Debug for EmailAddress {
    /// Masked, so that a debug print in a log leaks nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…@{}", self.domain())
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text: String = text.trim().nfc().collect();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Shape)?;
        if local.is_empty() || domain.is_empty() || local.contains('@') {
            return Err(AddressError::Shape);
        }
        let local = local.to_lowercase();
        if local.len() > 64 {
            return Err(AddressError::LocalTooLong);
        }
        let dots_fit = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
        if !dots_fit || !local.chars().all(may_stand_unquoted) {
            return Err(AddressError::LocalCharacter);
        }
        let domain = ascii_domain(domain).ok_or(AddressError::Domain)?;
        let whole = format!("{local}@{domain}");
        if whole.len() > 254 {
            return Err(AddressError::TooLong);
        }
        Ok(Self { at: local.len(), whole })
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.whole
    }
}

/// `atext` of RFC 5322 and the dot, and the letters and digits of RFC 6532.
fn may_stand_unquoted(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
    } else {
        c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
    }
}

fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    let labels_fit = ascii.split('.').all(|label| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    });
    let last = ascii.rsplit('.').next()?;
    let is_name = ascii.contains('.') && !last.bytes().all(|b| b.is_ascii_digit());
    (labels_fit && is_name).then_some(ascii)
}

/// The key under which addresses are hashed: 32 bytes, one per installation.
///
/// Whoever holds it can test a guessed address, so it is a secret; whoever loses it loses every
/// suppression, so it is kept with the book's backups.
#[derive(Clone, Debug)]
pub struct HashKey(Secret<[u8; 32]>);

impl HashKey {
    /// Wraps 32 bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The hash that stands for `address` inside `scope`.
    pub fn hash(&self, scope: HashScope<'_>, address: &EmailAddress) -> AddressHash {
        self.hash_text(scope, address.as_str())
    }

    /// The same for a text that is no valid address, so that a bad row still is one person.
    pub fn hash_text(&self, scope: HashScope<'_>, text: &str) -> AddressHash {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(self.0.expose())
            .expect("HMAC takes a key of any length");
        let (kind, id): (&[u8], &str) = match scope {
            HashScope::Everywhere => (b"everywhere", ""),
            HashScope::Vendor(vendor) => (b"vendor", vendor.as_str()),
            HashScope::Company(company) => (b"company", company.as_str()),
        };
        for part in [kind, id.as_bytes(), text.as_bytes()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        AddressHash::of_digest(&mac.finalize().into_bytes())
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Where a hash is valid. The same address has unrelated hashes in different scopes, so two vendors
/// can't compare what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashScope<'a> {
    /// The whole installation.
    Everywhere,
    /// One vendor's program: this hash is the person.
    Vendor(&'a VendorId),
    /// One company's lists.
    Company(&'a CompanyId),
}

/// The first 128 bits of HMAC-SHA-256 over scope and normalised address, as 32 hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressHash(String);

impl AddressHash {
    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands on the belt for "nothing of this partner about this topic to this address", of the
    /// address's hash for the partner's company. As secret as that is.
    #[must_use]
    pub fn about(&self, partner: &PartnerId, topic: &str) -> Self {
        let mut digest = Sha256::new();
        for part in [self.as_str(), partner.as_str(), topic] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self::of_digest(&digest.finalize())
    }

    /// The first 128 bits.
    fn of_digest(digest: &[u8]) -> Self {
        let mut hash = String::with_capacity(32);
        for byte in &digest[..16] {
            hash.push(char::from(HEX[usize::from(byte >> 4)]));
            hash.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Self(hash)
    }
}

impl fmt::Debug for AddressHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AddressHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AddressHash {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() == 32
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        fits.then(|| Self(text.to_owned())).ok_or_else(|| ParseIdError {
            expected: "an address hash: 32 hex digits",
            got: text.to_owned(),
        })
    }
}

impl TryFrom<String> for AddressHash {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AddressHash> for String {
    fn from(hash: AddressHash) -> Self {
        hash.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn spellings_of_one_mailbox_are_equal() {
        assert_eq!(address(" Anna.Meier@Example.COM "), address("anna.meier@example.com"));
        assert_eq!(address("info@BÜCHER.example"), address("info@xn--bcher-kva.example"));
        assert_eq!(address("jose\u{301}@example.org"), address("josé@example.org"));
        assert!(address("山田@例え.jp").needs_smtputf8());
        assert!(!address("yamada@例え.jp").needs_smtputf8());
        assert_eq!(address("a@b.example").domain(), "b.example");
    }

    #[test]
    fn what_mail_cannot_be_sent_to_is_refused_with_the_reason() {
        for (text, want) in [
            ("", AddressError::Empty),
            ("  ", AddressError::Empty),
            ("anna", AddressError::Shape),
            ("@example.com", AddressError::Shape),
            ("anna@", AddressError::Shape),
            ("a@b@example.com", AddressError::Shape),
            ("anna meier@example.com", AddressError::LocalCharacter),
            ("anna\r\nBcc: x@example.com", AddressError::LocalCharacter),
            ("\"a b\"@example.com", AddressError::LocalCharacter),
            (".anna@example.com", AddressError::LocalCharacter),
            ("an..na@example.com", AddressError::LocalCharacter),
            ("anna@localhost", AddressError::Domain),
            ("anna@exa mple.com", AddressError::Domain),
            ("anna@-x.example", AddressError::Domain),
            ("anna@[127.0.0.1]", AddressError::Domain),
            ("anna@127.0.0.1", AddressError::Domain),
            ("anna@example..com", AddressError::Domain),
        ] {
            assert_eq!(text.parse::<EmailAddress>().unwrap_err(), want, "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        assert_eq!(long.parse::<EmailAddress>().unwrap_err(), AddressError::LocalTooLong);
    }

    #[test]
    fn one_address_has_unrelated_hashes_in_unrelated_scopes() {
        let key = HashKey::new([7; 32]);
        let anna = address("anna@example.com");
        let a: VendorId = "ven_01j00000000000000000000000".parse().unwrap();
        let b: VendorId = "ven_01j00000000000000000000001".parse().unwrap();
        let in_a = key.hash(HashScope::Vendor(&a), &anna);
        assert_eq!(in_a, key.hash(HashScope::Vendor(&a), &address("ANNA@example.com")));
        assert_ne!(in_a, key.hash(HashScope::Vendor(&b), &anna));
        assert_ne!(in_a, key.hash(HashScope::Everywhere, &anna));
        assert_ne!(in_a, HashKey::new([8; 32]).hash(HashScope::Vendor(&a), &anna));
    }

    #[test]
    fn a_topic_of_a_partner_has_a_hash_of_its_own() {
        let anna: AddressHash = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let ben: AddressHash = "1123456789abcdef0123456789abcdef".parse().unwrap();
        let a: PartnerId = "par_01j00000000000000000000000".parse().unwrap();
        let b: PartnerId = "par_01j00000000000000000000001".parse().unwrap();
        let tips = anna.about(&a, "tips");
        assert_eq!(tips, anna.about(&a, "tips"));
        assert_eq!(tips.as_str().parse::<AddressHash>().unwrap(), tips);
        for other in [ben.about(&a, "tips"), anna.about(&b, "tips"), anna.about(&a, "tip"), anna] {
            assert_ne!(tips, other);
        }
    }

    #[test]
    fn debug_masks_the_name() {
        assert_eq!(format!("{:?}", address("anna@example.com")), "…@example.com");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{1,20}@[a-z]{1,10}\\.(example|test)") {
            if let Ok(once) = text.parse::<EmailAddress>() {
                prop_assert_eq!(&address(once.as_str()), &once);
                prop_assert!(!once.as_str().contains(['\r', '\n', '<', '>', ' ', '"']));
            }
        }
    }
}
