//! `jobs`: what is set aside, held, unknown or failed, and what a person decides about it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use domain::{ActivationId, SendId, SendState, StuckReason, ids::ParseIdError};
use program::{
    Actor, ControlOf, JobCommand, JobDecision, JobDone, JobEvent, JobLine, JobPlace, JobView,
    JobsDone, JobsOf, PageOf, Program,
};
use serde::Serialize;

use super::{activation_id, open::Settings};
use crate::{
    failure::BAD_INPUT,
    output::{Output, number, table},
};

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List what is set aside, held, unknown, or failed by our fault.
    List(List),
    /// Tell the whole story of one job.
    Show(Show),
    /// Try again what was set aside, held or failed.
    Replay(Replay),
    /// End what is set aside, held, unknown or failed as cancelled.
    Drop(DropJobs),
    /// Say of what is unknown that it went, or have it sent again.
    Resolve(Resolve),
}

/// Which jobs.
#[derive(Debug, Args)]
pub struct Filter {
    /// In this state: held, failed, or due or queued for what is tried again though nobody knows whether it went.
    #[arg(long, value_name = "S", value_parser = word::<SendState>)]
    state: Option<SendState>,
    /// For this reason: set_aside, unknown, payload_too_big, render_failed, unreadable, gave_up, rejected or bad_address. Without
    /// it, all but the last two, which are a relay's word.
    #[arg(long, value_name = "R", value_parser = word::<StuckReason>)]
    reason: Option<StuckReason>,
    /// Of this partner, by key or id.
    #[arg(long, value_name = "P")]
    partner: Option<String>,
    /// Of this package, by name or id.
    #[arg(long, value_name = "P")]
    package: Option<String>,
    /// Of this activation.
    #[arg(long, value_name = "ACTIVATION", value_parser = activation_id)]
    activation: Option<ActivationId>,
    /// Of this vendor, by name or id; with --partner or --package, whose that is.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline jobs list
  throughline jobs list --reason set_aside --package product-launch")]
pub struct List {
    #[command(flatten)]
    filter: Filter,
    /// The most that are listed: 1 to 200.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Where the list before ended.
    #[arg(long, value_name = "JOB", value_parser = job_id)]
    cursor: Option<SendId>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline jobs show snd_0000000000abc")]
pub struct Show {
    /// The job: a send's id.
    #[arg(value_name = "JOB", value_parser = job_id)]
    job: SendId,
}

/// One job, or all that a filter finds.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["job", "all"]))]
pub struct Which {
    /// The job: a send's id.
    #[arg(value_name = "JOB", value_parser = job_id, conflicts_with_all = ["state", "reason", "partner", "package", "activation", "vendor"])]
    job: Option<SendId>,
    /// All that the filters find; at least one has to be given.
    #[arg(long, requires = "filters")]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    /// What is to be remembered about it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    because: String,
}

#[derive(Debug, Args)]
#[command(group = filters(), after_help = "\
Example:
  throughline jobs replay snd_0000000000abc
  throughline jobs replay --reason set_aside --package product-launch --all

Its state goes back to due; what happened to it before stays in its story. Of what is unknown nobody knows whether it
went: that is to be resolved.")]
pub struct Replay {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
#[command(group = filters(), after_help = "\
Example:
  throughline jobs drop snd_0000000000abc --because \"asked on the phone\"
  throughline jobs drop --reason payload_too_big --partner acme --all")]
pub struct DropJobs {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
#[command(group = filters(), group = clap::ArgGroup::new("how").required(true).args(["sent", "again"]), after_help = "\
Example:
  throughline jobs resolve snd_0000000000abc --sent
  throughline jobs resolve --reason unknown --partner acme --again --all

Unknown is what was on the wire when the connection or the process was lost. --sent counts it as accepted; --again sends
it, and whoever got it before gets it twice.")]
pub struct Resolve {
    #[command(flatten)]
    which: Which,
    /// It went: count it as accepted.
    #[arg(long)]
    sent: bool,
    /// Send it again, knowing that it may have gone.
    #[arg(long)]
    again: bool,
}

fn filters() -> clap::ArgGroup {
    let all = ["state", "reason", "partner", "package", "activation", "vendor"];
    clap::ArgGroup::new("filters").multiple(true).args(all)
}

fn job_id(text: &str) -> Result<SendId, String> {
    text.trim().parse().map_err(|error: ParseIdError| error.to_string())
}

fn word<T: std::str::FromStr<Err = ParseIdError>>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|error: ParseIdError| error.to_string())
}

impl Filter {
    async fn find(&self, program: &Program) -> anyhow::Result<JobsOf> {
        let actor = &Actor::Ops;
        let vendor = self.vendor.clone();
        let mut of = JobsOf {
            state: self.state,
            reason: self.reason,
            activation: self.activation,
            ..JobsOf::default()
        };
        if let Some(partner) = self.partner.clone() {
            let named = ControlOf::Partner { vendor: vendor.clone(), partner };
            if let domain::Scope::Partner(id) = program.find_scope(actor, &named).await? {
                of.partner = Some(id);
            }
        }
        if let Some(package) = self.package.clone() {
            let named = ControlOf::Package { vendor: vendor.clone(), package, version: None };
            if let domain::Scope::Package(id) = program.find_scope(actor, &named).await? {
                of.package = Some(id);
            }
        }
        if vendor.is_some() {
            of.vendor = Some(program.find_vendor(actor, vendor.as_deref()).await?);
        }
        Ok(of)
    }
}

pub async fn run(
    command: JobsCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    match command {
        JobsCommand::List(options) => list(options, &program, output).await,
        JobsCommand::Show(options) => {
            let view = program.job(&Actor::Ops, options.job).await?;
            output.answer(&view, || story(&view))?;
            Ok(ExitCode::SUCCESS)
        }
        JobsCommand::Replay(options) => {
            decide(options.which, JobCommand::Replay, &program, output).await
        }
        JobsCommand::Drop(options) => {
            decide(options.which, JobCommand::Drop, &program, output).await
        }
        JobsCommand::Resolve(options) => {
            let command = match options.sent {
                true => JobCommand::ResolveSent,
                false => JobCommand::ResolveAgain,
            };
            decide(options.which, command, &program, output).await
        }
    }
}

/// A page as programs read it.
#[derive(Debug, Serialize)]
struct JobsPage {
    items: Vec<JobLine>,
    next_cursor: Option<SendId>,
}

async fn list(options: List, program: &Program, output: Output) -> anyhow::Result<ExitCode> {
    let of = options.filter.find(program).await?;
    let page = PageOf { after: options.cursor, limit: options.limit };
    let found = program.list_jobs(&Actor::Ops, &of, &page).await?;
    let page = JobsPage { items: found.items, next_cursor: found.next };
    output.answer(&page, || {
        if page.items.is_empty() {
            return "no job is stuck\n".to_owned();
        }
        let rows: Vec<Vec<String>> = page
            .items
            .iter()
            .map(|job| {
                vec![
                    job.job.to_string(),
                    job.state.to_string(),
                    job.reason.clone(),
                    job.package.clone(),
                    job.partner_key.clone(),
                    job.step.to_string(),
                    job.activation.to_string(),
                    number(u64::from(job.attempts)),
                ]
            })
            .collect();
        let header =
            ["job", "state", "reason", "package", "partner", "step", "activation", "attempts"];
        let more = page.next_cursor.map(|next| format!("there are more: --cursor {next}\n"));
        table(&header, &rows) + &more.unwrap_or_default()
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn decide(
    which: Which,
    command: JobCommand,
    program: &Program,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let decision = JobDecision { command, note: which.because };
    if let Some(job) = which.job {
        let done = program.decide_job(&Actor::Ops, job, &decision).await?;
        output.answer(&done, || one(&done))?;
        return Ok(ExitCode::SUCCESS);
    }
    let of = which.filter.find(program).await?;
    let mut progress = |so_far: &JobsDone| {
        eprintln!("{} of {} jobs so far", number(so_far.changed), number(so_far.found));
    };
    let done = program.decide_jobs(&Actor::Ops, &of, &decision, &mut progress).await?;
    output.answer(&done, || many(&done))?;
    Ok(if done.refused > 0 { ExitCode::from(BAD_INPUT) } else { ExitCode::SUCCESS })
}

fn one(done: &JobDone) -> String {
    match done.changed {
        true => format!("{} was {}, is {} now\n", done.job, done.before, done.after),
        false => format!("{} is {} already\n", done.job, done.after),
    }
}

fn many(done: &JobsDone) -> String {
    let mut text = format!("{} of {} jobs done\n", number(done.changed), number(done.found));
    if done.refused > 0 {
        text.push_str(&format!("{} left as they are:\n", number(done.refused)));
    }
    for refusal in &done.refusals {
        text.push_str(&format!("  {} {}\n", refusal.job, refusal.why));
    }
    let unnamed = done.refused.saturating_sub(done.refusals.len() as u64);
    if unnamed > 0 {
        text.push_str(&format!("  and {} more\n", number(unnamed)));
    }
    text
}

fn story(view: &JobView) -> String {
    let line = &view.line;
    let reason = match line.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    let mut text = format!(
        "{}  {}{reason}\nstep {} of {}@{} for {} ({})\nactivation {}, {}\n",
        line.job,
        line.state,
        line.step,
        line.package,
        view.version,
        view.partner_name,
        line.partner_key,
        line.activation,
        view.activation_state
    );
    if let Some(address) = &view.address {
        text.push_str(&format!("to {address}\n"));
    }
    text.push_str(&format!("due {}, {} attempts", line.due_at, line.attempts));
    if let Some(at) = view.first_fed_at {
        text.push_str(&format!(", first fed {at}"));
    }
    if let Some(claim) = view.claim {
        text.push_str(&format!(", claim {claim}"));
    }
    if view.duplicates > 0 {
        text.push_str(&format!(", accepted {} times more", view.duplicates));
    }
    text.push_str(&format!("\nbelt: {}\n", place(&view.belt)));
    for event in &view.events {
        text.push_str(&format!("{}\n", happened(event)));
    }
    for deed in &view.done {
        text.push_str(&format!("{}  {} by {}  {}\n", deed.at, deed.action, deed.who, deed.detail));
    }
    text
}

fn place(place: &JobPlace) -> String {
    let died = |deaths: &u32| match deaths {
        0 => String::new(),
        deaths => format!("; {deaths} processes died holding it"),
    };
    match place {
        JobPlace::Nowhere => "not on it".to_owned(),
        JobPlace::Waiting { deaths } => format!("waits on its lane{}", died(deaths)),
        JobPlace::Delayed { deaths } => format!("waits out a short delay{}", died(deaths)),
        JobPlace::InHand { worker, on_the_wire, deaths } => {
            let worker = worker.as_deref().unwrap_or("a worker");
            let wire = if *on_the_wire { ", on the wire" } else { "" };
            format!("{worker} has it{wire}{}", died(deaths))
        }
        JobPlace::Unknown => "can't be asked".to_owned(),
    }
}

/// An event with the answer that came with it.
fn happened(event: &JobEvent) -> String {
    let claim = event.claim.map(|claim| claim.to_string()).unwrap_or_default();
    let answer = &event.detail["answer"];
    let part = |name: &str| {
        let at = |from: &serde_json::Value| match &from[name] {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        at(answer).or_else(|| at(&event.detail)).unwrap_or_default()
    };
    let said = ["reason", "code", "enhanced", "text"].map(part);
    let said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
    format!("{}  {:<12}  {claim:<10}  {}", event.at, event.kind.as_str(), said.join(" "))
        .trim_end()
        .to_owned()
}
