//! What a user may ask for, one file per command.
//!
//! Every call takes the acting tenant ([`Actor`]). A foreign id is answered as one that does not exist.
//! What a command changes is in the book before it answers; the belt is told after that, and the
//! answer says whether it knows.

mod actor;
mod asset;
mod command;
mod error;
mod events;
mod export;
mod find;
mod image_header;
mod import;
mod language;
mod launch;
mod nearest;
mod package;
mod preview;
mod program;
mod report;
mod status;
mod table;
mod unsubscribe;
mod vendor;

pub use actor::Actor;
pub use asset::AssetFound;
pub use command::Commanded;
pub use error::{Cause, Error, ErrorKind, Problem, Result};
pub use events::{EventLine, EventPage};
pub use export::{ContactsExport, ExportContacts, ExportPartners, PartnersExport};
pub use find::PartnerFound;
pub use import::{CONSENT_BASES, ImportContacts, ImportPartners, OnProgress};
pub use launch::{Launch, LaunchFor, LaunchRefused, Launched, LaunchedActivation, RefusedReason};
pub use package::{PackageChecked, PackagePublished, check_package};
pub use preview::{Preview, PreviewFor, PreviewOf, Previewed};
pub use program::{BeltTold, Parts, Program};
pub use report::{ImportPhase, ImportProgress, ImportReport, RowProblem};
pub use status::{ActivationStatus, BeltView, Counts, OldestDue, Status, StepStatus};
pub use table::{ColumnMap, ReadAs, TableFormat};
pub use unsubscribe::{UnsubscribePage, Unsubscribed};
pub use vendor::VendorAdded;
