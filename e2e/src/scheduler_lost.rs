//! A scheduler is killed in mid-expansion; two run at once.

use testkit::wait::wait_for;

use crate::fleet::{Engine, Fleet, PATIENCE, Size};

#[tokio::test]
async fn killed_in_mid_expansion() {
    // Small chunks make the expansion long enough to be met in the middle.
    let settings = vec![("THROUGHLINE__SCHEDULER__EXPAND_CHUNK", "10".to_owned())];
    let size = Size { partners: 4, contacts: 400, settings, ..Size::default() };
    let mut fleet = Fleet::set_up(size).await;
    fleet.start("worker");
    fleet.launch();
    let doomed = fleet.start("scheduler");
    let all = (fleet.first_step_sends() * 3) as i64;
    wait_for("the expansion to have begun", PATIENCE, || async {
        (fleet.counts().await.total() > 0).then_some(())
    })
    .await;
    fleet.signal(doomed, "KILL");
    let done = fleet.counts().await.total();
    assert!(done < all, "the expansion was over before the kill: {done} of {all}");
    fleet.start("scheduler");
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    assert_eq!(fleet.doubles().await, 0);
    fleet.assert_nothing_lost().await;
}

async fn two_at_once(engine: Engine) {
    let mut fleet =
        Fleet::set_up(Size { partners: 4, contacts: 150, engine, ..Size::default() }).await;
    let first = fleet.start("scheduler");
    let second = fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.relay.wait_until_accepted(100).await;
    let leads = |fleet: &Fleet, place| fleet.log(place).contains("lease.number");
    let leader = if leads(&fleet, first) { first } else { second };
    fleet.signal(leader, "KILL");
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    assert_eq!(fleet.doubles().await, 0);
    fleet.assert_nothing_lost().await;
}

#[tokio::test]
async fn two_at_once_and_the_leader_dies() {
    two_at_once(Engine::Sqlite).await;
}

#[tokio::test]
async fn two_at_once_and_the_leader_dies_on_postgres() {
    two_at_once(Engine::Postgres).await;
}
