//! Reading rows.

use std::str::FromStr;

use domain::UtcMillis;
use serde::de::DeserializeOwned;
use sqlx::{Row, any::AnyRow};

use crate::error::{Result, StoreError};

/// Reads columns by name into the types of the domain.
pub(crate) trait Read {
    fn text(&self, column: &'static str) -> Result<String>;
    fn int(&self, column: &'static str) -> Result<i64>;
    fn opt_int(&self, column: &'static str) -> Result<Option<i64>>;
    fn opt_text(&self, column: &'static str) -> Result<Option<String>>;

    fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    fn time(&self, column: &'static str) -> Result<UtcMillis> {
        Ok(UtcMillis::new(self.int(column)?))
    }

    fn opt_time(&self, column: &'static str) -> Result<Option<UtcMillis>> {
        Ok(self.opt_int(column)?.map(UtcMillis::new))
    }

    fn small(&self, column: &'static str) -> Result<u32> {
        let value = self.int(column)?;
        u32::try_from(value).map_err(|_| StoreError::Corrupt { column, text: value.to_string() })
    }

    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T> {
        let text = self.text(column)?;
        text.parse().map_err(|_| StoreError::Corrupt { column, text })
    }

    fn opt_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>> {
        let Some(text) = self.opt_text(column)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| StoreError::Corrupt { column, text })
    }

    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { column, text })
    }
}

impl Read for AnyRow {
    fn text(&self, column: &'static str) -> Result<String> {
        Ok(self.try_get(column)?)
    }

    fn int(&self, column: &'static str) -> Result<i64> {
        Ok(self.try_get(column)?)
    }

    fn opt_int(&self, column: &'static str) -> Result<Option<i64>> {
        Ok(self.try_get(column)?)
    }

    fn opt_text(&self, column: &'static str) -> Result<Option<String>> {
        Ok(self.try_get(column)?)
    }
}

/// The JSON text of a value of ours, which always has one.
pub(crate) fn json_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("values with text keys have a JSON form")
}
