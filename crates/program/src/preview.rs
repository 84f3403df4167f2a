//! `render`: what a recipient would get, without sending it.

mod edges;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use channels::smtp::{MailParts, build};
use domain::{
    CompanyId, EmailAddress, PartnerId, PartnerShelf, Recipient, StepKey, VendorId,
    address::AddressError, list_id::list_id,
};
use render::{Compiled, MessageLinks, Package, PackageFiles, PublishedAsset, Sample};
use serde::Serialize;
use store::Contact;

use crate::{
    actor::Actor,
    error::{Error, Result},
    nearest::nearest,
    package::unreadable,
    program::Program,
};

/// What to show.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Whose program.
    pub vendor: VendorId,
    /// Which package.
    pub package: PreviewOf,
    /// For which partner; without one, the sample partner of the package's folder.
    pub partner: Option<PartnerId>,
    /// Which step; without one, every step.
    pub step: Option<String>,
    /// Slot values by slot name.
    pub slots: BTreeMap<String, String>,
    /// In which language; without one, the contact's, the partner's, or the package's own.
    pub language: Option<String>,
    /// To whom.
    pub person: PreviewFor,
}

/// Whose message is shown.
#[derive(Debug, Clone)]
pub enum PreviewFor {
    /// A contact of the partner's company, by address.
    Contact {
        /// As people write it.
        address: String,
        /// The contact list, by name; without one, the only list there is.
        list: Option<String>,
    },
    /// Several who put a message to the test: nobody known, the longest names, right to left, and the
    /// sample person with every text slot as full as it may be.
    Edges,
    /// Somebody made up: these merge fields over those of the package's sample person; `email` is
    /// the address it goes to.
    Sample(BTreeMap<String, String>),
}

/// A package to preview.
pub(crate) struct Opened {
    pub(crate) compiled: Arc<Compiled>,
    /// The sample of its folder, if it comes from one.
    pub(crate) sample: Option<Sample>,
    /// The pictures of the folder: the package's own, and the sample partner's.
    pub(crate) pictures: Vec<PublishedAsset>,
}

/// The person a preview is made for.
struct Reader {
    /// Which of several it is; empty if there is one.
    label: String,
    /// BCP 47; may be empty.
    language: String,
    address: String,
    name: String,
    fields: BTreeMap<String, String>,
}

/// Where the package comes from.
#[derive(Debug, Clone)]
pub enum PreviewOf {
    /// The newest published version of the package of this name (slug).
    Published(String),
    /// A folder, published or not.
    Folder(PathBuf),
}

/// What was rendered.
#[derive(Debug, Clone)]
pub struct Previews {
    /// The messages.
    pub messages: Vec<Previewed>,
    /// Pictures that they show and that need not be in the book: those of a package's folder.
    pub pictures: Vec<PublishedAsset>,
}

/// One step as a recipient would get it.
#[derive(Debug, Clone, Serialize)]
pub struct Previewed {
    /// The step.
    pub step: StepKey,
    /// Which of several editions of the step it is; empty if there is one.
    pub edition: String,
    /// Which of several persons it is for; empty if there is one.
    pub person: String,
    /// The subject.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The text part.
    pub text: String,
    /// The whole message, headers and all, as it would go to the relay.
    #[serde(skip)]
    pub eml: Vec<u8>,
}

impl Previewed {
    /// A name for its files: the step, and the edition and the person where there are several.
    pub fn name(&self) -> String {
        let mut name = self.step.to_string();
        for part in [&self.edition, &self.person].into_iter().filter(|part| !part.is_empty()) {
            name.push('.');
            name.push_str(part);
        }
        name
    }
}

impl Program {
    /// The links to assets of the book that stand in a message.
    pub fn asset_urls(&self, html: &str) -> Vec<String> {
        let prefix = format!("{}/a/", self.parts.public_url);
        let mut urls: Vec<String> = html
            .match_indices(&prefix)
            .map(|(at, _)| {
                let end = html[at..].find(['"', '\'', ')', ' ', '<']).unwrap_or(html.len() - at);
                html[at..at + end].to_owned()
            })
            .collect();
        urls.sort_unstable();
        urls.dedup();
        urls
    }

    /// Renders a package's steps for a partner and a person. The unsubscribe link in it belongs to no
    /// send and does nothing.
    ///
    /// # Errors
    /// No such package, partner or step for this actor; a package with errors; what rendering refuses.
    pub async fn preview(&self, actor: &Actor, preview: &Preview) -> Result<Previews> {
        let vendor = self.require_vendor(actor, &preview.vendor).await?;
        let Opened { compiled, sample, pictures } =
            self.compiled_of(&vendor, &preview.package).await?;
        let package = compiled.package();
        let mut shelf = match &preview.partner {
            Some(partner) => self.partner_shelf(actor, &vendor, partner).await?,
            None => sample.as_ref().map(Sample::shelf).ok_or_else(|| {
                Error::bad_input(
                    "--partner",
                    "",
                    "a partner; only a package's folder has a sample partner",
                )
            })?,
        };
        let slots = if preview.slots.is_empty() { &shelf.slots } else { &preview.slots };
        shelf.slots =
            render::validate_slots(package, slots).map_err(|problems| Error::BadInput {
                problems: problems
                    .iter()
                    .map(|problem| {
                        let place = format!("slot {}", problem.slot);
                        crate::Problem::new(&place, &problem.message, &problem.expected)
                    })
                    .collect(),
            })?;
        let readers = match &preview.person {
            PreviewFor::Contact { address, list } => {
                let partner = preview.partner.as_ref().ok_or_else(|| {
                    Error::bad_input("--partner", "", "the partner whose contact it is")
                })?;
                let found = self.find_partner(actor, Some(&vendor), partner.as_str()).await?;
                let contact =
                    self.contact_at(actor, &found.company, list.as_deref(), address).await?;
                vec![contact.reader(&package.person_fields)]
            }
            PreviewFor::Sample(fields) => vec![made_up(package, sample, fields)],
            PreviewFor::Edges => edges::readers(package),
        };

        let steps: Vec<StepKey> = match &preview.step {
            None => package.email_steps().map(|step| step.key.clone()).collect(),
            Some(asked) => vec![find_step(&compiled, asked)?],
        };
        let wish = preview.language.clone().unwrap_or_default();
        let language_of = |reader: &Reader| {
            compiled.language_of([&wish, &reader.language, &shelf.brand.locale]).to_owned()
        };
        let full = match &preview.person {
            PreviewFor::Edges => Some(edges::with_full_slots(package, &shelf)),
            _ => None,
        };
        let full_reader =
            Reader { label: "full-slots".to_owned(), ..made_up(package, None, &BTreeMap::new()) };
        let mut messages = Vec::new();
        for step in steps {
            let known = compiled.steps().iter().find(|known| known.key == step);
            let editions = known.map_or(&[][..], |step| &step.editions);
            let editions: Vec<&str> = match editions {
                [] => vec![""],
                some => some.iter().map(String::as_str).collect(),
            };
            for edition in (0_u32..).zip(editions) {
                for reader in &readers {
                    let language = language_of(reader);
                    messages.push(
                        self.preview_step(&compiled, &step, edition, &language, &shelf, reader)?,
                    );
                }
                if let Some(full) = &full {
                    let language = language_of(&full_reader);
                    messages.push(self.preview_step(
                        &compiled,
                        &step,
                        edition,
                        &language,
                        full,
                        &full_reader,
                    )?);
                }
            }
        }
        Ok(Previews { messages, pictures })
    }

    fn preview_step(
        &self,
        compiled: &Compiled,
        step: &StepKey,
        (occurrence, edition): (u32, &str),
        language: &str,
        shelf: &PartnerShelf,
        reader: &Reader,
    ) -> Result<Previewed> {
        let parts = &self.parts;
        let unsubscribe_url = format!("{}/u/preview", parts.public_url);
        let refused = |error: render::RenderError| {
            let cause = std::error::Error::source(&error)
                .map_or_else(String::new, |source| format!(": {source}"));
            Error::bad_input(
                &format!("step {step}"),
                &format!("{error}{cause}"),
                "a step that renders",
            )
        };
        let rendered = compiled
            .skeleton_of(step, occurrence, language, shelf, &parts.public_url)
            .map_err(refused)?
            .message(&reader.fields, &MessageLinks { unsubscribe_url: &unsubscribe_url })
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
            message_id: &format!("preview-{step}@{}", parts.message_id_domain),
            date: self.now(),
            list_unsubscribe_url: &unsubscribe_url,
            list_id_name: &shelf.brand.name,
            list_id: &shelf.list_id,
            envelope_from: "",
        })
        .map_err(|error| {
            Error::bad_input(&format!("step {step}"), &error.to_string(), "a message")
        })?;
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

    /// The contact of this address on a list of a company that the actor may act for.
    async fn contact_at(
        &self,
        actor: &Actor,
        company: &CompanyId,
        list: Option<&str>,
        address: &str,
    ) -> Result<FoundContact> {
        let not_found = || Error::not_found("contact", address);
        if !actor.owns(company) {
            return Err(not_found());
        }
        let email: EmailAddress = address.parse().map_err(|error: AddressError| {
            Error::bad_input("--contact", address, &format!("an email address: {error}"))
        })?;
        let list = self
            .choose_list(company, list)
            .await?
            .map_err(|why| Error::bad_input("--list", list.unwrap_or(""), &why.to_string()))?;
        let contact = self
            .store()
            .find_contact(&list, email.as_str())
            .await
            .map_err(Error::book("look for the contact"))?
            .ok_or_else(not_found)?;
        Ok(FoundContact { address: email, contact })
    }

    /// The package, ready to render, and what its folder holds for trying it.
    pub(crate) async fn compiled_of(
        &self,
        vendor: &VendorId,
        package: &PreviewOf,
    ) -> Result<Opened> {
        match package {
            PreviewOf::Published(name) => Ok(Opened {
                compiled: self.published_package(vendor, name).await?.2,
                sample: None,
                pictures: Vec::new(),
            }),
            PreviewOf::Folder(folder) => self.compile_folder(folder),
        }
    }

    pub(crate) fn compile_folder(&self, folder: &std::path::Path) -> Result<Opened> {
        let files = PackageFiles::load_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let version = render::publish(&files, &self.parts.templates).map_err(|found| {
            Error::BadInput { problems: found.iter().map(crate::package::problem).collect() }
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

    /// A partner as its messages meet it, with no slot filled.
    async fn partner_shelf(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        partner: &PartnerId,
    ) -> Result<PartnerShelf> {
        let partner = self.find_partner(actor, Some(vendor), partner.as_str()).await?;
        let doing = "read the partner";
        let row = self.store().partner(&partner.partner).await.map_err(Error::book(doing))?;
        let brand =
            self.store().partner_brand(&partner.partner).await.map_err(Error::book(doing))?;
        let vendors = self.visible_vendors(actor).await?;
        let vendor_name =
            vendors.into_iter().find(|known| known.id == *vendor).map(|known| known.name);
        let (Some(row), Some((brand, sender)), Some(vendor_name)) = (row, brand, vendor_name)
        else {
            return Err(Error::not_found("partner", &partner.partner_key));
        };
        Ok(PartnerShelf {
            v: domain::job::VERSION,
            vendor_name,
            tier: row.tier,
            brand,
            sender,
            slots: BTreeMap::new(),
            list_id: list_id(&partner.partner_key, &partner.partner, &self.parts.list_domain),
        })
    }
}

struct FoundContact {
    address: EmailAddress,
    contact: Contact,
}

impl FoundContact {
    /// What a message to it may use: the fields the package asks for, as a job would carry them.
    fn reader(self, asked: &[String]) -> Reader {
        let recipient = Recipient {
            first_name: &self.contact.first_name,
            last_name: &self.contact.last_name,
            fields: &self.contact.fields,
        };
        Reader {
            label: String::new(),
            language: self.contact.language,
            address: self.address.into(),
            name: recipient.name(),
            fields: recipient.merge_fields(asked),
        }
    }
}

/// Somebody with the fields that were given, and the sample's where none was.
fn made_up(package: &Package, sample: Option<Sample>, given: &BTreeMap<String, String>) -> Reader {
    let mut fields = sample
        .and_then(|sample| sample.people.into_iter().next())
        .unwrap_or_else(|| sample_person(&package.person_fields));
    fields.extend(given.clone());
    let address = fields.remove("email").unwrap_or_else(|| "sample@example.com".to_owned());
    let name = |field: &str| fields.get(field).map_or("", String::as_str);
    let recipient =
        Recipient { first_name: name("first_name"), last_name: name("last_name"), fields: &fields };
    Reader {
        label: String::new(),
        language: String::new(),
        address,
        name: recipient.name(),
        fields,
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

/// A person for packages that bring none.
fn sample_person(fields: &[String]) -> BTreeMap<String, String> {
    fields
        .iter()
        .map(|field| {
            let value = match field.as_str() {
                "first_name" => "Anna",
                "last_name" => "Sample",
                "company" => "Sample & Sons",
                other => other,
            };
            (field.clone(), value.to_owned())
        })
        .collect()
}
