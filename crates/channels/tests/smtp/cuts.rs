//! The connection is cut after every number of bytes the client writes for one message.

use channels::smtp::Relays;

use super::harness::{config, message, relay, relays, send};

each_way!(
    a_cut_at_any_byte_is_never_success_and_unknown_only_after_the_dot_left,
    a_large_message_cut_before_its_dot_left_is_no_unknown,
);

/// Every byte the client writes for one message, from EHLO to the final dot.
async fn whole_dialogue() -> Vec<u8> {
    let relay = relay().await;
    let relays = relays(&relay);
    assert_eq!(send(&relays, 1).await.label(), "done");
    relay.wire(1)
}

async fn a_cut_at_any_byte_is_never_success_and_unknown_only_after_the_dot_left() {
    let dialogue = whole_dialogue().await;
    let begin = 6 + find(&dialogue, b"DATA\r\n");
    assert!(dialogue.ends_with(b"\r\n.\r\n"));
    let relay = relay().await;
    let mut unknown = 0;
    for cut in 0..=dialogue.len() {
        relay.cut_after(Some(cut));
        // A fresh set each time: the back-off after a cut greeting is not what is tested here.
        let relays = Relays::new([config(&relay)]).unwrap();
        let outcome = send(&relays, 1).await;
        let label = outcome.label();
        // Up to here the relay had not said 354, so no content left.
        let allowed: &[&str] = match cut {
            _ if cut <= find(&dialogue, b"MAIL") => &["not_now"],
            _ if cut <= begin => &["transient"],
            // Content and dot are with the kernel before the relay cuts.
            _ if cut < dialogue.len() => &["unknown", "transient"],
            _ => &["unknown"],
        };
        assert!(allowed.contains(&label), "cut after {cut} of {}: {outcome:?}", dialogue.len());
        unknown += usize::from(label == "unknown");
    }
    assert!(unknown > 0);
    assert_eq!(relay.ledger().iter().filter(|taken| taken.accepted).count(), 0);
    // The same relay, not cut: the message goes out once.
    relay.cut_after(None);
    assert_eq!(send(&relays(&relay), 1).await.label(), "done");
    assert_eq!(relay.accepted().len(), 1);
}

/// A relay that stops reading in the middle of a large message and closes has not seen the dot, and
/// the dot has not left: that is known, and no `Unknown`.
async fn a_large_message_cut_before_its_dot_left_is_no_unknown() {
    let relay = relay().await;
    let relays = relays(&relay);
    let text = "a line of a long text\n".repeat(1_000_000);
    let parts = super::harness::parts();
    let large = channels::smtp::build(&channels::smtp::MailParts { text: &text, ..parts }).unwrap();
    assert!(large.bytes().len() > message(1).bytes().len() * 1000);
    relay.cut_after(Some(10_000));
    let outcome = relays.transmit("main", &large, &channels::smtp::AlwaysGo).await.into_outcome();
    assert_eq!(outcome.label(), "transient", "{outcome:?}");
}

fn find(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).position(|w| w == needle).expect("it is in the dialogue")
}
