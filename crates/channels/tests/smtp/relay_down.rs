//! A relay that can't be used is left alone for a while, by all hands together.

use domain::{Outcome, outcome::NotNowReason};
use testkit::{
    ScriptedRelay,
    relay::{Phase, Step},
};

use super::harness::{assert_label, back_off_over, relay, relays, send};

each_way!(
    a_refused_connection_is_not_now_and_nobody_hammers,
    one_hand_looks_first_whether_it_is_back,
    a_relay_nobody_knows_is_not_now,
    an_address_that_needs_smtputf8_needs_a_relay_that_has_it,
);

async fn a_refused_connection_is_not_now_and_nobody_hammers() {
    let relay = relay().await;
    let address = relay.address();
    let relays = relays(&relay);
    relay.stop().await;
    let down = send(&relays, 1).await;
    assert!(matches!(down, Outcome::NotNow { reason: NotNowReason::RelayDown, .. }), "{down:?}");

    // Somebody counts connection attempts where the relay was.
    let counting = ScriptedRelay::builder().address(&address).start().await;
    for n in 0..50 {
        assert_label(&send(&relays, n).await, "not_now", "in the back-off");
    }
    assert_eq!(counting.connections_seen(), 0);

    back_off_over(&relays).await;
    assert_label(&send(&relays, 2).await, "done", "the relay is back");
    assert_eq!(relays.load()[0].back_off, None);
}

async fn one_hand_looks_first_whether_it_is_back() {
    let relay = relay().await;
    let relays = relays(&relay);
    relay.next(Phase::Greeting, Step::reply(554, "5.3.2 no"));
    assert_label(&send(&relays, 0).await, "not_now", "refused at the greeting");
    back_off_over(&relays).await;
    relay.hold(Phase::Mail);
    let looking = tokio::spawn({
        let relays = relays.clone();
        async move { send(&relays, 1).await }
    });
    relay.wait_until_holding(1).await;
    assert_label(&send(&relays, 2).await, "not_now", "another one looks already");
    relay.release();
    assert_label(&looking.await.unwrap(), "done", "it is back");
    assert_label(&send(&relays, 3).await, "done", "for everybody");
    assert_eq!(relay.connections_seen(), 2);
}

async fn a_relay_nobody_knows_is_not_now() {
    let relay = relay().await;
    let message = super::harness::message(1);
    let outcome =
        relays(&relay).transmit("other", &message, &channels::smtp::AlwaysGo).await.into_outcome();
    assert_label(&outcome, "not_now", "unknown name");
}

async fn an_address_that_needs_smtputf8_needs_a_relay_that_has_it() {
    use channels::smtp::{AlwaysGo, MailParts, build};
    let utf8 =
        build(&MailParts { to_email: "josé@example.com", ..super::harness::parts() }).unwrap();

    let without = relay().await;
    let without_relays = relays(&without);
    let outcome = without_relays.transmit("main", &utf8, &AlwaysGo).await.into_outcome();
    assert_label(&outcome, "permanent", "not offered");
    assert!(without.commands().iter().all(|(_, line)| line.starts_with("EHLO")), "MAIL was sent");
    assert_label(&send(&without_relays, 2).await, "done", "over the same connection");
    assert_eq!(without.connections_seen(), 1);

    let with = ScriptedRelay::builder().smtputf8(true).start().await;
    let outcome = relays(&with).transmit("main", &utf8, &AlwaysGo).await.into_outcome();
    assert_label(&outcome, "done", "offered");
    let (_, mail) = with.commands().into_iter().find(|(_, line)| line.starts_with("MAIL")).unwrap();
    assert!(mail.contains("SMTPUTF8") && mail.contains("BODY=8BITMIME"), "{mail}");
    assert_eq!(with.accepted()[0].rcpt, ["josé@example.com"]);
}
