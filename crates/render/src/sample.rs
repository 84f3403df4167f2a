//! `sample.json`: a partner and people to try a package with.

use std::collections::{BTreeMap, BTreeSet};

use domain::{BrandProfile, PartnerShelf, SenderIdentity};
use serde::Deserialize;

use crate::{
    diagnostic::Findings,
    files::{PackageFiles, text_of},
    picture::{Limits, Picture, PictureError, prepare, prepare_logo},
    slots::ImageValue,
    version::PublishedAsset,
};

/// The file's name.
pub(crate) const FILE: &str = "sample.json";
/// What stands before the file of a picture in a slot: `@sample/team.jpg what it shows`.
const PICTURE: &str = "@sample/";

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
    /// The file of the partner's logo, in the package's folder.
    #[serde(default)]
    pub logo: Option<String>,
    /// Whom the mail comes from.
    pub sender: SenderIdentity,
    /// Slot values; a picture is written `@sample/FILE what it shows`.
    #[serde(default)]
    pub slots: BTreeMap<String, String>,
    /// Merge fields of people, at least one.
    pub people: Vec<BTreeMap<String, String>>,
    /// The pictures of the partner: its logo, and those in slots.
    #[serde(skip)]
    pub pictures: Vec<PublishedAsset>,
    /// The files they were made of.
    #[serde(skip)]
    pub(crate) files: BTreeSet<String>,
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
            Ok(mut sample) => {
                sample.take_pictures(files, &text, findings);
                Some(sample)
            }
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

    /// Makes the logo and the pictures in slots what a partner's are.
    fn take_pictures(&mut self, files: &PackageFiles, source: &str, findings: &mut Findings) {
        type Prepare = fn(&[u8], &Limits) -> Result<Picture, PictureError>;
        let mut take = |file: &str, prepare: Prepare| -> Option<Picture> {
            let at = source.find(file).unwrap_or(0);
            let place = at..at + file.len();
            let expected = "a png, jpg or svg of at most 1 MiB in the folder `sample`";
            let Some(bytes) = files.get(file).filter(|_| file.starts_with(&PICTURE[1..])) else {
                let message = format!("there is no file `{file}`");
                findings.error(FILE, source, &place, message, expected);
                return None;
            };
            self.files.insert(file.to_owned());
            match prepare(bytes, &Limits::default()) {
                Ok(picture) => {
                    let Picture { hash, extension, bytes, .. } = picture.clone();
                    self.pictures.push(PublishedAsset { hash, extension, bytes });
                    Some(picture)
                }
                Err(error) => {
                    let message = format!("`{file}`: {}", crate::check::chain(&error));
                    findings.error(FILE, source, &place, message, expected);
                    None
                }
            }
        };
        if let Some(picture) = self.logo.as_deref().and_then(|file| take(file, prepare_logo)) {
            self.brand.logo = Some(picture.asset());
        }
        for value in self.slots.values_mut().filter(|value| value.starts_with(PICTURE)) {
            let (file, alt) = value[1..].split_once(' ').unwrap_or((&value[1..], ""));
            if let Some(Picture { hash, extension, width, height, .. }) = take(file, prepare) {
                let (extension, alt) = (extension.to_owned(), alt.trim().to_owned());
                *value = ImageValue { hash, extension, width, height, alt }.to_string();
            }
        }
    }
}
