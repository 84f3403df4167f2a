//! Servers that are not ours: Postfix's smtp-sink and Python's aiosmtpd, read with Python's parser.

use std::{collections::BTreeMap, time::Duration};

use channels::smtp::{AlwaysGo, MailParts, RelayConfig, Relays, build};
use testkit::MailPeer;

use super::harness::parts;

/// Names and subjects of many scripts, and bodies with what trips encoders.
fn sample(n: usize) -> (String, String, String) {
    let names =
        ["Jürgen Müller", "O'Brien & Sons, \"Ltd.\"", "山田 太郎", "عائلة", "", "=?utf-8?q?x?="];
    let name = names[n % names.len()].to_owned();
    let subject =
        format!("{n}: 50 % off – für Sie, 太郎 {}", "long ".repeat(n % 40)).trim_end().to_owned();
    let text = format!("Hello {name},\n.\n..\nFrom here = there\n{}\n", "ü".repeat(n % 300));
    (name, subject, text)
}

async fn send_samples(relays: &Relays, count: usize) {
    let sends = (0..count).map(|n| {
        let relays = relays.clone();
        tokio::spawn(async move {
            let (name, subject, text) = sample(n);
            let id = format!("snd_{n}@mail.example");
            let html = format!("<p>{text}</p>");
            let parts = MailParts {
                from_name: &name,
                to_name: &name,
                list_id_name: &name,
                subject: &subject,
                text: &text,
                html: &html,
                message_id: &id,
                ..parts()
            };
            let outcome =
                relays.transmit("main", &build(&parts).unwrap(), &AlwaysGo).await.into_outcome();
            assert_eq!(outcome.label(), "done", "{n}: {outcome:?}");
        })
    });
    for send in sends.collect::<Vec<_>>() {
        send.await.unwrap();
    }
}

/// Every sample is there once and says to Python's parser what it was built from.
fn check_with_python(peer: &MailPeer, count: usize) {
    let mut got = BTreeMap::new();
    peer.read_mail(|mail| {
        assert!(mail.defects.is_empty(), "{mail:?}");
        assert!(mail.longest_line <= 998, "{mail:?}");
        let n: usize = mail
            .header("message-id")
            .strip_prefix("<snd_")
            .and_then(|id| id.strip_suffix("@mail.example>"))
            .and_then(|n| n.parse().ok())
            .expect("the Message-ID of a sample");
        assert!(got.insert(n, mail).is_none(), "sample {n} came twice");
    });
    assert_eq!(got.len(), count, "messages read");
    for (n, mail) in got {
        let (name, subject, text) = sample(n);
        let lines = |text: &str| text.replace("\r\n", "\n");
        assert_eq!((mail.from_name.as_str(), mail.to_name.as_str()), (&*name, &*name));
        assert_eq!(mail.from_email, "news@nordwind.example");
        assert_eq!(mail.to_email, "anna@example.com");
        assert_eq!(mail.header("subject"), subject);
        assert_eq!(mail.header("list-unsubscribe"), "<https://t.example/u/abc>");
        assert_eq!(mail.header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
        assert_eq!(mail.header("reply-to"), "sales@nordwind.example");
        assert_eq!(lines(&mail.text), text);
        assert_eq!(lines(&mail.html), format!("<p>{text}</p>"));
        let headers: Vec<&str> = mail.headers.keys().map(String::as_str).collect();
        assert_eq!(
            headers,
            [
                "content-type",
                "date",
                "from",
                "list-id",
                "list-unsubscribe",
                "list-unsubscribe-post",
                "message-id",
                "mime-version",
                "reply-to",
                "subject",
                "to",
            ]
        );
    }
}

fn relays_at(peer: &MailPeer, connections: usize) -> Relays {
    let mut config = RelayConfig::new("main", peer.address());
    config.max_connections = connections;
    config.messages_per_connection = 20;
    Relays::new([config]).unwrap()
}

#[tokio::test]
async fn smtp_sink_gets_every_message_once_and_python_reads_it() {
    let sink = MailPeer::smtp_sink().await;
    let relays = relays_at(&sink, 10);
    send_samples(&relays, 200).await;
    relays.drain(Duration::from_secs(10)).await;
    check_with_python(&sink, 200);
}

#[tokio::test]
async fn smtp_sink_refusals_are_read_as_what_they_are() {
    let cases: [(&[&str], &str); 6] = [
        (&["-B", "550 5.1.1 no such user", "-f", "RCPT"], "permanent"),
        (&["-b", "451 4.7.1 greylisted", "-r", "RCPT"], "transient"),
        (&["-f", "."], "permanent"),
        (&["-r", "."], "transient"),
        (&["-q", "."], "unknown"),
        (&["-Q", "CONNECT"], "not_now"),
    ];
    for (flags, label) in cases {
        let sink = MailPeer::smtp_sink_with(flags).await;
        let relays = relays_at(&sink, 2);
        let outcome =
            relays.transmit("main", &build(&parts()).unwrap(), &AlwaysGo).await.into_outcome();
        assert_eq!(outcome.label(), label, "{flags:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn aiosmtpd_without_pipelining_gets_every_message_once_and_python_reads_it() {
    let server = MailPeer::aiosmtpd();
    let relays = relays_at(&server, 5);
    send_samples(&relays, 100).await;
    relays.drain(Duration::from_secs(10)).await;
    check_with_python(&server, 100);
}
