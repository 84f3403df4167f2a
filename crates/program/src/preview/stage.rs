//! Rendering messages to be looked at; needs no book.

use std::{path::Path, sync::Arc};

use channels::smtp::{MailParts, build};
use domain::{PartnerShelf, StepKey, UtcMillis};
use render::{Compiled, MessageLinks, PackageFiles, PublishedAsset, Sample, SharedTemplates};

use super::{Previewed, Previews, edges, made_up};
use crate::{
    error::{Error, Problem, Result},
    launch::bad_slots,
    nearest::nearest,
    package::unreadable,
};

/// What messages need besides a package, a partner and a person.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// Layouts and partials that packages share.
    pub templates: &'a SharedTemplates,
    /// Where the portal is reached from outside, without a slash at the end.
    pub public_url: &'a str,
    /// The domain of Message-IDs.
    pub message_id_domain: &'a str,
    /// Stands in `Date:`.
    pub now: UtcMillis,
}

/// A package to preview.
pub(crate) struct Opened {
    pub(crate) compiled: Arc<Compiled>,
    /// The sample of its folder, if it comes from one.
    pub(crate) sample: Option<Sample>,
    /// The pictures of the folder: the package's own, and the sample partner's.
    pub(crate) pictures: Vec<PublishedAsset>,
}

impl Opened {
    /// The sample partner.
    pub(super) fn sample_shelf(&self) -> Result<PartnerShelf> {
        let expected = "a partner; only a package's folder has a sample partner";
        let sample = self.sample.as_ref();
        sample.map(Sample::shelf).ok_or_else(|| Error::bad_input("--partner", "", expected))
    }
}

/// The person a preview is made for.
pub(super) struct Reader {
    /// Which of several it is; empty if there is one.
    pub(super) label: String,
    /// BCP 47; may be empty.
    pub(super) language: String,
    pub(super) address: String,
    pub(super) name: String,
    pub(super) fields: std::collections::BTreeMap<String, String>,
}

/// What of a package is shown.
pub(super) struct Show<'a> {
    /// One step; without one, every step.
    pub(super) step: Option<&'a str>,
    /// In which language; without one, the reader's, the partner's, or the package's own.
    pub(super) language: Option<&'a str>,
    /// Also with every slot as full as it may be.
    pub(super) is_full: bool,
}

impl Stage<'_> {
    /// A package's folder, ready to render.
    pub(crate) fn open(&self, folder: &Path) -> Result<Opened> {
        let files = PackageFiles::load_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let version = render::publish(&files, self.templates).map_err(|found| {
            let errors = found.iter().filter(|it| it.severity == render::Severity::Error);
            Error::BadInput { problems: errors.map(crate::package::problem).collect() }
        })?;
        let compiled = Compiled::from_blob(&version.blob).map_err(|source| Error::Internal {
            doing: "compile the package",
            source: Box::new(source),
        })?;
        let sample = Sample::of(&files);
        let mut pictures = version.assets;
        pictures.extend(sample.iter().flat_map(|sample| sample.pictures.iter().cloned()));
        Ok(Opened { compiled: Arc::new(compiled), sample, pictures })
    }

    /// Renders every step, every edition of it, for every reader.
    pub(super) fn show(
        &self,
        opened: &Opened,
        mut shelf: PartnerShelf,
        readers: &[Reader],
        show: &Show<'_>,
    ) -> Result<Previews> {
        let compiled = &opened.compiled;
        let package = compiled.package();
        shelf.slots = render::validate_slots(package, &shelf.slots).map_err(bad_slots)?;
        let steps: Vec<StepKey> = match show.step {
            None => package.email_steps().map(|step| step.key.clone()).collect(),
            Some(asked) => vec![find_step(compiled, asked)?],
        };
        let full = show.is_full.then(|| edges::with_full_slots(package, &shelf));
        let full_reader =
            Reader { label: "full-slots".to_owned(), ..made_up(package, None, &[].into()) };
        let for_everybody = readers.iter().map(|reader| (&shelf, reader));
        let for_everybody: Vec<(&PartnerShelf, &Reader)> =
            for_everybody.chain(full.iter().map(|shelf| (shelf, &full_reader))).collect();
        let wish = show.language.unwrap_or_default().to_owned();
        let mut messages = Vec::new();
        for step in steps {
            let known = compiled.steps().iter().find(|known| known.key == step);
            let editions = known.map_or(&[][..], |step| &step.editions);
            let editions: Vec<&str> = match editions {
                [] => vec![""],
                some => some.iter().map(String::as_str).collect(),
            };
            for edition in (0_u32..).zip(editions) {
                for (shelf, reader) in &for_everybody {
                    let language =
                        compiled.language_of([&wish, &reader.language, &shelf.brand.locale]);
                    messages.push(self.step(compiled, &step, edition, language, shelf, reader)?);
                }
            }
        }
        Ok(Previews { messages, pictures: opened.pictures.clone() })
    }

    fn step(
        &self,
        compiled: &Compiled,
        step: &StepKey,
        (occurrence, edition): (u32, &str),
        language: &str,
        shelf: &PartnerShelf,
        reader: &Reader,
    ) -> Result<Previewed> {
        let [unsubscribe_url, preferences_url, view_url, invitation_url] =
            ["u", "p", "v", "i"].map(|path| format!("{}/{path}/preview", self.public_url));
        let links = MessageLinks {
            unsubscribe_url: &unsubscribe_url,
            preferences_url: &preferences_url,
            view_url: &view_url,
            invitation_url: &invitation_url,
        };
        let said = |message: &str| Error::BadInput {
            problems: vec![Problem::said(&format!("step {step}"), message, "")],
        };
        let refused = |error: render::RenderError| {
            let cause = std::error::Error::source(&error)
                .map_or_else(String::new, |source| format!(": {source}"));
            said(&format!("{error}{cause}"))
        };
        let rendered = compiled
            .skeleton_of(step, occurrence, language, shelf, self.public_url)
            .map_err(refused)?
            .message(&reader.fields, &links)
            .map_err(refused)?;
        let mail = build(&MailParts {
            from_name: &shelf.sender.from_name,
            from_email: &shelf.sender.from_email,
            reply_to: &shelf.sender.reply_to,
            to_name: &reader.name,
            to_email: &reader.address,
            subject: &rendered.subject,
            text: &rendered.text,
            html: &rendered.html,
            message_id: &format!("preview-{step}@{}", self.message_id_domain),
            date: self.now,
            list_unsubscribe_url: &unsubscribe_url,
            list_id_name: &shelf.brand.name,
            list_id: &shelf.list_id,
            envelope_from: "",
        })
        .map_err(|error| said(&error.to_string()))?;
        Ok(Previewed {
            step: step.clone(),
            edition: edition.to_owned(),
            person: reader.label.clone(),
            subject: rendered.subject,
            html: rendered.html,
            text: rendered.text,
            eml: mail.bytes().to_vec(),
        })
    }
}

fn find_step(compiled: &Compiled, asked: &str) -> Result<StepKey> {
    let steps = compiled.steps();
    steps.iter().find(|step| step.key.as_str() == asked).map(|step| step.key.clone()).ok_or_else(
        || Error::NotFound {
            what: "step",
            asked: asked.to_owned(),
            nearest: nearest(asked, steps.iter().map(|step| step.key.as_str())).map(str::to_owned),
        },
    )
}
