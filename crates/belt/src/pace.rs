//! What the other side's answers have made of limits, as it stands on the belt.

use std::time::Duration;

/// The whole rate is back after this without another word; `FULL_AFTER_US` of `lua/pace.lua`.
const FULL_AFTER_US: f64 = 120_000_000.0;

/// A provider that asked for less, or a relay that could not be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// `provider` or `relay`.
    pub of: String,
    /// Its name.
    pub name: String,
    /// The share of its rate that may go now, above 0 and at most 1.
    pub share: f64,
    /// How long nothing goes at all, of Redis time.
    pub rests: Duration,
    /// How often in a row the relay could not be used; 0 for one that works, and for providers.
    pub failures: u32,
}

impl Pace {
    /// Reads one as `lua/pace.lua` writes it; `None` when it is over, or was not written by this program.
    pub(crate) fn read(key: &str, text: &str, now_us: u64) -> Option<Self> {
        let (of, name) = key.split_once(' ')?;
        let mut parts = text.split(' ');
        let share: f64 = parts.next()?.parse().ok()?;
        let since: u64 = parts.next()?.parse().ok()?;
        let until: u64 = parts.nth(1)?.parse().ok()?;
        let failures = parts.next()?.parse().ok()?;
        let grown = now_us.saturating_sub(since) as f64 / FULL_AFTER_US;
        let share = (share + grown).min(1.0);
        let rests = Duration::from_micros(until.saturating_sub(now_us));
        let over = share >= 1.0 && rests.is_zero() && failures == 0;
        (!over).then(|| Self { of: of.to_owned(), name: name.to_owned(), share, rests, failures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_back_and_what_is_over_is_not_told() {
        let at = |now| Pace::read("provider gmail", "0.500000 1000000 0 6000000 0 0", now);
        let pace = at(1_000_000).expect("halved just now");
        assert_eq!((pace.of.as_str(), pace.name.as_str()), ("provider", "gmail"));
        assert_eq!((pace.share, pace.rests), (0.5, Duration::from_secs(5)));
        let pace = at(31_000_000).expect("still growing");
        assert_eq!((pace.share, pace.rests), (0.75, Duration::ZERO));
        assert_eq!(at(61_000_000), None);
        assert_eq!(Pace::read("relay main", "something else", 0), None);
    }
}
