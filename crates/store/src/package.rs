//! Packages and their published versions.

use domain::{ContentHash, PackageId, UtcMillis, VendorId, VersionId};
use sqlx::{Row, any::AnyRow};

use crate::{
    Change, Upserted,
    engine::Store,
    error::{Result, StoreError},
    row::Read,
};

word! {
    /// Where a package version stands.
    VersionState ("a version state: draft, in_review, published, retired or recalled") {
        /// Being written.
        Draft = "draft",
        /// Waiting for approval.
        InReview = "in_review",
        /// May be launched.
        Published = "published",
        /// May not be launched any more; what was launched goes on.
        Retired = "retired",
        /// Must not be sent any more.
        Recalled = "recalled",
    }
}

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

/// A version to publish.
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
    /// Who publishes.
    pub who: &'a str,
    /// When.
    pub now: UtcMillis,
}

fn package(row: &AnyRow) -> Result<Package> {
    Ok(Package {
        id: row.parsed("package_id")?,
        vendor_id: row.parsed("vendor_id")?,
        slug: row.text("slug")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
    })
}

fn version(row: &AnyRow) -> Result<PackageVersion> {
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
    /// Publishes a version. The same content again is the same version, in whatever state it is.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn publish(&self, input: &PublishInput<'_>) -> Result<Upserted<PackageVersion>> {
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
            .execute(tx.connection())
            .await?;
        let row = sqlx::query(sql!("package_version/get.sql"))
            .bind(version_id.as_str())
            .fetch_one(tx.connection())
            .await?;
        tx.write_audit(now, input.who, "publish version", version_id.as_str(), input.slug).await?;
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

    /// Puts a version into another state.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_version_state(
        &self,
        id: &VersionId,
        state: VersionState,
        who: &str,
        now: UtcMillis,
    ) -> Result<PackageVersion> {
        let mut tx = self.begin_write().await?;
        let row = sqlx::query(sql!("package_version/set_state.sql"))
            .bind(id.as_str())
            .bind(state.as_str())
            .bind(who)
            .bind(now.get())
            .fetch_optional(tx.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("package version", id))?;
        tx.write_audit(now, who, "set version state", id.as_str(), state.as_str()).await?;
        tx.commit().await?;
        version(&row)
    }
}
