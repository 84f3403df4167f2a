//! The gate is asked between 354 and the first byte of content.

use std::sync::Mutex;

use channels::smtp::{Gate, Leave};
use domain::{Outcome, outcome::NotNowReason};
use testkit::ScriptedRelay;
use testkit::relay::{Phase, Step};

use super::harness::{accepted_ids, assert_label, id, message, relay, relays, send};

each_way!(
    it_is_asked_once_after_354_and_before_any_content,
    refused_nothing_of_the_content_leaves_and_the_connection_is_closed,
    it_is_not_asked_when_the_relay_refuses_before,
    a_relay_that_left_while_the_gate_decided_got_nothing,
);

/// Answers what it is told, and notes what the relay had seen when it was asked.
struct Watching<'a> {
    relay: &'a ScriptedRelay,
    answer: Leave,
    seen: Mutex<Vec<(String, usize)>>,
}

impl<'a> Watching<'a> {
    fn new(relay: &'a ScriptedRelay, answer: Leave) -> Self {
        Self { relay, answer, seen: Mutex::default() }
    }
}

impl Gate for Watching<'_> {
    async fn leave(&self) -> Leave {
        let last = self.relay.commands().last().expect("something was said").1.clone();
        self.seen.lock().unwrap().push((last, self.relay.content_bytes()));
        self.answer.clone()
    }
}

async fn it_is_asked_once_after_354_and_before_any_content() {
    let relay = relay().await;
    let relays = relays(&relay);
    let gate = Watching::new(&relay, Leave::Go);
    let outcome = relays.transmit("main", &message(1), &gate).await.into_outcome();
    assert_label(&outcome, "done", "an open gate");
    assert_eq!(*gate.seen.lock().unwrap(), [("DATA".to_owned(), 0)]);
}

async fn refused_nothing_of_the_content_leaves_and_the_connection_is_closed() {
    let relay = relay().await;
    let relays = relays(&relay);
    let given = Outcome::NotNow { after_ms: 77, reason: NotNowReason::Paused };
    let gate = Watching::new(&relay, Leave::Refused(given.clone()));
    assert_eq!(relays.transmit("main", &message(1), &gate).await.into_outcome(), given);
    relay.wait_until_open(0).await;
    assert_eq!(relay.content_bytes(), 0);
    assert!(relay.wire(1).ends_with(b"DATA\r\n"), "nothing was written after DATA, not even QUIT");
    assert!(relay.ledger().is_empty());
    assert_label(&send(&relays, 2).await, "done", "the next");
    assert_eq!(accepted_ids(&relay), [id(2)]);
    assert_eq!(relay.connections_seen(), 2);
}

async fn it_is_not_asked_when_the_relay_refuses_before() {
    let relay = relay().await;
    let relays = relays(&relay);
    for phase in [Phase::Mail, Phase::Rcpt, Phase::Data] {
        relay.next(phase, Step::reply(451, "4.3.0 later"));
        let gate = Watching::new(&relay, Leave::Go);
        let outcome = relays.transmit("main", &message(1), &gate).await.into_outcome();
        assert_label(&outcome, "transient", &format!("{phase:?}"));
        assert!(gate.seen.lock().unwrap().is_empty(), "{phase:?}");
    }
}

/// The relay gave up while the gate took its time: known before anything is written.
async fn a_relay_that_left_while_the_gate_decided_got_nothing() {
    struct Slow<'a>(&'a ScriptedRelay);
    impl Gate for Slow<'_> {
        async fn leave(&self) -> Leave {
            self.0.wait_until_open(0).await;
            Leave::Go
        }
    }
    let relay = relay().await;
    let relays = relays(&relay);
    relay.next(Phase::Data, Step::reply(354, "go on").then_close());
    let outcome = relays.transmit("main", &message(1), &Slow(&relay)).await.into_outcome();
    assert_label(&outcome, "transient", "the dot never left");
}
