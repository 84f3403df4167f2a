//! Rows as CSV (RFC 4180) or as JSON lines.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    error::{Error, Result},
    table::{TableFormat, guarded},
};

/// What stands in one field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A text; an empty one is left out where a row names its fields.
    Text(String),
    /// Yes, or nothing.
    Yes(bool),
}

impl Cell {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Yes(yes) => !yes,
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Yes(yes) => serializer.serialize_bool(*yes),
        }
    }
}

/// A row with the names of its fields, in the order of the columns.
struct Named<'a> {
    columns: &'a [String],
    cells: &'a [Cell],
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, cell) in self.columns.iter().zip(self.cells).filter(|(_, cell)| !cell.is_empty())
        {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

/// Writes rows of the same columns.
#[derive(Debug)]
pub(crate) struct Writer {
    format: TableFormat,
    columns: Vec<String>,
}

impl Writer {
    pub(crate) fn new(format: TableFormat, columns: Vec<String>) -> Self {
        Self { format, columns }
    }

    /// What stands above the rows.
    pub(crate) fn head(&self) -> Result<Vec<u8>> {
        match self.format {
            TableFormat::Csv => {
                let names = self.columns.iter().cloned().map(Cell::Text).collect();
                csv_bytes(&[names])
            }
            TableFormat::Jsonl => Ok(Vec::new()),
        }
    }

    /// Some rows, each with a cell for every column.
    pub(crate) fn rows(&self, rows: &[Vec<Cell>]) -> Result<Vec<u8>> {
        match self.format {
            TableFormat::Csv => csv_bytes(rows),
            TableFormat::Jsonl => {
                let mut bytes = Vec::new();
                for cells in rows {
                    let row = Named { columns: &self.columns, cells };
                    serde_json::to_writer(&mut bytes, &row).map_err(unwritten)?;
                    bytes.push(b'\n');
                }
                Ok(bytes)
            }
        }
    }
}

fn csv_bytes(rows: &[Vec<Cell>]) -> Result<Vec<u8>> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for cells in rows {
        for cell in cells {
            match cell {
                Cell::Text(text) => writer.write_field(guarded(text).as_bytes()),
                Cell::Yes(yes) => writer.write_field(if *yes { "yes" } else { "" }),
            }
            .map_err(unwritten)?;
        }
        writer.write_record(None::<&[u8]>).map_err(unwritten)?;
    }
    writer.into_inner().map_err(|error| unwritten(error.into_error()))
}

fn unwritten(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal { doing: "write the rows", source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: TableFormat) -> String {
        let text = |text: &str| Cell::Text(text.to_owned());
        let columns = vec!["email".to_owned(), "opted_out".to_owned(), "note".to_owned()];
        let writer = Writer::new(format, columns);
        let rows = [
            vec![text("a@x.example"), Cell::Yes(false), text("=1+1")],
            vec![text("b@x.example"), Cell::Yes(true), text("Zoë, \"Z\"\nB")],
            vec![text("+c@x.example"), Cell::Yes(false), text("")],
        ];
        let bytes = [writer.head().unwrap(), writer.rows(&rows).unwrap()].concat();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_run() {
        assert_eq!(
            written(TableFormat::Csv),
            "email,opted_out,note\r\na@x.example,,'=1+1\r\nb@x.example,yes,\"Zoë, \"\"Z\"\"\nB\"\r\n'+c@x.example,,\r\n"
        );
    }

    #[test]
    fn json_lines_name_what_there_is_as_it_is() {
        assert_eq!(
            written(TableFormat::Jsonl),
            "{\"email\":\"a@x.example\",\"note\":\"=1+1\"}\n\
             {\"email\":\"b@x.example\",\"opted_out\":true,\"note\":\"Zoë, \\\"Z\\\"\\nB\"}\n\
             {\"email\":\"+c@x.example\"}\n"
        );
    }
}
