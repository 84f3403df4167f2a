//! `[slots.NAME]`: what partners may fill.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{Reader, keys::Table};
use crate::{
    package::{Choice, Fill, HostRule, Localised, Slot, SlotKind},
    slots,
};

pub(super) const MOST_SLOTS: usize = 50;
/// The most characters a slot can be allowed.
pub(super) const MOST_LENGTH: u32 = 2_000;
/// The same for rich text.
pub(super) const MOST_RICH_LENGTH: u32 = 10_000;
pub(super) const MOST_CHOICES: usize = 20;
pub(super) const MOST_HOSTS: usize = 20;

/// Keys that only slots of some kinds have.
pub(super) const KEYS_OF_KINDS: [(&str, &[&str]); 7] = [
    ("default", &["text", "rich_text", "url", "choice", "colour", "person", "datetime"]),
    ("max_length", &["text", "rich_text", "url"]),
    ("hosts", &["url"]),
    ("choices", &["choice"]),
    ("min_width", &["image"]),
    ("min_height", &["image"]),
    ("max_bytes", &["image"]),
];

impl Reader<'_> {
    pub(super) fn slots(&mut self, top: &mut Table<'_, '_>) -> BTreeMap<String, Slot> {
        let tables = self.named_tables(top, "slots", MOST_SLOTS, "cta_url");
        let names: Vec<(String, std::ops::Range<usize>)> =
            tables.iter().map(|(name, table)| (name.clone(), table.span.clone())).collect();
        let slots: BTreeMap<String, Slot> =
            tables.into_iter().map(|(name, table)| (name, self.slot(table))).collect();
        for (name, span) in names {
            let colour = name.strip_suffix("_ink").and_then(|colour| slots.get(colour));
            if colour.is_some_and(|slot| slot.kind == SlotKind::Colour) {
                let message = format!("`{name}` has a meaning already");
                self.error(&span, message, "another name: every colour has its `_ink`");
            }
        }
        slots
    }

    fn slot(&mut self, mut table: Table<'_, '_>) -> Slot {
        let label = self.localised_line(&mut table, "label", 200);
        let kinds = SlotKind::ALL.map(|kind| (kind.as_str(), kind));
        let kind = self.choice(&mut table, "kind", &kinds);
        let mut slot = Slot {
            kind,
            label,
            max_length: 0,
            required: self.flag(&mut table, "required"),
            default: Localised::default(),
            fill: self.fill(&mut table, kind),
            hosts: Vec::new(),
            choices: Vec::new(),
            min_width: 0,
            min_height: 0,
            max_bytes: 0,
        };
        let (usual, most) = match kind {
            SlotKind::Text => (300, MOST_LENGTH),
            SlotKind::RichText => (1_000, MOST_RICH_LENGTH),
            SlotKind::Url => (500, MOST_LENGTH),
            _ => (slots::MOST_OTHER, 0),
        };
        slot.max_length = usual;
        if most > 0 {
            let given = self.number(&mut table, "max_length", 1..=most, "characters");
            slot.max_length = given.unwrap_or(usual);
        }
        match kind {
            SlotKind::Url => slot.hosts = self.hosts(&mut table),
            SlotKind::Choice => slot.choices = self.choices(&mut table),
            SlotKind::Image => {
                let mut number = |key, most, what| {
                    self.number(&mut table, key, 1..=most, what).unwrap_or_default()
                };
                slot.min_width = number("min_width", 4_096, "pixels");
                slot.min_height = number("min_height", 4_096, "pixels");
                slot.max_bytes = number("max_bytes", 1024 * 1024, "bytes");
            }
            _ => {}
        }
        if kind != SlotKind::Image {
            slot.default = self.localised(&mut table, "default", MOST_RICH_LENGTH as usize * 2);
            self.look_at_default(&table, &slot);
        }
        self.refuse_keys_of_other_kinds(&mut table, "slot", kind.as_str(), &KEYS_OF_KINDS);
        self.refuse_unknown(&table);
        slot
    }

    fn look_at_default(&mut self, table: &Table<'_, '_>, slot: &Slot) {
        let Some(value) = table.table.get("default") else { return };
        if slot.kind == SlotKind::Choice && slot.choices.is_empty() {
            return;
        }
        for (language, text) in slot.default.iter() {
            if text.is_empty() {
                continue;
            }
            if let Err((message, expected)) = slots::fits(slot, text) {
                let at = value
                    .get_ref()
                    .as_table()
                    .and_then(|texts| texts.get(language.unwrap_or(&self.language)))
                    .map_or_else(|| value.span(), Spanned::span);
                let message = format!("the default does not fit the slot: {message}");
                self.error(&at, message, expected);
            }
        }
    }

    fn fill(&mut self, table: &mut Table<'_, '_>, kind: SlotKind) -> Option<Fill> {
        if !table.table.contains_key("fill") {
            table.take("fill");
            return None;
        }
        let fill = self.choice(table, "fill", &Fill::ALL.map(|fill| (fill.as_str(), fill)));
        let value = table.table.get("fill")?;
        let is_known = value.get_ref().as_str() == Some(fill.as_str());
        if is_known && !fill.fits(kind) {
            let fitting: Vec<_> = SlotKind::ALL
                .into_iter()
                .filter(|kind| fill.fits(*kind))
                .map(|kind| format!("`{kind}`"))
                .collect();
            let message = format!("`{}` does not fill a slot of kind `{kind}`", fill.as_str());
            self.error(&value.span(), message, format!("a slot of kind {}", fitting.join(" or ")));
        }
        is_known.then_some(fill)
    }

    fn hosts(&mut self, table: &mut Table<'_, '_>) -> Vec<HostRule> {
        let texts = self.texts(table, "hosts");
        if let Some((_, span)) = texts.get(MOST_HOSTS) {
            let message = format!("there are {} hosts", texts.len());
            self.error(span, message, format!("at most {MOST_HOSTS}"));
        }
        let mut hosts = Vec::new();
        for (text, span) in texts {
            match text.parse() {
                Ok(host) => hosts.push(host),
                Err(message) => {
                    let expected = "a host like `www.example.com`, `*.example.com`, or `partner`";
                    self.error(&span, message, expected);
                }
            }
        }
        hosts
    }

    fn choices(&mut self, table: &mut Table<'_, '_>) -> Vec<Choice> {
        if !table.table.contains_key("choices") {
            table.take("choices");
            let expected = "such as [{ value = \"short\", label = \"Short\" }, …]";
            self.missing(table, "choices", expected);
            return Vec::new();
        }
        let tables = self.tables(table, "choices", MOST_CHOICES);
        if tables.len() == 1 {
            let span = tables[0].span.clone();
            self.error(&span, "there is only one choice", format!("2 to {MOST_CHOICES}"));
        }
        let mut choices: Vec<Choice> = Vec::new();
        for mut table in tables {
            let value = self.line(&mut table, "value", 60);
            let label = self.localised_line(&mut table, "label", 100);
            if choices.iter().any(|known| known.value == value) {
                let span = table.table.get("value").map_or(table.span.clone(), Spanned::span);
                self.error(&span, format!("the choice `{value}` is here again"), "each once");
            }
            self.refuse_unknown(&table);
            choices.push(Choice { value, label });
        }
        choices
    }
}
