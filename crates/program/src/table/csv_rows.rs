//! The rows of a CSV file, one at a time: a row that can't be read costs that row and no other.

use std::io;

use super::{
    split::Splitter,
    text::{Line, Lines, MAX_ROW_BYTES},
};

/// Bytes that may be read again after quotes that were never closed. A file made of such quotes would
/// otherwise be read once for each of its lines.
const MAX_READ_AGAIN: usize = 256 * 1024 * 1024;

/// What [`CsvRows::next`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A row; its cells are in [`CsvRows::cells`].
    Row {
        /// The line it starts on.
        line: u64,
    },
    /// A line that is no row, with what was expected instead.
    Broken { line: u64, text: String, expected: String },
    /// The end of the file.
    End,
}

/// Reads the rows of a CSV file.
pub(super) struct CsvRows {
    lines: Lines,
    splitter: Splitter,
    line: Vec<u8>,
    /// The lines of a row that goes over several, as they were read.
    held: Vec<u8>,
    /// Lines that are read again, and how far that has come.
    again: Vec<u8>,
    again_at: usize,
    again_line: u64,
    /// A line that was too long was read while a row was open.
    too_long: Option<u64>,
    read_again: usize,
}

impl CsvRows {
    pub(super) fn new(lines: Lines, delimiter: u8) -> Self {
        Self {
            lines,
            splitter: Splitter::new(delimiter),
            line: Vec::new(),
            held: Vec::new(),
            again: Vec::new(),
            again_at: 0,
            again_line: 0,
            too_long: None,
            read_again: 0,
        }
    }

    /// The row that was found last.
    pub(super) fn cells(&self) -> &Splitter {
        &self.splitter
    }

    /// Bytes of the file that were read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    /// The next row. Blank lines are none.
    ///
    /// # Errors
    /// The file can't be read, or it is made of quotes that are never closed.
    pub(super) fn next(&mut self) -> io::Result<Found> {
        self.splitter.clear();
        self.held.clear();
        let mut first = 0;
        loop {
            let (kind, number) = self.take_line()?;
            let is_first = self.held.is_empty();
            match kind {
                Line::End if is_first => return Ok(Found::End),
                Line::End => return self.give_up(first),
                Line::TooLong if is_first => return Ok(too_long(number)),
                Line::TooLong => {
                    self.too_long = Some(number);
                    return self.give_up(first);
                }
                Line::Whole if is_first && self.line == b"\n" => continue,
                Line::Whole => {}
            }
            if is_first {
                first = number;
            }
            let ends = self.splitter.feed(&self.line);
            if ends && !self.splitter.is_torn() {
                return Ok(Found::Row { line: first });
            }
            self.held.extend_from_slice(&self.line);
            if ends || self.held.len() > MAX_ROW_BYTES {
                return self.give_up(first);
            }
        }
    }

    fn take_line(&mut self) -> io::Result<(Line, u64)> {
        if self.again_at < self.again.len() {
            let rest = &self.again[self.again_at..];
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            self.line.clear();
            self.line.extend_from_slice(&rest[..end]);
            self.again_at += end;
            self.again_line += 1;
            return Ok((Line::Whole, self.again_line - 1));
        }
        if let Some(number) = self.too_long.take() {
            return Ok((Line::TooLong, number));
        }
        let kind = self.lines.next(&mut self.line)?;
        Ok((kind, self.lines.number()))
    }

    /// Leaves out the first line of the row that is open, and goes on with the second.
    fn give_up(&mut self, first: u64) -> io::Result<Found> {
        let end = memchr::memchr(b'\n', &self.held).map_or(self.held.len(), |end| end + 1);
        self.read_again += self.held.len() - end;
        if self.read_again > MAX_READ_AGAIN {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {first} and many before it open a quote that is never closed"),
            ));
        }
        let text = String::from_utf8_lossy(&self.held[..end]).trim_end().to_owned();
        self.held.drain(..end);
        self.held.extend_from_slice(&self.again[self.again_at..]);
        std::mem::swap(&mut self.again, &mut self.held);
        self.again_at = 0;
        self.again_line = first + 1;
        let expected = "a closing quote: the one that opens in this line is never closed";
        Ok(Found::Broken { line: first, text, expected: expected.to_owned() })
    }
}

/// What is said of a line that was skipped for its length.
pub(super) fn too_long(line: u64) -> Found {
    let expected = format!("a row of at most {} MiB", MAX_ROW_BYTES / (1024 * 1024));
    Found::Broken { line, text: String::new(), expected }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Seek, SeekFrom, Write},
        path::Path,
    };

    use super::*;
    use crate::table::encoding;

    /// Every row as `line: a|b`, every broken one as `line: expected`.
    fn read(bytes: &[u8]) -> io::Result<Vec<String>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let found = encoding::find(&mut file, Path::new("x.csv"), None).unwrap();
        let mut rows = CsvRows::new(Lines::new(file, &found).unwrap(), b',');
        let mut seen = Vec::new();
        loop {
            seen.push(match rows.next()? {
                Found::Row { line } => {
                    let cells: Vec<_> = rows.cells().cells().map(String::from_utf8_lossy).collect();
                    format!("{line}: {}", cells.join("|"))
                }
                Found::Broken { line, expected, .. } => {
                    format!("{line}: {}", expected.split(':').next().unwrap())
                }
                Found::End => return Ok(seen),
            });
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_line_only() {
        for (what, text, want) in [
            (
                "to the end of the file",
                "a,b\nc,\"d\ne,f\n\ng,h\n",
                vec!["1: a|b", "2: a closing quote", "3: e|f", "5: g|h"],
            ),
            (
                "up to the next quoted cell",
                "a,\"b\nc,d\ne,\"f, g\"\nh,i\n",
                vec!["1: a closing quote", "2: c|d", "3: e|f, g", "4: h|i"],
            ),
            (
                "twice",
                "a,\"b\nc,\"d\ne,f\n",
                vec!["1: a closing quote", "2: a closing quote", "3: e|f"],
            ),
            ("what is closed", "a,\"b\nc\nd\",e\nf,g\n", vec!["1: a|b\nc\nd|e", "4: f|g"]),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), want, "{what}");
        }
    }

    #[test]
    fn it_costs_its_line_only_in_a_big_file_too() {
        let mut bytes = b"a,\"b\n".to_vec();
        let rows = 2 * MAX_ROW_BYTES / 8;
        bytes.extend(b"c,d\n".repeat(rows));
        let seen = read(&bytes).unwrap();
        assert_eq!((seen.len(), seen[0].as_str()), (rows + 1, "1: a closing quote"));
        assert_eq!(seen[rows], format!("{}: c|d", rows + 1));
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_wherever_it_stands() {
        let long = "x".repeat(MAX_ROW_BYTES + 1);
        let text = format!("a,b\n{long}\nc,\"d\n{long}\ne,f\n");
        let want = [
            "1: a|b",
            "2: a row of at most 4 MiB",
            "3: a closing quote",
            "4: a row of at most 4 MiB",
            "5: e|f",
        ];
        assert_eq!(read(text.as_bytes()).unwrap(), want);
    }

    #[test]
    fn a_file_made_of_such_quotes_is_given_up() {
        // Fresh or inside a quoted cell, each of these lines ends inside one.
        let bytes = b"x\",\"y\n".repeat(MAX_ROW_BYTES / 6 * 3 / 2);
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains("never closed"), "{error}");
    }
}
