//! A message, a relay configuration with short limits, and what the tests ask of them.

use std::time::Duration;

use channels::smtp::{AlwaysGo, MailParts, Outgoing, RelayConfig, Relays, build};
use domain::{Outcome, UtcMillis};
use testkit::{ScriptedRelay, wait::wait_for};

/// Time limits in tests: long enough for a busy machine, short enough to wait for.
pub const LIMIT: Duration = Duration::from_millis(400);

pub fn parts() -> MailParts<'static> {
    MailParts {
        from_name: "Nordwind GmbH",
        from_email: "news@nordwind.example",
        reply_to: "sales@nordwind.example",
        to_name: "Anna Meier",
        to_email: "anna@example.com",
        subject: "A quiet machine",
        text: "Hello Anna,\n\nit is quiet.\n.\n..two\n",
        html: "<p>Hello Anna,</p>\n<p>it is quiet.</p>\n",
        message_id: "snd_1@mail.example",
        date: UtcMillis::new(1_767_225_600_000),
        list_unsubscribe_url: "https://t.example/u/abc",
        list_id_name: "Nordwind GmbH",
        list_id: "nordwind.lists.example",
        envelope_from: "",
    }
}

thread_local! {
    /// Whether the relays of this test offer PIPELINING; each test has a thread of its own.
    pub static PIPELINING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A relay that answers well to everything.
pub async fn relay() -> ScriptedRelay {
    ScriptedRelay::builder().pipelining(PIPELINING.get()).start().await
}

/// Message number `n`.
pub fn message(n: usize) -> Outgoing {
    let id = format!("snd_{n}@mail.example");
    build(&MailParts { message_id: &id, ..parts() }).expect("the parts are good")
}

pub fn config(relay: &ScriptedRelay) -> RelayConfig {
    let mut config = RelayConfig::new("main", relay.address());
    let limits = &mut config.time_limits;
    for limit in [
        &mut limits.connect,
        &mut limits.greeting,
        &mut limits.mail,
        &mut limits.rcpt,
        &mut limits.data,
        &mut limits.content,
        &mut limits.reset,
        &mut limits.quit,
    ] {
        *limit = LIMIT;
    }
    config
}

pub fn relays(relay: &ScriptedRelay) -> Relays {
    Relays::new([config(relay)]).expect("the configuration is good")
}

/// Sends message number `n`, with every gate open.
pub async fn send(relays: &Relays, n: usize) -> Outcome {
    relays.transmit("main", &message(n), &AlwaysGo).await.into_outcome()
}

/// The ids the relay took, in order.
pub fn accepted_ids(relay: &ScriptedRelay) -> Vec<String> {
    relay.accepted().into_iter().map(|taken| taken.message_id).collect()
}

pub fn id(n: usize) -> String {
    format!("snd_{n}@mail.example")
}

/// Asserts that an outcome is of a kind.
#[track_caller]
pub fn assert_label(outcome: &Outcome, label: &str, context: &str) {
    assert_eq!(outcome.label(), label, "{context}: {outcome:?}");
}

/// Waits until no relay is in its back-off.
pub async fn back_off_over(relays: &Relays) {
    wait_for("the back-off to end", Duration::from_secs(5), || async {
        relays.load().iter().all(|load| load.back_off.is_none()).then_some(())
    })
    .await;
}
