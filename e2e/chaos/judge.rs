//! The judge. It reads the two files of a run and nothing else, so anybody can count again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    ops::Range,
    path::Path,
};

use anyhow::{Context, bail};

use crate::lines::{Begun, Fault, LedgerLine, Recovery, Run, Send, Taken};

/// The files of a run, read.
#[derive(Debug, Clone)]
pub struct Files {
    /// What was run.
    pub run: Run,
    /// The other lines of the ledger, in order.
    pub ledger: Vec<LedgerLine>,
    /// The book.
    pub book: Vec<Send>,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What was run.
    pub run: Run,
    /// Persons who got nothing without a reason, or of whom book and relay say different things.
    pub lost: usize,
    /// Messages that persons got beyond one.
    pub doubled: usize,
    /// The most that may be doubled.
    pub bound: usize,
    /// Every bound that was broken, in words.
    pub broken: Vec<String>,
    /// For every kill of a worker: its open connections, and what it doubled.
    pub kills: Vec<Kill>,
    /// Faults, in all.
    pub faults: usize,
    /// How often each kind of process was killed.
    pub killed: BTreeMap<String, usize>,
    /// Seconds from faults to recovery.
    pub recovery: Vec<f64>,
    /// Messages that a dead worker had begun and another began again.
    pub orphans: Vec<Orphan>,
}

/// A message whose worker died.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orphan {
    /// Seconds from the death until another worker began it.
    pub after_s: f64,
    /// Whether nothing but workers was harmed meanwhile, or shortly before.
    pub alone: bool,
}

/// What happened to Redis or a scheduler so shortly before still has its effect.
const NEAR_MS: f64 = 10_000.0;

/// One kill of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// Connections it had open.
    pub open_connections: usize,
    /// Messages that it had sent and that were sent again.
    pub doubled: usize,
    /// Whether nothing but workers was harmed shortly before or after: with Redis away nothing is told of what was sent.
    pub alone: bool,
}

impl Files {
    /// Reads the two files in `folder`.
    ///
    /// # Errors
    /// A file that is missing or a line that is none, with its place.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut ledger: Vec<LedgerLine> = read_lines(&folder.join("ledger.ndjson"))?;
        if ledger.is_empty() {
            bail!("{}: ledger.ndjson is empty", folder.display());
        }
        let LedgerLine::Run(run) = ledger.remove(0) else {
            bail!("{}: ledger.ndjson does not begin with what was run", folder.display());
        };
        Ok(Self { run, ledger, book: read_lines(&folder.join("book.ndjson"))? })
    }

    fn taken(&self) -> impl Iterator<Item = &Taken> {
        self.ledger.iter().filter_map(|line| match line {
            LedgerLine::Taken(taken) => Some(taken),
            _ => None,
        })
    }

    fn begun(&self) -> impl Iterator<Item = &Begun> {
        self.ledger.iter().filter_map(|line| match line {
            LedgerLine::Begun(begun) => Some(begun),
            _ => None,
        })
    }

    fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.ledger.iter().filter_map(|line| match line {
            LedgerLine::Fault(fault) => Some(fault),
            _ => None,
        })
    }

    /// Counts.
    pub fn judge(&self) -> Verdict {
        let mut broken = Vec::new();
        let copies = self.copies();
        let lost = self.lost(&mut broken);
        let doubled = copies.values().map(|copies| copies.len() - 1).sum();
        // A message that the relay took without a word may come again: nobody can know.
        let unanswered = self.taken().filter(|t| t.accepted && t.answered.is_none()).count();
        let holds = self.run.on_unknown == "hold";
        let allowed: usize = self.faults().map(|fault| fault.may_double).sum();
        let bound = if holds { 0 } else { allowed + unanswered };
        if doubled > bound {
            broken.push(format!("{doubled} doubled, at most {bound} allowed"));
        }
        if holds {
            let held =
                self.book.iter().filter(|s| s.state == "held" && s.reason == "unknown").count();
            if held > allowed + unanswered {
                broken.push(format!("{held} held, at most {} allowed", allowed + unanswered));
            }
        }
        let kills = self.kills(&copies, holds, &mut broken);
        for line in &self.ledger {
            if let LedgerLine::Check(check) = line
                && !(check.least..=check.most).contains(&check.got)
            {
                broken.push(format!(
                    "{}: {}, expected {} to {}",
                    check.what, check.got, check.least, check.most
                ));
            }
        }
        let orphans = self.orphans();
        let mut recovery: Vec<f64> = orphans.iter().map(|orphan| orphan.after_s).collect();
        recovery.extend(self.silences());
        Verdict {
            run: self.run.clone(),
            lost,
            doubled,
            bound,
            broken,
            kills,
            faults: self.faults().count(),
            killed: self.killed(),
            recovery,
            orphans,
        }
    }

    /// What each person got, in order of arrival.
    fn copies(&self) -> HashMap<&str, Vec<&Taken>> {
        let mut copies: HashMap<&str, Vec<&Taken>> = HashMap::new();
        for taken in self.taken().filter(|taken| taken.accepted) {
            copies.entry(&taken.rcpt).or_default().push(taken);
        }
        copies
    }

    /// Persons times one message must add up to ends with reasons, and book and relay must agree about each.
    fn lost(&self, broken: &mut Vec<String>) -> usize {
        let mut lost = 0;
        let mut say = |count: usize, what: &str| {
            lost += count;
            if count > 0 {
                broken.push(format!("{count} {what}"));
            }
        };
        let persons: HashSet<&str> = self.book.iter().map(|send| send.rcpt.as_str()).collect();
        say(self.run.persons.saturating_sub(persons.len()), "persons are not in the book");
        say(self.book.len() - persons.len(), "sends are in the book beyond one a person");
        say(
            persons.len().saturating_sub(self.run.persons),
            "persons are in the book that were not asked for",
        );

        let accepted: HashSet<&str> =
            self.taken().filter(|taken| taken.accepted).map(Taken::send).collect();
        let known: HashSet<&str> = self.book.iter().map(|send| send.send.as_str()).collect();
        say(accepted.difference(&known).count(), "messages were taken that the book does not know");
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        let (mut open, mut false_sent, mut unheard) = (0, 0, 0);
        for send in &self.book {
            let taken = accepted.contains(send.send.as_str());
            match send.state.as_str() {
                "sent" if !taken => false_sent += 1,
                "sent" => {}
                "due" | "queued" => open += 1,
                state => {
                    // Of what is held nobody knows; any other end says that it was not taken.
                    unheard += usize::from(taken && state != "held");
                    *ends.entry(format!("{state}/{}", send.reason)).or_default() += 1;
                }
            }
        }
        say(open, "sends have not ended");
        say(false_sent, "sends are called sent and were not taken");
        say(unheard, "sends were taken and the book calls them something else");
        for (end, count) in ends {
            let is_hold = self.run.on_unknown == "hold" && end == "held/unknown";
            let meant = if is_hold { count } else { self.run.ends.get(&end).copied().unwrap_or(0) };
            say(
                count.saturating_sub(meant),
                &format!("sends ended as {end}, which nothing called for"),
            );
        }
        for (end, meant) in &self.run.ends {
            let is = |send: &&Send| format!("{}/{}", send.state, send.reason) == *end;
            let count = self.book.iter().filter(is).count();
            if count < *meant {
                broken.push(format!("{count} sends ended as {end}, {meant} were to"));
            }
        }
        lost
    }

    fn kills(
        &self,
        copies: &HashMap<&str, Vec<&Taken>>,
        holds: bool,
        broken: &mut Vec<String>,
    ) -> Vec<Kill> {
        let mut kills = Vec::new();
        for fault in self.faults().filter(|fault| fault.recovery == Recovery::Orphans) {
            let doubled = copies
                .values()
                .filter(|copies| copies.len() > 1 && copies[0].client == fault.client)
                .count();
            let bound = if holds { 0 } else { fault.may_double };
            if doubled > bound {
                broken.push(format!(
                    "{} ({}) doubled {doubled}, at most {bound} allowed",
                    fault.what, fault.client
                ));
            }
            let alone = self.is_alone(fault.at_ms - NEAR_MS..fault.at_ms + NEAR_MS);
            kills.push(Kill { open_connections: fault.open_connections, doubled, alone });
        }
        kills
    }

    /// Whether nothing happened to the whole fleet in this time.
    fn is_alone(&self, time: Range<f64>) -> bool {
        !self
            .faults()
            .any(|fault| fault.recovery == Recovery::Silence && time.contains(&fault.at_ms))
    }

    /// What a killed worker had begun and another began again: how long after the kill.
    fn orphans(&self) -> Vec<Orphan> {
        let mut by_person: HashMap<&str, Vec<&Begun>> = HashMap::new();
        for begun in self.begun() {
            by_person.entry(&begun.rcpt).or_default().push(begun);
        }
        let mut times = Vec::new();
        for fault in self.faults().filter(|fault| fault.recovery == Recovery::Orphans) {
            for begun in by_person.values() {
                let was_its =
                    begun.iter().any(|b| b.client == fault.client && b.at_ms <= fault.at_ms);
                let again =
                    begun.iter().find(|b| b.client != fault.client && b.at_ms > fault.at_ms);
                if let (true, Some(again)) = (was_its, again) {
                    times.push(Orphan {
                        after_s: (again.at_ms - fault.at_ms) / 1_000.0,
                        alone: self.is_alone(fault.at_ms - NEAR_MS..again.at_ms),
                    });
                }
            }
        }
        times
    }

    fn killed(&self) -> BTreeMap<String, usize> {
        let mut killed = BTreeMap::new();
        for whom in self.faults().filter_map(|fault| fault.what.strip_prefix("kill -9 ")) {
            let whom = whom.split([' ', ',']).next().unwrap_or_default();
            *killed.entry(whom.to_owned()).or_default() += 1;
        }
        killed
    }

    fn silences(&self) -> Vec<f64> {
        let begun: Vec<f64> = self.begun().map(|begun| begun.at_ms).collect();
        let faults: Vec<&Fault> = self.faults().collect();
        let mut times = Vec::new();
        for (at, fault) in faults.iter().enumerate() {
            if fault.recovery != Recovery::Silence {
                continue;
            }
            // What comes after the next fault is the next fault's.
            let end = faults.get(at + 1).map_or(f64::INFINITY, |next| next.at_ms);
            let mut last = fault.at_ms;
            let mut longest: f64 = 0.0;
            for begun in begun.iter().filter(|begun| **begun > fault.at_ms) {
                longest = longest.max(begun - last);
                last = *begun;
                if last > end {
                    break;
                }
            }
            times.push(longest / 1_000.0);
        }
        times
    }
}

impl Taken {
    /// The send it is.
    fn send(&self) -> &str {
        self.message_id.split('@').next().unwrap_or_default()
    }
}

fn read_lines<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let file = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
    let mut lines = Vec::new();
    for (n, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("can't read {}", path.display()))?;
        let at = || format!("{}:{}: not a line of this file", path.display(), n + 1);
        lines.push(serde_json::from_str(&line).with_context(at)?);
    }
    Ok(lines)
}

/// The value under which `share` of the samples lie; nothing of no samples.
pub fn percentile(samples: &[f64], share: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests;
