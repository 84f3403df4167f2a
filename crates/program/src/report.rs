//! What an import answers: what became of every row.

use std::{fmt, path::PathBuf};

use serde::Serialize;

use crate::{
    error::cut,
    table::{Table, TableFormat},
};

/// How many problems a report lists; the rest is counted.
const LISTED: usize = 1_000;

/// What an import is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportPhase {
    /// Reading the file to know which rows a later one overtakes.
    Looking,
    /// Writing the rows, or comparing them with the book in a dry run.
    Writing,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    /// What it is at; each phase reads the file from its start.
    pub phase: ImportPhase,
    /// Bytes of the file read so far.
    pub bytes_read: u64,
    /// Bytes of the file.
    pub bytes_total: u64,
    /// Rows read so far in this phase.
    pub rows: u64,
}

/// What became of a file's rows, or in a dry run would become of them. `taken + refused = rows` and
/// `created + updated + unchanged + repeated = taken`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The file.
    pub file: PathBuf,
    /// Nothing was written; the figures say what would have been.
    pub dry_run: bool,
    /// How its rows are written.
    pub format: TableFormat,
    /// What separates its cells, if it has cells.
    pub delimiter: Option<char>,
    /// What it was saved as.
    pub encoding: String,
    /// What else the reader should know about the file.
    pub notes: Vec<String>,
    /// Rows with anything in them.
    pub rows: u64,
    /// Rows that were taken, or would be.
    pub taken: u64,
    /// Rows that are new.
    pub created: u64,
    /// Rows that changed what was there.
    pub updated: u64,
    /// Rows that were there already, just so.
    pub unchanged: u64,
    /// Rows whose address stands in a later row too; the last of them counts.
    pub repeated: u64,
    /// Rows that were not taken.
    pub refused: u64,
    /// Addresses that were newly suppressed because their row says they opted out.
    pub suppressed: u64,
    /// Rows that were taken, with a remark.
    pub warnings: u64,
    /// The first 1,000 problems, in the order of the file.
    pub problems: Vec<RowProblem>,
    /// How many more there were.
    pub problems_not_listed: u64,
}

impl ImportReport {
    pub(crate) fn new(file: PathBuf, dry_run: bool, table: &Table) -> Self {
        Self {
            file,
            dry_run,
            format: table.format(),
            delimiter: table.delimiter(),
            encoding: table.encoding(),
            notes: table.notes().to_vec(),
            rows: 0,
            taken: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            repeated: 0,
            refused: 0,
            suppressed: 0,
            warnings: 0,
            problems: Vec::new(),
            problems_not_listed: 0,
        }
    }

    /// Counts and lists the problems of one row, which is refused if one of them says so.
    pub(crate) fn note_problems(&mut self, problems: Vec<RowProblem>) {
        if problems.iter().any(|problem| problem.refused) {
            self.refused += 1;
        } else if !problems.is_empty() {
            self.warnings += 1;
        }
        for problem in problems {
            if self.problems.len() < LISTED {
                self.problems.push(problem);
            } else {
                self.problems_not_listed += 1;
            }
        }
    }
}

/// Something in a row that was not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// 1 is the first row below the header.
    pub row: u64,
    /// The line of the file the row starts on.
    pub line: u64,
    /// The column, or `(row)` for the row as a whole.
    pub field: String,
    /// What stands there: cut, and masked where it is an address.
    pub value: String,
    /// What was expected instead.
    pub expected: String,
    /// The row was not taken; otherwise this is a remark.
    pub refused: bool,
}

impl RowProblem {
    pub(crate) fn refused(row: u64, line: u64, field: &str, value: &str, expected: &str) -> Self {
        Self {
            row,
            line,
            field: field.to_owned(),
            value: if field.to_lowercase().contains("mail") || value.contains('@') {
                masked(value)
            } else {
                cut(value)
            },
            expected: expected.to_owned(),
            refused: true,
        }
    }

    pub(crate) fn warning(row: u64, line: u64, field: &str, value: &str, expected: &str) -> Self {
        Self { refused: false, ..Self::refused(row, line, field, value, expected) }
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "row {} (line {}), {}: expected {}, got \"{}\"{}",
            self.row,
            self.line,
            self.field,
            self.expected,
            self.value,
            if self.refused { "" } else { " (kept)" }
        )
    }
}

/// The first character and the domain: enough to find the row, too little to copy a list out of a log.
pub(crate) fn masked(address: &str) -> String {
    let address = cut(address);
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let first: String = local.chars().take(1).collect();
            format!("{first}…@{domain}")
        }
        None => {
            let first: String = address.chars().take(2).collect();
            if first.is_empty() { first } else { format!("{first}…") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ColumnSet, Others, ReadAs};

    #[test]
    fn an_address_in_a_report_is_masked_wherever_it_stands() {
        let problem = RowProblem::refused(3, 5, "first_name", "anna.meier@example.com", "a name");
        assert_eq!(problem.value, "a…@example.com");
        let problem = RowProblem::warning(3, 5, "E-Mail", "anna.meier", "an address");
        assert_eq!(problem.value, "an…");
        assert_eq!(
            problem.to_string(),
            "row 3 (line 5), E-Mail: expected an address, got \"an…\" (kept)"
        );
    }

    #[test]
    fn the_list_is_bounded_and_the_rest_is_counted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "tier\n").unwrap();
        let columns = ColumnSet { fields: &[], others: Others::NotRead };
        let table = Table::open(file.path(), &columns, &ReadAs::default()).unwrap();
        let mut report = ImportReport::new("x.csv".into(), false, &table);
        for row in 0..1_500 {
            report.note_problems(vec![RowProblem::refused(row, row, "tier", "x", "y")]);
        }
        assert_eq!(
            (report.refused, report.problems.len(), report.problems_not_listed),
            (1_500, 1_000, 500)
        );
    }
}
