//! `package check` and `package publish`.

use std::path::Path;

use domain::{
    ContentHash, PackageId, VendorId, VersionId, VersionState, package_version::VersionCommand,
};
use render::{Diagnostic, PackageFiles, ReadError, Severity, SharedTemplates};
use serde::Serialize;
use store::{Change, PublishInput};

use crate::{
    actor::Actor,
    error::{Error, Problem, Result},
    program::Program,
};

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct PackageChecked {
    /// Whether it could be published as it is.
    pub is_good: bool,
    /// Everything that was found, in the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
}

/// What becomes of a version that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishAs {
    /// Nothing yet; see [`Program::change_version`].
    Draft,
    /// Partners may launch it.
    Published,
}

/// A version that is in the book now.
#[derive(Debug, Clone, Serialize)]
pub struct PackagePublished {
    /// The package.
    pub package: PackageId,
    /// Its name (slug).
    pub slug: String,
    /// The version.
    pub version: VersionId,
    /// Which one of the package's versions it is, from 1.
    pub number: i64,
    /// Where it stands.
    pub state: VersionState,
    /// The version's name made from its content.
    pub hash: ContentHash,
    /// Whether it was not there before; the same content is the same version.
    pub is_new: bool,
    /// Its size in the book, in bytes.
    pub size_bytes: u64,
    /// What was found that does not stand against it.
    pub warnings: Vec<Diagnostic>,
}

/// Everything that is wrong with the package in a folder, with file, line and column. Needs no book.
///
/// # Errors
/// The folder can't be read.
pub fn check_package(templates: &SharedTemplates, folder: &Path) -> Result<PackageChecked> {
    let files = PackageFiles::load_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let diagnostics = render::check(&files, templates);
    let is_good = diagnostics.iter().all(|found| found.severity != Severity::Error);
    Ok(PackageChecked { is_good, diagnostics })
}

impl Program {
    /// Freezes the package in a folder into a version of a vendor's program. Partners may launch it at
    /// once, unless `state` says that it is a draft.
    ///
    /// # Errors
    /// The folder can't be read, the package has errors (all of them are named), or the vendor is none
    /// of the actor's.
    pub async fn publish_package(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        folder: &Path,
        publish_as: PublishAs,
    ) -> Result<PackagePublished> {
        let files = PackageFiles::load_dir(folder).map_err(|error| unreadable(folder, &error))?;
        self.publish_files(actor, vendor, &files, publish_as).await
    }

    /// The same from files in memory, such as a package that comes with the program.
    ///
    /// # Errors
    /// As [`Program::publish_package`].
    pub async fn publish_files(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        files: &PackageFiles,
        publish_as: PublishAs,
    ) -> Result<PackagePublished> {
        if !actor.runs(vendor) {
            return Err(Error::not_found("vendor", vendor));
        }
        let vendor = self.require_vendor(actor, vendor).await?;
        let version = render::publish(files, &self.parts.templates)
            .map_err(|found| Error::BadInput { problems: found.iter().map(problem).collect() })?;
        if version.package.name == render::INVITATION {
            let expected = "another name: this one is the program's own, whose links launch";
            return Err(Error::bad_input("package.toml, name", &version.package.name, expected));
        }
        let warnings = render::check(files, &self.parts.templates);
        let who = actor.to_string();
        let topic = version.package.topic.as_ref();
        let topic_name = topic.map(|topic| serde_json::to_string(&topic.title)).transpose();
        let topic_name = topic_name.map_err(|source| Error::Internal {
            doing: "write the topic's name",
            source: Box::new(source),
        })?;
        let input = PublishInput {
            vendor: &vendor,
            slug: &version.package.name,
            name: version.package.title.own(),
            hash: &version.hash,
            blob: &version.blob,
            topic: topic.map_or("", |topic| &topic.name),
            topic_name: topic_name.as_deref().unwrap_or("\"\""),
            state: match publish_as {
                PublishAs::Draft => VersionState::Draft,
                PublishAs::Published => VersionState::Published,
            },
            who: &who,
            now: self.now(),
        };
        for asset in &version.assets {
            let content_type = content_type(asset.extension);
            self.store()
                .put_asset(&asset.bytes, content_type, self.now())
                .await
                .map_err(Error::book("keep the package's pictures"))?;
        }
        let doing = "write the package version";
        let kept = self.store().add_version(&input).await.map_err(Error::book(doing))?;
        let is_new = kept.change == Change::New;
        let mut row = kept.row;
        if !is_new && publish_as == PublishAs::Published {
            // Kept as a draft before, and meant for partners now.
            let command = VersionCommand::Publish;
            let change = self.store().change_version(&row.id, command, &who, self.now()).await;
            row = change.map_err(Error::book(doing))?.version;
        }
        Ok(PackagePublished {
            package: row.package_id,
            slug: version.package.name,
            version: row.id,
            number: row.number,
            state: row.state,
            hash: version.hash,
            is_new,
            size_bytes: version.blob.len() as u64,
            warnings,
        })
    }
}

/// What a picture with this ending is.
pub(crate) fn content_type(extension: &str) -> &'static str {
    match extension {
        "jpg" => "image/jpeg",
        _ => "image/png",
    }
}

pub(crate) fn problem(found: &Diagnostic) -> Problem {
    let place = format!("{}:{}:{}", found.file, found.line, found.column);
    Problem::said(&place, &found.message, &found.expected)
}

pub(crate) fn unreadable(folder: &Path, error: &ReadError) -> Error {
    let cause =
        std::error::Error::source(error).map_or_else(String::new, |source| format!(": {source}"));
    Error::bad_input(
        &folder.display().to_string(),
        &format!("{error}{cause}"),
        "a package's folder",
    )
}
