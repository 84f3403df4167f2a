//! Answers on standard output: tables and sentences for people, one JSON document for programs.

use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;

/// Where a command's answer goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read it.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// The whole answer of a command.
    pub fn answer<T: Serialize>(
        self,
        answer: &T,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            let document =
                serde_json::to_string_pretty(answer).context("can't write the answer as JSON")?;
            line(&document)
        } else {
            line(text().trim_end())
        }
    }

    /// One of many lines: a JSON document a line, or the text.
    pub fn line<T: Serialize>(self, item: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        if self.json {
            line(&serde_json::to_string(item).context("can't write the answer as JSON")?)
        } else {
            line(&text())
        }
    }
}

/// Writes a line. Whoever reads may have seen enough (`| head`): that ends the process in peace.
fn line(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(error).context("can't write to standard output"),
    }
}

/// Rows under a header, in columns as wide as they need. Columns whose cells are all numbers are
/// aligned to the right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .chain([header[at].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let is_number = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .all(|cell| !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || c == ','))
    };
    let right: Vec<bool> = (0..header.len()).map(is_number).collect();
    let written = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (at, cell) in cells.enumerate() {
            let pad = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
            if at > 0 {
                text.push_str("  ");
            }
            match right[at] {
                true => text.extend([pad.as_str(), cell]),
                false => text.extend([cell, pad.as_str()]),
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    };
    let mut text = written(&mut header.iter().copied());
    for row in rows {
        text.push_str(&written(&mut row.iter().map(String::as_str)));
    }
    text
}

/// A number with its thousands apart.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need() {
        let rows = vec![
            vec!["Müller".to_owned(), "1,200".to_owned()],
            vec!["A".to_owned(), "3".to_owned()],
        ];
        assert_eq!(
            table(&["partner", "sent"], &rows),
            "partner   sent\nMüller   1,200\nA            3\n"
        );
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }
}
