//! Activations: where they stand, what happened, and stopping them.

use std::collections::BTreeMap;

use domain::{ActivationId, activation::ActivationCommand};
use program::{ActivationLine, ActivationStatus, ByWho, Commanded, Counts, Engagement, EventLine};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    controls::PauseOut,
    packages::{in_effect, when, words},
    problem::Problem,
    route::{Answer, Call},
    shape::member,
};

/// The states of an activation.
pub(super) const STATES: &[&str] =
    &["scheduled", "running", "paused", "completed", "cancelled", "recalled"];

pub(super) fn state() -> utoipa::openapi::schema::Schema {
    words(STATES)
}

/// One partner's launch of one package version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Activation)]
pub(super) struct ActivationOut {
    #[schema(schema_with = member::activation)]
    activation: String,
    #[schema(schema_with = member::vendor)]
    vendor: String,
    #[schema(schema_with = member::partner)]
    partner: String,
    partner_key: String,
    partner_name: String,
    /// The package's name (slug).
    package: String,
    #[schema(schema_with = member::version)]
    version: String,
    #[schema(schema_with = state)]
    state: String,
    /// In campaign time.
    #[schema(format = DateTime)]
    start_at: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// Persons on its list; null until all of them were decided on.
    #[schema(required)]
    audience: Option<u64>,
}

impl From<ActivationLine> for ActivationOut {
    fn from(line: ActivationLine) -> Self {
        Self {
            activation: line.activation.to_string(),
            vendor: line.vendor.to_string(),
            partner: line.partner.to_string(),
            partner_key: line.partner_key,
            partner_name: line.partner_name,
            package: line.package,
            version: line.version.to_string(),
            state: line.state.to_string(),
            start_at: line.start_at.to_string(),
            created_at: line.created_at.to_string(),
            ended_at: line.ended_at.map(|at| at.to_string()),
            audience: line.audience,
        }
    }
}

/// A page of activations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActivationPage {
    items: Vec<ActivationOut>,
    /// Give this as `cursor` to read on; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Where an activation stands, in counts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActivationDetail)]
pub(super) struct ActivationDetailOut {
    #[schema(schema_with = member::activation)]
    activation: String,
    #[schema(schema_with = member::vendor)]
    vendor: String,
    #[schema(schema_with = member::partner)]
    partner: String,
    partner_key: String,
    partner_name: String,
    tier: String,
    /// The package's name (slug).
    package: String,
    #[schema(schema_with = member::version)]
    version: String,
    #[schema(schema_with = state)]
    state: String,
    /// What keeps it back, itself or something above it.
    paused_by: Vec<PauseOut>,
    /// In campaign time.
    #[schema(format = DateTime)]
    start_at: String,
    /// Persons on its list; null until all of them were decided on.
    #[schema(required)]
    audience: Option<u64>,
    /// Over all its steps.
    sends: SendCounts,
    /// Step by step.
    steps: Vec<StepCounts>,
    /// Whether the sends of each step add up to the audience; null until that is known.
    #[schema(required)]
    adds_up: Option<bool>,
    engagement: EngagementOut,
}

/// Sends, by where they stand.
#[derive(Debug, Serialize, ToSchema)]
struct SendCounts {
    total: u64,
    /// `due`, `queued`, `sent`, `failed`, `skipped`, `held`, `cancelled`; those without any are left out.
    by_state: BTreeMap<String, u64>,
    /// By state and reason, where a state has reasons.
    by_reason: BTreeMap<String, BTreeMap<String, u64>>,
    /// Acceptances beyond the first of a send.
    duplicates: u64,
}

/// The sends of one step.
#[derive(Debug, Serialize, ToSchema)]
struct StepCounts {
    step: String,
    sends: SendCounts,
}

/// What came back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Engagement)]
struct EngagementOut {
    opened: WhoDid,
    clicked: WhoDid,
}

/// By people, as far as can be told, and by programs.
#[derive(Debug, Serialize, ToSchema)]
struct WhoDid {
    human: TallyOut,
    machine: TallyOut,
}

/// How often, and of how many messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tally)]
struct TallyOut {
    events: u64,
    sends: u64,
}

impl From<Counts> for SendCounts {
    fn from(counts: Counts) -> Self {
        Self {
            total: counts.total,
            by_state: counts
                .by_state
                .into_iter()
                .map(|(state, n)| (state.to_string(), n))
                .collect(),
            by_reason: counts
                .by_reason
                .into_iter()
                .map(|(state, reasons)| (state.to_string(), reasons))
                .collect(),
            duplicates: counts.duplicates,
        }
    }
}

impl From<ByWho> for WhoDid {
    fn from(by: ByWho) -> Self {
        let tally = |of: program::Tally| TallyOut { events: of.events, sends: of.sends };
        Self { human: tally(by.human), machine: tally(by.machine) }
    }
}

impl From<Engagement> for EngagementOut {
    fn from(engagement: Engagement) -> Self {
        Self { opened: engagement.opened.into(), clicked: engagement.clicked.into() }
    }
}

impl From<ActivationStatus> for ActivationDetailOut {
    fn from(status: ActivationStatus) -> Self {
        Self {
            activation: status.activation.to_string(),
            vendor: status.vendor.to_string(),
            partner: status.partner.to_string(),
            partner_key: status.partner_key,
            partner_name: status.partner_name,
            tier: status.tier,
            package: status.package,
            version: status.version.to_string(),
            state: status.state.to_string(),
            paused_by: status.paused_by.into_iter().map(PauseOut::from).collect(),
            start_at: status.start_at.to_string(),
            audience: status.audience,
            sends: status.counts.into(),
            steps: status
                .steps
                .into_iter()
                .map(|step| StepCounts { step: step.step.to_string(), sends: step.counts.into() })
                .collect(),
            adds_up: status.adds_up,
            engagement: status.engagement.into(),
        }
    }
}

/// What became of a command.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Commanded)]
pub(super) struct CommandedOut {
    #[schema(schema_with = member::activation)]
    activation: String,
    #[schema(schema_with = state)]
    before: String,
    #[schema(schema_with = state)]
    after: String,
    /// Whether the command changed anything.
    changed: bool,
    /// Sends that were open and will not go: of a cancelled activation.
    sends_cancelled: u64,
    /// What keeps it back above it.
    paused_by: Vec<PauseOut>,
    #[schema(schema_with = in_effect)]
    in_effect: &'static str,
}

impl From<Commanded> for CommandedOut {
    fn from(done: Commanded) -> Self {
        Self {
            activation: done.activation.to_string(),
            before: done.before.to_string(),
            after: done.after.to_string(),
            changed: done.changed,
            sends_cancelled: done.sends_cancelled,
            paused_by: done.paused_by.into_iter().map(PauseOut::from).collect(),
            in_effect: when(done.belt),
        }
    }
}

/// Something that happened to a send.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventOut {
    #[schema(schema_with = member::event)]
    event: String,
    /// In campaign time.
    #[schema(format = DateTime)]
    at: String,
    /// `accepted`, `deferred`, `bounced`, `opened`, `clicked`, `unsubscribed` …
    kind: String,
    #[schema(schema_with = member::send)]
    send: String,
    #[schema(schema_with = member::activation)]
    activation: String,
    #[schema(schema_with = member::partner)]
    partner: String,
    /// What the other side said, as it was recorded; null for a vendor's key, because it may name a contact of the
    /// partner.
    #[schema(value_type = Option<Object>, required)]
    detail: Value,
}

impl From<EventLine> for EventOut {
    fn from(line: EventLine) -> Self {
        // A detail that is no object was written by nobody of ours; it is not shown as something else.
        let detail = if line.detail.is_object() { line.detail } else { Value::Null };
        Self {
            event: line.event.to_string(),
            at: line.at.to_string(),
            kind: line.kind.to_string(),
            send: line.send.to_string(),
            activation: line.activation.to_string(),
            partner: line.partner.to_string(),
            detail,
        }
    }
}

/// A page of events, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventsPage {
    items: Vec<EventOut>,
    /// Give this as `cursor` to read on; null when there is nothing more yet.
    #[schema(required)]
    next_cursor: Option<String>,
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let vendor = call.parsed("vendor")?;
    let state = call.parsed("state")?;
    let page = call.page()?;
    let found =
        call.api.program.list_activations(&call.actor, vendor.as_ref(), state, &page).await?;
    Answer::ok(&ActivationPage {
        items: found.items.into_iter().map(ActivationOut::from).collect(),
        next_cursor: found.next.map(|next| next.to_string()),
    })
}

pub(super) async fn get(call: Call) -> Result<Answer, Problem> {
    let id = call.part("activation")?;
    let found = call.api.program.activation(&call.actor, id).await?;
    Answer::ok(&ActivationDetailOut::from(found))
}

pub(super) async fn steer(call: Call, command: ActivationCommand) -> Result<Answer, Problem> {
    let id: ActivationId = call.part("activation")?;
    let done = call.api.program.steer(&call.actor, id, command).await?;
    Answer::ok(&CommandedOut::from(done))
}

pub(super) async fn events(call: Call) -> Result<Answer, Problem> {
    let id: ActivationId = call.part("activation")?;
    let page = call.page()?;
    let program = &call.api.program;
    // One more than is wanted, to know whether there is more.
    let found = program.events(&call.actor, Some(id), page.after, page.limit + 1).await?;
    let mut items: Vec<EventOut> = found.events.into_iter().map(EventOut::from).collect();
    let is_more = items.len() > page.limit as usize;
    items.truncate(page.limit as usize);
    let next_cursor = items.last().filter(|_| is_more).map(|last| last.event.clone());
    Answer::ok(&EventsPage { items, next_cursor })
}
