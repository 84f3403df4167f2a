//! The number under which the belt hands out a job.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::ParseIdError;

/// Epoch and counter of one hand-out; never used again. A job moves only under the number it is in
/// flight under, so what a dead worker says late moves nothing. Orders by epoch, then counter.
///
/// Written `epoch-counter`. The epoch fits 26 bits and the counter 37, so both fit a BIGINT.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimNumber {
    epoch: u32,
    counter: u64,
}

const COUNTER_BITS: u32 = 37;

impl ClaimNumber {
    /// The number of the `counter`-th hand-out of `epoch`.
    pub const fn new(epoch: u32, counter: u64) -> Self {
        Self { epoch, counter }
    }

    /// The epoch it was handed out in.
    pub const fn epoch(self) -> u32 {
        self.epoch
    }

    /// Its place among the epoch's hand-outs.
    pub const fn counter(self) -> u64 {
        self.counter
    }

    /// The form it is stored in: orders as the number itself does.
    pub const fn to_i64(self) -> i64 {
        ((self.epoch as i64) << COUNTER_BITS) | (self.counter as i64 & ((1 << COUNTER_BITS) - 1))
    }

    /// Reads the stored form.
    pub const fn from_i64(value: i64) -> Self {
        Self {
            epoch: (value >> COUNTER_BITS) as u32,
            counter: (value & ((1 << COUNTER_BITS) - 1)) as u64,
        }
    }
}

impl fmt::Display for ClaimNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.counter)
    }
}

impl fmt::Debug for ClaimNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ClaimNumber {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('-')
            .and_then(|(epoch, counter)| {
                Some(Self::new(epoch.parse().ok()?, counter.parse().ok()?))
            })
            .ok_or_else(|| ParseIdError {
                expected: "a claim number like 3-1042",
                got: text.to_owned(),
            })
    }
}

impl TryFrom<String> for ClaimNumber {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ClaimNumber> for String {
    fn from(claim: ClaimNumber) -> Self {
        claim.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stored_form_keeps_value_and_order(
            a in (0u32..1 << 26, 0u64..1 << 37),
            b in (0u32..1 << 26, 0u64..1 << 37),
        ) {
            let (a, b) = (ClaimNumber::new(a.0, a.1), ClaimNumber::new(b.0, b.1));
            prop_assert_eq!(ClaimNumber::from_i64(a.to_i64()), a);
            prop_assert_eq!(a.cmp(&b), a.to_i64().cmp(&b.to_i64()));
            prop_assert_eq!(a.to_string().parse::<ClaimNumber>().unwrap(), a);
        }
    }
}
