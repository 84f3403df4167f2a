//! Packages and their published versions.

use domain::{
    ActivationId, ContentHash, PackageId, UtcMillis, VendorId, VersionId, VersionState,
    package_version::VersionCommand,
};
use sqlx::{Row, any::AnyRow};

use crate::{
    Change, Upserted,
    activation::activation_ids,
    engine::Store,
    error::{Result, StoreError},
    row::Read,
};

/// An activation package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its id.
    pub id: PackageId,
    /// Whose it is.
    pub vendor_id: VendorId,
    /// Its stable name, unique in the program.
    pub slug: String,
    /// Its name for people, from the version published last.
    pub name: String,
    /// When its first version was published.
    pub created_at: UtcMillis,
}

/// An immutable version of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageVersion {
    /// Its id.
    pub id: VersionId,
    /// Its package.
    pub package_id: PackageId,
    /// Whose it is.
    pub vendor_id: VendorId,
    /// The hash of its content.
    pub hash: ContentHash,
    /// Counts the package's versions from 1.
    pub number: i64,
    /// Where it stands.
    pub state: VersionState,
    /// Who put it there.
    pub state_by: String,
    /// When.
    pub state_at: UtcMillis,
    /// When it came into the book.
    pub created_at: UtcMillis,
}

/// What a command did to a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionChange {
    /// The version as it is now.
    pub version: PackageVersion,
    /// The state it was in.
    pub before: VersionState,
    /// Whether anything changed.
    pub changed: bool,
}

/// A version to keep.
#[derive(Debug, Clone, Copy)]
pub struct PublishInput<'a> {
    /// Whose it is.
    pub vendor: &'a VendorId,
    /// The package's stable name.
    pub slug: &'a str,
    /// The package's name for people.
    pub name: &'a str,
    /// The hash of the content.
    pub hash: &'a ContentHash,
    /// The content.
    pub blob: &'a [u8],
    /// What its mail is about, as templates of no language say it; empty: nothing in particular.
    pub topic: &'a str,
    /// The topic's name for recipients, as JSON: a text, or one for each language.
    pub topic_name: &'a str,
    /// Where it stands if it is new: a draft, or published.
    pub state: VersionState,
    /// Who brings it.
    pub who: &'a str,
    /// When.
    pub now: UtcMillis,
}

pub(crate) fn package(row: &AnyRow) -> Result<Package> {
    Ok(Package {
        id: row.parsed("package_id")?,
        vendor_id: row.parsed("vendor_id")?,
        slug: row.text("slug")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
    })
}

pub(crate) fn version(row: &AnyRow) -> Result<PackageVersion> {
    Ok(PackageVersion {
        id: row.parsed("version_id")?,
        package_id: row.parsed("package_id")?,
        vendor_id: row.parsed("vendor_id")?,
        hash: row.parsed("hash")?,
        number: row.int("number")?,
        state: row.parsed("state")?,
        state_by: row.text("state_by")?,
        state_at: row.time("state_at")?,
        created_at: row.time("created_at")?,
    })
}

impl Store {
    /// Keeps a version. The same content again is the same version, in whatever state it is.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn add_version(&self, input: &PublishInput<'_>) -> Result<Upserted<PackageVersion>> {
        let now = input.now;
        let package_id = PackageId::from_ulid(self.ids().ulid(now));
        let version_id = VersionId::from_ulid(self.ids().ulid(now));
        let mut tx = self.begin_write().await?;
        let row = sqlx::query(sql!("package/put.sql"))
            .bind(package_id.as_str())
            .bind(input.vendor.as_str())
            .bind(input.slug)
            .bind(input.name)
            .bind(now.get())
            .fetch_one(tx.connection())
            .await?;
        let package_id: PackageId = row.parsed("package_id")?;
        let known = sqlx::query(sql!("package_version/find.sql"))
            .bind(package_id.as_str())
            .bind(input.hash.as_str())
            .fetch_optional(tx.connection())
            .await?;
        if let Some(row) = known {
            // Rolled back: the name of a version that is not the newest does not come back.
            tx.rollback().await?;
            return Ok(Upserted { row: version(&row)?, change: Change::Unchanged });
        }
        sqlx::query(sql!("package_blob/add.sql"))
            .bind(input.hash.as_str())
            .bind(input.blob.to_vec())
            .bind(now.get())
            .execute(tx.connection())
            .await?;
        sqlx::query(sql!("package_version/add.sql"))
            .bind(version_id.as_str())
            .bind(package_id.as_str())
            .bind(input.vendor.as_str())
            .bind(input.hash.as_str())
            .bind(input.who)
            .bind(now.get())
            .bind(input.state.as_str())
            .bind(input.topic)
            .bind(input.topic_name)
            .execute(tx.connection())
            .await?;
        let row = sqlx::query(sql!("package_version/get.sql"))
            .bind(version_id.as_str())
            .fetch_one(tx.connection())
            .await?;
        let action = format!("add version as {}", input.state);
        tx.write_audit(now, input.who, &action, version_id.as_str(), input.slug).await?;
        tx.commit().await?;
        Ok(Upserted { row: version(&row)?, change: Change::New })
    }

    /// The vendor's package of this slug, id or name.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn find_package(
        &self,
        vendor: &VendorId,
        slug_or_name_or_id: &str,
    ) -> Result<Option<Package>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("package/find.sql"))
            .bind(vendor.as_str())
            .bind(slug_or_name_or_id.trim())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(package).transpose()
    }

    /// The vendor's packages, by slug.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn packages(&self, vendor: &VendorId) -> Result<Vec<Package>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("package/list.sql"))
            .bind(vendor.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(package).collect()
    }

    /// The newest version that may be launched.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn latest_published(&self, package: &PackageId) -> Result<Option<PackageVersion>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("package_version/latest_published.sql"))
            .bind(package.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(version).transpose()
    }

    /// The version of this id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn version(&self, id: &VersionId) -> Result<Option<PackageVersion>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("package_version/get.sql"))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(version).transpose()
    }

    /// The package's versions, newest first.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn versions(&self, package: &PackageId) -> Result<Vec<PackageVersion>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("package_version/list.sql"))
            .bind(package.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(version).collect()
    }

    /// The content of the version of this hash.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn version_blob(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("package_blob/get.sql"))
            .bind(hash.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        Ok(row.map(|row| row.try_get("content")).transpose()?)
    }

    /// Moves a version to another state. A recall ends its live activations with it, in one
    /// transaction; their open sends are moved by [`Store::cancel_open_sends`], in pieces, after the
    /// belt was told.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::VersionTransition`].
    pub async fn change_version(
        &self,
        id: &VersionId,
        command: VersionCommand,
        who: &str,
        now: UtcMillis,
    ) -> Result<VersionChange> {
        let mut tx = self.begin_write().await?;
        let row = sqlx::query(sql!("package_version/lock.sql"))
            .bind(id.as_str())
            .fetch_optional(tx.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("package version", id))?;
        let before = version(&row)?;
        let after = before.state.after(command)?;
        if after == before.state {
            tx.rollback().await?;
            return Ok(VersionChange { before: before.state, version: before, changed: false });
        }
        let row = sqlx::query(sql!("package_version/set_state.sql"))
            .bind(id.as_str())
            .bind(after.as_str())
            .bind(who)
            .bind(now.get())
            .fetch_one(tx.connection())
            .await?;
        if after == VersionState::Recalled {
            sqlx::query(sql!("activation/recall.sql"))
                .bind(id.as_str())
                .bind(now.get())
                .execute(tx.connection())
                .await?;
        }
        tx.write_audit(now, who, command.as_str(), id.as_str(), before.state.as_str()).await?;
        tx.commit().await?;
        Ok(VersionChange { version: version(&row)?, before: before.state, changed: true })
    }

    /// The activations of a version that its recall ended.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn recalled_activations(&self, version: &VersionId) -> Result<Vec<ActivationId>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("activation/recalled.sql"))
            .bind(version.as_str())
            .fetch_all(&mut *connection)
            .await?;
        activation_ids(&rows)
    }

    /// How many sends of a version a relay has taken.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn sent_of_version(&self, version: &VersionId) -> Result<i64> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("send/count_sent_of_version.sql"))
            .bind(version.as_str())
            .fetch_one(&mut *connection)
            .await?;
        row.int("sent")
    }
}
