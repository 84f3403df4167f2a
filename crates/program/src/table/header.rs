//! The header line: which column is which.

use crate::{
    error::{Error, Problem, Result},
    nearest::nearest,
};

/// The columns of a file, as they are written in it.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    names: Vec<String>,
    keys: Vec<String>,
}

/// The columns a command knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnSet {
    /// Those without which nothing can be read.
    pub(crate) required: &'static [&'static str],
    /// Those that may be there.
    pub(crate) optional: &'static [&'static str],
}

/// The form in which headers are compared: letters and digits alone, in lower case, so that
/// `E-Mail`, `First Name` and `first_name` are found.
fn key(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Header {
    /// Reads the header line.
    ///
    /// # Errors
    /// Two columns of one name, or a required column that is missing; says which ones were found.
    pub(crate) fn read(line: u64, names: Vec<String>, columns: ColumnSet) -> Result<Self> {
        let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
        let place = format!("line {line}, the header");
        let mut problems = Vec::new();
        for (at, name) in names.iter().enumerate() {
            if keys[at].is_empty() {
                continue;
            }
            if let Some(first) = keys[..at].iter().position(|other| *other == keys[at]) {
                problems.push(Problem::new(
                    &place,
                    name,
                    &format!(
                        "one column of this name; columns {} and {} have it",
                        first + 1,
                        at + 1
                    ),
                ));
            }
        }
        for required in columns.required {
            if !keys.contains(&key(required)) {
                let near = nearest(required, names.iter().map(String::as_str))
                    .map(|near| format!("; the nearest is `{near}`"))
                    .unwrap_or_default();
                problems.push(Problem::new(
                    &place,
                    &names.join(", "),
                    &format!("a column `{required}`{near}"),
                ));
            }
        }
        if problems.is_empty() {
            Ok(Self { names, keys })
        } else {
            Err(Error::BadInput { problems })
        }
    }

    /// The names as written.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// How many columns there are.
    pub(crate) fn width(&self) -> usize {
        self.names.len()
    }

    /// Where a column stands.
    pub(crate) fn at(&self, column: &str) -> Option<usize> {
        let key = key(column);
        self.keys.iter().position(|other| *other == key)
    }

    /// The columns a command does not know: position and name as written, without nameless ones.
    pub(crate) fn others(&self, columns: ColumnSet) -> impl Iterator<Item = (usize, &str)> {
        let known: Vec<String> =
            columns.required.iter().chain(columns.optional).map(|name| key(name)).collect();
        self.names
            .iter()
            .enumerate()
            .filter(move |(at, _)| !self.keys[*at].is_empty() && !known.contains(&self.keys[*at]))
            .map(|(at, name)| (at, name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: ColumnSet = ColumnSet { required: &["email"], optional: &["first_name"] };

    fn header(names: &[&str]) -> Result<Header> {
        Header::read(1, names.iter().map(|name| (*name).to_owned()).collect(), COLUMNS)
    }

    #[test]
    fn columns_are_found_however_they_are_written() {
        let header = header(&["First Name", " E-Mail ", "Region"]).unwrap();
        assert_eq!(header.at("email"), Some(1));
        assert_eq!(header.at("first_name"), Some(0));
        assert_eq!(header.others(COLUMNS).collect::<Vec<_>>(), [(2, "Region")]);
    }

    #[test]
    fn a_missing_column_names_what_was_found_and_the_nearest() {
        let error = header(&["first_name", "emial"]).unwrap_err().to_string();
        assert!(error.contains("`email`") && error.contains("nearest is `emial`"), "{error}");
        assert!(error.contains("first_name, emial"), "{error}");
    }

    #[test]
    fn one_name_twice_is_refused() {
        let error = header(&["email", "E-mail"]).unwrap_err().to_string();
        assert!(error.contains("columns 1 and 2"), "{error}");
    }
}
