//! `vendor add`.

use domain::VendorId;
use serde::Serialize;
use store::Change;

use crate::{
    actor::Actor,
    error::{Error, Result},
    program::Program,
};

/// A vendor that is in the book now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VendorAdded {
    /// Its id.
    pub vendor: VendorId,
    /// Its name, as it was first written.
    pub name: String,
    /// Whether it was not there before.
    pub is_new: bool,
}

impl Program {
    /// Adds a vendor, or finds the one of this name (compared without regard to case).
    ///
    /// # Errors
    /// A name that is empty, longer than 120 characters or has control characters; an actor other
    /// than [`Actor::Ops`] finds nothing to add to.
    pub async fn add_vendor(&self, actor: &Actor, name: &str) -> Result<VendorAdded> {
        let name = name.trim();
        if *actor != Actor::Ops {
            return Err(Error::not_found("installation", name));
        }
        if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
            return Err(Error::bad_input("the vendor's name", name, "1 to 120 characters"));
        }
        let added = self
            .store()
            .add_vendor(name, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("add the vendor"))?;
        Ok(VendorAdded {
            vendor: added.row.id,
            name: added.row.name,
            is_new: added.change == Change::New,
        })
    }
}
