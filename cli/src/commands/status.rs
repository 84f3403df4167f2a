//! `status`.

use std::process::ExitCode;

use clap::Args;
use domain::{ActivationId, SendState};
use program::{ActivationStatus, Actor, BeltView, ByWho, Counts, Engagement, Slowed, Status};

use super::{activation_id, control, open::Settings};
use crate::output::{Output, number, table};

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline status act_0000000000001

Every person of the audience stands in exactly one state for every step, with a reason where the state
has one: the counts of a step add up to the audience.")]
pub struct Options {
    /// One activation; without it, all of them.
    #[arg(value_name = "ACTIVATION", value_parser = activation_id)]
    activation: Option<ActivationId>,
}

pub async fn run(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let status = settings.program().await?.status(&Actor::Ops, options.activation).await?;
    output.answer(&status, || match (&options.activation, status.activations.as_slice()) {
        (Some(_), [only]) => format!("{}{}", one(only), foot(&status)),
        _ => format!("{}{}", all(&status), foot(&status)),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The states as columns: those that anything is in.
fn columns<'a>(counts: impl Iterator<Item = &'a Counts> + Clone) -> Vec<SendState> {
    SendState::ALL
        .iter()
        .copied()
        .filter(|state| counts.clone().any(|c| c.of(*state) > 0))
        .collect()
}

fn cells(counts: &Counts, states: &[SendState]) -> impl Iterator<Item = String> {
    let total = number(counts.total);
    std::iter::once(total).chain(states.iter().map(|state| number(counts.of(*state))))
}

fn header<'a>(first: &[&'a str], states: &[SendState]) -> Vec<&'a str> {
    first
        .iter()
        .copied()
        .chain(["sends"])
        .chain(states.iter().map(|state| state.as_str()))
        .collect()
}

fn one(row: &ActivationStatus) -> String {
    let audience = match row.audience {
        Some(persons) => format!("audience {} persons", number(persons)),
        None => "audience not counted to the end yet".to_owned(),
    };
    let mut text = format!(
        "{}  {} for {} ({}, {})\n{}, starts {}, {audience}\n\n",
        row.activation,
        row.package,
        row.partner_name,
        row.partner_key,
        row.tier,
        row.state,
        row.start_at
    );
    let states = columns(row.steps.iter().map(|step| &step.counts));
    let rows: Vec<Vec<String>> = row
        .steps
        .iter()
        .map(|step| {
            [step.step.to_string()].into_iter().chain(cells(&step.counts, &states)).collect()
        })
        .collect();
    text.push_str(&table(&header(&["step"], &states), &rows));
    text.push_str(&reasons(&row.counts));
    text.push_str(&engagement(&row.engagement));
    match row.adds_up {
        Some(true) => text.push_str("every step adds up to the audience\n"),
        Some(false) => text.push_str("A STEP DOES NOT ADD UP TO THE AUDIENCE\n"),
        None => {}
    }
    text
}

fn all(status: &Status) -> String {
    if status.activations.is_empty() {
        return "nothing has been launched yet\n".to_owned();
    }
    let states = columns(status.activations.iter().map(|row| &row.counts));
    let mut rows: Vec<Vec<String>> = status
        .activations
        .iter()
        .map(|row| {
            let audience = row.audience.map_or_else(|| "-".to_owned(), number);
            let first = [
                row.activation.to_string(),
                row.package.clone(),
                row.partner_key.clone(),
                row.state.to_string(),
                audience,
            ];
            first.into_iter().chain(cells(&row.counts, &states)).collect()
        })
        .collect();
    let total = ["all", "", "", "", ""].map(str::to_owned);
    rows.push(total.into_iter().chain(cells(&status.totals, &states)).collect());
    let first = ["activation", "package", "partner", "state", "audience"];
    format!(
        "{}{}{}",
        table(&header(&first, &states), &rows),
        reasons(&status.totals),
        engagement(&status.engagement)
    )
}

/// What came back, people's and machines' apart; nothing where nothing did.
fn engagement(engagement: &Engagement) -> String {
    let line = |what: &str, ByWho { human, machine }: &ByWho| {
        if human.events + machine.events == 0 {
            return String::new();
        }
        format!(
            "{what}: {} messages by people ({} times), {} by machines ({} times)\n",
            number(human.sends),
            number(human.events),
            number(machine.sends),
            number(machine.events)
        )
    };
    line("opened", &engagement.opened) + &line("clicked", &engagement.clicked)
}

fn reasons(counts: &Counts) -> String {
    let mut text = String::new();
    for (state, reasons) in &counts.by_reason {
        let said: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{reason} {}", number(*count))).collect();
        text.push_str(&format!("{state}: {}\n", said.join(", ")));
    }
    if counts.duplicates > 0 {
        text.push_str(&format!("accepted more than once: {}\n", number(counts.duplicates)));
    }
    text
}

fn slowed_line(slowed: &Slowed) -> String {
    let Slowed { of, name, share, rests_ms, failures } = slowed;
    let rests = match rests_ms.div_ceil(1_000) {
        0 => String::new(),
        seconds => format!(", nothing for {} s more", number(seconds)),
    };
    match failures {
        0 => format!("{of} {name} asked for less: {:.0} % of its rate{rests}\n", share * 100.0),
        1 => format!("{of} {name} could not be used{rests}; then one message looks again\n"),
        times => format!(
            "{of} {name} could not be used {} times in a row{rests}; then one message looks again\n",
            number(u64::from(*times))
        ),
    }
}

/// More pauses than this are counted.
const MOST_PAUSES: usize = 20;

fn foot(status: &Status) -> String {
    let due = match &status.oldest_due {
        Some(due) => {
            let waits = std::time::Duration::from_millis(due.waits_ms);
            format!(
                "oldest due: {} of {}, due {}, waits {waits:?}\n",
                due.send, due.activation, due.due_at
            )
        }
        None => "nothing is due\n".to_owned(),
    };
    let belt = match &status.belt {
        BeltView::Reachable { phase, queued, in_hand, workers, slowed } => format!(
            "belt: {phase}, {} waiting, {} in hand, {} workers\n{}",
            number(*queued),
            number(*in_hand),
            number(*workers),
            slowed.iter().map(slowed_line).collect::<String>()
        ),
        BeltView::Unreachable { why } => format!("belt: can't be reached ({why})\n"),
        BeltView::NotShown => String::new(),
    };
    let by_themselves = status.activations.iter().flat_map(|row| &row.paused_by);
    let by_themselves = by_themselves.filter(|pause| !status.paused.contains(pause));
    let mut pauses = status.paused.iter().chain(by_themselves);
    let mut paused: String =
        pauses.by_ref().take(MOST_PAUSES).map(|it| format!("{}\n", control::paused(it))).collect();
    match pauses.count() {
        0 => {}
        more => paused.push_str(&format!("and {} more are paused\n", number(more as u64))),
    }
    format!("\n{paused}{due}{belt}")
}
