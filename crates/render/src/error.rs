//! Why a package could not be read or rendered.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{brand::BrandProblem, slots::SlotProblem};

/// A folder could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("can't read {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More files, or larger ones, than any package has.
    #[error("{path} holds more than {limit}")]
    TooMuch {
        /// The folder.
        path: PathBuf,
        /// What was exceeded.
        limit: &'static str,
    },
}

/// A version or a message could not be rendered.
///
/// Every one of these is deterministic: the same input fails again.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The bytes are no package version this program reads.
    #[error("not a package version: {0}")]
    Blob(String),
    /// The package has no such step.
    #[error("the package has no step `{0}`")]
    UnknownStep(String),
    /// The editions of a step are used up.
    #[error("step `{step}` has {editions} editions, and none for occurrence {occurrence}")]
    NoEdition {
        /// The step.
        step: String,
        /// The occurrence, from 0.
        occurrence: u32,
        /// How many there are.
        editions: usize,
    },
    /// Something that every message must have is not in this one as it was published. The message
    /// does not leave.
    #[error("lock `{name}` of {part}: {why}")]
    Lock {
        /// The lock.
        name: String,
        /// `body.txt` or `body.html`.
        part: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The package does not speak this language.
    #[error("the package has no templates in language `{0}`")]
    UnknownLanguage(String),
    /// The partner's slot values do not fit the package.
    #[error("{}", first(.0))]
    Slots(Vec<SlotProblem>),
    /// The partner's brand profile can't be shown.
    #[error("{}", first(.0))]
    Brand(Vec<BrandProblem>),
    /// A template failed. What passed the check fails only if checking has a gap.
    #[error("template {part} of step `{step}` failed")]
    Template {
        /// The step.
        step: String,
        /// `subject.txt`, `body.txt` or `body.html`.
        part: &'static str,
        /// What handlebars said.
        #[source]
        source: Box<handlebars::RenderError>,
    },
    /// A part of the message is larger than the limit.
    #[error("{part} is larger than {limit} bytes")]
    TooLarge {
        /// `subject.txt`, `body.txt` or `body.html`.
        part: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
}

fn first<T: std::fmt::Display>(problems: &[T]) -> String {
    let head = problems.first().map(ToString::to_string).unwrap_or_default();
    match problems.len() {
        0 | 1 => head,
        n => format!("{head} (and {} more)", n - 1),
    }
}
