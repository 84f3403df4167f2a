//! The package format, and rendering: package to partner skeleton to message. Pure.
//!
//! - [`PackageFiles`] and [`SharedTemplates`] hold a package's files and the layouts all packages share.
//! - [`check()`] finds everything that is wrong with them; [`publish()`] freezes them into one [`Version`].
//! - [`Compiled`] is a version ready to render; [`Compiled::skeleton`] is one step of it for one partner,
//!   in which only merge fields of the person and a few conditional blocks are open;
//!   [`Skeleton::message`] closes them.
//!
//! - [`fill_slots`] says what stands in a partner's slots; [`picture::prepare`] makes pictures for mail of
//!   what strangers hand in.
//!
//! What the vendor locked is in every message byte for byte, once, where it is seen; or the message is not
//! made. Only its links may lead where they lead through the portal. What a partner or a person wrote is data: it is never parsed as a template, it is escaped for the
//! place where it stands, and it can't change what the vendor wrote around it.

mod agreement;
mod assets;
mod brand;
mod check;
mod clean;
mod colour;
mod compiled;
mod diagnostic;
mod engine;
mod error;
mod files;
mod html_place;
mod languages;
mod links;
mod locks;
mod manifest;
mod mark;
#[cfg(test)]
mod oracle;
mod package;
mod parse;
pub mod picture;
mod sample;
mod skeleton;
mod slots;
mod speaker;
mod text;
mod verify;
mod version;
mod vocabulary;

pub use brand::{BrandProblem, make_up, validate_brand};
pub use check::check;
pub use compiled::Compiled;
pub use diagnostic::{Diagnostic, Severity};
pub use error::{ReadError, RenderError};
pub use files::{PackageFiles, SamplePackage, SharedTemplates};
pub use manifest::schema::package_schema;
pub use package::{
    Asset, Audience, AudienceRule, BranchOn, Choice, Fill, Goal, GoalKind, HostRule, INVITATION,
    LandingPage, Localised, Motion, Network, Package, Share, Slot, SlotKind, Step, StepKind, Topic,
    Tracking, Validity,
};
pub use sample::Sample;
pub use skeleton::{MessageLinks, Rendered, Skeleton, TrackingLinks};
pub use slots::{ImageValue, PersonValue, SlotProblem, event_moment, fill_slots, validate_slots};
pub use speaker::{DateStyle, Speaker};
pub use version::{PublishedAsset, Version, publish};
