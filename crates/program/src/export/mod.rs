//! `export contacts` and `export partners`: what an import takes back without a change.
//!
//! An export is pulled, page by page, by whoever writes it somewhere; memory holds one page.

mod contacts;
mod partners;
mod writer;

pub use contacts::{ContactsExport, ExportContacts};
pub use partners::{ExportPartners, PartnersExport};
pub(crate) use writer::{Cell, Writer};

/// Rows that are read at once.
const PAGE: i64 = 1_000;
