//! Pausing, resuming and cancelling above a single activation.

use domain::{Scope, activation::ActivationCommand};
use program::{Controlled, PauseLine};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    packages::{in_effect, when, words},
    problem::Problem,
    route::{Answer, Call},
};

fn level() -> utoipa::openapi::schema::Schema {
    words(&["all", "vendor", "partner", "package", "version", "activation"])
}

/// A pause, and who made it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pause)]
pub(super) struct PauseOut {
    #[schema(schema_with = level)]
    level: &'static str,
    /// What is paused: `all`, or its id.
    subject: String,
    /// What people call it; empty where it has no name but its id.
    name: String,
    /// For whom, and so who may resume it: `ops`, `vendor` or `company`; null for an activation, which whoever sees it may
    /// resume.
    #[schema(required)]
    holder: Option<String>,
    /// Who paused it.
    who: String,
    /// Since when, as far as that is known.
    #[schema(required, format = DateTime)]
    since: Option<String>,
}

impl From<PauseLine> for PauseOut {
    fn from(line: PauseLine) -> Self {
        Self {
            level: line.level,
            subject: line.subject,
            name: line.name,
            holder: line.holder.map(|holder| holder.to_string()),
            who: line.who,
            since: line.since.map(|at| at.to_string()),
        }
    }
}

/// What is paused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pauses {
    items: Vec<PauseOut>,
}

/// What became of a command.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Controlled)]
pub(super) struct ControlledOut {
    #[schema(schema_with = level)]
    level: &'static str,
    /// What was commanded: `all`, or its id.
    subject: String,
    /// Whether the command changed anything.
    changed: bool,
    /// Activations that were live under it.
    activations: u64,
    /// Sends that were open and will not go: of a cancel.
    sends_cancelled: u64,
    /// Who pauses exactly this, still.
    paused_by: Vec<PauseOut>,
    #[schema(schema_with = in_effect)]
    in_effect: &'static str,
}

impl From<Controlled> for ControlledOut {
    fn from(done: Controlled) -> Self {
        Self {
            level: done.level,
            subject: done.subject.to_string(),
            changed: done.changed,
            activations: done.activations,
            sends_cancelled: done.sends_cancelled,
            paused_by: done.paused_by.into_iter().map(PauseOut::from).collect(),
            in_effect: when(done.belt),
        }
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let paused = call.api.program.paused(&call.actor).await?;
    Answer::ok(&Pauses { items: paused.into_iter().map(PauseOut::from).collect() })
}

/// What stands in the path, or everything.
fn scope(call: &Call) -> Result<Scope, Problem> {
    match call.path.first() {
        Some((name, _)) => call.part(name),
        None => Ok(Scope::All),
    }
}

pub(super) async fn control(call: Call, command: ActivationCommand) -> Result<Answer, Problem> {
    let scope = scope(&call)?;
    let done = call.api.program.control(&call.actor, &scope, command).await?;
    Answer::ok(&ControlledOut::from(done))
}
