//! Redis is killed, emptied or away in mid-campaign: nothing lost, nothing doubled while the workers live.

use std::time::Duration;

use testkit::relay::Phase;

use crate::fleet::{Fleet, Size};

async fn in_mid_campaign(size: Size) -> Fleet {
    let mut fleet = Fleet::set_up(size).await;
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_accepted(fleet.first_step_sends() / 4).await;
    fleet
}

fn many() -> Size {
    Size { partners: 4, contacts: 150, ..Size::default() }
}

#[tokio::test]
async fn killed_and_restarted() {
    let mut fleet = in_mid_campaign(many()).await;
    fleet.redis.kill_and_restart();
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    assert_eq!(fleet.doubles().await, 0);
    fleet.assert_nothing_lost().await;
}

#[tokio::test]
async fn emptied() {
    let fleet = in_mid_campaign(many()).await;
    fleet.redis.flushall();
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    assert_eq!(fleet.doubles().await, 0);
    fleet.assert_nothing_lost().await;
}

/// Fifty messages are on the wire, their final dots unanswered, while Redis is gone for five seconds.
#[tokio::test]
async fn gone_for_five_seconds_with_fifty_on_the_wire() {
    let size = Size { partners: 5, contacts: 40, hands: 25, ..Size::default() };
    let mut fleet = Fleet::set_up(size).await;
    fleet.relay.hold(Phase::Dot);
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_holding(50).await;
    fleet.redis.stop();
    fleet.relay.release();
    // The time Redis is away is what is tested here, not something waited for.
    tokio::time::sleep(Duration::from_secs(5)).await;
    fleet.redis.restart();
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    assert_eq!(fleet.doubles().await, 0);
    fleet.assert_nothing_lost().await;
}
