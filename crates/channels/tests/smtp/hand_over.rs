//! One round trip a message: what begins the next one leaves together with the final dot.

use std::{sync::Arc, time::Duration};

use channels::smtp::{AlwaysGo, Gate, Leave, Relays};
use domain::Outcome;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use testkit::{
    ScriptedRelay,
    relay::{Phase, Step},
    wait::wait_for,
};
use tokio::task::JoinHandle;

use super::harness::{accepted_ids, assert_label, config, id, message, send};

const PATIENCE: Duration = Duration::from_secs(20);

/// A relay that has answered commands that came together, and one connection to it.
async fn one_connection() -> (ScriptedRelay, Relays) {
    let relay = ScriptedRelay::builder().pipelining(true).start().await;
    let mut config = config(&relay);
    config.max_connections = 1;
    let relays = Relays::new([config]).unwrap();
    assert_label(&send(&relays, 0).await, "done", "the first of all");
    (relay, relays)
}

fn sending(relays: &Relays, n: usize) -> JoinHandle<Outcome> {
    let relays = relays.clone();
    tokio::spawn(async move { send(&relays, n).await })
}

/// Holds message 1 at the relay's `phase`, with message 2 waiting for the connection.
async fn one_holds_and_one_waits(
    relay: &ScriptedRelay,
    relays: &Relays,
) -> (JoinHandle<Outcome>, JoinHandle<Outcome>) {
    relay.hold(Phase::Rcpt);
    let first = sending(relays, 1);
    relay.wait_until_holding(1).await;
    let second = sending(relays, 2);
    // It is in line when it has been polled; nothing outside shows that.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    (first, second)
}

const DOT_AND_NEXT: &str =
    "\r\n.\r\nMAIL FROM:<news@nordwind.example>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n";

/// Waits until the first connection has brought a final dot and, behind it, what begins the other message.
async fn next_is_begun(relay: &ScriptedRelay) {
    relay
        .wait_until("the next one to be begun", |relay| {
            String::from_utf8_lossy(&relay.wire(1)).ends_with(DOT_AND_NEXT)
        })
        .await;
}

#[tokio::test]
async fn the_next_message_is_begun_with_the_dot() {
    let (relay, relays) = one_connection().await;
    let (first, second) = one_holds_and_one_waits(&relay, &relays).await;
    // Another phase is held, so what was held goes on.
    relay.hold(Phase::Dot);
    // The dot has no answer, and MAIL, RCPT and DATA of the other have arrived.
    next_is_begun(&relay).await;
    relay.release();
    assert_label(&first.await.unwrap(), "done", "first");
    assert_label(&second.await.unwrap(), "done", "second");
    assert_eq!(accepted_ids(&relay), [id(0), id(1), id(2)]);
    assert_eq!(relay.connections_seen(), 1);
}

/// Whatever is answered to one message, the other one is right: sent once, over this connection or another.
#[tokio::test]
async fn whatever_becomes_of_one_the_next_is_right() {
    let answers = [
        ("done", "done", Step::reply(250, "2.0.0 queued")),
        ("done", "done", Step::reply(250, "2.0.0 queued").then_close()),
        ("transient", "done", Step::reply(451, "4.3.0 later")),
        ("permanent", "done", Step::reply(554, "5.7.1 no")),
        // The relay asks to be left alone, and that is meant for all.
        ("transient", "not_now", Step::reply(421, "4.3.2 closing").then_close()),
        ("unknown", "done", Step::reply(354, "go on")),
        ("unknown", "done", Step::raw("what is this\r\n")),
        ("unknown", "done", Step::close()),
        ("unknown", "done", Step::hang()),
    ];
    for (label, next, answer) in answers {
        let (relay, relays) = one_connection().await;
        let (first, second) = one_holds_and_one_waits(&relay, &relays).await;
        relay.next(Phase::Dot, answer.clone());
        relay.release();
        let context = format!("{answer:?}");
        assert_label(&first.await.unwrap(), label, &context);
        assert_label(&second.await.unwrap(), next, &context);
        let ids = accepted_ids(&relay);
        let taken = ids.iter().filter(|taken| **taken == id(2)).count();
        assert_eq!(taken, usize::from(next == "done"), "{context}: {ids:?}");
        assert_label(&send(&relays, 3).await, next, &context);
    }
}

/// What is answered to the next one's commands is told of the next one alone.
#[tokio::test]
async fn a_refusal_of_the_next_is_the_next_ones() {
    for (phase, label) in
        [(Phase::Mail, "transient"), (Phase::Rcpt, "permanent"), (Phase::Data, "transient")]
    {
        let (relay, relays) = one_connection().await;
        let (first, second) = one_holds_and_one_waits(&relay, &relays).await;
        let code = if label == "permanent" { 550 } else { 451 };
        let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        // The first one's MAIL was answered before.
        let skip = usize::from(phase != Phase::Mail);
        relay.decide(phase, move |_| {
            let n = seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            (n == skip).then(|| Step::reply(code, "no"))
        });
        relay.release();
        assert_label(&first.await.unwrap(), "done", "the first");
        assert_label(&second.await.unwrap(), label, &format!("{phase:?}"));
        assert_label(&send(&relays, 3).await, "done", "after it");
        assert_eq!(accepted_ids(&relay), [id(0), id(1), id(3)]);
    }
}

/// The belt has to hear the end of one message before it is asked for leave to write the next one's content.
#[tokio::test]
async fn the_next_is_asked_for_only_when_the_end_of_the_last_was_said() {
    struct Asked(tokio::sync::mpsc::UnboundedSender<usize>, usize);
    impl Gate for Asked {
        async fn leave(&self) -> Leave {
            self.0.send(self.1).unwrap();
            Leave::Go
        }
    }
    for waits in [true, false] {
        let (relay, relays) = one_connection().await;
        let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
        relay.hold(Phase::Rcpt);
        let start = |n: usize| {
            let (relays, gate) = (relays.clone(), Asked(asked.clone(), n));
            tokio::spawn(async move { relays.transmit("main", &message(n), &gate).await })
        };
        let first = start(1);
        relay.wait_until_holding(1).await;
        let second = waits.then(|| start(2));
        tokio::task::yield_now().await;
        relay.release();
        let first = first.await.unwrap();
        assert_label(&first.outcome, "done", "the first");
        let second = second.unwrap_or_else(|| start(2));
        assert_eq!(asks.recv().await, Some(1));
        // All that the relay has to say of the second has come, and nobody asks: the first one's end was not said.
        let asks_too_soon = tokio::time::timeout(Duration::from_millis(200), asks.recv()).await;
        assert!(asks_too_soon.is_err(), "asked for the content of the next");
        drop(first.after);
        assert_eq!(asks.recv().await, Some(2));
        assert_label(&second.await.unwrap().outcome, "done", "the second");
    }
}

/// A message that is given up after it was begun takes the connection with it, and nothing of it is taken.
#[tokio::test]
async fn one_that_is_given_up_poisons_nobody() {
    let (relay, relays) = one_connection().await;
    let (first, second) = one_holds_and_one_waits(&relay, &relays).await;
    relay.hold(Phase::Dot);
    next_is_begun(&relay).await;
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    relay.release();
    assert_label(&first.await.unwrap(), "done", "first");
    assert_label(&send(&relays, 3).await, "done", "after it");
    assert_eq!(accepted_ids(&relay), [id(0), id(1), id(3)]);
}

#[tokio::test]
async fn a_connection_carries_no_more_messages_than_it_may() {
    let relay = ScriptedRelay::builder().pipelining(true).start().await;
    let mut config = config(&relay);
    config.max_connections = 2;
    config.messages_per_connection = 5;
    let relays = Relays::new([config]).unwrap();
    let sends: Vec<_> = (0..40).map(|n| sending(&relays, n)).collect();
    for send in sends {
        assert_label(&send.await.unwrap(), "done", "one of many");
    }
    let mut of_connection = std::collections::HashMap::new();
    for taken in relay.ledger() {
        *of_connection.entry(taken.connection).or_insert(0) += 1;
    }
    assert!(of_connection.values().all(|count| *count <= 5), "{of_connection:?}");
    assert_eq!(relay.most_open(), 2);
}

/// Many at once, over few connections, with a relay that does anything at any phase: nobody is told "done" of what was not taken, nobody
/// gets it twice who was not told that it may have gone, and everybody is told something.
#[test]
fn any_trouble_at_any_moment_is_told_as_what_it_is() {
    let trouble = prop_oneof![
        Just(Step::reply(451, "4.3.0 later")),
        Just(Step::reply(550, "5.7.1 no")),
        Just(Step::raw("what is this\r\n")),
        Just(Step::close()),
        Just(Step::reply(250, "2.0.0 ok").then_close()),
    ];
    let phase = prop_oneof![
        Just(Phase::Mail),
        Just(Phase::Rcpt),
        Just(Phase::Data),
        Just(Phase::Dot),
        Just(Phase::Rset)
    ];
    let troubles = prop::collection::vec((phase, 0..30_usize, trouble), 0..8);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("runs");
    let mut runner =
        TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner
        .run(&(troubles, 1..4_usize), |(troubles, connections)| {
            runtime.block_on(async {
                let relay = ScriptedRelay::builder().pipelining(true).start().await;
                for (phase, nth, step) in troubles {
                    let seen = std::sync::atomic::AtomicUsize::new(0);
                    relay.decide(phase, move |_| {
                        let n = seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        (n == nth).then(|| step.clone())
                    });
                }
                let mut config = config(&relay);
                config.max_connections = connections;
                let relays = Relays::new([config]).unwrap();
                let sends: Vec<_> = (0..40)
                    .map(|n| {
                        let relays = relays.clone();
                        tokio::spawn(async move {
                            relays.transmit("main", &message(n), &AlwaysGo).await.into_outcome()
                        })
                    })
                    .collect();
                let mut outcomes = Vec::new();
                for send in sends {
                    outcomes.push(send.await.unwrap());
                }
                wait_for("the relay to have done with all", PATIENCE, || async {
                    (relay.open_connections() <= connections).then_some(())
                })
                .await;
                let ids = accepted_ids(&relay);
                for (n, outcome) in outcomes.iter().enumerate() {
                    let taken = ids.iter().filter(|taken| **taken == id(n)).count();
                    let fits = match outcome {
                        Outcome::Done(_) => taken == 1,
                        Outcome::Unknown(_) => taken <= 1,
                        _ => taken == 0,
                    };
                    prop_assert!(fits, "{n}: taken {taken} times and told {outcome:?}");
                }
                Ok(())
            })
        })
        .expect("every end is told as what it is");
}
