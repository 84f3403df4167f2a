//! The book: all SQL, on SQLite and Postgres.
//!
//! Statements are files in `queries/<table>/<verb>.sql`, one text for both engines. The only places
//! that know which engine is below are [`bulk()`] (placeholders of many rows) and
//! [`Store::begin_write`] (how a writing transaction begins).
//!
//! Operations are methods of [`Store`] (each its own transaction) or of [`WriteTx`] (inside the
//! caller's). While a [`WriteTx`] is held, no writing method of [`Store`] may be awaited by the same
//! task: SQLite has one writer connection, and it would wait for itself.

/// The text of one statement.
macro_rules! sql {
    ($path:literal) => {
        include_str!(concat!("../queries/", $path))
    };
}

/// The three texts of a statement over one activation, one vendor or all.
macro_rules! scoped {
    ($path:literal) => {
        crate::scope::Scoped {
            activation: include_str!(concat!("../queries/", $path, "_activation.sql")),
            vendor: include_str!(concat!("../queries/", $path, "_vendor.sql")),
            all: include_str!(concat!("../queries/", $path, "_all.sql")),
        }
    };
}

/// A word that is stored as text.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident ($expected:literal) { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// The word as it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = domain::ids::ParseIdError;

            fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(domain::ids::ParseIdError { expected: $expected, got: text.to_owned() }),
                }
            }
        }
    };
}

mod activation;
mod api_key;
mod api_request;
mod asset;
mod audit;
mod bulk;
mod company;
mod contact;
mod control;
mod engagement_counts;
mod engine;
mod epoch;
mod error;
mod event;
mod expand;
mod feed;
mod ids;
mod invitation;
mod job;
mod launch;
mod lease;
mod link_targets;
mod migrate;
mod migrate_activation;
mod package;
mod page;
mod partner;
mod preferences;
mod reconcile;
mod record;
mod result_persons;
mod results;
mod rollup;
mod row;
mod scope;
mod send;
mod setting;
mod status;
mod suppression;
mod track;
mod unsubscribe;
mod vendor;

pub use activation::{Activation, ActivationChange, NewSchedule, Rescheduled, Stops};
pub use api_key::{ApiKeyRow, ApiKeyScope};
pub use api_request::{ApiAnswer, ApiRequest, ApiRequestBegun};
pub use asset::StoredAsset;
pub use audit::AuditRow;
pub use bulk::bulk;
pub use company::{Company, ContactList, ListSize};
pub use contact::{
    AddressState, ConsentInput, Contact, ContactCounts, ContactInput, ExportedConsent,
    ExportedContact,
};
pub use control::{Pause, PausedActivation, VersionStop};
pub use engagement_counts::{EngagementCount, RuleCount};
pub use engine::{Engine, Store, StoreOptions, WriteTx};
pub use epoch::RosterEntry;
pub use error::{Result, StoreError};
pub use event::Event;
pub use expand::{AudienceContact, Expanded, NewSend, PersonFacts};
pub use feed::{Fed, FedSend, FeedWindow, OpenSends, ShelfSource};
pub use ids::Ids;
pub use invitation::{Invitation, InvitationMail, InvitationState, InviteRequest, InvitedPartner};
pub use job::{JobCommand, JobMoved, JobRefused, JobStory, StuckJob, StuckOf};
pub use launch::{LaunchItem, LaunchKind, LaunchRequest, Launched, LaunchedItem};
pub use lease::Lease;
pub use migrate::Migrated;
pub use migrate_activation::{ActivationMigrated, ActivationMigration};
pub use package::{Package, PackageVersion, PublishInput, VersionChange};
pub use page::Walk;
pub use partner::{Partner, PartnerInput};
pub use preferences::{Preferences, TopicChoice, Wish, WishDone};
pub use reconcile::{QueuedKey, QueuedSend};
pub use record::{ChangedSend, Recorded, StreamedOutcome};
pub use result_persons::{PersonsAfter, ResultPerson};
pub use results::{EndedSends, LinkCount, ResultCount};
pub use rollup::CaughtUp;
pub use send::SendDetail;
pub use status::{ActivationSummary, OldestDue, PartnerSummary, SendCount, StateCounts};
pub use suppression::{Suppression, reason};
pub use track::{MOST_TRACKS, Reclassified, StreamedTrack, TracksRecorded};
pub use unsubscribe::Unsubscribed;
pub use vendor::Vendor;

/// What an upsert did to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    New,
    /// It was there and is different now.
    Updated,
    /// It was there just so.
    Unchanged,
}

/// A row and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upserted<T> {
    /// The row as it is now.
    pub row: T,
    /// What was done to it.
    pub change: Change,
}
