//! `/static/…`: the style sheet and the scripts, embedded.

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

const STYLE: &str = include_str!("../static/page.css");
const HTMX: &str = include_str!("../static/vendor/htmx.min.js");
const SSE: &str = include_str!("../static/vendor/sse.min.js");

/// All of them.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |kind: &'static str, text: &'static str| get(async move || served(kind, text));
    let script = "text/javascript; charset=utf-8";
    Router::new()
        .route("/static/page.css", file("text/css; charset=utf-8", STYLE))
        .route("/static/htmx.js", file(script, HTMX))
        .route("/static/sse.js", file(script, SSE))
        // Browsers ask for a picture of the site by themselves; there is none.
        .route("/favicon.ico", get(async || StatusCode::NO_CONTENT))
}

fn served(kind: &'static str, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, text).into_response()
}
