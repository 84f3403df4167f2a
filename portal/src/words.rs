//! The words of pages, in every language they are written in: `locales/*.ftl` (Project Fluent).

use std::{collections::BTreeMap, sync::LazyLock};

use domain::UtcMillis;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use program::SeriesUnit;
use render::{DateStyle, Speaker};

type Bundle = FluentBundle<FluentResource>;

/// Language, its own name, and its words. The first is what is spoken when nothing better is known.
const LOCALES: [(&str, &str, &str); 5] = [
    ("en", "English", include_str!("../locales/en.ftl")),
    ("de", "Deutsch", include_str!("../locales/de.ftl")),
    ("fr", "Français", include_str!("../locales/fr.ftl")),
    ("ja", "日本語", include_str!("../locales/ja.ftl")),
    ("ar", "العربية", include_str!("../locales/ar.ftl")),
];

static BUNDLES: LazyLock<BTreeMap<&'static str, Bundle>> = LazyLock::new(|| {
    let bundle = |(tag, _, text): &(&'static str, &str, &'static str)| {
        let resource = FluentResource::try_new((*text).to_owned());
        let resource = resource.unwrap_or_else(|(_, why)| panic!("locales/{tag}.ftl: {why:?}"));
        let language = tag.parse().expect("the tags are languages");
        let mut bundle = Bundle::new_concurrent(vec![language]);
        // Marks around a name keep what stands beside it in its place; needed where lines run both ways.
        bundle.set_use_isolating(is_rtl(tag));
        bundle.add_resource(resource).unwrap_or_else(|why| panic!("locales/{tag}.ftl: {why:?}"));
        (*tag, bundle)
    };
    LOCALES.iter().map(bundle).collect()
});

fn is_rtl(tag: &str) -> bool {
    tag == "ar"
}

/// The words of one language, and dates and numbers as a region writes them.
#[derive(Clone)]
pub(crate) struct Words {
    tag: &'static str,
    speaker: Speaker,
    time_zone: jiff::tz::TimeZone,
}

impl Words {
    /// Those for a language tag; English if it is none of ours.
    pub fn of(tag: &str) -> Self {
        let first = tag.split(['-', '_']).next().unwrap_or_default().to_lowercase();
        let known = LOCALES.iter().find(|(known, _, _)| *known == first);
        let spoken = known.map_or("en", |(known, _, _)| *known);
        // Dates by the region, if that is of the language that is spoken.
        let speaker = Speaker::new(if known.is_some() { tag } else { spoken });
        Self { tag: spoken, speaker, time_zone: jiff::tz::TimeZone::UTC }
    }

    /// The first language of ours that a browser asks for (RFC 9110 section 12.5.4; in the order of the list:
    /// browsers write it by weight).
    pub fn asked(accept_language: &str) -> Self {
        let mut wishes = accept_language
            .split(',')
            .map(|wish| wish.split(';').next().unwrap_or_default().trim());
        let ours = wishes.find(|wish| {
            let first = wish.split('-').next().unwrap_or_default();
            LOCALES.iter().any(|(tag, _, _)| tag.eq_ignore_ascii_case(first))
        });
        Self::of(ours.unwrap_or("en"))
    }

    /// The same with moments on this clock.
    #[must_use]
    pub fn in_time_zone(mut self, name: &str) -> Self {
        self.time_zone = jiff::tz::TimeZone::get(name).unwrap_or(jiff::tz::TimeZone::UTC);
        self
    }

    /// The language tag.
    pub fn language(&self) -> &'static str {
        self.tag
    }

    /// `ltr` or `rtl`.
    pub fn direction(&self) -> &'static str {
        if is_rtl(self.tag) { "rtl" } else { "ltr" }
    }

    /// Tag and own name of every language.
    #[cfg(test)]
    pub fn languages() -> impl Iterator<Item = (&'static str, &'static str)> {
        LOCALES.iter().map(|(tag, name, _)| (*tag, *name))
    }

    /// A text without anything to fill in.
    pub fn say(&self, key: &str) -> String {
        self.say_with(key, &[])
    }

    /// A text with names filled in.
    pub fn say_with(&self, key: &str, names: &[(&'static str, &str)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in names {
            args.set(*name, FluentValue::from(plain(value)));
        }
        self.format(key, &args)
    }

    /// A text that counts: `$n` decides its form, `$shown` is how the number is written.
    pub fn count(&self, key: &str, n: u64) -> String {
        let mut args = FluentArgs::new();
        args.set("n", FluentValue::from(n));
        args.set("shown", FluentValue::from(self.number(n)));
        self.format(key, &args)
    }

    /// A number.
    pub fn number(&self, n: u64) -> String {
        self.speaker.number(&n.to_string())
    }

    /// The day of a moment.
    pub fn date(&self, at: UtcMillis) -> String {
        self.zoned(at).map_or_else(|| at.to_string(), |at| self.speaker.date(&at, DateStyle::Long))
    }

    /// When a part of the time begins, short: under a bar there is little room.
    pub fn bucket(&self, at: UtcMillis, unit: SeriesUnit) -> String {
        let Some(zoned) = self.zoned(at) else { return at.to_string() };
        match unit {
            SeriesUnit::Day => self.speaker.date(&zoned, DateStyle::Medium),
            SeriesUnit::Hour => zoned.strftime("%H:%M").to_string(),
        }
    }

    fn zoned(&self, at: UtcMillis) -> Option<jiff::Zoned> {
        let at = jiff::Timestamp::from_millisecond(at.get()).ok()?;
        Some(at.to_zoned(self.time_zone.clone()))
    }

    fn format(&self, key: &str, args: &FluentArgs<'_>) -> String {
        let bundle = &BUNDLES[self.tag];
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            debug_assert!(false, "locales/{}.ftl has no {key}", self.tag);
            return key.to_owned();
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "locales/{}.ftl, {key}: {errors:?}", self.tag);
        text
    }
}

/// What a stranger wrote without what would turn the reading direction or break a line: a name must not read as
/// another. Markup in it is escaped where it is written.
pub(crate) fn plain(text: &str) -> String {
    let turns = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !turns(c)).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Keys, and the names that are filled in.
    fn keys(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut key = String::new();
        for line in text.lines() {
            if !line.starts_with(' ') {
                key = line.split(" =").next().unwrap_or_default().to_owned();
            }
            let names = line.split('$').skip(1).map(|rest| {
                rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
            });
            // Which number decides a form is a matter of the language.
            let names = names.filter(|name| *name != "n" && *name != "shown").map(str::to_owned);
            keys.entry(key.clone()).or_default().extend(names);
        }
        keys
    }

    #[test]
    fn every_language_has_every_text_with_the_same_names_in_it() {
        let english = keys(LOCALES[0].2);
        assert!(english.len() > 60, "{}", english.len());
        for (tag, _, text) in LOCALES {
            assert_eq!(keys(text), english, "{tag}");
        }
    }

    #[test]
    fn forms_and_numbers_are_those_of_the_language() {
        assert_eq!(Words::of("en-GB").count("contacts", 1), "one contact");
        assert_eq!(Words::of("en").count("contacts", 1_240), "1,240 contacts");
        assert_eq!(Words::of("de-AT").count("contacts", 3), "3 Kontakte");
        let arabic: BTreeSet<String> =
            [0, 1, 2, 3, 11, 100].map(|n| Words::of("ar").count("contacts", n)).into();
        assert_eq!(arabic.len(), 6, "{arabic:?}");
    }

    #[test]
    fn a_name_can_t_turn_the_line_around() {
        assert_eq!(plain("a\u{202e}b\u{2066}c\nd"), "abc d");
        let said = Words::of("en").say_with("unsubscribe-title", &[("company", "x\u{202e}y")]);
        assert_eq!(said, "Unsubscribe from xy?");
    }

    #[test]
    fn a_browser_is_answered_in_the_first_language_of_ours() {
        let asked = |text: &str| Words::asked(text).language();
        assert_eq!(asked("da, de-CH;q=0.9, en;q=0.8"), "de");
        assert_eq!(asked("ar"), "ar");
        assert_eq!(asked("xx, ;;, *"), "en");
        assert_eq!(asked(""), "en");
        assert_eq!((Words::of("ar").direction(), Words::of("pt-BR").language()), ("rtl", "en"));
    }
}
