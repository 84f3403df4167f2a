//! Partners, and the contact lists of their companies.

use program::{ListLine, PartnerLine, PartnerView};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    problem::Problem,
    route::{Answer, Call},
    shape::member,
};

/// A company in a vendor's program.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Partner)]
pub(super) struct PartnerOut {
    #[schema(schema_with = member::partner)]
    partner: String,
    /// The program it is in.
    #[schema(schema_with = member::vendor)]
    vendor: String,
    /// The company behind it.
    #[schema(schema_with = member::company)]
    company: String,
    /// The vendor's own key for it.
    partner_key: String,
    /// The company's name.
    name: String,
    tier: String,
    /// Where it sells (ISO 3166-1 alpha-2); empty if the vendor has not said.
    region: String,
    /// The vendor's own word for what it is; empty if it has none.
    partner_type: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<PartnerLine> for PartnerOut {
    fn from(line: PartnerLine) -> Self {
        Self {
            partner: line.partner.to_string(),
            vendor: line.vendor.to_string(),
            company: line.company.to_string(),
            partner_key: line.partner_key,
            name: line.name,
            tier: line.tier,
            region: line.region,
            partner_type: line.partner_type,
            created_at: line.created_at.to_string(),
            updated_at: line.updated_at.to_string(),
        }
    }
}

/// A page of partners.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartnerPage {
    items: Vec<PartnerOut>,
    /// Give this as `cursor` to read on; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A partner and how its mail looks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PartnerDetail)]
pub(super) struct PartnerDetailOut {
    partner: PartnerOut,
    brand: Brand,
    sender: Sender,
}

/// What co-branding needs.
#[derive(Debug, Serialize, ToSchema)]
struct Brand {
    name: String,
    /// `#rrggbb`.
    colour: String,
    web_site: String,
    /// Line by line.
    postal_address: Vec<String>,
    /// BCP 47.
    locale: String,
    /// IANA.
    time_zone: String,
    contact_name: String,
    contact_email: String,
    contact_phone: String,
}

/// Whom mail comes from.
#[derive(Debug, Serialize, ToSchema)]
struct Sender {
    from_name: String,
    from_email: String,
    reply_to: String,
}

impl From<PartnerView> for PartnerDetailOut {
    fn from(view: PartnerView) -> Self {
        let (brand, sender) = (view.brand, view.sender);
        Self {
            partner: view.line.into(),
            brand: Brand {
                name: brand.name,
                colour: brand.colour,
                web_site: brand.web_site,
                postal_address: brand.postal_address,
                locale: brand.locale,
                time_zone: brand.time_zone,
                contact_name: brand.contact_person.name,
                contact_email: brand.contact_person.email,
                contact_phone: brand.contact_person.phone,
            },
            sender: Sender {
                from_name: sender.from_name,
                from_email: sender.from_email,
                reply_to: sender.reply_to,
            },
        }
    }
}

/// A contact list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContactList)]
pub(super) struct ListOut {
    #[schema(schema_with = member::list)]
    list: String,
    name: String,
    /// How many contacts are on it.
    contacts: u64,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<ListLine> for ListOut {
    fn from(line: ListLine) -> Self {
        Self {
            list: line.list.to_string(),
            name: line.name,
            contacts: line.contacts,
            created_at: line.created_at.to_string(),
        }
    }
}

/// The contact lists of a company.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContactLists {
    items: Vec<ListOut>,
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let vendor = call.parsed("vendor")?;
    let page = call.page()?;
    let program = &call.api.program;
    let found =
        program.list_partners(&call.actor, vendor.as_ref(), call.text("tier"), &page).await?;
    Answer::ok(&PartnerPage {
        items: found.items.into_iter().map(PartnerOut::from).collect(),
        next_cursor: found.next.map(|next| next.to_string()),
    })
}

pub(super) async fn get(call: Call) -> Result<Answer, Problem> {
    let id = call.part("partner")?;
    let found = call.api.program.partner(&call.actor, &id).await?;
    Answer::ok(&PartnerDetailOut::from(found))
}

pub(super) async fn lists(call: Call) -> Result<Answer, Problem> {
    let id = call.part("partner")?;
    let found = call.api.program.contact_lists(&call.actor, &id).await?;
    Answer::ok(&ContactLists { items: found.into_iter().map(ListOut::from).collect() })
}
