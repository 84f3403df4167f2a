//! The name of a request: in its answer and in our log.

use std::{fmt, sync::Mutex};

use ulid::{Generator, Ulid};

/// The name of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestId(Ulid);

impl RequestId {
    /// As a problem's `instance`.
    pub fn urn(&self) -> String {
        format!("urn:throughline:request:{self}")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string().to_lowercase())
    }
}

/// Hands out names.
#[derive(Default)]
pub(super) struct RequestIds(Mutex<Generator>);

impl RequestIds {
    pub fn next(&self) -> RequestId {
        let mut ids = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A millisecond with 2^80 requests does not come.
        RequestId(ids.generate().unwrap_or_else(|_| Ulid::new()))
    }
}
