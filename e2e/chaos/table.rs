//! What all runs came to: the table for people, and the figures for programs.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use serde_json::{Map, Value, json};

use crate::judge::{Kill, Orphan, Verdict, percentile};

/// The runs of one fault together.
#[derive(Debug, Default)]
struct Row {
    title: String,
    runs: usize,
    faults: usize,
    lost: usize,
    doubled: usize,
    bound: usize,
    recovery: Vec<f64>,
    broken: usize,
}

/// The sums over many runs.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, Row)>,
    kills: Vec<Kill>,
    killed: BTreeMap<String, usize>,
    orphans: Vec<Orphan>,
    /// Bounds that were broken, with where.
    pub broken: Vec<String>,
}

impl Table {
    /// Adds a run; `place` is where its files are.
    pub fn add(&mut self, verdict: &Verdict, place: &Path) {
        let row = self.row(&verdict.run.fault, &verdict.run.title);
        row.runs += 1;
        row.faults += verdict.faults;
        row.lost += verdict.lost;
        row.doubled += verdict.doubled;
        row.bound += verdict.bound;
        row.recovery.extend(&verdict.recovery);
        row.broken += usize::from(!verdict.broken.is_empty());
        self.kills.extend(&verdict.kills);
        for (whom, times) in &verdict.killed {
            *self.killed.entry(whom.clone()).or_default() += times;
        }
        self.orphans.extend(&verdict.orphans);
        let place = place.display();
        self.broken.extend(verdict.broken.iter().map(|what| format!("{place}: {what}")));
    }

    /// Adds a run that came to no end.
    pub fn add_failure(&mut self, fault: &str, title: &str, place: &str, why: &str) {
        let row = self.row(fault, title);
        row.runs += 1;
        row.broken += 1;
        self.broken.push(format!("{place}: the run came to no end: {why}"));
    }

    fn row(&mut self, fault: &str, title: &str) -> &mut Row {
        let at = match self.rows.iter().position(|(name, _)| name == fault) {
            Some(at) => at,
            None => {
                self.rows
                    .push((fault.to_owned(), Row { title: title.to_owned(), ..Row::default() }));
                self.rows.len() - 1
            }
        };
        &mut self.rows[at].1
    }

    /// Brings the rows into the order of `names`.
    pub fn sort(&mut self, names: &[&str]) {
        self.rows.sort_by_key(|(name, _)| names.iter().position(|known| known == name));
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let wide =
            self.rows.iter().map(|(_, row)| row.title.chars().count()).max().unwrap_or(0).max(5);
        let line = |text: &mut String, cells: [&str; 7], mark: &str| {
            let [title, rest @ ..] = cells;
            write!(text, "{title:wide$}").expect("a String takes everything");
            for (cell, width) in rest.iter().zip([5, 7, 5, 8, 6, 13]) {
                write!(text, "  {cell:>width$}").expect("a String takes everything");
            }
            text.push_str(mark);
            text.push('\n');
        };
        line(
            &mut text,
            ["fault", "runs", "faults", "lost", "doubled", "bound", "recovery p99"],
            "",
        );
        for (_, row) in &self.rows {
            let recovery =
                percentile(&row.recovery, 0.99).map_or("-".to_owned(), |s| format!("{s:.1} s"));
            let cells =
                [row.runs, row.faults, row.lost, row.doubled, row.bound].map(|n| n.to_string());
            let [runs, faults, lost, doubled, bound] = &cells;
            let mark = if row.broken > 0 { "  BROKEN" } else { "" };
            line(&mut text, [&row.title, runs, faults, lost, doubled, bound, &recovery], mark);
        }
        if !self.killed.is_empty() {
            let all: usize = self.killed.values().sum();
            let each: Vec<String> =
                self.killed.iter().map(|(whom, times)| format!("{whom} {times}")).collect();
            writeln!(text, "\nkilled with -9: {all} ({})", each.join(", "))
                .expect("a String takes everything");
        }
        for (alone, meanwhile) in [
            (true, "while nothing else was harmed"),
            (false, "with Redis or a scheduler harmed within ten seconds"),
        ] {
            let Some(Deaths { count, open, doubled }) = self.deaths(alone) else { continue };
            writeln!(
                text,
                "{count} deaths and freezes of workers {meanwhile}: {open:.1} connections open at each, {doubled:.1} messages \
                 doubled by each ({:.2} of them)",
                doubled / open.max(f64::MIN_POSITIVE)
            )
            .expect("a String takes everything");
            let times = self.orphans(alone);
            if let (Some(half), Some(most)) = (percentile(&times, 0.5), percentile(&times, 0.99)) {
                writeln!(
                    text,
                    "  {} messages were begun again: p50 {half:.1} s, p99 {most:.1} s after the death",
                    times.len()
                )
                .expect("a String takes everything");
            }
        }
        for broken in &self.broken {
            writeln!(text, "BROKEN {broken}").expect("a String takes everything");
        }
        text
    }

    fn orphans(&self, alone: bool) -> Vec<f64> {
        let of_this_kind = self.orphans.iter().filter(|orphan| orphan.alone == alone);
        of_this_kind.map(|orphan| orphan.after_s).collect()
    }

    fn deaths(&self, alone: bool) -> Option<Deaths> {
        let kills: Vec<&Kill> = self.kills.iter().filter(|kill| kill.alone == alone).collect();
        let count = kills.len();
        let mean = |of: fn(&Kill) -> usize| {
            kills.iter().map(|kill| of(kill)).sum::<usize>() as f64 / count as f64
        };
        (count > 0).then(|| Deaths {
            count,
            open: mean(|kill| kill.open_connections),
            doubled: mean(|kill| kill.doubled),
        })
    }

    /// For programs: flat, `<fault>_<figure>`.
    pub fn json(&self, settings: BTreeMap<&str, Value>) -> Value {
        let mut flat: Map<String, Value> =
            settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let round = |number: f64| json!((number * 1_000.0).round() / 1_000.0);
        for (name, row) in &self.rows {
            let mut put =
                |figure: &str, value: Value| flat.insert(format!("{name}_{figure}"), value);
            put("runs", json!(row.runs));
            put("faults", json!(row.faults));
            put("lost", json!(row.lost));
            put("duplicated", json!(row.doubled));
            put("bound", json!(row.bound));
            if let Some(recovery) = percentile(&row.recovery, 0.99) {
                put("recovery_p99_s", round(recovery));
            }
        }
        let sum = |of: fn(&Row) -> usize| self.rows.iter().map(|(_, row)| of(row)).sum::<usize>();
        flat.insert("runs".to_owned(), json!(sum(|row| row.runs)));
        flat.insert("lost".to_owned(), json!(sum(|row| row.lost)));
        flat.insert("duplicated".to_owned(), json!(sum(|row| row.doubled)));
        flat.insert("broken_bounds".to_owned(), json!(self.broken.len()));
        flat.insert("kills".to_owned(), json!(self.killed.values().sum::<usize>()));
        for (alone, among) in [(true, ""), (false, "_among_others")] {
            if let Some(deaths) = self.deaths(alone) {
                let mut put = |figure: &str, value: f64| {
                    flat.insert(format!("{figure}{among}"), round(value));
                };
                put("worker_deaths", deaths.count as f64);
                put("open_connections_per_death_mean", deaths.open);
                put("duplicated_per_death_mean", deaths.doubled);
                if let Some(p99) = percentile(&self.orphans(alone), 0.99) {
                    put("orphan_recovery_p99_s", p99);
                }
            }
        }
        Value::Object(flat)
    }
}

/// Means over deaths of workers.
struct Deaths {
    count: usize,
    open: f64,
    doubled: f64,
}
