//! Taking keys of a TOML table, whatever the table is for: each that is missing, unknown or of another kind
//! becomes a finding at its place.

use std::{borrow::Cow, ops::Range, str::FromStr};

use domain::UtcMillis;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{FILE, Reader};
use crate::diagnostic::expected_name;

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
        let message = match table.name.as_str() {
            "" => format!("the key `{key}` is missing"),
            name => format!("the key `{key}` of `{name}` is missing"),
        };
        let span = table.span.clone();
        self.error(&span, message, format!("`{key} = …`, {expected}"));
    }

    pub(super) fn wrong(&mut self, value: Value<'_, '_>, key: &str, expected: &str) {
        let got = value.get_ref().type_str();
        self.error(&value.span(), format!("`{key}` is a {got}"), expected);
    }

    pub(super) fn text(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        most: usize,
    ) -> Option<String> {
        let value = table.take(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong(value, key, "a text in quotes");
            return None;
        };
        let length = text.chars().count();
        if length > most {
            let message = format!("`{key}` has {length} characters");
            self.error(&value.span(), message, format!("at most {most}"));
        }
        if text.contains(crate::mark::is_noncharacter) {
            self.error(&value.span(), format!("`{key}` has a Unicode noncharacter"), "text");
        }
        Some(text.trim().to_owned())
    }

    /// A text on one line that must be there.
    pub(super) fn line(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        most: usize,
    ) -> String {
        if !table.table.contains_key(key) {
            table.take(key);
            self.missing(table, key, "a text");
            return String::new();
        }
        let text = self.text(table, key, most).unwrap_or_default();
        if let Some(value) = table.table.get(key)
            && value.get_ref().is_str()
            && (text.is_empty() || text.chars().any(char::is_control))
        {
            self.error(
                &value.span(),
                format!("`{key}` is empty or has more than one line"),
                "one line of text",
            );
        }
        text
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

fn is_name(text: &str) -> bool {
    let has_edges = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    has_edges
        && text.len() <= 60
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
