//! `export contacts --company C --list L`.

use domain::{CompanyId, ContactId, ListId};
use store::ExportedContact;

use super::{
    PAGE,
    writer::{Cell, Writer},
};
use crate::{
    actor::Actor,
    error::{Error, Result},
    nearest::nearest,
    program::Program,
    table::TableFormat,
};

/// The fields every contact has, under the names by which they are imported. `company` is a merge
/// field in the book.
const FIELDS: [&str; 9] = [
    "email",
    "first_name",
    "last_name",
    "company",
    "language",
    "consent_basis",
    "consent_source",
    "consent_at",
    "opted_out",
];

/// What to export.
#[derive(Debug, Clone)]
pub struct ExportContacts {
    /// Whose contacts.
    pub company: CompanyId,
    /// The list, by name or id.
    pub list: String,
    /// As what.
    pub format: TableFormat,
}

/// An export of contacts that is under way.
#[derive(Debug)]
pub struct ContactsExport {
    program: Program,
    list: ListId,
    merge_fields: Vec<String>,
    writer: Writer,
    after: Option<ContactId>,
    head: Option<Vec<u8>>,
    rows: u64,
}

impl Program {
    /// The contacts of a company's list, in the order in which they came, as a table that
    /// [`Program::import_contacts`] takes back without a change. Who opted out, unsubscribed or was
    /// taken off by the company says so; of several consents there is the newest.
    ///
    /// # Errors
    /// The company is none of the actor's own, there is no such list, or the book fails.
    pub async fn export_contacts(
        &self,
        actor: &Actor,
        export: &ExportContacts,
    ) -> Result<ContactsExport> {
        self.require_own_company(actor, &export.company).await?;
        let doing = "read the contacts";
        let list = self
            .store()
            .find_list(&export.company, &export.list)
            .await
            .map_err(Error::book(doing))?;
        let Some(list) = list else {
            let lists = self.store().lists(&export.company).await.map_err(Error::book(doing))?;
            let names = lists.iter().map(|known| known.list.name.as_str());
            return Err(Error::NotFound {
                what: "list",
                asked: export.list.clone(),
                nearest: nearest(&export.list, names).map(str::to_owned),
            });
        };
        let mut names =
            self.store().contact_field_names(&list.id).await.map_err(Error::book(doing))?;
        names.remove("company");
        let merge_fields: Vec<String> = names.into_iter().collect();
        let columns =
            FIELDS.iter().map(|name| (*name).to_owned()).chain(merge_fields.clone()).collect();
        let writer = Writer::new(export.format, columns);
        Ok(ContactsExport {
            program: self.clone(),
            list: list.id,
            merge_fields,
            after: None,
            head: Some(writer.head()?),
            writer,
            rows: 0,
        })
    }
}

impl ContactsExport {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// The book fails, or somebody imported a merge field into the list that was not in it when the
    /// export began.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let page = self
            .program
            .store()
            .contacts_page(&self.list, self.after, PAGE)
            .await
            .map_err(Error::book("read the contacts"))?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.id);
        self.rows += page.len() as u64;
        let rows: Vec<Vec<Cell>> =
            page.into_iter().map(|contact| self.cells(contact)).collect::<Result<_>>()?;
        self.writer.rows(&rows).map(Some)
    }

    /// How many rows there were so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn cells(&self, mut contact: ExportedContact) -> Result<Vec<Cell>> {
        let (basis, source, at) = contact.consent.map_or_else(Default::default, |consent| {
            (consent.basis, consent.source, consent.at.to_string())
        });
        let mut cells = Vec::with_capacity(FIELDS.len() + self.merge_fields.len());
        let company = contact.fields.remove("company").unwrap_or_default();
        let texts = [
            contact.address_raw,
            contact.first_name,
            contact.last_name,
            company,
            contact.language,
            basis,
            source,
            at,
        ];
        cells.extend(texts.map(Cell::Text));
        cells.push(Cell::Yes(contact.is_suppressed));
        for name in &self.merge_fields {
            cells.push(Cell::Text(contact.fields.remove(name).unwrap_or_default()));
        }
        match contact.fields.into_keys().next() {
            None => Ok(cells),
            Some(new) => Err(Error::Conflict {
                why: format!(
                    "the list changed while it was read: merge field {new} is new; export it again"
                ),
            }),
        }
    }
}
