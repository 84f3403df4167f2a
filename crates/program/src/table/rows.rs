//! The rows of a table, whatever they are written in.

use super::{
    csv_rows::{CsvRows, Found},
    file::{Table, broken_file},
    formula::unguarded,
    json_rows::JsonRows,
};
use crate::{error::Result, report::RowProblem};

/// The longest cell, in bytes. Merge fields travel with every job, and a job has 4 KiB.
const MAX_CELL_BYTES: usize = 8 * 1024;

/// One row whose cells can be read: trimmed, none too long, nothing in them that is no text. Cells of
/// columns that are not read are empty.
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

/// Where rows come from.
pub(super) enum Source {
    Csv(CsvRows),
    Json(JsonRows),
}

/// The rows of a table, as they are read.
pub(super) struct Rows<'a> {
    table: &'a Table,
    source: Source,
    number: u64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(table: &'a Table, source: Source) -> Self {
        Self { table, source, number: 0 }
    }

    /// Bytes of the file that were read.
    pub(super) fn bytes_read(&self) -> u64 {
        match &self.source {
            Source::Csv(rows) => rows.bytes_read(),
            Source::Json(rows) => rows.bytes_read(),
        }
    }

    /// The next row; `None` at the end. Rows with nothing in them are left out, but have a number.
    ///
    /// # Errors
    /// The file can't be read any further. What was read before stands.
    pub(super) fn next(&mut self) -> Result<Option<Read>> {
        loop {
            let (found, field) = match &mut self.source {
                Source::Csv(rows) => rows.next().map(|found| (found, None)),
                Source::Json(rows) => rows.next(),
            }
            .map_err(|error| broken_file(self.table.path(), error))?;
            self.number += 1;
            match found {
                Found::End => return Ok(None),
                Found::Broken { line, text, expected } => {
                    let field = field.as_deref().unwrap_or("(row)");
                    return Ok(Some(self.broken(line, field, &text, &expected)));
                }
                Found::Row { line } => {
                    if let Some(read) = self.checked(line) {
                        return Ok(Some(read));
                    }
                }
            }
        }
    }

    fn broken(&self, line: u64, field: &str, value: &str, expected: &str) -> Read {
        Read::Broken(RowProblem::refused(self.number, line, field, value, expected))
    }

    fn checked(&self, line: u64) -> Option<Read> {
        let header = self.table.header();
        if let Source::Csv(rows) = &self.source {
            let row = rows.cells();
            let is_empty = |cell: &[u8]| trimmed(&String::from_utf8_lossy(cell)).is_empty();
            if row.cells().all(is_empty) {
                // Spreadsheets leave lines of nothing but delimiters at the end of a sheet.
                return None;
            }
            let least = header.least();
            if row.width() < least || !row.cells().skip(least).all(is_empty) {
                let expected =
                    format!("{least} cells, as the header has; is a delimiter or a quote missing?");
                let value = format!("{} cells", row.width());
                return Some(self.broken(line, "(row)", &value, &expected));
            }
        }
        let mut cells = Vec::with_capacity(header.names().len());
        for (at, name) in header.names().iter().enumerate() {
            if !header.is_read(at) {
                cells.push(String::new());
                continue;
            }
            let lossy;
            let text = match &self.source {
                Source::Csv(rows) => {
                    lossy = String::from_utf8_lossy(rows.cells().cell(at).unwrap_or_default());
                    unguarded(trimmed(&lossy))
                }
                Source::Json(rows) => rows.cell(at),
            };
            let text = trimmed(text);
            if let Some(expected) = fault(text) {
                return Some(self.broken(line, name, text, &expected));
            }
            cells.push(text.to_owned());
        }
        Some(Read::Row(Row { number: self.number, line, cells }))
    }
}

/// White space and what is no more to be seen than that.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}')
    })
}

/// What was expected of a cell instead.
fn fault(text: &str) -> Option<String> {
    if text.len() > MAX_CELL_BYTES {
        return Some(format!("at most {MAX_CELL_BYTES} bytes, not {}", text.len()));
    }
    text.chars().find_map(|c| match c {
        '\t' | '\n' | '\r' => None,
        '\u{FFFD}' => Some(
            "text without U+FFFD, which stands where a letter was lost when the file was saved"
                .to_owned(),
        ),
        c if c.is_control() => {
            Some(format!("text without control characters (found U+{:04X})", u32::from(c)))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::{io::Write, path::Path};

    use super::*;
    use crate::table::{
        ReadAs, TableFormat,
        header::{ColumnSet, Field, Others},
    };

    const COLUMNS: ColumnSet = ColumnSet {
        fields: &[Field {
            name: "email",
            is_required: true,
            is_decisive: true,
            synonyms: &["mail"],
        }],
        others: Others::MergeFields,
    };

    /// Every row as `number@line: a|b`, every broken one as `number@line: field!`.
    fn read_named(ending: &str, bytes: &[u8]) -> Result<(Table, Vec<String>)> {
        let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let table = Table::open(file.path(), &COLUMNS, &ReadAs::default())?;
        let mut seen = Vec::new();
        let mut rows = table.rows()?;
        while let Some(next) = rows.next()? {
            seen.push(match next {
                Read::Row(row) => format!("{}@{}: {}", row.number, row.line, row.cells.join("|")),
                Read::Broken(problem) => {
                    format!("{}@{}: {}!", problem.row, problem.line, problem.field)
                }
            });
        }
        assert_eq!(rows.bytes_read(), bytes.len() as u64);
        drop(rows);
        Ok((table, seen))
    }

    fn read(bytes: &[u8]) -> Result<(Table, Vec<String>)> {
        read_named(".csv", bytes)
    }

    #[test]
    fn tables_as_people_have_them() {
        let long =
            format!("email,first_name\na@x.example,{}\nb@x.example,B\n", "x".repeat(1_000_000));
        let wide = format!(
            "email{}\na@x{}\n",
            (1..300).map(|n| format!(",c{n}")).collect::<String>(),
            ",1".repeat(299)
        );
        let wide_row = format!("1@2: a@x{}", "|1".repeat(299));
        for (what, text, want) in [
            ("plain", "email,first_name\na@x,A\n", vec!["1@2: a@x|A"]),
            ("no newline at the end", "email\na@x", vec!["1@2: a@x"]),
            ("semicolons", "email;first_name\na@x;\"A; B\"\n", vec!["1@2: a@x|A; B"]),
            ("tabs", "email\tfirst_name\na@x\tA, B\n", vec!["1@2: a@x|A, B"]),
            ("pipes", "email|first_name\na@x|A, B\n", vec!["1@2: a@x|A, B"]),
            ("sep= line", "sep=;\nemail;first_name\na@x;A\n", vec!["1@3: a@x|A"]),
            ("mark", "\u{feff}email,first_name\na@x,A\n", vec!["1@2: a@x|A"]),
            ("crlf", "email,first_name\r\na@x,A\r\nb@x,B\r\n", vec!["1@2: a@x|A", "2@3: b@x|B"]),
            ("cr", "email,first_name\ra@x,A\rb@x,B\r", vec!["1@2: a@x|A", "2@3: b@x|B"]),
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
            ("spaces around quotes", "email, \"b, c\"\na@x, \"B, C\" \n", vec!["1@2: a@x|B, C"]),
            ("blank lines", "\n\nemail\n\n\na@x\n\nb@x\n", vec!["1@6: a@x", "2@8: b@x"]),
            (
                "empty cells at the end",
                "email,first_name\na@x,A,,\n,,\nb@x,B\n",
                vec!["1@2: a@x|A", "3@4: b@x|B"],
            ),
            (
                "empty columns at the end",
                "email,b,,\na@x,A\nb@x,B,,\nc@x,C,,x\n",
                vec!["1@2: a@x|A||", "2@3: b@x|B||", "3@4: (row)!"],
            ),
            ("an index without a name", ",email\n0,a@x\n1,b@x\n", vec!["1@2: |a@x", "2@3: |b@x"]),
            ("header only", "email,first_name\n", vec![]),
            ("too few", "email,first_name\na@x\nb@x,B\n", vec!["1@2: (row)!", "2@3: b@x|B"]),
            ("too many", "email,first_name\na@x,A,B\nb@x,B\n", vec!["1@2: (row)!", "2@3: b@x|B"]),
            ("NUL", "email,first_name\na@x,A\0\nb@x,B\n", vec!["1@2: first_name!", "2@3: b@x|B"]),
            ("lost letter", "email,n\na@x,Zo\u{fffd}\nb@x,B\n", vec!["1@2: n!", "2@3: b@x|B"]),
            ("1 MB cell", &long, vec!["1@2: first_name!", "2@3: b@x.example|B"]),
            ("300 columns", &wide, vec![wide_row.as_str()]),
            ("open quote", "email,b\na@x,\"A\nb@x,B\n", vec!["1@2: (row)!", "2@3: b@x|B"]),
            (
                "formulas",
                "email,b\na@x,=HYPERLINK(\"x\")\nb@x,'=1+1\nc@x,'tis\nd@x,-1\n",
                vec!["1@2: a@x|=HYPERLINK(\"x\")", "2@3: b@x|=1+1", "3@4: c@x|'tis", "4@5: d@x|-1"],
            ),
            ("invisible ends", "email,b\n\u{200b}a@x\u{a0},\u{feff}A \n", vec!["1@2: a@x|A"]),
        ] {
            let (_, rows) = read(text.as_bytes()).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(rows, want, "{what}");
        }
    }

    #[test]
    fn json_lines_are_a_table_too() {
        let text = "{\"mail\": \"a@x\", \"b\": \"'=1\"}\n\n{\"b\": {}, \"mail\": \"b@x\"}\nx\n{\"mail\": \"c\\u0000@x\"}\n";
        let want = ["1@1: a@x|'=1", "2@3: b!", "3@4: (row)!", "4@5: mail!"];
        for ending in [".jsonl", ".NDJSON", ".txt"] {
            let (table, rows) = read_named(ending, text.as_bytes()).unwrap();
            assert_eq!(rows, want, "{ending}");
            assert_eq!((table.format(), table.delimiter()), (TableFormat::Jsonl, None));
        }
        let error = read_named(".json", b"[\n{\"mail\": 1}]").unwrap_err().to_string();
        assert!(error.contains("JSON array"), "{error}");
    }

    #[test]
    fn the_file_says_how_it_was_read() {
        let (table, rows) = read(b"email;first_name\na@x.example;Zo\xEB\n").unwrap();
        assert_eq!(rows, ["1@2: a@x.example|Zoë"]);
        assert_eq!((table.delimiter(), table.encoding().as_str()), (Some(';'), "Windows-1252"));
        assert!(table.notes()[0].contains("line 2"), "{:?}", table.notes());
        let (table, rows) = read("email,n\na@x,Zoë\nb@x,Ana".as_bytes()).unwrap();
        assert_eq!((table.encoding().as_str(), rows.len()), ("UTF-8", 2));
    }

    #[test]
    fn a_row_that_is_not_in_the_files_encoding_is_refused_alone() {
        let mut bytes = "email,n\na@x,Zoë\nb@x,José\nc@x,".as_bytes().to_vec();
        bytes.extend(b"Ren\xE9\nd@x,Ann\n");
        let (table, rows) = read(&bytes).unwrap();
        assert_eq!(table.encoding(), "UTF-8");
        assert_eq!(rows, ["1@2: a@x|Zoë", "2@3: b@x|José", "3@4: n!", "4@5: d@x|Ann"]);
    }

    #[test]
    fn what_can_not_be_a_table_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open =
            |path: &Path, read_as| Table::open(path, &COLUMNS, &read_as).unwrap_err().to_string();
        assert!(open(folder.path(), ReadAs::default()).contains("a folder"));
        assert!(open(Path::new("/dev/null"), ReadAs::default()).contains("a pipe or device"));
        assert!(open(&folder.path().join("none.csv"), ReadAs::default()).contains("none.csv"));
        let file = folder.path().join("x.csv");
        std::fs::write(&file, "\n \n,,\n").unwrap();
        let error = open(&file, ReadAs::default());
        assert!(error.contains("no line with anything in it"), "{error}");
        std::fs::write(&file, "email,\"x\na@x,A\n").unwrap();
        assert!(open(&file, ReadAs::default()).contains("never closed"));
        let read_as = ReadAs { encoding: Some("klingon".to_owned()), ..ReadAs::default() };
        assert!(open(&file, read_as).contains("--encoding"));
    }
}
