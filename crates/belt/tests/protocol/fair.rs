//! A small partner waits no longer behind a large one.

use belt::NewJob;

use crate::stage::{Stage, done, job, jobs, sends};

#[tokio::test]
async fn one_message_waits_no_longer_behind_many_than_behind_few() {
    for crowd in [10, 3_000] {
        let stage = Stage::open().await;
        stage.push(&jobs(1..crowd + 1, 1)).await;
        let mut worker = stage.worker("a").await;
        for meta in worker.claim(5).await {
            worker.complete(&meta, done()).await;
        }
        stage.push(&[job(100_000, 2)]).await;
        let next = sends(&worker.claim(2).await);
        assert!(next.contains(&100_000), "{next:?} behind {crowd}");
    }
}

#[tokio::test]
async fn shares_follow_weights() {
    let stage = Stage::open().await;
    let weighted = |lane: u32, weight: u32| -> Vec<NewJob> {
        let first = i64::from(lane) * 1_000;
        jobs(first..first + 400, lane).into_iter().map(|job| NewJob { weight, ..job }).collect()
    };
    for (lane, weight) in [(1, 1), (2, 2), (3, 5)] {
        stage.push(&weighted(lane, weight)).await;
    }
    let mut worker = stage.worker("a").await;
    let mut share = [0; 4];
    for _ in 0..8 {
        for meta in worker.claim(50).await {
            share[usize::try_from(meta.send.get() / 1_000).expect("small")] += 1;
            worker.complete(&meta, done()).await;
        }
    }
    for (lane, expected) in [(1, 50_i32), (2, 100), (3, 250)] {
        assert!((share[lane] - expected).abs() <= 2, "{share:?}");
    }
}

#[tokio::test]
async fn a_lane_that_was_away_gains_no_credit() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..200, 1)).await;
    let mut worker = stage.worker("a").await;
    for meta in worker.claim(100).await {
        worker.complete(&meta, done()).await;
    }
    stage.push(&jobs(1_000..1_100, 2)).await;
    let held = sends(&worker.claim(20).await);
    let late = held.iter().filter(|send| **send >= 1_000).count();
    assert!((9..=11).contains(&late), "{held:?}");
}
