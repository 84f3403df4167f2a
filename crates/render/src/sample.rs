//! `sample.json`: a partner and people to try a package with.

use std::collections::BTreeMap;

use domain::{BrandProfile, PartnerShelf, SenderIdentity};
use serde::Deserialize;

use crate::{
    diagnostic::Findings,
    files::{PackageFiles, text_of},
};

/// The file's name.
pub(crate) const FILE: &str = "sample.json";

/// A partner and people to try a package with, as `sample.json` has them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The vendor's name.
    pub vendor_name: String,
    /// The partner's tier.
    pub tier: String,
    /// The partner's brand.
    pub brand: BrandProfile,
    /// Whom the mail comes from.
    pub sender: SenderIdentity,
    /// Slot values.
    #[serde(default)]
    pub slots: BTreeMap<String, String>,
    /// Merge fields of people, at least one.
    pub people: Vec<BTreeMap<String, String>>,
}

impl Sample {
    /// Reads the sample of a package; `None` if it has none that can be read.
    pub fn of(files: &PackageFiles) -> Option<Self> {
        Self::read(files, &mut Findings::default())
    }

    /// The partner as a worker would meet it.
    pub fn shelf(&self) -> PartnerShelf {
        PartnerShelf {
            v: domain::job::VERSION,
            vendor_name: self.vendor_name.clone(),
            tier: self.tier.clone(),
            brand: self.brand.clone(),
            sender: self.sender.clone(),
            slots: self.slots.clone(),
            list_id: "sample.lists.example".to_owned(),
        }
    }

    pub(crate) fn read(files: &PackageFiles, findings: &mut Findings) -> Option<Self> {
        let Some(bytes) = files.get(FILE) else {
            findings.file_error(
                FILE,
                "the file is missing",
                "a partner and people to try the package with",
            );
            return None;
        };
        let Ok(text) = text_of(bytes) else {
            findings.file_error(FILE, "the file is not UTF-8", "text in UTF-8");
            return None;
        };
        match serde_json::from_str::<Self>(&text) {
            Ok(sample) if sample.people.is_empty() => {
                findings.file_error(FILE, "`people` is empty", "at least one person");
                None
            }
            Ok(sample) => Some(sample),
            Err(error) => {
                let start: usize = text
                    .split_inclusive('\n')
                    .take(error.line().saturating_sub(1))
                    .map(str::len)
                    .sum();
                let at = (start + error.column().saturating_sub(1)).min(text.len());
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default().to_owned();
                findings.error(
                    FILE,
                    &text,
                    &(at..at),
                    message,
                    "a partner and people, as in the sample packages",
                );
                None
            }
        }
    }
}
