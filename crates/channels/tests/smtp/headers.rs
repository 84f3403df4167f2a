//! What a reader reads is what was meant: read back with a parser that is not ours and not lettre's.

use channels::smtp::{BuildErrorReason, MailParts, build};
use domain::UtcMillis;
use mail_parser::{HeaderValue, Message, MessageParser};
use proptest::prelude::*;

use super::harness::parts;

fn parse(bytes: &[u8]) -> Message<'_> {
    MessageParser::default().parse(bytes).expect("it is a message")
}

fn header_names(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    let header = text.split("\r\n\r\n").next().unwrap();
    let lines = header.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    let mut names: Vec<_> = lines.map(|line| line.split_once(':').unwrap().0.to_owned()).collect();
    names.sort_unstable();
    names
}

const INTENDED: [&str; 11] = [
    "Content-Type",
    "Date",
    "From",
    "List-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Message-ID",
    "Reply-To",
    "Subject",
    "To",
];

#[test]
fn a_message_has_exactly_the_headers_it_should() {
    let out = build(&parts()).unwrap();
    assert_eq!(header_names(out.bytes()), INTENDED);
    let text = std::str::from_utf8(out.bytes()).unwrap();
    for line in [
        "From: Nordwind GmbH <news@nordwind.example>",
        "To: Anna Meier <anna@example.com>",
        "Reply-To: <sales@nordwind.example>",
        "Subject: A quiet machine",
        "Message-ID: <snd_1@mail.example>",
        "Date: Thu, 01 Jan 2026 00:00:00 +0000",
        "List-Unsubscribe: <https://t.example/u/abc>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-ID: Nordwind GmbH <nordwind.lists.example>",
        "MIME-Version: 1.0",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} is not in\n{text}");
    }
    let message = parse(out.bytes());
    assert_eq!(message.body_text(0).unwrap(), parts().text.replace('\n', "\r\n"));
    assert_eq!(message.body_html(0).unwrap(), parts().html.replace('\n', "\r\n"));
    assert_eq!(message.attachment_count(), 0);
    assert_eq!(out.envelope_from().to_string(), "news@nordwind.example");
    assert_eq!(out.envelope_to().to_string(), "anna@example.com");
}

#[test]
fn the_same_parts_give_the_same_bytes() {
    let first = build(&parts()).unwrap();
    assert_eq!(first.bytes(), build(&parts()).unwrap().bytes());
    let other = build(&MailParts { message_id: "snd_2@mail.example", ..parts() }).unwrap();
    assert_ne!(first.bytes(), other.bytes());
}

#[test]
fn what_is_left_out_leaves_no_header() {
    let out = build(&MailParts {
        reply_to: "",
        list_unsubscribe_url: "",
        list_id: "",
        to_name: "",
        envelope_from: "b+1@bounce.example",
        ..parts()
    });
    let out = out.unwrap();
    let left: Vec<_> =
        INTENDED.into_iter().filter(|n| !n.starts_with("List-") && *n != "Reply-To").collect();
    assert_eq!(header_names(out.bytes()), left);
    assert_eq!(out.envelope_from().to_string(), "b+1@bounce.example");
}

type Change = for<'a> fn(&mut MailParts<'a>, &'a str);

/// Every field that ends up in a header or in the envelope.
const FIELDS: [(&str, Change); 11] = [
    ("from_name", |p, v| p.from_name = v),
    ("from_email", |p, v| p.from_email = v),
    ("reply_to", |p, v| p.reply_to = v),
    ("to_name", |p, v| p.to_name = v),
    ("to_email", |p, v| p.to_email = v),
    ("subject", |p, v| p.subject = v),
    ("message_id", |p, v| p.message_id = v),
    ("list_unsubscribe_url", |p, v| p.list_unsubscribe_url = v),
    ("list_id_name", |p, v| p.list_id_name = v),
    ("list_id", |p, v| p.list_id = v),
    ("envelope_from", |p, v| p.envelope_from = v),
];

#[test]
fn no_field_can_begin_another_header() {
    for (field, set) in FIELDS {
        for evil in [
            "\r\nBcc: x@evil.example",
            "\nBcc: x@evil.example",
            "\rBcc: x",
            "\0",
            "\x7f",
            "\t",
            "\u{85}",
        ] {
            for value in [
                format!("{evil}a@b.example"),
                format!("a@b.example{evil}"),
                format!("a{evil}@b.example"),
            ] {
                let mut parts = parts();
                set(&mut parts, &value);
                let error = build(&parts).expect_err(&format!("{field}: {value:?}"));
                assert_eq!(error.field, field, "{value:?}");
                assert!(matches!(error.reason, BuildErrorReason::Control(_)), "{field}: {error}");
                assert!(
                    !error.to_string().contains("evil"),
                    "the error repeats the field: {error}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_sent_is_refused_with_its_field() {
    type Spoil = fn(&mut MailParts<'static>);
    let cases: [(&str, Spoil); 8] = [
        ("from_email", |p| p.from_email = ""),
        ("to_email", |p| p.to_email = "anna@example.com, bert@example.com"),
        ("to_email", |p| p.to_email = "<anna@example.com>"),
        ("reply_to", |p| p.reply_to = "nobody"),
        ("message_id", |p| p.message_id = "<a@b>"),
        ("date", |p| p.date = UtcMillis::new(-1)),
        ("date", |p| p.date = UtcMillis::new(i64::MAX)),
        ("text", |p| (p.text, p.html) = ("", "")),
    ];
    for (field, change) in cases {
        let mut parts = parts();
        change(&mut parts);
        assert_eq!(build(&parts).expect_err(field).field, field);
    }
}

#[test]
fn domains_become_a_labels_and_only_names_need_smtputf8() {
    let out = build(&MailParts { to_email: "anna@bücher.example", ..parts() }).unwrap();
    assert_eq!(out.envelope_to().to_string(), "anna@xn--bcher-kva.example");
    assert!(!out.needs_smtputf8() && out.bytes().is_ascii());
    let out = build(&MailParts { to_email: "josé@example.com", ..parts() }).unwrap();
    assert!(out.needs_smtputf8());
    let out = build(&MailParts { reply_to: "josé@example.com", ..parts() }).unwrap();
    assert!(out.needs_smtputf8(), "a header with UTF-8 needs it as well");
}

fn address_of<'a>(message: &'a Message<'_>, name: &'static str) -> (String, &'a str) {
    let Some(HeaderValue::Address(list)) = message.header(name) else {
        panic!("{name}: {:?}", message.header(name));
    };
    assert_eq!(list.iter().count(), 1, "{name}");
    let one = list.first().unwrap();
    (one.name.as_deref().unwrap_or_default().to_owned(), one.address.as_deref().unwrap())
}

/// Text as people and machines write it into a field: any script, anything that means something in
/// a header, and long words.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "\\PC{1,12}",
        2 => "[ -~]{1,20}",
        1 => "[a-z]{60,200}",
        1 => Just("=?utf-8?q?x?=".to_owned()),
        1 => Just("<a@b.example>,".to_owned()),
        1 => Just("\"\\\"(x)".to_owned()),
        1 => Just("👩‍👩‍👧‍👦 日本語 عربي".to_owned()),
    ];
    proptest::collection::vec(word, 1..8).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_name_and_subject_come_back(name in text(), subject in text(), list in text()) {
        let parts = MailParts {
            from_name: &name, to_name: &name, subject: &subject, list_id_name: &list, ..parts()
        };
        if [&name, &subject, &list].iter().any(|text| text.chars().any(char::is_control)) {
            prop_assert!(build(&parts).is_err());
            return Ok(());
        }
        let out = build(&parts).unwrap();
        prop_assert!(out.bytes().is_ascii());
        prop_assert_eq!(header_names(out.bytes()), INTENDED);
        let header_end = out.bytes().windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        for line in std::str::from_utf8(&out.bytes()[..header_end]).unwrap().split("\r\n") {
            prop_assert!(line.len() <= 100 && !line.trim().is_empty(), "{:?}", line);
        }
        let message = parse(out.bytes());
        let meant = name.trim_matches(' ');
        prop_assert_eq!(address_of(&message, "From"), (meant.to_owned(), "news@nordwind.example"));
        prop_assert_eq!(address_of(&message, "To"), (meant.to_owned(), "anna@example.com"));
        prop_assert_eq!(message.subject().unwrap_or_default(), subject);
    }

    #[test]
    fn any_text_comes_back(text in "(\\PC|\r|\n|\r\n|[ .=\t]){0,300}", html in "(\\PC|\n\\.\n|=| ){1,300}") {
        let out = build(&MailParts { text: &text, html: &html, ..parts() }).unwrap();
        prop_assert!(out.bytes().is_ascii());
        let message = parse(out.bytes());
        let crlf = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        prop_assert_eq!(message.body_text(0).unwrap_or_default(), crlf(&text));
        prop_assert_eq!(message.body_html(0).unwrap_or_default(), crlf(&html));
        prop_assert_eq!(message.parts.len(), 3);
    }
}
