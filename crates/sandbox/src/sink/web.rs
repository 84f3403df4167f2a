//! The sink's pages: a plain list, each message, and the ledger.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use mail_parser::{Address, Message, MessageParser};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{Shared, SinkStats};

/// Rows on a page of the list.
const PAGE_ROWS: usize = 100;
/// The most of the ledger that is sent when the caller asks for a part of it.
const LEDGER_PART_BYTES: u64 = 4 * 1024 * 1024;
/// Our own pages have no script and load nothing.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'";
/// A message's HTML is a stranger's: no script, no forms, an origin of its own, and pictures from this
/// machine's portal alone.
const MESSAGE_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; \
     img-src data: http://127.0.0.1:* http://localhost:*; frame-ancestors 'self'";

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/m/{name}", get(message))
        .route("/m/{number}/html", get(message_html))
        .route("/ledger", get(ledger))
        .route("/stats", get(stats))
        .with_state(shared)
}

async fn stats(State(shared): State<Arc<Shared>>) -> Json<SinkStats> {
    Json(shared.stats())
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    #[serde(default)]
    page: usize,
}

async fn list(State(shared): State<Arc<Shared>>, Query(query): Query<ListQuery>) -> Response {
    shared.inbox.settled().await;
    let stats = shared.stats();
    let messages = shared.ledger.counts().messages;
    let rows = shared.inbox.page(query.page.saturating_mul(PAGE_ROWS), PAGE_ROWS);
    let mut page = start_page("Mail sink");
    let _ = write!(
        page,
        "<h1>Mail sink</h1><p>{messages} messages, {} deliveries accepted, {} recipients refused, {} duplicates. \
         Nothing is delivered anywhere. <a href=\"/ledger\">Ledger</a> · <a href=\"/stats\">Counts</a></p>",
        stats.accepted, stats.refused, stats.duplicates
    );
    if messages > stats.kept {
        let _ = write!(
            page,
            "<p>The first {} of {messages} messages are kept as files (at most {}, see --keep); the ledger has all \
             of them.</p>",
            stats.kept,
            shared.inbox.limit()
        );
    }
    let folder = shared.inbox.folder().display().to_string();
    let _ = write!(page, "<p>Files: <code>{}</code></p>", escape(&folder));
    page.push_str(
        "<table><thead><tr><th>No.</th><th>Subject</th><th>From</th><th>To</th><th>Bytes</th></tr></thead><tbody>",
    );
    for (number, entry) in &rows {
        let head = format!(
            "Subject: {}\r\nFrom: {}\r\nTo: {}\r\n\r\n",
            entry.subject, entry.from, entry.to
        );
        let parsed = MessageParser::new().parse_headers(head.as_bytes()).unwrap_or_default();
        let subject =
            parsed.subject().filter(|subject| !subject.trim().is_empty()).unwrap_or("(no subject)");
        let _ = write!(
            page,
            "<tr><td>{number}</td><td dir=\"auto\"><a href=\"/m/{number}\">{}</a></td><td dir=\"auto\">{}</td>\
             <td dir=\"auto\">{}</td><td>{}</td></tr>",
            escape(subject),
            escape(&people(parsed.from())),
            escape(&people(parsed.to())),
            entry.size_bytes
        );
    }
    page.push_str("</tbody></table><p>");
    if query.page > 0 {
        let _ = write!(page, "<a href=\"/?page={}\">Newer</a> ", query.page - 1);
    }
    if rows.len() == PAGE_ROWS {
        let _ = write!(page, "<a href=\"/?page={}\">Older</a>", query.page + 1);
    }
    page.push_str("</p></body></html>");
    with_policy(PAGE_POLICY, Html(page))
}

async fn message(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    let (number, raw) = match name.strip_suffix(".eml") {
        Some(number) => (number, true),
        None => (name.as_str(), false),
    };
    let Some(bytes) = read(&shared, number).await else { return not_found() };
    if raw {
        let kind = [(header::CONTENT_TYPE, "message/rfc822")];
        return with_policy(MESSAGE_POLICY, (kind, bytes));
    }
    let parsed = MessageParser::new().parse(&bytes).unwrap_or_default();
    let subject = parsed.subject().unwrap_or("(no subject)");
    let mut page = start_page(subject);
    let _ = write!(
        page,
        "<p><a href=\"/\">All messages</a> · <a href=\"/m/{number}.eml\">Raw</a></p><h1 dir=\"auto\">{}</h1>",
        escape(subject)
    );
    page.push_str("<table>");
    for (name, value) in parsed.headers_raw() {
        let _ = write!(
            page,
            "<tr><th>{}</th><td dir=\"auto\">{}</td></tr>",
            escape(name),
            escape(&decoded(&parsed, name, value))
        );
    }
    page.push_str("</table>");
    if parsed.html_body_count() > 0 {
        let _ = write!(
            page,
            "<h2>HTML</h2><iframe sandbox title=\"The message as HTML\" src=\"/m/{number}/html\"></iframe>"
        );
    }
    if let Some(text) = parsed.body_text(0) {
        let _ = write!(page, "<h2>Text</h2><pre dir=\"auto\">{}</pre>", escape(&text));
    }
    page.push_str("</body></html>");
    with_policy(PAGE_POLICY, Html(page))
}

async fn message_html(State(shared): State<Arc<Shared>>, Path(number): Path<String>) -> Response {
    let Some(bytes) = read(&shared, &number).await else { return not_found() };
    let parsed = MessageParser::new().parse(&bytes).unwrap_or_default();
    match parsed.body_html(0) {
        Some(html) => with_policy(MESSAGE_POLICY, Html(html.into_owned())),
        None => not_found(),
    }
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

async fn read(shared: &Shared, number: &str) -> Option<Vec<u8>> {
    shared.inbox.settled().await;
    let path = shared.inbox.file(number.parse().ok()?)?;
    tokio::fs::read(path).await.ok()
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

fn start_page(title: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title><style>\
         body{{font:15px/1.45 system-ui,sans-serif;margin:1.5rem;max-width:90rem}}\
         table{{border-collapse:collapse;width:100%}}th,td{{text-align:start;vertical-align:top;padding:.25rem .6rem;\
         border-bottom:1px solid #ddd;overflow-wrap:anywhere}}th{{white-space:nowrap}}\
         iframe{{width:100%;height:60rem;border:1px solid #bbb}}pre{{white-space:pre-wrap;border:1px solid #ddd;padding:1rem}}\
         </style></head><body>",
        escape(title)
    )
}

/// A header as people read it: encoded words decoded where the parser does so, otherwise as it stands.
fn decoded(message: &Message<'_>, name: &str, raw: &str) -> String {
    let parsed = message.header(name);
    let text = parsed.and_then(|value| value.as_text().map(str::to_owned));
    let addresses = || parsed.and_then(|value| value.as_address()).map(|value| people(Some(value)));
    // Message-ID and the like lose their angle brackets in the parser; they are shown as sent.
    if name.eq_ignore_ascii_case("Subject") || name.eq_ignore_ascii_case("List-ID") {
        text.unwrap_or_else(|| raw.trim().to_owned())
    } else if ["From", "To", "Cc", "Reply-To", "Sender"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
    {
        addresses().unwrap_or_else(|| raw.trim().to_owned())
    } else {
        raw.trim().to_owned()
    }
}

fn people(addresses: Option<&Address<'_>>) -> String {
    let Some(addresses) = addresses else { return String::new() };
    let one = |person: &mail_parser::Addr<'_>| match (person.name(), person.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    addresses.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
