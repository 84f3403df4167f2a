//! Redis is killed, loses its last second, is emptied, dies together with the workers, and fails over.

use std::{collections::HashSet, time::Duration};

use testkit::{TestSentinels, redis::Fsync};
use tokio::{task::block_in_place, time::sleep};

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{Shape, Stage},
};

fn shape(plan: &Plan, fsync: Fsync) -> Shape {
    Shape { contacts: plan.pick(700, 1_200), fsync, ..Shape::default() }
}

/// Does something to Redis at moments of the seed's choice, while all workers live: nothing may be doubled.
async fn while_workers_live(
    plan: Plan,
    fsync: Fsync,
    what: &str,
    does: impl AsyncFn(&mut Stage),
) -> Stage {
    let times = plan.pick(2, 3);
    let shape = shape(&plan, fsync);
    let mut stage = Stage::in_full_swing(plan, shape).await;
    for time in 1..=times {
        stage.wait_for_share(0.7 * time as f64 / (times + 1) as f64).await;
        stage.a_moment(Duration::from_millis(200)).await;
        stage.note(what, 0, Recovery::Silence);
        does(&mut stage).await;
    }
    stage.settle().await;
    stage
}

pub async fn killed_always(plan: Plan) -> Stage {
    while_workers_live(plan, Fsync::Always, "kill -9 Redis", async |stage| {
        stage.fleet.redis.stop();
        stage.a_moment(Duration::from_millis(1_500)).await;
        stage.fleet.redis.restart();
    })
    .await
}

/// What a power cut does under `everysec`: the file is cut to what it was a second before.
pub async fn killed_everysec(plan: Plan) -> Stage {
    while_workers_live(
        plan,
        Fsync::EverySecond,
        "kill -9 Redis, the last second of its file lost",
        async |stage| {
            lose_the_last_second(stage).await;
        },
    )
    .await
}

/// Kills Redis and takes its file back by a second.
pub async fn lose_the_last_second(stage: &mut Stage) {
    let bytes = stage.fleet.redis.append_only_bytes();
    sleep(Duration::from_secs(1)).await;
    stage.fleet.redis.stop();
    stage.fleet.redis.cut_append_only(bytes);
    stage.fleet.redis.restart();
}

pub async fn emptied(plan: Plan) -> Stage {
    while_workers_live(plan, Fsync::EverySecond, "FLUSHALL", async |stage| {
        stage.fleet.redis.flushall();
    })
    .await
}

/// How many messages the relay took that the book does not call sent yet.
pub async fn unrecorded(stage: &Stage) -> usize {
    let accepted: HashSet<String> =
        stage.fleet.relay.accepted().into_iter().map(|taken| taken.message_id).collect();
    let sent = usize::try_from(stage.fleet.counts().await.sent).unwrap_or(0);
    accepted.len().saturating_sub(sent)
}

/// Nobody is left who knows what was not recorded: that, and what is on the wire, may be doubled, and no more.
pub async fn killed_with_the_workers(plan: Plan) -> Stage {
    let shape = shape(&plan, Fsync::EverySecond);
    let mut stage = Stage::in_full_swing(plan, shape).await;
    stage.wait_for_share(0.4).await;
    stage.a_moment(Duration::from_millis(200)).await;
    let bytes = stage.fleet.redis.append_only_bytes();
    sleep(Duration::from_millis(500)).await;
    for worker in 0..stage.workers.len() {
        stage.kill_worker(worker);
    }
    stage.fleet.redis.stop();
    let unrecorded = unrecorded(&stage).await;
    stage.note("kill -9 Redis, its file cut, with all workers dead", unrecorded, Recovery::Silence);
    stage.fleet.redis.cut_append_only(bytes);
    stage.fleet.redis.restart();
    stage.start_worker();
    stage.start_worker();
    stage.settle().await;
    stage
}

/// A campaign whose belt is the primary of three Sentinels, with one replica. What the old primary had not told the
/// replica is gone, and yet nothing may be doubled: the workers live, and know what they did.
async fn with_sentinels(plan: Plan, does: impl AsyncFn(&mut Stage, &mut TestSentinels)) -> Stage {
    let times = plan.pick(1, 3);
    // The relays of all runs live in this process: waiting must not keep them from answering.
    let mut sentinels = block_in_place(TestSentinels::start);
    let mut shape = shape(&plan, Fsync::EverySecond);
    shape.settings.push(("THROUGHLINE__REDIS__URL", sentinels.url()));
    let mut stage = Stage::in_full_swing(plan, shape).await;
    for time in 1..=times {
        stage.wait_for_share(0.7 * time as f64 / (times + 1) as f64).await;
        stage.a_moment(Duration::from_millis(200)).await;
        does(&mut stage, &mut sentinels).await;
    }
    stage.settle().await;
    stage.keep(sentinels);
    stage
}

/// The primary dies, and comes back as the replica of the one that took its place.
pub async fn failed_over(plan: Plan) -> Stage {
    with_sentinels(plan, async |stage, sentinels| {
        let primary = block_in_place(|| sentinels.primary());
        stage.note("kill -9 Redis, the primary of three Sentinels", 0, Recovery::Silence);
        block_in_place(|| {
            sentinels.kill(primary);
            sentinels.wait_for_failover_from(primary);
            sentinels.start_again_as_replica(primary);
        });
    })
    .await
}

/// The primary freezes until another has its place, and goes on as if nothing had been, until it is told.
pub async fn frozen_and_failed_over(plan: Plan) -> Stage {
    with_sentinels(plan, async |stage, sentinels| {
        let primary = block_in_place(|| sentinels.primary());
        stage.note("SIGSTOP Redis, the primary of three Sentinels", 0, Recovery::Silence);
        block_in_place(|| {
            sentinels.pause(primary);
            sentinels.wait_for_failover_from(primary);
            sentinels.resume(primary);
            sentinels.wait_for_replica(primary);
        });
    })
    .await
}
