//! What a partner fills in at launch.

mod image;
mod moment;
mod person;
pub(crate) mod rich_text;
mod value;

use std::{collections::BTreeMap, fmt};

use domain::{BrandProfile, UtcMillis};
use serde::Serialize;
use url::Url;

use self::rich_text::RichText;
pub(crate) use self::value::{Value, asset_url};
pub use self::{image::ImageValue, person::PersonValue};
use crate::{
    brand::{https, web_site},
    clean::clean,
    colour::Colour,
    diagnostic::expected_name,
    package::{Fill, Package, Slot, SlotKind},
};

/// The most characters of a value whose kind has no `max_length`.
pub(crate) const MOST_OTHER: u32 = 500;

/// Why a slot value is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotProblem {
    /// The slot.
    pub slot: String,
    /// What is wrong.
    pub message: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for SlotProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot `{}`: {}; expected {}", self.slot, self.message, self.expected)
    }
}

/// What is wrong with a value, and what was expected.
pub(crate) type Misfit = (String, String);

/// What a partner gave, looked at without knowing the partner: each value in the one form it is kept
/// in. Slots that were left are left: what stands in them depends on the partner and the language, and
/// [`fill_slots`] says it.
///
/// # Errors
/// Every value that does not fit, every name the package does not know, every required slot left empty
/// that nothing else fills.
pub fn validate_slots(
    package: &Package,
    values: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<SlotProblem>> {
    let mut problems = unknown(package, values);
    let mut kept = BTreeMap::new();
    for (name, slot) in &package.slots {
        let given = given(values, name);
        if given.is_empty() {
            if slot.required && slot.fill.is_none() && !has_default(slot) {
                problems.push(must_be_filled(name, slot, &package.language));
            }
            continue;
        }
        match read(slot, given, None) {
            Ok(value) => {
                kept.insert(name.clone(), value.to_text());
            }
            Err(misfit) => problems.push(problem(name, misfit)),
        }
    }
    if problems.is_empty() { Ok(kept) } else { Err(problems) }
}

/// What stands in every slot of the package for one partner and one language: what the partner gave,
/// or what its brand profile has, or the default, or nothing.
///
/// # Errors
/// As [`validate_slots`]; and links to hosts that only this partner's web site decides about.
pub fn fill_slots(
    package: &Package,
    values: &BTreeMap<String, String>,
    language: &str,
    brand: &BrandProfile,
) -> Result<BTreeMap<String, String>, Vec<SlotProblem>> {
    let filled = fill(package, values, language, brand)?;
    Ok(filled.into_iter().map(|(name, value)| (name, value.to_text())).collect())
}

/// When the event of a package is, by the slot its motion names: what the partner gave, or the
/// default. `None` if the package has no event, or nothing says when it is.
pub fn event_moment(package: &Package, values: &BTreeMap<String, String>) -> Option<UtcMillis> {
    let name = package.motion.event_at()?;
    let slot = package.slots.get(name)?;
    let text = match given(values, name) {
        "" => slot.default.own(),
        given => given,
    };
    match read(slot, text, None).ok()? {
        Value::Moment(moment) => Some(moment.timestamp().into()),
        _ => None,
    }
}

/// What stands in every slot, or everything that is wrong.
pub(crate) fn fill(
    package: &Package,
    values: &BTreeMap<String, String>,
    language: &str,
    brand: &BrandProfile,
) -> Result<BTreeMap<String, Value>, Vec<SlotProblem>> {
    let mut problems = unknown(package, values);
    let mut filled = BTreeMap::new();
    for (name, slot) in &package.slots {
        // What of the profile does not fit is no mistake in the slot: it fills nothing.
        let from_brand = slot.fill.map(|fill| from_brand(fill, brand)).unwrap_or_default();
        let from_brand =
            match from_brand.is_empty() || read(slot, &from_brand, Some(brand)).is_err() {
                true => "",
                false => from_brand.as_str(),
            };
        let default = match (slot.default.for_language(language), slot.choices.first()) {
            ("", Some(choice)) => choice.value.as_str(),
            (default, _) => default,
        };
        let text = [given(values, name), from_brand, default]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default();
        let value = match text {
            "" if slot.required => {
                problems.push(must_be_filled(name, slot, language));
                Value::Empty
            }
            "" => Value::Empty,
            text => read(slot, text, Some(brand)).unwrap_or_else(|misfit| {
                problems.push(problem(name, misfit));
                Value::Empty
            }),
        };
        filled.insert(name.clone(), value);
    }
    if problems.is_empty() { Ok(filled) } else { Err(problems) }
}

/// What the partner gave for a slot; a text without a character that is seen is none.
fn given<'v>(values: &'v BTreeMap<String, String>, name: &str) -> &'v str {
    let text = values.get(name).map(|value| value.trim()).unwrap_or_default();
    if clean(text, 1).is_empty() { "" } else { text }
}

fn has_default(slot: &Slot) -> bool {
    !slot.default.own().is_empty() || !slot.choices.is_empty()
}

fn from_brand(fill: Fill, brand: &BrandProfile) -> String {
    let contact = &brand.contact_person;
    match fill {
        Fill::Name => clean(&brand.name, crate::brand::MOST_LINE).into_owned(),
        Fill::WebSite => brand.web_site.trim().to_owned(),
        Fill::Colour => brand.colour.clone(),
        Fill::Contact => PersonValue::of(contact).map(|it| it.to_string()).unwrap_or_default(),
        Fill::ContactName => clean(&contact.name, crate::brand::MOST_LINE).into_owned(),
        Fill::ContactEmail => clean(&contact.email, crate::brand::MOST_LINE).into_owned(),
    }
}

fn unknown(package: &Package, values: &BTreeMap<String, String>) -> Vec<SlotProblem> {
    let unknown = values.keys().filter(|name| !package.slots.contains_key(*name));
    let known = package.slots.keys().map(String::as_str);
    unknown
        .map(|name| {
            let message = "the package has no such slot".to_owned();
            problem(name, (message, expected_name(name, known.clone())))
        })
        .collect()
}

fn must_be_filled(name: &str, slot: &Slot, language: &str) -> SlotProblem {
    let expected = format!("a value: {}", slot.label.for_language(language));
    problem(name, ("it must be filled".to_owned(), expected))
}

fn problem(name: &str, (message, expected): Misfit) -> SlotProblem {
    SlotProblem { slot: name.to_owned(), message, expected }
}

/// Whether a value fits a slot, whoever the partner is.
pub(crate) fn fits(slot: &Slot, text: &str) -> Result<(), Misfit> {
    read(slot, text, None).map(drop)
}

/// Reads a value that is not empty.
fn read(slot: &Slot, text: &str, brand: Option<&BrandProfile>) -> Result<Value, Misfit> {
    if slot.kind == SlotKind::RichText {
        return RichText::read(text, slot.max_length as usize).map(Value::RichText);
    }
    let length = text.chars().count();
    // Older versions have a shorter limit for all kinds in their slots.
    let most = match slot.kind {
        SlotKind::Text | SlotKind::Url => slot.max_length,
        _ => MOST_OTHER,
    };
    if length > most as usize {
        return Err((format!("it has {length} characters"), format!("at most {most}")));
    }
    match slot.kind {
        SlotKind::RichText | SlotKind::Text => {
            Ok(Value::Text(clean(text, slot.max_length as usize).into_owned()))
        }
        SlotKind::Url => read_url(slot, text, brand).map(Value::Url),
        SlotKind::Image => ImageValue::read(text, slot).map(Value::Image),
        SlotKind::Choice => match slot.choices.iter().find(|choice| choice.value == text) {
            Some(choice) => Ok(Value::Text(choice.value.clone())),
            None => {
                let message = format!("`{}` is none of the choices", clean(text, 60));
                let values = slot.choices.iter().map(|choice| choice.value.as_str());
                Err((message, expected_name(text, values)))
            }
        },
        SlotKind::Colour => Colour::read(text).map(Value::Colour).ok_or_else(|| {
            let message = format!("`{}` is no colour", clean(text, 60));
            (message, "a colour as #rrggbb".to_owned())
        }),
        SlotKind::Person => PersonValue::read(text).map(Value::Person),
        SlotKind::Datetime => moment::read(text).map(Value::Moment),
    }
}

fn read_url(slot: &Slot, text: &str, brand: Option<&BrandProfile>) -> Result<Url, Misfit> {
    let is_plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let url = https(text).filter(|_| is_plain).ok_or_else(|| {
        ("it is no https link".to_owned(), "a link like https://www.example.com/page".to_owned())
    })?;
    let host = url.host_str().unwrap_or_default();
    let site = brand.and_then(|brand| web_site(&brand.web_site));
    let partner = site.as_ref().and_then(Url::host_str);
    let depends_on_partner =
        brand.is_none() && slot.hosts.contains(&crate::package::HostRule::Partner);
    let is_allowed = slot.hosts.is_empty()
        || depends_on_partner
        || slot.hosts.iter().any(|rule| rule.allows(host, partner));
    if is_allowed {
        return Ok(url);
    }
    let rules: Vec<_> = slot
        .hosts
        .iter()
        .map(|rule| match (rule, partner) {
            (crate::package::HostRule::Partner, Some(partner)) => format!("`{partner}`"),
            (rule, _) => format!("`{rule}`"),
        })
        .collect();
    Err((format!("it leads to `{host}`"), format!("a link to {}", rules.join(" or "))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{diagnostic::Findings, manifest};

    fn package() -> Package {
        let source = r#"
name = "spring"
title = "Spring"
vendor = "V"
[audience]
rule = "list"
[slots.cta_url]
kind = "url"
label = "Link"
required = true
[slots.spotlight]
kind = "text"
label = "About you"
max_length = 10
default = { en = "Hello", de = "Hallo" }
[slots.site]
kind = "url"
label = "Site"
hosts = ["partner", "*.vendor.example"]
fill = "partner.web_site"
[slots.tone]
kind = "choice"
label = "Tone"
choices = [{ value = "short", label = "Short" }, { value = "long", label = "Long" }]
[slots.accent]
kind = "colour"
label = "Accent"
fill = "partner.colour"
[slots.speaker]
kind = "person"
label = "Speaker"
fill = "partner.contact"
[slots.event_at]
kind = "datetime"
label = "When"
default = "2026-12-03T10:00[Europe/Vienna]"
[slots.about]
kind = "rich_text"
label = "About"
[slots.photo]
kind = "image"
label = "Photo"
min_width = 100
[motion]
kind = "event"
event_at = "event_at"
[[steps]]
key = "a"
kind = "email"
at = "T-1d"
"#;
        let mut findings = Findings::default();
        let (package, _) = manifest::read(source, &mut findings);
        assert_eq!(findings.into_sorted(), []);
        package
    }

    fn brand() -> BrandProfile {
        serde_json::from_value(json!({
            "name": "Harbour & Vale IT", "colour": "#FFE600", "postal_address": ["14 Quayside"],
            "web_site": "https://www.harbour-vale.example", "locale": "en-GB", "time_zone": "Europe/London",
            "contact_person": { "name": "Priya Raman", "email": "priya@harbour-vale.example", "phone": "+44 117" },
        }))
        .unwrap()
    }

    fn values(values: &[(&str, &str)]) -> BTreeMap<String, String> {
        values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    const LINK: (&str, &str) = ("cta_url", " https://a.example/x ");

    fn problems(given: &[(&str, &str)]) -> Vec<String> {
        match fill_slots(&package(), &values(given), "en", &brand()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn what_was_given_is_kept_and_what_was_left_is_left() {
        let kept = validate_slots(&package(), &values(&[LINK, ("spotlight", " ")])).unwrap();
        assert_eq!(kept, values(&[("cta_url", "https://a.example/x")]));
    }

    #[test]
    fn what_was_left_is_filled_from_the_brand_or_the_default_of_the_language() {
        let filled = fill_slots(&package(), &values(&[LINK]), "de-AT", &brand()).unwrap();
        let expected = values(&[
            ("cta_url", "https://a.example/x"),
            ("spotlight", "Hallo"),
            ("site", "https://www.harbour-vale.example/"),
            ("tone", "short"),
            ("accent", "#ffe600"),
            ("speaker", "Priya Raman <priya@harbour-vale.example>, +44 117"),
            ("event_at", "2026-12-03T10:00:00+01:00[Europe/Vienna]"),
            ("about", ""),
            ("photo", ""),
        ]);
        assert_eq!(filled, expected);
        assert_eq!(fill_slots(&package(), &filled, "de-AT", &brand()).unwrap(), filled);
        let given = values(&[LINK, ("spotlight", "Mine"), ("accent", "#000000"), ("tone", "long")]);
        let filled = fill_slots(&package(), &given, "de", &brand()).unwrap();
        assert_eq!(
            (&*filled["spotlight"], &*filled["accent"], &*filled["tone"]),
            ("Mine", "#000000", "long")
        );
    }

    #[test]
    fn what_of_the_brand_does_not_fit_fills_nothing() {
        let mut brand = brand();
        brand.web_site = "http://harbour-vale.example".to_owned();
        brand.contact_person.email = "nobody".to_owned();
        let filled = fill_slots(&package(), &values(&[LINK]), "en", &brand).unwrap();
        assert_eq!((&*filled["site"], &*filled["speaker"]), ("", ""));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        assert_eq!(
            problems(&[
                ("spotlite", "x"),
                ("spotlight", "far too long a text"),
                ("tone", "shrot"),
                ("accent", "green"),
                ("site", "https://harbour-vale.example.bad.test/"),
            ]),
            [
                "slot `spotlite`: the package has no such slot; expected perhaps `spotlight`",
                "slot `accent`: `green` is no colour; expected a colour as #rrggbb",
                "slot `cta_url`: it must be filled; expected a value: Link",
                "slot `site`: it leads to `harbour-vale.example.bad.test`; expected a link to `www.harbour-vale.example` or `*.vendor.example`",
                "slot `spotlight`: it has 19 characters; expected at most 10",
                "slot `tone`: `shrot` is none of the choices; expected perhaps `short`",
            ]
        );
    }

    #[test]
    fn only_https_is_a_link() {
        for bad in [
            "http://a.example",
            "javascript:alert(1)",
            "//a.example",
            "a.example",
            "https://a.example/ x",
            "https://u:p@a.example",
            "https://a.example/\u{0}",
        ] {
            assert_eq!(problems(&[("cta_url", bad)]).len(), 1, "{bad}");
        }
    }

    #[test]
    fn links_lead_where_the_package_lets_them() {
        for good in [
            "https://www.harbour-vale.example/x",
            "https://shop.harbour-vale.example/",
            "https://harbour-vale.example/",
            "https://a.b.vendor.example/",
        ] {
            assert_eq!(problems(&[LINK, ("site", good)]), Vec::<String>::new(), "{good}");
            assert!(validate_slots(&package(), &values(&[LINK, ("site", good)])).is_ok());
        }
        for bad in [
            "https://evil.example/",
            "https://harbour-vale.example.evil.test/",
            "https://evilharbour-vale.example/",
            "https://evil.test/?https://vendor.example/",
            "https://evil.test\\@vendor.example/",
            "https://vendor.example@evil.test/",
        ] {
            assert_eq!(problems(&[LINK, ("site", bad)]).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_text_that_nobody_sees_is_none() {
        let given = values(&[LINK, ("spotlight", "\u{200B}\u{2060}")]);
        assert_eq!(fill_slots(&package(), &given, "en", &brand()).unwrap()["spotlight"], "Hello");
        assert!(!validate_slots(&package(), &given).unwrap().contains_key("spotlight"));
    }

    #[test]
    fn the_event_is_when_the_slot_says() {
        let moment = |values: &BTreeMap<String, String>| {
            event_moment(&package(), values).map(|moment| moment.to_string())
        };
        assert_eq!(moment(&values(&[])).as_deref(), Some("2026-12-03T09:00:00Z"));
        let given = values(&[("event_at", "2027-01-10T18:30[America/New_York]")]);
        assert_eq!(moment(&given).as_deref(), Some("2027-01-10T23:30:00Z"));
        assert_eq!(moment(&values(&[("event_at", "soon")])), None);
    }
}
