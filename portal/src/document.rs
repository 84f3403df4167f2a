//! A mail's HTML as a document of the portal's.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};

/// Where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    /// In a frame of a page of ours: nothing in it leads anywhere.
    Frame,
    /// By itself: a click on a link of it opens that.
    Page,
}

/// A document in which nothing runs, nothing is sent and nothing is loaded that is not ours.
pub(crate) fn document(html: String, public_url: &str, shows: Shows) -> Response {
    let (sandbox, ancestors) = match shows {
        Shows::Frame => ("sandbox", "'self'"),
        Shows::Page => (
            "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation",
            "'none'",
        ),
    };
    let policy = format!(
        "default-src 'none'; img-src {public_url}/a/ 'self'; style-src 'unsafe-inline'; {sandbox}; base-uri 'none'; \
         form-action 'none'; frame-ancestors {ancestors}"
    );
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    // A public URL fits into a header: the configuration checked it.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if shows == Shows::Frame {
        let same = HeaderValue::from_static("SAMEORIGIN");
        headers.insert(HeaderName::from_static("x-frame-options"), same);
    }
    response
}
