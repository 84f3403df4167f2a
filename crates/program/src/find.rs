//! From what people type to ids: only what the actor may see is found, or named as the nearest.

use domain::{ActivationId, CompanyId, PartnerId, VendorId};
use serde::Serialize;
use store::{Activation, Partner, Vendor};

use crate::{
    actor::Actor,
    error::{Error, Result},
    nearest::nearest,
    program::Program,
};

/// A partner that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartnerFound {
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
}

impl From<Partner> for PartnerFound {
    fn from(partner: Partner) -> Self {
        Self {
            partner: partner.id,
            vendor: partner.vendor_id,
            company: partner.company_id,
            partner_key: partner.partner_key,
            name: partner.company_name,
        }
    }
}

impl Program {
    /// The vendor of this name or id; without one, the only one the actor sees.
    ///
    /// # Errors
    /// There is none, or more than one and none was named.
    pub async fn find_vendor(&self, actor: &Actor, asked: Option<&str>) -> Result<VendorId> {
        let visible = self.visible_vendors(actor).await?;
        let Some(asked) = asked else {
            return match visible.as_slice() {
                [] => {
                    Err(Error::Conflict { why: "there is no vendor yet; add one first".to_owned() })
                }
                [only] => Ok(only.id.clone()),
                several => {
                    let names: Vec<&str> =
                        several.iter().map(|vendor| vendor.name.as_str()).collect();
                    Err(Error::bad_input("--vendor", "", &format!("one of: {}", names.join(", "))))
                }
            };
        };
        let asked = asked.trim();
        visible
            .iter()
            .find(|vendor| {
                vendor.id.as_str() == asked || vendor.name.to_lowercase() == asked.to_lowercase()
            })
            .map(|vendor| vendor.id.clone())
            .ok_or_else(|| Error::NotFound {
                what: "vendor",
                asked: asked.to_owned(),
                nearest: nearest(asked, visible.iter().map(|vendor| vendor.name.as_str()))
                    .map(str::to_owned),
            })
    }

    /// The partner of this key or id in a vendor's program; without a vendor, in the only one.
    ///
    /// # Errors
    /// There is none that the actor may see.
    pub async fn find_partner(
        &self,
        actor: &Actor,
        vendor: Option<&VendorId>,
        asked: &str,
    ) -> Result<PartnerFound> {
        let vendor = self.given_or_only_vendor(actor, vendor).await?;
        let asked = asked.trim();
        let found = self
            .store()
            .find_partner(&vendor, asked)
            .await
            .map_err(Error::book("look for the partner"))?
            .filter(|partner| actor.sees(&partner.vendor_id, &partner.company_id));
        if let Some(partner) = found {
            return Ok(partner.into());
        }
        let visible = self.visible_partners(actor, &vendor).await?;
        Err(Error::NotFound {
            what: "partner",
            asked: asked.to_owned(),
            nearest: nearest(asked, visible.iter().map(|partner| partner.partner_key.as_str()))
                .map(str::to_owned),
        })
    }

    /// The company behind a partner key, or of this id or name, if the actor may act for it.
    ///
    /// # Errors
    /// There is none, or more than one of this name.
    pub async fn find_company(
        &self,
        actor: &Actor,
        vendor: Option<&VendorId>,
        asked: &str,
    ) -> Result<CompanyId> {
        let asked = asked.trim();
        if let Some(vendor) = vendor {
            let partner = self.find_partner(actor, Some(vendor), asked).await?;
            return if actor.owns(&partner.company) {
                Ok(partner.company)
            } else {
                Err(Error::not_found("company", asked))
            };
        }
        let mut found = self
            .store()
            .find_companies(asked)
            .await
            .map_err(Error::book("look for the company"))?;
        found.retain(|company| actor.owns(&company.id));
        match found.as_slice() {
            [] => Err(Error::not_found("company", asked)),
            [only] => Ok(only.id.clone()),
            several => {
                let ids: Vec<String> = several
                    .iter()
                    .map(|company| format!("{} ({})", company.id, company.name))
                    .collect();
                Err(Error::bad_input("--company", asked, &format!("one of: {}", ids.join(", "))))
            }
        }
    }

    /// A company that the actor may act for.
    pub(crate) async fn require_own_company(
        &self,
        actor: &Actor,
        company: &CompanyId,
    ) -> Result<()> {
        if !actor.owns(company) {
            return Err(Error::not_found("company", company));
        }
        let known = self
            .store()
            .find_companies(company.as_str())
            .await
            .map_err(Error::book("look for the company"))?;
        match known.iter().any(|known| known.id == *company) {
            true => Ok(()),
            false => Err(Error::not_found("company", company)),
        }
    }

    pub(crate) async fn given_or_only_vendor(
        &self,
        actor: &Actor,
        vendor: Option<&VendorId>,
    ) -> Result<VendorId> {
        match vendor {
            Some(vendor) => self.require_vendor(actor, vendor).await,
            None => self.find_vendor(actor, None).await,
        }
    }

    /// `vendor`, if the actor may know of it.
    pub(crate) async fn require_vendor(
        &self,
        actor: &Actor,
        vendor: &VendorId,
    ) -> Result<VendorId> {
        let visible = self.visible_vendors(actor).await?;
        if visible.iter().any(|known| known.id == *vendor) {
            Ok(vendor.clone())
        } else {
            Err(Error::not_found("vendor", vendor))
        }
    }

    /// The vendors an actor may know of: for a company, those it is partner of.
    pub(crate) async fn visible_vendors(&self, actor: &Actor) -> Result<Vec<Vendor>> {
        let mut vendors = self.store().vendors().await.map_err(Error::book("read the vendors"))?;
        match actor {
            Actor::Ops => {}
            Actor::Vendor(own) => vendors.retain(|vendor| vendor.id == *own),
            Actor::Company(own) => {
                let partners = self.partners_of_company(own).await?;
                vendors.retain(|vendor| partners.iter().any(|row| row.vendor_id == vendor.id));
            }
        }
        Ok(vendors)
    }

    /// The partners of a program that an actor may know of, by key.
    pub(crate) async fn visible_partners(
        &self,
        actor: &Actor,
        vendor: &VendorId,
    ) -> Result<Vec<Partner>> {
        // Of a company's own there are few, of a program's there may be very many.
        if let Actor::Company(own) = actor {
            let mut partners = self.partners_of_company(own).await?;
            partners.retain(|partner| partner.vendor_id == *vendor);
            return Ok(partners);
        }
        let mut partners =
            self.store().partners(vendor).await.map_err(Error::book("read the partners"))?;
        partners.retain(|partner| actor.sees(vendor, &partner.company_id));
        Ok(partners)
    }

    async fn partners_of_company(&self, company: &CompanyId) -> Result<Vec<Partner>> {
        let rows = self.store().partners_of_company(company).await;
        rows.map_err(Error::book("read the partners"))
    }

    /// An activation, if the actor may see and steer it.
    pub(crate) async fn require_activation(
        &self,
        actor: &Actor,
        id: ActivationId,
    ) -> Result<Activation> {
        self.store()
            .activation(id)
            .await
            .map_err(Error::book("read the activation"))?
            .filter(|activation| actor.sees(&activation.vendor_id, &activation.company_id))
            .ok_or_else(|| Error::not_found("activation", id))
    }
}
