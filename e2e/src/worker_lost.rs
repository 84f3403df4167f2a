//! A worker is killed or frozen: another takes over, and doubles at most one message per open connection.

use testkit::{relay::Phase, wait::wait_for};

use crate::fleet::{Fleet, PATIENCE, Size};

fn size() -> Size {
    Size { partners: 4, contacts: 100, hands: 5, ..Size::default() }
}

#[tokio::test]
async fn killed() {
    let mut fleet = Fleet::set_up(size()).await;
    fleet.start("scheduler");
    let doomed = fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_accepted(50).await;
    let connections = fleet.relay.open_connections();
    fleet.signal(doomed, "KILL");
    fleet.start("worker");
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    let doubles = fleet.doubles().await;
    assert!(doubles <= connections, "{doubles} doubles, {connections} connections");
    fleet.assert_nothing_lost().await;
}

/// Frozen past its lease, with marked jobs on the wire, then thawed: what it held is done by another,
/// and it notices that it was given up.
#[tokio::test]
async fn frozen_and_thawed() {
    let mut fleet = Fleet::set_up(size()).await;
    fleet.start("scheduler");
    let frozen = fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_accepted(50).await;
    let connections = fleet.relay.open_connections();
    fleet.signal(frozen, "STOP");
    let sent_when_frozen = fleet.counts().await.sent;
    fleet.start("worker");
    wait_for("another worker to take over", PATIENCE, || async {
        let sent = fleet.counts().await.sent;
        (sent >= sent_when_frozen + 100).then_some(())
    })
    .await;
    fleet.signal(frozen, "CONT");
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    let doubles = fleet.doubles().await;
    assert!(doubles <= connections, "{doubles} doubles, {connections} connections");
    fleet.assert_nothing_lost().await;
}

/// What a killed worker had claimed and not begun goes out within ten seconds, each once.
#[tokio::test]
async fn its_unmarked_jobs_are_done_by_another() {
    let mut fleet =
        Fleet::set_up(Size { partners: 1, contacts: 10, hands: 10, ..Size::default() }).await;
    fleet.relay.hold(Phase::Mail);
    fleet.start("scheduler");
    let doomed = fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_holding(10).await;
    fleet.signal(doomed, "KILL");
    fleet.relay.release();
    let killed = tokio::time::Instant::now();
    fleet.start("worker");
    fleet.wait_until_sent(10).await;
    assert!(killed.elapsed().as_secs() <= 15, "taken over after {:?}", killed.elapsed());
    assert_eq!(fleet.doubles().await, 0, "nothing was marked, so nothing may be doubled");
}
