//! Splitting lines into the cells of rows: RFC 4180, read the way people and programs write it.
//!
//! A reader that only says "the file is broken" is of no use here, and neither is one that lets a
//! quote that is never closed swallow the rest of the file in silence. So this one works line by line
//! and says of every row whether a quoted cell went over lines and then did not end like one.

/// Where the splitter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a cell; spaces may have come.
    Start,
    /// In a cell without quotes.
    Plain,
    /// In a cell in quotes.
    Quoted,
    /// Behind a quote in such a cell: its end, or the first half of a doubled one.
    Quote,
    /// Behind the end of such a cell, where only spaces may come.
    Behind,
}

/// Splits rows into cells; keeps the cells of the last one.
#[derive(Debug)]
pub(super) struct Splitter {
    delimiter: u8,
    state: State,
    text: Vec<u8>,
    ends: Vec<usize>,
    goes_over_lines: bool,
    is_torn: bool,
}

impl Splitter {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::Start,
            text: Vec::new(),
            ends: Vec::new(),
            goes_over_lines: false,
            is_torn: false,
        }
    }

    /// Begins a new row.
    pub(super) fn clear(&mut self) {
        self.state = State::Start;
        self.text.clear();
        self.ends.clear();
        self.goes_over_lines = false;
        self.is_torn = false;
    }

    /// Takes the next line, with LF at its end; whether the row ends with it.
    pub(super) fn feed(&mut self, line: &[u8]) -> bool {
        self.goes_over_lines = self.state == State::Quoted;
        let mut at = 0;
        while let Some(&byte) = line.get(at) {
            let is_end = byte == self.delimiter || byte == b'\n';
            match self.state {
                State::Start if byte == b'"' => {
                    self.text.truncate(self.cell_start());
                    self.state = State::Quoted;
                    at += 1;
                }
                State::Start if byte == b' ' && !is_end => {
                    self.text.push(byte);
                    at += 1;
                }
                State::Start | State::Plain => {
                    let end = memchr::memchr2(self.delimiter, b'\n', &line[at..])
                        .map_or(line.len(), |end| at + end);
                    self.text.extend_from_slice(&line[at..end]);
                    if self.end_cell(line.get(end)) {
                        return true;
                    }
                    at = end + 1;
                }
                State::Quoted => {
                    let end = memchr::memchr(b'"', &line[at..]);
                    let end = end.map_or(line.len(), |end| at + end);
                    self.text.extend_from_slice(&line[at..end]);
                    if end < line.len() {
                        self.state = State::Quote;
                    }
                    at = end + 1;
                }
                State::Quote if byte == b'"' => {
                    self.text.push(byte);
                    self.state = State::Quoted;
                    at += 1;
                }
                State::Quote | State::Behind if is_end => {
                    if self.end_cell(Some(&byte)) {
                        return true;
                    }
                    at += 1;
                }
                State::Quote | State::Behind if byte == b' ' => {
                    self.text.push(byte);
                    self.state = State::Behind;
                    at += 1;
                }
                // The quote did not end the cell after all: what follows belongs to it.
                State::Quote | State::Behind => {
                    self.is_torn |= self.goes_over_lines;
                    self.state = State::Plain;
                }
            }
        }
        false
    }

    /// Whether a quoted cell of this row went over lines and was followed by something else than a
    /// delimiter: the quote that opened it was most likely never closed.
    pub(super) fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// How many cells the row has.
    pub(super) fn width(&self) -> usize {
        self.ends.len()
    }

    /// A cell of the row.
    pub(super) fn cell(&self, at: usize) -> Option<&[u8]> {
        let end = *self.ends.get(at)?;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        Some(&self.text[start..end])
    }

    /// The cells of the row.
    pub(super) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.width()).filter_map(|at| self.cell(at))
    }

    fn cell_start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn end_cell(&mut self, end: Option<&u8>) -> bool {
        self.ends.push(self.text.len());
        self.state = State::Start;
        self.goes_over_lines = false;
        end.is_none_or(|end| *end == b'\n')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All rows, their cells separated by `|`; one that does not end is marked with `…`, a torn one
    /// with `!`.
    fn rows(text: &str, delimiter: u8) -> Vec<String> {
        let mut splitter = Splitter::new(delimiter);
        let mut rows = Vec::new();
        let mut is_open = false;
        for line in text.split_inclusive('\n') {
            is_open = !splitter.feed(line.as_bytes());
            if !is_open {
                let cells: Vec<_> = splitter.cells().map(String::from_utf8_lossy).collect();
                rows.push(format!(
                    "{}{}",
                    cells.join("|"),
                    if splitter.is_torn() { "!" } else { "" }
                ));
                splitter.clear();
            }
        }
        if is_open {
            rows.push("…".to_owned());
        }
        rows
    }

    #[test]
    fn cells_are_split_as_people_write_them() {
        for (text, want) in [
            ("a,b\n", vec!["a|b"]),
            (",\n", vec!["|"]),
            ("a,\"b,c\"\n", vec!["a|b,c"]),
            ("\"a\"\"b\",\"\"\n", vec!["a\"b|"]),
            ("\"a\nb\",c\nd,e\n", vec!["a\nb|c", "d|e"]),
            ("a, \"b, c\" ,d\n", vec!["a|b, c |d"]),
            ("a,  b ,c\n", vec!["a|  b |c"]),
            ("5\" disk,b\n", vec!["5\" disk|b"]),
            ("\"a\"b,c\n", vec!["ab|c"]),
            ("\"a\"b\"c\",d\n", vec!["ab\"c\"|d"]),
            ("\"a\nb\"c,d\n", vec!["a\nbc|d!"]),
            ("\"a\nb\",\"c\"d\n", vec!["a\nb|cd"]),
            ("\"a\nb\n", vec!["…"]),
        ] {
            assert_eq!(rows(text, b','), want, "{text:?}");
        }
        assert_eq!(rows("a\t\"b\tc\"\n", b'\t'), ["a|b\tc"]);
    }

    proptest! {
        /// Whatever a well-kept writer writes is read back.
        #[test]
        fn what_was_written_is_read(
            table in prop::collection::vec(prop::collection::vec("[a-b\",;\t\n '=]{0,6}", 1..5), 1..6),
            delimiter in prop::sample::select(b",;\t|".to_vec()),
        ) {
            let mut writer = csv::WriterBuilder::new()
                .delimiter(delimiter).flexible(true).quote_style(csv::QuoteStyle::Always)
                .from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let want: Vec<String> = table.iter().map(|row| row.join("|")).collect();
            prop_assert_eq!(rows(&text, delimiter), want);
        }

        /// Without spaces around quotes, rows are split as the `csv` crate splits them.
        #[test]
        fn other_readers_agree(lines in prop::collection::vec("[ab\",]{1,8}", 1..6)) {
            let text = lines.join("\n") + "\n";
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false).flexible(true).terminator(csv::Terminator::Any(b'\n'))
                .from_reader(text.as_bytes());
            let theirs: Vec<String> = reader
                .records()
                .map(|row| row.unwrap().iter().collect::<Vec<_>>().join("|"))
                .collect();
            let mut ours = rows(&text, b',');
            ours.iter_mut().for_each(|row| *row = row.trim_end_matches('!').to_owned());
            let whole = ours.iter().take_while(|row| *row != "…").count();
            prop_assert_eq!(&ours[..whole], &theirs[..whole]);
            prop_assert!(theirs.len() - whole <= 1, "a cell that stays open is one row there");
        }
    }
}
