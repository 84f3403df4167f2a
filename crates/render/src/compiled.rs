//! A version that is ready to render.

use std::{collections::BTreeMap, fmt};

use domain::{PartnerShelf, StepKey};
use handlebars::{Context, Handlebars};
use serde_json::{Value, json};

use crate::{
    agreement,
    assets::VENDOR_LOGO,
    brand::{self, validate_brand},
    clean::clean,
    diagnostic::Findings,
    engine::{self, helpers::LOCALE},
    error::RenderError,
    locks::Lock,
    mark::Mark,
    package::{Package, SlotKind, Step},
    skeleton::{MOST_BYTES, PartLocks, Skeleton},
    slots::{self, Value as SlotValue, rich_text::RichText},
    verify::{Library, Part, Verifier, own},
    version::{self, Frozen, LockHashes},
    vocabulary::LINKS,
};

/// A version that is ready to render; make it once, share it.
pub struct Compiled {
    package: Package,
    languages: Vec<String>,
    /// By language and folder of templates.
    mails: BTreeMap<(String, String), Mail>,
}

/// What a folder of templates makes in one language.
struct Mail {
    /// Subject, text and HTML.
    registries: [Handlebars<'static>; 3],
    locks: PartLocks,
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
        let compiled = Self::new(frozen.package, frozen.languages, &library)?;
        if compiled.lock_hashes() != frozen.locks {
            return Err(refuse("its locks are not those it was published with"));
        }
        Ok(compiled)
    }

    /// The hash of every lock, by the file it stands in and its name.
    pub(crate) fn lock_hashes(&self) -> LockHashes {
        let mut hashes = LockHashes::new();
        for ((language, template), mail) in &self.mails {
            for (part, locks) in [(Part::Text, &mail.locks.text), (Part::Html, &mail.locks.html)] {
                for lock in locks {
                    let of_file = hashes.entry(own(language, template, part.file())).or_default();
                    of_file.insert(lock.name().to_owned(), lock.hash().clone());
                }
            }
        }
        hashes
    }

    /// Whether the mail of a folder of templates has locks.
    pub(crate) fn has_locks(&self, language: &str, template: &str) -> bool {
        let mail = self.mails.get(&(language.to_owned(), template.to_owned()));
        mail.is_some_and(|mail| !mail.locks.html.is_empty() || !mail.locks.text.is_empty())
    }

    /// Makes a version ready whose templates were looked at.
    pub(crate) fn new(
        package: Package,
        languages: Vec<String>,
        library: &Library,
    ) -> Result<Self, RenderError> {
        let mut mails = BTreeMap::new();
        for language in &languages {
            for template in package.email_steps().flat_map(Step::templates) {
                let registry = |part| {
                    engine::registry(library, &package, language, template, part)
                        .map_err(|error| RenderError::Blob(error.to_string()))
                };
                let registries =
                    [registry(Part::Subject)?, registry(Part::Text)?, registry(Part::Html)?];
                let locks = PartLocks {
                    text: locks_of(&registries[1], Part::Text),
                    html: locks_of(&registries[2], Part::Html),
                };
                let mail = Mail { registries, locks };
                mails.insert((language.clone(), template.to_owned()), mail);
            }
        }
        Ok(Self { package, languages, mails })
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
        let mail = self
            .mails
            .get(&(language.to_owned(), template.to_owned()))
            .ok_or_else(|| RenderError::UnknownLanguage(language.to_owned()))?;
        let fields = self.package.person_fields.clone();
        let person = fields.iter().enumerate();
        let person =
            person.map(|(n, field)| (field.clone(), Mark::Field(n).text().into())).collect();
        let links = LINKS
            .iter()
            .enumerate()
            .map(|(n, link)| ((*link).to_owned(), Mark::Field(fields.len() + n).text().into()));
        let links = links.collect();
        let Data { data, rich } = data(&self.package, language, shelf, public_url, person, links)?;
        let context = Context::from(data);
        let mut rendered = Vec::with_capacity(Part::MAIL.len());
        for (part, registry) in Part::MAIL.into_iter().zip(&mail.registries) {
            let text = engine::render(registry, &context, MOST_BYTES).map_err(|source| {
                RenderError::Template { step: step.to_string(), part: part.file(), source }
            })?;
            let text =
                text.ok_or(RenderError::TooLarge { part: part.file(), limit: MOST_BYTES })?;
            rendered.push(text);
        }
        let rendered: [String; 3] = rendered.try_into().unwrap_or_default();
        Skeleton::new(fields, rendered, &rich, mail.locks.clone(), public_url)
    }
}

/// The locale that a message in `language` is written in for a partner of `locale`: the partner's, where it
/// is of that language.
fn spoken<'l>(language: &'l str, locale: &'l str) -> &'l str {
    match locale.get(..language.len()) {
        Some(start)
            if start.eq_ignore_ascii_case(language) && locale[start.len()..].starts_with('-') =>
        {
            locale
        }
        _ => language,
    }
}

/// The locks in what a part's content is.
fn locks_of(registry: &Handlebars<'_>, part: Part) -> Vec<Lock> {
    let content = registry.get_template("content");
    let locks = content.map(agreement::locks_of).unwrap_or_default();
    locks.into_iter().map(|(name, content)| Lock::new(name, &content, part)).collect()
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
    links: serde_json::Map<String, Value>,
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
    let logo = package.assets.get(VENDOR_LOGO).and_then(|asset| asset.picture.as_ref());
    data["vendor"]["logo"] =
        logo.map_or(Value::Null, |logo| brand::logo(logo, &brand::VENDOR_LOGO, public_url));
    let first = language.split('-').next().unwrap_or_default();
    let direction = if ["ar", "fa", "he", "ur"].contains(&first) { "rtl" } else { "ltr" };
    data.insert("campaign".to_owned(), json!({ "title": clean(title, brand::MOST_LINE) }));
    data.insert("language".to_owned(), json!(language));
    data.insert(LOCALE.to_owned(), json!(spoken(language, &shelf.brand.locale)));
    data.insert("direction".to_owned(), json!(direction));
    data.insert("slots".to_owned(), Value::Object(slots));
    data.insert("assets".to_owned(), Value::Object(assets));
    data.insert("person".to_owned(), Value::Object(person));
    data.insert("links".to_owned(), Value::Object(links));
    Ok(Data { data: Value::Object(data), rich })
}
