//! `import partners` and `import contacts`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use program::{
    Actor, ColumnMap, ImportContacts, ImportPartners, ImportPhase, ImportProgress, ImportReport,
    ReadAs, TableFormat,
};

use super::open::Settings;
use crate::{
    failure::BAD_INPUT,
    output::{Output, number},
};

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Add and update a vendor's partners and their brand profiles.
    Partners(Partners),
    /// Add and update the contacts on a company's list.
    Contacts(Contacts),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline import partners partners.csv --vendor \"Northwind Secure\"
  throughline import partners crm.csv --map \"Kd-Nr=partner_key\" --map \"Umsatz=-\" --dry-run

Columns, in any order: partner_key, company_name, tier, from_email, web_site and postal_address
(lines separated by \" | \") must be there; from_name, reply_to, locale, time_zone, colour
(#rrggbb), region (ISO 3166-1 alpha-2), partner_type, contact_name, contact_email, contact_phone and
logo (a PNG or JPEG beside the file) may be. Common other words for them (Firma, Website, E-Mail …) are known; the report says how
each column was read.

Rows are told apart by partner_key. Good rows are kept beside bad ones; if any row is refused,
the exit code is 2.")]
pub struct Partners {
    /// The file: CSV with any usual delimiter and encoding, or JSON lines.
    file: PathBuf,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
    #[command(flatten)]
    reading: Reading,
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline import contacts --company acme-01 --list customers --consent opt_in customers.csv
  throughline import contacts --company acme-01 --list customers crm.csv --map \"Mail 2=email\"
  throughline import contacts --company acme-01 --list customers shop.jsonl --dry-run

Columns, in any order: email must be there; first_name, last_name, company, language,
consent_basis, consent_source, consent_at and opted_out may be. Common other words for them
(E-Mail, Vorname, Nom, 名 …) are known. Every other column is a merge field, under its name in
lower case with _ for whatever is no letter or digit. The report says how each column was read.

JSON lines are objects of texts, numbers, true, false and null, one a line, with the same names.

Rows are told apart by address; of several rows with one address the last one counts. Rows with
a malformed address are kept and skipped when mail goes out; rows without a consent basis are
refused. If any row is refused, the exit code is 2. The same file again changes nothing.")]
pub struct Contacts {
    /// The file: CSV with any usual delimiter and encoding, or JSON lines.
    file: PathBuf,
    /// The company, by partner key or company id.
    #[arg(long, value_name = "C")]
    company: String,
    /// The list; made if there is none of this name.
    #[arg(long, value_name = "L")]
    list: String,
    /// The consent basis of rows that name none.
    #[arg(long, value_name = "BASIS")]
    consent: Option<String>,
    /// The vendor whose partner key --company is; needed only when it is not clear.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
    #[command(flatten)]
    reading: Reading,
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// How the file is to be read, where it does not say so itself.
#[derive(Debug, Args)]
struct Reading {
    /// Which field a column is; may be given several times. COLUMN is a name in the file, or its number
    /// counted from 1; FIELD is one of the fields below, the name of a merge field, or - to leave the
    /// column out.
    #[arg(long = "map", value_name = "COLUMN=FIELD")]
    maps: Vec<ColumnMap>,
    /// Read no column that is neither a field of ours nor mapped.
    #[arg(long)]
    only_known: bool,
    /// csv or jsonl; by default told by the file's name and first character.
    #[arg(long, value_name = "FORMAT")]
    format: Option<TableFormat>,
    /// The encoding, such as utf-8, windows-1250 or shift_jis; by default told by the file's bytes.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
}

impl From<Reading> for ReadAs {
    fn from(reading: Reading) -> Self {
        Self {
            format: reading.format,
            encoding: reading.encoding,
            maps: reading.maps,
            only_known: reading.only_known,
        }
    }
}

pub async fn run(
    command: ImportCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    let actor = Actor::Ops;
    let bar = bar();
    let mut phase = None;
    let mut progress = |at: ImportProgress| {
        if phase.replace(at.phase) != Some(at.phase) {
            bar.reset();
            bar.set_prefix(match at.phase {
                ImportPhase::Looking => "looking",
                ImportPhase::Writing => "writing",
            });
        }
        bar.set_length(at.bytes_total);
        bar.set_position(at.bytes_read);
        let seconds = bar.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { (at.rows as f64 / seconds) as u64 } else { 0 };
        bar.set_message(format!("{} rows, {}/s", number(at.rows), number(rate)));
    };
    let report = match command {
        ImportCommand::Partners(partners) => {
            let vendor = program.find_vendor(&actor, partners.vendor.as_deref()).await?;
            let import = ImportPartners {
                vendor,
                file: partners.file,
                read_as: partners.reading.into(),
                dry_run: partners.dry_run,
            };
            program.import_partners(&actor, &import, &mut progress).await?
        }
        ImportCommand::Contacts(contacts) => {
            let vendor = match &contacts.vendor {
                Some(name) => Some(program.find_vendor(&actor, Some(name)).await?),
                None => None,
            };
            let company = program.find_company(&actor, vendor.as_ref(), &contacts.company).await?;
            let import = ImportContacts {
                company,
                list: contacts.list,
                file: contacts.file,
                read_as: contacts.reading.into(),
                consent: contacts.consent,
                dry_run: contacts.dry_run,
            };
            program.import_contacts(&actor, &import, &mut progress).await?
        }
    };
    bar.finish_and_clear();
    output.answer(&report, || text(&report))?;
    Ok(if report.refused > 0 { ExitCode::from(BAD_INPUT) } else { ExitCode::SUCCESS })
}

/// On standard error, and only where a person looks at it.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(
        "{prefix} {bar:30} {binary_bytes}/{binary_total_bytes}  {msg}  {eta} left",
    ) {
        bar.set_style(style);
    }
    bar
}

fn text(report: &ImportReport) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        text.push_str(&format!("{problem}\n"));
    }
    if report.problems_not_listed > 0 {
        text.push_str(&format!("… and {} more\n", number(report.problems_not_listed)));
    }
    let layout = match report.delimiter {
        None => "JSON lines".to_owned(),
        Some('\t') => "cells separated by tabs".to_owned(),
        Some(delimiter) => format!("cells separated by \"{delimiter}\""),
    };
    text.push_str(&format!("{}: {}, {layout}\n", report.file.display(), report.encoding));
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    let figures = [
        (report.created, "new"),
        (report.updated, "updated"),
        (report.unchanged, "unchanged"),
        (report.repeated, "repeated"),
        (report.refused, "refused"),
        (report.warnings, "kept with a remark"),
        (report.suppressed, "opted out"),
    ];
    let said: Vec<String> = figures
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", number(*count)))
        .collect();
    let taken = if report.dry_run { "would be taken" } else { "taken" };
    let more = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
    text.push_str(&format!(
        "{} rows, {} {taken}{more}\n",
        number(report.rows),
        number(report.taken)
    ));
    text
}
