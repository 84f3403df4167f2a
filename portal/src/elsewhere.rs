//! Forms that another site's page sends.

use axum::http::{HeaderMap, header};

/// Whether a browser says that another site's page sent this (Fetch Metadata; browsers that don't know it send
/// an origin, which is `null` for a page that gives no referrer, as ours do).
pub(crate) fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let host = text(header::HOST.as_str());
    match text(header::ORIGIN.as_str()) {
        None | Some("null") => false,
        Some(origin) => origin.split_once("://").map(|(_, host)| host) != host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_site_sends_is_told_by_the_browser() {
        let asked = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (axum::http::HeaderName::from_static(name), value.parse().unwrap())
            });
            comes_from_elsewhere(&pairs.collect())
        };
        assert!(!asked(&[]));
        assert!(!asked(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(!asked(&[("host", "a.example"), ("origin", "https://a.example")]));
        assert!(!asked(&[("host", "a.example"), ("origin", "null")]));
        assert!(asked(&[("sec-fetch-site", "cross-site")]));
        assert!(asked(&[("sec-fetch-site", "same-site")]));
        assert!(asked(&[("host", "a.example"), ("origin", "https://evil.example")]));
        assert!(asked(&[("host", "a.example"), ("origin", "https://a.example.evil.example")]));
    }
}
