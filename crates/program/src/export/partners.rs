//! `export partners`.

use domain::VendorId;
use store::PartnerInput;

use super::{
    PAGE,
    writer::{Cell, Writer},
};
use crate::{
    actor::Actor,
    error::{Error, Result},
    import::ASSET,
    program::Program,
    table::TableFormat,
};

/// The fields of a partner, under the names by which they are imported.
const FIELDS: [&str; 17] = [
    "partner_key",
    "company_name",
    "tier",
    "region",
    "partner_type",
    "from_name",
    "from_email",
    "reply_to",
    "locale",
    "time_zone",
    "colour",
    "web_site",
    "postal_address",
    "contact_name",
    "contact_email",
    "contact_phone",
    "logo",
];

/// What to export.
#[derive(Debug, Clone)]
pub struct ExportPartners {
    /// Whose partners.
    pub vendor: VendorId,
    /// As what.
    pub format: TableFormat,
}

/// An export of partners that is under way.
#[derive(Debug)]
pub struct PartnersExport {
    program: Program,
    vendor: VendorId,
    writer: Writer,
    after: String,
    head: Option<Vec<u8>>,
    rows: u64,
}

impl Program {
    /// A vendor's partners and their brand profiles, by key, as a table that
    /// [`Program::import_partners`] takes back without a change. A logo is named as the asset of the
    /// book that it is.
    ///
    /// # Errors
    /// The vendor's program is none of the actor's, or the book fails.
    pub async fn export_partners(
        &self,
        actor: &Actor,
        export: &ExportPartners,
    ) -> Result<PartnersExport> {
        if !actor.runs(&export.vendor) {
            return Err(Error::not_found("vendor", &export.vendor));
        }
        let vendor = self.require_vendor(actor, &export.vendor).await?;
        let columns = FIELDS.iter().map(|name| (*name).to_owned()).collect();
        let writer = Writer::new(export.format, columns);
        Ok(PartnersExport {
            program: self.clone(),
            vendor,
            after: String::new(),
            head: Some(writer.head()?),
            writer,
            rows: 0,
        })
    }
}

impl PartnersExport {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// The book fails.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let page = self
            .program
            .store()
            .partners_page(&self.vendor, &self.after, PAGE)
            .await
            .map_err(Error::book("read the partners"))?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after.clone_from(&last.partner_key);
        self.rows += page.len() as u64;
        let rows: Vec<Vec<Cell>> = page.into_iter().map(cells).collect();
        self.writer.rows(&rows).map(Some)
    }

    /// How many rows there were so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

fn cells(partner: PartnerInput) -> Vec<Cell> {
    let PartnerInput { brand, sender, .. } = partner;
    let logo = brand.logo.map_or_else(String::new, |logo| format!("{ASSET}{}", logo.hash));
    let texts: [String; FIELDS.len()] = [
        partner.partner_key,
        partner.company_name,
        partner.tier,
        partner.region,
        partner.partner_type,
        sender.from_name,
        sender.from_email,
        sender.reply_to,
        brand.locale,
        brand.time_zone,
        brand.colour,
        brand.web_site,
        brand.postal_address.join(" | "),
        brand.contact_person.name,
        brand.contact_person.email,
        brand.contact_person.phone,
        logo,
    ];
    texts.into_iter().map(Cell::Text).collect()
}
