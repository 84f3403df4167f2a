//! What every page has around it.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

use crate::words::{Words, plain};

/// Scripts and frames of our own, for pages that have them.
const WITH_SCRIPTS: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// htmx without what a strict policy forbids anyway: no styles of its own, nothing evaluated, no other host.
const HTMX: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,"historyCacheSize":0,"historyEnabled":false}"#;

/// A page to be.
pub(crate) struct Page<'a> {
    /// Its words.
    pub words: &'a Words,
    /// The path under which the portal is reached; empty for the root.
    pub base: &'a str,
    /// Heading and title.
    pub title: String,
    /// What stands below the heading.
    pub body: Markup,
    /// Whether it renews itself where scripts run. It works without.
    pub is_live: bool,
}

impl Page<'_> {
    /// The page as an answer.
    pub fn answer(self, status: StatusCode) -> Response {
        let Self { words, base, title, body, is_live } = self;
        let page = html! {
            (DOCTYPE)
            html lang=(words.language()) dir=(words.direction()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    link rel="stylesheet" href={ (base) "/static/page.css" };
                    @if is_live {
                        meta name="htmx-config" content=(HTMX);
                        script src={ (base) "/static/htmx.js" } defer {}
                        script src={ (base) "/static/sse.js" } defer {}
                    }
                }
                body {
                    a.skip href="#content" { (words.say("skip-to-content")) }
                    main #content tabindex="-1" {
                        h1 { (title) }
                        (body)
                    }
                }
            }
        };
        let mut response = (status, page).into_response();
        if is_live {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, WITH_SCRIPTS);
        }
        response
    }
}

/// A short text with a name in it that must not be broken up or read as something else.
pub(crate) fn name(text: &str) -> Markup {
    html! { bdi { (plain(text)) } }
}
