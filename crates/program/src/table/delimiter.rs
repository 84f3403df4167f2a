//! What separates the cells of a CSV file.

use std::io;

use super::{
    header::ColumnSet,
    read_as::ReadAs,
    split::Splitter,
    text::{Line, Lines},
};

/// In the order in which they are believed when nothing else decides.
const CANDIDATES: [u8; 5] = *b",;\t|:";

/// Rows below the header that are looked at.
const ROWS: usize = 20;

/// Lines that are looked at for them.
const LINES: usize = 200;

/// The delimiter under which most columns are known; of several, the one under which most rows have
/// as many cells as the header, and of these the one with most columns.
pub(super) fn find(mut lines: Lines, columns: &ColumnSet, read_as: &ReadAs) -> io::Result<u8> {
    let (mut head, mut line) = (Vec::new(), Vec::new());
    while head.len() < LINES && lines.next(&mut line)? != Line::End {
        head.push(line.clone());
    }
    let mut best = (CANDIDATES[0], (0, 0, 0));
    for candidate in CANDIDATES {
        let rows = rows(&head, candidate);
        let Some((first, below)) = rows.split_first() else { continue };
        if let Some(said) = hint(first, candidate) {
            return Ok(said);
        }
        let known = columns.known_among(first.iter().map(String::as_str), read_as);
        let alike = if first.len() < 2 {
            0
        } else {
            below.iter().filter(|row| row.len() == first.len()).count()
        };
        let score = match candidate {
            // In times and web addresses too, so it takes columns that are known to believe it.
            b':' => (known, 0, 0),
            _ => (known, alike, first.len() - 1),
        };
        if score > best.1 {
            best = (candidate, score);
        }
    }
    Ok(best.0)
}

/// Spreadsheet programs write a line `sep=;` to say how the file is separated. `row` is that line,
/// split at `delimiter`.
pub(super) fn hint(row: &[String], delimiter: u8) -> Option<u8> {
    let (first, rest) = row.split_first()?;
    match (first.strip_prefix("sep=")?.as_bytes(), rest) {
        // Split at the very delimiter it names.
        ([], [last]) if last.is_empty() => Some(delimiter),
        ([said], []) if said.is_ascii_punctuation() && *said != b'"' => Some(*said),
        _ => None,
    }
}

fn rows(head: &[Vec<u8>], delimiter: u8) -> Vec<Vec<String>> {
    let mut splitter = Splitter::new(delimiter);
    let mut rows = Vec::new();
    for line in head {
        if !splitter.feed(line) {
            continue;
        }
        let cells = splitter.cells().map(|cell| String::from_utf8_lossy(cell).trim().to_owned());
        let row: Vec<String> = cells.collect();
        splitter.clear();
        if row.iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
        if rows.len() > ROWS {
            break;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;
    use crate::table::{
        encoding,
        header::{Field, Others},
    };

    const fn field(name: &'static str) -> Field {
        Field { name, is_required: false, is_decisive: false, synonyms: &[] }
    }
    const COLUMNS: ColumnSet = ColumnSet {
        fields: &[field("email"), field("first_name"), field("last_name")],
        others: Others::MergeFields,
    };

    fn found(text: &str, map: &str) -> char {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let found = encoding::find(&mut file, std::path::Path::new("x"), None).unwrap();
        let lines = Lines::new(file, &found).unwrap();
        let read_as = ReadAs { maps: map.parse().into_iter().collect(), ..ReadAs::default() };
        char::from(find(lines, &COLUMNS, &read_as).unwrap())
    }

    #[test]
    fn the_delimiter_is_what_makes_sense_of_the_header() {
        for (text, want) in [
            ("email,first_name\n", ','),
            ("email;first_name\n", ';'),
            ("email\tfirst_name\n", '\t'),
            ("email|first_name\n", '|'),
            ("email:first_name\n", ':'),
            ("email\n", ','),
            ("\n\n;;\nemail;first_name\n", ';'),
            ("sep=;\nemail,first_name;x\n", ';'),
            ("sep=,\nemail;first_name,x\n", ','),
            ("sep=\t\nemail,first_name\tx\n", '\t'),
            ("sep=^\nemail,first_name^x\n", '^'),
            // More commas than semicolons, and yet.
            ("email;city, street, number;first_name\n", ';'),
            ("\"city, street, number\";email\n", ';'),
            // Nothing is known: what splits all rows alike.
            ("a, b;c\nd;e, f, g\nh;i\n", ';'),
            ("10:30,20:30\n11:30,21:30\n", ','),
        ] {
            assert_eq!(found(text, ""), want, "{text:?}");
        }
        assert_eq!(found("Post, alt;Post\nx;y\n", "Post=email"), ';');
    }
}
