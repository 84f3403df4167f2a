//! Partners, their brand profile revisions and their sender identities.

use domain::{
    BrandProfile, CompanyId, ContentHash, PartnerId, SenderIdentity, UtcMillis, VendorId,
};
use sqlx::any::AnyRow;

use crate::{
    Change, Upserted,
    engine::{Store, WriteTx},
    error::{Result, StoreError},
    row::{Read, json_text},
};

/// A partner as a vendor's file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerInput {
    /// The vendor's own key for it, unique in the program.
    pub partner_key: String,
    /// The firm's name.
    pub company_name: String,
    /// The tier's name.
    pub tier: String,
    /// Where it sells: ISO 3166-1 alpha-2; may be empty.
    pub region: String,
    /// The vendor's own word for what it is, such as `reseller`; may be empty.
    pub partner_type: String,
    /// Its brand.
    pub brand: BrandProfile,
    /// Whom its mail comes from.
    pub sender: SenderIdentity,
}

/// A company in one vendor's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its id.
    pub id: PartnerId,
    /// The program it is in.
    pub vendor_id: VendorId,
    /// The firm.
    pub company_id: CompanyId,
    /// The firm's name.
    pub company_name: String,
    /// The vendor's own key for it.
    pub partner_key: String,
    /// Its tier's name.
    pub tier: String,
    /// Where it sells: ISO 3166-1 alpha-2; empty if the vendor has not said.
    pub region: String,
    /// The vendor's own word for what it is; empty if it has none.
    pub partner_type: String,
    /// Names the current brand profile and sender: the hash of both.
    pub revision: ContentHash,
    /// Counts the revisions there were, from 1.
    pub revision_number: i64,
    /// When it joined.
    pub created_at: UtcMillis,
    /// When it was last changed.
    pub updated_at: UtcMillis,
}

pub(crate) fn partner(row: &AnyRow) -> Result<Partner> {
    Ok(Partner {
        id: row.parsed("partner_id")?,
        vendor_id: row.parsed("vendor_id")?,
        company_id: row.parsed("company_id")?,
        company_name: row.text("company_name")?,
        partner_key: row.text("partner_key")?,
        tier: row.text("tier")?,
        region: row.text("region")?,
        partner_type: row.text("partner_type")?,
        revision: row.parsed("revision")?,
        revision_number: row.int("revision_number")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(crate) fn sender(row: &AnyRow) -> Result<SenderIdentity> {
    Ok(SenderIdentity {
        from_name: row.text("from_name")?,
        from_email: row.text("from_email")?,
        reply_to: row.text("reply_to")?,
    })
}

impl Store {
    /// A page of a vendor's partners, by key, behind the key `after`; none at the end. Each as
    /// [`Store::upsert_partners`] takes it back.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn partners_page(
        &self,
        vendor: &VendorId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<PartnerInput>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("partner/export_page.sql"))
            .bind(vendor.as_str())
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(PartnerInput {
                    partner_key: row.text("partner_key")?,
                    company_name: row.text("company_name")?,
                    tier: row.text("tier")?,
                    region: row.text("region")?,
                    partner_type: row.text("partner_type")?,
                    brand: row.json("brand")?,
                    sender: sender(row)?,
                })
            })
            .collect()
    }

    /// Adds partners and changes those whose key is known already, all or none. A brand or sender
    /// that is different makes a new revision; one that is not, does not. Answers in the order given.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn upsert_partners(
        &self,
        vendor: &VendorId,
        inputs: &[PartnerInput],
        who: &str,
        now: UtcMillis,
    ) -> Result<Vec<Upserted<Partner>>> {
        let mut tx = self.begin_write().await?;
        let locked = sqlx::query(sql!("partner/lock.sql"))
            .bind(vendor.as_str())
            .execute(tx.connection())
            .await?;
        if locked.rows_affected() == 0 {
            return Err(StoreError::not_found("vendor", vendor));
        }
        let mut done = Vec::with_capacity(inputs.len());
        for input in inputs {
            done.push(tx.upsert_partner(vendor, input, now).await?);
        }
        let changed = done.iter().filter(|partner| partner.change != Change::Unchanged).count();
        if changed > 0 {
            tx.write_audit(
                now,
                who,
                "import partners",
                vendor.as_str(),
                &format!("{changed} new or changed"),
            )
            .await?;
        }
        tx.commit().await?;
        Ok(done)
    }

    /// Changes what one partner has filled in itself; a key that is not known adds nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a partner that is none of the vendor's.
    pub async fn complete_profile(
        &self,
        vendor: &VendorId,
        input: &PartnerInput,
        who: &str,
        now: UtcMillis,
    ) -> Result<Partner> {
        let mut tx = self.begin_write().await?;
        let known = sqlx::query(sql!("partner/find.sql"))
            .bind(vendor.as_str())
            .bind(input.partner_key.as_str())
            .fetch_optional(tx.connection())
            .await?;
        if known.is_none() {
            return Err(StoreError::not_found("partner", &input.partner_key));
        }
        let changed = tx.upsert_partner(vendor, input, now).await?.row;
        tx.write_audit(now, who, "complete profile", changed.id.as_str(), "").await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// The vendor's partner of this id or key.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn find_partner(
        &self,
        vendor: &VendorId,
        id_or_key: &str,
    ) -> Result<Option<Partner>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("partner/find.sql"))
            .bind(vendor.as_str())
            .bind(id_or_key.trim())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(partner).transpose()
    }

    /// The partner of this id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn partner(&self, id: &PartnerId) -> Result<Option<Partner>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("partner/get.sql"))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(partner).transpose()
    }

    /// The vendor's partners, by key.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn partners(&self, vendor: &VendorId) -> Result<Vec<Partner>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("partner/list.sql"))
            .bind(vendor.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(partner).collect()
    }

    /// The partner's current brand and sender.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn partner_brand(
        &self,
        id: &PartnerId,
    ) -> Result<Option<(BrandProfile, SenderIdentity)>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("partner_revision/current.sql"))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| Ok((row.json("brand")?, sender(&row)?))).transpose()
    }
}

impl WriteTx {
    async fn upsert_partner(
        &mut self,
        vendor: &VendorId,
        input: &PartnerInput,
        now: UtcMillis,
    ) -> Result<Upserted<Partner>> {
        let brand = json_text(&input.brand);
        let revision = ContentHash::of(format!("{brand}\n{}", json_text(&input.sender)).as_bytes());
        let known = sqlx::query(sql!("partner/find.sql"))
            .bind(vendor.as_str())
            .bind(input.partner_key.as_str())
            .fetch_optional(self.connection())
            .await?;
        let Some(mut known) = known.as_ref().map(partner).transpose()? else {
            return self.add_partner(vendor, input, &brand, revision, now).await;
        };
        let renamed = known.company_name != input.company_name;
        let is_the_same = known.tier == input.tier
            && known.region == input.region
            && known.partner_type == input.partner_type
            && known.revision == revision;
        if !renamed && is_the_same {
            return Ok(Upserted { row: known, change: Change::Unchanged });
        }
        if renamed {
            sqlx::query(sql!("company/rename.sql"))
                .bind(known.company_id.as_str())
                .bind(input.company_name.as_str())
                .bind(input.company_name.to_lowercase())
                .execute(self.connection())
                .await?;
            known.company_name.clone_from(&input.company_name);
        }
        if known.revision != revision {
            let numbers = sqlx::query(sql!("partner_revision/newest_number.sql"))
                .bind(known.id.as_str())
                .bind(revision.as_str())
                .fetch_one(self.connection())
                .await?;
            known.revision_number = match numbers.int("same")? {
                0 => numbers.int("number")? + 1,
                same => same,
            };
            known.revision = revision;
            self.add_revision(&known, &brand, &input.sender, now).await?;
        }
        known.tier.clone_from(&input.tier);
        known.region.clone_from(&input.region);
        known.partner_type.clone_from(&input.partner_type);
        known.updated_at = now;
        sqlx::query(sql!("partner/change.sql"))
            .bind(known.id.as_str())
            .bind(known.tier.as_str())
            .bind(known.revision.as_str())
            .bind(known.revision_number)
            .bind(now.get())
            .bind(known.region.as_str())
            .bind(known.partner_type.as_str())
            .execute(self.connection())
            .await?;
        Ok(Upserted { row: known, change: Change::Updated })
    }

    async fn add_partner(
        &mut self,
        vendor: &VendorId,
        input: &PartnerInput,
        brand: &str,
        revision: ContentHash,
        now: UtcMillis,
    ) -> Result<Upserted<Partner>> {
        let company = self.insert_company(&input.company_name, now).await?;
        let row = Partner {
            id: PartnerId::from_ulid(self.ids.ulid(now)),
            vendor_id: vendor.clone(),
            company_id: company.id,
            company_name: company.name,
            partner_key: input.partner_key.clone(),
            tier: input.tier.clone(),
            region: input.region.clone(),
            partner_type: input.partner_type.clone(),
            revision,
            revision_number: 1,
            created_at: now,
            updated_at: now,
        };
        sqlx::query(sql!("partner/add.sql"))
            .bind(row.id.as_str())
            .bind(vendor.as_str())
            .bind(row.company_id.as_str())
            .bind(row.partner_key.as_str())
            .bind(row.tier.as_str())
            .bind(row.revision.as_str())
            .bind(now.get())
            .bind(row.region.as_str())
            .bind(row.partner_type.as_str())
            .execute(self.connection())
            .await?;
        self.add_revision(&row, brand, &input.sender, now).await?;
        Ok(Upserted { row, change: Change::New })
    }

    async fn add_revision(
        &mut self,
        partner: &Partner,
        brand: &str,
        sender: &SenderIdentity,
        now: UtcMillis,
    ) -> Result<()> {
        // A sender identity has no id type of its own; nobody outside the book names one.
        let sender_id = format!("snr_{}", self.ids.ulid(now).to_string().to_lowercase());
        sqlx::query(sql!("sender_identity/add.sql"))
            .bind(sender_id)
            .bind(partner.company_id.as_str())
            .bind(sender.from_name.as_str())
            .bind(sender.from_email.as_str())
            .bind(sender.reply_to.as_str())
            .bind(now.get())
            .execute(self.connection())
            .await?;
        let row = sqlx::query(sql!("sender_identity/find.sql"))
            .bind(partner.company_id.as_str())
            .bind(sender.from_name.as_str())
            .bind(sender.from_email.as_str())
            .bind(sender.reply_to.as_str())
            .fetch_one(self.connection())
            .await?;
        sqlx::query(sql!("partner_revision/add.sql"))
            .bind(partner.id.as_str())
            .bind(partner.revision.as_str())
            .bind(partner.revision_number)
            .bind(brand)
            .bind(row.text("sender_id")?)
            .bind(now.get())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
