//! What a package asks for and does, as its newest published version says.

use domain::{PackageId, UtcMillis, VersionId};
use serde::Serialize;

use crate::{
    actor::Actor,
    error::{Error, Result},
    list::PackageLine,
    program::Program,
};

/// A package in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageView {
    /// The package.
    #[serde(flatten)]
    pub line: PackageLine,
    /// What may be launched now; `None` if nothing is published.
    pub published: Option<PublishedPackage>,
}

/// The newest published version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedPackage {
    /// The version.
    pub version: VersionId,
    /// Which one of the package's versions it is, from 1.
    pub number: i64,
    /// Its name for people, in the package's own language.
    pub title: String,
    /// One paragraph for partners.
    pub description: String,
    /// `once`, `event` or `always-on`.
    pub motion: String,
    /// The languages it speaks, its own first (BCP 47).
    pub languages: Vec<String>,
    /// Not sent before.
    pub valid_from: Option<UtcMillis>,
    /// Not sent from then on.
    pub valid_until: Option<UtcMillis>,
    /// Tiers that may launch it; empty means all.
    pub tiers: Vec<String>,
    /// Countries of partners that may launch it; empty means all.
    pub regions: Vec<String>,
    /// Kinds of partners that may launch it; empty means all.
    pub partner_types: Vec<String>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// What a partner may fill, by name.
    pub slots: Vec<SlotView>,
}

/// A step of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepView {
    /// Its key.
    pub key: String,
    /// `email`, `social`, `wait` or `branch`.
    pub kind: String,
    /// When it is due, as the package says it (`3d`, `T-14d 09:00`); `None` for a wait or a branch.
    pub due: Option<String>,
}

/// Something a partner may fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotView {
    /// Its name.
    pub name: String,
    /// What may stand in it: `text`, `url`, …
    pub kind: String,
    /// What the partner is asked.
    pub label: String,
    /// The most characters.
    pub max_length: u32,
    /// Whether a launch needs it.
    pub required: bool,
    /// What stands there if the partner leaves it.
    pub default: String,
    /// What may be chosen, for a slot of kind `choice`.
    pub choices: Vec<String>,
}

impl Program {
    /// A package and what its newest published version says.
    ///
    /// # Errors
    /// There is none that the actor may see.
    pub async fn package(&self, actor: &Actor, id: &PackageId) -> Result<PackageView> {
        let row = self.visible_package(actor, id).await?;
        let doing = "look for the package's version";
        let version = self.store().latest_published(&row.id).await.map_err(Error::book(doing))?;
        let Some(version) = version else {
            return Ok(PackageView { line: row.into(), published: None });
        };
        let compiled = self.compiled(&version.hash).await?;
        let package = compiled.package();
        let mut languages: Vec<String> =
            compiled.languages().into_iter().map(str::to_owned).collect();
        languages.sort_by_key(|language| (*language != package.language, language.clone()));
        let motion = match &package.motion {
            render::Motion::Once => "once",
            render::Motion::Event { .. } => "event",
            render::Motion::AlwaysOn { .. } => "always-on",
        };
        let published = PublishedPackage {
            version: version.id,
            number: version.number,
            title: package.title.own().to_owned(),
            description: package.description.own().to_owned(),
            motion: motion.to_owned(),
            languages,
            valid_from: package.validity.from,
            valid_until: package.validity.until,
            tiers: package.tiers.clone(),
            regions: package.regions.clone(),
            partner_types: package.partner_types.clone(),
            steps: package
                .steps
                .iter()
                .map(|step| StepView {
                    key: step.key.to_string(),
                    kind: step.kind.as_str().to_owned(),
                    due: step.due.map(|due| due.to_string()),
                })
                .collect(),
            slots: package
                .slots
                .iter()
                .map(|(name, slot)| SlotView {
                    name: name.clone(),
                    kind: slot.kind.as_str().to_owned(),
                    label: slot.label.own().to_owned(),
                    max_length: slot.max_length,
                    required: slot.required,
                    default: slot.default.own().to_owned(),
                    choices: slot.choices.iter().map(|choice| choice.value.clone()).collect(),
                })
                .collect(),
        };
        Ok(PackageView { line: row.into(), published: Some(published) })
    }
}
