//! Pause, resume and cancel at every level, judged by what the relay took.

use serde_json::Value;
use testkit::{relay::Phase, wait::wait_for};

use crate::fleet::{Fleet, PATIENCE, Size};

/// Two partners in mid-campaign, and the arguments that name a level.
async fn in_mid_campaign() -> Fleet {
    let size = Size { partners: 2, contacts: 200, hands: 4, ..Size::default() };
    let mut fleet = Fleet::set_up(size).await;
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_accepted(20).await;
    fleet
}

/// What the relay took for the contacts of a partner.
fn taken(fleet: &Fleet, partner: usize) -> usize {
    let domain = format!("@customer{partner}.example");
    let accepted = fleet.relay.accepted();
    accepted.iter().filter(|taken| taken.rcpt[0].ends_with(&domain)).count()
}

fn command<'a>(verb: &'a str, level: &[&'a str]) -> Vec<&'a str> {
    [&[verb], level].concat()
}

/// Pauses with messages held on the wire. What the relay has seen the content of may end; nothing else starts until the
/// resume, then all goes, each once.
async fn paused_and_resumed(level: &[&str], goes_on: bool) {
    let fleet = in_mid_campaign().await;
    fleet.relay.hold(Phase::Dot);
    fleet.relay.wait_until_holding(1).await;
    let said = fleet.ok(&command("pause", level));
    assert_eq!((&said["changed"], &said["belt"]), (&Value::from(true), &Value::from("told")));
    let at_answer = taken(&fleet, 0);
    fleet.relay.release();
    // The other partner's mail ends, or everything that was queued is back in the book.
    if goes_on {
        fleet.relay.wait_until("the other partner's mail", |_| taken(&fleet, 1) == 200).await;
    } else {
        wait_for("the rest to be back in the book", PATIENCE, || async {
            (fleet.counts().await.queued == 0).then_some(())
        })
        .await;
    }
    let more = taken(&fleet, 0) - at_answer;
    assert!(more <= fleet.size.hands, "{more} more after the answer");
    assert!(taken(&fleet, 0) < 200, "paused in mid-campaign");
    let status = fleet.ok(&["status"]);
    assert_eq!(status["paused"].as_array().expect("a list").len(), 1, "{status}");
    fleet.ok(&command("resume", level));
    fleet.wait_until_sent(400).await;
    assert_eq!(fleet.doubles().await, 0);
    fleet.assert_nothing_lost().await;
}

#[tokio::test]
async fn a_partner_is_paused_and_the_other_goes_on() {
    paused_and_resumed(&["--partner", "p0"], true).await;
}

#[tokio::test]
async fn a_package_is_paused() {
    paused_and_resumed(&["--package", "product-launch"], false).await;
}

#[tokio::test]
async fn a_version_is_paused() {
    paused_and_resumed(&["--package", "product-launch", "--version", "1"], false).await;
}

#[tokio::test]
async fn a_vendor_is_paused() {
    paused_and_resumed(&["--vendor", "Northwind Secure"], false).await;
}

#[tokio::test]
async fn everything_is_paused() {
    paused_and_resumed(&["--all"], false).await;
}

/// The belt's memory is lost while a partner is paused and Redis was away: the pause binds again with the next epoch.
#[tokio::test]
async fn a_pause_binds_again_when_redis_was_emptied() {
    let mut fleet = in_mid_campaign().await;
    fleet.redis.stop();
    let said = fleet.ok(&["pause", "--partner", "p0"]);
    assert_eq!(said["belt"], "before_anything_is_sent");
    let at_answer = taken(&fleet, 0);
    fleet.redis.restart();
    fleet.redis.flushall();
    fleet.relay.wait_until("the other partner's mail", |_| taken(&fleet, 1) == 200).await;
    let more = taken(&fleet, 0) - at_answer;
    assert!(more <= fleet.size.hands, "{more} more after the answer");
    fleet.ok(&["resume", "--partner", "p0"]);
    fleet.wait_until_sent(400).await;
    assert_eq!(fleet.doubles().await, 0);
}

/// A cancelled partner's sends end, with what was on the wire as sent; the other's go on, and so does a new launch.
#[tokio::test]
async fn a_partner_is_cancelled() {
    let fleet = in_mid_campaign().await;
    let said = fleet.ok(&["cancel", "--partner", "p0"]);
    assert_eq!(said["activations"], 1, "{said}");
    fleet.relay.wait_until("the other partner's mail", |_| taken(&fleet, 1) == 200).await;
    let counts = wait_for("every send to be heard of", PATIENCE, || async {
        let counts = fleet.counts().await;
        (counts.sent == fleet.relay.accepted().len() as i64).then_some(counts)
    })
    .await;
    assert_eq!(counts.cancelled, 600 - taken(&fleet, 0) as i64, "{counts:?}");
    assert_eq!(counts.total(), 1_200, "{counts:?}");
    let before = taken(&fleet, 0);
    let again = ["launch", "--package", "product-launch", "--partner", "p0", "--again"];
    fleet.ok(&again);
    fleet.relay.wait_until("the new launch", |_| taken(&fleet, 0) == before + 200).await;
}
