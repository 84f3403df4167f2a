//! `[[steps]]`.

use std::{collections::BTreeMap, ops::Range};

use domain::{
    StepKey,
    schedule::{Due, Offset},
};
use toml::Spanned;

use super::{
    Reader,
    keys::{Table, is_name},
};
use crate::{
    diagnostic::{expected_name, position},
    package::{Asset, BranchOn, Motion, Network, Step, StepKind},
};

pub(super) const MOST_STEPS: usize = 50;
pub(super) const MOST_EDITIONS: usize = 120;

const FOLDER: &str = "the name of a folder under each language";
const AFTER: &str = "an offset like \"0\", \"36h\", \"3d\" or \"3d 09:00\"";
const AT: &str = "a time before or after the event like \"T-14d\", \"T-1d 09:00\" or \"T+2h\"";
const DURATION: &str = "a duration like \"90min\", \"36h\" or \"2d\"";

/// Keys that only steps of some kinds have.
pub(super) const KEYS_OF_KINDS: [(&str, &[&str]); 12] = [
    ("after", &["email", "social"]),
    ("at", &["email", "social"]),
    ("template", &["email", "social"]),
    ("editions", &["email"]),
    ("networks", &["social"]),
    ("image", &["social"]),
    ("for", &["wait"]),
    ("of", &["branch"]),
    ("on", &["branch"]),
    ("within", &["branch"]),
    ("then", &["branch"]),
    ("else", &["branch"]),
];

#[derive(Clone, Copy)]
enum Kind {
    Email,
    Social,
    Wait,
    Branch,
}

/// A step, and where it and its keys stand.
struct Placed {
    step: Step,
    table: Range<usize>,
    key: Range<usize>,
    of: Range<usize>,
    ways: [Range<usize>; 2],
    /// Whether the file says when it is due, rightly or wrongly.
    has_due: bool,
}

impl Reader<'_> {
    pub(super) fn steps(
        &mut self,
        top: &mut Table<'_, '_>,
        motion: &Motion,
        assets: &BTreeMap<String, Asset>,
    ) -> Vec<Step> {
        if !top.table.contains_key("steps") {
            top.take("steps");
            self.missing(top, "[[steps]]", "at least one");
            return Vec::new();
        }
        let mut placed: Vec<Placed> = Vec::new();
        for table in self.tables(top, "steps", MOST_STEPS) {
            let Some(step) = self.step(table, motion, assets) else { continue };
            if let Some(first) = placed.iter().find(|known| known.step.key == step.step.key) {
                let (line, _) = position(self.source, first.key.start);
                let message = format!("the step `{}` of line {line} is here again", step.step.key);
                self.error(&step.key, message, "a key for each step");
                continue;
            }
            placed.push(step);
        }
        for step in &placed {
            self.look_at_branch(step, &placed);
        }
        self.look_for_circles(&placed);
        for step in &mut placed {
            let is_timed = matches!(step.step.kind, StepKind::Email | StepKind::Social { .. });
            step.step.due = step.step.due.filter(|_| is_timed);
        }
        for at in 0..placed.len() {
            self.look_at_due(at, &placed, motion);
        }
        self.places.steps = placed.iter().map(|step| step.key.clone()).collect();
        let mut steps: Vec<Step> = placed.into_iter().map(|placed| placed.step).collect();
        for step in &mut steps {
            let is_timed = matches!(step.kind, StepKind::Email | StepKind::Social { .. });
            if is_timed && step.due.is_none() {
                // Led to by a branch, or a mistake that was found.
                step.due = Some(Due::START);
            }
        }
        steps
    }

    fn step(
        &mut self,
        mut table: Table<'_, '_>,
        motion: &Motion,
        assets: &BTreeMap<String, Asset>,
    ) -> Option<Placed> {
        let span_of = |table: &Table<'_, '_>, key: &str| {
            table.table.get(key).map_or(table.span.clone(), Spanned::span)
        };
        let (key_place, of) = (span_of(&table, "key"), span_of(&table, "of"));
        let ways = [span_of(&table, "then"), span_of(&table, "else")];
        let whole = table.span.clone();
        let key = self.parsed::<StepKey>(&mut table, "key", "a name like `announce`");
        let kinds = [
            ("email", Kind::Email),
            ("social", Kind::Social),
            ("wait", Kind::Wait),
            ("branch", Kind::Branch),
        ];
        let mut due = None;
        let mut has_due = false;
        let mut template = String::new();
        let mut editions = Vec::new();
        let kind = match self.choice(&mut table, "kind", &kinds) {
            Kind::Email => {
                (due, has_due) = self.due(&mut table, motion);
                editions = self.editions(&mut table, motion);
                if editions.is_empty() {
                    template = self.template(&mut table, key.as_ref());
                }
                Some(StepKind::Email)
            }
            Kind::Social => {
                (due, has_due) = self.due(&mut table, motion);
                template = self.template(&mut table, key.as_ref());
                let networks = self.networks(&mut table);
                let image = self.image(&mut table, assets);
                Some(StepKind::Social { networks, image })
            }
            Kind::Wait => {
                let duration = self.parsed::<Offset>(&mut table, "for", DURATION);
                duration.map(|duration| StepKind::Wait { duration })
            }
            Kind::Branch => self.branch(&mut table),
        };
        let name = match &kind {
            Some(kind) => kind.as_str(),
            None => table.table.get("kind").and_then(|kind| kind.get_ref().as_str()).unwrap_or(""),
        };
        self.refuse_keys_of_other_kinds(&mut table, "step", name, &KEYS_OF_KINDS);
        self.refuse_unknown(&table);
        let step = Step { key: key?, kind: kind?, due, template, editions };
        Some(Placed { step, table: whole, key: key_place, of, ways, has_due })
    }

    fn template(&mut self, table: &mut Table<'_, '_>, key: Option<&StepKey>) -> String {
        if table.table.contains_key("template") {
            return self.name(table, "template", FOLDER);
        }
        table.take("template");
        key.map(ToString::to_string).unwrap_or_default()
    }

    /// `after` or `at`; and whether one of them is there.
    fn due(&mut self, table: &mut Table<'_, '_>, motion: &Motion) -> (Option<Due>, bool) {
        let (after, at) = (table.take("after"), table.take("at"));
        let mut read = |key: &str, value: super::keys::Value<'_, '_>, is_event: bool| {
            let expected = if is_event { AT } else { AFTER };
            let Some(text) = value.get_ref().as_str() else {
                self.wrong(value, key, expected);
                return None;
            };
            let due = text.parse::<Due>().ok().filter(|due| due.is_from_event() == is_event);
            if due.is_none() {
                self.error(&value.span(), format!("`{text}` is no `{key}`"), expected);
            }
            due
        };
        match (after, at) {
            (None, None) => (None, false),
            (Some(after), None) => (read("after", after, false), true),
            (_, Some(at)) => {
                let due = read("at", at, true);
                if after.is_some() {
                    let message = "a step has both `after` and `at`";
                    self.error(&at.span(), message, "one of them");
                } else if motion.event_at().is_none() {
                    let message = "`at` stands in a package without an event";
                    let expected = "`after`, or a `[motion]` of kind `event`";
                    self.error(&at.span(), message, expected);
                }
                (due, true)
            }
        }
    }

    fn editions(&mut self, table: &mut Table<'_, '_>, motion: &Motion) -> Vec<String> {
        let editions = self.texts(table, "editions");
        let Some(value) = table.table.get("editions") else { return Vec::new() };
        if editions.is_empty() || editions.len() > MOST_EDITIONS {
            let message = format!("there are {} editions", editions.len());
            self.error(&value.span(), message, format!("1 to {MOST_EDITIONS}"));
        }
        if motion.period().is_none() {
            let message = "`editions` stand in a package that does not go on";
            let expected = "`template`, or a `[motion]` of kind `always-on`";
            self.error(&value.span(), message, expected);
        }
        if let Some((key, _)) = table.table.get_key_value("template") {
            let message = "a step has both `template` and `editions`";
            self.error(&key.span(), message, "one of them");
            table.known.push("template");
        }
        for (edition, span) in &editions {
            if !is_name(edition) {
                let message = format!("`{edition}` is no name");
                let expected = format!("{FOLDER}: small letters, digits and hyphens, at most 60");
                self.error(span, message, expected);
            }
        }
        editions.into_iter().map(|(edition, _)| edition).filter(|name| is_name(name)).collect()
    }

    fn networks(&mut self, table: &mut Table<'_, '_>) -> Vec<Network> {
        const KNOWN: [(&str, Network); 3] = [
            ("linkedin", Network::Linkedin),
            ("bluesky", Network::Bluesky),
            ("mastodon", Network::Mastodon),
        ];
        let texts = self.texts(table, "networks");
        if texts.is_empty() {
            match table.table.get("networks") {
                None => self.missing(table, "networks", "such as [\"linkedin\", \"bluesky\"]"),
                Some(value) if value.get_ref().is_array() => {
                    self.error(&value.span(), "there are no networks", "at least one");
                }
                Some(_) => {}
            }
        }
        let mut networks = Vec::new();
        for (text, span) in texts {
            match KNOWN.iter().find(|(name, _)| *name == text) {
                Some((_, network)) => networks.push(*network),
                None => {
                    let expected = expected_name(&text, KNOWN.iter().map(|(name, _)| *name));
                    self.error(&span, format!("there is no network `{text}`"), expected);
                }
            }
        }
        networks
    }

    fn image(
        &mut self,
        table: &mut Table<'_, '_>,
        assets: &BTreeMap<String, Asset>,
    ) -> Option<String> {
        let value = table.take("image")?;
        let Some(name) = value.get_ref().as_str() else {
            self.wrong(value, "image", "the name of an asset");
            return None;
        };
        if !assets.contains_key(name) {
            let expected = match assets.is_empty() {
                true => format!("a table `[assets.{name}]`"),
                false => expected_name(name, assets.keys().map(String::as_str)),
            };
            self.error(&value.span(), format!("there is no asset `{name}`"), expected);
        }
        Some(name.to_owned())
    }

    fn branch(&mut self, table: &mut Table<'_, '_>) -> Option<StepKind> {
        let email = "the key of an email step";
        let of = self.parsed::<StepKey>(table, "of", email);
        let ways = [
            ("clicked", BranchOn::Clicked),
            ("opened", BranchOn::Opened),
            ("replied", BranchOn::Replied),
        ];
        let on = self.choice(table, "on", &ways);
        let within = self.parsed::<Offset>(table, "within", DURATION);
        let mut way = |key: &'static str| {
            if table.table.contains_key(key) {
                return self.parsed::<StepKey>(table, key, "the key of a step");
            }
            table.take(key);
            None
        };
        let (then, otherwise) = (way("then"), way("else"));
        if !table.table.contains_key("then") && !table.table.contains_key("else") {
            self.missing(table, "then", "or `else`: the key of the step to go on with");
        }
        Some(StepKind::Branch { of: of?, on, within: within?, then, otherwise })
    }

    /// Whether what a branch names is there.
    fn look_at_branch(&mut self, placed: &Placed, all: &[Placed]) {
        let StepKind::Branch { of, then, otherwise, .. } = &placed.step.kind else { return };
        let emails = all.iter().filter(|one| one.step.kind == StepKind::Email);
        if !emails.clone().any(|one| one.step.key == *of) {
            let message = match all.iter().find(|one| one.step.key == *of) {
                Some(one) => format!("the step `{of}` is of kind `{}`", one.step.kind.as_str()),
                None => format!("there is no step `{of}`"),
            };
            let expected = expected_name(of.as_str(), emails.map(|one| one.step.key.as_str()));
            self.error(&placed.of, message, format!("an email: {expected}"));
        }
        for (way, span) in [then, otherwise].into_iter().zip(&placed.ways) {
            let Some(way) = way else { continue };
            let others = all.iter().filter(|one| one.step.key != placed.step.key);
            if *way == placed.step.key {
                self.error(span, "the branch leads to itself", "another step");
            } else if !others.clone().any(|one| one.step.key == *way) {
                let expected = expected_name(way.as_str(), others.map(|one| one.step.key.as_str()));
                self.error(span, format!("there is no step `{way}`"), expected);
            }
        }
        if then.is_some() && then == otherwise {
            let message = "both ways of the branch are the same";
            self.error(&placed.ways[1], message, "two steps, or one of them left out");
        }
    }

    /// Branches that lead to each other would never end.
    fn look_for_circles(&mut self, all: &[Placed]) {
        let follow = |from: &Placed| -> Vec<usize> {
            let targets = from.step.leads_to();
            targets.filter_map(|key| all.iter().position(|one| one.step.key == *key)).collect()
        };
        for (start, placed) in all.iter().enumerate() {
            let mut seen = vec![false; all.len()];
            let mut open = follow(placed);
            while let Some(at) = open.pop() {
                // A branch that names itself was found before.
                if at == start && !placed.step.leads_to().any(|key| *key == placed.step.key) {
                    let message = format!("the branch `{}` leads back to itself", placed.step.key);
                    self.error(&placed.key, message, "branches that end");
                    break;
                }
                if !std::mem::replace(&mut seen[at], true) {
                    open.extend(follow(&all[at]));
                }
            }
        }
    }

    /// A step needs a time, unless a branch leads to it.
    fn look_at_due(&mut self, at: usize, all: &[Placed], motion: &Motion) {
        let Placed { step, table, has_due, .. } = &all[at];
        let is_timed = matches!(step.kind, StepKind::Email | StepKind::Social { .. });
        let is_led_to = all.iter().any(|one| one.step.leads_to().any(|key| *key == step.key));
        if !is_timed || *has_due || is_led_to {
            return;
        }
        let expected = match motion.event_at() {
            Some(_) => format!("{AFTER}; or `at = …`, {AT}"),
            None => AFTER.to_owned(),
        };
        self.missing_at("[[steps]]", table, "after", &expected);
    }
}
