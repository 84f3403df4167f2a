//! A published package: everything needed to render it, frozen under the hash of its content.

use std::collections::BTreeMap;

use domain::ContentHash;
use serde::{Deserialize, Serialize};

use crate::{
    check::examine,
    diagnostic::{Diagnostic, Findings},
    files::{PackageFiles, SharedTemplates},
    manifest,
    package::Package,
    verify::Library,
};

/// The most bytes of a version: it lies on the belt's shelf.
pub(crate) const MOST_BYTES: usize = 256 * 1024;

/// A published package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// BLAKE3 of the blob.
    pub hash: ContentHash,
    /// What is kept and shelved: canonical JSON, at most 256 KiB.
    pub blob: Vec<u8>,
    /// What the package says about itself.
    pub package: Package,
    /// The pictures that messages of this version show, each once; whoever publishes the version puts
    /// them into the book, where `{public_url}/a/<hash>.<extension>` finds them.
    pub assets: Vec<PublishedAsset>,
}

/// A picture of a published package.
#[derive(Clone, PartialEq, Eq)]
pub struct PublishedAsset {
    /// BLAKE3 of the bytes.
    pub hash: ContentHash,
    /// `png` or `jpg`.
    pub extension: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for PublishedAsset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}, {} bytes", self.hash, self.extension, self.bytes.len())
    }
}

/// What the blob holds. Fields and keys are in a fixed order, so the same content is the same bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Frozen {
    pub(crate) v: u32,
    pub(crate) package: Package,
    pub(crate) languages: Vec<String>,
    pub(crate) templates: BTreeMap<String, String>,
    /// A program that does not know locks does not read a version that has some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) locks: LockHashes,
}

/// The hash of every lock's final bytes, by the file it stands in and its name.
pub(crate) type LockHashes = BTreeMap<String, BTreeMap<String, ContentHash>>;

impl Frozen {
    /// Serialises; every key is a text, so it can't fail.
    pub(crate) fn to_blob(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always serialise")
    }
}

/// Freezes a package together with the shared layouts and partials it uses.
///
/// The same content gives the same hash whatever the order or the dates of the files. Comments in
/// `package.toml`, `sample.json` and shared templates it does not use are no content.
///
/// # Errors
/// Everything that [`crate::check()`] finds, if any of it is an error.
pub fn publish(files: &PackageFiles, shared: &SharedTemplates) -> Result<Version, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let examined = examine(files, shared, &mut findings);
    if let Some((frozen, assets)) = examined
        && findings.has_no_errors()
    {
        let blob = frozen.to_blob();
        return Ok(Version { hash: ContentHash::of(&blob), blob, package: frozen.package, assets });
    }
    if findings.has_no_errors() {
        findings.file_error(manifest::FILE, "the package can't be read", "a package");
    }
    Err(findings.into_sorted())
}

impl Frozen {
    pub(crate) fn new(package: Package, languages: Vec<String>, library: Library) -> Self {
        let (v, templates) = (domain::job::VERSION, library.0);
        Self { v, package, languages, templates, locks: LockHashes::new() }
    }
}
