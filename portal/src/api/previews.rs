//! What a recipient would get, without sending it.

use std::collections::BTreeMap;

use domain::{PackageId, PartnerId};
use program::{Preview, PreviewFor, PreviewOf, Previewed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    launches::{named, slots},
    problem::Problem,
    route::{Answer, Call},
    shape::member,
};

/// What to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Preview)]
pub(super) struct PreviewIn {
    #[schema(schema_with = member::package)]
    package: String,
    #[schema(schema_with = member::partner)]
    partner: String,
    /// One step; without one, every step.
    #[serde(default)]
    #[schema(schema_with = member::line_40, required = false)]
    step: Option<String>,
    /// In which language (BCP 47); without one, the person's, the partner's, or the package's own.
    #[serde(default)]
    #[schema(schema_with = member::line_40, required = false)]
    language: Option<String>,
    /// Slot values by slot name; missing ones take their defaults.
    #[serde(default)]
    #[schema(schema_with = slots)]
    slots: BTreeMap<String, String>,
    /// A contact of the partner's company; without one, somebody made up. Not for a vendor's key.
    #[serde(default)]
    #[schema(required = false, nullable = false)]
    person: Option<Person>,
}

/// A contact of the partner's company.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewPerson)]
struct Person {
    #[schema(format = Email, max_length = 254)]
    address: String,
    /// The name of the contact list; without one, the only list there is.
    #[serde(default)]
    #[schema(schema_with = member::line_200, required = false)]
    list: Option<String>,
}

/// What was rendered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Previews {
    messages: Vec<Message>,
}

/// One step as a recipient would get it.
#[derive(Debug, Serialize, ToSchema)]
struct Message {
    step: String,
    /// Which of several editions of the step it is; empty if there is one.
    edition: String,
    subject: String,
    html: String,
    text: String,
}

impl From<Previewed> for Message {
    fn from(shown: Previewed) -> Self {
        Self {
            step: shown.step.to_string(),
            edition: shown.edition,
            subject: shown.subject,
            html: shown.html,
            text: shown.text,
        }
    }
}

/// A body that does.
pub(super) fn example() -> Value {
    json!({
        "package": "pkg_01j00000000000000000000000",
        "partner": "par_01j00000000000000000000000",
        "language": "en",
    })
}

pub(super) async fn preview(mut call: Call) -> Result<Answer, Problem> {
    let asked: PreviewIn = call.body()?;
    let program = &call.api.program;
    let id: PackageId = named(&asked.package, "package")?;
    let partner: PartnerId = named(&asked.partner, "partner")?;
    let package = program.package(&call.actor, &id).await?.line;
    program.partner(&call.actor, &partner).await?;
    let preview = Preview {
        vendor: package.vendor,
        package: PreviewOf::Published(id.to_string()),
        partner: Some(partner),
        step: asked.step,
        slots: asked.slots,
        language: asked.language,
        person: match asked.person {
            Some(person) => PreviewFor::Contact { address: person.address, list: person.list },
            None => PreviewFor::Sample(BTreeMap::new()),
        },
    };
    let shown = program.preview(&call.actor, &preview).await?;
    Answer::ok(&Previews { messages: shown.messages.into_iter().map(Message::from).collect() })
}
