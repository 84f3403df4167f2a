//! Limits, written the way people say them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// `text` is no rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "expected a rate like \"100/s\", \"1_000/min\" or \"20000/h, burst 500\" (units: s, min, h, day), got \"{got}\""
)]
pub struct ParseRateError {
    /// What was given instead.
    pub got: String,
}

/// The unit a rate counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Per {
    Second,
    Minute,
    Hour,
    Day,
}

impl Per {
    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "day",
        }
    }
}

/// So many events per unit of time, and how many may come at once: `"100/s, burst 200"`.
///
/// Without `burst`, as many may come at once as the rate allows in one second, at least one.
/// The canonical form always names the burst and is part of the limit's key on the belt, so a
/// changed limit starts with a bucket of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RateSpec {
    count: u64,
    per: Per,
    burst: u64,
}

impl RateSpec {
    /// `count` a second, `burst` at once. Zero is taken as one.
    pub fn per_second(count: u64, burst: u64) -> Self {
        Self { count: count.max(1), per: Per::Second, burst: burst.max(1) }
    }

    /// The time one event stands for: `unit / count`, in whole microseconds, at least one.
    ///
    /// This is GCRA's emission interval; it is rounded up, so the limit is never exceeded.
    pub fn interval(&self) -> Duration {
        let unit_micros = self.per.seconds() * 1_000_000;
        Duration::from_micros(unit_micros.div_ceil(self.count).max(1))
    }

    /// How many may come at once.
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// Events a second, on average.
    pub fn per_second_f64(&self) -> f64 {
        self.count as f64 / self.per.seconds() as f64
    }
}

impl fmt::Display for RateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}, burst {}", self.count, self.per.unit(), self.burst)
    }
}

impl FromStr for RateSpec {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseRateError { got: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<RateSpec> {
    let (rate, burst) = match text.split_once(',') {
        Some((rate, burst)) => (rate, Some(burst)),
        None => (text, None),
    };
    let (count, unit) = rate.split_once('/')?;
    let count = number(count)?;
    let per = match unit.trim() {
        "s" | "sec" | "second" => Per::Second,
        "min" | "minute" => Per::Minute,
        "h" | "hr" | "hour" => Per::Hour,
        "d" | "day" => Per::Day,
        _ => return None,
    };
    let burst = match burst {
        Some(burst) => number(burst.trim().strip_prefix("burst")?)?,
        None => (count / per.seconds()).max(1),
    };
    Some(RateSpec { count, per, burst })
}

/// A whole number from 1 to 1,000,000,000; `_` may separate digits.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    let value = digits.parse().ok()?;
    (1..=1_000_000_000).contains(&value).then_some(value)
}

impl TryFrom<String> for RateSpec {
    type Error = ParseRateError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RateSpec> for String {
    fn from(rate: RateSpec) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> RateSpec {
        text.parse().unwrap()
    }

    #[test]
    fn people_s_spellings_have_one_canonical_form() {
        assert_eq!(rate("100/s").to_string(), "100/s, burst 100");
        assert_eq!(rate(" 1_000 / min ,burst 50").to_string(), "1000/min, burst 50");
        assert_eq!(rate("30/h").to_string(), "30/h, burst 1");
        assert_eq!(rate("100/s").interval(), Duration::from_millis(10));
        assert_eq!(rate("3/s").interval(), Duration::from_micros(333_334), "rounded up");
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "fast",
            "100",
            "100/fortnight",
            "0/s",
            "-1/s",
            "1.5/s",
            "5/s, 10",
            "5/s, burst 0",
            "_5/s",
        ] {
            let error = text.parse::<RateSpec>().unwrap_err();
            assert!(error.to_string().contains("like \"100/s\""), "{error}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_back(count in 1u64..1_000_000, burst in 1u64..1_000_000, unit in "(s|min|h|day)") {
            let spec = rate(&format!("{count}/{unit}, burst {burst}"));
            prop_assert_eq!(rate(&spec.to_string()), spec);
        }

        #[test]
        fn a_second_of_intervals_never_passes_the_rate(count in 1u64..1_000_000) {
            let spec = RateSpec::per_second(count, 1);
            prop_assert!(spec.interval().as_micros() as u64 * count >= 1_000_000);
        }
    }
}
