//! `make chaos`: breaks a real fleet in every way there is a row for, and lets a judge count what that cost.
//!
//! A run is a campaign with one fault (`faults/`). It leaves two files (`lines.rs`): what the relay saw and what was
//! done, and what the book said in the end. The judge (`judge.rs`) reads these and nothing else; `chaos recount`
//! has it read them again.

mod book;
mod faults;
mod judge;
mod lines;
mod plan;
mod plant;
mod stage;
mod table;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use futures::{StreamExt, stream};
use serde_json::json;

use crate::{
    faults::{FAULTS, Fault},
    judge::{Files, Verdict},
    plan::{Plan, Random},
    plant::Plant,
    table::Table,
};

/// How long one run may take before it counts as broken.
const RUN_LIMIT: Duration = Duration::from_secs(600);

/// Break a real fleet in many ways and count what that costs: lost, doubled, and how long it took.
#[derive(Debug, Parser)]
#[command(
    name = "chaos",
    after_help = "\
Exits 1 if anything was lost, or more was doubled than the bound beside it. Every run leaves ledger.ndjson and
book.ndjson in target/chaos/RUN, from which `chaos recount` counts again; figures go to target/bench/chaos.json."
)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Each fault once, on one engine, in small campaigns.
    #[arg(long)]
    quick: bool,
    /// What every choice is made from; without it, a new one, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Only these faults (see `chaos list`).
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runs at the same time.
    #[arg(long, default_value_t = 3)]
    at_once: usize,
    /// Change the files of every run before they are read: the judge has to see it.
    #[arg(long, value_enum)]
    plant: Option<Plant>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Count again, from the files of runs alone.
    Recount {
        /// Folders of runs, or folders of such.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
    },
    /// Show which faults there are.
    List,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    match &options.command {
        Some(Command::List) => {
            for fault in FAULTS {
                println!("{:24} {}", fault.name, fault.title);
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Recount { folders }) => recount(folders),
        None => run(&options).await,
    }
}

/// The runs that there are to do, in order.
fn plans(options: &Options, seed: u64) -> anyhow::Result<Vec<(Fault, Plan)>> {
    if let Some(unknown) = options.only.iter().find(|name| !FAULTS.iter().any(|f| f.name == **name))
    {
        bail!("there is no fault \"{unknown}\": `chaos list` names them");
    }
    let mut random = Random::new(seed);
    let mut plans = Vec::new();
    for (at, fault) in FAULTS.iter().enumerate() {
        let engines = match options.quick {
            // Engines take turns.
            true => &fault.engines[at % fault.engines.len()..][..1],
            false => fault.engines,
        };
        for engine in engines {
            for number in 1..=if options.quick { 1 } else { fault.times } {
                let seed = random.next();
                let plan = Plan {
                    fault: fault.name,
                    title: fault.title,
                    engine: *engine,
                    seed,
                    quick: options.quick,
                    number,
                    folder: PathBuf::new(),
                    random: Random::new(seed),
                };
                // Left out only here: a run has the same seed whatever else is run.
                if options.only.is_empty() || options.only.iter().any(|name| name == fault.name) {
                    plans.push((*fault, plan));
                }
            }
        }
    }
    Ok(plans)
}

async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let target = target()?;
    let folder = target.join("chaos");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let seed = match options.seed {
        Some(seed) => seed,
        None => u64::from(std::process::id()) << 16 ^ std::time::UNIX_EPOCH.elapsed()?.as_secs(),
    };
    // A run that panics is told in its line; where in this program it was is of no use there.
    std::panic::set_hook(Box::new(|_| {}));
    let plans = plans(options, seed)?;
    let all = plans.len();
    eprintln!(
        "seed {seed}: {all} runs, {} at a time; files in {}",
        options.at_once,
        folder.display()
    );
    let began = Instant::now();
    let done = Arc::new(AtomicUsize::new(0));
    let runs = plans.into_iter().map(|(fault, mut plan)| {
        let (folder, done, plant) = (folder.join(plan.name()), Arc::clone(&done), options.plant);
        plan.folder.clone_from(&folder);
        async move {
            let began = Instant::now();
            let ended = one(fault, plan.clone(), &folder, plant).await;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            eprintln!(
                "[{done:3}/{all}] {} {:.1} s: {}",
                plan.name(),
                began.elapsed().as_secs_f64(),
                said(&ended)
            );
            (fault, folder, ended)
        }
    });
    let ended: Vec<_> = stream::iter(runs).buffer_unordered(options.at_once.max(1)).collect().await;
    let mut table = Table::default();
    for (fault, folder, ended) in ended {
        match ended {
            Ok(verdict) => table.add(&verdict, &folder),
            Err(error) => {
                let place = folder.display().to_string();
                table.add_failure(fault.name, fault.title, &place, &format!("{error:#}"));
            }
        }
    }
    let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    table.sort(&names);
    println!("{}", table.text());
    println!("seed {seed}, {:.0} s", began.elapsed().as_secs_f64());
    let settings = BTreeMap::from([
        ("seed", json!(seed)),
        ("quick", json!(options.quick)),
        ("seconds", json!(began.elapsed().as_secs())),
    ]);
    let figures = target.join("bench/chaos.json");
    std::fs::create_dir_all(target.join("bench"))?;
    std::fs::write(&figures, serde_json::to_string_pretty(&table.json(settings))? + "\n")?;
    Ok(exit_code(&table))
}

/// One run, from an empty book to the verdict. A run that panics has come to no end.
async fn one(
    fault: Fault,
    plan: Plan,
    folder: &Path,
    plant: Option<Plant>,
) -> anyhow::Result<Verdict> {
    let to = folder.to_owned();
    let running = tokio::spawn(tokio::time::timeout(RUN_LIMIT, async move {
        let stage = (fault.run)(plan).await;
        stage.leave(&to).await
    }));
    match running.await {
        Ok(Ok(left)) => left?,
        Ok(Err(_)) => bail!("it took longer than {RUN_LIMIT:?}"),
        Err(panicked) => {
            let panic = panicked.into_panic();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            bail!("{}", text.unwrap_or_default());
        }
    }
    if let Some(plant) = plant {
        plant.into_files(folder)?;
    }
    Ok(Files::read(folder)?.judge())
}

fn said(ended: &anyhow::Result<Verdict>) -> String {
    match ended {
        Err(error) => format!("BROKEN: {error:#}"),
        Ok(verdict) => {
            let broken = if verdict.broken.is_empty() {
                String::new()
            } else {
                format!(" BROKEN: {:?}", verdict.broken)
            };
            format!(
                "{} persons, {} faults, lost {}, doubled {} of {}{broken}",
                verdict.run.persons, verdict.faults, verdict.lost, verdict.doubled, verdict.bound
            )
        }
    }
}

fn recount(folders: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut table = Table::default();
    for folder in folders {
        let mut runs = vec![folder.clone()];
        if !folder.join("ledger.ndjson").exists() {
            let inside = std::fs::read_dir(folder)
                .with_context(|| format!("can't read {}", folder.display()))?;
            runs =
                inside.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
            runs.sort();
        }
        if runs.is_empty() {
            bail!("{} holds no run", folder.display());
        }
        for run in runs {
            table.add(&Files::read(&run)?.judge(), &run);
        }
    }
    println!("{}", table.text());
    Ok(exit_code(&table))
}

fn exit_code(table: &Table) -> ExitCode {
    if table.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder that this program was built into.
fn target() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("this program lies in a build folder")?;
    Ok(target.to_owned())
}
