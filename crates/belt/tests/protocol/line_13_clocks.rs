//! Leases and limits run on Redis time, validity on campaign time.

use std::time::Duration;

use belt::{NewJob, OpenWith};
use domain::{Outcome, UtcMillis, outcome::PermanentReason};

use crate::stage::{FENCE, START, Stage, job, limited};

#[tokio::test]
async fn campaign_time_is_redis_time_plus_the_offset() {
    let stage = Stage::live().await;
    let clock = stage.belt.clock().await.expect("known");
    assert_eq!(clock.redis, clock.campaign);
    stage.belt.set_offset(86_400_000, FENCE).await.expect("set");
    let clock = stage.belt.clock().await.expect("known");
    assert_eq!(clock.campaign.since(clock.redis), Duration::from_secs(86_400));
}

#[tokio::test]
async fn the_offset_moves_validity_but_no_limit_and_no_lease() {
    let mut stage = Stage::open_with(OpenWith::default()).await;
    let now = i64::try_from(START / 1_000).expect("small");
    let until = |at| Some(UtcMillis::new(at));
    stage
        .push(&[
            NewJob { not_after: until(now + 3_600_000), ..job(1, 1) },
            NewJob { not_after: until(now + 90_000_000), ..job(2, 1) },
            limited(job(3, 2), "1/s, burst 1"),
        ])
        .await;
    let mut worker = stage.worker("a").await;
    stage.belt.set_offset(86_400_000, FENCE).await.expect("set");
    let held = worker.claim(5).await;
    assert_eq!(held.iter().map(|meta| meta.send.get()).collect::<Vec<_>>(), [2]);
    let ended = stage.outcomes().await;
    assert_eq!(ended.len(), 1);
    assert!(matches!(
        ended[0].outcome,
        Outcome::Permanent { reason: PermanentReason::Expired, .. }
    ));
    assert!(worker.member.beat().await.expect("answered"), "a day of campaign time kills nobody");
    stage.pass(Duration::from_secs(1)).await;
    assert_eq!(worker.claim(5).await.len(), 1, "a second of Redis time fills the bucket");
}
