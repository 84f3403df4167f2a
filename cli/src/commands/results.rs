//! `results`.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use domain::{ActivationId, StepKey, results::ResultKind};
use program::{
    Actor, Came, CameBy, Figures, PersonLine, PersonsOf, Program, Rate, Results, StepResults,
};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::{activation_id, open::Settings};
use crate::output::{Output, number, table};

/// Persons read at once.
const PAGE: u32 = 1_000;

/// What a machine is, where its numbers stand beside people's.
const MACHINES: &str =
    "machine: programs that scan mail or load its pictures ahead of people; nobody read anything";

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline results act_0000000000001
  throughline results act_0000000000001 --step welcome --csv - | head
  throughline results act_0000000000001 --persons --csv who-answered.csv

The CSV holds one number a row: step, kind, who, bucket_start, events, messages. A row without a bucket_start
is for the whole time. A message is counted in the bucket in which it was first opened, so messages add up.
A cell that a spreadsheet program would run gets an apostrophe before it.")]
pub struct Options {
    /// The activation.
    #[arg(value_name = "ACTIVATION", value_parser = activation_id)]
    activation: ActivationId,
    /// This step alone.
    #[arg(long, value_name = "STEP", value_parser = step_key)]
    step: Option<StepKey>,
    /// Write a table to this file, which must not be there yet, or to standard output with -.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Who clicked, opened, unsubscribed or could not be reached, one a line.
    #[arg(long)]
    persons: bool,
}

fn step_key(text: &str) -> Result<StepKey, String> {
    text.parse().map_err(|error: domain::ids::ParseIdError| error.to_string())
}

/// What was written to a file.
#[derive(Debug, Serialize)]
struct Written<'a> {
    file: &'a Path,
}

pub async fn run(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    if let Some(file) =
        options.csv.as_deref().filter(|file| *file != Path::new("-") && file.exists())
    {
        return Err(is_there(file).into());
    }
    let program = settings.program().await?;
    let mut results = program.results(&Actor::Ops, options.activation).await?;
    if let Some(step) = &options.step {
        only(&mut results, step)?;
    }
    match (options.persons, &options.csv) {
        (true, Some(file)) => {
            let bytes = persons_csv(&program, &options).await?;
            write_csv(file, &bytes, output)?;
        }
        (true, None) => {
            let mut after = None;
            loop {
                let page = persons(&program, &options, after).await?;
                for person in &page.persons {
                    output.line(person, || person_text(person))?;
                }
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        (false, Some(file)) => write_csv(file, &results.to_csv()?, output)?,
        (false, None) => output.answer(&results, || text(&results, options.step.is_some()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Leaves of the results what is one step's.
fn only(results: &mut Results, step: &StepKey) -> Result<(), program::Error> {
    if !results.steps.iter().any(|known| known.step == *step) {
        let names: Vec<&str> = results.steps.iter().map(|known| known.step.as_str()).collect();
        let expected = format!("one of: {}", names.join(", "));
        let problem = program::Problem::new("--step", step.as_str(), &expected);
        return Err(program::Error::BadInput { problems: vec![problem] });
    }
    results.steps.retain(|known| known.step == *step);
    results.links.retain(|link| link.step == *step);
    if let Some(only) = results.steps.first() {
        results.total = only.figures.clone();
        results.series.lines.clone_from(&only.lines);
    }
    Ok(())
}

async fn persons(
    program: &Program,
    options: &Options,
    after: Option<program::PersonsCursor>,
) -> anyhow::Result<program::PersonPage> {
    let of = PersonsOf { step: options.step.clone(), kind: None, after };
    Ok(program.result_persons(&Actor::Ops, options.activation, &of, PAGE).await?)
}

async fn persons_csv(program: &Program, options: &Options) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut after = None;
    loop {
        let page = persons(program, options, after).await?;
        bytes.extend(page.to_csv(after.is_none())?);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(bytes),
        }
    }
}

fn is_there(file: &Path) -> program::Error {
    let expected = "a file that is not there yet";
    let problem = program::Problem::new("--csv", &file.display().to_string(), expected);
    program::Error::BadInput { problems: vec![problem] }
}

/// Into a file that its owner alone can read, since there may be people in it; it gets its name when it is
/// whole.
fn write_csv(file: &Path, bytes: &[u8], output: Output) -> anyhow::Result<()> {
    if file == Path::new("-") {
        return match io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()) {
            // Whoever reads may have seen enough (`| head`).
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("can't write to standard output")
            }
            _ => Ok(()),
        };
    }
    let unwritten = |source| program::Error::File { path: file.to_owned(), source };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut beside = NamedTempFile::new_in(folder).map_err(unwritten)?;
    beside.write_all(bytes).map_err(unwritten)?;
    beside.as_file().sync_all().map_err(unwritten)?;
    beside.persist_noclobber(file).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => is_there(file),
        _ => unwritten(error.error),
    })?;
    output.answer(&Written { file }, || format!("{}: written", file.display()))
}

fn person_text(person: &PersonLine) -> String {
    let name = format!("{} {}", person.first_name, person.last_name);
    let name = clean(name.trim());
    let who = if name.is_empty() { String::new() } else { format!("  {name}") };
    format!(
        "{}  {:<12}  {}  {}{who}  ({})",
        person.first_at,
        person.kind.as_str(),
        person.step,
        clean(&person.email),
        times(person.events)
    )
}

/// A stranger's text on a terminal: nothing that moves a cursor or turns the reading direction.
fn clean(text: &str) -> String {
    let moves = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if moves(c) { ' ' } else { c }).collect()
}

fn times(events: u64) -> String {
    if events == 1 { "once".to_owned() } else { format!("{} times", number(events)) }
}

fn text(results: &Results, is_one_step: bool) -> String {
    let audience = match results.audience {
        Some(persons) => format!("audience {} persons", number(persons)),
        None => "audience not counted to the end yet".to_owned(),
    };
    let mut text = format!(
        "{}  {} for {} ({})\n{}, starts {}, {audience}\n\n",
        results.activation,
        results.package,
        results.partner_name,
        results.partner_key,
        results.state,
        results.start_at
    );
    text.push_str(&mail(results, is_one_step));
    text.push('\n');
    text.push_str(&answers(results, is_one_step));
    text.push_str(&format!("{MACHINES}\n"));
    text.push_str(&reasons(&results.total));
    text.push_str(&links(results));
    text.push_str(&over_time(results));
    if !results.is_complete {
        text.push_str("\nolder events are still being counted: these numbers will grow\n");
    }
    text
}

/// The steps, and all of them together where there are several.
fn rows(
    results: &Results,
    is_one_step: bool,
    row: impl Fn(&str, &Figures) -> Vec<String>,
) -> Vec<Vec<String>> {
    let of_step = |step: &StepResults| row(step.step.as_str(), &step.figures);
    let mut rows: Vec<Vec<String>> = results.steps.iter().map(of_step).collect();
    if !is_one_step {
        rows.push(row("all", &results.total));
    }
    rows
}

/// What became of the messages.
fn mail(results: &Results, is_one_step: bool) -> String {
    let header = [
        "step",
        "sent",
        "delivered",
        "bounced",
        "failed",
        "skipped",
        "held",
        "cancelled",
        "unsubscribed",
    ];
    let rows = rows(results, is_one_step, |step, of| {
        let counts = [
            of.sent,
            of.delivered,
            of.bounced,
            of.failed,
            of.skipped,
            of.held,
            of.cancelled,
            of.unsubscribed,
        ];
        [step.to_owned()].into_iter().chain(counts.map(number)).collect()
    });
    table(&header, &rows)
}

/// What came back, people's beside machines'.
fn answers(results: &Results, is_one_step: bool) -> String {
    let header = [
        "messages",
        "opened: human",
        "of delivered",
        "machine",
        "clicked: human",
        "of delivered",
        "machine",
    ];
    let rows = rows(results, is_one_step, |step, of| {
        vec![
            step.to_owned(),
            came(of.opens.human),
            percent(&of.rates.opened),
            came(of.opens.machine),
            came(of.clicks.human),
            percent(&of.rates.clicked),
            came(of.clicks.machine),
        ]
    });
    table(&header, &rows)
}

/// Messages, and how often in all where that is more.
fn came(came: Came) -> String {
    match came.events > came.messages {
        true => format!("{} ({} times)", number(came.messages), number(came.events)),
        false => number(came.messages),
    }
}

fn percent(rate: &Rate) -> String {
    rate.fraction.map_or_else(|| "-".to_owned(), |fraction| format!("{:.1} %", fraction * 100.0))
}

fn reasons(of: &Figures) -> String {
    let mut text = String::new();
    for (state, reasons) in &of.reasons {
        let said: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{reason} {}", number(*count))).collect();
        text.push_str(&format!("{state}: {}\n", said.join(", ")));
    }
    text
}

fn links(results: &Results) -> String {
    if results.links.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = results
        .links
        .iter()
        .map(|link| {
            let CameBy { human, machine } = link.clicks;
            let link_number = link.link.to_string();
            vec![link.step.to_string(), link_number, came(human), came(machine), clean(&link.url)]
        })
        .collect();
    format!("\n{}", table(&["step", "link", "clicked: human", "machine", "leads to"], &rows))
}

/// Messages that were first opened or clicked in each bucket that had any.
fn over_time(results: &Results) -> String {
    let line = |kind, who: &str| {
        results.series.lines.iter().find(|line| line.kind == kind && line.who.as_str() == who)
    };
    let lines = [
        line(ResultKind::Delivered, "mail"),
        line(ResultKind::Opened, "human"),
        line(ResultKind::Opened, "machine"),
        line(ResultKind::Clicked, "human"),
        line(ResultKind::Clicked, "machine"),
    ];
    let rows: Vec<Vec<String>> = results
        .series
        .buckets
        .iter()
        .enumerate()
        .filter_map(|(at, bucket)| {
            let messages = lines.map(|line| {
                line.and_then(|line| line.came.get(at)).map_or(0, |came| came.messages)
            });
            let any = messages.iter().any(|count| *count > 0);
            any.then(|| [bucket.local_start()].into_iter().chain(messages.map(number)).collect())
        })
        .collect();
    if rows.is_empty() {
        return "\nnothing has come back yet\n".to_owned();
    }
    let unit = match results.series.unit {
        program::SeriesUnit::Hour => "hour",
        program::SeriesUnit::Day => "day",
    };
    let from = match results.series.units_per_bucket {
        1 => format!("{unit} from"),
        several => format!("{several} {unit}s from"),
    };
    let header =
        [from.as_str(), "delivered", "opened: human", "machine", "clicked: human", "machine"];
    format!("\nmessages, by when it first happened\n{}", table(&header, &rows))
}
