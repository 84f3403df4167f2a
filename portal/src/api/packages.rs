//! Packages and their versions.

use domain::UtcMillis;
use program::{
    PackageLine, PackageView, PublishedPackage, Recalled, SlotView, StepView, VersionLine,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    problem::Problem,
    route::{Answer, Call},
    shape::member,
};

/// An activation package.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Package)]
pub(super) struct PackageOut {
    #[schema(schema_with = member::package)]
    package: String,
    #[schema(schema_with = member::vendor)]
    vendor: String,
    /// Its stable name, unique in the vendor's program.
    slug: String,
    /// Its name for people.
    name: String,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<PackageLine> for PackageOut {
    fn from(line: PackageLine) -> Self {
        Self {
            package: line.package.to_string(),
            vendor: line.vendor.to_string(),
            slug: line.slug,
            name: line.name,
            created_at: line.created_at.to_string(),
        }
    }
}

/// A page of packages.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PackagePage {
    items: Vec<PackageOut>,
    /// Give this as `cursor` to read on; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A package and what may be launched of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PackageDetail)]
pub(super) struct PackageDetailOut {
    package: PackageOut,
    /// The newest published version; null if there is none.
    #[schema(required)]
    published: Option<Published>,
}

/// A published version and what it says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublishedVersion)]
struct Published {
    #[schema(schema_with = member::version)]
    version: String,
    /// Which one of the package's versions it is, from 1.
    number: i64,
    /// Its name for people, in the package's own language.
    title: String,
    /// One paragraph for partners.
    description: String,
    #[schema(schema_with = motion)]
    motion: String,
    /// The languages it speaks, its own first (BCP 47).
    languages: Vec<String>,
    eligible: Eligible,
    /// Its steps, in order.
    steps: Vec<StepOut>,
    /// What a partner may fill.
    slots: Vec<SlotOut>,
}

fn motion() -> utoipa::openapi::schema::Schema {
    words(&["once", "event", "always-on"])
}

fn state() -> utoipa::openapi::schema::Schema {
    words(&["draft", "in_review", "published", "retired", "recalled"])
}

/// A text that is one of these.
pub(super) fn words(words: &'static [&'static str]) -> utoipa::openapi::schema::Schema {
    use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
    let text = ObjectBuilder::new().schema_type(Type::String);
    Schema::Object(text.enum_values(Some(words.iter().copied())).build())
}

/// Who may launch a package, and when; an empty list is for all.
#[derive(Debug, Serialize, ToSchema)]
struct Eligible {
    tiers: Vec<String>,
    /// ISO 3166-1 alpha-2.
    regions: Vec<String>,
    partner_types: Vec<String>,
    /// Nothing of it is sent before.
    #[schema(required, format = DateTime)]
    valid_from: Option<String>,
    /// Nothing of it is sent from then on.
    #[schema(required, format = DateTime)]
    valid_until: Option<String>,
}

/// A step of a package.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Step)]
struct StepOut {
    /// Its stable name.
    key: String,
    /// `email`, `social`, `wait` or `branch`.
    kind: String,
    /// When it is due, as the package says it: `3d`, `T-14d 09:00`; null for a wait or a branch.
    #[schema(required)]
    due: Option<String>,
}

/// Something a partner may fill.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Slot)]
struct SlotOut {
    name: String,
    /// `text`, `rich_text`, `url`, `image`, `choice`, `colour`, `person` or `datetime`.
    kind: String,
    /// What the partner is asked.
    label: String,
    /// The most characters.
    max_length: u32,
    /// Whether a launch needs it.
    required: bool,
    /// What stands there if the partner leaves it.
    default: String,
    /// What may be chosen.
    choices: Vec<String>,
}

impl From<StepView> for StepOut {
    fn from(step: StepView) -> Self {
        Self { key: step.key, kind: step.kind, due: step.due }
    }
}

impl From<SlotView> for SlotOut {
    fn from(slot: SlotView) -> Self {
        Self {
            name: slot.name,
            kind: slot.kind,
            label: slot.label,
            max_length: slot.max_length,
            required: slot.required,
            default: slot.default,
            choices: slot.choices,
        }
    }
}

impl From<PublishedPackage> for Published {
    fn from(published: PublishedPackage) -> Self {
        let time = |at: Option<UtcMillis>| at.map(|at| at.to_string());
        Self {
            version: published.version.to_string(),
            number: published.number,
            title: published.title,
            description: published.description,
            motion: published.motion,
            languages: published.languages,
            eligible: Eligible {
                tiers: published.tiers,
                regions: published.regions,
                partner_types: published.partner_types,
                valid_from: time(published.valid_from),
                valid_until: time(published.valid_until),
            },
            steps: published.steps.into_iter().map(StepOut::from).collect(),
            slots: published.slots.into_iter().map(SlotOut::from).collect(),
        }
    }
}

impl From<PackageView> for PackageDetailOut {
    fn from(view: PackageView) -> Self {
        Self { package: view.line.into(), published: view.published.map(Published::from) }
    }
}

/// A version of a package: immutable, named by its content.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Version)]
pub(super) struct VersionOut {
    #[schema(schema_with = member::version)]
    version: String,
    /// The package's name (slug).
    package: String,
    /// Which one of the package's versions it is, from 1.
    number: i64,
    /// The hash of its content (BLAKE3).
    hash: String,
    #[schema(schema_with = state)]
    state: String,
    /// Who put it there.
    state_by: String,
    #[schema(format = DateTime)]
    state_at: String,
}

impl From<VersionLine> for VersionOut {
    fn from(line: VersionLine) -> Self {
        Self {
            version: line.version.to_string(),
            package: line.package,
            number: line.number,
            hash: line.hash.to_string(),
            state: line.state.to_string(),
            state_by: line.state_by,
            state_at: line.state_at.to_string(),
        }
    }
}

/// A page of versions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionPage {
    items: Vec<VersionOut>,
    /// Give this as `cursor` to read on; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// What a recall stopped, and what it came too late for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recalled)]
pub(super) struct RecalledOut {
    version: VersionOut,
    /// Whether it was not recalled before.
    changed: bool,
    /// Activations of it that were live.
    activations: u64,
    /// Sends that will not go.
    stopped: u64,
    /// Sends that a relay has taken.
    already_out: u64,
    #[schema(schema_with = in_effect)]
    in_effect: &'static str,
}

impl From<Recalled> for RecalledOut {
    fn from(recalled: Recalled) -> Self {
        Self {
            version: recalled.change.version.into(),
            changed: recalled.change.changed,
            activations: recalled.activations,
            stopped: recalled.stopped,
            already_out: u64::try_from(recalled.already_out).unwrap_or(0),
            in_effect: when(recalled.belt),
        }
    }
}

/// When a stop is in effect.
pub(super) fn in_effect() -> utoipa::openapi::schema::Schema {
    words(&["now", "before_anything_is_sent"])
}

pub(super) const fn when(belt: program::BeltTold) -> &'static str {
    match belt {
        program::BeltTold::Told => "now",
        program::BeltTold::BeforeAnythingIsSent => "before_anything_is_sent",
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let vendor = call.parsed("vendor")?;
    let page = call.page()?;
    let found = call.api.program.list_packages(&call.actor, vendor.as_ref(), &page).await?;
    Answer::ok(&PackagePage {
        items: found.items.into_iter().map(PackageOut::from).collect(),
        next_cursor: found.next.map(|next| next.to_string()),
    })
}

pub(super) async fn get(call: Call) -> Result<Answer, Problem> {
    let id = call.part("package")?;
    let found = call.api.program.package(&call.actor, &id).await?;
    Answer::ok(&PackageDetailOut::from(found))
}

pub(super) async fn versions(call: Call) -> Result<Answer, Problem> {
    let id = call.part("package")?;
    let page = call.page()?;
    let found = call.api.program.list_versions(&call.actor, &id, &page).await?;
    Answer::ok(&VersionPage {
        items: found.items.into_iter().map(VersionOut::from).collect(),
        next_cursor: found.next.map(|next| next.to_string()),
    })
}

pub(super) async fn version(call: Call) -> Result<Answer, Problem> {
    let id = call.part("version")?;
    let (_, _, found) = call.api.program.version(&call.actor, &id).await?;
    Answer::ok(&VersionOut::from(found))
}

pub(super) async fn recall(call: Call) -> Result<Answer, Problem> {
    let id: domain::VersionId = call.part("version")?;
    let program = &call.api.program;
    let (vendor, _, _) = program.version(&call.actor, &id).await?;
    let done = program.recall_version(&call.actor, &vendor, id.as_str()).await?;
    Answer::ok(&RecalledOut::from(done))
}
