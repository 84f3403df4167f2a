//! Decisions that look like chance and are the same for the same seed.

use std::time::Duration;

/// Answers questions about somebody: always the same one, whoever asks when.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    key: [u8; 32],
}

impl Draw {
    /// The answers of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self { key: blake3::derive_key("throughline sandbox recipients", &seed.to_be_bytes()) }
    }

    fn number(&self, question: &str, about: &[&str]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for text in std::iter::once(&question).chain(about) {
            // With their lengths: "ab", "c" is not "a", "bc".
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        let hash = hasher.finalize();
        u64::from_be_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
    }

    /// A number below 1,000.
    pub(super) fn per_mille(&self, question: &str, about: &[&str]) -> u32 {
        u32::try_from(self.number(question, about) % 1_000).expect("below 1,000")
    }

    /// True for `per_mille` of 1,000.
    pub(super) fn chance(&self, per_mille: u32, question: &str, about: &[&str]) -> bool {
        self.per_mille(question, about) < per_mille
    }

    /// A time between two others.
    pub(super) fn between(
        &self,
        (from, to): (Duration, Duration),
        question: &str,
        about: &[&str],
    ) -> Duration {
        from + to.saturating_sub(from) * self.per_mille(question, about) / 1_000
    }

    /// One of `choices` by their shares, which add up to 1,000.
    pub(super) fn choose<'a, T>(
        &self,
        choices: &'a [T],
        share: impl Fn(&T) -> u32,
        question: &str,
        about: &[&str],
    ) -> &'a T {
        let lot = self.per_mille(question, about);
        let mut up_to = 0;
        choices
            .iter()
            .find(|choice| {
                up_to += share(choice);
                lot < up_to
            })
            .expect("the shares add up to 1,000")
    }
}
