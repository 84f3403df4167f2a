//! Commands that follow each other without waiting (RFC 2920), and relays that say they can.

use channels::smtp::{MailParts, Relays, build};
use testkit::{
    ScriptedRelay,
    relay::{Phase, Step},
    wait::wait_for,
};

use super::harness::{LIMIT, accepted_ids, assert_label, config, id, parts, relays, send};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

async fn pipelining() -> ScriptedRelay {
    ScriptedRelay::builder().pipelining(true).start().await
}

#[tokio::test]
async fn what_leads_to_354_leaves_in_one_go() {
    let relay = pipelining().await;
    relay.hold(Phase::Mail);
    let sending = tokio::spawn({
        let relays = relays(&relay);
        async move { send(&relays, 1).await }
    });
    relay.wait_until_holding(1).await;
    // MAIL has no answer yet, and all of it has arrived.
    relay
        .wait_until("RCPT and DATA to have arrived", |relay| {
            let wire = String::from_utf8_lossy(&relay.wire(1)).into_owned();
            wire.contains("RCPT TO:<anna@example.com>\r\nDATA\r\n")
        })
        .await;
    relay.release();
    assert_label(&sending.await.unwrap(), "done", "in one go");
}

/// A relay that refuses and then waits for content all the same (RFC 2920, 3.1): it gets none, not even an empty message.
#[tokio::test]
async fn a_refusal_stands_whatever_is_answered_to_what_followed() {
    for phase in [Phase::Mail, Phase::Rcpt] {
        for follows in
            [Step::reply(354, "go on"), Step::close(), Step::raw("what\r\n"), Step::hang()]
        {
            let relay = pipelining().await;
            let relays = relays(&relay);
            assert_label(&send(&relays, 0).await, "done", "before");
            relay.next(phase, Step::reply(550, "5.7.1 no"));
            relay.next(Phase::Data, follows.clone());
            let context = format!("{phase:?} refused, then {follows:?}");
            assert_label(&send(&relays, 1).await, "permanent", &context);
            assert_label(&send(&relays, 2).await, "done", &context);
            assert_eq!(accepted_ids(&relay), [id(0), id(2)], "{context}");
            assert_eq!(
                relay.connections_seen(),
                2,
                "{context}: no connection is used on in the middle of something"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_recipient_costs_no_connection() {
    let relay = pipelining().await;
    let relays = relays(&relay);
    relay.next(Phase::Rcpt, Step::reply(550, "5.1.1 no such user"));
    for n in 0..3 {
        let label = if n == 0 { "permanent" } else { "done" };
        assert_label(&send(&relays, n).await, label, &n.to_string());
        // After a refusal the connection is cleaned first (RSET).
        wait_for("the connection to be kept", PATIENCE, || async {
            (relays.load()[0].idle == 1).then_some(())
        })
        .await;
    }
    assert_eq!((accepted_ids(&relay), relay.connections_seen()), (vec![id(1), id(2)], 1));
}

#[tokio::test]
async fn a_relay_that_lies_is_served_one_command_at_a_time() {
    let relay = ScriptedRelay::builder().lies_about_pipelining().start().await;
    let relays = relays(&relay);
    for n in 0..3 {
        assert_label(&send(&relays, n).await, "done", "right at once, and no attempt is lost");
    }
    assert_eq!(accepted_ids(&relay), [id(0), id(1), id(2)]);
    // One connection to find out, one that serves.
    assert_eq!(relay.connections_seen(), 2);
}

/// One that has answered commands that came together does not lie; when it is slow later, that is what it is.
#[tokio::test]
async fn a_slow_relay_is_not_taken_for_a_liar() {
    let relay = pipelining().await;
    let relays = relays(&relay);
    assert_label(&send(&relays, 0).await, "done", "fast");
    relay.next(Phase::Rcpt, Step::reply(250, "ok").after(2 * LIMIT));
    assert_label(&send(&relays, 1).await, "transient", "slow");
    relay.hold(Phase::Mail);
    let sending = tokio::spawn(async move { send(&relays, 2).await });
    relay
        .wait_until("everything at once again", |relay| {
            String::from_utf8_lossy(&relay.wire(2)).contains("DATA\r\n")
        })
        .await;
    relay.release();
    assert_label(&sending.await.unwrap(), "done", "still trusted");
}

#[tokio::test]
async fn a_relay_that_asks_is_told_the_size() {
    let relay = ScriptedRelay::builder().size(true).start().await;
    let message = build(&MailParts { text: &"x".repeat(5_000), ..parts() }).unwrap();
    let relays = Relays::new([config(&relay)]).unwrap();
    let outcome = relays.transmit("main", &message, &channels::smtp::AlwaysGo).await.into_outcome();
    assert_label(&outcome, "done", "with SIZE");
    let (_, mail) =
        relay.commands().into_iter().find(|(_, line)| line.starts_with("MAIL")).unwrap();
    assert!(mail.ends_with(&format!("> SIZE={}", message.bytes().len())), "{mail}");
}
