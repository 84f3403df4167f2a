//! Rows of one activation, of one vendor, or of all: three texts of one statement, and the choice.

use domain::{ActivationId, VendorId};
use sqlx::any::AnyRow;

use crate::{engine::Store, error::Result};

/// The three texts; `scoped!` reads them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scoped {
    pub(crate) activation: &'static str,
    pub(crate) vendor: &'static str,
    pub(crate) all: &'static str,
}

impl Store {
    /// The rows of the activation if there is one given, else of the vendor, else all.
    pub(crate) async fn fetch_scoped(
        &self,
        statement: Scoped,
        activation: Option<ActivationId>,
        vendor: Option<&VendorId>,
    ) -> Result<Vec<AnyRow>> {
        let query = match (activation, vendor) {
            (Some(id), _) => sqlx::query(statement.activation).bind(id.get()),
            (None, Some(vendor)) => sqlx::query(statement.vendor).bind(vendor.as_str().to_owned()),
            (None, None) => sqlx::query(statement.all),
        };
        let mut connection = self.read().await?;
        Ok(query.fetch_all(&mut *connection).await?)
    }
}
