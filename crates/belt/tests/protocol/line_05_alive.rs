//! Six seconds of silence by Redis time is death; the dead give back what they held.

use std::time::Duration;

use belt::{
    BeltBackend, Claimed, Mark, NewJob, Place, Refusal, WorkerName, WorkerOptions,
    protocol::ClaimSaid,
};
use domain::{OnUnknown, Outcome, outcome::PermanentReason};
use tokio::sync::mpsc;

use crate::{
    apalis_worker::{Numbered, run},
    stage::{FENCE, Stage, done, job, jobs, sends},
};

const LEASE: Duration = Duration::from_secs(6);

#[tokio::test]
async fn unmarked_jobs_go_back_to_the_front_and_marked_ones_are_unknown() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..7, 1)).await;
    stage.push(&[NewJob { on_unknown: OnUnknown::Hold, ..job(7, 2) }]).await;
    let mut a = stage.worker("a").await;
    stage.belt.enroll(&[WorkerName::new("a")], FENCE).await.expect("enrolled");
    let mut held = a.claim(4).await;
    held.sort_by_key(|meta| meta.send);
    assert_eq!(sends(&held), [1, 2, 3, 7]);
    for meta in &held[2..] {
        assert!(a.mark(meta).await.starts_with("go "));
    }
    stage.pass(LEASE - Duration::from_millis(1)).await;
    let mut b = stage.worker("b").await;
    assert_eq!(sends(&b.claim(1).await), [4], "a is not dead yet");
    assert!(stage.outcomes().await.is_empty());

    stage.pass(Duration::from_millis(1)).await;
    // Whoever calls buries the dead: no scheduler is needed.
    assert!(b.member.beat().await.expect("answered"));
    assert!(!a.member.beat().await.expect("answered"));
    let ended = stage.outcomes().await;
    assert_eq!(ended.len(), 2);
    for record in &ended {
        assert_eq!(record.outcome.label(), "unknown");
        let (send, policy) = (record.send.get(), record.on_unknown);
        assert!(
            matches!((send, policy), (3, OnUnknown::Retry) | (7, OnUnknown::Hold)),
            "{record:?}"
        );
    }
    assert_eq!(stage.place(3).await, Place::Nowhere);
    // 1 and 2 are before 5 and 6 again.
    let lane = stage.redis.cli(&[
        "LRANGE",
        &format!("tl:{{0}}:1:email:lane:- {}", crate::stage::partner(1)),
        "0",
        "-1",
    ]);
    let order: Vec<i64> = lane
        .lines()
        .map(|line| line.trim_matches('"').parse::<domain::SendId>().expect("a send").get())
        .collect();
    assert_eq!((order[0].min(order[1]), order[0].max(order[1]), &order[2..]), (1, 2, &[5, 6][..]));
}

#[tokio::test]
async fn the_dead_get_nothing_and_mark_nothing() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..7, 1)).await;
    let mut a = stage.worker("a").await;
    let held = a.one().await;
    stage.pass(LEASE).await;
    // Nobody else has called: the belt sees it by itself.
    assert_eq!(a.mark(&held).await, "gone");
    assert_eq!(a.call(1).await.said, ClaimSaid::Gone);
    assert_eq!(stage.place(1).await, Place::Lane);
}

#[tokio::test]
async fn a_recovered_job_goes_out_alone_and_is_set_aside_after_three_deaths() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..6, 1)).await;
    for death in 1..=3_u32 {
        let name = format!("w{death}");
        let mut worker = stage.worker(&name).await;
        let held = worker.claim(if death == 1 { 1 } else { 10 }).await;
        assert_eq!(sends(&held), [1], "alone in its claim");
        assert_eq!(held[0].deaths, death - 1);
        assert_eq!(held[0].alone, death > 1);
        if death > 1 {
            assert!(worker.claim(10).await.is_empty(), "no neighbours while it is held");
        }
        stage.pass(LEASE).await;
        stage.belt.sweep().await.expect("swept");
    }
    let ended = stage.outcomes().await;
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].send.get(), 1);
    assert!(matches!(
        ended[0].outcome,
        Outcome::Permanent { reason: PermanentReason::SetAside, .. }
    ));
    assert_eq!(stage.place(1).await, Place::Nowhere);
    assert_eq!(
        sends(&stage.worker("last").await.claim(10).await),
        [2, 3, 4, 5],
        "nobody else is blamed"
    );
}

/// It goes back to the book because of a pause, and comes again: what it did is not forgotten.
#[tokio::test]
async fn deaths_are_counted_across_a_pause() {
    let mut stage = Stage::open().await;
    for death in 0..3 {
        stage.push(&[job(1, 1)]).await;
        let mut worker = stage.worker(&format!("w{death}")).await;
        let held = worker.one().await;
        assert_eq!(held.deaths, death);
        stage.pass(LEASE).await;
        let key = crate::stage::partner(1).to_string();
        stage.belt.set_stop(&key, belt::Stop::Pause).await.expect("paused");
        let mut other = stage.worker(&format!("o{death}")).await;
        assert!(other.claim(1).await.is_empty(), "it goes back to the book, or is set aside");
        stage.belt.clear_stop(&key).await.expect("resumed");
        other.member.leave().await.expect("answered");
        assert_eq!(stage.place(1).await, Place::Nowhere);
    }
    let last = stage.outcomes().await.pop().expect("an outcome").outcome;
    assert!(
        matches!(last, Outcome::Permanent { reason: PermanentReason::SetAside, .. }),
        "{last:?}"
    );
}

#[tokio::test]
async fn a_job_that_kills_on_the_wire_is_set_aside_too() {
    let mut stage = Stage::open().await;
    for death in 1..=3 {
        stage.push(&[job(1, 1)]).await;
        let mut worker = stage.worker(&format!("w{death}")).await;
        let held = worker.one().await;
        assert!(worker.mark(&held).await.starts_with("go "));
        stage.pass(LEASE).await;
        stage.belt.sweep().await.expect("swept");
    }
    let labels: Vec<_> = stage.outcomes().await.iter().map(|r| r.outcome.label()).collect();
    assert_eq!(labels, ["unknown", "unknown", "permanent"]);
}

#[tokio::test]
async fn other_workers_go_on_while_one_is_quiet() {
    let mut stage = Stage::open().await;
    stage.push(&jobs(1..20, 1)).await;
    stage.worker("dead").await.claim(2).await;
    stage.pass(LEASE).await;
    let mut a = stage.worker("a").await;
    let mut b = stage.worker("b").await;
    let alone = a.one().await;
    assert_eq!(alone.deaths, 1);
    let mut others = sends(&b.claim(3).await);
    assert_eq!(others, [3, 4, 5], "b passes by the other recovered job");
    assert!(a.claim(2).await.is_empty());
    others.extend(sends(&b.claim(2).await));
    assert_eq!(others, [3, 4, 5, 6, 7]);
    a.complete(&alone, done()).await;
    let next = a.claim(2).await;
    assert_eq!((next.len(), next[0].deaths, next[0].alone), (1, 1, true), "one after the other");
    a.complete(&next[0], done()).await;
    assert_eq!(sends(&a.claim(2).await), [8, 9], "and then a goes on as before");
}

#[tokio::test]
async fn a_worker_holds_only_as_many_jobs_as_it_has_hands() {
    let stage = Stage::live().await;
    stage.push(&jobs(1..100, 1)).await;
    let options = WorkerOptions::new(WorkerName::new("a"), 3);
    let (backend, checkpoint) = BeltBackend::<Numbered>::start(stage.belt.clone(), options);
    let (send, mut begun) = mpsc::unbounded_channel();
    let worker = run("a", backend, move |job: Claimed<Numbered>| {
        let send = send.clone();
        async move { send.send(job).expect("the test listens") }
    });
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(begun.recv().await.expect("a job"));
    }
    for _ in 0..30 {
        assert_eq!(stage.belt.status().await.expect("status").in_hand, 3);
        held.pop().expect("three").complete(done()).await;
        held.push(begun.recv().await.expect("a job"));
    }
    for job in held {
        drop(job.complete(done()));
    }
    worker.stop_after(&mut begun).await;
    drop(checkpoint);
}

#[tokio::test]
async fn a_worker_that_was_frozen_joins_again_under_a_new_name() {
    let mut stage = Stage::open().await;
    stage.push(&[job(1, 1)]).await;
    let options = WorkerOptions::new(WorkerName::new("a"), 2);
    let (backend, checkpoint) = BeltBackend::<Numbered>::start(stage.belt.clone(), options);
    let (send, mut begun) = mpsc::unbounded_channel();
    let worker = run("a", backend, move |job: Claimed<Numbered>| {
        let send = send.clone();
        async move { send.send(job).expect("the test listens") }
    });
    let job = begun.recv().await.expect("a job");
    assert_eq!(checkpoint.joined().await.as_str(), "a");
    // To the belt it looks the same: no beat for a lease of its time.
    stage.pass(Duration::from_secs(60)).await;
    let mark = job.gate().mark().await;
    assert!(matches!(mark, Mark::Refused(Refusal::Gone)), "{mark:?}");
    drop(job.complete(Refusal::Gone.outcome()));
    let name = testkit::wait::wait_for("a new name", Duration::from_secs(5), || async {
        checkpoint.stats().registered_as.filter(|name| name.as_str() != "a")
    })
    .await;
    assert_eq!(name.as_str(), "a~1");
    let again = begun.recv().await.expect("the recovered job");
    assert!(again.meta.alone);
    assert!(matches!(again.gate().mark().await, Mark::Go(_)));
    again.complete(done()).await;
    worker.stop_after(&mut begun).await;
}

#[tokio::test]
async fn who_has_no_free_hand_is_given_nothing_not_even_alone() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..3, 1)).await;
    let mut a = stage.worker("a").await;
    let mut b = stage.worker("b").await;
    let _c = stage.worker("c").await;
    let held = a.claim(2).await;
    a.give_back(&held[0], true, 0).await;
    a.give_back(&held[1], true, 0).await;
    // One of the two goes out alone, the other waits for somebody who is quiet too.
    assert_eq!(a.claim(2).await.len(), 1);
    assert!(a.claim(2).await.is_empty());
    assert!(b.claim(0).await.is_empty());
    assert_eq!(b.claim(1).await.len(), 1);
}
