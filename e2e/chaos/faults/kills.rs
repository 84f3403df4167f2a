//! Whatever there is is killed at random moments, again and again, for as long as a campaign lasts.

use std::time::Duration;

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{Shape, Stage},
};

/// Two schedulers, two workers and Redis; one of them dies whenever mail goes out, and is started again at once.
pub async fn at_random(plan: Plan) -> Stage {
    let kills = plan.pick(12, 60);
    let shape = Shape {
        contacts: plan.pick(1_500, 6_000),
        pace: plan.pick(Duration::from_millis(8), Duration::from_millis(12)),
        ..Shape::default()
    };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    stage.start_scheduler();
    stage.wait_for_share(0.02).await;
    let mut done = 0;
    while done < kills && stage.unsent() > 0 {
        // Whatever was killed before is over when messages go out again; who kills sooner kills an idle fleet.
        stage.wait_for_more(50).await;
        stage.a_moment(Duration::from_millis(500)).await;
        // Redis and schedulers hold all of the work up, so workers die most often.
        match stage.plan.random.below(10) {
            0 | 1 => {
                stage.note("kill -9 Redis", 0, Recovery::Silence);
                stage.fleet.redis.kill_and_restart();
            }
            2 | 3 => {
                let scheduler = stage.any_scheduler();
                stage.kill_scheduler(scheduler);
                stage.start_scheduler();
            }
            _ => {
                let worker = stage.any_worker();
                stage.kill_worker(worker);
                stage.start_worker();
            }
        }
        done += 1;
        eprint_progress(&stage, done, kills);
    }
    stage.check("kills while the campaign lasted", done as f64, kills as f64, kills as f64);
    stage.settle().await;
    stage
}

/// A long run says now and then that it lives.
fn eprint_progress(stage: &Stage, done: usize, kills: usize) {
    if done.is_multiple_of(20) {
        let taken = stage.persons() - stage.unsent();
        eprintln!(
            "{}: {done} of {kills} kills, {taken} of {} messages taken",
            stage.plan.name(),
            stage.persons()
        );
    }
}
