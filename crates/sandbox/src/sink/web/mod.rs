//! The sink's pages: the list of messages, each message as it is seen, and the ledger.

mod checks;
mod list;
mod markup;
mod message;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{Shared, SinkStats};

/// The most of the ledger that is sent when the caller asks for a part of it.
const LEDGER_PART_BYTES: u64 = 4 * 1024 * 1024;
/// Our own pages have no script and load nothing but their style.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'";
/// A message's HTML is a stranger's: no script, no forms, an origin of its own, and pictures from this
/// machine's portal alone.
const MESSAGE_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; \
     img-src data: http://127.0.0.1:* http://localhost:*; frame-ancestors 'self'";

#[expect(clippy::disallowed_methods, reason = "of a sink, not of the portal")]
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(list::show))
        .route("/m/{name}", get(message::show))
        .route("/m/{number}/html", get(message::html))
        .route("/page.css", get(style))
        .route("/ledger", get(ledger))
        .route("/stats", get(stats))
        .with_state(shared)
}

async fn style() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    with_policy(PAGE_POLICY, (kind, include_str!("page.css")))
}

async fn stats(State(shared): State<Arc<Shared>>) -> Json<SinkStats> {
    Json(shared.stats())
}

#[derive(Debug, Deserialize)]
struct LedgerQuery {
    from: Option<u64>,
}

/// The ledger from a byte on, as lines of JSON; without `from` all of it. `x-ledger-next` is the byte after the
/// last one sent, which need not end a line.
async fn ledger(State(shared): State<Arc<Shared>>, Query(query): Query<LedgerQuery>) -> Response {
    let length = shared.ledger.length();
    let from = query.from.unwrap_or(0).min(length);
    let end = query.from.map_or(length, |from| length.min(from.saturating_add(LEDGER_PART_BYTES)));
    let opened = async {
        let mut file = tokio::fs::File::open(shared.ledger.path()).await?;
        file.seek(std::io::SeekFrom::Start(from)).await?;
        Ok::<_, std::io::Error>(file.take(end - from))
    };
    match opened.await {
        Ok(part) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
                (HeaderName::from_static("x-ledger-next"), HeaderValue::from(end)),
            ];
            let body = Body::from_stream(ReaderStream::with_capacity(part, 64 * 1024));
            with_policy(PAGE_POLICY, (headers, body))
        }
        Err(error) => {
            tracing::error!(%error, "the mail sink's ledger can't be read");
            (StatusCode::INTERNAL_SERVER_ERROR, "The ledger can't be read.\n").into_response()
        }
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "No such message, or it was not kept.\n").into_response()
}

fn with_policy(policy: &'static str, answer: impl IntoResponse) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (headers, answer).into_response()
}
