//! A moment in a slot, with its time zone (RFC 9557): `2026-12-03T10:00[Europe/Vienna]`.

use jiff::{
    Zoned,
    civil::DateTime,
    fmt::temporal::DateTimeParser,
    tz::{AmbiguousOffset, OffsetConflict, TimeZone},
};

use super::Misfit;
use crate::clean::clean;

const EXPECTED: &str = "a moment with its zone like `2026-12-03T10:00[Europe/Vienna]`";

/// Reads a moment. One that a clock change leaves out or repeats is explained, not guessed.
pub(super) fn read(text: &str) -> Result<Zoned, Misfit> {
    let refuse = |message: String| (message, EXPECTED.to_owned());
    let shown = clean(text, 80).into_owned();
    let (moment, zone_name) = text
        .strip_suffix(']')
        .and_then(|text| text.split_once('['))
        .filter(|(_, zone)| !zone.contains('['))
        .ok_or_else(|| refuse(format!("`{shown}` has no time zone in `[…]`")))?;
    let has_name = zone_name.starts_with(|c: char| c.is_ascii_alphabetic());
    let zone = TimeZone::get(zone_name)
        .ok()
        .filter(|_| has_name)
        .ok_or_else(|| refuse(format!("there is no time zone `{}`", clean(zone_name, 60))))?;
    let Some((_, time)) = moment.split_once(['T', ' ']) else {
        return Err(refuse(format!("`{shown}` has no time of day")));
    };
    if time.contains(['+', '-', 'Z', 'z']) {
        static PARSER: DateTimeParser =
            DateTimeParser::new().offset_conflict(OffsetConflict::Reject);
        return PARSER.parse_zoned(text).map_err(|_| {
            let expected = format!("the offset that clocks in {zone_name} have then, or none");
            (format!("`{shown}` is no moment in its time zone"), expected)
        });
    }
    let local: DateTime = moment
        .parse()
        .map_err(|_| refuse(format!("`{}` is no day and time", clean(moment, 60))))?;
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { .. } => {
            local.to_zoned(zone).map_err(|_| refuse(format!("`{shown}` is no moment")))
        }
        AmbiguousOffset::Gap { .. } => {
            let there = local.to_zoned(zone).map(|after| after.time().to_string());
            let message = format!(
                "{} does not exist on {} in {zone_name}: clocks go forward then",
                local.time(),
                local.date(),
            );
            let after = there.unwrap_or_default();
            Err((message, format!("a time before or after the change, such as {after}")))
        }
        AmbiguousOffset::Fold { before, after } => {
            let message = format!(
                "{} comes twice on {} in {zone_name}: clocks go back then",
                local.time(),
                local.date(),
            );
            let expected = format!(
                "one of the two: `{local}{before}[{zone_name}]` or `{local}{after}[{zone_name}]`"
            );
            Err((message, expected))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_with_their_zone() {
        for (text, canonical) in [
            ("2026-12-03T10:00[Europe/Vienna]", "2026-12-03T10:00:00+01:00[Europe/Vienna]"),
            ("2026-07-03 10:00[Europe/Vienna]", "2026-07-03T10:00:00+02:00[Europe/Vienna]"),
            (
                "2026-12-03T10:00:00+01:00[Europe/Vienna]",
                "2026-12-03T10:00:00+01:00[Europe/Vienna]",
            ),
            ("2026-10-25T02:30+02:00[Europe/Vienna]", "2026-10-25T02:30:00+02:00[Europe/Vienna]"),
            ("2026-10-25T02:30+01:00[Europe/Vienna]", "2026-10-25T02:30:00+01:00[Europe/Vienna]"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), canonical, "{text}");
            assert_eq!(read(canonical).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn a_time_that_does_not_exist_is_explained() {
        let (message, expected) = read("2026-03-29T02:30[Europe/Vienna]").unwrap_err();
        let said = "02:30:00 does not exist on 2026-03-29 in Europe/Vienna: clocks go forward then";
        assert_eq!(message, said);
        assert_eq!(expected, "a time before or after the change, such as 03:30:00");
    }

    #[test]
    fn a_time_that_comes_twice_is_explained_and_what_is_offered_reads() {
        let (message, expected) = read("2026-10-25T02:30[Europe/Vienna]").unwrap_err();
        assert_eq!(
            message,
            "02:30:00 comes twice on 2026-10-25 in Europe/Vienna: clocks go back then"
        );
        let offered: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
        assert_eq!(offered.len(), 2, "{expected}");
        assert_ne!(read(offered[0]).unwrap().timestamp(), read(offered[1]).unwrap().timestamp());
    }

    #[test]
    fn what_is_no_moment_is_refused_with_a_reason() {
        for (bad, why) in [
            ("2026-12-03T10:00", "has no time zone"),
            ("2026-12-03T10:00Z", "has no time zone"),
            ("2026-12-03T10:00[Europe/Wien]", "there is no time zone `Europe/Wien`"),
            ("2026-12-03T10:00[+01:00]", "there is no time zone `+01:00`"),
            ("2026-12-03T10:00[]", "there is no time zone ``"),
            ("2026-12-03[Europe/Vienna]", "has no time of day"),
            ("2026-13-03T10:00[Europe/Vienna]", "is no day and time"),
            ("2026-12-03T10:00+05:00[Europe/Vienna]", "is no moment in its time zone"),
            ("2026-12-03T10:00[Europe/Vienna][u-ca=hebrew]", "has no time zone"),
            ("tomorrow[Europe/Vienna]", "has no time of day"),
        ] {
            let (message, _) = read(bad).unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
        }
    }
}
