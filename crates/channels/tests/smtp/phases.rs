//! Every phase, with every way it can go wrong: the outcome is of the right kind, nothing hangs
//! beyond the limit, and the next message goes out right over whatever connection is left.

use std::time::Duration;

use channels::smtp::Relays;
use testkit::relay::{Phase, Step};
use tokio::time::Instant;

use super::harness::{
    LIMIT, accepted_ids, assert_label, back_off_over, config, id, relay, relays, send,
};

each_way!(
    at_the_greeting_the_relay_is_down,
    at_ehlo_the_relay_is_down,
    at_mail,
    at_rcpt,
    at_data,
    after_the_dot,
    only_2xx_after_the_dot_is_success,
    anything_but_354_to_data_is_no_leave_to_write_content,
    a_reply_too_many_never_answers_the_next_command,
    a_bare_code_and_a_long_answer_are_replies,
    a_refused_recipient_keeps_the_connection,
    after_421_and_521_the_connection_is_not_used_again,
    a_refusal_in_the_middle_of_the_content_is_no_unknown,
);

/// One relay misbehaves once in `phase` with `step`; then it behaves.
async fn misbehaves_once(phase: Phase, step: Step, label: &str, context: &str) {
    let context = format!("{phase:?}, {context}");
    let relay = relay().await;
    let relays = relays(&relay);
    assert_label(&send(&relays, 0).await, "done", &context);
    // Greeting and EHLO come only with a new connection.
    let new_connection = matches!(phase, Phase::Greeting | Phase::Ehlo);
    let relays = if new_connection { self::relays(&relay) } else { relays };

    relay.next(phase, step);
    let began = Instant::now();
    let outcome = send(&relays, 1).await;
    let took = began.elapsed();
    assert_label(&outcome, label, &context);
    assert!(took < LIMIT + Duration::from_secs(1), "{context}: took {took:?}");
    if let domain::Outcome::NotNow { after_ms, .. } = outcome {
        // The relay's back-off, and no more than its first one.
        assert!((1..=1_000).contains(&after_ms), "{context}: {after_ms}");
    }
    back_off_over(&relays).await;

    for n in [2, 3] {
        assert_label(&send(&relays, n).await, "done", &format!("{context}, next {n}"));
    }
    let mut ids = accepted_ids(&relay);
    ids.retain(|taken| *taken != id(1));
    assert_eq!(ids, [id(0), id(2), id(3)], "{context}");
}

/// What goes wrong, and what it means before the dot and after it.
fn troubles() -> Vec<(&'static str, Step)> {
    vec![
        ("slow", Step::hang()),
        ("4xx", Step::reply(451, "4.3.0 later")),
        ("5xx", Step::reply(554, "5.7.1 no")),
        ("421", Step::reply(421, "4.3.2 shutting down").then_close()),
        ("garbage", Step::raw("hello there\r\n")),
        ("binary garbage", Step::raw([0xff, 0xfe, 0x00, b'\r', b'\n'])),
        ("no CRLF", Step::raw("250 ok\n")),
        ("endless line", Step::raw(vec![b'2'; 200_000])),
        ("half a reply", Step::raw("250-one\r\n250-tw").then_close()),
        ("codes that differ", Step::raw("250-one\r\n451 two\r\n")),
        ("closed", Step::close()),
    ]
}

async fn every_trouble(phase: Phase, labels: [&str; 11]) {
    let runs = troubles()
        .into_iter()
        .zip(labels)
        .map(|((context, step), label)| misbehaves_once(phase, step, label, context));
    futures::future::join_all(runs).await;
}

async fn at_the_greeting_the_relay_is_down() {
    every_trouble(Phase::Greeting, ["not_now"; 11]).await;
}

async fn at_ehlo_the_relay_is_down() {
    every_trouble(Phase::Ehlo, ["not_now"; 11]).await;
}

/// On a kept connection MAIL that is closed or met with 421 goes out once more over a new one.
async fn at_mail() {
    let t = "transient";
    every_trouble(Phase::Mail, [t, t, "permanent", "done", t, t, t, t, "done", t, "done"]).await;
}

async fn at_rcpt() {
    let t = "transient";
    every_trouble(Phase::Rcpt, [t, t, "permanent", "not_now", t, t, t, t, t, t, t]).await;
}

async fn at_data() {
    let t = "transient";
    every_trouble(Phase::Data, [t, t, "permanent", "not_now", t, t, t, t, t, t, t]).await;
}

/// After the dot only a reply decides: without one that can be read the relay may have taken it.
async fn after_the_dot() {
    let u = "unknown";
    every_trouble(Phase::Dot, [u, "transient", "permanent", "transient", u, u, u, u, u, u, u])
        .await;
}

async fn only_2xx_after_the_dot_is_success() {
    for (code, label) in [(250, "done"), (251, "done"), (354, "unknown"), (334, "unknown")] {
        misbehaves_once(Phase::Dot, Step::reply(code, "what"), label, &code.to_string()).await;
    }
}

async fn anything_but_354_to_data_is_no_leave_to_write_content() {
    for code in [250, 334] {
        let relay = relay().await;
        let relays = relays(&relay);
        relay.next(Phase::Data, Step::reply(code, "what"));
        assert_label(&send(&relays, 1).await, "transient", &code.to_string());
        relay.wait_until_open(0).await;
        assert_eq!(relay.content_bytes(), 0);
        let commands = relay.commands();
        assert!(commands.last().unwrap().1 == "DATA", "{commands:?}");
    }
}

/// Two replies where one is due put every later reply one behind. Here the second message's refusal
/// would be read as the answer to its RSET, and its 354 as success.
async fn a_reply_too_many_never_answers_the_next_command() {
    for phase in [Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Dot] {
        let relay = relay().await;
        let relays = relays(&relay);
        let code = if phase == Phase::Data { 354 } else { 250 };
        relay.next(phase, Step::raw(format!("{code} ok\r\n250 ok\r\n")));
        let first = send(&relays, 1).await;
        assert_label(&first, if phase == Phase::Dot { "done" } else { "transient" }, "first");
        relay.always(Phase::Dot, Step::reply(554, "5.7.1 refused"));
        assert_label(&send(&relays, 2).await, "permanent", &format!("{phase:?}"));
        assert_eq!(relay.connections_seen(), 2, "{phase:?}: the first connection was used again");
    }
}

async fn a_bare_code_and_a_long_answer_are_replies() {
    let relay = relay().await;
    let relays = relays(&relay);
    relay.next(Phase::Mail, Step::raw("250\r\n"));
    relay.next(Phase::Rcpt, Step::raw("250-\r\n250\r\n"));
    relay.next(Phase::Dot, Step::reply(250, "2.0.0 first\nsecond\nthird"));
    let domain::Outcome::Done(answer) = send(&relays, 1).await else { panic!() };
    assert_eq!(
        (answer.code, answer.enhanced.as_str(), answer.text.as_str(), answer.relay.as_str()),
        (250, "2.0.0", "2.0.0 first second third", "main")
    );
}

async fn a_refused_recipient_keeps_the_connection() {
    let relay = relay().await;
    let relays = relays(&relay);
    relay.next(Phase::Rcpt, Step::reply(550, "5.1.1 no such user\nask the postmaster"));
    let domain::Outcome::Permanent { reason, answer } = send(&relays, 1).await else { panic!() };
    assert_eq!(reason, domain::outcome::PermanentReason::BadAddress);
    assert_eq!((answer.code, answer.enhanced.as_str()), (550, "5.1.1"));
    assert!(answer.text.contains("no such user") && answer.text.contains("postmaster"));
    relay.wait_until("RSET came", |r| r.commands().iter().any(|(_, c)| c == "RSET")).await;
    assert_label(&send(&relays, 2).await, "done", "the next");
    assert_eq!(relay.ledger()[0].rcpt, ["anna@example.com"]);
}

/// Both say that the relay closes; one that does not is not taken at its silence.
async fn after_421_and_521_the_connection_is_not_used_again() {
    for (phase, code) in [(Phase::Dot, 421), (Phase::Rcpt, 421), (Phase::Rcpt, 521)] {
        let relay = relay().await;
        let mut config = config(&relay);
        config.idle = Duration::from_secs(600);
        let relays = Relays::new([config]).unwrap();
        relay.next(phase, Step::reply(code, "closing"));
        send(&relays, 1).await;
        relay.wait_until_open(0).await;
        back_off_over(&relays).await;
        assert_label(&send(&relays, 2).await, "done", &format!("{phase:?} {code}"));
        assert_eq!(relay.connections_seen(), 2, "{phase:?} {code}");
    }
}

/// A relay that refuses in the middle of the content (and may stop reading) has not seen its end.
async fn a_refusal_in_the_middle_of_the_content_is_no_unknown() {
    let relay = relay().await;
    let relays = relays(&relay);
    relay.next(Phase::Data, Step::raw("354 go on\r\n550 5.7.1 changed my mind\r\n"));
    assert_label(&send(&relays, 1).await, "permanent", "refused at once");
    relay.next(Phase::Data, Step::raw("354 go on\r\n421 4.3.2 going down\r\n"));
    assert_label(&send(&relays, 2).await, "not_now", "421 at once");
    relay.wait_until_open(0).await;
    assert!(relay.ledger().is_empty());
}
