//! `render`: what a recipient would get, without sending it.

mod edges;
mod folder;
mod stage;

use std::{collections::BTreeMap, path::PathBuf};

use domain::{
    BrandProfile, CompanyId, EmailAddress, PartnerId, PartnerShelf, Recipient, SenderIdentity,
    StepKey, VendorId, address::AddressError, list_id::list_id,
};
use render::{Package, PublishedAsset, Sample};
use serde::Serialize;
use store::{Contact, Partner};

use self::stage::{Opened, Reader, Show};
pub use self::{
    folder::{PreviewFolder, preview_folder},
    stage::Stage,
};

use crate::{
    actor::Actor,
    error::{Error, Result},
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

impl Preview {
    fn show(&self) -> Show<'_> {
        Show {
            step: self.step.as_deref(),
            language: self.language.as_deref(),
            is_full: matches!(self.person, PreviewFor::Edges),
        }
    }
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

impl Previews {
    /// The links to pictures that stand in a message's HTML.
    pub fn picture_urls(public_url: &str, html: &str) -> Vec<String> {
        let prefix = format!("{public_url}/a/");
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
    /// Renders a package's steps for a partner and a person. The unsubscribe link in it belongs to no
    /// send and does nothing.
    ///
    /// # Errors
    /// No such package, partner or step for this actor; a package with errors; what rendering refuses.
    pub async fn preview(&self, actor: &Actor, preview: &Preview) -> Result<Previews> {
        let vendor = self.require_vendor(actor, &preview.vendor).await?;
        let opened = self.compiled_of(&vendor, &preview.package).await?;
        let package = opened.compiled.package();
        let mut shelf = match &preview.partner {
            Some(partner) => self.partner_shelf(actor, &vendor, partner).await?,
            None => opened.sample_shelf()?,
        };
        shelf.slots.extend(preview.slots.clone());
        let readers = match &preview.person {
            PreviewFor::Contact { address, list } => {
                let partner = preview.partner.as_ref().ok_or_else(no_partner)?;
                let found = self.find_partner(actor, Some(&vendor), partner.as_str()).await?;
                let contact =
                    self.contact_at(actor, &found.company, list.as_deref(), address).await?;
                vec![contact.reader(&package.person_fields)]
            }
            PreviewFor::Sample(fields) => vec![made_up(package, opened.sample.as_ref(), fields)],
            PreviewFor::Edges => edges::readers(package),
        };
        self.stage().show(&opened, shelf, &readers, &preview.show())
    }

    /// One step to somebody made up, or all, of a partner that is ready on its shelf.
    pub(crate) fn preview_of(
        &self,
        opened: &Opened,
        shelf: PartnerShelf,
        step: Option<&str>,
    ) -> Result<Previews> {
        let nobody = BTreeMap::new();
        let readers = [made_up(opened.compiled.package(), opened.sample.as_ref(), &nobody)];
        let show = Show { step, language: None, is_full: false };
        self.stage().show(opened, shelf, &readers, &show)
    }

    fn stage(&self) -> Stage<'_> {
        Stage {
            templates: &self.parts.templates,
            public_url: &self.parts.public_url,
            message_id_domain: &self.parts.message_id_domain,
            now: self.now(),
        }
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
        self.stage().open(folder)
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
        Ok(self.shelf_of(&row, vendor_name, brand, sender))
    }

    /// The same of what was read.
    pub(crate) fn shelf_of(
        &self,
        partner: &Partner,
        vendor_name: String,
        brand: BrandProfile,
        sender: SenderIdentity,
    ) -> PartnerShelf {
        PartnerShelf {
            v: domain::job::VERSION,
            vendor_name,
            tier: partner.tier.clone(),
            brand,
            sender,
            slots: BTreeMap::new(),
            list_id: list_id(&partner.partner_key, &partner.id, &self.parts.list_domain),
        }
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

fn no_partner() -> Error {
    Error::bad_input("--partner", "", "the partner whose contact it is")
}

/// Somebody with the fields that were given, and the sample's where none was.
fn made_up(package: &Package, sample: Option<&Sample>, given: &BTreeMap<String, String>) -> Reader {
    let mut fields = sample
        .and_then(|sample| sample.people.first().cloned())
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
