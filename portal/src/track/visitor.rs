//! Who asked, as far as a request says.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderName, Method, header, request::Parts},
};
use domain::{
    engagement::NetworkKept,
    track::{self, Visitor},
};
use process::ClientAddress;

/// Headers with which a program says that it loads ahead of somebody.
const AHEAD: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// What of a request says who asked.
#[derive(Debug)]
pub(crate) struct Asked {
    method: Method,
    headers: HeaderMap,
    peer: Option<IpAddr>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            method: parts.method.clone(),
            headers: parts.headers.clone(),
            peer: peer.map(|ConnectInfo(address)| address.ip()),
        })
    }
}

impl Asked {
    /// The visitor, with as much of its address as may be kept.
    pub fn visitor(&self, found: ClientAddress, kept: NetworkKept) -> Visitor {
        let address = client_address(found, &self.headers, self.peer);
        let method =
            if self.method == Method::HEAD { track::Method::Head } else { track::Method::Get };
        let agent = self.headers.get(header::USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
        let agent = String::from_utf8_lossy(&agent[..agent.len().min(2_000)]);
        let network = address.map_or_else(String::new, |address| kept.of(address));
        Visitor::new(method, &agent, network, self.loads_ahead())
    }

    fn loads_ahead(&self) -> bool {
        AHEAD.iter().filter_map(|name| self.headers.get(name)?.to_str().ok()).any(|purpose| {
            let purpose = purpose.to_ascii_lowercase();
            ["prefetch", "prerender", "preview"].iter().any(|word| purpose.contains(word))
        })
    }
}

/// A client's address, where the configuration says that it is found.
pub(crate) fn client_address(
    found: ClientAddress,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Option<IpAddr> {
    match found {
        ClientAddress::Connection => peer,
        ClientAddress::Forwarded => forwarded(headers),
    }
}

/// The last entry: whatever stands before it was sent by the visitor, and says anything.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let entries = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let last = entries.rsplit(',').next()?.trim();
    last.parse().ok().or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn asked(headers: &[(&'static str, &'static str)]) -> Asked {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Asked { method: Method::GET, headers, peer: Some(IpAddr::from([203, 0, 113, 7])) }
    }

    #[test]
    fn a_header_that_anybody_can_write_is_believed_only_where_it_was_asked_for() {
        let forged = asked(&[("x-forwarded-for", "198.51.100.1, 192.0.2.9")]);
        let network = |found| forged.visitor(found, NetworkKept::Coarse).network;
        assert_eq!(network(ClientAddress::Connection), "203.0.113.0/24");
        assert_eq!(network(ClientAddress::Forwarded), "192.0.2.0/24");
        let kept = |kept| forged.visitor(ClientAddress::Connection, kept).network;
        assert_eq!(kept(NetworkKept::Full), "203.0.113.7");
        assert_eq!(kept(NetworkKept::None), "");
        let nonsense = asked(&[("x-forwarded-for", "unknown")]);
        assert_eq!(nonsense.visitor(ClientAddress::Forwarded, NetworkKept::Full).network, "");
    }

    #[test]
    fn who_loads_ahead_says_so() {
        let ahead = |name, value| {
            asked(&[(name, value)]).visitor(ClientAddress::Connection, NetworkKept::None).ahead
        };
        assert!(ahead("sec-purpose", "prefetch;prerender"));
        assert!(ahead("purpose", "prefetch"));
        assert!(ahead("x-purpose", "preview"));
        assert!(ahead("x-moz", "prefetch"));
        assert!(!ahead("sec-fetch-mode", "navigate"));
    }
}
