//! SIGTERM drains; pause and cancel stop; an unsubscribe is honoured.

use testkit::{relay::Phase, wait::wait_for};

use crate::fleet::{Fleet, PATIENCE, Size};

/// A worker told to stop finishes what is on the wire, gives the rest back, and ends with 0.
#[tokio::test]
async fn sigterm_drains_a_worker() {
    let mut fleet = Fleet::set_up(Size { contacts: 100, ..Size::default() }).await;
    fleet.start("scheduler");
    let first = fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_accepted(20).await;
    fleet.relay.hold(Phase::Dot);
    fleet.relay.wait_until_holding(1).await;
    fleet.signal(first, "TERM");
    // Who drains lives and is not ready: nobody kills it, nobody sends work its way.
    let health = fleet.health(first).await;
    let status = async |path: &str| {
        let answer = reqwest::get(format!("{health}{path}")).await.expect("it still answers");
        answer.status().as_u16()
    };
    wait_for("the worker to drain", PATIENCE, || async {
        (status("/readyz").await == 503).then_some(())
    })
    .await;
    assert_eq!(status("/healthz").await, 200);
    fleet.relay.release();
    assert_eq!(fleet.ended(first).await, Some(0), "{}", fleet.log(first));
    fleet.start("worker");
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    assert_eq!(fleet.doubles().await, 0);
}

#[tokio::test]
async fn nothing_starts_after_a_pause_was_answered_and_all_goes_on_after_resume() {
    let mut fleet = Fleet::set_up(Size { partners: 1, contacts: 400, ..Size::default() }).await;
    fleet.start("scheduler");
    fleet.start("worker");
    let launched = fleet.launch();
    let activation = launched["activations"][0]["activation"].as_str().expect("an id").to_owned();
    fleet.relay.wait_until_accepted(20).await;
    fleet.ok(&["pause", &activation]);
    // What was marked before the answer may still end.
    let at_pause = fleet.relay.accepted().len();
    wait_for("the rest to be back in the book", PATIENCE, || async {
        (fleet.counts().await.queued == 0).then_some(())
    })
    .await;
    let after = fleet.relay.accepted().len();
    assert!(after - at_pause <= fleet.size.hands, "{} more after the answer", after - at_pause);
    assert!(after < 400, "paused in mid-campaign");
    fleet.ok(&["resume", &activation]);
    fleet.wait_until_sent(400).await;
    assert_eq!(fleet.doubles().await, 0);
}

/// A recall reaches every partner's activation: what is on the wire may end, nothing starts after the answer.
#[tokio::test]
async fn nothing_starts_after_a_recall_was_answered() {
    let mut fleet = Fleet::set_up(Size { contacts: 200, ..Size::default() }).await;
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_accepted(20).await;
    fleet.relay.hold(Phase::Dot);
    fleet.relay.wait_until_holding(1).await;
    // What was not written when it is recalled is never written: all is, so that all can be counted.
    wait_for("the audience to be written", PATIENCE, || async {
        (fleet.counts().await.total() == 600 * 3).then_some(())
    })
    .await;
    let recalled = fleet.ok(&["package", "recall", "product-launch@1"]);
    let begun = fleet.relay.accepted().len() + fleet.size.hands;
    fleet.relay.release();
    let counts = wait_for("every send to have ended", PATIENCE, || async {
        let counts = fleet.counts().await;
        let all_heard = counts.sent == fleet.relay.accepted().len() as i64;
        (counts.open() == 0 && all_heard).then_some(counts)
    })
    .await;
    assert!(counts.sent as usize <= begun, "{} sent, {begun} had begun", counts.sent);
    assert_eq!(counts.sent + counts.cancelled, 600 * 3, "{counts:?}");
    assert_eq!(recalled["activations"], 3);
    let said = |what: &str| recalled[what].as_i64().expect("a number");
    // What was on the wire counts as stopped when it was answered, and as sent when it got through.
    let on_the_wire = counts.sent - said("already_out");
    assert!((0..=fleet.size.hands as i64).contains(&on_the_wire), "{recalled} {counts:?}");
    assert_eq!(said("stopped") + said("already_out"), 600 * 3, "{recalled}");
    let again = fleet.run(&["launch", "--package", "product-launch", "--all-eligible"]);
    assert!(!again.status.success(), "a recalled version is launched by nobody");
    assert_eq!(fleet.doubles().await, 0);
}

#[tokio::test]
async fn a_cancelled_activation_ends_and_adds_up() {
    let mut fleet = Fleet::set_up(Size { partners: 1, contacts: 300, ..Size::default() }).await;
    fleet.start("scheduler");
    fleet.start("worker");
    let launched = fleet.launch();
    let activation = launched["activations"][0]["activation"].as_str().expect("an id").to_owned();
    fleet.relay.wait_until_accepted(20).await;
    fleet.ok(&["cancel", &activation]);
    // What was on the wire when the answer came is sent, and the book hears of it.
    let counts = wait_for("every send to have ended", PATIENCE, || async {
        let counts = fleet.counts().await;
        let all_heard = counts.sent == fleet.relay.accepted().len() as i64;
        (counts.open() == 0 && all_heard).then_some(counts)
    })
    .await;
    assert_eq!(counts.sent + counts.cancelled, 900, "{counts:?}");
    assert_eq!(fleet.doubles().await, 0);
}
