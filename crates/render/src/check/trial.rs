//! Tries a package out: what reading it can't show, a message does.

use std::collections::BTreeMap;

use domain::PartnerShelf;

use super::chain;
use crate::{
    compiled::Compiled,
    diagnostic::Findings,
    error::RenderError,
    package::{SlotKind, Step},
    parse::Span,
    sample::{self, Sample},
    skeleton::{MessageLinks, Rendered},
    verify::{Library, Part, own},
};

const PUBLIC_URL: &str = "https://portal.example";
const UNSUBSCRIBE: &str = "https://portal.example/u/sample-token";
const ELSEWHERE: &str = "https://portal.example/p/sample-token";

/// Colours that partners may have: the corners of the colour cube, greys, and some between.
const PROBES: [&str; 14] = [
    "#ffffff", "#000000", "#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff", "#ff00ff",
    "#767676", "#c0c0c0", "#ffe600", "#0b6e4f", "#1c1c20", "#f5f6f8",
];

/// Renders every step for the sample, with and without what may be missing, and looks at what every
/// mail must have; and for partners of every colour, where something is locked.
pub(super) fn try_out(
    compiled: &Compiled,
    templates: &BTreeMap<String, String>,
    locks: &BTreeMap<(String, String), Span>,
    sample: &Sample,
    findings: &mut Findings,
) {
    let package = compiled.package();
    let full = sample.shelf();
    let mut bare = full.clone();
    bare.slots.retain(|name, _| package.slots.get(name).is_some_and(|slot| slot.required));
    bare.brand.logo = None;
    bare.brand.contact_person.phone = String::new();
    let coloured = PROBES.map(|colour| {
        let mut shelf = full.clone();
        shelf.brand.colour = colour.to_owned();
        for (name, slot) in &package.slots {
            if slot.kind == SlotKind::Colour {
                shelf.slots.insert(name.clone(), colour.to_owned());
            }
        }
        shelf
    });
    for language in compiled.languages() {
        for step in package.email_steps() {
            for (occurrence, template) in (0_u32..).zip(step.templates()) {
                let probes = match compiled.has_locks(language, template) {
                    true => &coloured[..],
                    false => &[],
                };
                for (number, shelf) in [&full, &bare].into_iter().chain(probes).enumerate() {
                    let trial = Trial {
                        compiled,
                        templates,
                        locks,
                        step,
                        occurrence,
                        template,
                        language,
                        shelf,
                    };
                    let is_probe = number >= 2;
                    if !trial.run(sample, is_probe, findings) {
                        break;
                    }
                }
            }
        }
    }
}

/// One mail for one partner in one language.
struct Trial<'t> {
    compiled: &'t Compiled,
    templates: &'t BTreeMap<String, String>,
    locks: &'t BTreeMap<(String, String), Span>,
    step: &'t Step,
    occurrence: u32,
    template: &'t str,
    language: &'t str,
    shelf: &'t PartnerShelf,
}

impl Trial<'_> {
    /// Looks at what every mail must have; false if other partners would meet the same.
    fn run(&self, sample: &Sample, is_probe: bool, findings: &mut Findings) -> bool {
        let Self { compiled, step, occurrence, language, shelf, .. } = self;
        let skeleton =
            match compiled.skeleton_of(&step.key, *occurrence, language, shelf, PUBLIC_URL) {
                Ok(skeleton) => skeleton,
                Err(error) => {
                    self.refused(&error, findings);
                    return false;
                }
            };
        if is_probe {
            return true;
        }
        let links =
            MessageLinks { unsubscribe_url: UNSUBSCRIBE, ..MessageLinks::all_to(ELSEWHERE) };
        let nobody = BTreeMap::new();
        for person in sample.people.iter().chain([&nobody]) {
            match skeleton.message(person, &links) {
                Ok(rendered) => self.look_at(&rendered, findings),
                Err(error) => {
                    self.refused(&error, findings);
                    return false;
                }
            }
        }
        true
    }

    fn refused(&self, error: &RenderError, findings: &mut Findings) {
        if let RenderError::Lock { name, part, why } = error {
            let path = own(self.language, self.template, part);
            let span = self.locks.get(&(path.clone(), name.clone())).cloned().unwrap_or_default();
            let source = self.templates.get(&path).map_or("", String::as_str);
            let colour = &self.shelf.brand.colour;
            let message = format!("lock `{name}`, for a partner whose colour is {colour}: {why}");
            let expected = "a lock that every recipient can read, once";
            findings.error(&path, source, &span, message, expected);
            return;
        }
        let message = format!("step `{}` can't be rendered: {}", self.step.key, chain(error));
        findings.file_error(sample::FILE, message, "a sample that fits the package");
    }

    fn look_at(&self, rendered: &Rendered, findings: &mut Findings) {
        let mut lacks = |part: Part, what: &str| {
            let entry = Library::entry(self.compiled.package(), self.language, self.template, part);
            let message = format!("{} of step `{}` lacks {what}", part.file(), self.step.key);
            findings.file_error(&entry, message, "what every mail must have");
        };
        if rendered.subject.is_empty() {
            lacks(Part::Subject, "any text");
        }
        for (part, text) in [(Part::Text, &rendered.text), (Part::Html, &rendered.html)] {
            if !text.contains(UNSUBSCRIBE) {
                lacks(part, "the unsubscribe link");
            }
            let text = unwrapped(text);
            let is_shown = |line: &String| {
                let line = crate::clean::clean(line, crate::brand::MOST_LINE);
                text.contains(&*line) || text.contains(&crate::engine::escape_html(&line))
            };
            if !self.shelf.brand.postal_address.iter().all(is_shown) {
                lacks(part, "the partner's postal address");
            }
        }
    }
}

/// Text without line breaks, so that wrapping hides nothing.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
