//! Companies and their contact lists.

use domain::{CompanyId, ListId, UtcMillis};
use sqlx::any::AnyRow;

use crate::{
    Change, Upserted,
    engine::{Store, WriteTx},
    error::{Result, StoreError},
    row::Read,
};

/// A firm, without a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Its id.
    pub id: CompanyId,
    /// Its name; several companies may have one name.
    pub name: String,
    /// When it was added.
    pub created_at: UtcMillis,
}

/// A contact list of a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactList {
    /// Its id.
    pub id: ListId,
    /// Whose it is.
    pub company_id: CompanyId,
    /// Its name, unique in its company without regard to case.
    pub name: String,
    /// When it was made.
    pub created_at: UtcMillis,
}

/// A list and how many contacts are on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSize {
    /// The list.
    pub list: ContactList,
    /// Its contacts.
    pub contacts: i64,
}

fn company(row: &AnyRow) -> Result<Company> {
    Ok(Company {
        id: row.parsed("company_id")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
    })
}

fn list(row: &AnyRow) -> Result<ContactList> {
    Ok(ContactList {
        id: row.parsed("list_id")?,
        company_id: row.parsed("company_id")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
    })
}

impl WriteTx {
    pub(crate) async fn insert_company(&mut self, name: &str, now: UtcMillis) -> Result<Company> {
        let id = CompanyId::from_ulid(self.ids.ulid(now));
        sqlx::query(sql!("company/add.sql"))
            .bind(id.as_str())
            .bind(name)
            .bind(name.to_lowercase())
            .bind(now.get())
            .execute(self.connection())
            .await?;
        Ok(Company { id, name: name.to_owned(), created_at: now })
    }
}

impl Store {
    /// Adds a company that is nobody's partner yet.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn add_company(&self, name: &str, now: UtcMillis) -> Result<Company> {
        let mut tx = self.begin_write().await?;
        let company = tx.insert_company(name.trim(), now).await?;
        tx.commit().await?;
        Ok(company)
    }

    /// The companies of this id, name, or partner key in any program.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn find_companies(&self, text: &str) -> Result<Vec<Company>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("company/find.sql"))
            .bind(text.trim())
            .bind(text.trim().to_lowercase())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(company).collect()
    }

    /// The company's list of this name, made if there is none.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn upsert_list(
        &self,
        company: &CompanyId,
        name: &str,
        now: UtcMillis,
    ) -> Result<Upserted<ContactList>> {
        let name = name.trim();
        let id = ListId::from_ulid(self.ids().ulid(now));
        let mut tx = self.begin_write().await?;
        let added = sqlx::query(sql!("contact_list/add.sql"))
            .bind(id.as_str())
            .bind(company.as_str())
            .bind(name)
            .bind(name.to_lowercase())
            .bind(now.get())
            .execute(tx.connection())
            .await?
            .rows_affected();
        let row = sqlx::query(sql!("contact_list/find.sql"))
            .bind(company.as_str())
            .bind(name.to_lowercase())
            .bind(name)
            .fetch_optional(tx.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("list", name))?;
        tx.commit().await?;
        let change = if added > 0 { Change::New } else { Change::Unchanged };
        Ok(Upserted { row: list(&row)?, change })
    }

    /// The company's list of this name or id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn find_list(
        &self,
        company: &CompanyId,
        name_or_id: &str,
    ) -> Result<Option<ContactList>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("contact_list/find.sql"))
            .bind(company.as_str())
            .bind(name_or_id.trim().to_lowercase())
            .bind(name_or_id.trim())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(list).transpose()
    }

    /// The company's lists, by name.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn lists(&self, company: &CompanyId) -> Result<Vec<ListSize>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("contact_list/list.sql"))
            .bind(company.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| Ok(ListSize { list: list(row)?, contacts: row.int("contacts")? }))
            .collect()
    }
}
