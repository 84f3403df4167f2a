//! Who asks.

use std::fmt;

use domain::{CompanyId, VendorId};

/// The tenant that acts. A foreign id is answered as one that does not exist, so that nobody learns
/// of another's rows by asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Whoever runs the installation: sees all.
    Ops,
    /// A vendor: its program, and no other.
    Vendor(VendorId),
    /// A company: what is its own, in every program it is partner of.
    Company(CompanyId),
}

impl Actor {
    /// Whether this actor runs `vendor`'s program.
    pub fn runs(&self, vendor: &VendorId) -> bool {
        match self {
            Self::Ops => true,
            Self::Vendor(own) => own == vendor,
            Self::Company(_) => false,
        }
    }

    /// Whether this actor may act for `company` itself: its lists, its contacts, its consent.
    ///
    /// A vendor may not: the contacts are the company's, and it may be partner of another vendor too.
    pub fn owns(&self, company: &CompanyId) -> bool {
        match self {
            Self::Ops => true,
            Self::Vendor(_) => false,
            Self::Company(own) => own == company,
        }
    }

    /// Whether this actor may see and steer what `company` does in `vendor`'s program.
    pub fn sees(&self, vendor: &VendorId, company: &CompanyId) -> bool {
        self.runs(vendor) || self.owns(company)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ops => f.write_str("ops"),
            Self::Vendor(vendor) => vendor.fmt(f),
            Self::Company(company) => company.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reaches_over_a_wall() {
        let vendor =
            |n: u8| -> VendorId { format!("ven_01j0000000000000000000000{n}").parse().unwrap() };
        let company =
            |n: u8| -> CompanyId { format!("com_01j0000000000000000000000{n}").parse().unwrap() };
        assert!(Actor::Vendor(vendor(1)).runs(&vendor(1)));
        assert!(!Actor::Vendor(vendor(1)).runs(&vendor(2)));
        assert!(!Actor::Vendor(vendor(1)).owns(&company(1)));
        assert!(!Actor::Company(company(1)).runs(&vendor(1)));
        assert!(Actor::Company(company(1)).sees(&vendor(2), &company(1)));
        assert!(!Actor::Company(company(1)).sees(&vendor(1), &company(2)));
        assert!(Actor::Ops.sees(&vendor(1), &company(2)));
    }
}
