//! What travels on the belt: small, self-contained, never a secret.
//!
//! The handler of each job lives in the worker; its payload lives here, because the scheduler makes
//! it and the worker reads it, and the two do not know each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    brand::{BrandProfile, SenderIdentity},
    content_hash::ContentHash,
    ids::{ActivationId, PartnerId, SendId, StepKey, VendorId},
    link_targets::TargetsId,
    time::UtcMillis,
};

/// The version of every job, event and shelf item written by this program.
///
/// Readers accept this and the one before it and set aside anything else, so a fleet can be
/// upgraded one process at a time.
pub const VERSION: u32 = 1;

/// Whether a reader of this version takes what a writer of version `v` wrote.
pub const fn reads_version(v: u32) -> bool {
    v == VERSION || v + 1 == VERSION
}

/// The payload of one email: at most 4 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendEmail {
    /// Format version; see [`VERSION`].
    pub v: u32,
    /// The send.
    pub send: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// Its partner.
    pub partner: PartnerId,
    /// The step to render.
    pub step: StepKey,
    /// Which time round: 0, the period of a recurring step, or the visit number in a flow.
    pub occurrence: u32,
    /// The package version on the shelf.
    pub version: ContentHash,
    /// The partner's [`PartnerShelf`] on the shelf.
    pub profile: ContentHash,
    /// The recipient's address, normalised.
    pub address: String,
    /// The recipient's name for the To header; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The language the person is known to read (BCP 47); empty if nothing is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// Merge fields of the person (`first_name`, `last_name`, `company`, …); a missing one is empty.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// When the send was first fed to the belt: the Date of the message, the same for every attempt.
    pub first_fed_at: UtcMillis,
    /// Attempts that were charged before this one.
    #[serde(default)]
    pub attempts: u32,
    /// What of this message is counted when it comes back.
    #[serde(default, skip_serializing_if = "TrackedParts::is_nothing")]
    pub track: TrackedParts,
}

/// What of a message is counted when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TrackedParts {
    /// It carries the image that says that it was opened.
    #[serde(skip_serializing_if = "is_false")]
    pub opens: bool,
    /// Its links lead through the portal, which knows where by this name: the book had the list before the
    /// job was pushed. A worker whose skeleton has other links leaves them as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicks: Option<TargetsId>,
    /// It has a link that nobody sees.
    #[serde(skip_serializing_if = "is_false")]
    pub honeypot: bool,
}

impl TrackedParts {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What all jobs of one partner and activation share, on the shelf under its content hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerShelf {
    /// Format version; see [`VERSION`].
    pub v: u32,
    /// The vendor's name.
    pub vendor_name: String,
    /// The partner's tier.
    pub tier: String,
    /// The brand profile revision.
    pub brand: BrandProfile,
    /// Whom the mail comes from.
    pub sender: SenderIdentity,
    /// Slot values of the activation by slot name.
    pub slots: BTreeMap<String, String>,
    /// The List-ID host part, e.g. `northwind.lists.example`: stable per (vendor, partner).
    pub list_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_take_this_version_and_the_one_before() {
        assert!(reads_version(VERSION));
        assert!(reads_version(VERSION - 1));
        assert!(!reads_version(VERSION + 1));
    }
}
