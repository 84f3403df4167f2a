//! Launching: for partners that are named, or for all that may.

use std::collections::BTreeMap;

use domain::{PackageId, PartnerId, UtcMillis};
use program::{Launch, LaunchFor, Launched};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, OneOfBuilder, Schema},
    },
};

use super::{
    activations::state,
    packages::words,
    problem::{Fault, Kind, Problem},
    route::{Answer, Call},
    shape::member,
};

/// The most partners that may be named in one launch.
const MOST_PARTNERS: usize = 1_000;

/// The most characters of a slot's value: those of the largest slot a package may have, as markup.
pub(super) const SLOT_MOST: usize = 10_000;

/// What to launch, and for whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Launch)]
pub(super) struct LaunchIn {
    #[schema(schema_with = member::package)]
    package: String,
    /// The partners by their ids, or `all_eligible`: every partner of the program that may.
    partners: Partners,
    /// The name of the contact list in each partner's company; without one, the only one there is.
    #[serde(default)]
    #[schema(schema_with = member::line_200, required = false)]
    list: Option<String>,
    /// Launch once more where an earlier activation has ended. A live one always answers itself.
    #[serde(default)]
    again: bool,
    /// When it starts, in campaign time; without one, now.
    #[serde(default)]
    #[schema(format = DateTime, required = false, nullable = false)]
    start: Option<String>,
    /// Slot values by slot name; missing ones take their defaults.
    #[serde(default)]
    #[schema(schema_with = slots)]
    slots: BTreeMap<String, String>,
}

/// Slot values by slot name.
pub(super) fn slots() -> Schema {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    let value = ObjectBuilder::new().schema_type(Type::String).max_length(Some(SLOT_MOST));
    Schema::Object(
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Slot values by slot name; missing ones take their defaults."))
            .additional_properties(Some(Schema::Object(value.build())))
            .build(),
    )
}

/// For whom.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Partners {
    Named(Vec<String>),
    All(All),
}

/// Everybody who may.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum All {
    #[serde(rename = "all_eligible")]
    Eligible,
}

impl PartialSchema for Partners {
    fn schema() -> RefOr<Schema> {
        let named = ArrayBuilder::new()
            .items(RefOr::T(member::partner()))
            .min_items(Some(1))
            .max_items(Some(MOST_PARTNERS))
            .unique_items(false);
        let ways = OneOfBuilder::new().item(named).item(words(&["all_eligible"]));
        RefOr::T(Schema::OneOf(ways.build()))
    }
}

impl ToSchema for Partners {}

/// What became of a launch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Launched)]
pub(super) struct LaunchedOut {
    /// Names the new activations together; null when none is new.
    #[schema(required)]
    group: Option<String>,
    /// The package's name (slug).
    package: String,
    #[schema(schema_with = member::version)]
    version: String,
    /// One for every partner that has one now, new or not.
    activations: Vec<LaunchedActivation>,
    /// The partners for whom it was not launched, and why.
    refused: Vec<Refused>,
}

/// An activation that answers a launch.
#[derive(Debug, Serialize, ToSchema)]
struct LaunchedActivation {
    #[schema(schema_with = member::activation)]
    activation: String,
    #[schema(schema_with = member::partner)]
    partner: String,
    partner_key: String,
    partner_name: String,
    /// Whether this launch made it.
    is_new: bool,
    #[schema(schema_with = state)]
    state: String,
}

/// A partner for whom it was not done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refused {
    #[schema(schema_with = member::partner)]
    pub partner: String,
    pub partner_key: String,
    pub partner_name: String,
    /// Why, to be told apart by programs.
    pub reason: String,
    /// Why, in words.
    pub detail: String,
}

impl From<Launched> for LaunchedOut {
    fn from(launched: Launched) -> Self {
        Self {
            group: launched.group.map(|group| group.to_string()),
            package: launched.package,
            version: launched.version.to_string(),
            activations: launched
                .activations
                .into_iter()
                .map(|one| LaunchedActivation {
                    activation: one.activation.to_string(),
                    partner: one.partner.to_string(),
                    partner_key: one.partner_key,
                    partner_name: one.partner_name,
                    is_new: one.is_new,
                    state: one.state.to_string(),
                })
                .collect(),
            refused: launched
                .refused
                .into_iter()
                .map(|one| Refused {
                    partner: one.partner.to_string(),
                    partner_key: one.partner_key,
                    partner_name: one.partner_name,
                    reason: one.reason.word().to_owned(),
                    detail: one.reason.to_string(),
                })
                .collect(),
        }
    }
}

/// A body that does.
pub(super) fn example() -> Value {
    json!({
        "package": "pkg_01j00000000000000000000000",
        "partners": ["par_01j00000000000000000000000"],
        "slots": { "headline": "A word from us" },
    })
}

pub(super) async fn launch(mut call: Call) -> Result<Answer, Problem> {
    let asked: LaunchIn = call.body()?;
    let program = &call.api.program;
    let id: PackageId = named(&asked.package, "package")?;
    let package = program.package(&call.actor, &id).await?.line;
    let start = match &asked.start {
        None => None,
        Some(text) => Some(moment(text)?),
    };
    let who = match asked.partners {
        Partners::All(All::Eligible) => LaunchFor::AllEligible,
        Partners::Named(ids) => {
            let ids: Result<Vec<PartnerId>, Problem> =
                ids.iter().map(|id| named(id, "partner")).collect();
            LaunchFor::Partners(ids?)
        }
    };
    let launch = Launch {
        vendor: package.vendor,
        package: id.to_string(),
        who,
        list: asked.list,
        again: asked.again,
        start,
        slots: asked.slots,
    };
    let launched = program.launch(&call.actor, &launch).await?;
    let status = if launched.group.is_some() { 201 } else { 200 };
    Answer::json(status, &LaunchedOut::from(launched))
}

/// An id in a body that was found to be one.
pub(super) fn named<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(Kind::NotFound, format!("there is no such {what}")))
}

fn moment(text: &str) -> Result<UtcMillis, Problem> {
    text.parse::<jiff::Timestamp>().map(UtcMillis::from).map_err(|error| {
        let fault = Fault::at("/start", &error.to_string(), "a time with its offset (RFC 3339)");
        Problem::with_faults(Kind::Unprocessable, vec![fault])
    })
}
