//! Which column is which.

mod finding;

use super::{names::key, read_as::ReadAs};
use crate::error::{Error, Result};

/// The most columns a file may have.
pub(super) const MAX_COLUMNS: usize = 1_000;

/// A field that a command knows.
#[derive(Debug)]
pub(crate) struct Field {
    /// What we call it.
    pub(crate) name: &'static str,
    /// Without it nothing can be read.
    pub(crate) is_required: bool,
    /// It decides who is mailed, or on what basis: which column it is, is never guessed.
    pub(crate) is_decisive: bool,
    /// What else people call it.
    pub(crate) synonyms: &'static [&'static str],
}

/// What a command does with columns it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// They are merge fields.
    MergeFields,
    /// They are not read.
    NotRead,
}

/// The columns a command knows.
#[derive(Debug, Clone)]
pub(crate) struct ColumnSet {
    pub(crate) fields: &'static [Field],
    pub(crate) others: Others,
}

/// How columns are spoken of: in a CSV file they have numbers, in JSON lines only names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speak {
    Numbers,
    Names,
}

impl ColumnSet {
    /// The field of this key, by its name or another word for it.
    pub(super) fn named(&self, key_asked: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| {
            key(field.name) == key_asked || field.synonyms.iter().any(|word| key(word) == key_asked)
        })
    }

    /// How many of these names are of fields.
    pub(super) fn known_among<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
        read_as: &ReadAs,
    ) -> usize {
        names
            .map(key)
            .filter(|name| {
                !name.is_empty()
                    && (self.named(name).is_some()
                        || read_as.maps.iter().any(|map| key(&map.column) == *name))
            })
            .count()
    }
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Open,
    Field(&'static str),
    MergeField,
    NotRead,
}

/// The columns of a file, and what they are.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    names: Vec<String>,
    uses: Vec<Use>,
    merge_fields: Vec<(usize, String)>,
    least: usize,
}

impl Header {
    /// Finds out which column is which; also what the reader of the report should know about it.
    ///
    /// # Errors
    /// A required column that is missing, two that may be one field, a map that fits nothing; all of
    /// them.
    pub(super) fn read(
        place: &str,
        names: Vec<String>,
        columns: &ColumnSet,
        read_as: &ReadAs,
        speak: Speak,
    ) -> Result<(Self, Vec<String>)> {
        if names.len() > MAX_COLUMNS {
            let value = format!("{} columns", names.len());
            return Err(Error::bad_input(place, &value, &format!("at most {MAX_COLUMNS}")));
        }
        finding::find(place, names, columns, read_as, speak)
    }

    /// The names as written.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// How many cells a row needs: as many as there are up to the last column with a name.
    pub(super) fn least(&self) -> usize {
        self.least
    }

    /// Where the column of a field stands.
    pub(crate) fn at(&self, field: &str) -> Option<usize> {
        self.uses.iter().position(|used| matches!(used, Use::Field(name) if *name == field))
    }

    /// The columns that are merge fields: where they stand, and what templates call them.
    pub(crate) fn merge_fields(&self) -> &[(usize, String)] {
        &self.merge_fields
    }

    /// Whether the cells of a column matter.
    pub(super) fn is_read(&self, at: usize) -> bool {
        matches!(self.uses.get(at), Some(Use::Field(_) | Use::MergeField))
    }
}
