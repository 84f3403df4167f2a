//! Limits hold in every window; unused permits are few.

use std::time::Duration;

use belt::OpenWith;

use crate::stage::{Stage, done, jobs, limited, relay};

/// Claims as fast as the answers say, for `seconds` of the belt's time; answers the times of all claims.
async fn claimed_at(stage: &mut Stage, seconds: u64) -> Vec<u64> {
    let mut worker = stage.worker("a").await;
    let end = stage.now() + seconds * 1_000_000;
    let mut times = Vec::new();
    while stage.now() < end {
        let answer = worker.call(64).await;
        for meta in &answer.jobs {
            times.push(stage.now());
            worker.complete(meta, done()).await;
        }
        worker.member.beat().await.expect("alive");
        let pause = if answer.jobs.len() == 64 { Duration::from_millis(1) } else { answer.retry };
        stage.pass(pause.max(Duration::from_micros(500))).await;
    }
    times
}

fn most_within(times: &[u64], window: u64) -> usize {
    let mut most = 0;
    for (i, from) in times.iter().enumerate() {
        let within = times[i..].iter().take_while(|at| *at - from < window).count();
        most = most.max(within);
    }
    most
}

#[tokio::test]
async fn a_relay_limit_holds_in_every_window_and_is_used() {
    let with =
        OpenWith { relays: vec![relay("r", Some("100/s, burst 20"))], ..OpenWith::default() };
    let mut stage = Stage::open_with(with).await;
    for lane in 1..=4_u32 {
        stage.push(&jobs(i64::from(lane) * 1_000..i64::from(lane) * 1_000 + 200, lane)).await;
    }
    let times = claimed_at(&mut stage, 4).await;
    for window_ms in [1, 10, 100, 500, 1_000, 2_000] {
        let most = most_within(&times, window_ms * 1_000);
        let allowed = usize::try_from(window_ms / 10).expect("small") + 20;
        assert!(most <= allowed, "{most} in {window_ms} ms, {allowed} allowed");
    }
    // Four seconds that start with nothing in hand: 400, and at least 98 % of them used.
    assert!(times.len() >= 392 && times.len() <= 400, "{}", times.len());
}

#[tokio::test]
async fn partner_limits_hold_each_for_itself_and_cost_nothing_while_they_wait() {
    let mut stage = Stage::open().await;
    let slow: Vec<_> =
        jobs(1..100, 1).into_iter().map(|job| limited(job, "10/s, burst 2")).collect();
    stage.push(&slow).await;
    stage.push(&jobs(1_000..1_300, 2)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(50).await;
    assert!(held.iter().all(|meta| meta.send.get() >= 1_000), "the limited lane is out of the way");
    for meta in &held {
        worker.complete(meta, done()).await;
    }
    let ready = stage.belt.status().await.expect("status");
    assert_eq!((ready.lanes_ready, ready.lanes_waiting), (1, 1));
    let mut slow = Vec::new();
    for _ in 0..300 {
        stage.pass(Duration::from_millis(10)).await;
        worker.member.beat().await.expect("alive");
        for meta in worker.claim(5).await {
            if meta.send.get() < 1_000 {
                slow.push(stage.now());
            }
            worker.complete(&meta, done()).await;
        }
    }
    assert!(most_within(&slow, 1_000_000) <= 12);
    assert!(slow.len() >= 29 && slow.len() <= 31, "{}", slow.len());
}

#[tokio::test]
async fn a_changed_limit_starts_with_nothing_in_hand() {
    let mut stage = Stage::open().await;
    let with = |limit: &str, sends: std::ops::Range<i64>| -> Vec<_> {
        jobs(sends, 1).into_iter().map(|job| limited(job, limit)).collect()
    };
    stage.push(&with("10/s, burst 10", 1..50)).await;
    let mut worker = stage.worker("a").await;
    assert!(worker.claim(50).await.is_empty());
    stage.pass(Duration::from_secs(1)).await;
    assert_eq!(worker.claim(50).await.len(), 10);
    stage.push(&with("20/s, burst 20", 50..60)).await;
    assert!(worker.claim(50).await.is_empty(), "no second burst by another name");
    stage.pass(Duration::from_millis(50)).await;
    assert_eq!(worker.claim(50).await.len(), 1);
}

#[tokio::test]
async fn jobs_go_round_about_over_relays_that_have_room() {
    let relays = vec![relay("a", None), relay("b", Some("1/s, burst 1")), relay("c", None)];
    let mut stage = Stage::open_with(OpenWith { relays, ..OpenWith::default() }).await;
    stage.push(&jobs(1..100, 1)).await;
    let mut worker = stage.worker("w").await;
    worker.claim(1).await;
    stage.pass(Duration::from_secs(1)).await;
    let held = worker.claim(31).await;
    let count = |name: &str| held.iter().filter(|meta| meta.relay == name).count();
    assert_eq!(count("b"), 1);
    assert_eq!(count("a") + count("c"), 30);
    assert!(count("a") >= 8 && count("c") >= 8);
}
