//! Reading the tables people really have: any delimiter, any usual encoding, in bounded memory.

mod header;
mod rows;
mod source;
mod stream;

pub(crate) use header::{ColumnSet, Header};
pub(crate) use rows::{Read, Row};
pub(crate) use stream::{Head, Stream};
