//! Schedulers are killed and frozen; two run, and both think they lead.

use std::time::Duration;

use testkit::wait::wait_for;
use tokio::time::{Instant, sleep};

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{PATIENCE, Shape, Stage},
};

/// A belt that runs dry in a moment, so that the relay sees when no scheduler is there.
fn small_window() -> Shape {
    Shape { window: 100, ..Shape::default() }
}

/// Killed again and again while it writes sends; the next goes on where it was.
pub async fn killed_in_mid_expansion(plan: Plan) -> Stage {
    let kills = plan.pick(2, 4);
    let contacts = plan.pick(500, 1_500);
    let mut shape = Shape { contacts, ..small_window() };
    // Small pieces make the expansion long enough to be met in the middle.
    shape.settings.push(("THROUGHLINE__SCHEDULER__EXPAND_CHUNK", "1".to_owned()));
    let mut stage = Stage::set_up(plan, shape).await;
    stage.start_worker();
    stage.start_worker();
    stage.fleet.launch();
    let mut met_in_the_middle = 0;
    for _ in 0..kills {
        let scheduler = stage.start_scheduler();
        let before = stage.fleet.counts().await.total();
        wait_for("the expansion to go on", PATIENCE, || async {
            let written = stage.fleet.counts().await.total();
            (written > before || written == stage.persons() as i64).then_some(())
        })
        .await;
        stage.a_moment(Duration::from_millis(50)).await;
        stage.kill_scheduler(scheduler);
        met_in_the_middle += i32::from(stage.fleet.counts().await.total() < stage.persons() as i64);
    }
    stage.check("kills in mid-expansion", f64::from(met_in_the_middle), 1.0, kills.into());
    stage.start_scheduler();
    stage.settle().await;
    stage
}

/// The scheduler that leads, once one does.
async fn leader(stage: &Stage) -> usize {
    wait_for("a scheduler to lead", PATIENCE, || async {
        let mut leading = stage.schedulers.iter().enumerate().filter(|(_, scheduler)| {
            let log = stage.fleet.log(scheduler.place);
            let last =
                log.lines().rfind(|line| line.contains(" leads") || line.contains("does not lead"));
            !scheduler.gone && last.is_some_and(|line| line.contains("lease.number"))
        });
        leading.next().map(|(n, _)| n)
    })
    .await
}

/// The leader is killed, and the other takes over. How long the relay hears nothing is how long that takes.
pub async fn two_and_the_leader_dies(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(600, 1_500), ..small_window() };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    stage.start_scheduler();
    for share in [0.2, 0.6] {
        stage.wait_for_share(share).await;
        stage.a_moment(Duration::from_millis(500)).await;
        let leads = leader(&stage).await;
        stage.kill_scheduler(leads);
        stage.start_scheduler();
    }
    stage.settle().await;
    stage
}

/// The leader is frozen for longer than its lease, another takes over, and the first goes on where it was: in
/// the middle of whatever it did.
pub async fn split_brain(plan: Plan) -> Stage {
    let times: i32 = plan.pick(2, 4);
    let shape = Shape {
        contacts: plan.pick(900, 2_000),
        settings: vec![
            ("THROUGHLINE__SCHEDULER__LEASE_TIME", "1s".to_owned()),
            ("THROUGHLINE__SCHEDULER__EXPAND_CHUNK", "10".to_owned()),
        ],
        ..small_window()
    };
    let mut stage = Stage::set_up(plan, shape).await;
    let mut both = [stage.start_scheduler(), stage.start_scheduler()];
    stage.start_worker();
    stage.start_worker();
    stage.fleet.launch();
    let mut taken_over = 0;
    for time in 0..times {
        stage.wait_for_share(0.7 * f64::from(time) / f64::from(times)).await;
        while stage.unsent() > 0 {
            let leads = leader_of(&stage, both).await;
            let other = both.into_iter().find(|n| *n != leads).expect("there are two");
            let (frozen, next) = (stage.schedulers[leads].place, stage.schedulers[other].place);
            let led = leads_taken(&stage, next);
            stage.a_moment(Duration::from_millis(300)).await;
            stage.note("SIGSTOP the scheduler that leads", 0, Recovery::Silence);
            stage.fleet.signal(frozen, "STOP");
            let deadline = Instant::now() + Duration::from_secs(4);
            while leads_taken(&stage, next) == led && Instant::now() < deadline {
                sleep(Duration::from_millis(20)).await;
            }
            let other_leads = leads_taken(&stage, next) > led;
            stage.fleet.signal(frozen, "CONT");
            if other_leads {
                taken_over += 1;
                both = [other, leads];
                break;
            }
            // It was stopped with the book's only write lock in its hand, and nobody could take over: again.
        }
    }
    stage.check(
        "frozen schedulers whose lead another took",
        f64::from(taken_over),
        times.into(),
        times.into(),
    );
    stage.settle().await;
    stage
}

/// How often a scheduler has said that it leads.
fn leads_taken(stage: &Stage, place: usize) -> usize {
    stage.fleet.log(place).lines().filter(|line| line.contains("lease.number")).count()
}

/// Which of the two leads: the one whose lease has the higher number.
async fn leader_of(stage: &Stage, both: [usize; 2]) -> usize {
    wait_for("one of two schedulers to lead", PATIENCE, || async {
        let number = |n: usize| {
            let log = stage.fleet.log(stage.schedulers[n].place);
            let line = log.lines().rfind(|line| line.contains("lease.number"))?.to_owned();
            let (_, rest) = line.split_once("lease.number")?;
            let digits: String = rest
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse::<u64>().ok()
        };
        let (first, second) = (number(both[0]), number(both[1]));
        first.max(second).map(|most| if first == Some(most) { both[0] } else { both[1] })
    })
    .await
}

/// Nobody records for a minute while the workers go on; then all of it is recorded at once.
pub async fn recorder_stopped(plan: Plan) -> Stage {
    let stopped = plan.pick(Duration::from_secs(12), Duration::from_secs(60));
    let contacts = plan.pick(1_000, 4_000);
    let pace = plan.pick(Duration::from_millis(8), Duration::from_millis(12));
    let shape = Shape { contacts, pace, window: 20_000, ..Shape::default() };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    let persons = stage.persons() as i64;
    wait_for("everything to be on the belt", PATIENCE, || async {
        let counts = stage.fleet.counts().await;
        (counts.total() == persons && counts.due == 0).then_some(())
    })
    .await;
    let place = stage.schedulers[0].place;
    let before = stage.fleet.relay.accepted_count();
    stage.note("SIGSTOP scheduler", 0, Recovery::Silence);
    stage.fleet.signal(place, "STOP");
    sleep(stopped).await;
    let meanwhile = stage.fleet.relay.accepted_count() - before;
    stage.fleet.signal(place, "CONT");
    stage.check("messages sent while nobody recorded", meanwhile as f64, 500.0, persons as f64);
    stage.settle().await;
    stage
}
