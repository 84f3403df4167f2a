//! Looking one send up.

use domain::{
    ActivationId, AddressHash, CompanyId, ContactId, PartnerId, PersonId, SendId, SendState,
    StepKey, VendorId,
};
use sqlx::{AnyConnection, any::AnyRow};

use crate::{engine::Store, error::Result, row::Read};

/// A send and whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendDetail {
    /// The send.
    pub send: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// Its partner.
    pub partner: PartnerId,
    /// The partner's firm.
    pub company: CompanyId,
    /// The contact it went to.
    pub contact: ContactId,
    /// The person that is.
    pub person: PersonId,
    /// The step.
    pub step: StepKey,
    /// Which time round.
    pub occurrence: u32,
    /// Where it stands.
    pub state: SendState,
    /// Why, for states that have a reason.
    pub reason: String,
    /// The address, normalised.
    pub address: String,
    /// The language the contact is known to read (BCP 47); may be empty.
    pub language: String,
    /// The address's hash for the whole installation.
    pub hash_everywhere: AddressHash,
    /// The address's hash for the vendor.
    pub hash_vendor: AddressHash,
    /// The address's hash for the company.
    pub hash_company: AddressHash,
    /// The partner's firm's name.
    pub partner_name: String,
    /// The vendor's name.
    pub vendor_name: String,
}

fn detail(row: &AnyRow) -> Result<SendDetail> {
    Ok(SendDetail {
        send: SendId::new(row.int("send_id")?),
        activation: ActivationId::new(row.int("activation_id")?),
        vendor: row.parsed("vendor_id")?,
        partner: row.parsed("partner_id")?,
        company: row.parsed("company_id")?,
        contact: ContactId::new(row.int("contact_id")?),
        person: PersonId::new(row.int("person_id")?),
        step: row.parsed("step_key")?,
        occurrence: row.small("occurrence")?,
        state: row.parsed("state")?,
        reason: row.text("reason")?,
        address: row.text("address")?,
        language: row.text("language")?,
        hash_everywhere: row.parsed("hash_everywhere")?,
        hash_vendor: row.parsed("hash_vendor")?,
        hash_company: row.parsed("hash_company")?,
        partner_name: row.text("partner_name")?,
        vendor_name: row.text("vendor_name")?,
    })
}

pub(crate) async fn find_send(
    connection: &mut AnyConnection,
    id: SendId,
) -> Result<Option<SendDetail>> {
    let row =
        sqlx::query(sql!("send/detail.sql")).bind(id.get()).fetch_optional(connection).await?;
    row.as_ref().map(detail).transpose()
}

impl Store {
    /// The send of this id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn send(&self, id: SendId) -> Result<Option<SendDetail>> {
        let mut connection = self.read().await?;
        find_send(&mut connection, id).await
    }
}
