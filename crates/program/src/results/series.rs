//! Over time: at most sixty buckets of hours or of days, whatever the span.

use domain::{
    UtcMillis,
    results::{HOUR_MS, ResultKind, Who},
};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde::Serialize;
use store::ResultCount;

use super::Came;

/// The most buckets there are: what a chart shows without being a carpet.
const MOST_BUCKETS: i64 = 60;

/// What came back over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// What a bucket is a number of.
    pub unit: SeriesUnit,
    /// Of how many of these. Days are those of the partner's time zone, and begin when they begin there; an
    /// hour that a day's change cuts belongs to the day it begins in.
    pub units_per_bucket: u32,
    /// The partner's time zone.
    pub time_zone: String,
    /// Every one between the first and the last in which anything came back.
    pub buckets: Vec<Bucket>,
    /// What came back in them.
    pub lines: Vec<Line>,
}

/// What a bucket is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesUnit {
    /// Hours.
    Hour,
    /// Days of the partner's time zone.
    Day,
}

/// A part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// When it begins, in campaign time.
    pub start: UtcMillis,
    /// When it ends.
    pub end: UtcMillis,
    /// How far the partner's clocks are ahead of UTC at its beginning, in seconds.
    pub offset_s: i32,
}

impl Bucket {
    /// Its beginning by the partner's clocks, such as `2026-03-01T09:00:00+01:00`.
    pub fn local_start(&self) -> String {
        let offset = jiff::tz::Offset::from_seconds(self.offset_s).unwrap_or(jiff::tz::Offset::UTC);
        match Timestamp::from_millisecond(self.start.get()) {
            Ok(at) => at.display_with_offset(offset).to_string(),
            Err(_) => self.start.to_string(),
        }
    }
}

/// One thing over time: a number for every bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What happened.
    pub kind: ResultKind,
    /// Whose doing it was.
    pub who: Who,
    /// How often, and of how many messages for the first time: these add up to all messages.
    pub came: Vec<Came>,
}

impl Series {
    /// Buckets over a span of hours, which are their beginnings; none over none.
    pub(super) fn over(span: Option<(UtcMillis, UtcMillis)>, zone: &TimeZone) -> Self {
        let (unit, units_per_bucket, buckets) = match span {
            None => (SeriesUnit::Hour, 1, Vec::new()),
            Some((first, last)) => cut(first, last, zone),
        };
        let time_zone = zone.iana_name().unwrap_or("UTC").to_owned();
        let mut series = Self { unit, units_per_bucket, time_zone, buckets, lines: Vec::new() };
        series.lines = series.empty_lines();
        series
    }

    pub(super) fn bounds(&self) -> Vec<(UtcMillis, UtcMillis)> {
        self.buckets.iter().map(|bucket| (bucket.start, bucket.end)).collect()
    }

    /// Everything there is a line for, with nothing in it.
    pub(super) fn empty_lines(&self) -> Vec<Line> {
        let line = |kind, who| Line { kind, who, came: vec![Came::default(); self.buckets.len()] };
        let mut lines = Vec::new();
        for kind in ResultKind::ALL {
            match kind.is_by_who() {
                true => lines.extend([line(*kind, Who::Human), line(*kind, Who::Machine)]),
                false => lines.push(line(*kind, Who::Mail)),
            }
        }
        lines
    }

    pub(super) fn bucket_of(&self, count: &ResultCount) -> Option<usize> {
        self.buckets.binary_search_by_key(&count.bucket, |bucket| bucket.start).ok()
    }

    pub(super) fn add(&mut self, count: &ResultCount) {
        let bucket = self.bucket_of(count);
        add(&mut self.lines, bucket, count);
    }
}

pub(super) fn add(lines: &mut [Line], bucket: Option<usize>, count: &ResultCount) {
    let line = lines.iter_mut().find(|line| line.kind == count.kind && line.who == count.who);
    if let Some(place) = line.zip(bucket).and_then(|(line, at)| line.came.get_mut(at)) {
        *place += count.tally.into();
    }
}

/// The finest buckets that are few enough. They begin and end with whole hours, where the counts have their
/// seams: a time zone that is half an hour off keeps its days to within that.
fn cut(first: UtcMillis, last: UtcMillis, zone: &TimeZone) -> (SeriesUnit, u32, Vec<Bucket>) {
    let hours = (last.get() - first.get()) / HOUR_MS + 1;
    let bucket = |start: i64, end: i64| {
        let at = Timestamp::from_millisecond(start).unwrap_or_default();
        let offset_s = zone.to_offset(at).seconds();
        Bucket { start: UtcMillis::new(start), end: UtcMillis::new(end), offset_s }
    };
    if hours <= MOST_BUCKETS {
        let starts = (0..hours).map(|hour| first.get() + hour * HOUR_MS);
        let buckets = starts.map(|start| bucket(start, start + HOUR_MS)).collect();
        return (SeriesUnit::Hour, 1, buckets);
    }
    // One day more than the hours make: a span may begin and end within days.
    let days = hours / 24 + 2;
    let step = [1, 7, 28]
        .into_iter()
        .find(|step| days <= step * MOST_BUCKETS)
        .unwrap_or_else(|| (days + MOST_BUCKETS - 1) / MOST_BUCKETS);
    let mut buckets = Vec::new();
    let mut start = day_start(first, zone);
    while start <= last.get() {
        let end = days_later(start, step, zone);
        buckets.push(bucket(start, end));
        start = end;
    }
    (SeriesUnit::Day, u32::try_from(step).unwrap_or(u32::MAX), buckets)
}

/// The hour of UTC in which the local day of `at` began.
fn day_start(at: UtcMillis, zone: &TimeZone) -> i64 {
    let local = local(at.get(), zone);
    let start = local.start_of_day().map_or(at.get(), |start| start.timestamp().as_millisecond());
    start - start.rem_euclid(HOUR_MS)
}

/// The beginning of the local day so many days after the one that `start` began.
fn days_later(start: i64, days: i64, zone: &TimeZone) -> i64 {
    // Into the day's middle first: its beginning was moved to a whole hour, and days are 23 to 25 hours long.
    let middle = local(start + 12 * HOUR_MS, zone);
    let later = jiff::Span::new().days(days);
    let then = middle
        .checked_add(later)
        .and_then(|then| then.start_of_day())
        .map_or(start + days * 24 * HOUR_MS, |then| then.timestamp().as_millisecond());
    // Later in any case, whatever a time zone's days once were.
    (then - then.rem_euclid(HOUR_MS)).max(start + HOUR_MS)
}

fn local(millis: i64, zone: &TimeZone) -> Zoned {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> UtcMillis {
        text.parse::<Timestamp>().unwrap().into()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn a_short_span_is_cut_into_hours() {
        let span = (at("2026-03-28T22:00:00Z"), at("2026-03-29T02:00:00Z"));
        let series = Series::over(Some(span), &zone("Europe/Vienna"));
        assert_eq!((series.unit, series.buckets.len()), (SeriesUnit::Hour, 5));
        let local: Vec<String> = series.buckets.iter().map(Bucket::local_start).collect();
        assert_eq!(local[0], "2026-03-28T23:00:00+01:00");
        assert_eq!(local[4], "2026-03-29T04:00:00+02:00", "the clocks went forward between");
    }

    #[test]
    fn days_are_the_partner_s_own_and_follow_its_clocks() {
        let span = (at("2026-03-27T05:00:00Z"), at("2026-03-31T05:00:00Z"));
        let series = Series::over(Some(span), &zone("Europe/Vienna"));
        assert_eq!((series.unit, series.units_per_bucket), (SeriesUnit::Day, 1));
        let local: Vec<String> = series.buckets.iter().map(Bucket::local_start).collect();
        let days = [
            "27T00:00:00+01",
            "28T00:00:00+01",
            "29T00:00:00+01",
            "30T00:00:00+02",
            "31T00:00:00+02",
        ];
        assert_eq!(local, days.map(|day| format!("2026-03-{day}:00")));
        assert_eq!(series.buckets[2].end.get() - series.buckets[2].start.get(), 23 * HOUR_MS);
        let half = Series::over(Some(span), &zone("Asia/Kolkata"));
        assert_eq!(half.buckets[0].local_start(), "2026-03-26T23:30:00+05:30");
    }

    #[test]
    fn nothing_has_no_buckets() {
        let series = Series::over(None, &TimeZone::UTC);
        assert!(series.buckets.is_empty() && series.bounds().is_empty());
        assert!(series.lines.iter().all(|line| line.came.is_empty()));
    }

    proptest! {
        #[test]
        fn buckets_are_few_and_cover_the_span_without_a_gap(
            first in 0i64..600_000, hours in 1i64..200_000, name in 0usize..6,
        ) {
            let names = ["UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"];
            let (first, last) = (first * HOUR_MS, (first + hours - 1) * HOUR_MS);
            let span = (UtcMillis::new(first), UtcMillis::new(last));
            let series = Series::over(Some(span), &zone(names[name]));
            let buckets = &series.buckets;
            prop_assert!((1..=61).contains(&buckets.len()), "{}", buckets.len());
            prop_assert!(buckets[0].start.get() <= first && last < buckets[buckets.len() - 1].end.get());
            for pair in buckets.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
            prop_assert!(buckets.iter().all(|bucket| bucket.start < bucket.end && bucket.start.get() % HOUR_MS == 0));
        }
    }
}
