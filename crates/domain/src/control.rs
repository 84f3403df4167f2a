//! What a pause or a cancel is about, above a single activation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    ids::{PackageId, ParseIdError, PartnerId, VendorId, VersionId},
    send::text_enum,
};

/// A level at which mail is controlled. A partner's activation goes on only while nothing at any level stands against it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything this installation sends.
    All,
    /// A vendor's program.
    Vendor(VendorId),
    /// One partner of a program.
    Partner(PartnerId),
    /// Every version of a package.
    Package(PackageId),
    /// One version of a package.
    Version(VersionId),
}

impl Scope {
    /// What stands for everything, where others are ids.
    pub const ALL: &'static str = "all";

    /// As it is stored and shown: [`Self::ALL`], or the id. Ids begin with what they are of, so no two scopes are the same text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => Self::ALL,
            Self::Vendor(id) => id.as_str(),
            Self::Partner(id) => id.as_str(),
            Self::Package(id) => id.as_str(),
            Self::Version(id) => id.as_str(),
        }
    }

    /// The word for the level.
    pub const fn level(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Vendor(_) => "vendor",
            Self::Partner(_) => "partner",
            Self::Package(_) => "package",
            Self::Version(_) => "version",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let prefix = text.split_once('_').map_or(text, |(prefix, _)| prefix);
        match prefix {
            Self::ALL if text == Self::ALL => Ok(Self::All),
            VendorId::PREFIX => text.parse().map(Self::Vendor),
            PartnerId::PREFIX => text.parse().map(Self::Partner),
            PackageId::PREFIX => text.parse().map(Self::Package),
            VersionId::PREFIX => text.parse().map(Self::Version),
            _ => Err(ParseIdError {
                expected: "all, or the id of a vendor, partner, package or version",
                got: text.to_owned(),
            }),
        }
    }
}

text_enum! {
    /// For whom somebody paused something, and so who may lift the pause: each its own, ops all.
    Holder ("who holds a pause: ops, vendor or company") {
        /// Whoever runs the installation.
        Ops = "ops",
        /// The vendor whose program it is.
        Vendor = "vendor",
        /// The partner's firm.
        Company = "company",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_reads_back_and_nothing_else_is_one() {
        for prefix in ["ven", "par", "pkg", "ver"] {
            let text = format!("{prefix}_01j00000000000000000000000");
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.as_str(), text);
            assert_eq!(&scope.level()[..2], if prefix == "pkg" { "pa" } else { &prefix[..2] });
        }
        assert_eq!("all".parse::<Scope>().unwrap(), Scope::All);
        for text in ["", "all_", "act_0000000000001", "ven_x", "com_01j00000000000000000000000"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
