//! Statements over many rows.

use std::fmt::Write;

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{engine::Engine, error::Result};

/// Rows in one statement. On SQLite more is slower, not faster, and Postgres has 65,535 parameters.
pub const ROWS: usize = 500;

/// Where the rows stand in the text of a statement over many rows.
const MARK: &str = "/* rows */";

/// Writes the statement for `rows` rows of `columns` columns: the mark `/* rows */` in `text`
/// becomes `(?, ?), (?, ?)` on SQLite and `($1, $2), ($3, $4)` on Postgres.
///
/// SQLite gets `?` because it looks every `$N` up by name, which makes a long statement quadratic.
///
/// # Panics
/// When `text` has no mark: it is no statement over many rows.
pub fn bulk(engine: Engine, text: &str, columns: usize, rows: usize) -> String {
    let (head, tail) = text.split_once(MARK).expect("a statement over many rows has its mark");
    let mut sql = String::with_capacity(text.len() + rows * columns * 7);
    sql.push_str(head);
    let mut number = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                sql.push_str(", ");
            }
            number += 1;
            match engine {
                Engine::Sqlite => sql.push('?'),
                Engine::Postgres => {
                    write!(sql, "${number}").expect("writing into a String does not fail");
                }
            }
        }
        sql.push(')');
    }
    sql.push_str(tail);
    sql
}

/// One value of a row.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(i64),
    OptInt(Option<i64>),
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::OptInt(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// Rows of one width.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: usize,
    values: Vec<Value>,
}

impl Rows {
    pub(crate) fn new(columns: usize, rows: usize) -> Self {
        Self { columns, values: Vec::with_capacity(columns * rows) }
    }

    pub(crate) fn push<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.columns, "a row has as many values as there are columns");
        self.values.extend(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Runs `text` for all rows, [`ROWS`] at a time; answers how many rows were changed.
    pub(crate) async fn execute(
        self,
        engine: Engine,
        connection: &mut AnyConnection,
        text: &str,
    ) -> Result<u64> {
        let mut changed = 0;
        let mut values = self.values.into_iter().peekable();
        while values.peek().is_some() {
            let part: Vec<Value> = values.by_ref().take(ROWS * self.columns).collect();
            let rows = part.len() / self.columns;
            let sql = bulk(engine, text, self.columns, rows);
            changed += bind(&sql, part, rows).execute(&mut *connection).await?.rows_affected();
        }
        Ok(changed)
    }

    /// Runs `text` for all rows, [`ROWS`] at a time; answers the rows that came back.
    pub(crate) async fn fetch(
        self,
        engine: Engine,
        connection: &mut AnyConnection,
        text: &str,
    ) -> Result<Vec<AnyRow>> {
        let mut answered = Vec::new();
        let mut values = self.values.into_iter().peekable();
        while values.peek().is_some() {
            let part: Vec<Value> = values.by_ref().take(ROWS * self.columns).collect();
            let rows = part.len() / self.columns;
            let sql = bulk(engine, text, self.columns, rows);
            answered.extend(bind(&sql, part, rows).fetch_all(&mut *connection).await?);
        }
        Ok(answered)
    }
}

fn bind(
    sql: &str,
    values: Vec<Value>,
    rows: usize,
) -> sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments> {
    // Only full statements are worth a place in the connection's cache; a rest has any length.
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(rows == ROWS);
    for value in values {
        query = match value {
            Value::Int(value) => query.bind(value),
            Value::OptInt(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
        };
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_gets_its_placeholders() {
        let text = "INSERT INTO t (a, b) VALUES /* rows */ ON CONFLICT DO NOTHING";
        assert_eq!(
            bulk(Engine::Sqlite, text, 2, 2),
            "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            bulk(Engine::Postgres, text, 2, 2),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING"
        );
    }
}
