//! `[motion]`, `[[goals]]` and `[landing_page]`.

use std::collections::BTreeMap;

use domain::schedule::Period;
use toml::{Spanned, de::DeValue};

use super::{Reader, keys::Table};
use crate::{
    diagnostic::expected_name,
    package::{Goal, GoalKind, LandingPage, Motion, Share, Slot, SlotKind},
};

pub(super) const MOST_GOALS: usize = 20;

#[derive(Clone, Copy)]
enum Kind {
    Event,
    AlwaysOn,
}

/// Keys that only motions of one kind have.
pub(super) const KEYS_OF_KINDS: [(&str, &[&str]); 2] =
    [("event_at", &["event"]), ("period", &["always-on"])];

impl Reader<'_> {
    pub(super) fn motion(
        &mut self,
        top: &mut Table<'_, '_>,
        slots: &BTreeMap<String, Slot>,
    ) -> Motion {
        let Some(mut table) = self.table(top, "motion") else { return Motion::Once };
        let kinds = [("event", Kind::Event), ("always-on", Kind::AlwaysOn)];
        let (motion, name) = match self.choice(&mut table, "kind", &kinds) {
            Kind::Event => (self.event(&mut table, slots), "event"),
            Kind::AlwaysOn => {
                let expected = "a period like \"1w\", \"2w\", \"1mo\" or \"3mo\"";
                let period = self.parsed::<Period>(&mut table, "period", expected);
                (period.map(|period| Motion::AlwaysOn { period }), "always-on")
            }
        };
        self.refuse_keys_of_other_kinds(&mut table, "motion", name, &KEYS_OF_KINDS);
        self.refuse_unknown(&table);
        motion.unwrap_or_default()
    }

    fn event(
        &mut self,
        table: &mut Table<'_, '_>,
        slots: &BTreeMap<String, Slot>,
    ) -> Option<Motion> {
        let expected = "the name of a slot of kind `datetime`";
        let Some(value) = table.take("event_at") else {
            self.missing(table, "event_at", expected);
            return None;
        };
        let Some(name) = value.get_ref().as_str() else {
            self.wrong(value, "event_at", expected);
            return None;
        };
        match slots.get(name) {
            None => {
                let moments = slots
                    .iter()
                    .filter(|(_, slot)| slot.kind == SlotKind::Datetime)
                    .map(|(name, _)| name.as_str());
                let expected = match moments.clone().next() {
                    Some(_) => expected_name(name, moments),
                    None => format!("a table `[slots.{name}]` with `kind = \"datetime\"`"),
                };
                self.error(&value.span(), format!("there is no slot `{name}`"), expected);
            }
            Some(slot) if slot.kind != SlotKind::Datetime => {
                let message = format!("the slot `{name}` is of kind `{}`", slot.kind);
                self.error(&value.span(), message, "a slot of kind `datetime`");
            }
            Some(slot) if !slot.required && slot.default.is_empty() => {
                let message = format!("the slot `{name}` may be left empty");
                let expected = "`required = true` in it: without the event nothing is due";
                self.error(&value.span(), message, expected);
            }
            Some(_) => {}
        }
        Some(Motion::Event { event_at: name.to_owned() })
    }

    pub(super) fn goals(&mut self, top: &mut Table<'_, '_>) -> Vec<Goal> {
        let mut goals: Vec<Goal> = Vec::new();
        for mut table in self.tables(top, "goals", MOST_GOALS) {
            let key = self.name(&mut table, "key", "a name like `registered`");
            let title = self.localised_line(&mut table, "title", 100);
            let kinds =
                [("click", GoalKind::Click), ("form", GoalKind::Form), ("reply", GoalKind::Reply)];
            let kind = self.choice(&mut table, "kind", &kinds);
            let target = self.share(&mut table, "target");
            if !key.is_empty() && goals.iter().any(|known| known.key == key) {
                let span = table.table.get("key").map_or(table.span.clone(), Spanned::span);
                let message = format!("the goal `{key}` is here again");
                self.error(&span, message, "a key for each goal");
            }
            self.refuse_unknown(&table);
            goals.push(Goal { key, title, kind, target });
        }
        goals
    }

    fn share(&mut self, table: &mut Table<'_, '_>, key: &'static str) -> Option<Share> {
        let value = table.take(key)?;
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            _ => None,
        };
        let share = number.and_then(|number| Share::try_from(number).ok());
        if share.is_none() {
            let message = format!("`{key}` is no share");
            self.error(&value.span(), message, "a number from 0 to 1, such as 0.05");
        }
        share
    }

    pub(super) fn landing_page(&mut self, top: &mut Table<'_, '_>) -> Option<LandingPage> {
        if let Some((key, _)) = top.table.get_key_value("landing_page") {
            self.places.landing_page = key.span();
        }
        let mut table = self.table(top, "landing_page")?;
        let expected = "the name of a folder under each language";
        let template = self.name(&mut table, "template", expected);
        self.refuse_unknown(&table);
        (!template.is_empty()).then_some(LandingPage { template })
    }
}
