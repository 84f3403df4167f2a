//! Outcomes are never dropped; tracks are capped and what is cut is counted.

use std::time::Duration;

use belt::{BeltConfig, OpenWith, StreamId, TimeSource, protocol::ClaimSaid};

use crate::stage::{PATIENCE, Stage, done, job, jobs};

#[tokio::test]
async fn past_its_bound_claims_answer_nothing_but_marks_and_completions_work() {
    let small = |config: &mut BeltConfig| config.outcomes_bound = 3;
    let stage = Stage::configured(TimeSource::Key, OpenWith::default(), small).await;
    stage.push(&jobs(1..10, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(5).await;
    for meta in &held[..3] {
        worker.complete(meta, done()).await;
    }
    let answer = worker.call(1).await;
    assert_eq!(answer.said, ClaimSaid::Full);
    assert!(answer.jobs.is_empty());
    for meta in &held[3..] {
        assert!(worker.mark(meta).await.starts_with("go "));
        worker.complete(meta, done()).await;
    }
    let recorded = stage.recorded().await;
    assert_eq!(recorded.len(), 5, "nothing is dropped");
    stage.belt.commit(recorded[4].id).await.expect("committed");
    assert_eq!(worker.claim(1).await.len(), 1);
}

#[tokio::test]
async fn commit_trims_and_never_moves_back() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..6, 1)).await;
    let mut worker = stage.worker("a").await;
    for meta in worker.claim(5).await {
        worker.complete(&meta, done()).await;
    }
    let recorded = stage.recorded().await;
    stage.belt.commit(recorded[2].id).await.expect("committed");
    stage.belt.commit(recorded[0].id).await.expect("ignored");
    assert_eq!(stage.belt.committed().await.expect("known"), recorded[2].id);
    let left: Vec<_> = stage.recorded().await.iter().map(|recorded| recorded.id).collect();
    assert_eq!(left, [recorded[3].id, recorded[4].id]);
}

#[tokio::test]
async fn a_waiting_reader_is_woken_by_an_outcome() {
    let stage = Stage::open().await;
    stage.push(&[job(1, 1)]).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    let belt = stage.belt.clone();
    let reader = tokio::spawn(async move {
        belt.read_outcomes(StreamId::default(), 10, Duration::from_secs(3_600)).await
    });
    worker.complete(&held, done()).await;
    let read =
        tokio::time::timeout(PATIENCE, reader).await.expect("woken, long before the hour is over");
    assert_eq!(read.expect("no panic").expect("readable").len(), 1);
}

#[tokio::test]
async fn an_unreadable_entry_is_answered_beside_the_others() {
    let stage = Stage::open().await;
    stage.redis.cli(&["XADD", "tl:{0}:outcomes", "*", "r", "{\"v\":99}"]);
    stage.push(&[job(1, 1)]).await;
    let mut worker = stage.worker("a").await;
    let held = worker.one().await;
    worker.complete(&held, done()).await;
    let recorded = stage.recorded().await;
    assert!(recorded[0].record.is_err());
    assert_eq!(recorded[0].record.as_ref().expect_err("bad").text, "{\"v\":99}");
    assert!(recorded[1].record.is_ok());
}

#[tokio::test]
async fn tracks_are_capped_and_the_cut_is_counted() {
    let small = |config: &mut BeltConfig| config.tracks_cap = 4;
    let stage = Stage::configured(TimeSource::Key, OpenWith::default(), small).await;
    let events: Vec<String> = (0..10).map(|n| format!("{{\"n\":{n}}}")).collect();
    stage.belt.track(&events).await.expect("tracked");
    let read =
        stage.belt.read_tracks(StreamId::default(), 100, Duration::ZERO).await.expect("readable");
    assert_eq!(read.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), &events[6..]);
    assert_eq!(stage.belt.tracks_cut().await.expect("known"), 6);
    stage.belt.commit_tracks(read[3].0).await.expect("committed");
    assert!(
        stage
            .belt
            .read_tracks(StreamId::default(), 100, Duration::ZERO)
            .await
            .expect("readable")
            .is_empty()
    );
    assert!(stage.outcomes().await.is_empty(), "they have nothing to do with outcomes");
}

#[tokio::test]
async fn link_targets_are_found_by_their_name_and_nothing_else_is_taken_for_them() {
    let stage = Stage::open().await;
    let list = |url: &str| domain::LinkTargets::new(vec![url.to_owned()]).expect("it is one");
    let (one, other) = (list("https://a.example/"), list("https://b.example/"));
    stage.belt.put_link_targets(&[one.clone(), other.clone()]).await.expect("put");
    let name = one.id();
    let get = || stage.belt.get_link_targets(&name);
    assert_eq!(get().await.expect("readable"), Some(one.clone()));
    // What bears another's name, or leads where no list may, is as good as not there.
    let key = format!("tl:{{0}}:links:{name}");
    for forged in ["[\"https://b.example/\"]", "[\"javascript:alert(1)\"]", "x"] {
        stage.redis.cli(&["SET", &key, forged]);
        assert_eq!(get().await.expect("readable"), None, "{forged}");
    }
    let kept: i64 = stage
        .redis
        .cli(&["TTL", &format!("tl:{{0}}:links:{}", other.id())])
        .trim()
        .parse()
        .expect("a time");
    assert!(kept > 0, "lists do not pile up");
}
