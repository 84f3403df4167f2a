//! `package list`, `submit`, `reject`, `approve`, `retire` and `recall`: a version's way from draft to the
//! end.

use std::time::Duration;

use belt::Stop;
use domain::{
    ContentHash, UtcMillis, VendorId, VersionId, VersionState, package_version::VersionCommand,
};
use serde::Serialize;
use store::PackageVersion;

use crate::{
    actor::Actor,
    error::{Error, Result},
    nearest::nearest,
    program::{BeltTold, Program},
};

/// How long the answer to a recall waits for the book to hear of what is out already.
const OUT_WITHIN: Duration = Duration::from_secs(3);

/// A version and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionLine {
    /// The package's name.
    pub package: String,
    /// Which one of the package's versions it is, from 1.
    pub number: i64,
    /// Its id.
    pub version: VersionId,
    /// The hash of its content.
    pub hash: ContentHash,
    /// Where it stands.
    pub state: VersionState,
    /// Who put it there.
    pub state_by: String,
    /// When.
    pub state_at: UtcMillis,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionChanged {
    /// The version as it is now.
    #[serde(flatten)]
    pub version: VersionLine,
    /// Where it stood.
    pub before: VersionState,
    /// Whether the command changed anything.
    pub changed: bool,
}

/// What a recall stopped, and what it came too late for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recalled {
    /// The version and what was done to it.
    #[serde(flatten)]
    pub change: VersionChanged,
    /// Activations of it that were live.
    pub activations: u64,
    /// Sends that will not go.
    pub stopped: u64,
    /// Sends that a relay has taken.
    pub already_out: i64,
    /// Whether the belt knows already.
    pub belt: BeltTold,
}

impl Program {
    /// The versions of a vendor's packages, or of the one named, newest first.
    ///
    /// # Errors
    /// The vendor is none of the actor's, or there is no such package.
    pub async fn versions(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        package: Option<&str>,
    ) -> Result<Vec<VersionLine>> {
        let vendor = self.require_vendor(actor, vendor).await?;
        let doing = "read the versions";
        let packages = match package {
            Some(asked) => vec![self.require_package(&vendor, asked).await?],
            None => self.store().packages(&vendor).await.map_err(Error::book(doing))?,
        };
        let mut lines = Vec::new();
        for package in packages {
            let versions = self.store().versions(&package.id).await.map_err(Error::book(doing))?;
            lines.extend(versions.into_iter().map(|version| line(&package.slug, version)));
        }
        // Drafts are the vendor's own.
        if !actor.runs(&vendor) {
            lines.retain(|line| !line.state.is_before_partners());
        }
        Ok(lines)
    }

    /// Moves a version, named by its id or as `package@number`, on its way. A recall is
    /// [`Program::recall_version`].
    ///
    /// # Errors
    /// The vendor is none of the actor's, there is no such version, or it can't go there.
    pub async fn change_version(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        version: &str,
        command: VersionCommand,
    ) -> Result<VersionChanged> {
        if !actor.runs(vendor) {
            return Err(Error::not_found("vendor", vendor));
        }
        let found = self.find_version(actor, vendor, version).await?;
        let change = self
            .store()
            .change_version(&found.version, command, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("change the version"))?;
        Ok(VersionChanged {
            version: line(&found.package, change.version),
            before: change.before,
            changed: change.changed,
        })
    }

    /// Stops every send of a version for good: none starts later than 2 s after the answer. Asking
    /// again finishes what an interrupted recall left.
    ///
    /// # Errors
    /// As [`Program::change_version`].
    pub async fn recall_version(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        version: &str,
    ) -> Result<Recalled> {
        let change = self.change_version(actor, vendor, version, VersionCommand::Recall).await?;
        let id = change.version.version.clone();
        let belt = self
            .tell_belt("stop", |belt| async move { belt.set_stop(id.as_str(), Stop::Cancel).await })
            .await;
        if let (BeltTold::Told, Some(belt)) = (belt, &self.parts.belt) {
            // What relays took before the answer is counted as out, not as stopped.
            belt.wait_until_recorded(OUT_WITHIN).await.ok();
        }
        // After the belt was told, so that nothing starts while the rows are rewritten in chunks.
        let id = &change.version.version;
        let doing = "stop the version's sends";
        let activations =
            self.store().recalled_activations(id).await.map_err(Error::book(doing))?;
        let mut stopped = 0;
        for activation in &activations {
            stopped += self
                .store()
                .cancel_open_sends(*activation, "recalled")
                .await
                .map_err(Error::book(doing))?;
        }
        if change.changed {
            // What the belt stopped first, the recorder may have ended already.
            let heard = self.store().stopped_on_belt(&activations).await;
            stopped += heard.map_err(Error::book(doing))?;
        }
        let already_out = self.store().sent_of_version(id).await.map_err(Error::book(doing))?;
        Ok(Recalled { change, activations: activations.len() as u64, stopped, already_out, belt })
    }

    /// The version of this id, or of this `package@number`.
    pub(crate) async fn find_version(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        asked: &str,
    ) -> Result<VersionLine> {
        let asked = asked.trim();
        let lines = self.versions(actor, vendor, None).await?;
        let name = |line: &VersionLine| format!("{}@{}", line.package, line.number);
        let found = lines.iter().find(|line| line.version.as_str() == asked || name(line) == asked);
        found.cloned().ok_or_else(|| {
            let names: Vec<String> = lines.iter().map(name).collect();
            Error::NotFound {
                what: "package version",
                asked: asked.to_owned(),
                nearest: nearest(asked, names.iter().map(String::as_str)).map(str::to_owned),
            }
        })
    }

    /// The vendor's package of this name or id.
    pub(crate) async fn require_package(
        &self,
        vendor: &VendorId,
        asked: &str,
    ) -> Result<store::Package> {
        let doing = "look for the package";
        let asked = asked.trim();
        let found = self.store().find_package(vendor, asked).await.map_err(Error::book(doing))?;
        if let Some(package) = found {
            return Ok(package);
        }
        let known = self.store().packages(vendor).await.map_err(Error::book(doing))?;
        Err(Error::NotFound {
            what: "package",
            asked: asked.to_owned(),
            nearest: nearest(asked, known.iter().map(|package| package.slug.as_str()))
                .map(str::to_owned),
        })
    }
}

pub(crate) fn line(package: &str, version: PackageVersion) -> VersionLine {
    VersionLine {
        package: package.to_owned(),
        number: version.number,
        version: version.id,
        hash: version.hash,
        state: version.state,
        state_by: version.state_by,
        state_at: version.state_at,
    }
}
