//! Lists, a page at a time: behind an id, never by counting rows, so that what comes in meanwhile moves nothing.

use domain::{ActivationId, ActivationState, CompanyId, PackageId, PartnerId, VendorId};

use crate::{
    activation::activation,
    engine::Store,
    error::Result,
    package::{Package, PackageVersion, package, version},
    partner::{Partner, partner},
    status::{ActivationSummary, SendCount, StateCounts, summary},
};

/// Whose rows a list is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk<'a> {
    /// All there are.
    All,
    /// Those of one vendor's program.
    Vendor(&'a VendorId),
    /// Those of one company, in every program or in one.
    Company(&'a CompanyId, Option<&'a VendorId>),
}

impl Store {
    /// A page of partners, by id, behind the one of `after`: of one tier, or of all.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn partner_rows(
        &self,
        walk: Walk<'_>,
        tier: Option<&str>,
        after: Option<&PartnerId>,
        limit: i64,
    ) -> Result<Vec<Partner>> {
        let after = after.map_or("", PartnerId::as_str).to_owned();
        let tier_or_empty = tier.unwrap_or_default().to_owned();
        let query = match (walk, tier) {
            (Walk::All, _) => sqlx::query(sql!("partner/page_all.sql"))
                .bind(after)
                .bind(limit)
                .bind(tier_or_empty),
            (Walk::Vendor(vendor), None) => sqlx::query(sql!("partner/page_vendor.sql"))
                .bind(after)
                .bind(limit)
                .bind(vendor.as_str().to_owned()),
            (Walk::Vendor(vendor), Some(_)) => sqlx::query(sql!("partner/page_vendor_tier.sql"))
                .bind(after)
                .bind(limit)
                .bind(vendor.as_str().to_owned())
                .bind(tier_or_empty),
            (Walk::Company(company, vendor), _) => sqlx::query(sql!("partner/page_company.sql"))
                .bind(after)
                .bind(limit)
                .bind(company.as_str().to_owned())
                .bind(vendor.map_or("", VendorId::as_str).to_owned())
                .bind(tier_or_empty),
        };
        let mut connection = self.read().await?;
        let rows = query.fetch_all(&mut *connection).await?;
        rows.iter().map(partner).collect()
    }

    /// What a company is partner of, by key.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn partners_of_company(&self, company: &CompanyId) -> Result<Vec<Partner>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("partner/of_company.sql"))
            .bind(company.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(partner).collect()
    }

    /// A page of packages, by id, behind the one of `after`. A company gets none of which nothing was
    /// published.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn package_rows(
        &self,
        walk: Walk<'_>,
        after: Option<&PackageId>,
        limit: i64,
    ) -> Result<Vec<Package>> {
        let after = after.map_or("", PackageId::as_str).to_owned();
        let query = match walk {
            Walk::All => sqlx::query(sql!("package/page_all.sql")).bind(after).bind(limit),
            Walk::Vendor(vendor) => sqlx::query(sql!("package/page_vendor.sql"))
                .bind(after)
                .bind(limit)
                .bind(vendor.as_str().to_owned()),
            Walk::Company(company, vendor) => sqlx::query(sql!("package/page_company.sql"))
                .bind(after)
                .bind(limit)
                .bind(company.as_str().to_owned())
                .bind(vendor.map_or("", VendorId::as_str).to_owned()),
        };
        let mut connection = self.read().await?;
        let rows = query.fetch_all(&mut *connection).await?;
        rows.iter().map(package).collect()
    }

    /// The package of this id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn package(&self, id: &PackageId) -> Result<Option<Package>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("package/get.sql"))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(package).transpose()
    }

    /// A page of a package's versions, newest first, before the one numbered `before`; those that are not
    /// published yet only `with_drafts`.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn version_rows(
        &self,
        package: &PackageId,
        with_drafts: bool,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<PackageVersion>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("package_version/page.sql"))
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit)
            .bind(package.as_str())
            .bind(i64::from(with_drafts))
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(version).collect()
    }

    /// A page of activations, newest first, before the one of `before`: in one state, or in any. Their
    /// sends are not counted.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn activation_rows(
        &self,
        walk: Walk<'_>,
        state: Option<ActivationState>,
        before: Option<ActivationId>,
        limit: i64,
    ) -> Result<Vec<ActivationSummary>> {
        let before = before.map_or(i64::MAX, ActivationId::get);
        let word = state.map_or("", ActivationState::as_str);
        let query = match (walk, state) {
            (Walk::All, None) => {
                sqlx::query(sql!("activation/page_all.sql")).bind(before).bind(limit)
            }
            (Walk::All, Some(_)) => sqlx::query(sql!("activation/page_all_state.sql"))
                .bind(before)
                .bind(limit)
                .bind(word),
            (Walk::Vendor(vendor), None) => sqlx::query(sql!("activation/page_vendor.sql"))
                .bind(before)
                .bind(limit)
                .bind(vendor.as_str().to_owned()),
            (Walk::Vendor(vendor), Some(_)) => {
                sqlx::query(sql!("activation/page_vendor_state.sql"))
                    .bind(before)
                    .bind(limit)
                    .bind(vendor.as_str().to_owned())
                    .bind(word)
            }
            (Walk::Company(company, vendor), _) => sqlx::query(sql!("activation/page_company.sql"))
                .bind(before)
                .bind(limit)
                .bind(company.as_str().to_owned())
                .bind(vendor.map_or("", VendorId::as_str).to_owned())
                .bind(word),
        };
        let mut connection = self.read().await?;
        let rows = query.fetch_all(&mut *connection).await?;
        rows.iter().map(|row| summary(row, activation(row)?, StateCounts::default())).collect()
    }

    /// One activation with the words people know it by, and its sends counted: in all, and by step, state and reason.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn activation_summary(
        &self,
        id: ActivationId,
    ) -> Result<Option<(ActivationSummary, Vec<SendCount>)>> {
        let by_step = self.send_counts(Some(id), None).await?;
        let mut counts = StateCounts::default();
        for count in &by_step {
            counts.add(count);
        }
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("activation/summary.sql"))
            .bind(id.get())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| Ok((summary(&row, activation(&row)?, counts)?, by_step))).transpose()
    }
}
