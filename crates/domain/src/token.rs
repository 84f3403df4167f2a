//! Tokens in links: sealed, so that they can be neither forged nor read.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::{ids::SendId, link_targets::TargetsId, secret::Secret};

/// What a token may be used for. A token for one purpose does not open for another: who was forwarded a link
/// to read a page must not be able to unsubscribe with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Ask for no more mail (RFC 8058 and the page behind it).
    Unsubscribe,
    /// Choose what mail to get.
    Preferences,
    /// Read the message as a page.
    View,
    /// Launch what a partner is invited to launch; see the invitation's mail.
    Invitation,
    /// Ask for the image that says that the message was opened.
    Open,
    /// Follow a link of the message; see [`ClickToken`].
    Click,
}

impl Purpose {
    /// Every purpose there is.
    pub const ALL: [Self; 6] = [
        Self::Unsubscribe,
        Self::Preferences,
        Self::View,
        Self::Invitation,
        Self::Open,
        Self::Click,
    ];

    const fn byte(self) -> u8 {
        match self {
            Self::Unsubscribe => b'u',
            Self::Preferences => b'p',
            Self::View => b'v',
            Self::Invitation => b'i',
            Self::Open => b'o',
            Self::Click => b'c',
        }
    }
}

/// What is sealed in the links of a message: with the number of a link it says where that leads, so that
/// following it needs no row of the send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClickToken {
    /// The send.
    pub send: SendId,
    /// Where its links lead. Sealed together with the send: nobody can give one message the links of
    /// another.
    pub targets: TargetsId,
}

/// The text is no token of ours, or not for this purpose. Says no more, to tell a forger nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a valid link")]
pub struct TokenError;

/// The key that seals tokens: 32 bytes, the same in every process of an installation.
///
/// Links in mail that was sent stop working when it is lost; a law wants them to work for 60 days.
#[derive(Debug, Clone)]
pub struct LinkKey {
    id: u8,
    seal: Secret<[u8; 32]>,
    nonce: Secret<[u8; 32]>,
}

const FORM: u8 = 1;
const HEAD: usize = 2;
const NONCE: usize = 12;
/// Longer than any token: nothing larger is decoded.
const MOST_CHARACTERS: usize = 100;

impl LinkKey {
    /// Derives the working keys from 32 secret bytes. `id` stands in the token, so that a later key
    /// can be told from this one.
    pub fn new(id: u8, bytes: &[u8; 32]) -> Self {
        Self {
            id,
            seal: Secret::new(derive(bytes, b"throughline link seal")),
            nonce: Secret::new(derive(bytes, b"throughline link nonce")),
        }
    }

    /// The token for `send` and `purpose`: 51 URL-safe characters, always the same ones, so that a
    /// message that is sent again is the same message.
    pub fn seal(&self, purpose: Purpose, send: SendId) -> String {
        self.seal_bytes(purpose, &send.get().to_be_bytes())
    }

    /// The token for the links of a message: 72 URL-safe characters, always the same ones.
    pub fn seal_click(&self, click: &ClickToken) -> String {
        let mut plain = [0; 8 + TargetsId::BYTES];
        plain[..8].copy_from_slice(&click.send.get().to_be_bytes());
        plain[8..].copy_from_slice(click.targets.as_bytes());
        self.seal_bytes(Purpose::Click, &plain)
    }

    /// The send a token was made for.
    ///
    /// # Errors
    /// Anything that is not, bit for bit, a token this key made for this purpose.
    pub fn open(&self, purpose: Purpose, token: &str) -> Result<SendId, TokenError> {
        let plain = self.open_bytes(purpose, token)?;
        let number: [u8; 8] = plain.try_into().map_err(|_| TokenError)?;
        Ok(SendId::new(i64::from_be_bytes(number)))
    }

    /// What a token of [`LinkKey::seal_click`] was made for.
    ///
    /// # Errors
    /// As [`LinkKey::open`].
    pub fn open_click(&self, token: &str) -> Result<ClickToken, TokenError> {
        let plain = self.open_bytes(Purpose::Click, token)?;
        let (send, targets) = plain.split_first_chunk::<8>().ok_or(TokenError)?;
        let targets: [u8; TargetsId::BYTES] = targets.try_into().map_err(|_| TokenError)?;
        Ok(ClickToken {
            send: SendId::new(i64::from_be_bytes(*send)),
            targets: TargetsId::from_bytes(targets),
        })
    }

    fn seal_bytes(&self, purpose: Purpose, plain: &[u8]) -> String {
        let mut mac = mac_with(self.nonce.expose());
        mac.update(&[purpose.byte()]);
        mac.update(plain);
        let digest = mac.finalize().into_bytes();
        let nonce = Nonce::from_slice(&digest[..NONCE]);
        let aad = [FORM, self.id, purpose.byte()];
        let sealed = ChaCha20Poly1305::new(self.seal.expose().into())
            .encrypt(nonce, Payload { msg: plain, aad: &aad })
            .expect("sealing a few bytes can't fail");
        let mut bytes = Vec::with_capacity(HEAD + NONCE + sealed.len());
        bytes.extend_from_slice(&[FORM, self.id]);
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open_bytes(&self, purpose: Purpose, token: &str) -> Result<Vec<u8>, TokenError> {
        if token.len() > MOST_CHARACTERS {
            return Err(TokenError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError)?;
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or(TokenError)?;
        if head != [FORM, self.id] {
            return Err(TokenError);
        }
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(TokenError)?;
        let aad = [FORM, self.id, purpose.byte()];
        ChaCha20Poly1305::new(self.seal.expose().into())
            .decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: &aad })
            .map_err(|_| TokenError)
    }
}

fn mac_with(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn derive(key: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut mac = mac_with(key);
    mac.update(label);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> LinkKey {
        LinkKey::new(1, &[9; 32])
    }

    #[test]
    fn a_token_is_short_and_always_the_same() {
        let token = key().seal(Purpose::Unsubscribe, SendId::new(42));
        assert_eq!(token, key().seal(Purpose::Unsubscribe, SendId::new(42)));
        assert_eq!(token.len(), 51, "{token}");
        assert_ne!(token, LinkKey::new(1, &[8; 32]).seal(Purpose::Unsubscribe, SendId::new(42)));
    }

    #[test]
    fn a_link_that_was_mailed_by_the_first_version_still_opens() {
        // Sealed before there was more than one purpose.
        let mailed = "AQGGx4CuZ4ZvdWx_ck2o0SI9ZxjypIxjrwAtocFXdfIkMT1qbvI";
        assert_eq!(key().seal(Purpose::Unsubscribe, SendId::new(42)), mailed);
        assert_eq!(key().open(Purpose::Unsubscribe, mailed), Ok(SendId::new(42)));
    }

    fn click(send: i64, targets: u8) -> ClickToken {
        let targets = TargetsId::from_bytes([targets; TargetsId::BYTES]);
        ClickToken { send: SendId::new(send), targets }
    }

    #[test]
    fn the_token_of_links_is_short_enough_for_a_line_of_mail() {
        let token = key().seal_click(&click(42, 7));
        assert_eq!(token.len(), 72, "{token}");
        assert_eq!(token, key().seal_click(&click(42, 7)));
        assert_ne!(token, key().seal_click(&click(42, 8)));
    }

    #[test]
    fn every_purpose_has_a_byte_of_its_own() {
        let bytes: std::collections::BTreeSet<u8> =
            Purpose::ALL.into_iter().map(Purpose::byte).collect();
        assert_eq!(bytes.len(), Purpose::ALL.len());
    }

    #[test]
    fn another_key_does_not_open_it() {
        let token = key().seal(Purpose::Unsubscribe, SendId::new(42));
        assert!(LinkKey::new(1, &[8; 32]).open(Purpose::Unsubscribe, &token).is_err());
        assert!(LinkKey::new(2, &[9; 32]).open(Purpose::Unsubscribe, &token).is_err());
    }

    proptest! {
        #[test]
        fn opens_to_what_was_sealed(send in 0..=i64::MAX) {
            let token = key().seal(Purpose::Unsubscribe, SendId::new(send));
            prop_assert_eq!(key().open(Purpose::Unsubscribe, &token), Ok(SendId::new(send)));
        }

        #[test]
        fn for_another_purpose_it_does_not_open(send in 0..=i64::MAX, targets in 0u8..) {
            for made_for in Purpose::ALL {
                let token = key().seal(made_for, SendId::new(send));
                for asked_for in Purpose::ALL {
                    let opened = key().open(asked_for, &token);
                    prop_assert_eq!(opened.is_ok(), made_for == asked_for);
                }
                // A token of another form is no token for links, even one with the byte of its purpose.
                prop_assert_eq!(key().open_click(&token), Err(TokenError));
            }
            let token = key().seal_click(&click(send, targets));
            prop_assert_eq!(key().open_click(&token), Ok(click(send, targets)));
            for asked_for in Purpose::ALL {
                prop_assert_eq!(key().open(asked_for, &token), Err(TokenError));
            }
        }

        #[test]
        fn halves_of_two_tokens_make_none(one in 0..=i64::MAX, other in 0..=i64::MAX, at in 1usize..53) {
            prop_assume!(one != other);
            let [one, other] = [click(one, 1), click(other, 2)]
                .map(|click| URL_SAFE_NO_PAD.decode(key().seal_click(&click)).unwrap());
            let mixed = [&one[..at], &other[at..]].concat();
            prop_assume!(mixed != one && mixed != other);
            prop_assert_eq!(key().open_click(&URL_SAFE_NO_PAD.encode(mixed)), Err(TokenError));
        }

        #[test]
        fn one_flipped_bit_closes_the_token_of_links(send in 0..=i64::MAX, bit in 0usize..54 * 8) {
            let mut bytes = URL_SAFE_NO_PAD.decode(key().seal_click(&click(send, 3))).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let forged = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(key().open_click(&forged), Err(TokenError));
        }

        #[test]
        fn one_flipped_bit_closes_it(send in 0..=i64::MAX, bit in 0usize..38 * 8) {
            let token = key().seal(Purpose::Unsubscribe, SendId::new(send));
            let mut bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let forged = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(key().open(Purpose::Unsubscribe, &forged), Err(TokenError));
        }

        #[test]
        fn whatever_is_said_it_does_not_panic(text in "\\PC{0,120}") {
            prop_assert_eq!(key().open(Purpose::Unsubscribe, &text), Err(TokenError));
            prop_assert_eq!(key().open_click(&text), Err(TokenError));
        }
    }
}
