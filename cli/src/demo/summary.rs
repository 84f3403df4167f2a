//! What the demo says at its end.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use domain::SendState;
use indicatif::{HumanBytes, HumanCount};
use program::{Counts, Status};
use sandbox::Expected;
use serde::Serialize;

use super::{came_back::CameBack, campaign::Course, compare::Agreement};

/// Rows of the partner table.
const ROWS: usize = 25;

/// The whole summary; `--json` writes it as it is.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Whether everything agrees with everything; the exit code is 0 only then.
    pub ok: bool,
    /// What does not.
    pub problems: Vec<String>,
    /// Partners that the package was launched for.
    pub partners: u64,
    /// What was read from the contact files.
    pub import: Import,
    /// What the generator of those files says is in them.
    pub expected: Expected,
    /// Persons, over all activations: who is in two partners' lists counts twice.
    pub audience: u64,
    /// One row for each person and step, by where it ended: audience × steps.
    pub sends: Counts,
    /// The same by partner, the largest first; at most 25.
    pub by_partner: Vec<PartnerRow>,
    /// Events by kind.
    pub events: BTreeMap<String, u64>,
    /// Times and rates.
    pub course: Course,
    /// What recipients did beside what the book says; nothing when the mail went to another relay.
    pub came_back: Option<CameBack>,
    /// The most memory the private Redis has used, in bytes.
    pub redis_peak_memory_bytes: u64,
    /// Ledger against book; nothing when the mail went to another relay.
    pub ledger: Option<Agreement>,
    /// Where all of it lies.
    pub folder: PathBuf,
    /// The sink's pages.
    pub mail_url: Option<String>,
    /// The kept messages.
    pub mail_folder: Option<PathBuf>,
}

/// What was read from the contact files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Import {
    /// Rows.
    pub rows: u64,
    /// New contacts.
    pub contacts: u64,
    /// Rows that repeat an address of the same file.
    pub repeated: u64,
    /// Contacts that had opted out.
    pub opted_out: u64,
    /// Rows with something to say about, such as a malformed address.
    pub warnings: u64,
    /// Rows that were not taken.
    pub refused: u64,
}

/// One partner.
#[derive(Debug, Clone, Serialize)]
pub struct PartnerRow {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its tier.
    pub tier: String,
    /// Persons on its list.
    pub audience: u64,
    /// Its sends.
    pub sends: Counts,
}

/// Everything that must hold, apart from the ledger, which is compared on its own.
pub fn problems(status: &Status, import: Import, expected: Expected) -> Vec<String> {
    let mut problems = Vec::new();
    for activation in &status.activations {
        if activation.adds_up != Some(true) {
            problems.push(format!(
                "the counts of {} do not add up to its audience of {:?}",
                activation.partner_key, activation.audience
            ));
        }
    }
    let ended = ENDS.iter().map(|end| status.totals.of(*end)).sum::<u64>();
    if ended != status.totals.total {
        problems.push(format!(
            "{} of {} sends have not ended",
            status.totals.total - ended,
            status.totals.total
        ));
    }
    if status.totals.duplicates > 0 {
        problems.push(format!("the book has {} second acceptances", status.totals.duplicates));
    }
    let mut same = |what: &str, found: u64, wanted: u64| {
        if found != wanted {
            problems.push(format!("{what}: {found}, and the files have {wanted}"));
        }
    };
    same("contacts", import.contacts, expected.contacts);
    same("repeated rows", import.repeated, expected.duplicate_rows);
    same("refused rows", import.refused, 0);
    same("audience", audience(status), expected.contacts);
    problems
}

/// Persons over all activations.
pub fn audience(status: &Status) -> u64 {
    status.activations.iter().filter_map(|activation| activation.audience).sum()
}

/// The partners with the most sends.
pub fn by_partner(status: &Status) -> Vec<PartnerRow> {
    let mut rows: Vec<_> = status
        .activations
        .iter()
        .map(|activation| PartnerRow {
            key: activation.partner_key.clone(),
            name: activation.partner_name.clone(),
            tier: activation.tier.clone(),
            audience: activation.audience.unwrap_or(0),
            sends: activation.counts.clone(),
        })
        .collect();
    rows.sort_by(|a, b| (b.sends.total, &a.key).cmp(&(a.sends.total, &b.key)));
    rows.truncate(ROWS);
    rows
}

const ENDS: [SendState; 5] =
    [SendState::Sent, SendState::Skipped, SendState::Failed, SendState::Held, SendState::Cancelled];

impl Summary {
    /// As text for a person.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let count = HumanCount;
        let import = &self.import;
        let _ = writeln!(
            text,
            "\n{} partners, {} contacts from {} rows ({} repeated, {} opted out, {} with warnings, {} refused)",
            count(self.partners),
            count(import.contacts),
            count(import.rows),
            count(import.repeated),
            count(import.opted_out),
            count(import.warnings),
            count(import.refused),
        );
        self.audience_text(&mut text);
        self.partner_text(&mut text);
        let _ = writeln!(text, "\nEvents");
        for (kind, number) in &self.events {
            let _ = writeln!(text, "  {kind:<14} {:>9}", count(*number).to_string());
        }
        if let Some(came_back) = &self.came_back {
            came_back.text(&mut text);
        }
        let course = &self.course;
        let _ = writeln!(
            text,
            "\n{:.0} messages/s: {} accepted in {:.1} s, from the launch to the last outcome in the book, with expanding, \
             clock moves and recipients beside it.",
            course.messages_per_second,
            count(self.sends.of(SendState::Sent)),
            course.seconds
        );
        for (number, wave) in course.waves.iter().enumerate() {
            let _ = writeln!(
                text,
                "  wave {}: {:>8} sent in {:>6.1} s, {:>6.0}/s",
                number + 1,
                count(wave.sent).to_string(),
                wave.seconds,
                wave.messages_per_second
            );
        }
        let _ = writeln!(text, "Redis used at most {}.", HumanBytes(self.redis_peak_memory_bytes));
        self.ledger_text(&mut text);
        if let (Some(url), Some(folder)) = (&self.mail_url, &self.mail_folder) {
            let _ = writeln!(text, "The mail: {url} and {}", folder.display());
        }
        for problem in &self.problems {
            let _ = writeln!(text, "PROBLEM: {problem}");
        }
        text
    }

    fn audience_text(&self, text: &mut String) {
        let total = self.sends.total;
        let steps = total.checked_div(self.audience).unwrap_or(0);
        let _ = write!(
            text,
            "Audience {} persons × {steps} emails = {} = ",
            HumanCount(self.audience),
            HumanCount(total)
        );
        let parts: Vec<_> = ENDS
            .iter()
            .map(|end| (end, self.sends.of(*end)))
            .filter(|(end, number)| {
                *number > 0
                    || matches!(end, SendState::Sent | SendState::Skipped | SendState::Failed)
            })
            .map(|(end, number)| format!("{} {end}", HumanCount(number)))
            .collect();
        let _ = writeln!(text, "{}", parts.join(" + "));
        for end in ENDS {
            for (reason, number) in self.sends.by_reason.get(&end).into_iter().flatten() {
                let _ = writeln!(
                    text,
                    "  {:<10} {reason:<22} {:>9}",
                    end.as_str(),
                    HumanCount(*number).to_string()
                );
            }
        }
    }

    fn partner_text(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "\n{:<22} {:<11} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "Partner", "Tier", "Audience", "Sent", "Skipped", "Failed", "Other"
        );
        for row in &self.by_partner {
            let other = row.sends.of(SendState::Held) + row.sends.of(SendState::Cancelled);
            let _ = writeln!(
                text,
                "{:<22} {:<11} {:>8} {:>8} {:>8} {:>8} {:>8}",
                row.key,
                row.tier,
                row.audience,
                row.sends.of(SendState::Sent),
                row.sends.of(SendState::Skipped),
                row.sends.of(SendState::Failed),
                other
            );
        }
        let shown = self.by_partner.len() as u64;
        if self.partners > shown {
            let _ = writeln!(text, "… and {} more", HumanCount(self.partners - shown));
        }
    }

    fn ledger_text(&self, text: &mut String) {
        let Some(found) = &self.ledger else {
            let _ = writeln!(
                text,
                "The mail went to another relay: there is no ledger to compare with the book."
            );
            return;
        };
        let _ = writeln!(
            text,
            "The sink's ledger has {} messages accepted and {} recipients refused; the book has {} sent. {}",
            HumanCount(found.accepted_in_ledger),
            HumanCount(found.refused_in_ledger),
            HumanCount(found.sent_in_book),
            if found.agree {
                "They agree: every send once, no other."
            } else {
                "THEY DO NOT AGREE:"
            }
        );
        if !found.agree {
            let _ = writeln!(
                text,
                "  {} lost, {} doubled, {} not in the book, {} foreign",
                found.lost, found.duplicates, found.unknown_to_book, found.foreign
            );
        }
        for example in &found.examples {
            let _ = writeln!(text, "  {example}");
        }
    }
}
