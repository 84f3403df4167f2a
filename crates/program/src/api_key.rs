//! `api-key add`, `list`, `revoke`; and for whom a key asks.

use domain::{ApiKey, ApiKeyHash, ApiKeyId, UtcMillis, api_key::SECRET_BYTES};
use serde::Serialize;
use store::{ApiKeyRow, ApiKeyScope};

use crate::{
    actor::Actor,
    error::{Error, Result},
    program::Program,
};

/// How coarse "last used" is: the book is written at most once in this time for a key.
const USE_NOTED_EVERY: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// A key to make.
#[derive(Debug, Clone)]
pub struct AddApiKey {
    /// What people call it: 1 to 80 characters.
    pub name: String,
    /// For whom it asks.
    pub acts_for: Actor,
    /// From when on it is none any more; without one, never.
    pub expires: Option<UtcMillis>,
    /// What makes the key, fresh from the system.
    pub secret: [u8; SECRET_BYTES],
}

/// A key that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKeyAdded {
    /// The key itself: shown now and never again.
    pub key: String,
    /// What is known of it from now on.
    #[serde(flatten)]
    pub line: ApiKeyLine,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKeyLine {
    /// The part of it that may be shown.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// For whom it asks: `ops`, a vendor's or a company's id.
    pub acts_for: String,
    /// When it was made.
    pub created_at: UtcMillis,
    /// From when on it is none any more.
    pub expires_at: Option<UtcMillis>,
    /// When it was revoked.
    pub revoked_at: Option<UtcMillis>,
    /// When it was last used, to the hour.
    pub used_at: Option<UtcMillis>,
}

/// A key that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKeyRevoked {
    /// Which one.
    pub id: ApiKeyId,
    /// Whether it was none before.
    pub changed: bool,
}

/// Whom a key belongs to, and what tells the key from a forged one.
#[derive(Debug, Clone)]
pub struct ApiKeyHolder {
    /// The part of the key that may be shown.
    pub id: ApiKeyId,
    /// For whom it asks.
    pub actor: Actor,
    hash: ApiKeyHash,
    expires_at: Option<UtcMillis>,
    is_revoked: bool,
}

impl ApiKeyHolder {
    fn accepts(&self, key: &ApiKey, now: UtcMillis) -> bool {
        // The hash first: what a key that was forged, revoked or is over is answered takes the same time.
        let is_the_key = self.hash == key.hash();
        is_the_key && !self.is_revoked && self.expires_at.is_none_or(|expires| now < expires)
    }
}

impl Program {
    /// Makes a key that asks for somebody.
    ///
    /// # Errors
    /// An actor other than [`Actor::Ops`]; a name that is none, an expiry that is over, a vendor or
    /// company that is not there.
    pub async fn add_api_key(&self, actor: &Actor, add: &AddApiKey) -> Result<ApiKeyAdded> {
        require_ops(actor)?;
        let name = add.name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err(Error::bad_input("--name", name, "1 to 80 characters"));
        }
        let now = self.now();
        if let Some(expires) = add.expires.filter(|expires| *expires <= now) {
            return Err(Error::bad_input("--expires", &expires.to_string(), "a time to come"));
        }
        let (scope, scope_id) = match &add.acts_for {
            Actor::Ops => (ApiKeyScope::Ops, String::new()),
            Actor::Vendor(vendor) => {
                let vendor = self.require_vendor(actor, vendor).await?;
                (ApiKeyScope::Vendor, vendor.to_string())
            }
            Actor::Company(company) => {
                self.require_own_company(actor, company).await?;
                (ApiKeyScope::Company, company.to_string())
            }
        };
        let key = ApiKey::new(self.store().new_api_key_id(now), add.secret);
        let row = ApiKeyRow {
            id: key.id.clone(),
            name: name.to_owned(),
            hash: key.hash(),
            scope,
            scope_id,
            created_by: actor.to_string(),
            created_at: now,
            expires_at: add.expires,
            revoked_at: None,
            used_at: None,
        };
        self.store().add_api_key(&row).await.map_err(Error::book("keep the key"))?;
        // Its owner is told here, and nobody later.
        let text = key.text().expose().clone();
        Ok(ApiKeyAdded { key: text, line: line(row) })
    }

    /// All keys, those of old first.
    ///
    /// # Errors
    /// An actor other than [`Actor::Ops`].
    pub async fn api_keys(&self, actor: &Actor) -> Result<Vec<ApiKeyLine>> {
        require_ops(actor)?;
        let rows = self.store().api_keys().await.map_err(Error::book("read the keys"))?;
        Ok(rows.into_iter().map(line).collect())
    }

    /// Ends a key for good.
    ///
    /// # Errors
    /// An actor other than [`Actor::Ops`]; no such key.
    pub async fn revoke_api_key(&self, actor: &Actor, id: &ApiKeyId) -> Result<ApiKeyRevoked> {
        require_ops(actor)?;
        let changed = self
            .store()
            .revoke_api_key(id, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("revoke the key"))?;
        Ok(ApiKeyRevoked { id: id.clone(), changed })
    }

    /// Who holds the key of this id. There is no actor yet: this is where one comes from.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn api_key_holder(&self, id: &ApiKeyId) -> Result<Option<ApiKeyHolder>> {
        let doing = "look for the key";
        let Some(row) = self.store().api_key(id).await.map_err(Error::book(doing))? else {
            return Ok(None);
        };
        let actor = match row.scope {
            ApiKeyScope::Ops => Some(Actor::Ops),
            ApiKeyScope::Vendor => row.scope_id.parse().ok().map(Actor::Vendor),
            ApiKeyScope::Company => row.scope_id.parse().ok().map(Actor::Company),
        };
        Ok(actor.map(|actor| ApiKeyHolder {
            id: row.id,
            actor,
            hash: row.hash,
            expires_at: row.expires_at,
            is_revoked: row.revoked_at.is_some(),
        }))
    }

    /// Notes that a key was used, to the hour.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn note_api_key_use(&self, id: &ApiKeyId) -> Result<()> {
        let doing = "note the key's use";
        let now = self.now();
        let since = now.minus(USE_NOTED_EVERY);
        let row = self.store().api_key(id).await.map_err(Error::book(doing))?;
        if row.is_some_and(|row| row.used_at.is_none_or(|used| used < since)) {
            self.store().note_api_key_use(id, now, since).await.map_err(Error::book(doing))?;
        }
        Ok(())
    }

    /// Whether `key` is this holder's and may be used now.
    pub fn accepts_api_key(&self, holder: &ApiKeyHolder, key: &ApiKey) -> bool {
        holder.accepts(key, self.now())
    }
}

fn require_ops(actor: &Actor) -> Result<()> {
    match actor {
        Actor::Ops => Ok(()),
        Actor::Vendor(_) | Actor::Company(_) => Err(Error::not_found("installation", "api keys")),
    }
}

fn line(row: ApiKeyRow) -> ApiKeyLine {
    ApiKeyLine {
        id: row.id,
        name: row.name,
        acts_for: if row.scope_id.is_empty() { row.scope.to_string() } else { row.scope_id },
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        used_at: row.used_at,
    }
}
