//! What providers and relays answer changes what may go: less of it, by another relay, or one to see.

use std::time::Duration;

use belt::{
    ClaimedMeta, Limits, NewJob, OpenWith, Pace, PerName,
    protocol::{Heard, Op},
};
use domain::{Outcome, outcome::Answer, outcome::PermanentReason};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::stage::{Stage, Worker, done, jobs, record, relay};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn to(provider: &str, sends: std::ops::Range<i64>, lane: u32) -> Vec<NewJob> {
    let to = |job| NewJob { provider: provider.to_owned(), ..job };
    jobs(sends, lane).into_iter().map(to).collect()
}

async fn with_gmail_at(limit: Option<&str>) -> Stage {
    let own = limit.map(|limit| ("gmail".to_owned(), limit.parse().expect("a limit")));
    let providers = PerName { each: None, own: own.into_iter().collect() };
    let limits = Limits { providers, ..Limits::default() };
    let mut stage = Stage::open_with(OpenWith { limits, ..OpenWith::default() }).await;
    stage.pass(SECOND).await;
    stage
}

async fn asked_less(worker: &Worker, meta: &ClaimedMeta, after: Duration) {
    let after_us = after.as_micros() as u64;
    let back = Op::GiveBack { meta, blame: false, delay_ms: 0 };
    let said = worker.say(&[Op::Heard { meta, heard: Heard::AskedLess { after_us } }, back]).await;
    assert_eq!(said.len(), 1, "what was heard has no answer");
}

async fn could_not_use(worker: &Worker, meta: &ClaimedMeta, delay: Duration) {
    let delay_ms = delay.as_millis() as u64;
    let back = Op::GiveBack { meta, blame: false, delay_ms };
    worker.say(&[Op::Heard { meta, heard: Heard::RelayDown }, back]).await;
}

/// Claims for `time` as fast as the answers say; how many went to gmail and how many elsewhere.
async fn sent_within(stage: &mut Stage, worker: &mut Worker, time: Duration) -> (usize, usize) {
    let end = stage.now() + time.as_micros() as u64;
    let (mut gmail, mut other) = (0, 0);
    while stage.now() < end {
        let answer = worker.call(16).await;
        for meta in &answer.jobs {
            *if meta.provider == "gmail" { &mut gmail } else { &mut other } += 1;
            worker.complete(meta, done()).await;
        }
        worker.member.beat().await.expect("alive");
        let left = Duration::from_micros(end - stage.now());
        stage.pass(answer.retry.clamp(MS, left.max(MS))).await;
    }
    (gmail, other)
}

async fn paces(stage: &Stage) -> Vec<Pace> {
    stage.belt.status().await.expect("status").paces
}

#[tokio::test]
async fn a_provider_that_asks_for_less_gets_half_and_a_little_more_with_every_second() {
    let mut stage = with_gmail_at(Some("40/s, burst 40")).await;
    let mut worker = stage.worker("a").await;
    stage.push(&to("gmail", 1..500, 1)).await;
    worker.claim(1).await;
    stage.pass(SECOND).await;
    worker.member.beat().await.expect("alive");
    let held = worker.claim(20).await;
    assert_eq!(held.len(), 20);
    stage.pass(10 * MS).await;
    for meta in &held {
        asked_less(&worker, meta, Duration::ZERO).await;
    }
    let [pace] = &paces(&stage).await[..] else { panic!("one provider") };
    assert_eq!((pace.of.as_str(), pace.name.as_str(), pace.failures), ("provider", "gmail", 0));
    assert_eq!(pace.share, 0.5, "a wave of answers is one");
    assert_eq!(pace.rests, 5 * SECOND);

    let (gmail, _) = sent_within(&mut stage, &mut worker, 5 * SECOND).await;
    assert_eq!(gmail, 0, "it is left alone first");
    // What it may save up is half as much too. After 10 s half of the rate has become 0.58 of it.
    sent_within(&mut stage, &mut worker, 5 * SECOND).await;
    let (gmail, _) = sent_within(&mut stage, &mut worker, 2 * SECOND).await;
    assert!((44..=50).contains(&gmail), "{gmail}");

    // Asked again: half of what it had come to, and twice as long alone.
    let again = worker.one().await;
    asked_less(&worker, &again, Duration::ZERO).await;
    let pace = paces(&stage).await.remove(0);
    assert!((pace.share - 0.3).abs() < 0.01, "{pace:?}");
    assert!(pace.rests > 8 * SECOND, "{pace:?}");

    // In the end it is as if nothing had been.
    for _ in 0..120 {
        stage.pass(SECOND).await;
        worker.member.beat().await.expect("alive");
    }
    assert_eq!(paces(&stage).await, []);
    worker.claim(1).await;
    assert_eq!(stage.redis.cli(&["EXISTS", "tl:{0}:1:pace"]).trim(), "0");
    let (gmail, _) = sent_within(&mut stage, &mut worker, 2 * SECOND).await;
    assert!(gmail >= 78, "{gmail}");
}

#[tokio::test]
async fn only_that_provider_is_slowed_and_for_as_long_as_it_said() {
    let mut stage = with_gmail_at(None).await;
    let mut worker = stage.worker("a").await;
    stage.push(&to("gmail", 1..200, 1)).await;
    stage.push(&to("outlook", 1_001..1_200, 1)).await;
    let held = worker.claim(20).await;
    let meta = held.iter().find(|meta| meta.provider == "gmail").expect("one of them");
    stage.pass(100 * MS).await;
    asked_less(&worker, meta, 20 * SECOND).await;
    for other in held.iter().filter(|other| other.send != meta.send) {
        worker.complete(other, done()).await;
    }
    let (gmail, other) = sent_within(&mut stage, &mut worker, 19 * SECOND).await;
    assert_eq!(gmail, 0, "it said how long");
    assert!(other >= 180, "{other}");
    // It had no limit: it has one now, of half of what it was sent.
    let (gmail, _) = sent_within(&mut stage, &mut worker, 2 * SECOND).await;
    assert!(gmail > 0);
    let pace = paces(&stage).await.remove(0);
    assert!(pace.share > 0.6 && pace.share < 0.7, "{pace:?}");
}

#[tokio::test]
async fn a_provider_without_a_limit_is_slowed_to_half_of_what_it_was_sent() {
    let mut stage = with_gmail_at(None).await;
    let mut worker = stage.worker("a").await;
    stage.push(&to("gmail", 1..500, 1)).await;
    // Twenty hands, each busy for 200 ms: 100/s.
    let held = worker.claim(10).await;
    stage.pass(100 * MS).await;
    worker.claim(10).await;
    stage.pass(100 * MS).await;
    asked_less(&worker, &held[0], Duration::ZERO).await;
    for meta in &held[1..] {
        worker.complete(meta, done()).await;
    }
    sent_within(&mut stage, &mut worker, 5 * SECOND).await;
    let (gmail, _) = sent_within(&mut stage, &mut worker, SECOND).await;
    // 20 hands over 300 ms are 66/s; half of that, and 5 s have gone by.
    assert!((30..=42).contains(&gmail), "{gmail}");
}

/// Nobody knows whose mailboxes "other" are: one domain's answer says nothing of the rest.
#[tokio::test]
async fn what_has_no_provider_is_not_slowed_as_one() {
    let stage = with_gmail_at(None).await;
    let mut worker = stage.worker("a").await;
    stage.push(&to("other", 1..10, 1)).await;
    stage.push(&to("", 11..20, 1)).await;
    for meta in &worker.claim(20).await {
        asked_less(&worker, meta, Duration::ZERO).await;
    }
    assert_eq!(paces(&stage).await, []);
    assert_eq!(worker.claim(20).await.len(), 18);
}

async fn with_relays(names: &[&str]) -> Stage {
    let relays = names.iter().map(|name| relay(name, None)).collect();
    let mut stage = Stage::open_with(OpenWith { relays, ..OpenWith::default() }).await;
    stage.push(&jobs(1..200, 1)).await;
    stage.pass(SECOND).await;
    stage
}

#[tokio::test]
async fn a_relay_that_is_down_is_left_alone_and_the_other_takes_over_at_once() {
    let mut stage = with_relays(&["a", "b"]).await;
    let mut worker = stage.worker("w").await;
    let held = worker.claim(10).await;
    let at_a: Vec<_> = held.iter().filter(|meta| meta.relay == "a").collect();
    assert_eq!(at_a.len(), 5);
    for meta in &at_a {
        could_not_use(&worker, meta, 20 * SECOND).await;
    }
    let [pace] = &paces(&stage).await[..] else { panic!("one relay") };
    assert_eq!((pace.of.as_str(), pace.name.as_str()), ("relay", "a"));
    assert_eq!((pace.failures, pace.rests), (1, SECOND), "one outage, however many hands met it");
    stage.pass(100 * MS).await;
    let next = worker.claim(10).await;
    assert!(next.iter().all(|meta| meta.relay == "b"), "{next:?}");
    // They did not wait for the relay that is down.
    assert!(at_a.iter().all(|meta| next.iter().any(|other| other.send == meta.send)));
}

#[tokio::test]
async fn one_looks_whether_a_relay_is_back_each_time_later_and_closes_the_case() {
    let mut stage = with_relays(&["a"]).await;
    let mut worker = stage.worker("w").await;
    let held = worker.claim(5).await;
    could_not_use(&worker, &held[0], Duration::ZERO).await;
    for wait in [1, 2, 4] {
        let answer = worker.call(5).await;
        assert!(answer.jobs.is_empty(), "it is left alone");
        assert!(answer.retry <= wait * SECOND, "{answer:?}");
        stage.pass(wait * SECOND - MS).await;
        worker.member.beat().await.expect("alive");
        assert!(worker.claim(5).await.is_empty());
        stage.pass(MS).await;
        let looks = worker.claim(5).await;
        assert_eq!(looks.len(), 1, "one looks");
        assert!(worker.claim(5).await.is_empty(), "one alone");
        stage.pass(MS).await;
        could_not_use(&worker, &looks[0], Duration::ZERO).await;
    }
    // What was begun before it failed says nothing of it now.
    worker.complete(&held[1], done()).await;
    assert_eq!(paces(&stage).await[0].failures, 4);
    for _ in 0..8 {
        stage.pass(SECOND).await;
        worker.member.beat().await.expect("alive");
    }
    // One that hangs is followed by another.
    let hangs = worker.one().await;
    stage.pass(5 * SECOND - MS).await;
    worker.member.beat().await.expect("alive");
    assert!(worker.claim(5).await.is_empty());
    stage.pass(MS).await;
    let looks = worker.one().await;
    // It took longer than a permit lasts to be asked for its content: it is there, so it may go.
    stage.pass(2 * SECOND).await;
    worker.member.beat().await.expect("alive");
    assert!(worker.mark(&looks).await.starts_with("go "));
    let refused = Outcome::Permanent {
        reason: PermanentReason::Rejected,
        answer: Answer::new(550, "5.7.1", "no", "a"),
    };
    worker.complete(&looks, refused).await;
    assert_eq!(paces(&stage).await, [], "it answered a message, if with a no");
    assert_eq!(worker.claim(5).await.len(), 5);
    drop(hangs);
}

/// A word that is repeated because its answer was lost changes nothing the second time.
#[tokio::test]
async fn a_repeated_word_slows_once() {
    let mut stage = with_gmail_at(Some("40/s, burst 1")).await;
    let mut worker = stage.worker("a").await;
    stage.push(&to("gmail", 1..10, 1)).await;
    worker.claim(1).await;
    stage.pass(SECOND).await;
    let meta = worker.one().await;
    let heard = Heard::AskedLess { after_us: 0 };
    let away = Outcome::not_now(60 * SECOND, domain::outcome::NotNowReason::Throttled);
    let record = record(&meta, away);
    for _ in 0..3 {
        let complete = Op::Complete { meta: &meta, done: false, record: &record };
        worker.say(&[Op::Heard { meta: &meta, heard }, complete]).await;
        stage.pass(MS).await;
    }
    let pace = paces(&stage).await.remove(0);
    assert!(pace.share < 0.51, "{pace:?}");
}

/// The law of limits stands whatever is heard: never above the limit that is set, in any window.
#[test]
fn whatever_is_heard_nothing_goes_above_the_limit() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runs");
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec((1..400_u64, 0..4_u8, 1..12_usize), 20..60);
    runner
        .run(&(steps, 5..60_u64, 1..30_u64), |(steps, rate, burst)| {
            runtime.block_on(async {
                let mut stage = with_gmail_at(Some(&format!("{rate}/s, burst {burst}"))).await;
                let mut worker = stage.worker("a").await;
                stage.push(&to("gmail", 1..500, 1)).await;
                let mut taken = Vec::new();
                for (millis, what, want) in steps {
                    for (i, meta) in worker.claim(want).await.iter().enumerate() {
                        taken.push(stage.now());
                        if i == 0 && what == 0 {
                            asked_less(&worker, meta, Duration::from_millis(millis)).await;
                        } else {
                            worker.complete(meta, done()).await;
                        }
                    }
                    stage.pass(Duration::from_millis(millis)).await;
                    worker.member.beat().await.expect("alive");
                }
                for (i, from) in taken.iter().enumerate() {
                    for (n, at) in taken[i..].iter().enumerate() {
                        let most = (at - from) as f64 / 1e6 * rate as f64 + burst as f64;
                        prop_assert!(
                            (n + 1) as f64 <= most + 1e-6,
                            "{} in {} us",
                            n + 1,
                            at - from
                        );
                    }
                }
                Ok(())
            })
        })
        .expect("the law stands");
}
