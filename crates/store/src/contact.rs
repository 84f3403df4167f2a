//! Contacts on a company's lists, and the consent under which they may be mailed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::AddAssign,
};

use domain::{AddressHash, CompanyId, ContactId, ListId, UtcMillis};
use serde::de::IgnoredAny;
use sqlx::{AnyConnection, any::AnyRow};

use crate::{
    bulk::{Rows, Value},
    engine::{Engine, Store, WriteTx},
    error::Result,
    ids::HotTable,
    row::{Read, json_text},
};

word! {
    /// What is known about a contact's address.
    AddressState ("an address state: ok, malformed or bounced") {
        /// Mail can be sent to it.
        Ok = "ok",
        /// It is no address; the contact is kept and skipped with that reason.
        Malformed = "malformed",
        /// A relay said that it does not exist.
        Bounced = "bounced",
    }
}

/// A contact as a company's file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactInput {
    /// The normalised address; the trimmed text of a malformed one.
    pub address: String,
    /// The address as the file has it.
    pub address_raw: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// The file's other columns.
    pub fields: BTreeMap<String, String>,
    /// BCP 47; may be empty.
    pub language: String,
    /// Whether mail can be sent to it.
    pub address_state: AddressState,
    /// The address's hash for the whole installation.
    pub hash_everywhere: AddressHash,
    /// The address's hash for this company.
    pub hash_company: AddressHash,
    /// The basis on which it may be mailed, if the file names one.
    pub consent: Option<ConsentInput>,
}

/// Why a contact may be mailed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentInput {
    /// Such as `opt_in` or `existing_customer`.
    pub basis: String,
    /// Where it was given.
    pub source: String,
    /// What was agreed to.
    pub text: String,
    /// When.
    pub at: UtcMillis,
}

/// What an import of contacts did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContactCounts {
    /// Not on the list before.
    pub new: u64,
    /// On the list, with something different.
    pub updated: u64,
    /// On the list just so.
    pub unchanged: u64,
    /// Rows whose address comes again later in the same call; the last one counts.
    pub repeated: u64,
}

impl AddAssign for ContactCounts {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.repeated += other.repeated;
    }
}

/// A contact as messages meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// The other columns of the contact's file.
    pub fields: BTreeMap<String, String>,
    /// BCP 47; may be empty.
    pub language: String,
}

fn contact(row: &AnyRow) -> Result<Contact> {
    Ok(Contact {
        id: ContactId::new(row.int("contact_id")?),
        first_name: row.text("first_name")?,
        last_name: row.text("last_name")?,
        fields: row.json("fields")?,
        language: row.text("language")?,
    })
}

/// A contact as its company knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedContact {
    /// Its id.
    pub id: ContactId,
    /// The address as the file had it.
    pub address_raw: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// The other columns of the contact's file.
    pub fields: BTreeMap<String, String>,
    /// BCP 47; may be empty.
    pub language: String,
    /// The newest basis on which it may be mailed, if there is one.
    pub consent: Option<ExportedConsent>,
    /// The company must not mail it.
    pub is_suppressed: bool,
}

/// A consent of an [`ExportedContact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedConsent {
    /// Such as `opt_in` or `existing_customer`.
    pub basis: String,
    /// Where it was given.
    pub source: String,
    /// When.
    pub at: UtcMillis,
}

fn exported(row: &AnyRow) -> Result<ExportedContact> {
    let consent = match row.opt_text("basis")? {
        Some(basis) => {
            Some(ExportedConsent { basis, source: row.text("source")?, at: row.time("at")? })
        }
        None => None,
    };
    Ok(ExportedContact {
        id: ContactId::new(row.int("contact_id")?),
        address_raw: row.text("address_raw")?,
        first_name: row.text("first_name")?,
        last_name: row.text("last_name")?,
        fields: row.json("fields")?,
        language: row.text("language")?,
        consent,
        is_suppressed: row.flag("suppressed_company")?,
    })
}

/// Contacts that are read at once for their fields.
const FIELDS_PAGE: i64 = 2_000;

impl Store {
    /// A page of a list's contacts, in the order in which they came; none at the end.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn contacts_page(
        &self,
        list: &ListId,
        after: Option<ContactId>,
        limit: i64,
    ) -> Result<Vec<ExportedContact>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("contact/export_page.sql"))
            .bind(list.as_str())
            .bind(after.map_or(0, ContactId::get))
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(exported).collect()
    }

    /// The names of all fields that contacts of a list have. It reads the whole list, a page at a time.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn contact_field_names(&self, list: &ListId) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        let mut after = 0;
        loop {
            let mut connection = self.read().await?;
            let rows = sqlx::query(sql!("contact/fields_page.sql"))
                .bind(list.as_str())
                .bind(after)
                .bind(FIELDS_PAGE)
                .fetch_all(&mut *connection)
                .await?;
            let Some(last) = rows.last() else { return Ok(names) };
            after = last.int("contact_id")?;
            for row in &rows {
                let fields: BTreeMap<String, IgnoredAny> = row.json("fields")?;
                for name in fields.into_keys() {
                    names.insert(name);
                }
            }
        }
    }

    /// The contact of this normalised address on a list.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn find_contact(&self, list: &ListId, address: &str) -> Result<Option<Contact>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("contact/find_by_address.sql"))
            .bind(list.as_str())
            .bind(address)
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(contact).transpose()
    }

    /// The contact of this id, unless the person was erased.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn contact(&self, id: ContactId) -> Result<Option<Contact>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("contact/get.sql"))
            .bind(id.get())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(contact).transpose()
    }

    /// Puts contacts on a list, in one transaction; give it a few thousand at a time. Doing it again
    /// with the same rows changes nothing. An address that bounced stays bounced.
    ///
    /// # Errors
    /// When the book fails; then none of these rows was taken.
    pub async fn upsert_contacts(
        &self,
        company: &CompanyId,
        list: &ListId,
        inputs: &[ContactInput],
        now: UtcMillis,
    ) -> Result<ContactCounts> {
        let inputs_once = once(inputs);
        let mut tx = self.begin_write().await?;
        // First of all, so that two imports take turns and numbers appear in commit order.
        let change_number = tx.next_count("contact_change").await?;
        let engine = tx.engine;
        let known = known_contacts(engine, tx.connection(), list, &inputs_once).await?;
        let compared = Compared::new(inputs, &inputs_once, &known);
        let mut ids: HashMap<String, i64> = compared.same;
        tx.put_contacts(company, list, &compared.to_put, change_number, now, &mut ids).await?;
        tx.add_consents(&inputs_once, &ids).await?;
        tx.commit().await?;
        Ok(compared.counts)
    }

    /// What [`Store::upsert_contacts`] would answer; nothing is written. Without a list, it would be a
    /// new one.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn compare_contacts(
        &self,
        list: Option<&ListId>,
        inputs: &[ContactInput],
    ) -> Result<ContactCounts> {
        let inputs_once = once(inputs);
        let known = match list {
            Some(list) => {
                let mut connection = self.read().await?;
                known_contacts(self.engine(), &mut connection, list, &inputs_once).await?
            }
            None => HashMap::new(),
        };
        Ok(Compared::new(inputs, &inputs_once, &known).counts)
    }
}

/// One input an address: the last one.
fn once(inputs: &[ContactInput]) -> Vec<&ContactInput> {
    let mut last: HashMap<&str, &ContactInput> = HashMap::with_capacity(inputs.len());
    let mut order = Vec::with_capacity(inputs.len());
    for input in inputs {
        if last.insert(&input.address, input).is_none() {
            order.push(input.address.as_str());
        }
    }
    order.iter().map(|address| last[address]).collect()
}

/// What inputs are to a list.
struct Compared<'a> {
    counts: ContactCounts,
    /// Those that are new or different, with the id of the contact that is there.
    to_put: Vec<(&'a ContactInput, Option<i64>)>,
    /// The ids of those that are there just so, by address.
    same: HashMap<String, i64>,
}

impl<'a> Compared<'a> {
    fn new(
        inputs: &[ContactInput],
        inputs_once: &[&'a ContactInput],
        known: &HashMap<String, Known>,
    ) -> Self {
        let counts = ContactCounts {
            repeated: (inputs.len() - inputs_once.len()) as u64,
            ..ContactCounts::default()
        };
        let mut compared = Self { counts, to_put: Vec::new(), same: HashMap::new() };
        for input in inputs_once {
            match known.get(input.address.as_str()) {
                None => {
                    compared.counts.new += 1;
                    compared.to_put.push((*input, None));
                }
                Some(known) if known.says(input) => {
                    compared.counts.unchanged += 1;
                    compared.same.insert(input.address.clone(), known.id);
                }
                Some(known) => {
                    compared.counts.updated += 1;
                    compared.to_put.push((*input, Some(known.id)));
                }
            }
        }
        compared
    }
}

/// A contact the list has already.
struct Known {
    id: i64,
    address_raw: String,
    first_name: String,
    last_name: String,
    fields: String,
    language: String,
    address_state: AddressState,
}

impl Known {
    fn of(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.int("contact_id")?,
            address_raw: row.text("address_raw")?,
            first_name: row.text("first_name")?,
            last_name: row.text("last_name")?,
            fields: row.text("fields")?,
            language: row.text("language")?,
            address_state: row.parsed("address_state")?,
        })
    }

    fn says(&self, input: &ContactInput) -> bool {
        self.address_raw == input.address_raw
            && self.first_name == input.first_name
            && self.last_name == input.last_name
            && self.language == input.language
            && self.fields == json_text(&input.fields)
            && (self.address_state == input.address_state
                || self.address_state == AddressState::Bounced)
    }
}

async fn known_contacts(
    engine: Engine,
    connection: &mut AnyConnection,
    list: &ListId,
    inputs: &[&ContactInput],
) -> Result<HashMap<String, Known>> {
    let mut rows = Rows::new(2, inputs.len());
    for input in inputs {
        rows.push([list.as_str().into(), input.address.as_str().into()]);
    }
    let rows = rows.fetch(engine, connection, sql!("contact/find_many.sql")).await?;
    rows.iter().map(|row| Ok((row.text("address")?, Known::of(row)?))).collect()
}

impl WriteTx {
    async fn put_contacts(
        &mut self,
        company: &CompanyId,
        list: &ListId,
        inputs: &[(&ContactInput, Option<i64>)],
        change_number: i64,
        now: UtcMillis,
        ids: &mut HashMap<String, i64>,
    ) -> Result<()> {
        let new = inputs.iter().filter(|(_, known)| known.is_none()).count();
        let mut fresh = self.take_ids(HotTable::Contact, new).await?.into_iter();
        let mut rows = Rows::new(15, inputs.len());
        for (input, known) in inputs {
            let id =
                known.or_else(|| fresh.next()).expect("as many ids as new contacts were taken");
            rows.push([
                Value::Int(id),
                company.as_str().into(),
                list.as_str().into(),
                input.address.as_str().into(),
                input.address_raw.as_str().into(),
                input.first_name.as_str().into(),
                input.last_name.as_str().into(),
                json_text(&input.fields).into(),
                input.language.as_str().into(),
                input.address_state.as_str().into(),
                input.hash_everywhere.as_str().into(),
                input.hash_company.as_str().into(),
                Value::Int(change_number),
                Value::Int(now.get()),
                Value::Int(now.get()),
            ]);
        }
        let engine = self.engine;
        for row in rows.fetch(engine, self.connection(), sql!("contact/put_many.sql")).await? {
            ids.insert(row.text("address")?, row.int("contact_id")?);
        }
        Ok(())
    }

    async fn add_consents(
        &mut self,
        inputs: &[&ContactInput],
        ids: &HashMap<String, i64>,
    ) -> Result<()> {
        let given: Vec<(i64, &ConsentInput)> = inputs
            .iter()
            .filter_map(|input| Some((*ids.get(&input.address)?, input.consent.as_ref()?)))
            .collect();
        let mut rows = Rows::new(3, given.len());
        for (contact, consent) in &given {
            rows.push([
                Value::Int(*contact),
                consent.basis.as_str().into(),
                consent.source.as_str().into(),
            ]);
        }
        let engine = self.engine;
        let missing =
            rows.fetch(engine, self.connection(), sql!("consent/missing_many.sql")).await?;
        let missing: Vec<i64> =
            missing.iter().map(|row| row.int("contact_id")).collect::<Result<_>>()?;
        if missing.is_empty() {
            return Ok(());
        }
        let missing: std::collections::HashSet<i64> = missing.into_iter().collect();
        let mut rows = Rows::new(5, missing.len());
        for (contact, consent) in given.iter().filter(|(contact, _)| missing.contains(contact)) {
            rows.push([
                Value::Int(*contact),
                consent.basis.as_str().into(),
                consent.source.as_str().into(),
                consent.text.as_str().into(),
                Value::Int(consent.at.get()),
            ]);
        }
        rows.execute(engine, self.connection(), sql!("consent/add_many.sql")).await?;
        Ok(())
    }
}
