//! Networks: what is kept of an address, and lists of them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{ids::ParseIdError, send::text_enum};

/// What is kept of an IPv4 address: enough to tell a provider, too little to tell a household.
const COARSE_V4: u8 = 24;
/// The same for IPv6: a site has a /48, a household at least a /64.
const COARSE_V6: u8 = 48;

text_enum! {
    /// How much of a visitor's address is kept.
    NetworkKept ("what is kept of an address: coarse, full or none") {
        /// The network: /24 of an IPv4 address, /48 of an IPv6 address.
        Coarse = "coarse",
        /// The whole address.
        Full = "full",
        /// Nothing.
        None = "none",
    }
}

impl NetworkKept {
    /// What is kept of `address`, as text.
    pub fn of(self, address: IpAddr) -> String {
        let address = address.to_canonical();
        match self {
            Self::Coarse => Cidr::around(address).to_string(),
            Self::Full => address.to_string(),
            Self::None => String::new(),
        }
    }
}

/// A network, such as `203.0.113.0/24`; an address alone is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    base: IpAddr,
    bits: u8,
}

impl Cidr {
    fn new(address: IpAddr, bits: u8) -> Self {
        let base = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask(32, bits) as u32)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask(128, bits))),
        };
        Self { base, bits }
    }

    /// The network that is kept in the place of an address.
    fn around(address: IpAddr) -> Self {
        Self::new(address, if address.is_ipv4() { COARSE_V4 } else { COARSE_V6 })
    }

    /// Whether it is no smaller than what is kept of an address, so that rules about it can be run over
    /// what was kept.
    pub fn is_coarse(&self) -> bool {
        self.bits <= if self.base.is_ipv4() { COARSE_V4 } else { COARSE_V6 }
    }

    /// Whether all of `other` lies in it.
    pub fn holds(&self, other: &Self) -> bool {
        self.bits <= other.bits
            && self.base.is_ipv4() == other.base.is_ipv4()
            && Self::new(other.base, self.bits).base == self.base
    }
}

/// The first `bits` of `width` bits.
fn mask(width: u8, bits: u8) -> u128 {
    let all = if width == 128 { u128::MAX } else { (1 << width) - 1 };
    if bits == 0 { 0 } else { all << (width - bits) & all }
}

impl FromStr for Cidr {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (address, bits) = match text.split_once('/') {
                Some((address, bits)) => (address.parse::<IpAddr>().ok()?, bits.parse().ok()?),
                None => {
                    let address = text.parse::<IpAddr>().ok()?;
                    (address, if address.is_ipv4() { 32 } else { 128 })
                }
            };
            let network = Self::new(address, bits.min(if address.is_ipv4() { 32 } else { 128 }));
            // 10.0.0.1/8 is a slip of the hand: which of the two was meant?
            (network.bits == bits && network.base == address).then_some(network)
        };
        parse().ok_or_else(|| ParseIdError {
            expected: "a network like \"203.0.113.0/24\" or \"2001:db8::/32\"",
            got: text.to_owned(),
        })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_coarsely() {
        let kept = |kept: NetworkKept, address: &str| kept.of(address.parse().unwrap());
        assert_eq!(kept(NetworkKept::Coarse, "203.0.113.77"), "203.0.113.0/24");
        assert_eq!(kept(NetworkKept::Coarse, "::ffff:203.0.113.77"), "203.0.113.0/24");
        assert_eq!(kept(NetworkKept::Coarse, "2001:db8:1:2:3::4"), "2001:db8:1::/48");
        assert_eq!(kept(NetworkKept::Full, "203.0.113.77"), "203.0.113.77");
        assert_eq!(kept(NetworkKept::None, "203.0.113.77"), "");
    }

    #[test]
    fn a_network_holds_what_lies_in_it() {
        let network = |text: &str| text.parse::<Cidr>().unwrap();
        assert!(network("17.0.0.0/8").holds(&network("17.58.4.0/24")));
        assert!(network("17.0.0.0/8").holds(&network("17.58.4.9")));
        assert!(!network("17.0.0.0/8").holds(&network("18.0.0.0/24")));
        assert!(!network("17.58.4.0/24").holds(&network("17.0.0.0/8")));
        assert!(network("2a00::/12").holds(&network("2a01:b747:1::/48")));
        assert!(!network("0.0.0.0/0").holds(&network("2a01:b747:1::/48")));
        assert!(network("0.0.0.0/0").holds(&network("203.0.113.0/24")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            "",
            "x",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0/8",
            "::1/129",
            "10.0.0.0/-1",
            "10.0.0.0/",
        ] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
        assert!("10.0.0.0/24".parse::<Cidr>().unwrap().is_coarse());
        assert!(!"10.0.0.0/25".parse::<Cidr>().unwrap().is_coarse());
        assert!(!"10.0.0.1".parse::<Cidr>().unwrap().is_coarse());
        assert!(!"2001:db8::/64".parse::<Cidr>().unwrap().is_coarse());
    }
}
