//! The server, the shelf, the bells.

use std::time::Duration;

use belt::{Belt, BeltConfig, Error};
use domain::ContentHash;

use crate::stage::{PATIENCE, Stage};

#[tokio::test]
async fn a_server_that_would_lose_jobs_is_refused_with_the_line_that_helps() {
    let stage = Stage::live().await;
    stage.belt.check_server().await.expect("the test's server is good");
    stage.redis.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let error = stage.belt.check_server().await.expect_err("refused").to_string();
    assert!(error.contains("redis-cli CONFIG SET maxmemory-policy noeviction"), "{error}");
    stage.redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    stage.redis.cli(&["CONFIG", "SET", "appendonly", "no"]);
    let error = stage.belt.check_server().await.expect_err("refused").to_string();
    assert!(error.contains("`appendonly yes` into redis.conf"), "{error}");
}

#[tokio::test]
async fn a_bad_url_is_refused_and_an_absent_server_is_unreachable() {
    let bad = Belt::connect(BeltConfig::new("http://x")).await;
    assert!(matches!(bad, Err(Error::BadUrl { .. })));
    let absent = Belt::connect(BeltConfig::new("unix:///nowhere/redis.sock")).await.expect("lazy");
    assert!(matches!(absent.ping().await, Err(Error::Unreachable { .. })));
    assert!(matches!(absent.phase().await, Err(Error::Unreachable { .. })));
}

#[tokio::test]
async fn a_server_that_is_slow_is_waited_for() {
    let stage = Stage::live().await;
    stage.redis.pause();
    let belt = stage.belt.clone();
    let call = tokio::spawn(async move { belt.ping().await });
    // Longer than the library's own 500 ms, shorter than ours.
    tokio::time::sleep(Duration::from_millis(900)).await;
    stage.redis.resume();
    call.await.expect("no panic").expect("the answer came late, and was taken");
}

#[tokio::test]
async fn the_shelf_keeps_items_under_their_hash() {
    let stage = Stage::live().await;
    let items: Vec<_> = [vec![1_u8; 10], vec![2_u8; 256 * 1024]]
        .into_iter()
        .map(|bytes| (ContentHash::of(&bytes), bytes))
        .collect();
    stage.belt.put_on_shelf(&items).await.expect("put");
    let shelf = stage.belt.shelf(1_000);
    for (hash, bytes) in &items {
        assert_eq!(stage.belt.get_from_shelf(hash).await.expect("read").as_ref(), Some(bytes));
        assert_eq!(shelf.get(hash).await.expect("read").as_deref(), Some(bytes.as_slice()));
    }
    let key = format!("tl:{{0}}:shelf:{}", items[0].0);
    stage.redis.cli(&["EXPIRE", &key, "100"]);
    stage.belt.put_on_shelf(&items[..1]).await.expect("put again");
    let left: u64 =
        stage.redis.cli(&["TTL", &key]).trim_start_matches("(integer) ").parse().expect("a number");
    assert!(left > 7_100, "its two hours begin again");
    stage.redis.cli(&["DEL", &key]);
    assert!(shelf.get(&items[0].0).await.expect("read").is_some(), "the small one is remembered");
    let missing = ContentHash::of(b"nobody put this");
    assert!(shelf.get(&missing).await.expect("read").is_none());
    let large = vec![0_u8; 256 * 1024 + 1];
    let refused = stage.belt.put_on_shelf(&[(ContentHash::of(&large), large)]).await;
    assert!(matches!(refused, Err(Error::ShelfItemTooLarge { size: 262_145, limit: 262_144 })));
}

#[tokio::test]
async fn a_bell_wakes_whoever_waits_and_is_capped() {
    let stage = Stage::live().await;
    let mut bell = stage.belt.bell("expand");
    assert!(!bell.wait(Duration::from_millis(20)).await);
    let belt = stage.belt.clone();
    let both = async { tokio::join!(bell.wait(Duration::from_secs(3_600)), belt.ring("expand")) };
    let (rung, ring) = tokio::time::timeout(PATIENCE, both).await.expect("not after an hour");
    ring.expect("rung");
    assert!(rung);
    for _ in 0..100 {
        belt.ring("expand").await.expect("rung");
    }
    assert_eq!(
        stage.redis.cli(&["LLEN", "tl:{0}:bell:expand"]).trim_start_matches("(integer) "),
        "8"
    );
}
