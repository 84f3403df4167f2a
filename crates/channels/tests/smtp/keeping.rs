//! Connections are kept between messages, never more than allowed, and closed in time.

use std::time::Duration;

use channels::smtp::Relays;
use domain::{Outcome, outcome::NotNowReason};
use testkit::{
    ScriptedRelay,
    relay::{Phase, Step},
};

use super::harness::{assert_label, config, id, message, relay, relays, send};

each_way!(
    a_connection_carries_its_share_and_ends_with_quit,
    an_old_connection_is_not_used_again,
    an_idle_connection_is_closed_with_quit,
    no_more_connections_than_allowed_are_open,
    a_kept_connection_the_relay_closed_costs_no_attempt,
    a_live_kept_connection_is_taken_before_a_new_one,
    a_connection_that_ends_at_its_first_command_is_replaced_once,
    drain_ends_idle_connections_with_quit_and_waits_for_busy_ones,
    drain_does_not_wait_for_a_relay_that_hangs,
    a_relay_that_hangs_at_rset_costs_only_its_connection,
);

fn quits(relay: &ScriptedRelay) -> usize {
    relay.commands().iter().filter(|(_, line)| line == "QUIT").count()
}

async fn a_connection_carries_its_share_and_ends_with_quit() {
    let relay = relay().await;
    let mut config = config(&relay);
    config.messages_per_connection = 3;
    let relays = Relays::new([config]).unwrap();
    for n in 0..7 {
        assert_label(&send(&relays, n).await, "done", &n.to_string());
    }
    relay.wait_until_open(1).await;
    let per_connection: Vec<_> = relay.accepted().iter().map(|taken| taken.connection).collect();
    assert_eq!(per_connection, [1, 1, 1, 2, 2, 2, 3]);
    assert_eq!(quits(&relay), 2);
}

async fn an_old_connection_is_not_used_again() {
    let relay = relay().await;
    let mut config = config(&relay);
    config.connection_max_age = Duration::ZERO;
    let relays = Relays::new([config]).unwrap();
    for n in 0..2 {
        assert_label(&send(&relays, n).await, "done", &n.to_string());
    }
    relay.wait_until_open(0).await;
    assert_eq!((relay.connections_seen(), quits(&relay)), (2, 2));
}

async fn an_idle_connection_is_closed_with_quit() {
    let relay = relay().await;
    let mut config = config(&relay);
    config.idle = Duration::from_millis(50);
    let relays = Relays::new([config]).unwrap();
    for n in 0..2 {
        assert_label(&send(&relays, n).await, "done", &n.to_string());
        relay.wait_until_open(0).await;
    }
    assert_eq!((relay.connections_seen(), quits(&relay)), (2, 2));
    assert_eq!(relays.load()[0].idle, 0);
}

async fn no_more_connections_than_allowed_are_open() {
    let relay = relay().await;
    let mut config = config(&relay);
    config.max_connections = 4;
    config.messages_per_connection = 3;
    config.time_limits.content = Duration::from_secs(20);
    let relays = Relays::new([config]).unwrap();
    relay.hold(Phase::Dot);
    let sends = (0..40).map(|n| {
        let relays = relays.clone();
        tokio::spawn(async move { send(&relays, n).await })
    });
    let sends: Vec<_> = sends.collect();
    relay.wait_until_holding(4).await;
    assert_eq!((relays.load()[0].busy, relay.most_open()), (4, 4));
    relay.release();
    for send in sends {
        assert_label(&send.await.unwrap(), "done", "held and released");
    }
    assert_eq!(relay.most_open(), 4);
    let mut ids: Vec<_> = relay.accepted().into_iter().map(|taken| taken.message_id).collect();
    ids.sort();
    let mut want: Vec<_> = (0..40).map(id).collect();
    want.sort();
    assert_eq!(ids, want);
}

/// The relay closed the kept connection while nobody looked: seen before anything is written, or
/// told by the first command. Either way it costs no attempt.
async fn a_kept_connection_the_relay_closed_costs_no_attempt() {
    let endings = [
        Step::reply(250, "2.0.0 queued").then_close(),
        Step::raw("250 2.0.0 queued\r\n421 4.4.2 idle too long\r\n").then_close(),
    ];
    for ending in endings {
        let relay = relay().await;
        let relays = relays(&relay);
        relay.next(Phase::Dot, ending.clone());
        assert_label(&send(&relays, 1).await, "done", "first");
        relay.wait_until_open(0).await;
        assert_label(&send(&relays, 2).await, "done", &format!("{ending:?}"));
        assert_eq!(relay.accepted().len(), 2);
    }
}

/// Of two kept connections the relay closed the one used last: the next message takes the other.
async fn a_live_kept_connection_is_taken_before_a_new_one() {
    let relay = relay().await;
    let relays = relays(&relay);
    relay.hold(Phase::Data);
    let both = [1, 2].map(|n| {
        let relays = relays.clone();
        tokio::spawn(async move { send(&relays, n).await })
    });
    relay.wait_until_holding(2).await;
    relay.release();
    for send in both {
        assert_label(&send.await.unwrap(), "done", "at once");
    }
    // Used last, and closed by the relay after its answer.
    relay.next(Phase::Dot, Step::reply(250, "2.0.0 queued").then_close());
    assert_label(&send(&relays, 3).await, "done", "used last");
    relay.wait_until_open(1).await;
    assert_label(&send(&relays, 4).await, "done", "over the other");
    assert_eq!(relay.connections_seen(), 2);
}

async fn a_connection_that_ends_at_its_first_command_is_replaced_once() {
    for ending in [Step::close(), Step::reply(421, "4.7.0 too many messages").then_close()] {
        let relay = relay().await;
        let relays = relays(&relay);
        assert_label(&send(&relays, 1).await, "done", "first");
        // Every connection ends at MAIL now: replaced once, then it is the relay.
        relay.always(Phase::Mail, ending.clone());
        let label = send(&relays, 2).await.label();
        assert!(["transient", "not_now"].contains(&label), "{label}");
        assert_eq!(relay.connections_seen(), 2, "{ending:?}");
    }
}

async fn drain_ends_idle_connections_with_quit_and_waits_for_busy_ones() {
    let relay = relay().await;
    let mut config = config(&relay);
    config.time_limits.content = Duration::from_secs(20);
    let relays = Relays::new([config]).unwrap();
    relay.hold(Phase::Dot);
    let sends: Vec<_> = (0..3)
        .map(|n| {
            let relays = relays.clone();
            tokio::spawn(async move { send(&relays, n).await })
        })
        .collect();
    relay.wait_until_holding(3).await;
    relay.release_some(2);
    relay.wait_until_accepted(2).await;
    let drained = tokio::spawn({
        let relays = relays.clone();
        async move { relays.drain(Duration::from_secs(20)).await }
    });
    relay.release();
    for send in sends {
        assert_label(&send.await.unwrap(), "done", "under way when the drain began");
    }
    drained.await.unwrap();
    relay.wait_until_open(0).await;
    assert_eq!(quits(&relay), 3);
    let after =
        relays.transmit("main", &message(9), &channels::smtp::AlwaysGo).await.into_outcome();
    assert!(matches!(after, Outcome::NotNow { reason: NotNowReason::GivenBack, .. }), "{after:?}");
}

async fn drain_does_not_wait_for_a_relay_that_hangs() {
    let relay = relay().await;
    let mut config = config(&relay);
    config.time_limits.quit = Duration::from_secs(600);
    config.time_limits.content = Duration::from_secs(600);
    let relays = Relays::new([config]).unwrap();
    assert_label(&send(&relays, 1).await, "done", "first");
    relay.always(Phase::Quit, Step::hang());
    let drain = relays.drain(Duration::from_millis(200));
    tokio::time::timeout(Duration::from_secs(60), drain).await.expect("not after ten minutes");
    assert_eq!((relays.load()[0].busy, relays.load()[0].idle), (0, 0));
}

async fn a_relay_that_hangs_at_rset_costs_only_its_connection() {
    let relay = relay().await;
    let relays = relays(&relay);
    relay.next(Phase::Rcpt, Step::reply(550, "5.1.1 no such user"));
    relay.next(Phase::Rset, Step::hang());
    assert_label(&send(&relays, 1).await, "permanent", "refused");
    assert_label(&send(&relays, 2).await, "done", "the next");
    assert_eq!(relay.connections_seen(), 2);
}
