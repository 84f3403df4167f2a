//! Dates, numbers and plurals as a language writes them (CLDR).

use std::str::FromStr;

use fixed_decimal::Decimal;
use icu_calendar::{Date, Iso};
use icu_datetime::{
    DateTimeFormatter,
    fieldsets::{T, YMD, YMDE, zone::GenericLong},
};
use icu_decimal::DecimalFormatter;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRuleType, PluralRules};
use icu_time::{
    DateTime, Time, TimeZone, TimeZoneInfo, ZonedDateTime,
    zone::{UtcOffset, models::AtTime},
};
use jiff::Zoned;

/// How long a date is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateStyle {
    /// With the day of the week.
    Full,
    /// With the name of the month.
    Long,
    /// With a short name of the month.
    Medium,
    /// Digits only.
    Short,
}

impl DateStyle {
    /// The names of all styles.
    pub(crate) const NAMES: [&str; 4] = ["full", "long", "medium", "short"];

    /// The style of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "full" => Some(Self::Full),
            "long" => Some(Self::Long),
            "medium" => Some(Self::Medium),
            "short" => Some(Self::Short),
            _ => None,
        }
    }
}

/// The names of the plural categories of CLDR.
pub(crate) const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// Writes for readers of one language.
#[derive(Debug, Clone)]
pub struct Speaker {
    locale: Locale,
}

impl Speaker {
    /// For a language tag; the root of CLDR for one that is none.
    pub fn new(language: &str) -> Self {
        Self { locale: Locale::from_str(language).unwrap_or(Locale::UNKNOWN) }
    }

    /// The day of a moment, where it is.
    pub fn date(&self, moment: &Zoned, style: DateStyle) -> String {
        let Some(date) = date(moment) else { return moment.date().to_string() };
        let locale = (&self.locale).into();
        let written = match style {
            DateStyle::Full => DateTimeFormatter::try_new(locale, YMDE::long())
                .map(|format| format.format(&date).to_string()),
            DateStyle::Long => DateTimeFormatter::try_new(locale, YMD::long())
                .map(|format| format.format(&date).to_string()),
            DateStyle::Medium => DateTimeFormatter::try_new(locale, YMD::medium())
                .map(|format| format.format(&date).to_string()),
            DateStyle::Short => DateTimeFormatter::try_new(locale, YMD::short())
                .map(|format| format.format(&date).to_string()),
        };
        written.unwrap_or_else(|_| moment.date().to_string())
    }

    /// The time of day of a moment, with the name of its zone.
    pub fn time(&self, moment: &Zoned) -> String {
        let fields = T::hm().with_zone(GenericLong);
        let format = DateTimeFormatter::try_new((&self.locale).into(), fields);
        match (format, zoned(moment)) {
            (Ok(format), Some(zoned)) => format.format(&zoned).to_string(),
            _ => moment.strftime("%H:%M %Q").to_string(),
        }
    }

    /// The day and the time of day of a moment, with the name of its zone.
    pub fn datetime(&self, moment: &Zoned) -> String {
        let fields = YMDE::long().with_time_hm().with_zone(GenericLong);
        let format = DateTimeFormatter::try_new((&self.locale).into(), fields);
        match (format, zoned(moment)) {
            (Ok(format), Some(zoned)) => format.format(&zoned).to_string(),
            _ => moment.strftime("%Y-%m-%d %H:%M %Q").to_string(),
        }
    }

    /// A number; a text that is none stays as it is.
    pub fn number(&self, text: &str) -> String {
        let format = DecimalFormatter::try_new((&self.locale).into(), Default::default());
        match (number(text), format) {
            (Some(number), Ok(format)) => format.format(&number).to_string(),
            _ => text.to_owned(),
        }
    }

    /// The plural category of a number; `other` for a text that is none.
    pub(crate) fn category(&self, text: &str) -> &'static str {
        let rules = PluralRules::try_new((&self.locale).into(), PluralRuleType::Cardinal.into());
        match (number(text), rules) {
            (Some(number), Ok(rules)) => name(rules.category_for(&number)),
            _ => "other",
        }
    }

    /// The plural categories the language has.
    pub(crate) fn categories(&self) -> Vec<&'static str> {
        match PluralRules::try_new((&self.locale).into(), PluralRuleType::Cardinal.into()) {
            Ok(rules) => rules.categories().map(name).collect(),
            Err(_) => CATEGORIES.to_vec(),
        }
    }
}

const fn name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

/// A number as people and JSON write it without any language: digits, one point, perhaps a sign.
fn number(text: &str) -> Option<Decimal> {
    let is_plain = text.len() <= 40
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && text.bytes().any(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn date(moment: &Zoned) -> Option<Date<Iso>> {
    let (month, day) = (u8::try_from(moment.month()).ok()?, u8::try_from(moment.day()).ok()?);
    Date::try_new_iso(i32::from(moment.year()), month, day).ok()
}

fn zoned(moment: &Zoned) -> Option<ZonedDateTime<Iso, TimeZoneInfo<AtTime>>> {
    let (hour, minute) = (u8::try_from(moment.hour()).ok()?, u8::try_from(moment.minute()).ok()?);
    let date = date(moment)?;
    let time = Time::try_new(hour, minute, 0, 0).ok()?;
    let zone = TimeZone::from_iana_id(moment.time_zone().iana_name()?);
    let offset = UtcOffset::try_from_seconds(moment.offset().seconds()).ok()?;
    let zone = zone.with_offset(Some(offset)).at_date_time(DateTime { date, time });
    Some(ZonedDateTime { date, time, zone })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment() -> Zoned {
        "2026-12-03T18:05[Europe/Vienna]".parse().unwrap()
    }

    #[test]
    fn dates_are_written_as_the_language_does() {
        for (language, style, expected) in [
            ("en", "full", "Thursday, December 3, 2026"),
            ("en", "long", "December 3, 2026"),
            ("en", "medium", "Dec 3, 2026"),
            ("en", "short", "12/3/26"),
            ("en-GB", "long", "3 December 2026"),
            ("de", "full", "Donnerstag, 3. Dezember 2026"),
            ("de-AT", "short", "03.12.26"),
            ("fr", "long", "3 décembre 2026"),
            ("ja", "long", "2026年12月3日"),
            ("ar", "long", "3 ديسمبر 2026"),
        ] {
            let written = Speaker::new(language).date(&moment(), DateStyle::of(style).unwrap());
            assert_eq!(written, expected, "{language} {style}");
        }
    }

    #[test]
    fn times_have_the_name_of_their_zone() {
        for (language, expected) in [
            ("en", "6:05\u{202F}PM Central European Time"),
            ("de", "18:05 Mitteleuropäische Zeit"),
            ("fr", "18:05 heure d’Europe centrale"),
            ("ja", "18:05 中央ヨーロッパ時間"),
            ("ar", "6:05 م توقيت وسط أوروبا"),
        ] {
            assert_eq!(Speaker::new(language).time(&moment()), expected, "{language}");
        }
        let written = Speaker::new("de").datetime(&moment());
        assert_eq!(written, "Donnerstag, 3. Dezember 2026 um 18:05 Mitteleuropäische Zeit");
        let there: Zoned = "2026-07-01T09:00[America/New_York]".parse().unwrap();
        assert_eq!(Speaker::new("en").time(&there), "9:00\u{202F}AM Eastern Time");
    }

    #[test]
    fn numbers_are_written_as_the_language_does() {
        for (language, expected) in [
            ("en", "1,234.5"),
            ("de", "1.234,5"),
            ("de-AT", "1\u{A0}234,5"),
            ("fr", "1\u{202F}234,5"),
            ("ja", "1,234.5"),
            ("ar-EG", "١٬٢٣٤٫٥"),
        ] {
            assert_eq!(Speaker::new(language).number("1234.5"), expected, "{language}");
        }
        for text in ["", "many", "1,5", "1e5", "- ", "٣", "1.2.3", &"9".repeat(50)] {
            assert_eq!(Speaker::new("de").number(text), text);
        }
    }

    #[test]
    fn plurals_have_the_categories_of_the_language() {
        for (language, number, category) in [
            ("en", "1", "one"),
            ("en", "1.5", "other"),
            ("de", "0", "other"),
            ("fr", "0", "one"),
            ("ja", "1", "other"),
            ("ar", "0", "zero"),
            ("ar", "2", "two"),
            ("ar", "3", "few"),
            ("ar", "11", "many"),
            ("ar", "100", "other"),
            ("pl", "5", "many"),
            ("en", "several", "other"),
        ] {
            assert_eq!(Speaker::new(language).category(number), category, "{language} {number}");
        }
        assert_eq!(Speaker::new("en").categories(), ["one", "other"]);
        assert_eq!(Speaker::new("ja").categories(), ["other"]);
        assert_eq!(Speaker::new("ar").categories().len(), 6);
        assert_eq!(Speaker::new("tlh-x-y").category("1"), "other", "no language of CLDR");
    }
}
