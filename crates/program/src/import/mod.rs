//! `import partners` and `import contacts`.

mod contact_row;
mod contacts;
mod logo;
mod partner_row;
mod partners;

pub use contact_row::CONSENT_BASES;
pub use contacts::ImportContacts;
pub use partners::ImportPartners;

use crate::report::{ImportProgress, ImportReport};

/// Told after every chunk how far an import has come.
pub type OnProgress<'a> = &'a mut (dyn FnMut(ImportProgress) + Send);

/// Takes over into the report what is known before the first row.
fn note_head(report: &mut ImportReport, head: &crate::table::Head) {
    report.delimiter = head.delimiter;
    report.encoding = head.encoding.to_owned();
    report.notes.extend(head.notes.iter().cloned());
}
