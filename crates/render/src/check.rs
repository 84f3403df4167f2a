//! Finds everything that is wrong with a package.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use crate::{
    compiled::Compiled,
    diagnostic::{Diagnostic, Findings, expected_name},
    files::{PackageFiles, SharedTemplates, text_of},
    manifest::{self, StepSpans, is_language},
    package::Package,
    sample::{self, Sample},
    skeleton::MessageLinks,
    verify::{Library, Part, Verifier},
    version::{self, Frozen},
};

const PUBLIC_URL: &str = "https://portal.example";
const UNSUBSCRIBE: &str = "https://portal.example/u/sample-token";

/// Everything that is wrong with a package, by file, line and column. Errors keep it from being
/// published; warnings don't.
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
) -> Option<Frozen> {
    let Some(bytes) = files.get(manifest::FILE) else {
        findings.file_error(manifest::FILE, "the file is missing", "a package has a package.toml");
        return None;
    };
    let Ok(source) = text_of(bytes) else {
        findings.file_error(manifest::FILE, "the file is not UTF-8", "text in UTF-8");
        return None;
    };
    let (package, spans) = manifest::read(&source, findings);
    let languages = languages(files, &package);
    let mut library = library(files, shared, findings);
    look_for_files(&package, &spans, &source, &languages, &mut library, findings);
    let mut verifier = Verifier::new(&library, &package);
    for language in &languages {
        for step in &package.steps {
            for part in Part::ALL {
                verifier.verify(language, step, part, findings);
            }
        }
    }
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
    Some(frozen)
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
    spans: &StepSpans,
    source: &str,
    languages: &[String],
    library: &mut Library,
    findings: &mut Findings,
) {
    for language in languages {
        for (step, span) in package.steps.iter().zip(spans) {
            for part in Part::ALL {
                let path = format!("{language}/{}/{}.hbs", step.template, part.file());
                if let Entry::Vacant(place) = library.0.entry(path) {
                    let message = format!("the step `{}` has no file `{}`", step.key, place.key());
                    findings.error(
                        manifest::FILE,
                        source,
                        span,
                        message,
                        "a subject, a text and an HTML part",
                    );
                    place.insert(String::new());
                }
            }
            let preheader = format!("{language}/{}/preheader.html.hbs", step.template);
            library.0.entry(preheader).or_default();
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
    let known: BTreeSet<String> = languages
        .iter()
        .flat_map(|language| {
            package.steps.iter().flat_map(move |step| {
                ["subject.txt", "body.txt", "body.html", "preheader.html"]
                    .map(|file| format!("{language}/{}/{file}.hbs", step.template))
            })
        })
        .collect();
    for (path, _) in files.iter() {
        let is_meant = path == manifest::FILE
            || path == sample::FILE
            || path == "README.md"
            || path.starts_with("assets/")
            || known.contains(path)
            || used.contains(path);
        if !is_meant {
            let expected = match crate::diagnostic::nearest(path, known.iter().map(String::as_str))
            {
                Some(near) => format!("perhaps `{near}`"),
                None => "a file that a step names".to_owned(),
            };
            findings.warning(path, "", &(0..0), "nothing uses this file", expected);
        }
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
    let nobody = BTreeMap::new();
    let links = MessageLinks { unsubscribe_url: UNSUBSCRIBE };
    for shelf in [&full, &bare] {
        for language in &frozen.languages {
            for step in &frozen.package.steps {
                let skeleton = match compiled.skeleton(&step.key, language, shelf, PUBLIC_URL) {
                    Ok(skeleton) => skeleton,
                    Err(error) => {
                        let message =
                            format!("step `{}` can't be rendered: {}", step.key, chain(&error));
                        findings.file_error(
                            sample::FILE,
                            message,
                            "a sample that fits the package",
                        );
                        return;
                    }
                };
                for person in sample.people.iter().chain([&nobody]) {
                    let rendered = match skeleton.message(person, &links) {
                        Ok(rendered) => rendered,
                        Err(error) => {
                            findings.file_error(sample::FILE, chain(&error), "");
                            return;
                        }
                    };
                    let mut lacks = |part: Part, what: &str| {
                        let entry = Library::entry(&frozen.package, language, step, part);
                        let message =
                            format!("{} of step `{}` lacks {what}", part.file(), step.key);
                        findings.file_error(&entry, message, "what every mail must have");
                    };
                    if rendered.subject.is_empty() {
                        lacks(Part::Subject, "any text");
                    }
                    for (part, text) in [(Part::Text, &rendered.text), (Part::Html, &rendered.html)]
                    {
                        if !text.contains(UNSUBSCRIBE) {
                            lacks(part, "the unsubscribe link");
                        }
                        let is_shown = |line: &String| {
                            let line = crate::mark::clean(line, crate::brand::MOST_LINE);
                            let escaped = crate::engine::escape_html(&line);
                            unwrapped(text).contains(&*line) || unwrapped(text).contains(&escaped)
                        };
                        if !shelf.brand.postal_address.iter().all(is_shown) {
                            lacks(part, "the partner's postal address");
                        }
                    }
                }
            }
        }
    }
}

/// Text without line breaks, so that wrapping hides nothing.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
