//! Workers are killed, frozen, told to go, and die over one message.

use std::time::Duration;

use testkit::{
    relay::{Phase, Seen, Step},
    wait::wait_for,
};
use tokio::time::sleep;

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{PATIENCE, Shape, Stage, Worker},
};

/// Kills one worker after the other, at moments of the seed's choice; each is replaced at once.
async fn kill_some(plan: Plan, hold: bool) -> Stage {
    let kills = plan.pick(3, 6);
    let shape = Shape { contacts: plan.pick(600, 1_000), hold, ..Shape::default() };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    for kill in 1..=kills {
        stage.wait_for_share(0.8 * kill as f64 / (kills + 1) as f64).await;
        stage.a_moment(Duration::from_millis(100)).await;
        let worker = stage.any_worker();
        stage.kill_worker(worker);
        stage.start_worker();
    }
    stage.settle().await;
    stage
}

pub async fn killed(plan: Plan) -> Stage {
    kill_some(plan, false).await
}

/// The same where nobody may get two: what nobody knows of is set aside, and the judge counts it.
pub async fn killed_under_hold(plan: Plan) -> Stage {
    kill_some(plan, true).await
}

/// Stopped for longer than a lease with messages on the wire, then let go on.
pub async fn frozen(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(800, 1_500), ..Shape::default() };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    stage.wait_for_share(0.2).await;
    stage.a_moment(Duration::from_millis(100)).await;
    let worker = stage.any_worker();
    let place = stage.workers[worker].place;
    stage.note_worker("SIGSTOP worker", worker);
    stage.fleet.signal(place, "STOP");
    // Six seconds are death; the time it is frozen is what is tried here.
    sleep(Duration::from_secs(9)).await;
    stage.fleet.signal(place, "CONT");
    stage.settle().await;
    stage
}

/// Whoever comes to this person's message dies there.
const POISON: &str = "person7@customer0.example";

/// Three workers die over one message, which is then set aside; nothing else is, whatever they held beside it.
pub async fn poisoned(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(600, 1_000), ..Shape::default() };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    stage.expect_ends("held/set_aside", 1);
    let is_poison = |seen: &Seen| (seen.rcpt == POISON).then(Step::hang);
    stage.fleet.relay.decide(Phase::Data, is_poison);
    for death in 1..=3 {
        let client = wait_for("a worker to come to the poison", PATIENCE, || async {
            let begun = stage.fleet.relay.begun();
            begun.iter().filter(|it| it.rcpt == POISON).nth(death - 1).map(|it| it.client.clone())
        })
        .await;
        let holds = |worker: &Worker| !worker.gone && worker.client == client;
        let worker = stage.workers.iter().position(holds).expect("one that lives came to it");
        stage.kill_worker(worker);
        stage.start_worker();
    }
    stage.settle().await;
    stage
}

/// Each worker is told to go with traffic on its connections, and another takes its place.
pub async fn rolling_restart(plan: Plan) -> Stage {
    let restarts = plan.pick(4, 20);
    let shape = Shape { contacts: plan.pick(600, 2_000), ..Shape::default() };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    for restart in 1..=restarts {
        stage.wait_for_share(0.9 * restart as f64 / (restarts + 1) as f64).await;
        stage.a_moment(Duration::from_millis(50)).await;
        let worker = stage.any_worker();
        let place = stage.workers[worker].place;
        stage.start_worker();
        stage.note("SIGTERM worker", 0, Recovery::Silence);
        let began = tokio::time::Instant::now();
        stage.fleet.signal(place, "TERM");
        let code = stage.fleet.ended(place).await;
        stage.workers[worker].gone = true;
        let took = began.elapsed().as_secs_f64();
        stage.check("exit code after SIGTERM", f64::from(code.unwrap_or(-1)), 0.0, 0.0);
        stage.check("seconds from SIGTERM to the end, with a relay that answers", took, 0.0, 10.0);
    }
    stage.settle().await;
    stage
}
