//! The list of messages.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::{Query, State},
    response::{Html, Response},
};
use mail_parser::MessageParser;
use serde::Deserialize;

use super::{
    PAGE_POLICY, Shared,
    markup::{end_page, escape, people, start_page},
    with_policy,
};

/// Rows on a page.
const PAGE_ROWS: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    page: usize,
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<ListQuery>,
) -> Response {
    shared.inbox.settled().await;
    let stats = shared.stats();
    let messages = shared.ledger.counts().messages;
    let rows = shared.inbox.page(query.page.saturating_mul(PAGE_ROWS), PAGE_ROWS);
    let mut page = start_page("Mail sink");
    let _ = write!(
        page,
        "<header><h1>Mail sink</h1><p>{messages} messages, {} deliveries accepted, {} recipients refused, \
         {} duplicates. Nothing is delivered anywhere. <a href=\"/ledger\">Ledger</a> · <a href=\"/stats\">Counts</a></p>",
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
    let _ = write!(
        page,
        "<p class=\"quiet\">Files: <code>{}</code></p></header><main>",
        escape(&folder)
    );
    page.push_str(
        "<table><thead><tr><th scope=\"col\">No.</th><th scope=\"col\">Subject</th><th scope=\"col\">From</th>\
         <th scope=\"col\" class=\"wide\">To</th><th scope=\"col\" class=\"number wide\">Bytes</th></tr></thead><tbody>",
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
             <td dir=\"auto\" class=\"wide\">{}</td><td class=\"number wide\">{}</td></tr>",
            escape(subject),
            escape(&people(parsed.from())),
            escape(&people(parsed.to())),
            entry.size_bytes
        );
    }
    page.push_str("</tbody></table><nav aria-label=\"Pages\"><ul>");
    if query.page > 0 {
        let _ =
            write!(page, "<li><a href=\"/?page={}\" rel=\"prev\">Newer</a></li>", query.page - 1);
    }
    if rows.len() == PAGE_ROWS {
        let _ =
            write!(page, "<li><a href=\"/?page={}\" rel=\"next\">Older</a></li>", query.page + 1);
    }
    page.push_str("</ul></nav></main>");
    end_page(&mut page);
    with_policy(PAGE_POLICY, Html(page))
}
