//! How a file is to be read where it does not say so itself.

use std::str::FromStr;

use serde::Serialize;

/// How the rows of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// Cells between delimiters, under a header line.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl FromStr for TableFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            _ => Err("expected csv or jsonl"),
        }
    }
}

/// One of a file's columns, and which of our fields it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMap {
    /// The column's name in the file, or its number counted from 1.
    pub column: String,
    /// A field of ours, the name of a merge field, or `-` for a column that is not to be read.
    pub field: String,
}

impl FromStr for ColumnMap {
    type Err = &'static str;

    /// `COLUMN=FIELD`. A column's name may have an `=` in it, a field's has none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.rsplit_once('=')
            .map(|(column, field)| Self {
                column: column.trim().to_owned(),
                field: field.trim().to_owned(),
            })
            .filter(|map| !map.column.is_empty() && !map.field.is_empty())
            .ok_or("expected COLUMN=FIELD")
    }
}

/// How a file is to be read. The default finds out everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadAs {
    /// CSV or JSON lines.
    pub format: Option<TableFormat>,
    /// The name of its encoding, as web browsers know it.
    pub encoding: Option<String>,
    /// Which column is which field, where its name does not say so.
    pub maps: Vec<ColumnMap>,
    /// Read no column that is neither a field of ours nor mapped.
    pub only_known: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_a_column_and_a_field() {
        let map: ColumnMap = " a=b = email ".parse().unwrap();
        assert_eq!((map.column.as_str(), map.field.as_str()), ("a=b", "email"));
        for bad in ["email", "=email", "mail=", "="] {
            assert!(bad.parse::<ColumnMap>().is_err(), "{bad}");
        }
        assert_eq!("NDJSON".parse(), Ok(TableFormat::Jsonl));
        assert!("xml".parse::<TableFormat>().is_err());
    }
}
