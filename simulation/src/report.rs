//! Runs many schedules on both cores, and says what came of them.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use process::Config;

use crate::{
    run::{Ran, run},
    server::Server,
    stage::Stage,
};

/// How many schedules run when nothing is said.
const SCHEDULES: u64 = 2_000;
/// How many run at once.
const THREADS: u64 = 2;

/// What is asked for on the command line.
struct Asked {
    seed: Option<u64>,
    schedules: u64,
    first: u64,
    steps: Option<usize>,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked { seed: None, schedules: SCHEDULES, first: 1, steps: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a number"))?;
        let number: u64 =
            value.parse().map_err(|_| format!("{word} needs a number, got \"{value}\""))?;
        match word.as_str() {
            "--seed" => asked.seed = Some(number),
            "--schedules" => asked.schedules = number,
            "--first" => asked.first = number,
            "--steps" => asked.steps = usize::try_from(number).ok(),
            _ => {
                return Err(format!(
                    "\"{word}\": expected --schedules N, --first SEED, --seed SEED or --steps N"
                ));
            }
        }
    }
    Ok(asked)
}

/// The program.
pub fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("simulation: {why}");
            return ExitCode::from(2);
        }
    };
    let done = match asked.seed {
        Some(seed) => replay(seed, asked.steps),
        None => many(&asked),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulation: {error:#}");
            ExitCode::from(3)
        }
    }
}

/// What one thread has for all its schedules.
struct Bench {
    runtime: tokio::runtime::Runtime,
    stage: Stage,
    server: Server,
    config: Config,
}

impl Bench {
    fn set_up() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stage = runtime.block_on(Stage::build())?;
        Ok(Self { runtime, stage, server: Server::start()?, config: Config::default() })
    }

    fn run(&mut self, seed: u64, steps: Option<usize>) -> anyhow::Result<Ran> {
        let Self { runtime, stage, server, config } = self;
        runtime.block_on(run(seed, steps, stage, server, config))
    }
}

fn replay(seed: u64, steps: Option<usize>) -> anyhow::Result<bool> {
    let ran = Bench::set_up()?.run(seed, steps)?;
    show(&ran);
    println!("{} steps, log {:016x}", ran.steps, fingerprint(&ran));
    Ok(ran.broken.is_empty())
}

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

fn many(asked: &Asked) -> anyhow::Result<bool> {
    let began = Instant::now();
    let next = AtomicU64::new(asked.first);
    let stop = AtomicBool::new(false);
    let sums = Mutex::new(Sums::default());
    let failed: Mutex<Option<Ran>> = Mutex::default();
    let end = asked.first + asked.schedules;
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let work = || -> anyhow::Result<()> {
            let mut bench = Bench::set_up()?;
            while !stop.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    break;
                }
                let ran = bench.run(seed, asked.steps).map_err(|error| {
                    stop.store(true, Ordering::Relaxed);
                    error.context(format!("seed {seed}"))
                })?;
                sums.lock().expect("nobody panics here").add(&ran);
                if !ran.broken.is_empty() {
                    stop.store(true, Ordering::Relaxed);
                    let ran = shorter(&mut bench, ran)?;
                    let mut failed = failed.lock().expect("nobody panics here");
                    if failed.as_ref().is_none_or(|known| ran.seed < known.seed) {
                        *failed = Some(ran);
                    }
                }
            }
            Ok(())
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(())
    })?;
    let failed = failed.into_inner().expect("nobody panics here");
    if let Some(ran) = &failed {
        show(ran);
        println!(
            "seed {} breaks a promise in {} steps: make simulate SEED={} STEPS={}",
            ran.seed, ran.steps, ran.seed, ran.steps
        );
    }
    print_sums(&sums.into_inner().expect("nobody panics here"), began);
    Ok(failed.is_none())
}

/// The shortest beginning of a schedule that breaks a promise: the first steps are the same however many
/// follow.
fn shorter(bench: &mut Bench, mut ran: Ran) -> anyhow::Result<Ran> {
    let (mut holds, mut breaks) = (0, ran.steps);
    while breaks - holds > 1 {
        let middle = holds + (breaks - holds) / 2;
        let tried = bench.run(ran.seed, Some(middle))?;
        if tried.broken.is_empty() {
            holds = middle;
        } else {
            breaks = middle;
            ran = tried;
        }
    }
    Ok(ran)
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
