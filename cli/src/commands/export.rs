//! `export partners` and `export contacts`.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use program::{Actor, ContactsExport, ExportContacts, ExportPartners, PartnersExport, TableFormat};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::open::Settings;
use crate::output::{Output, number};

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Write a vendor's partners and their brand profiles to a file.
    Partners(Partners),
    /// Write the contacts of a company's list to a file.
    Contacts(Contacts),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline export partners --vendor \"Northwind Secure\" partners.csv
  throughline export partners --format jsonl | jq -r .partner_key

The columns are those of `import partners`, which takes the file back without a change. A logo is
named as the asset of this book that it is (asset:HASH).")]
pub struct Partners {
    #[command(flatten)]
    to: To,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline export contacts --company acme-01 --list customers customers.csv
  throughline export contacts --company acme-01 --list customers --format jsonl | wc -l

The columns are those of `import contacts`, and one for every merge field; it takes the file back
without a change. Who opted out or unsubscribed has opted_out = yes. Of several consents the newest
is written. The file can be read by its owner only: there are people in it.")]
pub struct Contacts {
    #[command(flatten)]
    to: To,
    /// The company, by partner key or company id.
    #[arg(long, value_name = "C")]
    company: String,
    /// The list.
    #[arg(long, value_name = "L")]
    list: String,
    /// The vendor whose partner key --company is; needed only when it is not clear.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

/// Where it goes.
#[derive(Debug, Args)]
struct To {
    /// The file; without it, the rows go to standard output. A cell that a spreadsheet program would
    /// run (=, +, -, @ …) gets an apostrophe before it in CSV, which an import takes off again.
    file: Option<PathBuf>,
    /// csv or jsonl; by default as the file's name ends, else csv (jsonl with --json).
    #[arg(long, value_name = "FORMAT")]
    format: Option<TableFormat>,
    /// Replace the file if it is there already.
    #[arg(long)]
    overwrite: bool,
}

/// What was written to a file.
#[derive(Debug, Serialize)]
struct Exported<'a> {
    file: &'a Path,
    format: TableFormat,
    rows: u64,
}

/// An export that is pulled.
enum Export {
    Contacts(ContactsExport),
    Partners(PartnersExport),
}

impl Export {
    async fn next(&mut self) -> program::Result<Option<Vec<u8>>> {
        match self {
            Self::Contacts(export) => export.next().await,
            Self::Partners(export) => export.next().await,
        }
    }

    fn rows(&self) -> u64 {
        match self {
            Self::Contacts(export) => export.rows(),
            Self::Partners(export) => export.rows(),
        }
    }
}

pub async fn run(
    command: ExportCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let to = match &command {
        ExportCommand::Partners(partners) => &partners.to,
        ExportCommand::Contacts(contacts) => &contacts.to,
    };
    if let Some(file) = &to.file
        && !to.overwrite
        && file.exists()
    {
        return Err(is_there(file).into());
    }
    let format = to.format.unwrap_or_else(|| to.usual_format(output));
    let program = settings.program().await?;
    let actor = Actor::Ops;
    let (export, to) = match command {
        ExportCommand::Partners(partners) => {
            let vendor = program.find_vendor(&actor, partners.vendor.as_deref()).await?;
            let export = ExportPartners { vendor, format };
            (Export::Partners(program.export_partners(&actor, &export).await?), partners.to)
        }
        ExportCommand::Contacts(contacts) => {
            let vendor = match &contacts.vendor {
                Some(name) => Some(program.find_vendor(&actor, Some(name)).await?),
                None => None,
            };
            let company = program.find_company(&actor, vendor.as_ref(), &contacts.company).await?;
            let export = ExportContacts { company, list: contacts.list, format };
            (Export::Contacts(program.export_contacts(&actor, &export).await?), contacts.to)
        }
    };
    match &to.file {
        Some(file) => {
            let rows = to_file(export, file, to.overwrite).await?;
            let exported = Exported { file, format, rows };
            output.answer(&exported, || format!("{}: {} rows", file.display(), number(rows)))?;
        }
        None => to_standard_output(export).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl To {
    fn usual_format(&self, output: Output) -> TableFormat {
        let ending = self.file.as_deref().and_then(Path::extension).unwrap_or_default();
        let is_lines =
            ending.eq_ignore_ascii_case("jsonl") || ending.eq_ignore_ascii_case("ndjson");
        if is_lines || (self.file.is_none() && output.is_json()) {
            TableFormat::Jsonl
        } else {
            TableFormat::Csv
        }
    }
}

fn is_there(file: &Path) -> program::Error {
    let expected = "a file that is not there yet, or --overwrite";
    program::Error::bad_input("FILE", &file.display().to_string(), expected)
}

/// Writes beside the file and gives it its name at the end, so that nobody takes half of it for all.
async fn to_file(mut export: Export, file: &Path, overwrite: bool) -> anyhow::Result<u64> {
    let unwritten = |source| program::Error::File { path: file.to_owned(), source };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut beside = NamedTempFile::new_in(folder).map_err(unwritten)?;
    let bar = bar();
    {
        let mut out: BufWriter<&mut File> = BufWriter::new(beside.as_file_mut());
        while let Some(bytes) = export.next().await? {
            out.write_all(&bytes).map_err(unwritten)?;
            bar.set_position(export.rows());
        }
        out.flush().map_err(unwritten)?;
    }
    bar.finish_and_clear();
    beside.as_file().sync_all().map_err(unwritten)?;
    let kept = if overwrite { beside.persist(file) } else { beside.persist_noclobber(file) };
    kept.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => is_there(file),
        _ => unwritten(error.error),
    })?;
    Ok(export.rows())
}

/// Whoever reads may have seen enough (`| head`): that is no failure.
async fn to_standard_output(mut export: Export) -> anyhow::Result<()> {
    let mut out = io::stdout();
    while let Some(bytes) = export.next().await? {
        match out.write_all(&bytes).and_then(|()| out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error).context("can't write to standard output"),
        }
    }
    Ok(())
}

/// On standard error, and only where a person looks at it.
fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{human_pos} rows, {per_sec}") {
        bar.set_style(style);
    }
    bar
}
