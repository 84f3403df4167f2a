//! No text a partner or a vendor writes can end its message early and begin another one, at a
//! strict relay or at one that takes lone CRs and LFs for line ends (CVE-2023-51764 and its kin).

use channels::smtp::{AlwaysGo, MailParts, build};
use testkit::ScriptedRelay;

use super::harness::{parts, relays};

const SECOND: &str = "MAIL FROM:<evil@evil.example>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nMessage-ID: <evil@evil.example>\r\n\r\nsmuggled\r\n.\r\n";

#[tokio::test]
async fn every_message_is_one_message_and_no_line_end_is_bare() {
    let ends = ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\0\r\n", "\u{2028}", "\r\n "];
    for lax in [false, true] {
        let relay = ScriptedRelay::builder().lax_line_ends(lax).start().await;
        let relays = relays(&relay);
        let mut sent = 0;
        for before in ends {
            for after in ends {
                let body = format!("above{before}.{after}{SECOND}");
                let body_at_start = format!(".{after}{SECOND}");
                for (text, html) in
                    [(&body, "x"), (&body_at_start, "x"), (&"x".to_owned(), body.as_str())]
                {
                    let message = build(&MailParts { text, html, ..parts() }).unwrap();
                    let outcome = relays.transmit("main", &message, &AlwaysGo).await.into_outcome();
                    assert_eq!(outcome.label(), "done", "{before:?} {after:?}");
                    sent += 1;
                    assert_eq!(relay.ledger().len(), sent, "{before:?} {after:?}, lax: {lax}");
                    let taken = relay.ledger().pop().unwrap();
                    assert_eq!(taken.message_id, "snd_1@mail.example");
                    assert_eq!(taken.data, message.bytes(), "it arrived as it left");
                }
            }
        }
        for connection in 1..=relay.connections_seen() as u64 {
            let wire = relay.wire(connection);
            for (i, byte) in wire.iter().enumerate() {
                match byte {
                    b'\r' => assert_eq!(wire.get(i + 1), Some(&b'\n'), "a bare CR left"),
                    b'\n' => assert!(i > 0 && wire[i - 1] == b'\r', "a bare LF left"),
                    0 => panic!("a NUL left"),
                    _ => {}
                }
            }
        }
        assert!(relay.commands().iter().all(|(_, line)| !line.contains("evil")), "lax: {lax}");
    }
}

/// Lines that begin with a dot arrive as they are: `Outgoing` is given raw here, because encoded
/// bodies rarely have such lines.
#[tokio::test]
async fn dots_are_stuffed_and_no_empty_line_is_added() {
    let relay = ScriptedRelay::start().await;
    let relays = relays(&relay);
    let (from, to) = ("a@b.example".parse().unwrap(), "c@d.example".parse().unwrap());
    let bodies =
        [".\r\n", "..\r\n", ".a\r\n", "a\r\n.\r\n", "a\r\n..\r\n\r\n.\r\n", "a\r\n\r\n", "\r\n"];
    for body in bodies {
        for head in ["Message-ID: <x@y.example>\r\n\r\n", ""] {
            let bytes = format!("{head}{body}").into_bytes();
            let out =
                channels::smtp::Outgoing::new("x@y.example", &from, &to, bytes.clone()).unwrap();
            assert_eq!(
                relays.transmit("main", &out, &AlwaysGo).await.into_outcome().label(),
                "done",
                "{body:?}"
            );
            assert_eq!(relay.ledger().pop().unwrap().data, bytes, "{head:?} {body:?}");
        }
    }
    assert_eq!(relay.ledger().len(), 2 * bodies.len());
    assert_eq!(relay.connections_seen(), 1);
}
