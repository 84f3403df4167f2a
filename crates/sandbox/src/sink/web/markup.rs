//! What all pages are made of.

use mail_parser::{Addr, Address};

/// The start of a page, up to its body.
pub(super) fn start_page(title: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title><link rel=\"stylesheet\" href=\"/page.css\"></head><body>",
        escape(title)
    )
}

/// The end of a page.
pub(super) fn end_page(page: &mut String) {
    page.push_str("</body></html>");
}

/// Addresses as people read them.
pub(super) fn people(addresses: Option<&Address<'_>>) -> String {
    let Some(addresses) = addresses else { return String::new() };
    let one = |person: &Addr<'_>| match (person.name(), person.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    addresses.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Text as HTML, between tags and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
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
