//! Lists, a page at a time, of what the actor may see.

use domain::{
    ActivationId, ActivationState, BrandProfile, CompanyId, ListId, PackageId, PartnerId,
    SenderIdentity, UtcMillis, VendorId, VersionId,
};
use serde::Serialize;
use store::{Package, Partner, Walk};

use crate::{
    actor::Actor,
    error::{Error, Result},
    nearest::nearest,
    program::Program,
    version::{VersionLine, line as version_line},
};

/// The most a page holds.
pub const MOST_OF_A_PAGE: u32 = 200;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; `None` at the end.
    pub next: Option<C>,
}

/// Which part of a list: what comes behind `after`, and how much of it (1 to [`MOST_OF_A_PAGE`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOf<C> {
    /// The last one of the page before.
    pub after: Option<C>,
    /// The most that is wanted.
    pub limit: u32,
}

impl<C> PageOf<C> {
    /// One more than is wanted, to know whether there is more.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit.clamp(1, MOST_OF_A_PAGE)) + 1
    }

    pub(crate) fn page<T>(&self, mut items: Vec<T>, place: impl Fn(&T) -> C) -> Page<T, C> {
        let limit = self.limit.clamp(1, MOST_OF_A_PAGE) as usize;
        let is_more = items.len() > limit;
        items.truncate(limit);
        let next = if is_more { items.last().map(place) } else { None };
        Page { items, next }
    }
}

/// A partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartnerLine {
    /// Its id.
    pub partner: PartnerId,
    /// The program it is in.
    pub vendor: VendorId,
    /// The company behind it.
    pub company: CompanyId,
    /// The vendor's key for it.
    pub partner_key: String,
    /// The company's name.
    pub name: String,
    /// Its tier.
    pub tier: String,
    /// Where it sells: ISO 3166-1 alpha-2; empty if the vendor has not said.
    pub region: String,
    /// The vendor's own word for what it is; empty if it has none.
    pub partner_type: String,
    /// When it joined.
    pub created_at: UtcMillis,
    /// When it was last changed.
    pub updated_at: UtcMillis,
}

/// A partner and how its mail looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartnerView {
    /// The partner.
    #[serde(flatten)]
    pub line: PartnerLine,
    /// Its brand profile.
    pub brand: BrandProfile,
    /// Whom its mail comes from.
    pub sender: SenderIdentity,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageLine {
    /// Its id.
    pub package: PackageId,
    /// Whose it is.
    pub vendor: VendorId,
    /// Its stable name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// When its first version was kept.
    pub created_at: UtcMillis,
}

/// A contact list of a company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListLine {
    /// Its id.
    pub list: ListId,
    /// Its name.
    pub name: String,
    /// How many contacts are on it.
    pub contacts: u64,
    /// When it was made.
    pub created_at: UtcMillis,
}

/// An activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActivationLine {
    /// Its id.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// Its partner.
    pub partner: PartnerId,
    /// The vendor's key for the partner.
    pub partner_key: String,
    /// The partner's name.
    pub partner_name: String,
    /// The package's name (slug).
    pub package: String,
    /// The package version.
    pub version: VersionId,
    /// Where it stands.
    pub state: ActivationState,
    /// When it starts or started, in campaign time.
    pub start_at: UtcMillis,
    /// When it was launched.
    pub created_at: UtcMillis,
    /// When it ended.
    pub ended_at: Option<UtcMillis>,
    /// Persons on its list; `None` until its audience is expanded to the end.
    pub audience: Option<u64>,
}

impl From<Partner> for PartnerLine {
    fn from(row: Partner) -> Self {
        Self {
            partner: row.id,
            vendor: row.vendor_id,
            company: row.company_id,
            partner_key: row.partner_key,
            name: row.company_name,
            tier: row.tier,
            region: row.region,
            partner_type: row.partner_type,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<Package> for PackageLine {
    fn from(row: Package) -> Self {
        Self {
            package: row.id,
            vendor: row.vendor_id,
            slug: row.slug,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

impl Program {
    /// Partners, by when they joined: of one vendor's program or of all, of one tier or of all.
    ///
    /// # Errors
    /// The vendor is none of the actor's; there is no such tier.
    pub async fn list_partners(
        &self,
        actor: &Actor,
        vendor: Option<&VendorId>,
        tier: Option<&str>,
        of: &PageOf<PartnerId>,
    ) -> Result<Page<PartnerLine, PartnerId>> {
        let walk = self.walk(actor, vendor).await?;
        let tiers = &self.parts.tiers;
        let tier = match tier {
            None => None,
            Some(asked) => Some(tiers.find(asked).ok_or_else(|| Error::NotFound {
                what: "tier",
                asked: asked.to_owned(),
                nearest:
                    nearest(asked, tiers.iter().map(|tier| tier.name.as_str())).map(str::to_owned),
            })?),
        };
        let rows = self
            .store()
            .partner_rows(walk, tier.map(|tier| tier.name.as_str()), of.after.as_ref(), of.rows())
            .await
            .map_err(Error::book("read the partners"))?;
        let lines = rows.into_iter().map(PartnerLine::from).collect();
        Ok(of.page(lines, |line: &PartnerLine| line.partner.clone()))
    }

    /// One partner.
    ///
    /// # Errors
    /// There is none that the actor may see.
    pub async fn partner(&self, actor: &Actor, id: &PartnerId) -> Result<PartnerView> {
        let row = self.require_partner(actor, id).await?;
        let brand = self
            .store()
            .partner_brand(id)
            .await
            .map_err(Error::book("read the brand profile"))?
            .ok_or_else(|| Error::not_found("partner", id))?;
        Ok(PartnerView { line: row.into(), brand: brand.0, sender: brand.1 })
    }

    /// The contact lists of a partner's company.
    ///
    /// # Errors
    /// There is no such partner, or the actor may not act for its company: a vendor does not learn what
    /// lists a company keeps.
    pub async fn contact_lists(&self, actor: &Actor, partner: &PartnerId) -> Result<Vec<ListLine>> {
        let row = self.require_partner(actor, partner).await?;
        if !actor.owns(&row.company_id) {
            return Err(Error::not_found("company of partner", partner));
        }
        let lists = self.store().lists(&row.company_id).await;
        let lists = lists.map_err(Error::book("read the contact lists"))?;
        Ok(lists
            .into_iter()
            .map(|size| ListLine {
                list: size.list.id,
                name: size.list.name,
                contacts: u64::try_from(size.contacts).unwrap_or(0),
                created_at: size.list.created_at,
            })
            .collect())
    }

    /// Packages, by when they came.
    ///
    /// # Errors
    /// The vendor is none of the actor's.
    pub async fn list_packages(
        &self,
        actor: &Actor,
        vendor: Option<&VendorId>,
        of: &PageOf<PackageId>,
    ) -> Result<Page<PackageLine, PackageId>> {
        let walk = self.walk(actor, vendor).await?;
        let rows = self.store().package_rows(walk, of.after.as_ref(), of.rows()).await;
        let rows = rows.map_err(Error::book("read the packages"))?;
        let lines = rows.into_iter().map(PackageLine::from).collect();
        Ok(of.page(lines, |line: &PackageLine| line.package.clone()))
    }

    /// The versions of a package, newest first.
    ///
    /// # Errors
    /// There is no such package for this actor.
    pub async fn list_versions(
        &self,
        actor: &Actor,
        package: &PackageId,
        of: &PageOf<i64>,
    ) -> Result<Page<VersionLine, i64>> {
        let package = self.visible_package(actor, package).await?;
        let with_drafts = actor.runs(&package.vendor_id);
        let rows = self
            .store()
            .version_rows(&package.id, with_drafts, of.after, of.rows())
            .await
            .map_err(Error::book("read the versions"))?;
        let lines = rows.into_iter().map(|row| version_line(&package.slug, row)).collect();
        Ok(of.page(lines, |line: &VersionLine| line.number))
    }

    /// One version of a package, and whose it is.
    ///
    /// # Errors
    /// There is none that the actor may see.
    pub async fn version(
        &self,
        actor: &Actor,
        id: &VersionId,
    ) -> Result<(VendorId, PackageId, VersionLine)> {
        let not_found = || Error::not_found("package version", id);
        let row = self.store().version(id).await.map_err(Error::book("read the version"))?;
        let row = row.ok_or_else(not_found)?;
        let package = match self.visible_package(actor, &row.package_id).await {
            Err(Error::NotFound { .. }) => Err(not_found()),
            found => found,
        }?;
        if row.state.is_before_partners() && !actor.runs(&package.vendor_id) {
            return Err(not_found());
        }
        Ok((package.vendor_id, package.id, version_line(&package.slug, row)))
    }

    /// Activations, newest first: of one vendor's program or of all, in one state or in any.
    ///
    /// # Errors
    /// The vendor is none of the actor's.
    pub async fn list_activations(
        &self,
        actor: &Actor,
        vendor: Option<&VendorId>,
        state: Option<ActivationState>,
        of: &PageOf<ActivationId>,
    ) -> Result<Page<ActivationLine, ActivationId>> {
        let walk = self.walk(actor, vendor).await?;
        let rows = self.store().activation_rows(walk, state, of.after, of.rows()).await;
        let lines = rows
            .map_err(Error::book("read the activations"))?
            .into_iter()
            .map(|row| ActivationLine {
                activation: row.activation.id,
                vendor: row.activation.vendor_id,
                partner: row.activation.partner_id,
                partner_key: row.partner_key,
                partner_name: row.partner_name,
                package: row.package_slug,
                version: row.activation.version_id,
                state: row.activation.state,
                start_at: row.activation.start_at,
                created_at: row.activation.created_at,
                ended_at: row.activation.ended_at,
                audience: row.activation.audience.and_then(|count| u64::try_from(count).ok()),
            })
            .collect();
        Ok(of.page(lines, |line: &ActivationLine| line.activation))
    }

    /// A partner, if the actor may see it.
    pub(crate) async fn require_partner(&self, actor: &Actor, id: &PartnerId) -> Result<Partner> {
        self.store()
            .partner(id)
            .await
            .map_err(Error::book("read the partner"))?
            .filter(|row| actor.sees(&row.vendor_id, &row.company_id))
            .ok_or_else(|| Error::not_found("partner", id))
    }

    /// A package, if the actor may know of it: who does not run the program knows only of those that
    /// partners may have seen.
    pub(crate) async fn visible_package(&self, actor: &Actor, id: &PackageId) -> Result<Package> {
        let not_found = || Error::not_found("package", id);
        let doing = "look for the package";
        let row = self.store().package(id).await.map_err(Error::book(doing))?;
        let row = row.ok_or_else(not_found)?;
        if actor.runs(&row.vendor_id) {
            return Ok(row);
        }
        match self.require_vendor(actor, &row.vendor_id).await {
            Err(Error::NotFound { .. }) => return Err(not_found()),
            seen => seen?,
        };
        let seen = self.store().version_rows(id, false, None, 1).await;
        match seen.map_err(Error::book(doing))?.is_empty() {
            true => Err(not_found()),
            false => Ok(row),
        }
    }

    /// Whose rows a list of this actor is made of.
    pub(crate) async fn walk<'a>(
        &self,
        actor: &'a Actor,
        vendor: Option<&'a VendorId>,
    ) -> Result<Walk<'a>> {
        if let Some(vendor) = vendor {
            self.require_vendor(actor, vendor).await?;
        }
        Ok(match (actor, vendor) {
            (Actor::Ops, None) => Walk::All,
            (Actor::Ops, Some(vendor)) => Walk::Vendor(vendor),
            (Actor::Vendor(own), _) => Walk::Vendor(own),
            (Actor::Company(own), vendor) => Walk::Company(own, vendor),
        })
    }
}
