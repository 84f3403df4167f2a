//! Sentinels name the primary, and another one.

use belt::{Belt, BeltConfig, Error, OpenWith, Phase, Stop};
use testkit::{TestSentinels, wait::wait_for};
use tokio::task::block_in_place;

use crate::stage::{FENCE, PATIENCE, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn the_belt_goes_over_to_the_new_primary_which_begins_closed() {
    let mut redis = block_in_place(TestSentinels::start);
    let belt = Belt::connect(BeltConfig::new(redis.url())).await.expect("the URL is good");
    belt.open(1, FENCE, OpenWith::default()).await.expect("the epoch opens");
    belt.finish_reporting(FENCE).await.expect("reports end");
    assert_eq!(belt.phase().await.expect("it answers"), Phase::Open { epoch: 1 });

    let first = block_in_place(|| {
        let first = redis.primary();
        redis.kill(first);
        redis.wait_for_failover_from(first);
        first
    });
    // The new one never loaded the scripts, whatever of the keys has come over: nothing is handed out of the past.
    let phase =
        wait_for("the new primary to answer", PATIENCE, || async { belt.phase().await.ok() });
    assert!(matches!(phase.await, Phase::Closed { .. }));
    belt.open(2, FENCE, OpenWith::default()).await.expect("the next epoch opens");

    // The old one comes back with the scripts of its time, as a replica, and is not spoken to.
    block_in_place(|| redis.start_again_as_replica(first));
    assert_eq!(belt.phase().await.expect("it answers"), Phase::Reporting { epoch: 2 });
}

#[tokio::test]
async fn what_names_no_sentinels_is_refused_and_absent_ones_are_unreachable() {
    let connect = |url: &str| Belt::connect(BeltConfig::new(url));
    let refused = connect("redis+sentinel://:secret@127.0.0.1:1").await.expect_err("no name");
    let said = refused.to_string();
    assert!(said.contains("host:port,host:port/NAME") && !said.contains("secret"), "{said}");
    let absent = connect("redis+sentinel://127.0.0.1:1/belt").await.expect("lazy");
    assert!(matches!(absent.ping().await, Err(Error::Unreachable { .. })));
}

/// A primary that lost its replicas takes no writes: that is an outage to be waited out, not an answer.
#[tokio::test]
async fn a_primary_without_its_replicas_is_unreachable() {
    let stage = Stage::live().await;
    stage.redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let stopped = stage.belt.set_stop("all", Stop::Pause).await;
    assert!(matches!(stopped, Err(Error::Unreachable { .. })), "{stopped:?}");
    stage.redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    stage.belt.set_stop("all", Stop::Pause).await.expect("it takes writes again");
}
