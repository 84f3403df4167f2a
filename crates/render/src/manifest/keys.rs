//! Taking keys of a TOML table, whatever the table is for: each that is missing, unknown or of another kind
//! becomes a finding at its place.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ops::{Range, RangeInclusive},
    str::FromStr,
};

use domain::UtcMillis;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{FILE, Reader, is_field, is_language};
use crate::{diagnostic::expected_name, package::Localised};

pub(super) type Value<'a, 'i> = &'a Spanned<DeValue<'i>>;

/// A table with its place, and what was taken out of it.
pub(super) struct Table<'a, 'i> {
    /// How it is called in messages, such as `[[steps]]`; empty for the document.
    pub(super) name: String,
    pub(super) table: &'a DeTable<'i>,
    pub(super) span: Range<usize>,
    pub(super) known: Vec<&'static str>,
}

impl<'a, 'i> Table<'a, 'i> {
    pub(super) fn new(name: impl Into<String>, table: &'a DeTable<'i>, span: Range<usize>) -> Self {
        Self { name: name.into(), table, span, known: Vec::new() }
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'a, 'i>> {
        self.known.push(key);
        self.table.get(key)
    }
}

impl Reader<'_> {
    pub(super) fn error(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.findings.error(FILE, self.source, span, message, expected);
    }

    pub(super) fn refuse_unknown(&mut self, table: &Table<'_, '_>) {
        #[cfg(test)]
        self.keys.entry(table.name.clone()).or_default().extend(table.known.iter().copied());
        for (key, _) in table.table.iter() {
            let name: &str = key.get_ref();
            if !table.known.contains(&name) {
                let expected = expected_name(name, table.known.iter().copied());
                let place = match table.name.as_str() {
                    "" => "a package".to_owned(),
                    name => format!("`{name}`"),
                };
                self.error(&key.span(), format!("{place} has no key `{name}`"), expected);
            }
        }
    }

    pub(super) fn missing(&mut self, table: &Table<'_, '_>, key: &str, expected: &str) {
        self.missing_at(&table.name, &table.span, key, expected);
    }

    /// The same where the table itself is gone.
    pub(super) fn missing_at(
        &mut self,
        table: &str,
        span: &Range<usize>,
        key: &str,
        expected: &str,
    ) {
        let message = match table {
            "" => format!("the key `{key}` is missing"),
            name => format!("the key `{key}` of `{name}` is missing"),
        };
        self.error(span, message, format!("`{key} = …`, {expected}"));
    }

    pub(super) fn wrong(&mut self, value: Value<'_, '_>, key: &str, expected: &str) {
        let got = value.get_ref().type_str();
        self.error(&value.span(), format!("`{key}` is a {got}"), expected);
    }

    /// The text of a value, trimmed.
    fn text_of(&mut self, value: Value<'_, '_>, key: &str, most: usize) -> Option<String> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong(value, key, "a text in quotes");
            return None;
        };
        let length = text.chars().count();
        if length > most {
            let message = format!("`{key}` has {length} characters");
            self.error(&value.span(), message, format!("at most {most}"));
        }
        if text.contains(crate::clean::is_noncharacter) {
            self.error(&value.span(), format!("`{key}` has a Unicode noncharacter"), "text");
        }
        Some(text.trim().to_owned())
    }

    /// The text of a value, which must be one line and not empty.
    fn line_of(&mut self, value: Value<'_, '_>, key: &str, most: usize) -> String {
        let Some(text) = self.text_of(value, key, most) else { return String::new() };
        if text.is_empty() || text.chars().any(char::is_control) {
            let message = format!("`{key}` is empty or has more than one line");
            self.error(&value.span(), message, "one line of text");
        }
        text
    }

    /// A text on one line that must be there.
    pub(super) fn line(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        most: usize,
    ) -> String {
        let Some(value) = table.take(key) else {
            self.missing(table, key, "a text");
            return String::new();
        };
        self.line_of(value, key, most)
    }

    /// A text, or one for each of several languages; empty if it is not there.
    pub(super) fn localised(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        most: usize,
    ) -> Localised {
        let Some(value) = table.take(key) else { return Localised::default() };
        self.localised_of(value, key, |reader, value, key| {
            reader.text_of(value, key, most).unwrap_or_default()
        })
    }

    /// A text on one line that must be there, or one for each of several languages.
    pub(super) fn localised_line(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        most: usize,
    ) -> Localised {
        let Some(value) = table.take(key) else {
            self.missing(table, key, "a text");
            return Localised::default();
        };
        self.localised_of(value, key, |reader, value, key| reader.line_of(value, key, most))
    }

    fn localised_of(
        &mut self,
        value: Value<'_, '_>,
        key: &str,
        read: impl Fn(&mut Self, Value<'_, '_>, &str) -> String,
    ) -> Localised {
        let Some(table) = value.get_ref().as_table() else {
            return Localised::from(read(self, value, key));
        };
        let mut own = None;
        let mut others = BTreeMap::new();
        for (language, value) in table.iter() {
            let name: &str = language.get_ref();
            if !is_language(name) {
                let message = format!("`{name}` of `{key}` is no language");
                self.error(&language.span(), message, "a BCP 47 tag like `en` or `de-AT`");
            }
            let text = read(self, value, &format!("{key}.{name}"));
            if name == self.language {
                own = Some(text);
            } else {
                others.insert(name.to_owned(), text);
            }
        }
        if own.is_none() {
            let message =
                format!("`{key}` has no text in `{}`, the package's own language", self.language);
            let expected = format!("`{} = \"…\"` among its languages", self.language);
            self.error(&value.span(), message, expected);
        }
        Localised::new(own.unwrap_or_default(), others)
    }

    /// A whole number within bounds, if the key is there.
    pub(super) fn number(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        bounds: RangeInclusive<u32>,
        what: &str,
    ) -> Option<u32> {
        let value = table.take(key)?;
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok())
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| bounds.contains(number));
        if number.is_none() {
            let expected =
                format!("a number of {what} from {} to {}", bounds.start(), bounds.end());
            self.error(&value.span(), format!("`{key}` is not possible"), expected);
        }
        number
    }

    /// True or false; false if the key is not there.
    pub(super) fn flag(&mut self, table: &mut Table<'_, '_>, key: &'static str) -> bool {
        self.flag_or(table, key, false)
    }

    /// True or false; `default` if the key is not there.
    pub(super) fn flag_or(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        default: bool,
    ) -> bool {
        let Some(value) = table.take(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong(value, key, "true or false");
            default
        })
    }

    /// The tables of an array, each with its place. None if the key is not there.
    pub(super) fn tables<'a, 'i>(
        &mut self,
        parent: &mut Table<'a, 'i>,
        key: &'static str,
        most: usize,
    ) -> Vec<Table<'a, 'i>> {
        let Some(value) = parent.take(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(value, key, &format!("tables `[[{key}]]`"));
            return Vec::new();
        };
        if array.is_empty() || array.len() > most {
            let message = format!("there are {} {key}", array.len());
            self.error(&value.span(), message, format!("1 to {most}"));
        }
        let mut tables = Vec::new();
        for item in array.iter().take(most) {
            match item.get_ref().as_table() {
                Some(table) => tables.push(Table::new(format!("[[{key}]]"), table, item.span())),
                None => self.wrong(item, key, &format!("a table `[[{key}]]`")),
            }
        }
        tables
    }

    /// The tables under a table, by name (small letters, digits and `_`), each with its place.
    pub(super) fn named_tables<'a, 'i>(
        &mut self,
        parent: &mut Table<'a, 'i>,
        key: &'static str,
        most: usize,
        example: &str,
    ) -> Vec<(String, Table<'a, 'i>)> {
        let Some(all) = self.table(parent, key) else { return Vec::new() };
        if all.table.len() > most {
            let message = format!("there are {} {key}", all.table.len());
            self.error(&all.span, message, format!("at most {most}"));
        }
        let one = key.strip_suffix('s').unwrap_or(key);
        let mut tables = Vec::new();
        for (key_of_one, value) in all.table.iter().take(most) {
            let name: &str = key_of_one.get_ref();
            if !is_field(name) {
                let message = format!("`{name}` is no name of {} {one}", article(one));
                let expected = format!("small letters, digits and `_`, such as `{example}`");
                self.error(&key_of_one.span(), message, expected);
                continue;
            }
            match value.get_ref().as_table() {
                Some(table) => {
                    let table = Table::new(format!("[{key}.{name}]"), table, key_of_one.span());
                    tables.push((name.to_owned(), table));
                }
                None => self.wrong(value, name, &format!("a table `[{key}.{name}]`")),
            }
        }
        tables
    }

    /// Refuses keys of `others` that stand in a table of a kind they don't belong to.
    pub(super) fn refuse_keys_of_other_kinds(
        &mut self,
        table: &mut Table<'_, '_>,
        what: &str,
        kind: &str,
        others: &[(&'static str, &[&str])],
    ) {
        for (key, kinds) in others {
            if table.known.contains(key) {
                continue;
            }
            if let Some((name, _)) = table.table.get_key_value(*key) {
                let message = format!("a {what} of kind `{kind}` has no `{key}`");
                let kinds = kinds.join("` or `");
                self.error(&name.span(), message, format!("`{key}` with kind `{kinds}` only"));
                table.known.push(*key);
            }
        }
    }

    /// A name of small letters, digits and hyphens that must be there.
    pub(super) fn name(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        expected: &str,
    ) -> String {
        let Some(value) = table.take(key) else {
            self.missing(table, key, expected);
            return String::new();
        };
        match value.get_ref().as_str() {
            Some(text) if is_name(text) => text.to_owned(),
            Some(text) => {
                let message = format!("`{text}` is no name");
                let expected = format!("{expected}: small letters, digits and hyphens, at most 60");
                self.error(&value.span(), message, expected);
                String::new()
            }
            None => {
                self.wrong(value, key, expected);
                String::new()
            }
        }
    }

    pub(super) fn table<'a, 'i>(
        &mut self,
        parent: &mut Table<'a, 'i>,
        key: &'static str,
    ) -> Option<Table<'a, 'i>> {
        let value = parent.take(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Table::new(format!("[{key}]"), table, value.span())),
            None => {
                self.wrong(value, key, &format!("a table `[{key}]`"));
                None
            }
        }
    }

    /// A day (its beginning in UTC) or a moment with its offset.
    pub(super) fn moment(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
    ) -> Option<UtcMillis> {
        let value = table.take(key)?;
        let text = match value.get_ref() {
            DeValue::Datetime(moment) => Cow::Owned(moment.to_string()),
            DeValue::String(text) => Cow::Borrowed(text.as_ref()),
            _ => Cow::Borrowed(""),
        };
        let day = || {
            let date = jiff::civil::Date::from_str(&text).ok()?;
            Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        };
        match jiff::Timestamp::from_str(&text).ok().or_else(day) {
            Some(moment) => Some(moment.into()),
            None => {
                let expected = "a day like 2026-09-01, or a moment like 2026-09-01T08:00:00+02:00";
                self.error(&value.span(), format!("`{key}` is no moment"), expected);
                None
            }
        }
    }

    /// Texts in an array, each with its place.
    pub(super) fn texts(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
    ) -> Vec<(String, Range<usize>)> {
        let Some(value) = table.take(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(value, key, "an array of texts, such as [\"…\", \"…\"]");
            return Vec::new();
        };
        let mut texts: Vec<(String, Range<usize>)> = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) if texts.iter().any(|(known, _)| known == text) => {
                    self.error(
                        &item.span(),
                        format!("`{text}` stands twice in `{key}`"),
                        "each once",
                    );
                }
                Some(text) => texts.push((text.to_owned(), item.span())),
                None => self.wrong(item, key, "a text in quotes"),
            }
        }
        texts
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> T {
        let names = choices.iter().map(|(name, _)| *name);
        match table.take(key) {
            None => self.missing(table, key, &expected_name("", names)),
            Some(value) => match value.get_ref().as_str() {
                Some(text) => {
                    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
                        return *choice;
                    }
                    let message = format!("there is no {key} `{text}`");
                    self.error(&value.span(), message, expected_name(text, names));
                }
                None => self.wrong(value, key, &expected_name("", names)),
            },
        }
        choices[0].1
    }

    pub(super) fn parsed<T: FromStr>(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        expected: &str,
    ) -> Option<T> {
        let Some(value) = table.take(key) else {
            self.missing(table, key, expected);
            return None;
        };
        let Some(text) = value.get_ref().as_str() else {
            self.wrong(value, key, expected);
            return None;
        };
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.error(&value.span(), format!("`{text}` is no `{key}`"), expected);
        }
        parsed
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

pub(super) fn is_name(text: &str) -> bool {
    let has_edges = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    has_edges
        && text.len() <= 60
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
