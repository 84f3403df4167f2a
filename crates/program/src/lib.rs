//! What a user may ask for, one file per command.
//!
//! Every call takes the acting tenant ([`Actor`]). A foreign id is answered as one that does not exist.
//! What a command changes is in the book before it answers; the belt is told after that, and the
//! answer says whether it knows.

mod actor;
mod api_key;
mod api_request;
mod asset;
mod command;
mod control;
mod eligibility;
mod engagement;
mod error;
mod events;
mod export;
mod find;
mod import;
mod invite;
mod jobs;
mod language;
mod launch;
mod list;
mod migrate;
mod nearest;
mod package;
mod package_view;
mod picture;
mod preferences;
mod preview;
mod program;
mod report;
mod reschedule;
mod results;
mod status;
mod suppress;
mod table;
mod unsubscribe;
mod vendor;
mod version;
mod view;

pub use actor::Actor;
pub use api_key::{AddApiKey, ApiKeyAdded, ApiKeyHolder, ApiKeyLine, ApiKeyRevoked};
pub use api_request::{ApiAnswer, Repeatable, Repeated, RequestBegun};
pub use asset::AssetFound;
pub use command::Commanded;
pub use control::{ControlOf, Controlled, PauseLine};
pub use eligibility::{OtherLanguage, PartnersChecked, RefusedReason};
pub use engagement::{ByWho, Engagement, Reclassified, RuleTally, Tally};
pub use error::{Cause, Error, ErrorKind, Problem, Result};
pub use events::{EventLine, EventPage};
pub use export::{ContactsExport, ExportContacts, ExportPartners, PartnersExport};
pub use find::PartnerFound;
pub use import::{CONSENT_BASES, ImportContacts, ImportPartners, OnProgress};
pub use invite::{
    InvitationLine, InvitationPage, InvitationProgress, InvitationStands, Invite, InviteRefused,
    Invited, InvitedLaunch, InvitedLaunched, ListChoice, NoMail, NotInvited, PageSlot, PageStep,
    ProfileField,
};
pub use jobs::{
    JobDecision, JobDeed, JobDone, JobEvent, JobLine, JobPlace, JobRefusal, JobView, JobsDone,
    JobsOf,
};
pub use launch::{Launch, LaunchFor, LaunchRefused, Launched, LaunchedActivation};
pub use list::{
    ActivationLine, ListLine, MOST_OF_A_PAGE, PackageLine, Page, PageOf, PartnerLine, PartnerView,
};
pub use migrate::{Migrated, Stays, StepMap};
pub use nearest::nearest;
pub use package::{PackageChecked, PackagePublished, PublishAs, check_package};
pub use package_view::{PackageView, PublishedPackage, SlotView, StepView};
pub use picture::SlotPicture;
pub use preferences::{PreferencesPage, Preferred, PreferredTopic, Preferring, Wanted};
pub use preview::{
    Preview, PreviewFolder, PreviewFor, PreviewOf, Previewed, Previews, Stage, preview_folder,
};
pub use program::{BeltTold, Parts, Program};
pub use report::{ImportPhase, ImportProgress, ImportReport, RowProblem};
pub use reschedule::Moved;
pub use results::{
    Bucket, Came, CameBy, Denominator, Figures, Line, LinkResults, PersonLine, PersonPage,
    PersonsCursor, PersonsOf, Rate, Rates, Results, Series, SeriesUnit, StepResults,
};
pub use status::{
    ActivationStatus, BeltView, Counts, LaunchStatus, OldestDue, Slowed, Status, StepStatus,
};
pub use store::JobCommand;
pub use suppress::{SuppressBecause, SuppressIn, Suppressed, SuppressionLine};
pub use table::{ColumnMap, ReadAs, TableFormat};
pub use unsubscribe::{UnsubscribePage, Unsubscribed};
pub use vendor::VendorAdded;
pub use version::{Recalled, VersionChanged, VersionLine};
pub use view::MessageView;
