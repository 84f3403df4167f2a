//! The relay goes away and comes back: sends wait, nobody fails, nobody gets it twice.

use testkit::{ScriptedRelay, wait::wait_for};

use crate::fleet::{Fleet, PATIENCE, Size};

#[tokio::test]
async fn sends_wait_and_go_on() {
    let mut fleet = Fleet::set_up(Size { contacts: 60, ..Size::default() }).await;
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_accepted(30).await;
    let address = fleet.relay.address();
    fleet.relay.stop().await;
    let before = fleet.relay.accepted();
    wait_for("the worker to meet the closed relay", PATIENCE, || async {
        let waiting = fleet.counts().await;
        (waiting.sent < fleet.first_step_sends() as i64 && waiting.failed == 0).then_some(())
    })
    .await;

    let relay = ScriptedRelay::builder().address(&address).start().await;
    // A dialogue that broke off is deferred by about a minute of campaign time.
    fleet.bring_forward(1).await;
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    let mut ids: Vec<String> =
        before.into_iter().chain(relay.accepted()).map(|taken| taken.message_id).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "a message was accepted twice");
    assert_eq!(ids.len(), fleet.first_step_sends());
    assert_eq!(fleet.counts().await.failed, 0);
}
