//! A version that is ready to render.

use std::{collections::BTreeMap, fmt};

use domain::{PartnerShelf, StepKey};
use handlebars::{Context, Handlebars};
use serde_json::{Value, json};

use crate::{
    brand::{self, validate_brand},
    clean::clean,
    diagnostic::Findings,
    engine,
    error::RenderError,
    mark::Mark,
    package::{Package, SlotKind, Step},
    skeleton::{MOST_BYTES, Skeleton},
    slots::{self, Value as SlotValue, rich_text::RichText},
    verify::{Library, Part, Verifier},
    version::{self, Frozen},
};

/// A version that is ready to render; make it once, share it.
pub struct Compiled {
    package: Package,
    languages: Vec<String>,
    /// By language and folder of templates.
    registries: BTreeMap<(String, String), [Handlebars<'static>; 3]>,
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
        Verifier::new(&library, &frozen.package).verify_all(&frozen.languages, &mut findings);
        if let Some(finding) = findings.into_sorted().first() {
            return Err(refuse(&finding.to_string()));
        }
        for (name, asset) in &frozen.package.assets {
            let picture = asset.picture.as_ref();
            if !picture.is_some_and(|it| matches!(it.extension.as_str(), "png" | "jpg")) {
                return Err(RenderError::Blob(format!("the asset `{name}` has no picture")));
            }
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
            for template in package.email_steps().flat_map(Step::templates) {
                let registry = |part| {
                    engine::registry(library, &package, language, template, part)
                        .map_err(|error| RenderError::Blob(error.to_string()))
                };
                let parts =
                    [registry(Part::Subject)?, registry(Part::Text)?, registry(Part::Html)?];
                registries.insert((language.clone(), template.to_owned()), parts);
            }
        }
        Ok(Self { package, languages, registries })
    }

    /// What the package says about itself.
    pub fn package(&self) -> &Package {
        &self.package
    }

    /// Its steps, of every kind; [`Package::clock_steps`] are those that are sent by the clock.
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

    /// One step for one partner, the first time round. `public_url` is where the portal is reached,
    /// such as `https://mail.example.com`; pictures are at `{public_url}/a/…`.
    ///
    /// # Errors
    /// No such email step or language, slot values or a brand profile that do not fit, output above
    /// 512 KiB.
    pub fn skeleton(
        &self,
        step: &StepKey,
        language: &str,
        shelf: &PartnerShelf,
        public_url: &str,
    ) -> Result<Skeleton, RenderError> {
        self.skeleton_of(step, 0, language, shelf, public_url)
    }

    /// The same for one occurrence of a step, which may have its own edition.
    ///
    /// # Errors
    /// As [`Compiled::skeleton`]; and an occurrence for which there is no edition any more.
    pub fn skeleton_of(
        &self,
        step: &StepKey,
        occurrence: u32,
        language: &str,
        shelf: &PartnerShelf,
        public_url: &str,
    ) -> Result<Skeleton, RenderError> {
        let known = self
            .package
            .email_steps()
            .find(|known| known.key == *step)
            .ok_or_else(|| RenderError::UnknownStep(step.to_string()))?;
        let template = known.template_for(occurrence).ok_or_else(|| RenderError::NoEdition {
            step: step.to_string(),
            occurrence,
            editions: known.editions.len(),
        })?;
        let registries = self
            .registries
            .get(&(language.to_owned(), template.to_owned()))
            .ok_or_else(|| RenderError::UnknownLanguage(language.to_owned()))?;
        let fields = self.package.person_fields.clone();
        let person = fields.iter().enumerate();
        let person =
            person.map(|(n, field)| (field.clone(), Mark::Field(n).text().into())).collect();
        let unsubscribe = Mark::Field(fields.len()).text();
        let Data { data, rich } =
            data(&self.package, language, shelf, public_url, person, unsubscribe)?;
        let context = Context::from(data);
        let mut rendered = Vec::with_capacity(Part::MAIL.len());
        for (part, registry) in Part::MAIL.into_iter().zip(registries) {
            let text = engine::render(registry, &context, MOST_BYTES).map_err(|source| {
                RenderError::Template { step: step.to_string(), part: part.file(), source }
            })?;
            let text =
                text.ok_or(RenderError::TooLarge { part: part.file(), limit: MOST_BYTES })?;
            rendered.push(text);
        }
        let rendered: [String; 3] = rendered.try_into().unwrap_or_default();
        Skeleton::new(fields, rendered, &rich)
            .ok_or_else(|| RenderError::Blob("its conditionals do not fit together".to_owned()))
    }
}

/// What templates see of everything but the person.
pub(crate) struct Data {
    /// The values, by name; rich texts are marks.
    pub(crate) data: Value,
    /// The rich texts, by the number in their marks.
    pub(crate) rich: Vec<RichText>,
}

/// What templates see, for one partner in one language.
pub(crate) fn data(
    package: &Package,
    language: &str,
    shelf: &PartnerShelf,
    public_url: &str,
    person: serde_json::Map<String, Value>,
    unsubscribe: String,
) -> Result<Data, RenderError> {
    let problems = validate_brand(&shelf.brand);
    if !problems.is_empty() {
        return Err(RenderError::Brand(problems));
    }
    let filled =
        slots::fill(package, &shelf.slots, language, &shelf.brand).map_err(RenderError::Slots)?;
    let mut rich = Vec::new();
    let mut slots = serde_json::Map::new();
    for (name, value) in filled {
        let kind = package.slots[&name].kind;
        if kind == SlotKind::Colour {
            slots.insert(format!("{name}_ink"), json!(value.ink()));
        }
        let json = match value {
            SlotValue::RichText(text) => {
                rich.push(text);
                json!(Mark::Rich(rich.len() - 1).text())
            }
            value => value.to_json(kind, public_url),
        };
        slots.insert(name, json);
    }
    let mut assets = serde_json::Map::new();
    for (name, asset) in &package.assets {
        if let Some(picture) = &asset.picture {
            let (width, height) = asset.shown();
            let url = slots::asset_url(public_url, &picture.hash, &picture.extension);
            let alt = asset.alt.for_language(language);
            let shown = json!({ "url": url, "width": width, "height": height, "alt": alt });
            assets.insert(name.clone(), shown);
        }
    }
    let title = package.title.for_language(language);
    let mut data = brand::data(shelf, public_url);
    let first = language.split('-').next().unwrap_or_default();
    let direction = if ["ar", "fa", "he", "ur"].contains(&first) { "rtl" } else { "ltr" };
    data.insert("campaign".to_owned(), json!({ "title": clean(title, brand::MOST_LINE) }));
    data.insert("language".to_owned(), json!(language));
    data.insert("direction".to_owned(), json!(direction));
    data.insert("slots".to_owned(), Value::Object(slots));
    data.insert("assets".to_owned(), Value::Object(assets));
    data.insert("person".to_owned(), Value::Object(person));
    data.insert("links".to_owned(), json!({ "unsubscribe": unsubscribe }));
    Ok(Data { data: Value::Object(data), rich })
}
