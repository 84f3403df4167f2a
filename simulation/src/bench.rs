//! What a thread needs for its schedules, and many schedules on several threads.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use belt::ScriptTexts;
use process::Config;

use crate::{
    run::{Ran, run},
    server::Server,
    stage::Stage,
};

/// What one thread has for all its schedules.
pub struct Bench {
    runtime: tokio::runtime::Runtime,
    stage: Stage,
    server: Server,
    config: Config,
    scripts: Arc<ScriptTexts>,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Bench {
    /// A Redis and a book, for schedules of these scripts.
    ///
    /// # Errors
    /// When either can't be had.
    pub fn set_up(scripts: Arc<ScriptTexts>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stage = runtime.block_on(Stage::build())?;
        Ok(Self { runtime, stage, server: Server::start()?, config: Config::default(), scripts })
    }

    /// The schedule of one seed, with at most so many steps.
    ///
    /// # Errors
    /// When the server or the book fails by itself.
    pub fn run(&mut self, seed: u64, steps: Option<usize>) -> anyhow::Result<Ran> {
        let Self { runtime, stage, server, config, scripts } = self;
        runtime.block_on(run(seed, steps, stage, server, config, scripts))
    }

    /// The shortest beginning of a schedule that still breaks a promise: the first steps are the same
    /// however many follow.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn shorter(&mut self, mut ran: Ran) -> anyhow::Result<Ran> {
        let (mut holds, mut breaks) = (0, ran.steps);
        while breaks - holds > 1 {
            let middle = holds + (breaks - holds) / 2;
            let tried = self.run(ran.seed, Some(middle))?;
            if tried.broken.is_empty() {
                holds = middle;
            } else {
                breaks = middle;
                ran = tried;
            }
        }
        Ok(ran)
    }
}

/// Runs seeds `first..end` on several benches until `see` says that it has seen enough.
///
/// # Errors
/// As [`Bench::run`]; the seed is named.
pub fn each(
    benches: &mut [Bench],
    (first, end): (u64, u64),
    steps: Option<usize>,
    see: &(impl Fn(&mut Bench, Ran) -> anyhow::Result<bool> + Sync),
) -> anyhow::Result<()> {
    let next = AtomicU64::new(first);
    let enough = AtomicBool::new(false);
    let failed: Mutex<Option<anyhow::Error>> = Mutex::default();
    let work = |bench: &mut Bench| -> anyhow::Result<()> {
        while !enough.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let ran =
                bench.run(seed, steps).map_err(|error| error.context(format!("seed {seed}")))?;
            if see(bench, ran)? {
                enough.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        for bench in benches {
            scope.spawn(|| {
                if let Err(error) = work(bench) {
                    enough.store(true, Ordering::Relaxed);
                    *failed.lock().expect("nobody panics here") = Some(error);
                }
            });
        }
    });
    failed.into_inner().expect("nobody panics here").map_or(Ok(()), Err)
}
