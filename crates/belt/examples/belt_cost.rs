//! What the belt costs the server: microseconds of Redis time per job for push, claim, and the
//! checkpoint that completes one job and marks the next, with few lanes and with thousands; jobs go to one provider or to five,
//! and in the second case every kind of limit is set (and wide enough to hold nobody up).
//!
//! `script` is what the server says the claim script took; `claim` is all the processor time of its main thread, with
//! the network and the append-only file.
//!
//! `cargo run --release -p belt --example belt_cost [lanes|json]`; `json` answers with one object a line.

mod made_up;

use belt::{
    Belt, BeltConfig, Limits, OpenWith, PerName, Relay, TierLimits, VendorLimits, WorkerName,
    protocol::Op,
};
use domain::RateSpec;
use made_up::{BODY, job};
use testkit::TestRedis;

const JOBS: usize = 46_000;
const BATCH: usize = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let only = std::env::args().nth(1);
    if only.as_deref() == Some("json") {
        return every(true).await;
    }
    println!(
        "microseconds of the server per job, AOF on, {JOBS} jobs of {BODY} bytes, batches of {BATCH}"
    );
    println!(
        "{:>8} {:>10} {:>8} {:>8} {:>8} {:>8} {:>16} {:>12}",
        "lanes", "providers", "limits", "push", "script", "claim", "complete + mark", "bytes a job"
    );
    if let Some(lanes) = only {
        return measure(lanes.parse()?, 5, true, false).await;
    }
    every(false).await
}

async fn every(json: bool) -> Result<(), Box<dyn std::error::Error>> {
    for (providers, limits) in [(1, false), (1, true), (5, true)] {
        for lanes in [10, 1_000, 23_000] {
            measure(lanes, providers, limits, json).await?;
        }
    }
    Ok(())
}

/// Every kind of limit, each wide enough for everything.
fn wide_limits() -> Limits {
    let wide = RateSpec::per_second(1_000_000, 1_000_000);
    let each = PerName { each: Some(wide), own: Vec::new() };
    let tier =
        TierLimits { name: "Gold".into(), weight: 4, limit: Some(wide), monthly_volume: None };
    Limits {
        vendors: VendorLimits { limits: each.clone(), weights: Vec::new() },
        senders: each.clone(),
        providers: each,
        tiers: vec![tier],
    }
}

async fn measure(
    lanes: usize,
    providers: usize,
    limited: bool,
    json: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let redis = TestRedis::start();
    // A rewrite of the AOF in between would be counted for whatever runs just then.
    redis.cli(&["CONFIG", "SET", "auto-aof-rewrite-percentage", "0"]);
    let mut server =
        redis::Client::open(redis.url().replace("unix:", "redis+unix:"))?.get_connection()?;
    let belt = Belt::connect(BeltConfig::new(redis.url())).await?;
    let relays =
        vec![Relay { name: "relay".into(), limit: Some("1000000/s, burst 1000000".parse()?) }];
    let limits = if limited { wide_limits() } else { Limits::default() };
    belt.open(1, 1, OpenWith { relays, limits, ..OpenWith::default() }).await?;
    belt.finish_reporting(1).await?;
    let (worker, _, _) = belt.join(&WorkerName::new("cost"), &[], &[]).await?;
    let jobs = (0..JOBS).map(|n| job(n, lanes, providers)).collect::<Result<Vec<_>, _>>()?;

    let empty = number(&redis, "memory", "used_memory:")?;
    let start = used(&mut server)?;
    belt.push(&jobs, 1).await?;
    let push = used(&mut server)? - start;
    let full = number(&redis, "memory", "used_memory:")?;
    // What was never seen starts with nothing in hand; this lets everybody's limits fill up.
    worker.claim(1, 0).await?;

    let (mut claim, mut script, mut checkpoint, mut call, mut done) = (0, 0, 0, 1, 0);
    while done < JOBS {
        call += 1;
        let (start, before) = (used(&mut server)?, evalsha(&mut server)?);
        let jobs = worker.claim(call, BATCH).await?.jobs;
        let (claimed, after) = (used(&mut server)?, evalsha(&mut server)?);
        script += after - before;
        let records: Vec<String> = jobs.iter().map(record).collect();
        let mut ops: Vec<Op<'_>> = jobs.iter().map(Op::Mark).collect();
        ops.extend(jobs.iter().zip(&records).map(|(meta, record)| Op::Complete {
            meta,
            done: true,
            record,
        }));
        worker.checkpoint(&ops).await?;
        checkpoint += used(&mut server)? - claimed;
        claim += claimed - start;
        done += jobs.len();
        worker.beat().await?;
    }
    let per_job = |micros: u64| micros as f64 / JOBS as f64;
    if json {
        println!(
            r#"{{"lanes":{lanes},"providers":{providers},"limits":"{}","jobs":{JOBS},"batch":{BATCH},"body_bytes":{BODY},"push_us":{:.2},"script_us":{:.2},"claim_us":{:.2},"complete_and_mark_us":{:.2},"bytes_a_job":{}}}"#,
            if limited { "all" } else { "relay" },
            per_job(push),
            per_job(script),
            per_job(claim),
            per_job(checkpoint),
            (full - empty) / JOBS as u64,
        );
        return Ok(());
    }
    println!(
        "{lanes:>8} {providers:>10} {:>8} {:>8.1} {:>8.1} {:>8.1} {:>16.1} {:>12}",
        if limited { "all" } else { "relay" },
        per_job(push),
        per_job(script),
        per_job(claim),
        per_job(checkpoint),
        (full - empty) / JOBS as u64,
    );
    Ok(())
}

fn record(job: &belt::ClaimedMeta) -> String {
    format!(
        r#"{{"v":1,"send":"{}","activation":"{}","partner":"{}","claim":"{}","on_unknown":"retry","outcome":{{"end":"done","code":250}}}}"#,
        job.send, job.activation, job.lane, job.claim
    )
}

/// Microseconds of processor time the server's main thread has used: what others on this machine do
/// does not count.
fn used(server: &mut redis::Connection) -> Result<u64, Box<dyn std::error::Error>> {
    let text: String = redis::cmd("INFO").arg("cpu").query(server)?;
    let mut sum = 0.0;
    for name in ["used_cpu_user_main_thread:", "used_cpu_sys_main_thread:"] {
        let value = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("not in INFO")?;
        sum += value.trim().parse::<f64>()?;
    }
    Ok((sum * 1e6) as u64)
}

/// Microseconds the server spent in scripts, as it counts them.
fn evalsha(server: &mut redis::Connection) -> Result<u64, Box<dyn std::error::Error>> {
    let text: String = redis::cmd("INFO").arg("commandstats").query(server)?;
    let line =
        text.lines().find(|line| line.starts_with("cmdstat_evalsha:")).ok_or("not in INFO")?;
    let micros = line.split("usec=").nth(1).and_then(|rest| rest.split(',').next());
    Ok(micros.ok_or("not in INFO")?.parse()?)
}

fn number(redis: &TestRedis, section: &str, name: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let text = redis.cli(&["INFO", section]);
    let value = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("not in INFO")?;
    Ok(value.trim().split(',').next().unwrap_or_default().parse()?)
}
