//! Marks and permits age: one second. Mark checks number, stops, suppressions, validity, permit.

use std::time::Duration;

use belt::{NewJob, OpenWith, Stop, WorkerName};
use domain::{OnUnknown, UtcMillis};

use crate::stage::{FENCE, START, Stage, hash, job, jobs, limited, relay};

#[tokio::test]
async fn a_permit_is_good_for_one_second_from_the_claim() {
    let mut stage = Stage::open().await;
    stage.push(&[job(1, 1)]).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    stage.pass(Duration::from_millis(300)).await;
    assert_eq!(worker.mark(&held).await, "go 700000");
    stage.pass(Duration::from_millis(300)).await;
    assert_eq!(worker.mark(&held).await, "go 400000");
}

/// A replica with another clock took over: a permit from the future would be good until that time comes.
#[tokio::test]
async fn a_permit_from_the_future_is_aged() {
    let mut stage = Stage::open().await;
    stage.push(&[job(1, 1)]).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    stage.step_back(Duration::from_secs(3_600)).await;
    assert_eq!(worker.mark(&held).await, "go 1000000");
}

#[tokio::test]
async fn an_aged_permit_is_replaced_when_the_limit_allows_it() {
    let with = OpenWith { relays: vec![relay("r", Some("1/s, burst 1"))], ..OpenWith::default() };
    let mut stage = Stage::open_with(with).await;
    stage.push(&jobs(1..4, 1)).await;
    let mut worker = stage.worker("a").await;
    assert!(worker.claim(1).await.is_empty(), "buckets start with nothing in hand");
    stage.pass(Duration::from_secs(1)).await;
    let held = worker.one().await;
    // The permit of the claim is used up by age; the next one comes a second after it.
    stage.pass(Duration::from_millis(999)).await;
    assert_eq!(worker.mark(&held).await, "go 1000");
    stage.pass(Duration::from_millis(1_500)).await;
    assert_eq!(worker.mark(&held).await, "go 1000000", "a new permit");
    assert!(worker.claim(1).await.is_empty(), "which nobody else has");
}

#[tokio::test]
async fn an_aged_permit_is_refused_when_the_limit_has_no_other() {
    for (limit_lane, relays) in [(true, vec![]), (false, vec![relay("r", Some("1/min, burst 2"))])]
    {
        let mut stage = Stage::open_with(OpenWith { relays, ..OpenWith::default() }).await;
        let mut pushed = jobs(1..3, 1);
        if limit_lane {
            pushed = pushed.into_iter().map(|job| limited(job, "1/min, burst 2")).collect();
        }
        // The bucket is seen for the first time, then fills; jobs that could not go went to the book.
        stage.push(&pushed).await;
        let mut worker = stage.worker("a").await;
        assert!(worker.claim(2).await.is_empty());
        stage.pass(Duration::from_secs(180)).await;
        let mut worker = stage.worker("a2").await;
        stage.push(&pushed).await;
        let held = worker.claim(2).await;
        assert_eq!(held.len(), 2);
        stage.pass(Duration::from_secs(2)).await;
        let said = worker.mark(&held[0]).await;
        assert!(said.starts_with("limited "), "{said}");
    }
}

#[tokio::test]
async fn mark_looks_at_stops_suppressions_and_validity() {
    let with = OpenWith { offset_ms: 5_000, ..OpenWith::default() };
    let mut stage = Stage::open_with(with).await;
    let campaign = i64::try_from(START / 1_000).expect("small") + 5_000;
    let last = NewJob { not_after: Some(UtcMillis::new(campaign + 500)), ..job(5, 1) };
    stage.push(&jobs(1..5, 1)).await;
    stage.push(&[last, NewJob { version: "version-2".into(), ..job(6, 2) }, job(7, 3)]).await;
    let mut worker = stage.worker("a").await;
    let mut held = worker.claim(10).await;
    held.sort_by_key(|meta| meta.send);
    assert_eq!(held.len(), 7);

    stage.belt.suppress(&[hash(1, 1), hash(2, 2), hash(3, 3)]).await.expect("suppressed");
    for meta in &held[..3] {
        assert_eq!(worker.mark(meta).await, "suppressed");
    }
    assert!(worker.mark(&held[3]).await.starts_with("go "));
    assert!(worker.mark(&held[4]).await.starts_with("go "));
    stage.pass(Duration::from_millis(501)).await;
    assert_eq!(worker.mark(&held[4]).await, "expired");

    for key in [held[3].lane.as_str(), held[3].vendor.as_str(), "version-1"] {
        stage.belt.set_stop(key, Stop::Pause).await.expect("stopped");
        assert_eq!(worker.mark(&held[3]).await, "paused", "{key}");
        stage.belt.set_stop(key, Stop::Cancel).await.expect("stopped");
        assert_eq!(worker.mark(&held[3]).await, "stopped", "{key}");
        stage.belt.clear_stop(key).await.expect("lifted");
        assert!(worker.mark(&held[3]).await.starts_with("go "), "{key}");
    }
    stage.belt.set_stop(&held[5].activation.to_string(), Stop::Cancel).await.expect("stopped");
    assert_eq!(worker.mark(&held[5]).await, "stopped");
}

/// Were it and Redis lost together, nobody would know that what is held then may have gone.
#[tokio::test]
async fn who_is_not_in_the_roster_starts_nothing_that_is_held() {
    let stage = Stage::open().await;
    stage.push(&[job(1, 1), NewJob { on_unknown: OnUnknown::Hold, ..job(2, 1) }]).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(2).await;
    assert!(worker.mark(&held[0]).await.starts_with("go "));
    assert_eq!(worker.mark(&held[1]).await, "limited 250000");
    stage.belt.enroll(&[WorkerName::new("a")], FENCE).await.expect("enrolled");
    assert!(worker.mark(&held[1]).await.starts_with("go "));
}
