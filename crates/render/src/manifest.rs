//! Reads `package.toml`, finding everything that is wrong with it at once.

mod assets;
mod keys;
mod motion;
pub(crate) mod schema;
mod slots;
mod steps;
mod tracking;

use std::{collections::BTreeMap, ops::Range};

use toml::{Spanned, de::DeTable};

use self::keys::Table;
use crate::{
    diagnostic::{Findings, expected_name},
    package::{Audience, AudienceRule, Localised, Package, Topic, Validity},
};

/// The file's name.
pub(crate) const FILE: &str = "package.toml";
const MOST_FIELDS: usize = 30;
const MOST_TITLE: usize = 100;
const MOST_TEXT: usize = 2_000;

/// Where things stand in the file, for findings that need more than the file.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The keys of the steps, in their order.
    pub(crate) steps: Vec<Range<usize>>,
    /// The pictures, by name.
    pub(crate) assets: BTreeMap<String, Range<usize>>,
    /// The landing page.
    pub(crate) landing_page: Range<usize>,
}

/// Reads the package; what can't be read is in the findings, and has a stand-in in the package so
/// that the rest can be looked at.
pub(crate) fn read(source: &str, findings: &mut Findings) -> (Package, Places) {
    let mut reader = Reader::new(source, findings);
    let package = reader.document();
    (package, reader.places)
}

/// The keys that were asked for in each table, known or not.
#[cfg(test)]
fn keys_asked_for(
    source: &str,
    findings: &mut Findings,
) -> BTreeMap<String, std::collections::BTreeSet<&'static str>> {
    let mut reader = Reader::new(source, findings);
    reader.document();
    reader.keys
}

struct Reader<'a> {
    source: &'a str,
    findings: &'a mut Findings,
    /// The package's own language, which every text must have.
    language: String,
    places: Places,
    /// The keys that were asked for, by table, to hold the schema to them.
    #[cfg(test)]
    keys: BTreeMap<String, std::collections::BTreeSet<&'static str>>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, findings: &'a mut Findings) -> Self {
        Self {
            source,
            findings,
            language: "en".to_owned(),
            places: Places::default(),
            #[cfg(test)]
            keys: BTreeMap::new(),
        }
    }

    fn document(&mut self) -> Package {
        let (document, errors) = DeTable::parse_recoverable(self.source);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.error(&span, error.message(), "TOML 1.0");
        }
        self.package(&document)
    }
}

impl Reader<'_> {
    fn package(&mut self, document: &Spanned<DeTable<'_>>) -> Package {
        let mut top = Table::new("", document.get_ref(), 0..0);
        self.language = self.language(&mut top);
        let name = self.name(&mut top, "name", "a name like `product-launch`");
        let title = self.localised_line(&mut top, "title", MOST_TITLE);
        let vendor = self.line(&mut top, "vendor", MOST_TITLE);
        let description = self.localised(&mut top, "description", MOST_TEXT);
        let layout = match top.table.contains_key("layout") {
            true => self.name(&mut top, "layout", "the name of a layout, such as `cobrand`"),
            false => {
                top.take("layout");
                "cobrand".to_owned()
            }
        };
        let topic = self.topic(&mut top);
        let validity = self.validity(&mut top);
        let eligibility = self.eligibility(&mut top);
        let audience = self.audience(&mut top);
        let person_fields = self.person_fields(&mut top);
        let slots = self.slots(&mut top);
        let motion = self.motion(&mut top, &slots);
        let goals = self.goals(&mut top);
        let tracking = self.tracking(&mut top);
        let landing_page = self.landing_page(&mut top);
        let assets = self.assets(&mut top);
        let steps = self.steps(&mut top, &motion, &assets);
        self.refuse_unknown(&top);
        Package {
            name,
            title,
            vendor,
            description,
            language: self.language.clone(),
            topic,
            validity,
            tiers: eligibility.tiers,
            regions: eligibility.regions,
            partner_types: eligibility.partner_types,
            audience,
            person_fields,
            slots,
            layout,
            motion,
            goals,
            tracking,
            landing_page,
            assets,
            steps,
        }
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

    fn topic(&mut self, top: &mut Table<'_, '_>) -> Option<Topic> {
        let mut table = self.table(top, "topic")?;
        let topic = Topic {
            name: self.name(&mut table, "name", "a name like `product-news`"),
            title: self.localised_line(&mut table, "title", MOST_TITLE),
        };
        self.refuse_unknown(&table);
        Some(topic)
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

    fn eligibility(&mut self, top: &mut Table<'_, '_>) -> Eligibility {
        let Some(mut table) = self.table(top, "eligibility") else { return Eligibility::default() };
        let tiers = self.texts(&mut table, "tiers");
        let regions = self.texts(&mut table, "regions");
        let partner_types = self.texts(&mut table, "partner_types");
        for (region, span) in &regions {
            if !is_country(region) {
                let message = format!("`{region}` is no country");
                let expected = match region.to_uppercase() {
                    upper if upper == "UK" => "`GB`".to_owned(),
                    upper if is_country(&upper) => format!("`{upper}`"),
                    _ => "two capital letters of ISO 3166-1, such as `AT`".to_owned(),
                };
                self.error(span, message, expected);
            }
        }
        for (partner_type, span) in &partner_types {
            if partner_type.trim().is_empty() || partner_type.chars().count() > 60 {
                let message = format!("`{partner_type}` is no kind of partner");
                self.error(span, message, "a name such as `reseller`, at most 60 characters");
            }
        }
        self.refuse_unknown(&table);
        let trimmed = |texts: Vec<(String, Range<usize>)>| {
            texts.into_iter().map(|(text, _)| text.trim().to_owned()).collect()
        };
        Eligibility {
            tiers: trimmed(tiers),
            regions: trimmed(regions),
            partner_types: trimmed(partner_types),
        }
    }

    fn audience(&mut self, top: &mut Table<'_, '_>) -> Audience {
        let nobody = Audience { rule: AudienceRule::List, consent: Localised::default() };
        if !top.table.contains_key("audience") {
            top.take("audience");
            self.missing(top, "[audience]", "with `rule = \"list\"`");
            return nobody;
        }
        let Some(mut table) = self.table(top, "audience") else { return nobody };
        let consent = self.localised(&mut table, "consent", MOST_TEXT);
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
        Audience { rule: AudienceRule::List, consent }
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
}

/// Who may launch a package; empty means everybody.
#[derive(Default)]
struct Eligibility {
    tiers: Vec<String>,
    regions: Vec<String>,
    partner_types: Vec<String>,
}

/// The countries of ISO 3166-1, alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ \
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER \
    ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM \
    IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF \
    MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK \
    PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD \
    TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

fn is_country(text: &str) -> bool {
    COUNTRIES.split(' ').any(|country| country == text)
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
    use crate::package::SlotKind;

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
