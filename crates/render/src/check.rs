//! Finds everything that is wrong with a package.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use domain::PartnerShelf;

use crate::{
    assets,
    compiled::Compiled,
    diagnostic::{Diagnostic, Findings, expected_name},
    files::{PackageFiles, SharedTemplates, text_of},
    manifest::{self, Places, is_language},
    package::{Package, Step, StepKind},
    sample::{self, Sample},
    skeleton::{MessageLinks, Rendered},
    verify::{Library, Part, Verifier, own},
    version::{self, Frozen, PublishedAsset},
};

const PUBLIC_URL: &str = "https://portal.example";
const UNSUBSCRIBE: &str = "https://portal.example/u/sample-token";

/// Everything that is wrong with a package, by file, line and column. Errors keep it from being
/// published; warnings and notes don't.
pub fn check(files: &PackageFiles, shared: &SharedTemplates) -> Vec<Diagnostic> {
    let mut findings = Findings::default();
    examine(files, shared, &mut findings);
    findings.into_sorted()
}

/// Looks at everything; answers what would be published if the findings have no errors.
pub(crate) fn examine(
    files: &PackageFiles,
    shared: &SharedTemplates,
    findings: &mut Findings,
) -> Option<(Frozen, Vec<PublishedAsset>)> {
    let Some(bytes) = files.get(manifest::FILE) else {
        findings.file_error(manifest::FILE, "the file is missing", "a package has a package.toml");
        return None;
    };
    let Ok(source) = text_of(bytes) else {
        findings.file_error(manifest::FILE, "the file is not UTF-8", "text in UTF-8");
        return None;
    };
    let (mut package, places) = manifest::read(&source, findings);
    let assets = assets::prepare(files, &mut package, &places, &source, findings);
    let languages = languages(files, &package);
    let mut library = library(files, shared, findings);
    look_for_files(&package, &places, &source, &languages, &mut library, findings);
    say_what_is_not_enabled(&package, &places, &source, findings);
    let mut verifier = Verifier::new(&library, &package);
    verifier.verify_all(&languages, findings);
    let used = verifier.used;
    look_for_unused(files, &package, &languages, &used, findings);
    let sample = Sample::read(files, findings);
    library.0.retain(|path, _| used.contains(path));
    let frozen = Frozen::new(package, languages, library);
    let size = frozen.to_blob().len();
    if size > version::MOST_BYTES {
        let message = format!("the package with its templates has {size} bytes");
        findings.file_error(manifest::FILE, message, "at most 262144 bytes");
    }
    if let Some(sample) = sample
        && findings.has_no_errors()
    {
        try_out(&frozen, &sample, findings);
    }
    Some((frozen, assets))
}

/// The languages a package has folders for; its default is always among them.
fn languages(files: &PackageFiles, package: &Package) -> Vec<String> {
    let mut languages: BTreeSet<String> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".hbs"))
        .filter_map(|(path, _)| path.split_once('/'))
        .map(|(folder, _)| folder.to_owned())
        .filter(|folder| is_language(folder))
        .collect();
    languages.insert(package.language.clone());
    languages.into_iter().collect()
}

fn library(files: &PackageFiles, shared: &SharedTemplates, findings: &mut Findings) -> Library {
    let mut templates = BTreeMap::new();
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".hbs")) {
        match text_of(bytes) {
            Ok(text) => {
                templates.insert(path.to_owned(), text);
            }
            Err(_) => findings.file_error(path, "the file is not UTF-8", "text in UTF-8"),
        }
    }
    for path in shared.paths().filter(|path| path.ends_with(".hbs")) {
        let name = format!("templates/{path}");
        match shared.text(path) {
            Some(text) => {
                templates.insert(name, text);
            }
            None => findings.file_error(&name, "the file is not UTF-8", "text in UTF-8"),
        }
    }
    Library(templates)
}

fn look_for_files(
    package: &Package,
    places: &Places,
    source: &str,
    languages: &[String],
    library: &mut Library,
    findings: &mut Findings,
) {
    for language in languages {
        for (step, span) in package.steps.iter().zip(&places.steps) {
            let (needed, optional, expected): (&[Part], _, _) = match step.kind {
                StepKind::Email => {
                    (&Part::MAIL, "preheader.html", "a subject, a text and an HTML part")
                }
                StepKind::Social { .. } => {
                    (&[Part::Post], Part::Alt.file(), "the text of the post")
                }
                StepKind::Wait { .. } | StepKind::Branch { .. } => continue,
            };
            for template in step.templates() {
                for part in needed {
                    let path = own(language, template, part.file());
                    if let Entry::Vacant(place) = library.0.entry(path) {
                        let message =
                            format!("the step `{}` has no file `{}`", step.key, place.key());
                        findings.error(manifest::FILE, source, span, message, expected);
                        place.insert(String::new());
                    }
                }
                library.0.entry(own(language, template, optional)).or_default();
            }
        }
        if let Some(page) = &package.landing_page {
            let path = own(language, &page.template, Part::Page.file());
            if let Entry::Vacant(place) = library.0.entry(path) {
                let message = format!("the landing page has no file `{}`", place.key());
                let span = &places.landing_page;
                findings.error(manifest::FILE, source, span, message, "the page in every language");
                place.insert(String::new());
            }
        }
    }
    let layouts: BTreeSet<&str> = library
        .0
        .keys()
        .filter_map(|path| path.strip_prefix("templates/email/layouts/"))
        .filter_map(|path| path.strip_suffix(".html.hbs"))
        .collect();
    let has_both = ["html", "txt"].iter().all(|kind| {
        library.0.contains_key(&format!("templates/email/layouts/{}.{kind}.hbs", package.layout))
    });
    if !has_both {
        let at = source.find("layout").unwrap_or(0);
        let message = format!("there is no layout `{}`", package.layout);
        findings.error(
            manifest::FILE,
            source,
            &(at..at),
            message,
            expected_name(&package.layout, layouts),
        );
    }
}

fn look_for_unused(
    files: &PackageFiles,
    package: &Package,
    languages: &[String],
    used: &BTreeSet<String>,
    findings: &mut Findings,
) {
    let pictures: BTreeSet<&str> = package.assets.values().map(|it| it.file.as_str()).collect();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for language in languages {
        for (template, part) in package.templates() {
            known.insert(own(language, template, part.file()));
            if part == Part::Html {
                known.insert(own(language, template, "preheader.html"));
            }
        }
    }
    for (path, _) in files.iter() {
        let is_meant = path == manifest::FILE
            || path == sample::FILE
            || path == "README.md"
            || pictures.contains(path)
            || known.contains(path)
            || used.contains(path);
        if !is_meant {
            let expected = match crate::diagnostic::nearest(path, known.iter().map(String::as_str))
            {
                Some(near) => format!("perhaps `{near}`"),
                None if path.starts_with("assets/") => {
                    format!("`file = \"{path}\"` in `[assets.…]`")
                }
                None => "a file that a step names".to_owned(),
            };
            findings.warning(path, "", &(0..0), "nothing uses this file", expected);
        }
    }
}

/// Says of everything that is kept and not run that it is.
fn say_what_is_not_enabled(
    package: &Package,
    places: &Places,
    source: &str,
    findings: &mut Findings,
) {
    let clock: BTreeSet<_> = package.clock_steps().map(|step| &step.key).collect();
    for (step, span) in package.steps.iter().zip(&places.steps) {
        let key = &step.key;
        let why = match &step.kind {
            _ if clock.contains(key) => continue,
            StepKind::Email => "only a branch leads to it, and branches are not decided yet",
            StepKind::Social { .. } => "steps of kind `social` are checked and kept, not posted",
            StepKind::Wait { .. } => "steps of kind `wait` are checked and kept, not waited for",
            StepKind::Branch { .. } => "steps of kind `branch` are checked and kept, not decided",
        };
        findings.note(manifest::FILE, source, span, format!("not enabled: step `{key}`: {why}"));
    }
    if package.landing_page.is_some() {
        let message = "not enabled: the landing page is checked and kept, not served";
        findings.note(manifest::FILE, source, &places.landing_page, message);
    }
    if clock.is_empty()
        && let Some(span) = places.steps.first()
    {
        let message = "no step is an email that the clock sends: a launch would do nothing";
        findings.warning(manifest::FILE, source, span, message, "a step of kind `email`");
    }
}

/// Renders every step for the sample, with and without what may be missing, and looks at what every
/// mail must have.
fn try_out(frozen: &Frozen, sample: &Sample, findings: &mut Findings) {
    let compiled = match Compiled::from_blob(&frozen.to_blob()) {
        Ok(compiled) => compiled,
        Err(error) => {
            findings.file_error(manifest::FILE, error.to_string(), "");
            return;
        }
    };
    let full = sample.shelf();
    let mut bare = full.clone();
    bare.slots.retain(|name, _| frozen.package.slots.get(name).is_some_and(|slot| slot.required));
    bare.brand.logo = None;
    bare.brand.contact_person.phone = String::new();
    let mails: Vec<(&Step, u32)> = frozen
        .package
        .email_steps()
        .flat_map(|step| (0..step.templates().count() as u32).map(move |number| (step, number)))
        .collect();
    for shelf in [&full, &bare] {
        for language in &frozen.languages {
            for (step, occurrence) in &mails {
                let trial =
                    Trial { compiled: &compiled, step, occurrence: *occurrence, language, shelf };
                if !trial.run(sample, findings) {
                    return;
                }
            }
        }
    }
}

/// One mail for one partner in one language.
struct Trial<'t> {
    compiled: &'t Compiled,
    step: &'t Step,
    occurrence: u32,
    language: &'t str,
    shelf: &'t PartnerShelf,
}

impl Trial<'_> {
    /// Looks at what every mail must have; false if the rest would say the same again.
    fn run(&self, sample: &Sample, findings: &mut Findings) -> bool {
        let Self { compiled, step, occurrence, language, shelf } = self;
        let skeleton =
            match compiled.skeleton_of(&step.key, *occurrence, language, shelf, PUBLIC_URL) {
                Ok(skeleton) => skeleton,
                Err(error) => {
                    let message =
                        format!("step `{}` can't be rendered: {}", step.key, chain(&error));
                    findings.file_error(sample::FILE, message, "a sample that fits the package");
                    return false;
                }
            };
        let links = MessageLinks { unsubscribe_url: UNSUBSCRIBE };
        let nobody = BTreeMap::new();
        for person in sample.people.iter().chain([&nobody]) {
            match skeleton.message(person, &links) {
                Ok(rendered) => self.look_at(&rendered, findings),
                Err(error) => {
                    findings.file_error(sample::FILE, chain(&error), "");
                    return false;
                }
            }
        }
        true
    }

    fn look_at(&self, rendered: &Rendered, findings: &mut Findings) {
        let template = self.step.template_for(self.occurrence).unwrap_or_default();
        let mut lacks = |part: Part, what: &str| {
            let entry = Library::entry(self.compiled.package(), self.language, template, part);
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

/// An error with everything that led to it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
