//! `import contacts --company C --list L FILE`.

use std::path::PathBuf;

use domain::{CompanyId, HashScope, ListId};
use store::ContactInput;

use super::{
    OnProgress,
    columns::CONTACTS,
    contact_row::{ContactReader, ContactRow, consent_basis},
    repeats::{Collector, Repeats},
};
use crate::{
    actor::Actor,
    error::{Error, Result},
    program::Program,
    report::{ImportPhase, ImportProgress, ImportReport},
    table::{Read, ReadAs, Stream},
};

/// Rows a transaction.
const CHUNK: usize = 500;

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportContacts {
    /// Whose contacts they are.
    pub company: CompanyId,
    /// The list they go on, by name; made if there is none.
    pub list: String,
    /// The table.
    pub file: PathBuf,
    /// How it is to be read.
    pub read_as: ReadAs,
    /// The consent basis of rows that name none.
    pub consent: Option<String>,
    /// Check everything, write nothing.
    pub dry_run: bool,
}

/// An import that is under way.
struct Running<'a> {
    import: &'a ImportContacts,
    reader: ContactReader<'a>,
    repeats: Repeats,
    source: &'a str,
    list: Option<ListId>,
    report: ImportReport,
}

impl Program {
    /// Adds and updates contacts of a company's list from a table, told apart by normalised address.
    /// Of several rows with one address the last one counts.
    ///
    /// Rows whose address is malformed are kept, so that they show as `bad_address` when the list is
    /// used. Good rows are kept beside bad ones; the same table again changes nothing. Memory does not
    /// grow with the file: it is read twice instead, first to learn which rows a later one overtakes.
    ///
    /// # Errors
    /// The file can't be read as a table at all, the company is none of the actor's, or the book
    /// fails; what earlier chunks wrote stands. Faults of rows are in the report.
    pub async fn import_contacts(
        &self,
        actor: &Actor,
        import: &ImportContacts,
        progress: OnProgress<'_>,
    ) -> Result<ImportReport> {
        self.require_own_company(actor, &import.company).await?;
        let list_name = import.list.trim();
        if list_name.is_empty()
            || list_name.chars().count() > 100
            || list_name.chars().any(char::is_control)
        {
            return Err(Error::bad_input("--list", list_name, "a name of 1 to 100 characters"));
        }
        let consent = match &import.consent {
            Some(text) => Some(
                consent_basis(text)
                    .map_err(|expected| Error::bad_input("--consent", text, &expected))?,
            ),
            None => None,
        };
        let stream = Stream::open(import.file.clone(), &CONTACTS, import.read_as.clone()).await?;
        let table = stream.table();
        let report = ImportReport::new(import.file.clone(), import.dry_run, table);
        let header = table.header().clone();
        let bytes_total = table.bytes_total();
        let file_name = import.file.file_name().unwrap_or_default().to_string_lossy();
        let source = format!("import of {file_name}");
        let reader = ContactReader::new(&header, consent, &source, self.now());
        let mut on_rows = |phase, rows, bytes_read| {
            progress(ImportProgress { phase, bytes_read, bytes_total, rows });
        };

        let (repeats, stream) = find_repeats(stream, &reader, |rows, bytes_read| {
            on_rows(ImportPhase::Looking, rows, bytes_read);
        })
        .await?;
        let list = self
            .store()
            .find_list(&import.company, list_name)
            .await
            .map_err(Error::book("look for the list"))?
            .map(|list| list.id);
        let mut running = Running { import, reader, repeats, source: &source, list, report };
        let mut chunks = stream.read(CHUNK);
        while let Some(chunk) = chunks.next().await? {
            let rows = running.read_rows(chunk.rows);
            if import.dry_run {
                self.compare_contacts(&mut running, rows).await?;
            } else {
                self.take_contacts(&mut running, rows).await?;
            }
            on_rows(ImportPhase::Writing, running.report.rows, chunk.bytes_read);
        }
        if running.report.taken != running.repeats.rows {
            let why = "the file changed while it was read; import it again".to_owned();
            return Err(Error::Conflict { why });
        }
        Ok(running.report)
    }

    /// Writes rows, none of which is overtaken.
    async fn take_contacts(&self, running: &mut Running<'_>, rows: Vec<ContactRow>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let company = &running.import.company;
        let list = match &running.list {
            Some(list) => list.clone(),
            None => {
                let made =
                    self.store().upsert_list(company, &running.import.list, self.now()).await;
                let list = made.map_err(Error::book("make the list"))?.row.id;
                running.list.insert(list).clone()
            }
        };
        let (inputs, hashes) = self.inputs(company, rows);
        if !hashes.is_empty() {
            // Before their rows are written: an import that ends half-way must not leave somebody on
            // a list without the word that keeps them from mail.
            let scope = HashScope::Company(company);
            let new = self
                .store()
                .add_suppressions(scope, &hashes, "opted_out", running.source, self.now())
                .await
                .map_err(Error::book("write the suppressions"))?;
            running.report.suppressed += new;
            if new > 0 {
                self.tell_belt("suppressions", |belt| async move { belt.suppress(&hashes).await })
                    .await;
            }
        }
        let counts = self
            .store()
            .upsert_contacts(company, &list, &inputs, self.now())
            .await
            .map_err(Error::book("write the contacts"))?;
        running.count(counts);
        Ok(())
    }

    /// What writing these rows would do.
    async fn compare_contacts(
        &self,
        running: &mut Running<'_>,
        rows: Vec<ContactRow>,
    ) -> Result<()> {
        let company = &running.import.company;
        let (inputs, hashes) = self.inputs(company, rows);
        running.report.suppressed += self
            .store()
            .count_unsuppressed(HashScope::Company(company), &hashes)
            .await
            .map_err(Error::book("read the suppressions"))?;
        let counts = self
            .store()
            .compare_contacts(running.list.as_ref(), &inputs)
            .await
            .map_err(Error::book("read the contacts"))?;
        running.count(counts);
        Ok(())
    }

    /// The rows as the book takes them, and the hashes of those who opted out.
    fn inputs(
        &self,
        company: &CompanyId,
        rows: Vec<ContactRow>,
    ) -> (Vec<ContactInput>, Vec<domain::AddressHash>) {
        let mut hashes = Vec::new();
        let inputs = rows
            .into_iter()
            .map(|row| {
                let opted_out = row.opted_out;
                let input = row.into_input(&self.parts.hash_key, company);
                if opted_out {
                    hashes.push(input.hash_company.clone());
                }
                input
            })
            .collect();
        (inputs, hashes)
    }
}

impl Running<'_> {
    /// Reads and counts rows; those that are taken and not overtaken by a later one.
    fn read_rows(&mut self, rows: Vec<Read>) -> Vec<ContactRow> {
        let mut last = Vec::with_capacity(rows.len());
        for row in rows {
            self.report.rows += 1;
            match read_row(&self.reader, row) {
                Ok(mut row) => {
                    self.report.taken += 1;
                    self.report.note_problems(std::mem::take(&mut row.warnings));
                    if self.repeats.is_overtaken(row.number) {
                        self.report.repeated += 1;
                    } else {
                        row.opted_out |= self.repeats.opted_out_before(row.number);
                        last.push(row);
                    }
                }
                Err(problem) => self.report.note_problems(vec![problem]),
            }
        }
        last
    }

    fn count(&mut self, counts: store::ContactCounts) {
        self.report.created += counts.new;
        self.report.updated += counts.updated;
        self.report.unchanged += counts.unchanged;
        self.report.repeated += counts.repeated;
    }
}

fn read_row(
    reader: &ContactReader<'_>,
    row: Read,
) -> std::result::Result<ContactRow, crate::report::RowProblem> {
    match row {
        Read::Row(row) => reader.read(&row),
        Read::Broken(problem) => Err(problem),
    }
}

/// Reads the whole table for the rows that a later one overtakes.
async fn find_repeats(
    stream: Stream,
    reader: &ContactReader<'_>,
    mut progress: impl FnMut(u64, u64),
) -> Result<(Repeats, Stream)> {
    let failed = |source| Error::File { path: std::env::temp_dir(), source };
    let mut collector = Collector::new();
    let mut rows = 0;
    let mut chunks = stream.read(CHUNK);
    while let Some(chunk) = chunks.next().await? {
        rows += chunk.rows.len() as u64;
        for row in chunk.rows {
            // What is refused is said when the rows are written.
            if let Ok(row) = read_row(reader, row) {
                collector.add(row.number, &row.address, row.opted_out).map_err(failed)?;
            }
        }
        progress(rows, chunk.bytes_read);
    }
    let repeats = tokio::task::spawn_blocking(|| collector.end()).await.map_err(|source| {
        Error::Internal { doing: "find repeated rows", source: Box::new(source) }
    })?;
    Ok((repeats.map_err(failed)?, chunks.end()))
}
