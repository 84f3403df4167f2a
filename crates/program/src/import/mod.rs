//! `import partners` and `import contacts`.

mod address;
mod columns;
mod contact_row;
mod contacts;
mod logo;
mod partner_row;
mod partners;
mod repeats;
mod words;

pub use contact_row::CONSENT_BASES;
pub use contacts::ImportContacts;
pub(crate) use logo::ASSET;
pub(crate) use partner_row::web_site;
pub use partners::ImportPartners;

use crate::report::ImportProgress;

/// Told after every chunk how far an import has come.
pub type OnProgress<'a> = &'a mut (dyn FnMut(ImportProgress) + Send);
