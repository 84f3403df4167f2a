//! What a user may ask for, one file per command.
//!
//! Every call takes the acting tenant. A foreign id is answered as one that does not exist.

mod actor;
mod error;
mod nearest;
mod report;
mod table;

pub use actor::Actor;
pub use error::{Error, ErrorKind, Problem, Result};
pub use report::{ImportProgress, ImportReport, RowProblem};
