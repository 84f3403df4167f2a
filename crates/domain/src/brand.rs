//! What co-branding needs to know about a partner.

use serde::{Deserialize, Serialize};

use crate::content_hash::ContentHash;

/// The brand profile of a partner. Every change is a new revision; a revision never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrandProfile {
    /// The name recipients know the partner by.
    pub name: String,
    /// The logo, an asset of the book (`/a/<hash>.<ext>`); `None` shows the name instead.
    #[serde(default)]
    pub logo: Option<Asset>,
    /// The main colour, `#rrggbb`.
    pub colour: String,
    /// The postal address on one line per array element, as the law wants it in every mailing.
    pub postal_address: Vec<String>,
    /// The partner's web site, `https://…`.
    pub web_site: String,
    /// BCP 47 language tag, such as `en` or `de-AT`.
    pub locale: String,
    /// IANA time zone, such as `Europe/Vienna`.
    pub time_zone: String,
    /// The person recipients may turn to.
    pub contact_person: ContactPerson,
}

/// The person at the partner whom recipients may turn to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPerson {
    /// Full name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Telephone, as the partner writes it; may be empty.
    #[serde(default)]
    pub phone: String,
}

/// A raster image kept in the book under its content hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// BLAKE3 of the bytes.
    pub hash: ContentHash,
    /// `png` or `jpg`.
    pub extension: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Who a partner's mail comes from. Belongs to the company; a partner uses one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderIdentity {
    /// The name before the From address.
    pub from_name: String,
    /// The From address.
    pub from_email: String,
    /// Where answers go.
    pub reply_to: String,
}

/// Whom a vendor's own mail to its partners comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorSender {
    /// The name before the From address.
    pub from_name: String,
    /// The From address.
    pub from_email: String,
    /// Where answers go.
    pub reply_to: String,
    /// The vendor's postal address, a line an element, as the law wants it in every mailing.
    pub postal_address: Vec<String>,
    /// The vendor's web site, `https://…`.
    pub web_site: String,
}
