//! Jobs that are stuck: finding them, the story of one, and what is decided about it.

use domain::{SendId, SendState, StuckReason};
use program::{
    JobCommand, JobDecision, JobDeed, JobDone, JobEvent, JobLine, JobPlace, JobView, JobsOf,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    activations::state as activation_state,
    packages::words,
    problem::Problem,
    route::{Answer, Call},
    shape::member,
};

/// The states in which a job may be stuck.
pub(super) const STATES: &[&str] = &["held", "failed", "due", "queued"];

/// Why it may be.
pub(super) const REASONS: &[&str] = &[
    "set_aside",
    "unknown",
    "payload_too_big",
    "render_failed",
    "unreadable",
    "gave_up",
    "rejected",
    "bad_address",
];

fn send_state() -> utoipa::openapi::schema::Schema {
    words(&["due", "queued", "sent", "failed", "skipped", "held", "cancelled"])
}

fn settled_as() -> utoipa::openapi::schema::Schema {
    words(&["sent", "again"])
}

fn place() -> utoipa::openapi::schema::Schema {
    words(&["nowhere", "waiting", "delayed", "in_hand", "unknown"])
}

/// A job: a send as those see it who look after it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(super) struct JobOut {
    #[schema(schema_with = member::send)]
    job: String,
    #[schema(schema_with = member::activation)]
    activation: String,
    #[schema(schema_with = member::vendor)]
    vendor: String,
    #[schema(schema_with = member::partner)]
    partner: String,
    partner_key: String,
    /// The package's name (slug).
    package: String,
    step: String,
    /// Which time round.
    occurrence: u32,
    #[schema(schema_with = send_state)]
    state: String,
    /// Why; empty where a state has no reason, `unknown` also for what is tried again though nobody knows whether it went.
    reason: String,
    /// Attempts that were charged.
    attempts: u32,
    /// When it was, or is, due, in campaign time.
    #[schema(format = DateTime)]
    due_at: String,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobsPage {
    items: Vec<JobOut>,
    /// Give this as `cursor` to read on; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// The story of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobDetail)]
pub(super) struct JobDetailOut {
    job: JobOut,
    partner_name: String,
    /// Which one of the package's versions.
    version: i64,
    #[schema(schema_with = activation_state)]
    activation_state: String,
    /// Whom it is for; null for a vendor's key: the contacts are the company's.
    #[schema(required)]
    address: Option<String>,
    /// The highest number under which it was handed out and was heard of again.
    #[schema(required)]
    claim: Option<String>,
    /// The number under which it was accepted.
    #[schema(required)]
    accepted_claim: Option<String>,
    /// Acceptances beyond the first.
    duplicates: u32,
    /// When it was first fed to the belt since it was last put back.
    #[schema(required, format = DateTime)]
    first_fed_at: Option<String>,
    /// When it was last fed.
    #[schema(required, format = DateTime)]
    fed_at: Option<String>,
    /// The time a new schedule gave it: it goes no sooner.
    #[schema(required, format = DateTime)]
    not_before: Option<String>,
    /// What happened to it, oldest first.
    events: Vec<JobEventOut>,
    /// What people did to it, oldest first.
    done: Vec<JobDeedOut>,
    belt: JobPlaceOut,
}

/// Something that happened to a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobEvent)]
struct JobEventOut {
    /// In campaign time.
    #[schema(format = DateTime)]
    at: String,
    /// `accepted`, `deferred`, `returned`, `bounced`, `failed`, `unknown` …
    kind: String,
    /// The hand-out it ended; null for what no hand-out ended.
    #[schema(required)]
    claim: Option<String>,
    /// What the other side said, as it was recorded; null for a vendor's key.
    #[schema(value_type = Option<Object>, required)]
    detail: Value,
}

/// Something somebody did to a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobDeed)]
struct JobDeedOut {
    #[schema(format = DateTime)]
    at: String,
    /// `ops`, or a vendor's or company's id.
    who: String,
    /// `replay job`, `drop job` …
    action: String,
    /// Where it stood, and what was said about it.
    detail: String,
}

/// Where a job is on the belt right now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobPlace)]
struct JobPlaceOut {
    /// `unknown`: the belt can't be asked.
    #[schema(schema_with = place)]
    place: &'static str,
    /// The worker that has it; for ops keys alone.
    #[schema(required)]
    worker: Option<String>,
    /// Whether its content may be on the wire.
    on_the_wire: bool,
    /// How many processes died holding it since it came onto the belt.
    deaths: u32,
}

/// What became of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobDone)]
pub(super) struct JobDoneOut {
    #[schema(schema_with = member::send)]
    job: String,
    #[schema(schema_with = send_state)]
    before: String,
    #[schema(schema_with = send_state)]
    after: String,
    /// Whether anything changed.
    changed: bool,
}

/// A decision about a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DecideJob {
    /// What is to be remembered about it.
    #[schema(schema_with = member::line_200, required = false)]
    #[serde(default)]
    because: String,
}

/// How an unknown job is settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveJob {
    /// `sent`: it went, and counts as accepted; `again`: it is sent again, whether it went or not.
    #[serde(rename = "as")]
    #[schema(schema_with = settled_as)]
    settled: String,
    /// What is to be remembered about it.
    #[schema(schema_with = member::line_200, required = false)]
    #[serde(default)]
    because: String,
}

pub(super) fn example() -> Value {
    json!({ "because": "the template was mended" })
}

pub(super) fn example_of_resolving() -> Value {
    json!({ "as": "sent", "because": "the relay's log has it" })
}

impl From<JobLine> for JobOut {
    fn from(line: JobLine) -> Self {
        Self {
            job: line.job.to_string(),
            activation: line.activation.to_string(),
            vendor: line.vendor.to_string(),
            partner: line.partner.to_string(),
            partner_key: line.partner_key,
            package: line.package,
            step: line.step.to_string(),
            occurrence: line.occurrence,
            state: line.state.to_string(),
            reason: line.reason,
            attempts: line.attempts,
            due_at: line.due_at.to_string(),
        }
    }
}

impl From<JobEvent> for JobEventOut {
    fn from(event: JobEvent) -> Self {
        // A detail that is no object was written by nobody of ours; it is not shown as something else.
        let detail = if event.detail.is_object() { event.detail } else { Value::Null };
        Self {
            at: event.at.to_string(),
            kind: event.kind.to_string(),
            claim: event.claim.map(|claim| claim.to_string()),
            detail,
        }
    }
}

impl From<JobDeed> for JobDeedOut {
    fn from(deed: JobDeed) -> Self {
        Self { at: deed.at.to_string(), who: deed.who, action: deed.action, detail: deed.detail }
    }
}

impl From<JobPlace> for JobPlaceOut {
    fn from(place: JobPlace) -> Self {
        let there = |place, deaths| Self { place, worker: None, on_the_wire: false, deaths };
        match place {
            JobPlace::Nowhere => there("nowhere", 0),
            JobPlace::Waiting { deaths } => there("waiting", deaths),
            JobPlace::Delayed { deaths } => there("delayed", deaths),
            JobPlace::InHand { worker, on_the_wire, deaths } => {
                Self { place: "in_hand", worker, on_the_wire, deaths }
            }
            JobPlace::Unknown => there("unknown", 0),
        }
    }
}

impl From<JobView> for JobDetailOut {
    fn from(view: JobView) -> Self {
        let time = |at: Option<domain::UtcMillis>| at.map(|at| at.to_string());
        Self {
            job: view.line.into(),
            partner_name: view.partner_name,
            version: view.version,
            activation_state: view.activation_state.to_string(),
            address: view.address,
            claim: view.claim.map(|claim| claim.to_string()),
            accepted_claim: view.accepted_claim.map(|claim| claim.to_string()),
            duplicates: view.duplicates,
            first_fed_at: time(view.first_fed_at),
            fed_at: time(view.fed_at),
            not_before: time(view.not_before),
            events: view.events.into_iter().map(JobEventOut::from).collect(),
            done: view.done.into_iter().map(JobDeedOut::from).collect(),
            belt: view.belt.into(),
        }
    }
}

impl From<JobDone> for JobDoneOut {
    fn from(done: JobDone) -> Self {
        Self {
            job: done.job.to_string(),
            before: done.before.to_string(),
            after: done.after.to_string(),
            changed: done.changed,
        }
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let of = JobsOf {
        vendor: call.parsed("vendor")?,
        state: call.parsed::<SendState>("state")?,
        reason: call.parsed::<StuckReason>("reason")?,
        partner: call.parsed("partner")?,
        package: call.parsed("package")?,
        activation: call.parsed("activation")?,
    };
    let page = call.page()?;
    let found = call.api.program.list_jobs(&call.actor, &of, &page).await?;
    Answer::ok(&JobsPage {
        items: found.items.into_iter().map(JobOut::from).collect(),
        next_cursor: found.next.map(|next| next.to_string()),
    })
}

pub(super) async fn get(call: Call) -> Result<Answer, Problem> {
    let id: SendId = call.part("job")?;
    let view = call.api.program.job(&call.actor, id).await?;
    Answer::ok(&JobDetailOut::from(view))
}

pub(super) async fn decide(mut call: Call, command: JobCommand) -> Result<Answer, Problem> {
    let body: DecideJob = call.body()?;
    done(&call, JobDecision { command, note: body.because }).await
}

pub(super) async fn resolve(mut call: Call) -> Result<Answer, Problem> {
    let body: ResolveJob = call.body()?;
    let command = match body.settled.as_str() {
        "sent" => JobCommand::ResolveSent,
        _ => JobCommand::ResolveAgain,
    };
    done(&call, JobDecision { command, note: body.because }).await
}

async fn done(call: &Call, decision: JobDecision) -> Result<Answer, Problem> {
    let id: SendId = call.part("job")?;
    let done = call.api.program.decide_job(&call.actor, id, &decision).await?;
    Answer::ok(&JobDoneOut::from(done))
}
