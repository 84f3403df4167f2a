//! What mailbox providers and laws ask of a mailing, looked for in a message as it arrived.

use mail_parser::{Message, MimeHeaders};

/// Gmail shows so much of the HTML of a message and hides the rest behind a link.
const CLIPPED_BYTES: usize = 102 * 1024;
/// The longest line, without its end (RFC 5322, 2.1.1).
const LONGEST_LINE: usize = 998;

/// A rule, and whether a message keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// What is asked, in a few words.
    pub(super) name: &'static str,
    /// Who asks.
    pub(super) source: &'static str,
    /// Whether it is kept.
    pub(super) is_kept: bool,
    /// What was found.
    pub(super) found: String,
}

/// Every rule, for the message of these bytes.
pub(super) fn checks(bytes: &[u8], message: &Message<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut check = |name, source, is_kept, found: String| {
        checks.push(Check { name, source, is_kept, found });
    };
    let header = |name: &'static str| {
        let values: Vec<&str> = message
            .headers_raw()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect();
        values
    };
    let one = |name: &'static str| match header(name).as_slice() {
        [] => (false, "none".to_owned()),
        [value] => (true, (*value).to_owned()),
        several => (false, format!("{} of them", several.len())),
    };

    for (name, field) in [("One sender", "From"), ("A date", "Date"), ("An identity", "Message-ID")]
    {
        let (is_kept, found) = one(field);
        check(name, "RFC 5322, 3.6", is_kept, format!("{field}: {found}"));
    }
    let ways = header("List-Unsubscribe").join(", ");
    let has_link = ways.contains("<https:") || ways.contains("<http:");
    let one_click = header("List-Unsubscribe-Post");
    let is_one_click = has_link && one_click == ["List-Unsubscribe=One-Click"];
    check(
        "One-click unsubscribe",
        "RFC 8058; asked of bulk senders by Gmail and Yahoo",
        is_one_click,
        match (has_link, one_click.as_slice()) {
            (false, _) => "List-Unsubscribe has no link".to_owned(),
            (true, []) => "no List-Unsubscribe-Post".to_owned(),
            (true, post) => format!("{ways} with {}", post.join(", ")),
        },
    );
    let (is_kept, found) = one("List-ID");
    check("A list", "RFC 2919", is_kept, found);
    let signatures = header("DKIM-Signature");
    let covers = |field: &str| {
        signatures.iter().any(|signature| {
            let fields = signature.split(';').find_map(|tag| tag.trim().strip_prefix("h="));
            let mut fields = fields.into_iter().flat_map(|it| it.split(':'));
            fields.any(|covered| covered.trim().eq_ignore_ascii_case(field))
        })
    };
    let uncovered: Vec<&str> = ["From", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post"]
        .into_iter()
        .filter(|field| !covers(field))
        .collect();
    check(
        "Signed (DKIM)",
        "RFC 6376; RFC 8058, 4; Gmail and Yahoo refuse bulk mail without",
        !signatures.is_empty() && uncovered.is_empty(),
        match (signatures.len(), uncovered.as_slice()) {
            (0, _) => "not signed".to_owned(),
            (number, []) => format!("{number} signatures"),
            (_, uncovered) => format!("does not cover {}", uncovered.join(", ")),
        },
    );
    let html = message.body_html(0).filter(|_| message.html_body_count() > 0);
    let size = html.as_ref().map_or(0, |html| html.len());
    check(
        "Shown whole",
        "Gmail cuts HTML off at 102 KiB",
        size <= CLIPPED_BYTES,
        format!("{size} bytes of HTML, {} in all", bytes.len()),
    );
    let is_plain = |part: &&mail_parser::MessagePart<'_>| {
        part.content_type().is_none_or(|it| it.subtype().is_none_or(|sub| sub == "plain"))
    };
    let text = message.text_bodies().find(is_plain).map_or(0, |part| part.contents().len());
    check("A text part", "for those who read no HTML", text > 0, format!("{text} bytes"));
    let lines = bytes.split(|byte| *byte == b'\n');
    let longest =
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line).len()).max().unwrap_or(0);
    check(
        "Short lines",
        "RFC 5322, 2.1.1",
        longest <= LONGEST_LINE,
        format!("the longest has {longest} bytes"),
    );
    if let Some(html) = html {
        let blind = pictures_without_words(&html);
        check(
            "Pictures have words",
            "WCAG 2.2, 1.1.1",
            blind == 0,
            if blind == 0 { "all of them".to_owned() } else { format!("{blind} without `alt`") },
        );
        let links = ways.split(['<', '>']).find(|part| part.starts_with("http"));
        let is_seen = links.is_some_and(|link| html.replace("&amp;", "&").contains(link));
        check(
            "A way out that is seen",
            "CAN-SPAM, 5(a)(3); Gmail: a link in the body, too",
            is_seen,
            if is_seen { "in the HTML" } else { "only in the header, or nowhere" }.to_owned(),
        );
    }
    checks
}

/// How many pictures say nothing to those who do not see them. An empty `alt` says that it is decoration.
fn pictures_without_words(html: &str) -> usize {
    let lower = html.to_ascii_lowercase();
    let tags = lower.split("<img").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    tags.filter(|tag| !tag.contains("alt=")).count()
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    const GOOD: &str = "From: a@x.example\r\nTo: b@y.example\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\
        Message-ID: <1@x.example>\r\nSubject: Hi\r\nList-ID: Us <us.x.example>\r\n\
        List-Unsubscribe: <https://x.example/u/t?a=1&b=2>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
        DKIM-Signature: v=1; h=From:Subject:List-Unsubscribe:List-Unsubscribe-Post; b=x\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=z\r\n\r\n\
        --z\r\nContent-Type: text/plain\r\n\r\nHello\r\n--z\r\nContent-Type: text/html\r\n\r\n\
        <p><img src=\"x\" alt=\"\"><a href=\"https://x.example/u/t?a=1&amp;b=2\">out</a></p>\r\n--z--\r\n";

    fn broken(text: &str) -> Vec<&'static str> {
        let message = MessageParser::new().parse(text.as_bytes()).unwrap();
        let checks = checks(text.as_bytes(), &message);
        checks.into_iter().filter(|check| !check.is_kept).map(|check| check.name).collect()
    }

    #[test]
    fn a_message_that_keeps_every_rule() {
        assert_eq!(broken(GOOD), [""; 0]);
    }

    #[test]
    fn each_rule_is_broken_by_its_own_fault() {
        let long = format!("<p>{}</p><img alt", "x".repeat(999));
        let large = format!("<p>{}<img alt", "y \r\n".repeat(30_000));
        for (from, to, name) in [
            ("From: a@x.example\r\n", "From: a@x.example\r\nFrom: c@x.example\r\n", "One sender"),
            ("Date:", "X-Date:", "A date"),
            ("Message-ID:", "X-Id:", "An identity"),
            ("List-Unsubscribe=One-Click", "List-Unsubscribe=Two-Clicks", "One-click unsubscribe"),
            ("List-ID:", "X-List:", "A list"),
            ("DKIM-Signature:", "X-Signature:", "Signed (DKIM)"),
            (":List-Unsubscribe-Post; b=", "; b=", "Signed (DKIM)"),
            ("text/plain\r\n\r\nHello", "text/plain\r\n\r\n", "A text part"),
            ("<p><img", &long, "Short lines"),
            ("<p><img", &large, "Shown whole"),
            ("alt=\"\"", "", "Pictures have words"),
            ("href=\"https://x.example/u/t?a=1&amp;b=2\"", "href=\"#\"", "A way out that is seen"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            assert_eq!(broken(&GOOD.replacen(from, to, 1)), [name], "{from} -> {name}");
        }
    }
}
