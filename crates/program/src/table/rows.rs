//! The rows of a table, one at a time.

use std::path::Path;

use csv::StringRecord;

use super::{
    header::{ColumnSet, Header},
    source::{self, Encoding, Found, MAX_ROW_BYTES, Meter, Utf8Source},
};
use crate::{
    error::{Error, Result},
    report::RowProblem,
};

/// The longest cell, in bytes. Merge fields travel with every job, and a job has 4 KiB.
const MAX_CELL_BYTES: usize = 8 * 1024;

/// One row whose cells can be read: as many as the header has, trimmed, none too long, no NUL.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// 1 is the first row below the header.
    pub(crate) number: u64,
    /// The line of the file it starts on.
    pub(crate) line: u64,
    cells: Vec<String>,
}

impl Row {
    /// The cell of a column; empty if the file has no such column.
    pub(crate) fn cell(&self, at: Option<usize>) -> &str {
        at.and_then(|at| self.cells.get(at)).map_or("", String::as_str)
    }
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Read {
    /// A row.
    Row(Row),
    /// A row that can't be read; reading goes on behind it.
    Broken(RowProblem),
}

/// A table that is being read.
pub(crate) struct Table {
    reader: csv::Reader<Utf8Source>,
    meter: Meter,
    record: StringRecord,
    header: Header,
    number: u64,
    delimiter: u8,
    found: Found,
    notes: Vec<String>,
}

impl Table {
    /// Opens a file, finds out how it is written and reads its header.
    pub(crate) fn open(path: &Path, columns: ColumnSet) -> Result<Self> {
        let (found, source) = source::open(path)?;
        let meter = source.meter();
        let delimiter = find_delimiter(path)?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .flexible(true)
            .has_headers(false)
            .buffer_capacity(64 * 1024)
            .from_reader(source);
        let mut record = StringRecord::new();
        loop {
            let more = reader.read_record(&mut record).map_err(|e| broken_file(path, e))?;
            if !more {
                return Err(Error::bad_input(
                    &path.display().to_string(),
                    "no line with anything in it",
                    "a CSV file with a header line",
                ));
            }
            // Spreadsheets write this line to say how the file is separated.
            let is_hint = record.get(0).is_some_and(|cell| cell.starts_with("sep="));
            if !is_hint && record.iter().any(|cell| !cell.trim().is_empty()) {
                break;
            }
        }
        meter.row_ended();
        let names = record.iter().map(|cell| cell.trim().to_owned()).collect();
        let header = Header::read(start_line(&reader, &record), names, columns)?;
        let mut notes = Vec::new();
        if let Some(line) = found.first_odd_line {
            notes.push(format!(
                "line {line} is not UTF-8, so the file was read as Windows-1252 (which Latin-1 is part of)"
            ));
        } else if matches!(found.encoding, Encoding::Utf16Le | Encoding::Utf16Be) {
            notes.push(format!("the file is {}, and was read as that", found.encoding.name()));
        }
        Ok(Self { reader, meter, record, header, number: 0, delimiter, found, notes })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn delimiter(&self) -> char {
        char::from(self.delimiter)
    }

    pub(crate) fn encoding(&self) -> &'static str {
        self.found.encoding.name()
    }

    pub(crate) fn bytes_total(&self) -> u64 {
        self.found.bytes_total
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// What the reader of the report should know about the file itself.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// The file can't be read any further. What was read before stands.
    pub(crate) fn next(&mut self, path: &Path) -> Result<Option<Read>> {
        loop {
            let more =
                self.reader.read_record(&mut self.record).map_err(|e| broken_file(path, e))?;
            if !more {
                return Ok(None);
            }
            self.meter.row_ended();
            self.number += 1;
            if self.record.iter().all(|cell| cell.trim().is_empty()) {
                // Spreadsheets leave lines of nothing but delimiters at the end of a sheet.
                continue;
            }
            let line = start_line(&self.reader, &self.record);
            return Ok(Some(self.checked(line)));
        }
    }

    fn checked(&self, line: u64) -> Read {
        let problem = |field: &str, value: &str, expected: String| {
            Read::Broken(RowProblem::refused(self.number, line, field, value, &expected))
        };
        let width = self.header.width();
        let trailing_are_empty = self.record.iter().skip(width).all(|cell| cell.trim().is_empty());
        if self.record.len() < width || !trailing_are_empty {
            return problem(
                "(row)",
                &format!("{} cells", self.record.len()),
                format!("{width} cells, as the header has; is a delimiter or a quote missing?"),
            );
        }
        for (name, cell) in self.header.names().iter().zip(self.record.iter()) {
            if cell.len() > MAX_CELL_BYTES {
                let expected = format!("at most {MAX_CELL_BYTES} bytes, not {}", cell.len());
                return problem(name, cell, expected);
            }
            if let Some(odd) = cell.chars().find(|c| c.is_control() && !"\t\r\n".contains(*c)) {
                let expected =
                    format!("text without control characters (found U+{:04X})", odd as u32);
                return problem(name, cell, expected);
            }
        }
        let cells = self.record.iter().take(width).map(|cell| cell.trim().to_owned()).collect();
        Read::Row(Row { number: self.number, line, cells })
    }
}

/// The line a record starts on, reckoned back from where it ended: the reader's own figure for its
/// start is that of the blank lines it skipped before it. Every line ends in LF (see [`Utf8Source`]).
fn start_line(reader: &csv::Reader<Utf8Source>, record: &StringRecord) -> u64 {
    let inside: usize = record.iter().map(|cell| cell.matches('\n').count()).sum();
    reader.position().line().saturating_sub(1 + inside as u64)
}

fn broken_file(path: &Path, error: csv::Error) -> Error {
    let line = error.position().map(csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(source) if source.kind() == std::io::ErrorKind::InvalidData => {
            Error::bad_input(
                &path.display().to_string(),
                &source.to_string(),
                &format!("rows of at most {} MiB", MAX_ROW_BYTES / (1024 * 1024)),
            )
        }
        csv::ErrorKind::Io(source) => Error::File { path: path.to_owned(), source },
        _ => Error::bad_input(
            &path.display().to_string(),
            &line.map_or_else(String::new, |line| format!("line {line}")),
            "text in one encoding; the file changed while it was read",
        ),
    }
}

/// The delimiter: the one that stands most often in the first line with anything in it, outside quotes.
fn find_delimiter(path: &Path) -> Result<u8> {
    use std::io::Read as _;
    let (_, source) = source::open(path)?;
    let mut head = Vec::new();
    source
        .take(64 * 1024)
        .read_to_end(&mut head)
        .map_err(|source| Error::File { path: path.to_owned(), source })?;
    Ok(delimiter_of(&head))
}

fn delimiter_of(head: &[u8]) -> u8 {
    const CANDIDATES: [u8; 3] = [b',', b';', b'\t'];
    let mut counts = [0usize; 3];
    let mut quoted = false;
    let mut seen = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted && seen => break,
            byte if !quoted => {
                if let Some(at) = CANDIDATES.iter().position(|candidate| candidate == byte) {
                    counts[at] += 1;
                }
            }
            _ => {}
        }
        seen |= !byte.is_ascii_whitespace();
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    // On a tie, and without any, the earliest candidate: a comma.
    CANDIDATES[counts.iter().position(|count| *count == most).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const COLUMNS: ColumnSet = ColumnSet { required: &["email"], optional: &["first_name"] };

    /// Every row as `number@line: a|b`, every broken one as `number@line: field!`.
    fn read(bytes: &[u8]) -> Result<(Table, Vec<String>)> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let mut table = Table::open(file.path(), COLUMNS)?;
        let mut rows = Vec::new();
        while let Some(next) = table.next(file.path())? {
            rows.push(match next {
                Read::Row(row) => format!("{}@{}: {}", row.number, row.line, row.cells.join("|")),
                Read::Broken(problem) => {
                    format!("{}@{}: {}!", problem.row, problem.line, problem.field)
                }
            });
        }
        Ok((table, rows))
    }

    #[test]
    fn tables_as_people_have_them() {
        let long =
            format!("email,first_name\na@x.example,{}\nb@x.example,B\n", "x".repeat(1_000_000));
        for (what, bytes, want) in [
            ("plain", "email,first_name\na@x,A\n", vec!["1@2: a@x|A"]),
            ("no newline at the end", "email\na@x", vec!["1@2: a@x"]),
            ("semicolons", "email;first_name\na@x;\"A; B\"\n", vec!["1@2: a@x|A; B"]),
            ("tabs", "email\tfirst_name\na@x\tA, B\n", vec!["1@2: a@x|A, B"]),
            ("sep= line", "sep=;\nemail;first_name\na@x;A\n", vec!["1@3: a@x|A"]),
            ("mark", "\u{feff}email,first_name\na@x,A\n", vec!["1@2: a@x|A"]),
            ("crlf", "email,first_name\r\na@x,A\r\nb@x,B\r\n", vec!["1@2: a@x|A", "2@3: b@x|B"]),
            (
                "quoted newline",
                "email,first_name\na@x,\"A\nB\"\nb@x,B\n",
                vec!["1@2: a@x|A\nB", "2@4: b@x|B"],
            ),
            (
                "quoted newline, crlf",
                "email,first_name\r\na@x,\"A\r\nB\"\r\nb@x,B\r\n",
                vec!["1@2: a@x|A\nB", "2@4: b@x|B"],
            ),
            (
                "quoted quote",
                "email,first_name\na@x,\"A \"\"the\"\" B\"\n",
                vec!["1@2: a@x|A \"the\" B"],
            ),
            ("blank lines", "\n\nemail\n\n\na@x\n\nb@x\n", vec!["1@6: a@x", "2@8: b@x"]),
            (
                "empty cells at the end",
                "email,first_name\na@x,A,,\n,,\nb@x,B\n",
                vec!["1@2: a@x|A", "3@4: b@x|B"],
            ),
            ("too few", "email,first_name\na@x\nb@x,B\n", vec!["1@2: (row)!", "2@3: b@x|B"]),
            ("too many", "email,first_name\na@x,A,B\nb@x,B\n", vec!["1@2: (row)!", "2@3: b@x|B"]),
            ("NUL", "email,first_name\na@x,A\0\nb@x,B\n", vec!["1@2: first_name!", "2@3: b@x|B"]),
            ("1 MB cell", &long, vec!["1@2: first_name!", "2@3: b@x.example|B"]),
        ] {
            let (_, rows) = read(bytes.as_bytes()).unwrap();
            assert_eq!(rows, want, "{what}");
        }
    }

    #[test]
    fn the_file_says_how_it_was_read() {
        let (table, rows) = read(b"email;first_name\na@x.example;Zo\xEB\n").unwrap();
        assert_eq!(rows, ["1@2: a@x.example|Zoë"]);
        assert_eq!((table.delimiter(), table.encoding()), (';', "Windows-1252"));
        assert!(table.notes()[0].contains("line 2"), "{:?}", table.notes());
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_in_bounded_memory() {
        let mut bytes = b"email,first_name\na@x,\"A\n".to_vec();
        bytes.extend(b"b@x.example,B\n".repeat(600_000));
        let error = read(&bytes).err().unwrap().to_string();
        assert!(error.contains("never closed"), "{error}");
    }
}
