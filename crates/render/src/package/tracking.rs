//! What is counted of a package's mail.

use serde::{Deserialize, Serialize};

/// What a package allows to be counted; the installation may allow less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracking {
    /// Whether its mail carries the image that says that it was opened.
    pub opens: bool,
    /// Whether its links lead through the portal.
    pub clicks: bool,
}

impl Default for Tracking {
    fn default() -> Self {
        Self { opens: true, clicks: true }
    }
}

impl Tracking {
    /// Whether it says nothing that is not so anyway.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
