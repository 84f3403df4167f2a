//! When a step is due and when a deferred send is tried again.

mod due;
mod period;

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::{
    due::{Due, TimeOfDay},
    period::Period,
};
use crate::ids::ParseIdError;

/// How long after the start of its activation a step is due: `"0"`, `"90min"`, `"36h"`, `"3d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Offset(Duration);

impl Offset {
    /// The offset as a duration, whole minutes.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl FromStr for Offset {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseIdError {
            expected: "an offset like \"0\", \"90min\", \"36h\" or \"3d\", up to 730d",
            got: text.to_owned(),
        };
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = text[..digits].parse().map_err(|_| refuse())?;
        let unit = match &text[digits..] {
            "min" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            _ => return Err(refuse()),
        };
        match count.checked_mul(unit) {
            Some(seconds) if seconds <= 730 * DAY => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0 => f.write_str("0"),
            s if s % DAY == 0 => write!(f, "{}d", s / DAY),
            s if s % HOUR == 0 => write!(f, "{}h", s / HOUR),
            s => write!(f, "{}min", s / MINUTE),
        }
    }
}

impl TryFrom<String> for Offset {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Offset> for String {
    fn from(offset: Offset) -> Self {
        offset.to_string()
    }
}

/// How long to wait before try number `attempts + 1`, spread so that deferred sends don't come back
/// as one wave. `spread` is a number from 0 to 1 that stays the same for one send.
///
/// 1 min, 5 min, 15 min, 30 min, then hourly, each 0.75 to 1.25 times as long. RFC 5321 section
/// 4.5.4.1 asks for 30 minutes between tries in general and for shorter ones in the beginning.
pub fn retry_after(attempts: u32, spread: f64) -> Duration {
    let minutes: f64 = match attempts {
        0 => 1.0,
        1 => 5.0,
        2 => 15.0,
        3 => 30.0,
        _ => 60.0,
    };
    Duration::from_secs_f64(minutes * 60.0 * (0.75 + 0.5 * spread.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_read_as_people_write_them() {
        for text in ["0", "90min", "36h", "3d"] {
            assert_eq!(text.parse::<Offset>().unwrap().to_string(), text);
        }
        assert_eq!("24h".parse::<Offset>().unwrap().to_string(), "1d");
        for bad in ["", "3", "3w", "-1d", "d", "731d", "99999999999999999999d"] {
            assert!(bad.parse::<Offset>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn waits_grow_and_spread() {
        assert_eq!(retry_after(0, 0.5), Duration::from_secs(60));
        assert_eq!(retry_after(9, 0.0), Duration::from_secs(45 * 60));
        assert!(retry_after(9, 7.0) <= Duration::from_secs(75 * 60));
    }
}
