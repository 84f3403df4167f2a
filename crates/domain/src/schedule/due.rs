//! When a step is due: so long after the start of its activation, or so long before or after an event.

use std::{fmt, str::FromStr};

use jiff::{
    Span, Timestamp, Zoned,
    civil::{Time, time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use super::{DAY, Offset};
use crate::{ids::ParseIdError, time::UtcMillis};

/// A time of day on the recipient's clock: `"09:00"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl TimeOfDay {
    const fn time(self) -> Time {
        time(self.hour, self.minute, 0, 0)
    }
}

impl FromStr for TimeOfDay {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (hour, minute) = text.split_once(':')?;
            let is_plain = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            if !is_plain(hour) || !is_plain(minute) {
                return None;
            }
            let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(Self { hour, minute })
        };
        read().ok_or_else(|| ParseIdError {
            expected: "a time of day like \"09:00\"",
            got: text.to_owned(),
        })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// When a step is due.
///
/// A start is a moment, the same for every recipient, so from a start `"3d"` is 72 hours. An event is
/// an appointment on a calendar, so `"T-1d"` is the day before at the same time of the recipient's
/// clock, whatever daylight saving does in between. A time of day is the recipient's in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Due {
    /// So long after the start: `"0"`, `"36h"`, `"3d"`, `"3d 09:00"`.
    AfterStart {
        /// How long.
        offset: Offset,
        /// The time of the day that is so many days after the start; only with whole days.
        at: Option<TimeOfDay>,
    },
    /// So long before the event: `"T-14d"`, `"T-1d 09:00"`.
    BeforeEvent {
        /// How long.
        offset: Offset,
        /// As above.
        at: Option<TimeOfDay>,
    },
    /// At the event or after it: `"T"`, `"T+2h"`, `"T+1d 10:00"`.
    AfterEvent {
        /// How long.
        offset: Offset,
        /// As above.
        at: Option<TimeOfDay>,
    },
}

impl Due {
    /// At the start.
    pub const START: Self = Self::AfterStart { offset: Offset::ZERO, at: None };

    /// Whether it is measured from the event, not from the start.
    pub const fn is_from_event(self) -> bool {
        !matches!(self, Self::AfterStart { .. })
    }

    /// The offset from the start, if it is measured from there. A time of day is not in it.
    pub const fn offset(self) -> Option<Offset> {
        match self {
            Self::AfterStart { offset, .. } => Some(offset),
            _ => None,
        }
    }

    /// The moment a step is due for a recipient in `zone`; `anchor` is the start of the activation,
    /// or the event if [`Due::is_from_event`].
    ///
    /// A time of day that a clock change leaves out is taken as long after it as it was left out, and
    /// one that comes twice is the first of the two. A step is never due before the start it is
    /// measured from: `"0 09:00"` of an activation that starts at noon is the next morning.
    pub fn moment(self, anchor: UtcMillis, zone: &TimeZone) -> UtcMillis {
        let (offset, at, is_before) = match self {
            Self::AfterStart { offset, at } | Self::AfterEvent { offset, at } => {
                (offset, at, false)
            }
            Self::BeforeEvent { offset, at } => (offset, at, true),
        };
        let exact = match is_before {
            true => anchor.minus(offset.duration()),
            false => anchor.plus(offset.duration()),
        };
        let Some(days) = offset.days() else { return exact };
        let Ok(start) = Timestamp::from_millisecond(anchor.get()) else { return exact };
        let local = start.to_zoned(zone.clone());
        let days = Span::new().days(if is_before { -days } else { days });
        let on_that_day = |at: TimeOfDay, more: i64| -> Option<Zoned> {
            let day = local.date().checked_add(days).ok()?;
            let day = day.checked_add(Span::new().days(more)).ok()?;
            day.to_datetime(at.time()).to_zoned(zone.clone()).ok()
        };
        let due = match at {
            Some(at) if self.is_from_event() => on_that_day(at, 0),
            Some(at) => on_that_day(at, 0)
                .filter(|due| due.timestamp() >= start)
                .or_else(|| on_that_day(at, 1)),
            None if self.is_from_event() => local.checked_add(days).ok(),
            None => None,
        };
        due.map_or(exact, |due| due.timestamp().into())
    }
}

/// What [`Due`] reads, for messages.
const EXPECTED: &str = "an offset like \"0\", \"36h\", \"3d\" or \"3d 09:00\", up to 730d, or from an event \"T-14d 09:00\", \"T\" or \"T+2h\"";

impl FromStr for Due {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseIdError { expected: EXPECTED, got: text.to_owned() };
        let (distance, at) = match text.split_once(' ') {
            Some((distance, at)) => {
                (distance, Some(at.parse::<TimeOfDay>().map_err(|_| refuse())?))
            }
            None => (text, None),
        };
        let offset = |text: &str| text.parse::<Offset>().map_err(|_| refuse());
        let due = match distance.strip_prefix('T') {
            None => Self::AfterStart { offset: offset(distance)?, at },
            Some("") => Self::AfterEvent { offset: Offset::ZERO, at },
            Some(rest) => match (rest.strip_prefix('-'), rest.strip_prefix('+')) {
                (Some(before), _) => Self::BeforeEvent { offset: offset(before)?, at },
                (_, Some(after)) => Self::AfterEvent { offset: offset(after)?, at },
                _ => return Err(refuse()),
            },
        };
        let (Self::AfterStart { offset, .. }
        | Self::BeforeEvent { offset, .. }
        | Self::AfterEvent { offset, .. }) = due;
        // Half a day and a time of day contradict each other.
        if at.is_some() && offset.days().is_none() { Err(refuse()) } else { Ok(due) }
    }
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match self {
            Self::AfterStart { offset, at } => {
                write!(f, "{offset}")?;
                at
            }
            Self::BeforeEvent { offset, at } => {
                write!(f, "T-{offset}")?;
                at
            }
            Self::AfterEvent { offset, at } if *offset == Offset::ZERO => {
                f.write_str("T")?;
                at
            }
            Self::AfterEvent { offset, at } => {
                write!(f, "T+{offset}")?;
                at
            }
        };
        at.map_or(Ok(()), |at| write!(f, " {at}"))
    }
}

impl TryFrom<String> for Due {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Due> for String {
    fn from(due: Due) -> Self {
        due.to_string()
    }
}

impl From<Offset> for Due {
    fn from(offset: Offset) -> Self {
        Self::AfterStart { offset, at: None }
    }
}

impl Offset {
    /// No time at all.
    pub const ZERO: Self = Self(std::time::Duration::ZERO);

    /// The offset in days, if it is of whole ones.
    pub fn days(self) -> Option<i64> {
        let seconds = self.0.as_secs();
        seconds.is_multiple_of(DAY).then(|| i64::try_from(seconds / DAY).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> UtcMillis {
        text.parse::<Timestamp>().unwrap().into()
    }

    fn moment(due: &str, anchor: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        due.parse::<Due>().unwrap().moment(at(anchor), &zone).to_string()
    }

    #[test]
    fn rules_read_as_people_write_them() {
        for text in [
            "0",
            "90min",
            "36h",
            "3d",
            "3d 09:00",
            "0 18:30",
            "T",
            "T 08:00",
            "T-14d",
            "T-14d 09:00",
            "T-90min",
            "T+2h",
            "T+1d 23:59",
        ] {
            assert_eq!(text.parse::<Due>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "T-",
            "T+",
            "T*1d",
            "t-1d",
            "T-731d",
            "-1d",
            "3d 9:00",
            "3d 24:00",
            "3d 09:60",
            "3d  09:00",
            "3d 09:00 ",
            "36h 09:00",
            "T-2h 09:00",
            "3d +9:00",
            "T--1d",
            "T-+1d",
        ] {
            assert!(bad.parse::<Due>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn from_a_start_days_are_hours_and_a_time_of_day_is_the_recipients() {
        // Clocks in Vienna go back on 2026-10-25 at 03:00.
        let start = "2026-10-23T10:00:00Z";
        assert_eq!(moment("3d", start, "Europe/Vienna"), "2026-10-26T10:00:00Z");
        assert_eq!(moment("3d 09:00", start, "Europe/Vienna"), "2026-10-26T08:00:00Z");
        assert_eq!(moment("1d 09:00", start, "Europe/Vienna"), "2026-10-24T07:00:00Z");
        assert_eq!(moment("1d 09:00", start, "Asia/Tokyo"), "2026-10-24T00:00:00Z");
        assert_eq!(moment("1d 09:00", start, "America/New_York"), "2026-10-24T13:00:00Z");
    }

    #[test]
    fn nothing_is_due_before_its_start() {
        let start = "2026-10-23T10:00:00Z";
        assert_eq!(moment("0 09:00", start, "Europe/Vienna"), "2026-10-24T07:00:00Z");
        assert_eq!(moment("0 18:00", start, "Europe/Vienna"), "2026-10-23T16:00:00Z");
    }

    #[test]
    fn days_before_an_event_keep_its_time_of_day() {
        let event = "2026-10-26T09:00:00Z"; // 10:00 in Vienna, after the change.
        assert_eq!(moment("T-2d", event, "Europe/Vienna"), "2026-10-24T08:00:00Z");
        assert_eq!(moment("T-48h", event, "Europe/Vienna"), "2026-10-24T08:00:00Z");
        assert_eq!(moment("T-47h", event, "Europe/Vienna"), "2026-10-24T10:00:00Z");
        assert_eq!(moment("T-14d 09:00", event, "Europe/Vienna"), "2026-10-12T07:00:00Z");
        assert_eq!(moment("T+2h", event, "Europe/Vienna"), "2026-10-26T11:00:00Z");
        assert_eq!(moment("T", event, "Europe/Vienna"), event);
    }

    #[test]
    fn the_day_of_an_event_is_the_recipients() {
        let event = "2026-12-03T22:00:00Z"; // The 3rd in Vienna, the 4th in Tokyo.
        assert_eq!(moment("T 08:00", event, "Europe/Vienna"), "2026-12-03T07:00:00Z");
        assert_eq!(moment("T 08:00", event, "Asia/Tokyo"), "2026-12-03T23:00:00Z");
    }

    #[test]
    fn times_that_a_clock_change_leaves_out_or_repeats_are_one_moment() {
        // 2026-03-29, 02:00 to 03:00 does not exist in Vienna.
        assert_eq!(
            moment("1d 02:30", "2026-03-28T08:00:00Z", "Europe/Vienna"),
            "2026-03-29T01:30:00Z"
        );
        // 2026-10-25, 02:00 to 03:00 comes twice.
        assert_eq!(
            moment("1d 02:30", "2026-10-24T08:00:00Z", "Europe/Vienna"),
            "2026-10-25T00:30:00Z"
        );
        assert_eq!(moment("T-1d", "2026-03-30T00:30:00Z", "Europe/Vienna"), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn the_ends_of_time_stay_in_it() {
        let zone = TimeZone::get("Pacific/Kiritimati").unwrap();
        for due in ["730d", "730d 09:00", "T-730d 09:00", "T+730d"] {
            for anchor in [i64::MIN, i64::MAX, 253_402_207_200_000, -377_705_023_201_000] {
                due.parse::<Due>().unwrap().moment(UtcMillis::new(anchor), &zone);
            }
        }
    }

    proptest! {
        #[test]
        fn a_time_of_day_is_on_the_recipients_clock_unless_it_does_not_exist(
            days in 0_i64..700, hour in 0_i8..24, minute in 0_i8..60,
            start in 1_500_000_000_000_i64..2_500_000_000_000,
            zone in prop::sample::select(vec!["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let anchor = UtcMillis::new(start);
            let due: Due = format!("{days}d {hour:02}:{minute:02}").parse().unwrap();
            let moment = due.moment(anchor, &zone);
            prop_assert!(moment >= anchor);
            let local = Timestamp::from_millisecond(moment.get()).unwrap().to_zoned(zone.clone());
            let wanted = time(hour, minute, 0, 0);
            let is_in_gap = zone.to_ambiguous_timestamp(local.date().to_datetime(wanted)).offset();
            if !matches!(is_in_gap, jiff::tz::AmbiguousOffset::Gap { .. }) {
                prop_assert_eq!(local.time(), wanted);
            }
        }
    }
}
