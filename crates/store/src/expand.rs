//! Expanding an activation into sends. The caller decides between reading a chunk and writing it,
//! inside one transaction.

use std::collections::{HashMap, HashSet};

use domain::{
    ActivationId, ActivationState, AddressHash, ContactId, PersonId, SendState, SkipReason,
    StepKey, UtcMillis, VendorId,
};
use sqlx::any::AnyRow;

use crate::{
    activation::{Activation, activation},
    bulk::{Rows, Value},
    contact::AddressState,
    engine::{Store, WriteTx},
    error::{Result, StoreError},
    ids::HotTable,
    row::Read,
    suppression::reason,
};

/// What the audience decision needs to know of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceContact {
    /// The contact.
    pub contact: ContactId,
    /// Its address, normalised; the text of a malformed one.
    pub address: String,
    /// Whether mail can be sent to it.
    pub address_state: AddressState,
    /// BCP 47; may be empty.
    pub language: String,
    /// The address's hash for the whole installation.
    pub hash_everywhere: AddressHash,
    /// The address's hash for the company.
    pub hash_company: AddressHash,
    /// Some relay said that the address does not exist.
    pub hard_bounced: bool,
    /// Suppressed for the whole installation, for another reason than a hard bounce.
    pub suppressed_everywhere: bool,
    /// Suppressed for the company.
    pub suppressed_company: bool,
    /// Suppressed for the topic of the activation's package.
    pub suppressed_topic: bool,
    /// There is a basis on which to mail it.
    pub has_consent: bool,
    /// The person asked to be erased.
    pub erased: bool,
}

/// What the book knows of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonFacts {
    /// The person.
    pub person: PersonId,
    /// Suppressed for the vendor.
    pub suppressed_vendor: bool,
}

/// A send as it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSend {
    /// The step.
    pub step: StepKey,
    /// Which time round.
    pub occurrence: u32,
    /// The contact it goes to.
    pub contact: ContactId,
    /// The person that is.
    pub person: PersonId,
    /// The mailbox provider; empty for a malformed address.
    pub provider: String,
    /// When it is due.
    pub due_at: UtcMillis,
    /// Why it does not go, if it does not.
    pub skip: Option<SkipReason>,
}

/// How an expansion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expanded {
    /// Persons that were decided.
    pub audience: i64,
    /// `running`, or `completed` when nobody of them gets anything.
    pub state: ActivationState,
}

fn audience_contact(row: &AnyRow) -> Result<AudienceContact> {
    let everywhere = row.opt_text("everywhere_reason")?;
    let hard_bounced = everywhere.as_deref() == Some(reason::HARD_BOUNCE);
    Ok(AudienceContact {
        contact: ContactId::new(row.int("contact_id")?),
        address: row.text("address")?,
        address_state: row.parsed("address_state")?,
        language: row.text("language")?,
        hash_everywhere: row.parsed("hash_everywhere")?,
        hash_company: row.parsed("hash_company")?,
        hard_bounced,
        suppressed_everywhere: everywhere.is_some() && !hard_bounced,
        suppressed_company: row.flag("suppressed_company")?,
        suppressed_topic: row.flag("suppressed_topic")?,
        has_consent: row.flag("has_consent")?,
        erased: row.opt_int("erased_at")?.is_some(),
    })
}

/// A person by the hash of its address.
fn person(row: &AnyRow) -> Result<(String, PersonFacts)> {
    let facts = PersonFacts {
        person: PersonId::new(row.int("person_id")?),
        suppressed_vendor: row.flag("suppressed_vendor")?,
    };
    Ok((row.text("address_hash")?, facts))
}

impl Store {
    /// Activations whose audience is not decided to the end, oldest first; paused ones wait.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn activations_to_expand(&self, limit: i64) -> Result<Vec<Activation>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("activation/to_expand.sql"))
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(activation).collect()
    }
}

impl WriteTx {
    /// Reads the activation as it is now and keeps it so until the transaction ends; `None` unless it
    /// is `scheduled`. The first call for an activation notes where the contacts stand, for the last pass.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn begin_expand(&mut self, id: ActivationId) -> Result<Option<Activation>> {
        let row = sqlx::query(sql!("activation/begin_expand.sql"))
            .bind(id.get())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(activation).transpose()
    }

    /// The next contacts of the activation's list past its cursor, by id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn audience_chunk(
        &mut self,
        activation: &Activation,
        limit: i64,
    ) -> Result<Vec<AudienceContact>> {
        let rows = sqlx::query(sql!("contact/audience_chunk.sql"))
            .bind(activation.list_id.as_str())
            .bind(activation.expand_cursor.get())
            .bind(limit)
            .bind(activation.partner_id.as_str())
            .bind(activation.version_id.as_str())
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(audience_contact).collect()
    }

    /// The contacts of the activation's list that were written since its expansion began, by id, past
    /// `after`: the last pass.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn late_contacts(
        &mut self,
        activation: &Activation,
        after: ContactId,
        limit: i64,
    ) -> Result<Vec<AudienceContact>> {
        let rows = sqlx::query(sql!("contact/late_chunk.sql"))
            .bind(activation.list_id.as_str())
            .bind(activation.expand_mark.unwrap_or(0))
            .bind(after.get())
            .bind(limit)
            .bind(activation.partner_id.as_str())
            .bind(activation.version_id.as_str())
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(audience_contact).collect()
    }

    /// The vendor's persons behind these hashes, in this order; those the vendor did not know are added.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn ensure_persons(
        &mut self,
        vendor: &VendorId,
        hashes: &[AddressHash],
    ) -> Result<Vec<PersonFacts>> {
        let mut known = self.find_persons(vendor, hashes).await?;
        let mut seen = HashSet::new();
        let missing: Vec<&AddressHash> = hashes
            .iter()
            .filter(|hash| !known.contains_key(hash.as_str()) && seen.insert(*hash))
            .collect();
        if !missing.is_empty() {
            let ids = self.take_ids(HotTable::Person, missing.len()).await?;
            let mut rows = Rows::new(3, missing.len());
            for (hash, id) in missing.iter().zip(ids) {
                rows.push([Value::Int(id), vendor.as_str().into(), hash.as_str().into()]);
            }
            let engine = self.engine;
            let added = rows.fetch(engine, self.connection(), sql!("person/add_many.sql")).await?;
            known.extend(added.iter().map(person).collect::<Result<Vec<_>>>()?);
            // Who is not among them, another expansion has added first: that happens on Postgres only.
            let others: Vec<AddressHash> = (missing.into_iter())
                .filter(|hash| !known.contains_key(hash.as_str()))
                .cloned()
                .collect();
            if !others.is_empty() {
                known.extend(self.find_persons(vendor, &others).await?);
            }
        }
        hashes
            .iter()
            .map(|hash| {
                known
                    .get(hash.as_str())
                    .copied()
                    .ok_or_else(|| StoreError::not_found("person", hash))
            })
            .collect()
    }

    async fn find_persons(
        &mut self,
        vendor: &VendorId,
        hashes: &[AddressHash],
    ) -> Result<HashMap<String, PersonFacts>> {
        let mut rows = Rows::new(2, hashes.len());
        for hash in hashes {
            rows.push([vendor.as_str().into(), hash.as_str().into()]);
        }
        let engine = self.engine;
        let rows = rows.fetch(engine, self.connection(), sql!("person/find_many.sql")).await?;
        rows.iter().map(person).collect()
    }

    /// Writes decided sends; those that are there already stay as they are. Answers how many are new.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn insert_sends(
        &mut self,
        activation: &Activation,
        sends: &[NewSend],
    ) -> Result<u64> {
        let ids = self.take_ids(HotTable::Send, sends.len()).await?;
        let mut rows = Rows::new(12, sends.len());
        for (send, id) in sends.iter().zip(ids) {
            let (state, reason) = match send.skip {
                None => (SendState::Due, ""),
                Some(reason) => (SendState::Skipped, reason.as_str()),
            };
            rows.push([
                Value::Int(id),
                Value::Int(activation.id.get()),
                Value::Int(send.person.get()),
                send.step.as_str().into(),
                Value::Int(i64::from(send.occurrence)),
                Value::Int(send.contact.get()),
                send.provider.as_str().into(),
                state.as_str().into(),
                reason.into(),
                Value::Int(send.due_at.get()),
                Value::Int(0),
                Value::Int(0),
            ]);
        }
        let engine = self.engine;
        rows.execute(engine, self.connection(), sql!("send/add_many.sql")).await
    }

    /// Notes the last contact that was decided.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn set_expand_cursor(&mut self, id: ActivationId, cursor: ContactId) -> Result<()> {
        sqlx::query(sql!("activation/set_cursor.sql"))
            .bind(id.get())
            .bind(cursor.get())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The audience is decided to the end: the activation runs, or is completed if nothing is to go.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not `scheduled`.
    pub async fn finish_expand(&mut self, id: ActivationId, now: UtcMillis) -> Result<Expanded> {
        let row = sqlx::query(sql!("activation/finish_expand.sql"))
            .bind(id.get())
            .bind(now.get())
            .fetch_optional(self.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("scheduled activation", id))?;
        let audience = row.int("audience")?;
        let completed = !self.complete(&[id], now).await?.is_empty();
        let state = if completed { ActivationState::Completed } else { ActivationState::Running };
        Ok(Expanded { audience, state })
    }
}
