//! Tokens in links: sealed, so that they can be neither forged nor read.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::{ids::SendId, secret::Secret};

/// What a token may be used for. A token for one purpose does not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Ask for no more mail (RFC 8058 and the page behind it).
    Unsubscribe,
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::Unsubscribe => b'u',
        }
    }
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
        let plain = send.get().to_be_bytes();
        let head = [FORM, self.id];
        let mut mac = mac_with(self.nonce.expose());
        mac.update(&[purpose.byte()]);
        mac.update(&plain);
        let digest = mac.finalize().into_bytes();
        let nonce = Nonce::from_slice(&digest[..NONCE]);
        let aad = [FORM, self.id, purpose.byte()];
        let sealed = ChaCha20Poly1305::new(self.seal.expose().into())
            .encrypt(nonce, Payload { msg: &plain, aad: &aad })
            .expect("sealing eight bytes can't fail");
        let mut bytes = Vec::with_capacity(HEAD + NONCE + sealed.len());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The send a token was made for.
    ///
    /// # Errors
    /// Anything that is not, bit for bit, a token this key made for this purpose.
    pub fn open(&self, purpose: Purpose, token: &str) -> Result<SendId, TokenError> {
        if token.len() > 100 {
            return Err(TokenError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError)?;
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or(TokenError)?;
        if head != [FORM, self.id] {
            return Err(TokenError);
        }
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(TokenError)?;
        let aad = [FORM, self.id, purpose.byte()];
        let plain = ChaCha20Poly1305::new(self.seal.expose().into())
            .decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: &aad })
            .map_err(|_| TokenError)?;
        let number: [u8; 8] = plain.try_into().map_err(|_| TokenError)?;
        Ok(SendId::new(i64::from_be_bytes(number)))
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
        }
    }
}
