//! `engagement check`: the rules, measured.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::PathBuf,
    process::ExitCode,
};

use clap::{ArgAction, Args};
use domain::{
    TargetsId, UtcMillis,
    engagement::{Class, Context, Rules, Seen, Verdict, classify},
    track::{Method, Tracked, Visitor},
};
use serde::Serialize;

use super::agent_list;
use crate::{
    commands::open::Settings,
    output::{Output, number, table},
};

/// Misses that are shown without `--all`, a list.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline engagement check --bots crawlers.json --people browsers.txt
  throughline engagement check --people phones.json --people - --all < browsers.txt

A list is a JSON array of user agents, a JSON array of objects with \"instances\" (or \"userAgent\"), or a text with
one user agent a line; - is standard input. Each user agent is judged by the rules in tracking.rules, or those of
the program, as a click and as an open: a single request, long after its message was accepted, from nowhere in
particular. So only what it calls itself speaks; that machines come too early, too fast or from certain networks
is not counted here. A bot is found when it counts as a prefetch or a scanner; an image that a mailbox provider
fetches for somebody who looks (proxy_open) counts as that person's open.")]
pub struct Check {
    /// User agents of bots; may be given several times.
    #[arg(long, value_name = "FILE", action = ArgAction::Append, required_unless_present = "people")]
    bots: Vec<PathBuf>,
    /// User agents of people; may be given several times.
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    people: Vec<PathBuf>,
    /// Name every user agent that is judged wrongly, not the first 20 of a list.
    #[arg(long)]
    all: bool,
}

/// Whose user agents a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Whose {
    Bots,
    People,
}

/// As what a user agent is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Judged {
    Click,
    Open,
}

/// What was counted.
#[derive(Debug, Serialize)]
struct Report {
    /// The version of the rules.
    rules: String,
    lists: Vec<ListReport>,
    /// How many user agents each rule decided.
    by_rule: Vec<RuleReport>,
}

#[derive(Debug, Serialize)]
struct ListReport {
    list: String,
    whose: Whose,
    agents: u64,
    click: Counts,
    open: Counts,
    /// Those judged wrongly, as far as they are shown.
    wrong: Vec<Wrong>,
    /// Those that are not shown.
    wrong_left_out: u64,
}

/// How a list was judged.
#[derive(Debug, Default, Serialize)]
struct Counts {
    /// Counted as machines: of bots those found, of people the false positives.
    machines: u64,
    /// `machines` of all, from 0 to 1: recall of a list of bots, the share of false positives of people.
    share: f64,
    /// How many of each class.
    classes: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Wrong {
    #[serde(rename = "as")]
    judged: Judged,
    class: Class,
    rule: String,
    agent: String,
}

#[derive(Debug, Serialize)]
struct RuleReport {
    #[serde(rename = "as")]
    judged: Judged,
    class: Class,
    rule: String,
    bots: u64,
    people: u64,
}

pub fn run(check: &Check, settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    let rules = settings.load()?.tracking.rules()?;
    let bots = check.bots.iter().map(|file| (Whose::Bots, file));
    let lists = bots.chain(check.people.iter().map(|file| (Whose::People, file)));
    let mut report =
        Report { rules: rules.version().to_owned(), lists: Vec::new(), by_rule: Vec::new() };
    let mut by_rule = ByRule::new();
    for (whose, file) in lists {
        let (name, agents) = agent_list::read(file)?;
        let mut list = judge_list(&rules, whose, name, &agents, &mut by_rule);
        if !check.all {
            list.wrong_left_out = list.wrong.len().saturating_sub(SHOWN) as u64;
            list.wrong.truncate(SHOWN);
        }
        report.lists.push(list);
    }
    report.by_rule = by_rule
        .into_iter()
        .map(|((judged, rule), (class, bots, people))| RuleReport {
            judged,
            class,
            rule,
            bots,
            people,
        })
        .collect();
    output.answer(&report, || text(&report))?;
    Ok(ExitCode::SUCCESS)
}

/// Bots and people of each rule.
type ByRule = BTreeMap<(Judged, String), (Class, u64, u64)>;

fn judge_list(
    rules: &Rules,
    whose: Whose,
    list: String,
    agents: &[String],
    by_rule: &mut ByRule,
) -> ListReport {
    let (mut click, mut open, mut wrong) = (Counts::default(), Counts::default(), Vec::new());
    for agent in agents {
        let visitor = Visitor::new(Method::Get, agent, String::new(), false);
        for (judged, counts) in [(Judged::Click, &mut click), (Judged::Open, &mut open)] {
            let Verdict { class, rule } = judge(rules, judged, &visitor);
            counts.machines += u64::from(!class.is_human());
            *counts.classes.entry(class.to_string()).or_default() += 1;
            let (_, of_bots, of_people) =
                by_rule.entry((judged, rule.to_owned())).or_insert((class, 0, 0));
            *(if whose == Whose::Bots { of_bots } else { of_people }) += 1;
            if class.is_human() == (whose == Whose::Bots) {
                let agent = visitor.agent.clone();
                wrong.push(Wrong { judged, class, rule: rule.to_owned(), agent });
            }
        }
    }
    for counts in [&mut click, &mut open] {
        counts.share = counts.machines as f64 / agents.len() as f64;
    }
    ListReport { list, whose, agents: agents.len() as u64, click, open, wrong, wrong_left_out: 0 }
}

/// What a single request is when nothing but its user agent is known.
fn judge<'r>(rules: &'r Rules, judged: Judged, visitor: &Visitor) -> Verdict<'r> {
    let what = match judged {
        Judged::Click => Tracked::Clicked { link: 1, targets: TargetsId::from_bytes([0; 16]) },
        Judged::Open => Tracked::Opened,
    };
    let seen = [Seen { what, at: UtcMillis::new(0), visitor }];
    let verdicts = classify(rules, Context::default(), &seen);
    verdicts[0]
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for (whose, heading, found) in
        [(Whose::Bots, "bots", "found"), (Whose::People, "people", "taken for bots")]
    {
        let lists: Vec<&ListReport> =
            report.lists.iter().filter(|list| list.whose == whose).collect();
        if lists.is_empty() {
            continue;
        }
        let rows: Vec<Vec<String>> = lists
            .iter()
            .map(|list| {
                let mut row = vec![list.list.clone(), number(list.agents)];
                for counts in [&list.click, &list.open] {
                    row.extend([number(counts.machines), percent(counts.share)]);
                }
                row
            })
            .collect();
        let (click, open) = (format!("clicks {found}"), format!("opens {found}"));
        text.push_str(&table(&[heading, "agents", &click, "%", &open, "%"], &rows));
        text.push('\n');
        for list in lists.iter().filter(|list| !list.wrong.is_empty()) {
            text.push_str(&wrong(list));
        }
    }
    let rows: Vec<Vec<String>> = report
        .by_rule
        .iter()
        .map(|rule| {
            vec![
                judged_text(rule.judged).to_owned(),
                rule.class.to_string(),
                rule.rule.clone(),
                number(rule.bots),
                number(rule.people),
            ]
        })
        .collect();
    text.push_str(&table(&["as", "who", "rule", "bots", "people"], &rows));
    let _ = writeln!(text, "rules {}", report.rules);
    text
}

/// What of a list is judged wrongly; what is wrong in the same way as a click and as an open stands once.
fn wrong(list: &ListReport) -> String {
    let of = |judged| -> BTreeSet<(&str, &str)> {
        let of_it = list.wrong.iter().filter(move |wrong| wrong.judged == judged);
        of_it.map(|wrong| (wrong.rule.as_str(), wrong.agent.as_str())).collect()
    };
    let (clicks, opens) = (of(Judged::Click), of(Judged::Open));
    let rows: Vec<Vec<String>> = clicks
        .union(&opens)
        .map(|at @ (rule, agent)| {
            let judged = match (clicks.contains(at), opens.contains(at)) {
                (true, true) => "both",
                (true, false) => judged_text(Judged::Click),
                (false, _) => judged_text(Judged::Open),
            };
            vec![judged.to_owned(), (*rule).to_owned(), (*agent).to_owned()]
        })
        .collect();
    let mut text = format!("judged wrongly in {}:\n", list.list);
    text.push_str(&table(&["as", "rule", "agent"], &rows));
    if list.wrong_left_out > 0 {
        let _ = writeln!(text, "and {} more; --all shows them", number(list.wrong_left_out));
    }
    text.push('\n');
    text
}

fn judged_text(judged: Judged) -> &'static str {
    match judged {
        Judged::Click => "click",
        Judged::Open => "open",
    }
}

fn percent(share: f64) -> String {
    format!("{:.2}", share * 100.0)
}
