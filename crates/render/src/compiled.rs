//! A version that is ready to render.

use std::{collections::BTreeMap, fmt};

use domain::{PartnerShelf, StepKey};
use handlebars::{Context, Handlebars};
use serde_json::{Value, json};

use crate::{
    brand::{self, validate_brand},
    diagnostic::Findings,
    engine,
    error::RenderError,
    mark::{Mark, clean},
    package::{Package, Step},
    skeleton::{MOST_BYTES, Skeleton},
    slots::validate_slots,
    verify::{Library, Part, Verifier},
    version::{self, Frozen},
};

/// A version that is ready to render; make it once, share it.
pub struct Compiled {
    package: Package,
    languages: Vec<String>,
    registries: BTreeMap<(String, StepKey), [Handlebars<'static>; 3]>,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled")
            .field("package", &self.package.name)
            .field("languages", &self.languages)
            .finish_non_exhaustive()
    }
}

impl Compiled {
    /// Reads a blob that [`crate::publish`] made. Its templates are looked at again: what is run here was
    /// checked here, whoever put it on the shelf.
    ///
    /// # Errors
    /// The bytes are no version, or one of a format this program does not read.
    pub fn from_blob(blob: &[u8]) -> Result<Self, RenderError> {
        let refuse = |why: &str| RenderError::Blob(why.to_owned());
        if blob.len() > version::MOST_BYTES {
            return Err(refuse("it is larger than 256 KiB"));
        }
        let frozen: Frozen =
            serde_json::from_slice(blob).map_err(|error| refuse(&error.to_string()))?;
        if !domain::job::reads_version(frozen.v) {
            return Err(RenderError::Blob(format!("its format is {}", frozen.v)));
        }
        let library = Library(frozen.templates);
        let mut findings = Findings::default();
        let mut verifier = Verifier::new(&library, &frozen.package);
        for language in &frozen.languages {
            for step in &frozen.package.steps {
                for part in Part::ALL {
                    verifier.verify(language, step, part, &mut findings);
                }
            }
        }
        if let Some(finding) = findings.into_sorted().first() {
            return Err(refuse(&finding.to_string()));
        }
        Self::new(frozen.package, frozen.languages, &library)
    }

    fn new(
        package: Package,
        languages: Vec<String>,
        library: &Library,
    ) -> Result<Self, RenderError> {
        let mut registries = BTreeMap::new();
        for language in &languages {
            for step in &package.steps {
                let registry = |part| {
                    engine::registry(library, &package, language, step, part)
                        .map_err(|error| RenderError::Blob(error.to_string()))
                };
                let parts =
                    [registry(Part::Subject)?, registry(Part::Text)?, registry(Part::Html)?];
                registries.insert((language.clone(), step.key.clone()), parts);
            }
        }
        Ok(Self { package, languages, registries })
    }

    /// What the package says about itself.
    pub fn package(&self) -> &Package {
        &self.package
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.package.steps
    }

    /// The languages it speaks.
    pub fn languages(&self) -> Vec<&str> {
        self.languages.iter().map(String::as_str).collect()
    }

    /// The language for a locale: the same, or the same without region, or the package's default.
    pub fn language_for(&self, locale: &str) -> &str {
        let mut wanted = locale;
        loop {
            let found =
                self.languages.iter().find(|language| language.eq_ignore_ascii_case(wanted));
            if let Some(language) = found {
                return language;
            }
            match wanted.rsplit_once('-') {
                Some((shorter, _)) => wanted = shorter,
                None => return &self.package.language,
            }
        }
    }

    /// One step for one partner. `public_url` is where the portal is reached, such as
    /// `https://mail.example.com`; logos are at `{public_url}/a/…`.
    ///
    /// # Errors
    /// No such step or language, slot values or a brand profile that do not fit, output above 512 KiB.
    pub fn skeleton(
        &self,
        step: &StepKey,
        language: &str,
        shelf: &PartnerShelf,
        public_url: &str,
    ) -> Result<Skeleton, RenderError> {
        if !self.package.steps.iter().any(|known| known.key == *step) {
            return Err(RenderError::UnknownStep(step.to_string()));
        }
        let registries = self
            .registries
            .get(&(language.to_owned(), step.clone()))
            .ok_or_else(|| RenderError::UnknownLanguage(language.to_owned()))?;
        let fields = self.package.person_fields.clone();
        let person = fields.iter().enumerate();
        let person =
            person.map(|(n, field)| (field.clone(), Mark::Field(n).text().into())).collect();
        let unsubscribe = Mark::Field(fields.len()).text();
        let data = data(&self.package, language, shelf, public_url, person, unsubscribe)?;
        let context = Context::from(data);
        let mut rendered = Vec::with_capacity(Part::ALL.len());
        for (part, registry) in Part::ALL.into_iter().zip(registries) {
            let text = engine::render(registry, &context, MOST_BYTES).map_err(|source| {
                RenderError::Template { step: step.to_string(), part: part.file(), source }
            })?;
            let text =
                text.ok_or(RenderError::TooLarge { part: part.file(), limit: MOST_BYTES })?;
            rendered.push(text);
        }
        let rendered: [String; 3] = rendered.try_into().unwrap_or_default();
        Skeleton::new(fields, rendered)
            .ok_or_else(|| RenderError::Blob("its conditionals do not fit together".to_owned()))
    }
}

/// What templates see of everything but the person.
pub(crate) fn data(
    package: &Package,
    language: &str,
    shelf: &PartnerShelf,
    public_url: &str,
    person: serde_json::Map<String, Value>,
    unsubscribe: String,
) -> Result<Value, RenderError> {
    let problems = validate_brand(&shelf.brand);
    if !problems.is_empty() {
        return Err(RenderError::Brand(problems));
    }
    let slots = validate_slots(package, &shelf.slots).map_err(RenderError::Slots)?;
    let mut data = brand::data(shelf, public_url);
    let first = language.split('-').next().unwrap_or_default();
    let direction = if ["ar", "fa", "he", "ur"].contains(&first) { "rtl" } else { "ltr" };
    data.insert("campaign".to_owned(), json!({ "title": clean(&package.title, brand::MOST_LINE) }));
    data.insert("language".to_owned(), json!(language));
    data.insert("direction".to_owned(), json!(direction));
    data.insert("slots".to_owned(), json!(slots));
    data.insert("person".to_owned(), Value::Object(person));
    data.insert("links".to_owned(), json!({ "unsubscribe": unsubscribe }));
    Ok(Value::Object(data))
}
