//! Vendors share first, their partners then; what may not go to one provider is in nobody's way; a job takes a permit from each of
//! its limits or from none.

use std::{collections::HashMap, time::Duration};

use belt::{Limits, NewJob, OpenWith, PerName, Stop, TierLimits, VendorLimits};
use domain::{Outcome, RateSpec, outcome::NotNowReason};

use crate::stage::{FENCE, Stage, Worker, done, jobs, limited, partner, sends, vendor};

fn rate(text: &str) -> RateSpec {
    text.parse().expect("a limit")
}

fn each(text: &str) -> PerName {
    PerName { each: Some(rate(text)), own: Vec::new() }
}

fn own(name: &str, text: &str) -> PerName {
    PerName { each: None, own: vec![(name.to_owned(), rate(text))] }
}

fn to(provider: &str, jobs: Vec<NewJob>) -> Vec<NewJob> {
    let to = |job| NewJob { provider: provider.to_owned(), ..job };
    jobs.into_iter().map(to).collect()
}

fn of_vendor(n: u32, jobs: Vec<NewJob>) -> Vec<NewJob> {
    jobs.into_iter().map(|job| NewJob { vendor: vendor(n), ..job }).collect()
}

async fn with(limits: Limits) -> Stage {
    Stage::open_with(OpenWith { limits, ..OpenWith::default() }).await
}

/// Sends of the lane `n` are numbered from `n * 1_000`.
fn lane_of(send: i64) -> i64 {
    send / 1_000
}

#[tokio::test]
async fn a_vendor_with_many_partners_gets_no_more_than_one_with_a_single_partner() {
    let stage = Stage::open().await;
    for lane in 1..=50_u32 {
        let first = i64::from(lane) * 1_000;
        stage.push(&of_vendor(1, jobs(first..first + 20, lane))).await;
    }
    stage.push(&of_vendor(2, jobs(90_000..90_400, 90))).await;
    let mut worker = stage.worker("a").await;
    let mut served: HashMap<i64, usize> = HashMap::new();
    for _ in 0..4 {
        for meta in worker.claim(50).await {
            *served.entry(lane_of(meta.send.get())).or_default() += 1;
            worker.complete(&meta, done()).await;
        }
    }
    assert!((99..=101).contains(&served[&90]), "{served:?}");
    let others: Vec<usize> = (1..=50).map(|lane| served.get(&lane).copied().unwrap_or(0)).collect();
    assert!(others.iter().all(|count| (1..=3).contains(count)), "its partners share: {others:?}");
}

#[tokio::test]
async fn vendors_share_by_their_weights() {
    let weights = vec![(vendor(1).to_string(), 1), (vendor(2).to_string(), 3)];
    let limits = Limits {
        vendors: VendorLimits { weights, ..VendorLimits::default() },
        ..Limits::default()
    };
    let stage = with(limits).await;
    stage.push(&of_vendor(1, jobs(1_000..1_300, 1))).await;
    stage.push(&of_vendor(2, jobs(2_000..2_150, 2))).await;
    stage.push(&of_vendor(2, jobs(3_000..3_150, 3))).await;
    let mut worker = stage.worker("a").await;
    let mut served = HashMap::new();
    for _ in 0..4 {
        for meta in worker.claim(50).await {
            *served.entry(lane_of(meta.send.get())).or_insert(0) += 1;
            worker.complete(&meta, done()).await;
        }
    }
    assert!((49..=51).contains(&served[&1]), "{served:?}");
    assert!((74..=76).contains(&served[&2]) && (74..=76).contains(&served[&3]), "{served:?}");
}

#[tokio::test]
async fn a_vendor_that_was_away_gains_no_credit() {
    let stage = Stage::open().await;
    stage.push(&of_vendor(1, jobs(1_000..1_200, 1))).await;
    let mut worker = stage.worker("a").await;
    for meta in worker.claim(100).await {
        worker.complete(&meta, done()).await;
    }
    stage.push(&of_vendor(2, jobs(2_000..2_100, 2))).await;
    let held = sends(&worker.claim(20).await);
    let late = held.iter().filter(|send| lane_of(**send) == 2).count();
    assert!((9..=11).contains(&late), "{held:?}");
}

#[tokio::test]
async fn mail_to_a_throttled_provider_stands_before_nobody_elses() {
    let limits = Limits { providers: own("gmail", "1/s, burst 1"), ..Limits::default() };
    let mut stage = with(limits).await;
    // On the same lane, and there first.
    stage.push(&to("gmail", jobs(1..200, 1))).await;
    stage.push(&to("microsoft", jobs(1_000..1_100, 1))).await;
    stage.pass(Duration::from_secs(2)).await;
    let mut worker = stage.worker("a").await;
    let first = sends(&worker.claim(64).await);
    assert!(first.iter().filter(|send| **send < 1_000).count() <= 1, "{first:?}");
    assert_eq!(first.len(), 64, "the other provider's mail fills the hands");
    let mut left = HashMap::new();
    for _ in 0..3 {
        for send in sends(&worker.claim(64).await) {
            *left.entry(send < 1_000).or_insert(0) += 1;
        }
    }
    assert_eq!(left.get(&false), Some(&(100 - first.iter().filter(|s| **s >= 1_000).count())));
    assert!(left.get(&true).copied().unwrap_or(0) <= 1, "{left:?}");
    // It says when to come back, and then one goes.
    let answer = worker.call(64).await;
    assert!(answer.jobs.is_empty() && answer.retry <= Duration::from_secs(1), "{answer:?}");
    stage.pass(Duration::from_secs(1)).await;
    assert_eq!(worker.claim(64).await.len(), 1);
}

#[tokio::test]
async fn what_one_limit_keeps_takes_no_permit_of_another() {
    let limits = Limits {
        vendors: VendorLimits { limits: each("10/s, burst 1"), weights: Vec::new() },
        senders: each("50/s, burst 5"),
        providers: each("50/s, burst 5"),
        tiers: Vec::new(),
    };
    let mut stage = with(limits).await;
    let from = |vendor_number: u32, sends: std::ops::Range<i64>, lane: u32| -> Vec<NewJob> {
        let of = of_vendor(vendor_number, to("gmail", jobs(sends, lane)));
        let sender =
            |job| NewJob { sender: "brand.example".to_owned(), ..limited(job, "50/s, burst 5") };
        of.into_iter().map(sender).collect()
    };
    let mut worker = stage.worker("a").await;
    // A vendor asks a hundred times a second and is let ten; another then finds all that the first was refused.
    stage.push(&from(1, 1_000..1_100, 1)).await;
    claims(&mut stage, &mut worker, 300).await;
    stage.push(&from(2, 2_000..2_100, 2)).await;
    claims(&mut stage, &mut worker, 50).await;
    let both = claims(&mut stage, &mut worker, 100).await;
    let of = |lane: i64| both.iter().filter(|send| lane_of(**send) == lane).count();
    assert!((9..=11).contains(&of(1)) && (9..=11).contains(&of(2)), "{both:?}");
}

#[tokio::test]
async fn what_was_chosen_and_may_not_go_gives_its_permits_back() {
    let mut stage = Stage::open().await;
    let slow = |sends, version: &str| -> Vec<NewJob> {
        let of = |job| NewJob { version: version.to_owned(), ..limited(job, "10/s, burst 10") };
        jobs(sends, 1).into_iter().map(of).collect()
    };
    stage.push(&slow(1..11, "recalled")).await;
    stage.push(&slow(11..21, "version-1")).await;
    let mut worker = stage.worker("a").await;
    assert!(worker.claim(20).await.is_empty(), "what was never seen starts with nothing in hand");
    stage.belt.set_stop("recalled", Stop::Cancel).await.expect("answered");
    stage.pass(Duration::from_secs(1)).await;
    let mut went = worker.claim(20).await.len();
    stage.pass(Duration::from_millis(100)).await;
    went += worker.claim(20).await.len();
    assert_eq!(went, 10, "ten were in hand, and none went to what is recalled");
}

/// Claims every 10 ms, so many times; what was given out.
async fn claims(stage: &mut Stage, worker: &mut Worker, times: usize) -> Vec<i64> {
    let mut given = Vec::new();
    for _ in 0..times {
        stage.pass(Duration::from_millis(10)).await;
        worker.member.beat().await.expect("alive");
        for meta in worker.claim(10).await {
            given.push(meta.send.get());
            worker.complete(&meta, done()).await;
        }
    }
    given
}

#[tokio::test]
async fn a_limit_that_is_changed_holds_from_the_next_claim() {
    let mut stage = with(Limits { providers: each("1/s, burst 1"), ..Limits::default() }).await;
    stage.push(&to("gmail", jobs(1..300, 1))).await;
    let mut worker = stage.worker("a").await;
    worker.claim(10).await;
    stage.pass(Duration::from_secs(2)).await;
    assert_eq!(worker.claim(10).await.len(), 1);
    let faster = Limits { providers: each("100/s, burst 10"), ..Limits::default() };
    stage.belt.set_limits(&faster, FENCE).await.expect("they are taken");
    assert!(worker.claim(50).await.is_empty(), "no burst by another name");
    stage.pass(Duration::from_millis(100)).await;
    assert_eq!(worker.claim(50).await.len(), 10);
    // And none at all.
    stage.belt.set_limits(&Limits::default(), FENCE).await.expect("they are taken");
    assert_eq!(worker.claim(50).await.len(), 50);
}

#[tokio::test]
async fn a_tier_s_volume_of_the_month_ends_at_its_number_and_begins_anew() {
    let tier =
        TierLimits { name: "Gold".to_owned(), weight: 2, limit: None, monthly_volume: Some(10) };
    let mut stage = with(Limits { tiers: vec![tier], ..Limits::default() }).await;
    stage.belt.set_volumes("2026-01", &[(partner(1), 4)], FENCE).await.expect("it is taken");
    let gold = |sends, lane| -> Vec<NewJob> {
        jobs(sends, lane).into_iter().map(|job| NewJob { tier: "Gold".to_owned(), ..job }).collect()
    };
    stage.push(&gold(1..40, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(20).await;
    assert_eq!(held.len(), 6, "the book has four");
    // What did not go is no part of it.
    let away = Outcome::not_now(Duration::from_secs(60), NotNowReason::RelayDown);
    worker.complete(&held[0], away).await;
    stage.push(&gold(50..60, 1)).await;
    let more = worker.claim(20).await;
    assert_eq!(more.len(), 1);
    assert!(worker.claim(20).await.is_empty());
    // The rest waits for February, in the book.
    let until_february = Duration::from_secs(31 * 86_400);
    let mut waits = Vec::new();
    for record in stage.outcomes().await {
        if let Outcome::NotNow { after_ms, reason: NotNowReason::Limit } = record.outcome {
            waits.push(Duration::from_millis(after_ms));
        }
    }
    assert_eq!(waits.len(), 33 + 9, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait >= until_february), "{waits:?}");
    for meta in &held[1..] {
        worker.complete(meta, done()).await;
    }
    worker.complete(&more[0], done()).await;
    stage.pass(until_february).await;
    let mut worker = stage.worker("b").await;
    stage.push(&gold(100..140, 1)).await;
    assert_eq!(worker.claim(20).await.len(), 10);
}

#[tokio::test]
async fn a_vendor_that_waits_is_one_entry_however_many_partners_it_has() {
    let own = PerName { each: None, own: vec![(vendor(1).to_string(), rate("10/s, burst 1"))] };
    let limits =
        Limits { vendors: VendorLimits { limits: own, weights: Vec::new() }, ..Limits::default() };
    let mut stage = with(limits).await;
    for lane in 1..=100_u32 {
        stage
            .push(&of_vendor(1, jobs(i64::from(lane) * 1_000..i64::from(lane) * 1_000 + 2, lane)))
            .await;
    }
    stage.push(&of_vendor(2, jobs(200_000..200_010, 200))).await;
    let mut worker = stage.worker("a").await;
    let held = sends(&worker.claim(20).await);
    assert!(held.iter().all(|send| *send >= 200_000), "{held:?}");
    assert_eq!(held.len(), 10);
    assert_eq!(stage.belt.status().await.expect("status").lanes_waiting, 1);
    stage.pass(Duration::from_millis(100)).await;
    assert_eq!(worker.claim(20).await.len(), 1);
}
