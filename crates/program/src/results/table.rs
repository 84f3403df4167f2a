//! Results as a table for a spreadsheet: one number a row, so that it can be turned any way.

use domain::results::Who;

use super::{Line, PersonLine, Results, series::Bucket};
use crate::{
    error::Result,
    export::{Cell, Writer},
    table::TableFormat,
};

const COLUMNS: [&str; 6] = ["step", "kind", "who", "bucket_start", "events", "messages"];
const PERSON_COLUMNS: [&str; 9] =
    ["step", "kind", "email", "first_name", "last_name", "first_at", "last_at", "events", "send"];

impl Results {
    /// As CSV: for every step, kind and who a row for each bucket in which there was anything, and one
    /// without a bucket for all of them. `bucket_start` is by the partner's clocks.
    ///
    /// # Errors
    /// Never in practice: the rows are written into memory.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        let writer = writer(&COLUMNS);
        let mut rows = Vec::new();
        for step in &self.steps {
            for line in &step.lines {
                line_rows(step.step.as_str(), line, &self.series.buckets, &mut rows);
            }
        }
        Ok([writer.head()?, writer.rows(&rows)?].concat())
    }
}

/// Persons as CSV, with a head or without.
///
/// # Errors
/// Never in practice: the rows are written into memory.
pub(super) fn persons_csv(persons: &[PersonLine], with_head: bool) -> Result<Vec<u8>> {
    let writer = writer(&PERSON_COLUMNS);
    let rows: Vec<Vec<Cell>> = persons
        .iter()
        .map(|person| {
            let texts: [String; PERSON_COLUMNS.len()] = [
                person.step.to_string(),
                person.kind.to_string(),
                person.email.clone(),
                person.first_name.clone(),
                person.last_name.clone(),
                person.first_at.to_string(),
                person.last_at.to_string(),
                person.events.to_string(),
                person.send.to_string(),
            ];
            texts.into_iter().map(Cell::Text).collect()
        })
        .collect();
    let head = if with_head { writer.head()? } else { Vec::new() };
    Ok([head, writer.rows(&rows)?].concat())
}

fn writer(columns: &[&str]) -> Writer {
    Writer::new(TableFormat::Csv, columns.iter().map(|name| (*name).to_owned()).collect())
}

fn line_rows(step: &str, line: &Line, buckets: &[Bucket], rows: &mut Vec<Vec<Cell>>) {
    let who = if line.who == Who::Mail { "" } else { line.who.as_str() };
    let mut row = |bucket: String, came: super::Came| {
        let (events, messages) = (came.events.to_string(), came.messages.to_string());
        let texts =
            [step.to_owned(), line.kind.to_string(), who.to_owned(), bucket, events, messages];
        rows.push(texts.into_iter().map(Cell::Text).collect());
    };
    let mut all = super::Came::default();
    for (bucket, came) in buckets.iter().zip(&line.came) {
        all += *came;
        if came.events > 0 {
            row(bucket.local_start(), *came);
        }
    }
    row(String::new(), all);
}
