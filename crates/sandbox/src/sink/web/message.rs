//! A message as its reader sees it, as its reader's program sees it, and as it came.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::{Path, Query, State},
    http::header,
    response::{Html, Response},
};
use mail_parser::{Message, MessageParser};
use serde::Deserialize;

use super::{
    MESSAGE_POLICY, PAGE_POLICY, Shared, checks,
    markup::{end_page, escape, people, start_page},
    not_found, with_policy,
};

/// What of a message a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum View {
    #[default]
    Phone,
    PhoneDark,
    Desktop,
    DesktopDark,
    Text,
    Headers,
    Source,
}

impl View {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Phone, "phone", "Phone"),
        (Self::PhoneDark, "phone-dark", "Phone, dark"),
        (Self::Desktop, "desktop", "Desktop"),
        (Self::DesktopDark, "desktop-dark", "Desktop, dark"),
        (Self::Text, "text", "Text"),
        (Self::Headers, "headers", "Headers and rules"),
        (Self::Source, "source", "Source"),
    ];

    const fn is_dark(self) -> bool {
        matches!(self, Self::PhoneDark | Self::DesktopDark)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Looked {
    #[serde(default)]
    view: View,
}

/// `/m/{number}`, and `/m/{number}.eml`.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(looked): Query<Looked>,
) -> Response {
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
    let view = match looked.view {
        // There is no screen to show.
        view if parsed.html_body_count() == 0 && screen(view).is_some() => View::Text,
        view => view,
    };
    let subject = parsed.subject().unwrap_or("(no subject)");
    let mut page = start_page(subject);
    let _ = write!(
        page,
        "<header><p><a href=\"/\">All messages</a></p><h1 dir=\"auto\">{}</h1>\
         <p>From <bdi>{}</bdi> to <bdi>{}</bdi></p>",
        escape(subject),
        escape(&people(parsed.from())),
        escape(&people(parsed.to())),
    );
    page.push_str("<nav aria-label=\"Views\"><ul>");
    for (one, name, label) in View::ALL {
        if screen(one).is_some() && parsed.html_body_count() == 0 {
            continue;
        }
        let current = if one == view { " aria-current=\"page\"" } else { "" };
        let _ = write!(page, "<li><a href=\"/m/{number}?view={name}\"{current}>{label}</a></li>");
    }
    let _ = write!(
        page,
        "<li><a href=\"/m/{number}.eml\" download>Save</a></li></ul></nav></header><main>"
    );
    match (screen(view), view) {
        (Some(screen), _) => {
            let mode = if view.is_dark() { "?dark=true" } else { "" };
            let _ = write!(
                page,
                "<iframe sandbox class=\"screen {screen}\" title=\"The message as HTML\" src=\"/m/{number}/html{mode}\"></iframe>"
            );
        }
        (_, View::Text) => {
            let text = parsed.body_text(0).unwrap_or_default();
            let _ = write!(page, "<pre dir=\"auto\">{}</pre>", escape(&text));
        }
        (_, View::Headers) => {
            write_checks(&mut page, &bytes, &parsed);
            write_headers(&mut page, &parsed);
        }
        _ => {
            let _ = write!(page, "<pre>{}</pre>", escape(&String::from_utf8_lossy(&bytes)));
        }
    }
    page.push_str("</main>");
    end_page(&mut page);
    with_policy(PAGE_POLICY, Html(page))
}

/// The screen on which a view shows the HTML, if it does.
const fn screen(view: View) -> Option<&'static str> {
    match view {
        View::Phone => Some("phone"),
        View::PhoneDark => Some("phone dark"),
        View::Desktop => Some("desktop"),
        View::DesktopDark => Some("desktop dark"),
        _ => None,
    }
}

fn write_checks(page: &mut String, bytes: &[u8], parsed: &Message<'_>) {
    page.push_str(
        "<table><caption>Rules for mailings</caption><thead><tr><th scope=\"col\">Rule</th><th scope=\"col\">Kept</th>\
         <th scope=\"col\">Found</th><th scope=\"col\" class=\"wide\">Asked by</th></tr></thead><tbody>",
    );
    for check in checks::checks(bytes, parsed) {
        let (class, mark) = if check.is_kept { ("kept", "✓ yes") } else { ("broken", "✗ no") };
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td class=\"{class}\">{mark}</td><td dir=\"auto\">{}</td><td class=\"wide\">{}</td></tr>",
            escape(check.name),
            escape(&check.found),
            escape(check.source),
        );
    }
    page.push_str("</tbody></table>");
}

fn write_headers(page: &mut String, parsed: &Message<'_>) {
    page.push_str("<h2>Headers</h2><table><tbody>");
    for (name, value) in parsed.headers_raw() {
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td dir=\"auto\">{}</td></tr>",
            escape(name),
            escape(&decoded(parsed, name, value))
        );
    }
    page.push_str("</tbody></table>");
}

#[derive(Debug, Deserialize)]
pub(super) struct Mode {
    #[serde(default)]
    dark: bool,
}

/// `/m/{number}/html`: the message's HTML, with what it says about dark screens decided, whatever the screen
/// it is looked at on.
pub(super) async fn html(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    Query(mode): Query<Mode>,
) -> Response {
    let Some(bytes) = read(&shared, &number).await else { return not_found() };
    let parsed = MessageParser::new().parse(&bytes).unwrap_or_default();
    match parsed.body_html(0) {
        Some(html) => with_policy(MESSAGE_POLICY, Html(in_mode(&html, mode.dark))),
        None => not_found(),
    }
}

fn in_mode(html: &str, dark: bool) -> String {
    let (on, off) = ("(min-width: 0)", "not all");
    let (for_dark, for_light) = if dark { (on, off) } else { (off, on) };
    let mut decided = html.to_owned();
    for space in ["", " "] {
        decided = decided
            .replace(&format!("(prefers-color-scheme:{space}dark)"), for_dark)
            .replace(&format!("(prefers-color-scheme:{space}light)"), for_light);
    }
    decided
}

async fn read(shared: &Shared, number: &str) -> Option<Vec<u8>> {
    shared.inbox.settled().await;
    let path = shared.inbox.file(number.parse().ok()?)?;
    tokio::fs::read(path).await.ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_dark_or_light_on_any_screen() {
        let html = "@media (prefers-color-scheme: dark) {a} @media screen and (prefers-color-scheme:light) {b}";
        assert_eq!(in_mode(html, true), "@media (min-width: 0) {a} @media screen and not all {b}");
        assert!(
            in_mode(html, false).starts_with("@media not all {a} @media screen and (min-width")
        );
    }
}
