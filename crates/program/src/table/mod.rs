//! Reading the tables people really have: any delimiter, any usual encoding, in bounded memory.
//!
//! Bytes become lines of UTF-8 ([`text`], as [`encoding`] found out), lines become cells ([`split`],
//! [`csv_rows`]) or members ([`json_rows`]), and those become rows under a header ([`mod@file`], [`rows`]).

mod csv_rows;
mod delimiter;
mod encoding;
mod file;
mod formula;
mod header;
mod json_rows;
mod kind;
mod names;
mod read_as;
mod rows;
mod split;
mod stream;
mod text;

pub(crate) use file::Table;
pub(crate) use formula::guarded;
pub(crate) use header::{ColumnSet, Field, Header, Others};
#[cfg(test)]
pub(crate) use names::key;
pub use read_as::{ColumnMap, ReadAs, TableFormat};
pub(crate) use rows::{Read, Row};
pub(crate) use stream::Stream;
