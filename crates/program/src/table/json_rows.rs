//! The rows of a file of JSON lines: one object a line.

use std::{collections::HashMap, fmt, io};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    csv_rows::{Found, too_long},
    header::{ColumnSet, MAX_COLUMNS},
    names::{key, merge_field_name},
    text::{Line, Lines},
};

/// The members of an object in the order of the line, a name that stands twice included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Which column each name belongs to. Names that differ only in how they are written are one column.
#[derive(Debug, Clone)]
pub(super) struct Names {
    written: Vec<String>,
    columns: HashMap<String, usize>,
    fields: ColumnSet,
}

impl Names {
    /// Goes through all lines for the names of their members.
    pub(super) fn collect(mut lines: Lines, fields: &ColumnSet) -> io::Result<Self> {
        let mut names =
            Self { written: Vec::new(), columns: HashMap::new(), fields: fields.clone() };
        let mut line = Vec::new();
        loop {
            match lines.next(&mut line)? {
                Line::End => return Ok(names),
                Line::TooLong => continue,
                Line::Whole => {}
            }
            // What can't be read here is refused where rows are read.
            let Ok(Members(members)) = serde_json::from_slice(&line) else { continue };
            for (name, _) in members {
                let key = key_of(&name, fields);
                if names.written.len() < MAX_COLUMNS && !names.columns.contains_key(&key) {
                    names.columns.insert(key, names.written.len());
                    names.written.push(name);
                }
            }
        }
    }

    /// The names as they are first written.
    pub(super) fn written(&self) -> &[String] {
        &self.written
    }
}

/// What tells the column of a name from others: of a field of ours, whatever way it is written; of others, what
/// templates would call it, since `sse` and `ss_e` are two. A name of symbols alone is itself.
fn key_of(name: &str, fields: &ColumnSet) -> String {
    let key = key(name);
    if key.is_empty() {
        name.to_owned()
    } else if name.is_ascii() && fields.named(&key).is_none() {
        merge_field_name(name, 0)
    } else {
        key
    }
}

/// Reads the rows of a file of JSON lines.
pub(super) struct JsonRows {
    lines: Lines,
    line: Vec<u8>,
    names: Names,
    /// Columns whose values matter.
    is_read: Vec<bool>,
    cells: Vec<Option<String>>,
}

impl JsonRows {
    pub(super) fn new(lines: Lines, names: Names, is_read: Vec<bool>) -> Self {
        Self { lines, line: Vec::new(), names, is_read, cells: Vec::new() }
    }

    /// A cell of the row that was found last.
    pub(super) fn cell(&self, at: usize) -> &str {
        self.cells.get(at).and_then(Option::as_deref).unwrap_or_default()
    }

    /// Bytes of the file that were read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    /// The next row; of a broken one the field is said too.
    pub(super) fn next(&mut self) -> io::Result<(Found, Option<String>)> {
        loop {
            let kind = self.lines.next(&mut self.line)?;
            let line = self.lines.number();
            match kind {
                Line::End => return Ok((Found::End, None)),
                Line::TooLong => return Ok((too_long(line), None)),
                Line::Whole if self.line.trim_ascii().is_empty() => {}
                Line::Whole => {
                    return Ok(match self.split() {
                        Ok(()) => (Found::Row { line }, None),
                        Err((field, text, expected)) => {
                            (Found::Broken { line, text, expected }, field)
                        }
                    });
                }
            }
        }
    }

    fn split(&mut self) -> Result<(), (Option<String>, String, String)> {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim();
        let members: Members<'_> = serde_json::from_str(text).map_err(|error| {
            // The library counts lines within this one.
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or_default();
            let expected = format!(
                "one JSON object, like {{\"email\": \"anna@example.com\"}} ({why}, column {})",
                error.column()
            );
            (None, text.to_owned(), expected)
        })?;
        self.cells.clear();
        self.cells.resize(self.names.written.len(), None);
        for (name, value) in members.0 {
            let Some(&at) = self.names.columns.get(&key_of(&name, &self.names.fields)) else {
                let expected = format!("at most {MAX_COLUMNS} names in all rows together");
                return Err((Some(name.clone()), name, expected));
            };
            if !self.is_read[at] {
                continue;
            }
            let value = value.get();
            let cell = match value.as_bytes().first() {
                Some(b'{' | b'[') => {
                    let expected = "a text, a number, true, false or null, not something nested";
                    return Err((Some(name), value.to_owned(), expected.to_owned()));
                }
                Some(b'"') => serde_json::from_str(value).map_err(|error| {
                    let expected = format!("a text that is whole ({error})");
                    (Some(name.clone()), value.to_owned(), expected)
                })?,
                Some(b'n') => String::new(),
                _ => value.to_owned(),
            };
            // Line ends are one thing everywhere, as they are in a CSV file.
            let cell = if cell.contains('\r') {
                cell.replace("\r\n", "\n").replace('\r', "\n")
            } else {
                cell
            };
            if self.cells[at].replace(cell).is_some() {
                let expected = "one member of this name";
                return Err((Some(name), value.to_owned(), expected.to_owned()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Seek, SeekFrom, Write},
        path::Path,
    };

    use super::*;
    use crate::table::{
        encoding,
        header::{Field, Others},
    };

    const FIELDS: &[Field] =
        &[Field { name: "email", is_required: true, is_decisive: true, synonyms: &[] }];
    const CONTACTS: ColumnSet = ColumnSet { fields: FIELDS, others: Others::MergeFields };

    fn read(text: &str) -> Vec<String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let found = encoding::find(&mut file, Path::new("x.jsonl"), None).unwrap();
        let lines = || Lines::new(file.try_clone().unwrap(), &found).unwrap();
        let names = Names::collect(lines(), &CONTACTS).unwrap();
        let width = names.written().len();
        let is_read = names.written().iter().map(|name| name != "left_out").collect();
        let mut rows = JsonRows::new(lines(), names, is_read);
        let mut seen = Vec::new();
        loop {
            seen.push(match rows.next().unwrap() {
                (Found::End, _) => return seen,
                (Found::Row { line }, _) => {
                    let cells: Vec<_> = (0..width).map(|at| rows.cell(at)).collect();
                    format!("{line}: {}", cells.join("|"))
                }
                (Found::Broken { line, expected, .. }, field) => {
                    format!("{line}: {}! {expected}", field.unwrap_or_default())
                }
            });
        }
    }

    #[test]
    fn objects_are_rows_whatever_members_they_have() {
        let text = r#"
            {"email": "a@x.example", "n": 10.50, "big": 12345678901234567890123, "yes": true}

            {"n": null, "EMAIL": "b@x.example", "name": "Zoë \"Z\"\r\nB\u00e9", "yes": false}
            {}
        "#;
        assert_eq!(
            read(text),
            [
                "2: a@x.example|10.50|12345678901234567890123|true|",
                "4: b@x.example|||false|Zoë \"Z\"\nBé",
                "5: ||||",
            ]
        );
    }

    #[test]
    fn names_are_one_column_where_templates_would_call_them_one() {
        let text = r#"
            {"E-Mail": "a@x.example", "ss_e": "1", "sse": "2", "Job Title": "3", "名 前": "4"}
            {"e_mail": "b@x.example", "ss e": "5", "SSE": "6", "job_title": "7", "名前": "8"}
        "#;
        assert_eq!(read(text), ["2: a@x.example|1|2|3|4", "3: b@x.example|5|6|7|8"]);
    }

    #[test]
    fn what_is_no_row_is_named() {
        for (line, field, want) in [
            (r#"{"email": {"a": 1}}"#, "email", "not something nested"),
            (r#"{"email": ["a"]}"#, "email", "not something nested"),
            (r#"{"email": "a", "e-mail": "b"}"#, "e-mail", "one member"),
            (r#"{"email": "a", "email": "b"}"#, "email", "one member"),
            (r#"{"email": "\ud800"}"#, "email", "whole"),
            (r#"{"email": "a""#, "", "one JSON object"),
            (r#"["a"]"#, "", "one JSON object"),
            (r#"{"email": "a"} {"email": "b"}"#, "", "one JSON object"),
            ("email,name", "", "one JSON object"),
            ("{'email': 'a'}", "", "column 2"),
        ] {
            let seen = read(&format!("{{\"email\": \"x\"}}\n{line}\n{{\"email\": \"y\"}}\n"));
            assert_eq!(
                (seen.len(), seen[0].as_str(), seen[2].as_str()),
                (3, "1: x", "3: y"),
                "{line}"
            );
            assert!(seen[1].starts_with(&format!("2: {field}!")), "{line}: {}", seen[1]);
            assert!(seen[1].contains(want), "{line}: {}", seen[1]);
        }
        assert_eq!(read("{\"left_out\": [1], \"email\": \"a\"}"), ["1: |a"]);
    }

    #[test]
    fn names_are_bounded() {
        let mut text = String::new();
        for n in 0..=MAX_COLUMNS {
            text.push_str(&format!("{{\"n{n}\": 1}}\n"));
        }
        let seen = read(&text);
        assert!(seen[MAX_COLUMNS].contains("at most"), "{}", seen[MAX_COLUMNS]);
        assert!(!seen[MAX_COLUMNS - 1].contains("at most"));
    }
}
