//! Vocabulary and rules of through-channel marketing: no I/O, no async, no clock of its own.
//!
//! Everything here is a value or a pure function; time, keys and randomness come in as arguments.
//! The words are those of ARCHITECTURE.md, section "Words".

pub mod activation;
pub mod address;
pub mod api_key;
pub mod audience;
pub mod brand;
pub mod claim;
pub mod content_hash;
pub mod control;
pub mod engagement;
pub mod event;
pub mod ids;
pub mod job;
pub mod link_targets;
pub mod list_id;
pub mod merge;
pub mod outcome;
pub mod package_version;
pub mod provider;
pub mod rate;
pub mod recipient;
pub mod results;
pub mod schedule;
pub mod secret;
pub mod send;
pub mod tier;
pub mod time;
pub mod token;
pub mod track;

pub use activation::ActivationState;
pub use address::{AddressHash, EmailAddress, HashKey, HashScope};
pub use api_key::{ApiKey, ApiKeyHash};
pub use brand::{BrandProfile, SenderIdentity, VendorSender};
pub use claim::ClaimNumber;
pub use content_hash::ContentHash;
pub use control::{Holder, Scope};
pub use event::EventKind;
pub use ids::{
    ActivationId, ApiKeyId, CompanyId, ContactId, EventId, InvitationId, LaunchGroupId, ListId,
    PackageId, PartnerId, PersonId, SendId, StepKey, VendorId, VersionId,
};
pub use job::{PartnerShelf, SendEmail, TrackedParts};
pub use link_targets::{LinkTargets, TargetsId};
pub use outcome::{OnUnknown, Outcome, OutcomeRecord};
pub use package_version::VersionState;
pub use rate::RateSpec;
pub use recipient::Recipient;
pub use secret::Secret;
pub use send::{SendState, SkipReason, StuckReason};
pub use time::UtcMillis;
pub use track::TrackRecord;
