//! How often an always-on package comes round.

use std::{fmt, str::FromStr};

use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{ids::ParseIdError, time::UtcMillis};

/// How often an always-on package comes round: `"1w"`, `"2w"`, `"1mo"`, `"3mo"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// So many weeks, 1 to 52.
    Weeks(u8),
    /// So many months, 1 to 12.
    Months(u8),
}

impl Period {
    /// When occurrence number `occurrence` (from 0) begins, for an activation that started at `start`
    /// where clocks show the time of `zone`.
    ///
    /// It begins at the same time of day, and on the same day of the week or month; on the last day
    /// of a month that has no such day. `None` past the end of the calendar.
    pub fn begin_of(self, occurrence: u32, start: UtcMillis, zone: &TimeZone) -> Option<UtcMillis> {
        let local = Timestamp::from_millisecond(start.get()).ok()?.to_zoned(zone.clone());
        let times = |count: u8| i64::from(count) * i64::from(occurrence);
        let span = match self {
            Self::Weeks(count) => Span::new().try_weeks(times(count)).ok()?,
            Self::Months(count) => Span::new().try_months(times(count)).ok()?,
        };
        Some(local.checked_add(span).ok()?.timestamp().into())
    }
}

impl FromStr for Period {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let count: u8 = text[..digits].parse().ok()?;
            match (&text[digits..], count) {
                ("w", 1..=52) => Some(Self::Weeks(count)),
                ("mo", 1..=12) => Some(Self::Months(count)),
                _ => None,
            }
        };
        read().ok_or_else(|| ParseIdError {
            expected: "a period like \"1w\", \"2w\", \"1mo\" or \"3mo\", up to 52w or 12mo",
            got: text.to_owned(),
        })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weeks(count) => write!(f, "{count}w"),
            Self::Months(count) => write!(f, "{count}mo"),
        }
    }
}

impl TryFrom<String> for Period {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_read_as_people_write_them() {
        for text in ["1w", "2w", "52w", "1mo", "3mo", "12mo"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for bad in ["", "w", "0w", "53w", "13mo", "1m", "1 w", "-1w", "1d", "300w"] {
            assert!(bad.parse::<Period>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn occurrences_keep_their_day_and_their_time_of_day() {
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let start: UtcMillis = "2026-01-31T08:00:00Z".parse::<Timestamp>().unwrap().into();
        let begin = |period: &str, occurrence| {
            period
                .parse::<Period>()
                .unwrap()
                .begin_of(occurrence, start, &zone)
                .unwrap()
                .to_string()
        };
        assert_eq!(begin("1mo", 0), "2026-01-31T08:00:00Z");
        assert_eq!(begin("1mo", 1), "2026-02-28T08:00:00Z");
        assert_eq!(
            begin("1mo", 2),
            "2026-03-31T07:00:00Z",
            "counted from the start, in summer time"
        );
        assert_eq!(begin("2w", 5), "2026-04-11T07:00:00Z");
        assert_eq!(begin("3mo", 4), "2027-01-31T08:00:00Z");
        let period: Period = "12mo".parse().unwrap();
        assert_eq!(period.begin_of(u32::MAX, start, &zone), None);
    }
}
