//! Runs many schedules, and says what came of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use belt::ScriptTexts;
use serde_json::json;

use crate::{
    bench::{Bench, each},
    run::Ran,
};

/// What is asked for on the command line.
#[derive(Debug)]
pub struct Asked {
    /// The first seed.
    pub first: u64,
    /// How many follow, with it.
    pub schedules: u64,
    /// At most so many steps of each.
    pub steps: Option<usize>,
    /// Go on after a broken promise.
    pub keep_going: bool,
    /// How many at once.
    pub at_once: u64,
    /// One JSON object instead of text.
    pub json: bool,
}

/// How often it is said how far the run is, in schedules.
const PROGRESS: u64 = 250;

fn show(ran: &Ran) {
    for line in &ran.log {
        println!("{line}");
    }
    for broken in &ran.broken {
        println!("BROKEN {broken}");
    }
}

/// Tells whether two runs of a seed were the same.
pub fn fingerprint(ran: &Ran) -> u64 {
    let text = format!("{:?}{:?}", ran.log, ran.broken);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[derive(Default)]
struct Sums {
    schedules: u64,
    steps: u64,
    sends: u64,
    time: u64,
    calls: u64,
    lost: [u64; 2],
    waits: u64,
    doubled: u64,
    faults: BTreeMap<String, u64>,
    checks: BTreeMap<&'static str, u64>,
    excused: BTreeMap<String, u64>,
}

impl Sums {
    fn add(&mut self, ran: &Ran) {
        self.schedules += 1;
        self.steps += ran.steps as u64;
        self.sends += ran.sends;
        self.time += ran.time;
        self.calls += ran.counted.calls;
        self.lost[0] += ran.counted.lost_calls;
        self.lost[1] += ran.counted.lost_answers;
        self.waits += ran.counted.waits;
        self.doubled += ran.doubled;
        for (fault, count) in &ran.faults {
            *self.faults.entry(format!("{fault:?}")).or_default() += count;
        }
        for (check, count) in &ran.checks {
            *self.checks.entry(check).or_default() += count;
        }
        for (excuse, count) in &ran.excused {
            *self.excused.entry(format!("{excuse:?}")).or_default() += count;
        }
    }
}

#[derive(Default)]
struct Seen {
    sums: Sums,
    failed: Vec<Ran>,
}

/// Runs the schedules and prints what came of them. False if a promise was broken.
///
/// # Errors
/// When a schedule can't be run.
pub fn run(asked: &Asked) -> anyhow::Result<bool> {
    let began = Instant::now();
    let mut benches = Vec::new();
    for _ in 0..asked.at_once.min(asked.schedules) {
        benches.push(Bench::set_up(Arc::new(ScriptTexts::default()))?);
    }
    let seen: Mutex<Seen> = Mutex::default();
    let end = asked.first.saturating_add(asked.schedules);
    each(&mut benches, (asked.first, end), asked.steps, &|bench, ran| {
        let broke = !ran.broken.is_empty();
        {
            let mut seen = seen.lock().expect("nobody panics here");
            seen.sums.add(&ran);
            let done = seen.sums.schedules;
            if !asked.json && done.is_multiple_of(PROGRESS) {
                eprintln!("{done} schedules in {:.0} s", began.elapsed().as_secs_f64());
            }
            if asked.schedules == 1 && !asked.json {
                show(&ran);
                println!("{} steps, log {:016x}", ran.steps, fingerprint(&ran));
            }
        }
        if broke {
            // With many to come the first look is enough; the one that is shown is cut short.
            let ran =
                if asked.keep_going || asked.schedules == 1 { ran } else { bench.shorter(ran)? };
            let mut seen = seen.lock().expect("nobody panics here");
            if asked.keep_going && !asked.json {
                println!("seed {}: {}", ran.seed, ran.broken[0]);
            }
            seen.failed.push(ran);
        }
        Ok(broke && !asked.keep_going)
    })?;
    let Seen { sums, mut failed } = seen.into_inner().expect("nobody panics here");
    failed.sort_by_key(|ran| ran.seed);
    if asked.json {
        println!("{}", as_json(&sums, &failed, began));
        return Ok(failed.is_empty());
    }
    if let Some(ran) = failed.first().filter(|_| asked.schedules > 1 && !asked.keep_going) {
        show(ran);
        println!(
            "seed {} breaks a promise in {} steps; again: make simulate ARGS=\"--seed {} --schedules 1 --steps {}\"",
            ran.seed, ran.steps, ran.seed, ran.steps
        );
    }
    print_sums(&sums, began);
    if !failed.is_empty() {
        let seeds: Vec<String> = failed.iter().map(|ran| ran.seed.to_string()).collect();
        println!("BROKEN by seeds {}", seeds.join(" "));
    }
    Ok(failed.is_empty())
}

fn as_json(sums: &Sums, failed: &[Ran], began: Instant) -> serde_json::Value {
    let failed = failed.iter().map(
        |ran| json!({ "seed": ran.seed, "steps": ran.steps, "broken": ran.broken, "log": ran.log }),
    );
    json!({
        "schedules": sums.schedules,
        "steps": sums.steps,
        "sends": sums.sends,
        "simulated_seconds": sums.time / 1_000_000,
        "duration_ms": began.elapsed().as_millis() as u64,
        "calls": sums.calls,
        "lost_calls": sums.lost[0],
        "lost_answers": sums.lost[1],
        "waits": sums.waits,
        "faults": sums.faults,
        "checks": sums.checks,
        "excused": sums.excused,
        "doubled": sums.doubled,
        "failed": failed.collect::<Vec<_>>(),
    })
}

fn print_sums(sums: &Sums, began: Instant) {
    let listed = |counts: Vec<(String, u64)>| {
        let shown: Vec<String> =
            counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        shown.join(" · ")
    };
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} schedules, {} steps, {} sends, {:.1} h of simulated time in {seconds:.0} s",
        sums.schedules,
        sums.steps,
        sums.sends,
        sums.time as f64 / 3.6e9,
    );
    println!(
        "calls: {} · lost calls {} · lost answers {} · waits at a call {}",
        sums.calls, sums.lost[0], sums.lost[1], sums.waits
    );
    println!("faults: {}", listed(sums.faults.clone().into_iter().collect()));
    let checks = sums.checks.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    println!("looks at promises: {}", listed(checks));
    println!(
        "attempts whose end a fault hid: {} · messages the relay took twice: {}",
        listed(sums.excused.clone().into_iter().collect()),
        sums.doubled
    );
}
