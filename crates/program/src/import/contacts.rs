//! `import contacts --company C --list L FILE`.

use std::path::PathBuf;

use domain::{CompanyId, HashScope};

use super::{
    OnProgress,
    contact_row::{COLUMNS, ContactReader, ContactRow, consent_basis, merge_fields},
    note_head,
};
use crate::{
    actor::Actor,
    error::{Error, Result},
    program::Program,
    report::{ImportProgress, ImportReport},
    table::{Read, Stream},
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
    /// The consent basis of rows that name none.
    pub consent: Option<String>,
    /// Check everything, write nothing.
    pub dry_run: bool,
}

impl Program {
    /// Adds and updates contacts of a company's list from a table, told apart by normalised address.
    ///
    /// Rows whose address is malformed are kept, so that they show as `bad_address` when the list is
    /// used. Good rows are kept beside bad ones; the same table again changes nothing. Memory does not
    /// grow with the file.
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
        if !actor.owns(&import.company) {
            return Err(Error::not_found("company", &import.company));
        }
        let known = self
            .store()
            .find_companies(import.company.as_str())
            .await
            .map_err(Error::book("look for the company"))?;
        if !known.iter().any(|company| company.id == import.company) {
            return Err(Error::not_found("company", &import.company));
        }
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
        let mut stream = Stream::open(import.file.clone(), COLUMNS, CHUNK).await?;
        let mut report = ImportReport::new(import.file.clone(), import.dry_run);
        note_head(&mut report, &stream.head);
        let merge_fields = merge_fields(&stream.head.header)?;
        if !merge_fields.is_empty() {
            let names: Vec<&str> = merge_fields.iter().map(|(_, name)| name.as_str()).collect();
            report.notes.push(format!("merge fields: {}", names.join(", ")));
        }
        let list = if import.dry_run {
            None
        } else {
            let list = self
                .store()
                .upsert_list(&import.company, list_name, self.now())
                .await
                .map_err(Error::book("make the list"))?;
            Some(list.row.id)
        };
        let source = format!(
            "import of {}",
            import
                .file
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        );
        let header = stream.head.header.clone();
        let reader = ContactReader {
            header: &header,
            merge_fields: &merge_fields,
            company: &import.company,
            hash_key: &self.parts.hash_key,
            consent,
            source: &source,
            now: self.now(),
        };
        let bytes_total = stream.head.bytes_total;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            let rows = read_rows(&reader, chunk.rows, &mut report);
            report.taken += rows.len() as u64;
            if let Some(list) = &list {
                self.suppress_opted_out(&import.company, &rows, &source, &mut report).await?;
                let inputs: Vec<_> = rows.into_iter().map(|row| row.input).collect();
                let counts = self
                    .store()
                    .upsert_contacts(&import.company, list, &inputs, self.now())
                    .await
                    .map_err(Error::book("write the contacts"))?;
                report.created += counts.new;
                report.updated += counts.updated;
                report.unchanged += counts.unchanged;
                report.repeated += counts.repeated;
            }
            progress(ImportProgress {
                bytes_read: chunk.bytes_read,
                bytes_total,
                rows: report.rows,
            });
        }
        Ok(report)
    }

    /// Suppresses who opted out, before their rows are written: an import that ends half-way must not
    /// leave somebody on a list without the word that keeps them from mail.
    async fn suppress_opted_out(
        &self,
        company: &CompanyId,
        rows: &[ContactRow],
        source: &str,
        report: &mut ImportReport,
    ) -> Result<()> {
        let hashes: Vec<_> = rows
            .iter()
            .filter(|row| row.opted_out)
            .map(|row| row.input.hash_company.clone())
            .collect();
        if hashes.is_empty() {
            return Ok(());
        }
        let new = self
            .store()
            .add_suppressions(HashScope::Company(company), &hashes, "opted_out", source, self.now())
            .await
            .map_err(Error::book("write the suppressions"))?;
        report.suppressed += new;
        if new > 0 {
            self.tell_belt("suppressions", |belt| async move { belt.suppress(&hashes).await })
                .await;
        }
        Ok(())
    }
}

fn read_rows(
    reader: &ContactReader<'_>,
    rows: Vec<Read>,
    report: &mut ImportReport,
) -> Vec<ContactRow> {
    let mut taken = Vec::with_capacity(rows.len());
    for row in rows {
        report.rows += 1;
        let read = match row {
            Read::Row(row) => reader.read(&row),
            Read::Broken(problem) => Err(problem),
        };
        match read {
            Ok(mut row) => {
                report.note_problems(std::mem::take(&mut row.warnings));
                taken.push(row);
            }
            Err(problem) => report.note_problems(vec![problem]),
        }
    }
    taken
}
