//! What is wrong with a package, and where.

use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The package can't be published.
    Error,
    /// It can, but somebody should look.
    Warning,
    /// Nothing is wrong; somebody may want to know.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One thing that is wrong: where, what, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file, relative to the package; shared layouts and partials as `templates/…`.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What was expected; empty where the message says it all.
    pub expected: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, severity, message, expected } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {message}")?;
        if !expected.is_empty() {
            write!(f, "; expected {expected}")?;
        }
        Ok(())
    }
}

/// Collects diagnostics, turning byte offsets into lines and columns.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Diagnostic>,
}

/// More findings than anybody reads are not collected; a hostile file would fill the memory.
const MOST: usize = 200;

impl Findings {
    /// An error at `span` of `source`, which is the text of `file`.
    pub(crate) fn error(
        &mut self,
        file: &str,
        source: &str,
        span: &Range<usize>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.add(Severity::Error, file, source, span, message.into(), expected.into());
    }

    /// An error about a file as a whole.
    pub(crate) fn file_error(
        &mut self,
        file: &str,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.add(Severity::Error, file, "", &(0..0), message.into(), expected.into());
    }

    /// A warning at `span` of `source`.
    pub(crate) fn warning(
        &mut self,
        file: &str,
        source: &str,
        span: &Range<usize>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.add(Severity::Warning, file, source, span, message.into(), expected.into());
    }

    /// Something to know at `span` of `source`.
    pub(crate) fn note(
        &mut self,
        file: &str,
        source: &str,
        span: &Range<usize>,
        message: impl Into<String>,
    ) {
        self.add(Severity::Note, file, source, span, message.into(), String::new());
    }

    fn add(
        &mut self,
        severity: Severity,
        file: &str,
        source: &str,
        span: &Range<usize>,
        message: String,
        expected: String,
    ) {
        if self.found.len() >= MOST {
            return;
        }
        let (line, column) = position(source, span.start);
        let diagnostic =
            Diagnostic { file: file.to_owned(), line, column, severity, message, expected };
        // A shared partial is looked at once for every place that calls it.
        if !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// Whether nothing stands in the way of publishing.
    pub(crate) fn has_no_errors(&self) -> bool {
        self.found.iter().all(|d| d.severity != Severity::Error)
    }

    /// Everything found, by file, line and column.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort();
        self.found
    }
}

/// Line and column (characters), from 1, of a byte offset.
pub(crate) fn position(source: &str, offset: usize) -> (u32, u32) {
    let mut end = offset.min(source.len());
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    let before = &source[..end];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before[line_start..].chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The known name a wrong one was most likely meant to be.
pub(crate) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if wrong.len() > 100 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 3)
        .min()
        .map(|(_, name)| name)
}

/// "expected" text for a wrong name: the nearest known one, or all of them.
pub(crate) fn expected_name<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(wrong, known.clone()) {
        Some(name) => format!("perhaps `{name}`"),
        None => {
            let all: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
            if all.is_empty() {
                "none here".to_owned()
            } else {
                format!("one of {}", all.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        assert_eq!(position("", 0), (1, 1));
        assert_eq!(position("äöü {{x}}", 7), (1, 5));
        assert_eq!(position("a\nb\ncd", 5), (3, 2));
        assert_eq!(position("ab", 99), (1, 3));
    }

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        let known = ["first_name", "last_name", "company"];
        assert_eq!(nearest("firstname", known), Some("first_name"));
        assert_eq!(nearest("compnay", known), Some("company"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(expected_name("zebra", ["a", "b"]), "one of `a`, `b`");
    }
}
