//! A file that is a table, opened: how it is written, and which column is which.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{
    csv_rows::{CsvRows, Found as FoundRow},
    delimiter,
    encoding::{self, Found},
    header::{ColumnSet, Header, Speak},
    json_rows::{JsonRows, Names},
    read_as::{ReadAs, TableFormat},
    rows::{Rows, Source, trimmed},
    text::{Line, Lines},
};
use crate::error::{Error, Result};

/// How the rows are laid out.
#[derive(Debug, Clone)]
enum Layout {
    Csv { delimiter: u8 },
    Json { names: Names },
}

/// A file that is a table: what was found out about it before its first row.
#[derive(Debug)]
pub(crate) struct Table {
    file: File,
    path: PathBuf,
    found: Found,
    layout: Layout,
    header: Header,
    notes: Vec<String>,
}

impl Table {
    /// Opens a file, finds out how it is written and which column is which.
    ///
    /// # Errors
    /// There is no such file, it is no table, or its columns are not those that are needed.
    pub(crate) fn open(path: &Path, columns: &ColumnSet, read_as: &ReadAs) -> Result<Self> {
        let io = |source| Error::File { path: path.to_owned(), source };
        let place = path.display().to_string();
        let asked = read_as.encoding.as_deref().map(encoding::by_name).transpose()?;
        // Opened only then: a pipe would wait for whoever writes it.
        let kind = std::fs::metadata(path).map_err(io)?.file_type();
        if kind.is_dir() {
            return Err(Error::bad_input(&place, "a folder", "a CSV file with a header line"));
        }
        if !kind.is_file() {
            let expected = "a file: this can be read only once, and an import reads twice";
            return Err(Error::bad_input(&place, "a pipe or device", expected));
        }
        let mut file = File::open(path).map_err(io)?;
        let found = encoding::find(&mut file, path, asked)?;
        let lines = || Lines::new(file.try_clone()?, &found);
        let (format, note) = format(path, lines().map_err(io)?, read_as)?;
        let mut notes: Vec<String> = found.note.iter().cloned().chain(note).collect();
        let (layout, header, more_notes) = match format {
            TableFormat::Jsonl => {
                let names = Names::collect(lines().map_err(io)?, columns).map_err(io)?;
                let written = names.written().iter().map(|name| name.trim().to_owned()).collect();
                let at = format!("{place}, the names of its members");
                let (header, notes) = Header::read(&at, written, columns, read_as, Speak::Names)?;
                (Layout::Json { names }, header, notes)
            }
            TableFormat::Csv => {
                let delimiter =
                    delimiter::find(lines().map_err(io)?, columns, read_as).map_err(io)?;
                let mut rows = CsvRows::new(lines().map_err(io)?, delimiter);
                let (line, names) = header_names(&mut rows, delimiter, path)?;
                let at = format!("line {line}, the header");
                let (header, notes) = Header::read(&at, names, columns, read_as, Speak::Numbers)?;
                (Layout::Csv { delimiter }, header, notes)
            }
        };
        notes.extend(more_notes);
        Ok(Self { file, path: path.to_owned(), found, layout, header, notes })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn format(&self) -> TableFormat {
        match self.layout {
            Layout::Csv { .. } => TableFormat::Csv,
            Layout::Json { .. } => TableFormat::Jsonl,
        }
    }

    /// What separates its cells, if anything does.
    pub(crate) fn delimiter(&self) -> Option<char> {
        match self.layout {
            Layout::Csv { delimiter } => Some(char::from(delimiter)),
            Layout::Json { .. } => None,
        }
    }

    pub(crate) fn encoding(&self) -> String {
        self.found.name()
    }

    pub(crate) fn bytes_total(&self) -> u64 {
        self.found.bytes_total
    }

    /// What the reader of the report should know about the file itself.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Reads the rows from the first one. One reading of a table at a time.
    ///
    /// # Errors
    /// The file can't be read any more.
    pub(super) fn rows(&self) -> Result<Rows<'_>> {
        let io = |source| Error::File { path: self.path.clone(), source };
        let lines = Lines::new(self.file.try_clone().map_err(io)?, &self.found).map_err(io)?;
        let source = match &self.layout {
            Layout::Csv { delimiter } => {
                let mut rows = CsvRows::new(lines, *delimiter);
                header_names(&mut rows, *delimiter, &self.path)?;
                Source::Csv(rows)
            }
            Layout::Json { names } => {
                let is_read = (0..names.written().len()).map(|at| self.header.is_read(at));
                Source::Json(JsonRows::new(lines, names.clone(), is_read.collect()))
            }
        };
        Ok(Rows::new(self, source))
    }
}

/// Reads up to the header; the line it is on, and the names in it.
fn header_names(rows: &mut CsvRows, delimiter: u8, path: &Path) -> Result<(u64, Vec<String>)> {
    let place = path.display().to_string();
    loop {
        match rows.next().map_err(|error| broken_file(path, error))? {
            FoundRow::End => {
                let expected = "a CSV file with a header line";
                return Err(Error::bad_input(&place, "no line with anything in it", expected));
            }
            FoundRow::Broken { line, text, expected } => {
                return Err(Error::bad_input(
                    &format!("line {line}, the header"),
                    &text,
                    &expected,
                ));
            }
            FoundRow::Row { line } => {
                let names: Vec<String> = rows
                    .cells()
                    .cells()
                    .map(|cell| trimmed(&String::from_utf8_lossy(cell)).to_owned())
                    .collect();
                let is_hint = delimiter::hint(&names, delimiter).is_some();
                if !is_hint && names.iter().any(|name| !name.is_empty()) {
                    return Ok((line, names));
                }
            }
        }
    }
}

/// CSV or JSON lines: as asked, by the file's name, by its first character.
fn format(
    path: &Path,
    mut lines: Lines,
    read_as: &ReadAs,
) -> Result<(TableFormat, Option<String>)> {
    if let Some(asked) = read_as.format {
        return Ok((asked, None));
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if matches!(ending.as_deref(), Some("jsonl" | "ndjson")) {
        return Ok((TableFormat::Jsonl, None));
    }
    let mut line = Vec::new();
    loop {
        let kind = lines
            .next(&mut line)
            .map_err(|source| Error::File { path: path.to_owned(), source })?;
        if kind == Line::End {
            return Ok((TableFormat::Csv, None));
        }
        match line.trim_ascii() {
            [] => continue,
            [b'{', ..] => {
                let note = "the file is JSON lines, and was read as that".to_owned();
                return Ok((TableFormat::Jsonl, Some(note)));
            }
            [b'[', rest @ ..] if rest.is_empty() || rest.trim_ascii_start()[0] == b'{' => {
                return Err(Error::bad_input(
                    &path.display().to_string(),
                    "a JSON array",
                    "one JSON object a line, as `jq -c '.[]'` writes them",
                ));
            }
            _ => return Ok((TableFormat::Csv, None)),
        }
    }
}

/// What a failure to read on means.
pub(super) fn broken_file(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::InvalidData {
        let place = path.display().to_string();
        return Error::bad_input(&place, &error.to_string(), "quotes that are closed");
    }
    Error::File { path: path.to_owned(), source: error }
}
