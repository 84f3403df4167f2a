//! Who must not be mailed: added by address, listed by hash.

use domain::{AddressHash, CompanyId, EmailAddress, HashScope, UtcMillis, VendorId};
use serde::Serialize;
use store::reason;

use crate::{
    actor::Actor,
    error::{Error, Problem, Result},
    list::{Page, PageOf},
    program::{BeltTold, Program},
};

/// Where an address must not be mailed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuppressIn {
    /// By nobody in the installation. For [`Actor::Ops`].
    Everywhere,
    /// In one vendor's program. For who runs it.
    Vendor(VendorId),
    /// By one company. For who acts for it.
    Company(CompanyId),
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppressBecause {
    /// The recipient asked for no more mail.
    Unsubscribed,
    /// The recipient reported the mail as spam.
    Complained,
    /// Somebody decided so.
    Manual,
}

impl SuppressBecause {
    /// As the book says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribed => reason::UNSUBSCRIBED,
            Self::Complained => reason::COMPLAINED,
            Self::Manual => reason::MANUAL,
        }
    }
}

/// What suppressing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// Addresses that were not suppressed there before.
    pub added: u64,
    /// Those that were; they keep the reason they came with.
    pub already: u64,
    /// Whether the belt knows already.
    pub belt: BeltTold,
}

/// A suppression. Addresses are not kept; who has one can ask for its hash by adding it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuppressionLine {
    /// The address's hash in its scope.
    pub address_hash: AddressHash,
    /// Why.
    pub reason: String,
    /// Where it came from.
    pub source: String,
    /// Since when.
    pub at: UtcMillis,
}

impl Program {
    /// Takes addresses off all mail of a scope, durably, before it answers; what is queued does not go.
    /// Asking again changes nothing.
    ///
    /// # Errors
    /// The scope is none of the actor's; texts that are no addresses, all of them named by their place
    /// (`addresses 0`), and nothing is suppressed then.
    pub async fn suppress(
        &self,
        actor: &Actor,
        scope: &SuppressIn,
        addresses: &[String],
        because: SuppressBecause,
    ) -> Result<Suppressed> {
        self.require_scope(actor, scope).await?;
        let mut problems = Vec::new();
        let mut hashes = Vec::with_capacity(addresses.len());
        for (at, text) in addresses.iter().enumerate() {
            match text.parse::<EmailAddress>() {
                Ok(address) => hashes.push(self.parts.hash_key.hash(hash_scope(scope), &address)),
                Err(error) => problems.push(Problem::said(
                    &format!("addresses {at}"),
                    &format!("no address that mail can be sent to: {error}"),
                    "",
                )),
            }
        }
        if !problems.is_empty() {
            return Err(Error::BadInput { problems });
        }
        hashes.sort_unstable();
        hashes.dedup();
        let added = self
            .store()
            .suppress(hash_scope(scope), &hashes, because.as_str(), &actor.to_string(), self.now())
            .await
            .map_err(Error::book("write the suppressions"))?;
        let already = hashes.len() as u64 - added;
        let belt =
            self.tell_belt("suppression", |belt| async move { belt.suppress(&hashes).await }).await;
        Ok(Suppressed { added, already, belt })
    }

    /// A scope's suppressions, by hash.
    ///
    /// # Errors
    /// The scope is none of the actor's.
    pub async fn list_suppressions(
        &self,
        actor: &Actor,
        scope: &SuppressIn,
        of: &PageOf<AddressHash>,
    ) -> Result<Page<SuppressionLine, AddressHash>> {
        self.require_scope(actor, scope).await?;
        let rows = self.store().suppressions(hash_scope(scope), of.after.as_ref(), of.rows()).await;
        let lines = rows
            .map_err(Error::book("read the suppressions"))?
            .into_iter()
            .map(|row| SuppressionLine {
                address_hash: row.hash,
                reason: row.reason,
                source: row.source,
                at: row.at,
            })
            .collect();
        Ok(of.page(lines, |line: &SuppressionLine| line.address_hash.clone()))
    }

    async fn require_scope(&self, actor: &Actor, scope: &SuppressIn) -> Result<()> {
        match scope {
            SuppressIn::Everywhere if *actor == Actor::Ops => Ok(()),
            SuppressIn::Everywhere => Err(Error::not_found("scope", "everywhere")),
            SuppressIn::Vendor(vendor) if actor.runs(vendor) => {
                self.require_vendor(actor, vendor).await.map(drop)
            }
            SuppressIn::Vendor(vendor) => Err(Error::not_found("vendor", vendor)),
            SuppressIn::Company(company) => self.require_own_company(actor, company).await,
        }
    }
}

const fn hash_scope(scope: &SuppressIn) -> HashScope<'_> {
    match scope {
        SuppressIn::Everywhere => HashScope::Everywhere,
        SuppressIn::Vendor(vendor) => HashScope::Vendor(vendor),
        SuppressIn::Company(company) => HashScope::Company(company),
    }
}
