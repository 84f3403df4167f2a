//! `import partners` and `import contacts`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use program::{Actor, ImportContacts, ImportPartners, ImportProgress, ImportReport};

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

Columns, in any order: partner_key, company_name, tier, from_email, web_site and postal_address (lines
separated by \" | \") must be there; from_name, reply_to, locale, time_zone, colour (#rrggbb),
contact_name, contact_email, contact_phone and logo (a PNG or JPEG beside the file) may be.

Rows are told apart by partner_key. Good rows are kept beside bad ones; if any row is refused, the exit
code is 2.")]
pub struct Partners {
    /// The CSV file: commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252.
    file: PathBuf,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline import contacts --company acme-01 --list customers --consent existing_customer customers.csv

Columns, in any order: email must be there; first_name, last_name, company, language, consent_basis,
consent_source, consent_at and opted_out may be; every other column is a merge field.

Rows are told apart by address. Rows with a malformed address are kept and skipped when mail goes out;
rows without a consent basis are refused. If any row is refused, the exit code is 2.")]
pub struct Contacts {
    /// The CSV file: commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252.
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
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(
    command: ImportCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    let actor = Actor::Ops;
    let bar = bar();
    let mut progress = |at: ImportProgress| {
        bar.set_length(at.bytes_total);
        bar.set_position(at.bytes_read);
        bar.set_message(number(at.rows));
    };
    let report = match command {
        ImportCommand::Partners(partners) => {
            let vendor = program.find_vendor(&actor, partners.vendor.as_deref()).await?;
            let import = ImportPartners { vendor, file: partners.file, dry_run: partners.dry_run };
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
        "{bar:30} {binary_bytes}/{binary_total_bytes}  {msg} rows  {binary_bytes_per_sec}  {eta} left",
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
    let delimiter = match report.delimiter {
        '\t' => "tabs".to_owned(),
        other => format!("\"{other}\""),
    };
    text.push_str(&format!(
        "{}: {}, cells separated by {delimiter}\n",
        report.file.display(),
        report.encoding
    ));
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
