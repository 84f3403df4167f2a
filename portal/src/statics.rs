//! `/static/…`: the style sheet and the scripts, embedded.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

const STYLE: &str = include_str!("../static/page.css");
const HTMX: &str = include_str!("../static/vendor/htmx.min.js");
const SSE: &str = include_str!("../static/vendor/sse.min.js");

const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) async fn style() -> Response {
    served("text/css; charset=utf-8", STYLE)
}

pub(crate) async fn htmx() -> Response {
    served(SCRIPT, HTMX)
}

pub(crate) async fn sse() -> Response {
    served(SCRIPT, SSE)
}

fn served(kind: &'static str, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, text).into_response()
}
