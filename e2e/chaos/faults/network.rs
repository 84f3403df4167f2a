//! The network between workers and Redis is cut, half open, or loses single answers.

use std::time::Duration;

use testkit::{
    Proxy,
    proxy::{Link, Upstream},
    wait::wait_for,
};
use tokio::time::sleep;

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{PATIENCE, Shape, Stage},
};

/// A campaign whose workers reach Redis through a proxy each.
async fn with_proxies(plan: Plan, contacts: usize) -> (Stage, Vec<Proxy>) {
    let mut stage = Stage::set_up(plan, Shape { contacts, ..Shape::default() }).await;
    stage.start_scheduler();
    let mut proxies = Vec::new();
    for _ in 0..2 {
        let proxy = Proxy::start(Upstream::Unix(stage.fleet.redis.socket())).await;
        let url = format!("redis://{}", proxy.address());
        stage.start_worker_with(&[("THROUGHLINE__REDIS__URL", url)]);
        proxies.push(proxy);
    }
    stage.fleet.launch();
    (stage, proxies)
}

/// Shorter than a lease: what is on the wire ends, is told later, and nobody else was given it.
pub async fn cut_short(plan: Plan) -> Stage {
    let contacts = plan.pick(600, 1_200);
    let (mut stage, proxies) = with_proxies(plan, contacts).await;
    for share in [0.2, 0.5] {
        stage.wait_for_share(share).await;
        stage.a_moment(Duration::from_millis(100)).await;
        stage.note("workers cut off from Redis", 0, Recovery::Silence);
        proxies.iter().for_each(|proxy| proxy.set(Link::Cut));
        sleep(Duration::from_secs(3)).await;
        proxies.iter().for_each(|proxy| proxy.set(Link::Whole));
    }
    stage.settle().await;
    stage.keep(proxies);
    stage
}

/// Longer than a lease: to the belt it is a dead worker, so what it has on the wire may be doubled.
pub async fn cut_long(plan: Plan) -> Stage {
    let contacts = plan.pick(800, 1_500);
    let (mut stage, proxies) = with_proxies(plan, contacts).await;
    stage.wait_for_share(0.3).await;
    stage.a_moment(Duration::from_millis(100)).await;
    stage.note_worker("worker cut off from Redis", 0);
    proxies[0].set(Link::Stalled);
    sleep(Duration::from_secs(9)).await;
    proxies[0].set(Link::Whole);
    stage.settle().await;
    stage.keep(proxies);
    stage
}

/// What the workers say arrives and nothing comes back.
pub async fn half_open(plan: Plan) -> Stage {
    let contacts = plan.pick(600, 1_200);
    let (mut stage, proxies) = with_proxies(plan, contacts).await;
    for share in [0.2, 0.5] {
        stage.wait_for_share(share).await;
        stage.a_moment(Duration::from_millis(100)).await;
        stage.note("Redis's answers to workers lost", 0, Recovery::Silence);
        proxies.iter().for_each(|proxy| proxy.set(Link::HalfOpen));
        sleep(Duration::from_secs(4)).await;
        proxies.iter().for_each(|proxy| proxy.set(Link::Whole));
    }
    stage.settle().await;
    stage.keep(proxies);
    stage
}

/// A call of the claim script: four arguments behind the key, and not a mark.
fn is_claim(request: &[u8]) -> bool {
    let has = |what: &[u8]| request.windows(what.len()).any(|part| part == what);
    has(b"*8\r\n$7\r\nEVALSHA") && !has(b"\r\n$1\r\nm\r\n")
}

/// Claims are carried out, and whoever claimed does not hear of it.
pub async fn lost_claim_replies(plan: Plan) -> Stage {
    let contacts = plan.pick(600, 1_200);
    let (mut stage, proxies) = with_proxies(plan, contacts).await;
    let mut lost = 0;
    for share in [0.1, 0.25, 0.4, 0.55] {
        stage.wait_for_share(share).await;
        stage.note("answers to claims lost", 0, Recovery::Silence);
        lost += 2 * proxies.len();
        proxies.iter().for_each(|proxy| proxy.lose_answers(2, is_claim));
        wait_for("answers to be lost", PATIENCE, || async {
            let so_far: usize = proxies.iter().map(Proxy::answers_lost).sum();
            (so_far >= lost).then_some(())
        })
        .await;
    }
    stage.check("answers to claims lost", lost as f64, 16.0, 16.0);
    stage.settle().await;
    stage.keep(proxies);
    stage
}
