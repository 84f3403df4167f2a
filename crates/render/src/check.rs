//! Finds everything that is wrong with a package.

mod trial;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use crate::{
    assets,
    compiled::Compiled,
    diagnostic::{Diagnostic, Findings, expected_name},
    files::{PackageFiles, SharedTemplates, text_of},
    manifest::{self, Places, is_language},
    package::{Package, StepKind},
    sample::{self, Sample},
    verify::{Library, Part, Verifier, own},
    version::{self, Frozen, PublishedAsset},
};

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
    let Verifier { used, locks, .. } = verifier;
    let sample = Sample::read(files, findings);
    let tried = sample.as_ref().map(|sample| &sample.files);
    look_for_unused(files, &package, &languages, &used, tried, findings);
    library.0.retain(|path, _| used.contains(path));
    let mut frozen = Frozen::new(package, languages, library);
    let mut compiled = None;
    if findings.has_no_errors() {
        let library = Library(frozen.templates.clone());
        match Compiled::new(frozen.package.clone(), frozen.languages.clone(), &library) {
            Ok(made) => {
                frozen.locks = made.lock_hashes();
                compiled = Some(made);
            }
            Err(error) => findings.file_error(manifest::FILE, error.to_string(), ""),
        }
    }
    let size = frozen.to_blob().len();
    if size > version::MOST_BYTES {
        let message = format!("the package with its templates has {size} bytes");
        findings.file_error(manifest::FILE, message, "at most 262144 bytes");
    }
    if let (Some(sample), Some(compiled)) = (sample, compiled)
        && findings.has_no_errors()
    {
        trial::try_out(&compiled, &frozen.templates, &locks, &sample, findings);
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
    tried: Option<&BTreeSet<String>>,
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
            || tried.is_some_and(|files| files.contains(path))
            || known.contains(path)
            || used.contains(path);
        if !is_meant {
            let expected = match crate::diagnostic::nearest(path, known.iter().map(String::as_str))
            {
                Some(near) => format!("perhaps `{near}`"),
                None if path.starts_with("assets/") => {
                    format!("`file = \"{path}\"` in `[assets.…]`")
                }
                None if path.starts_with("sample/") => {
                    format!("a picture that {} names", sample::FILE)
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
