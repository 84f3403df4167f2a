//! Reads `package.toml`, finding everything that is wrong with it at once.

mod keys;

use std::{collections::BTreeMap, ops::Range};

use domain::{StepKey, schedule::Offset};
use toml::{Spanned, de::DeTable};

use self::keys::Table;
use crate::{
    diagnostic::{Findings, expected_name, position},
    package::{Audience, AudienceRule, Package, Slot, SlotKind, Step, StepKind, Validity},
    slots,
};

/// The file's name.
pub(crate) const FILE: &str = "package.toml";
const MOST_STEPS: usize = 50;
const MOST_SLOTS: usize = 50;
const MOST_FIELDS: usize = 30;
/// The most characters a slot can be allowed.
const MOST_SLOT_LENGTH: i64 = 2_000;

/// Where the steps stand, for findings about their templates.
pub(crate) type StepSpans = Vec<Range<usize>>;

/// Reads the package; what can't be read is in the findings, and has a stand-in in the package so
/// that the rest can be looked at.
pub(crate) fn read(source: &str, findings: &mut Findings) -> (Package, StepSpans) {
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        findings.error(FILE, source, &span, error.message(), "TOML 1.0");
    }
    let mut reader = Reader { source, findings };
    reader.package(&document)
}

struct Reader<'a> {
    source: &'a str,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn package(&mut self, document: &Spanned<DeTable<'_>>) -> (Package, StepSpans) {
        let mut top = Table::new("", document.get_ref(), 0..0);
        let name = self.name(&mut top, "name", "a name like `product-launch`");
        let title = self.line(&mut top, "title", 100);
        let vendor = self.line(&mut top, "vendor", 100);
        let description = self.text(&mut top, "description", 2_000).unwrap_or_default();
        let language = self.language(&mut top);
        let layout = match top.table.contains_key("layout") {
            true => self.name(&mut top, "layout", "the name of a layout, such as `cobrand`"),
            false => {
                top.take("layout");
                "cobrand".to_owned()
            }
        };
        let validity = self.validity(&mut top);
        let tiers = self.tiers(&mut top);
        let audience = self.audience(&mut top);
        let person_fields = self.person_fields(&mut top);
        let slots = self.slots(&mut top);
        let (steps, spans) = self.steps(&mut top);
        self.refuse_unknown(&top);
        let package = Package {
            name,
            title,
            vendor,
            description,
            language,
            validity,
            tiers,
            audience,
            person_fields,
            slots,
            layout,
            steps,
        };
        (package, spans)
    }

    fn language(&mut self, top: &mut Table<'_, '_>) -> String {
        let Some(value) = top.take("language") else { return "en".to_owned() };
        match value.get_ref().as_str() {
            Some(text) if is_language(text) => text.to_owned(),
            _ => {
                self.error(
                    &value.span(),
                    "this is no language",
                    "a BCP 47 tag like \"en\" or \"de-AT\"",
                );
                "en".to_owned()
            }
        }
    }

    fn validity(&mut self, top: &mut Table<'_, '_>) -> Validity {
        let Some(mut table) = self.table(top, "validity") else { return Validity::default() };
        let validity = Validity {
            from: self.moment(&mut table, "from"),
            until: self.moment(&mut table, "until"),
        };
        if let (Some(from), Some(until)) = (validity.from, validity.until)
            && from >= until
        {
            let span = table.table.get("until").map_or(table.span.clone(), Spanned::span);
            self.error(&span, "the validity ends before it begins", "`until` after `from`");
        }
        self.refuse_unknown(&table);
        validity
    }

    fn tiers(&mut self, top: &mut Table<'_, '_>) -> Vec<String> {
        let Some(mut table) = self.table(top, "eligibility") else { return Vec::new() };
        let tiers = self.texts(&mut table, "tiers");
        self.refuse_unknown(&table);
        tiers.into_iter().map(|(tier, _)| tier.trim().to_owned()).collect()
    }

    fn audience(&mut self, top: &mut Table<'_, '_>) -> Audience {
        let rule = AudienceRule::List;
        if !top.table.contains_key("audience") {
            top.take("audience");
            self.missing(top, "[audience]", "with `rule = \"list\"`");
            return Audience { rule, consent: String::new() };
        }
        let Some(mut table) = self.table(top, "audience") else {
            return Audience { rule, consent: String::new() };
        };
        let consent = self.text(&mut table, "consent", 2_000).unwrap_or_default();
        match table.take("rule") {
            None => self.missing(&table, "rule", "one of `list`"),
            Some(value) => match value.get_ref().as_str() {
                Some("list") => {}
                Some(other) => {
                    let message = format!("there is no audience rule `{other}`");
                    self.error(&value.span(), message, expected_name(other, ["list"]));
                }
                None => self.wrong(value, "rule", "one of `list`"),
            },
        }
        self.refuse_unknown(&table);
        Audience { rule, consent }
    }

    fn person_fields(&mut self, top: &mut Table<'_, '_>) -> Vec<String> {
        let Some(mut table) = self.table(top, "person") else { return Vec::new() };
        let fields = self.texts(&mut table, "fields");
        if let Some((_, span)) = fields.get(MOST_FIELDS) {
            let message = format!("there are {} person fields", fields.len());
            self.error(span, message, format!("at most {MOST_FIELDS}"));
        }
        for (field, span) in &fields {
            if !is_field(field) {
                let message = format!("`{field}` is no name of a field");
                self.error(span, message, "small letters, digits and `_`, such as `first_name`");
            }
        }
        self.refuse_unknown(&table);
        fields.into_iter().map(|(field, _)| field).filter(|field| is_field(field)).collect()
    }

    fn slots(&mut self, top: &mut Table<'_, '_>) -> BTreeMap<String, Slot> {
        let Some(all) = self.table(top, "slots") else { return BTreeMap::new() };
        let mut slots = BTreeMap::new();
        if all.table.len() > MOST_SLOTS {
            let message = format!("there are {} slots", all.table.len());
            self.error(&all.span, message, format!("at most {MOST_SLOTS}"));
        }
        for (key, value) in all.table.iter() {
            let name: &str = key.get_ref();
            if !is_field(name) {
                let message = format!("`{name}` is no name of a slot");
                self.error(
                    &key.span(),
                    message,
                    "small letters, digits and `_`, such as `cta_url`",
                );
                continue;
            }
            match value.get_ref().as_table() {
                Some(table) => {
                    let table = Table::new(format!("[slots.{name}]"), table, key.span());
                    slots.insert(name.to_owned(), self.slot(table));
                }
                None => self.wrong(value, name, &format!("a table `[slots.{name}]`")),
            }
        }
        slots
    }

    fn slot(&mut self, mut table: Table<'_, '_>) -> Slot {
        let label = self.line(&mut table, "label", 200);
        let kind =
            self.choice(&mut table, "kind", &[("text", SlotKind::Text), ("url", SlotKind::Url)]);
        let max_length = match table.take("max_length") {
            None => match kind {
                SlotKind::Text => 300,
                SlotKind::Url => 500,
            },
            Some(value) => {
                let number = value
                    .get_ref()
                    .as_integer()
                    .and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok())
                    .filter(|number| (1..=MOST_SLOT_LENGTH).contains(number));
                if number.is_none() {
                    let expected = format!("a number of characters from 1 to {MOST_SLOT_LENGTH}");
                    self.error(&value.span(), "`max_length` is not possible", expected);
                }
                number.and_then(|number| u32::try_from(number).ok()).unwrap_or(300)
            }
        };
        let required = match table.take("required") {
            None => false,
            Some(value) => value.get_ref().as_bool().unwrap_or_else(|| {
                self.wrong(value, "required", "true or false");
                false
            }),
        };
        let default = self.text(&mut table, "default", 2_000).unwrap_or_default();
        let slot = Slot { kind, label, max_length, required, default };
        if !slot.default.is_empty()
            && let Err((message, expected)) = slots::fits(&slot, &slot.default)
        {
            let span = table.table.get("default").map_or(table.span.clone(), Spanned::span);
            self.error(&span, format!("the default does not fit the slot: {message}"), expected);
        }
        self.refuse_unknown(&table);
        slot
    }

    fn steps(&mut self, top: &mut Table<'_, '_>) -> (Vec<Step>, StepSpans) {
        let Some(value) = top.take("steps") else {
            self.missing(top, "[[steps]]", "at least one");
            return (Vec::new(), Vec::new());
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(value, "steps", "tables `[[steps]]`");
            return (Vec::new(), Vec::new());
        };
        if array.is_empty() || array.len() > MOST_STEPS {
            let message = format!("there are {} steps", array.len());
            self.error(&value.span(), message, format!("1 to {MOST_STEPS}"));
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut spans: StepSpans = Vec::new();
        for item in array.iter().take(MOST_STEPS) {
            let Some(table) = item.get_ref().as_table() else {
                self.wrong(item, "steps", "a table `[[steps]]`");
                continue;
            };
            let table = Table::new("[[steps]]", table, item.span());
            let key_span = table.table.get("key").map_or(item.span(), Spanned::span);
            let Some(step) = self.step(table) else { continue };
            if let Some(first) = steps.iter().position(|known| known.key == step.key) {
                let (line, _) = position(self.source, spans[first].start);
                let message = format!("the step `{}` of line {line} is here again", step.key);
                self.error(&key_span, message, "a key for each step");
                continue;
            }
            steps.push(step);
            spans.push(key_span);
        }
        (steps, spans)
    }

    fn step(&mut self, mut table: Table<'_, '_>) -> Option<Step> {
        let key = self.parsed::<StepKey>(&mut table, "key", "a name like `announce`");
        let after =
            self.parsed::<Offset>(&mut table, "after", "an offset like \"0\", \"36h\" or \"3d\"");
        let kind = self.choice(&mut table, "kind", &[("email", StepKind::Email)]);
        let template = match table.table.contains_key("template") {
            true => self.name(&mut table, "template", "the name of a folder under each language"),
            false => {
                table.take("template");
                key.as_ref().map(ToString::to_string).unwrap_or_default()
            }
        };
        self.refuse_unknown(&table);
        Some(Step { key: key?, kind, after: after?, template })
    }
}

fn is_field(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 40
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether `text` looks like a BCP 47 tag: a language of two or three letters, and subtags.
pub(crate) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && text.len() <= 35
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"name = "spring"
title = "Spring"
vendor = "Northwind Secure"

[audience]
rule = "list"

[person]
fields = ["first_name"]

[slots.cta_url]
kind = "url"
label = "Where the button goes"

[[steps]]
key = "announce"
kind = "email"
after = "0"
"#;

    fn found(source: &str) -> Vec<String> {
        let mut findings = Findings::default();
        read(source, &mut findings);
        findings.into_sorted().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_file_is_read_whole() {
        let mut findings = Findings::default();
        let (package, _) = read(GOOD, &mut findings);
        assert_eq!(findings.into_sorted(), []);
        assert_eq!(package.layout, "cobrand");
        assert_eq!(package.language, "en");
        assert_eq!(package.steps[0].template, "announce");
        assert_eq!(package.slots["cta_url"].kind, SlotKind::Url);
    }

    #[test]
    fn each_mistake_is_found_where_it_is() {
        let cases = [
            (
                "title = \"Spring\"",
                "titel = \"Spring\"",
                "package.toml:2:1: error: a package has no key `titel`; expected perhaps `title`",
            ),
            (
                "name = \"spring\"",
                "name = \"Spring!\"",
                "package.toml:1:8: error: `Spring!` is no name",
            ),
            ("name = \"spring\"", "name = 7", "package.toml:1:8: error: `name` is a integer"),
            (
                "rule = \"list\"",
                "rule = \"lists\"",
                "package.toml:6:8: error: there is no audience rule `lists`; expected perhaps `list`",
            ),
            (
                "kind = \"email\"",
                "kind = \"emial\"",
                "package.toml:17:8: error: there is no kind `emial`; expected perhaps `email`",
            ),
            (
                "after = \"0\"",
                "after = \"3 days\"",
                "package.toml:18:9: error: `3 days` is no `after`",
            ),
            (
                "after = \"0\"",
                "",
                "package.toml:15:1: error: the key `after` of `[[steps]]` is missing",
            ),
            (
                "kind = \"url\"",
                "kind = \"url\"\nmaxlength = 3",
                "package.toml:13:1: error: `[slots.cta_url]` has no key `maxlength`; expected perhaps `max_length`",
            ),
            (
                "kind = \"url\"",
                "kind = \"url\"\nmax_length = 0",
                "package.toml:13:14: error: `max_length` is not possible",
            ),
            (
                "kind = \"url\"",
                "kind = \"url\"\ndefault = \"http://x.example\"",
                "package.toml:13:11: error: the default does not fit the slot",
            ),
            (
                "fields = [\"first_name\"]",
                "fields = [\"First Name\"]",
                "package.toml:9:11: error: `First Name` is no name of a field",
            ),
            (
                "fields = [\"first_name\"]",
                "fields = [\"a\", \"a\"]",
                "package.toml:9:16: error: `a` stands twice in `fields`",
            ),
            (
                "[audience]",
                "[validity]\nfrom = 2026-05-01\nuntil = 2026-04-01\n[audience]",
                "package.toml:7:9: error: the validity ends before it begins",
            ),
            (
                "[audience]",
                "[validity]\nfrom = \"soon\"\n[audience]",
                "package.toml:6:8: error: `from` is no moment",
            ),
            ("vendor = \"Northwind Secure\"", "vendor = \"Northwind Secure\nx", "package.toml:3:"),
        ];
        for (good, bad, expected) in cases {
            let found = found(&GOOD.replace(good, bad));
            assert!(
                found.iter().any(|line| line.starts_with(expected)),
                "{bad}\n{found:#?}\nwant {expected}"
            );
        }
    }

    #[test]
    fn a_step_key_that_stands_twice_names_both_places() {
        let again =
            format!("{GOOD}\n[[steps]]\nkey = \"announce\"\nkind = \"email\"\nafter = \"3d\"\n");
        assert_eq!(
            found(&again),
            [
                "package.toml:21:7: error: the step `announce` of line 16 is here again; expected a key for each step"
            ]
        );
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        let bad =
            "nmae = \"x\"\nlanguage = \"english please\"\n[[steps]]\nkey = \"A\"\nkind = \"fax\"\n";
        let found = found(bad);
        assert!(found.len() >= 8, "{found:#?}");
    }

    #[test]
    fn whatever_the_file_holds_nothing_panics() {
        for source in [
            "",
            "=",
            "[",
            "[[steps]]",
            "steps = 3",
            "slots = []",
            "\u{0}",
            "a = [[[[[[[[[",
            "[audience]\n[audience]",
        ] {
            assert!(!found(source).is_empty(), "{source:?}");
        }
    }
}
