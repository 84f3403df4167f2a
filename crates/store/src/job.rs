//! Jobs that are stuck: finding them, telling the story of one, and moving them as a person decides.

use std::collections::HashMap;

use domain::{
    ActivationId, ActivationState, ClaimNumber, CompanyId, OnUnknown, Outcome, OutcomeRecord,
    PackageId, PartnerId, SendId, SendState, StepKey, StuckReason, UtcMillis, VendorId,
    merge::GiveUp, outcome::Answer,
};
use sqlx::any::AnyRow;

use crate::{
    audit::{AuditRow, audit_row},
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::Result,
    event::{Event, event},
    page::Walk,
    record::StreamedOutcome,
    row::Read,
};

/// Which stuck jobs are asked for.
#[derive(Debug, Clone, Copy)]
pub struct StuckOf<'a> {
    /// Whose.
    pub walk: Walk<'a>,
    /// In this state; `None` for any.
    pub state: Option<SendState>,
    /// For these reasons.
    pub reasons: &'a [StuckReason],
    /// Of this partner.
    pub partner: Option<&'a PartnerId>,
    /// Of this package.
    pub package: Option<&'a PackageId>,
    /// Of this activation.
    pub activation: Option<ActivationId>,
}

/// A job that is stuck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckJob {
    /// The send.
    pub send: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// The partner's firm.
    pub company: CompanyId,
    /// Its partner.
    pub partner: PartnerId,
    /// The vendor's own key for the partner.
    pub partner_key: String,
    /// The package's stable name.
    pub package: String,
    /// The step.
    pub step: StepKey,
    /// Which time round.
    pub occurrence: u32,
    /// Where it stands.
    pub state: SendState,
    /// Why, as the book has it; empty where a state has no reason.
    pub reason: String,
    /// Attempts that were charged.
    pub attempts: u32,
    /// When it was, or is, due.
    pub due_at: UtcMillis,
}

/// All that the book has of one send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStory {
    /// The job.
    pub job: StuckJob,
    /// The partner's firm's name.
    pub partner_name: String,
    /// Which one of the package's versions.
    pub version: i64,
    /// The address, normalised.
    pub address: String,
    /// The address's domain.
    pub provider: String,
    /// The highest claim number that was heard of.
    pub claim: Option<ClaimNumber>,
    /// The claim number of the acceptance.
    pub accepted_claim: Option<ClaimNumber>,
    /// Acceptances beyond the first.
    pub duplicates: u32,
    /// When it was fed last.
    pub fed_at: Option<UtcMillis>,
    /// When it was fed first.
    pub first_fed_at: Option<UtcMillis>,
    /// The time a change of its activation gave it.
    pub not_before: Option<UtcMillis>,
    /// Where its activation stands.
    pub activation_state: ActivationState,
    /// What happened to it, oldest first.
    pub events: Vec<Event>,
    /// What people did to it, oldest first.
    pub audit: Vec<AuditRow>,
}

/// What a person decides about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobCommand {
    /// It is to be tried again; not where nobody knows whether it went.
    Replay,
    /// It is not to go.
    Drop,
    /// It went.
    ResolveSent,
    /// It is to go again, whether it went or not.
    ResolveAgain,
}

impl JobCommand {
    /// As the audit has it.
    const fn action(self) -> &'static str {
        match self {
            Self::Replay => "replay job",
            Self::Drop => "drop job",
            Self::ResolveSent => "resolve job as sent",
            Self::ResolveAgain => "resolve job by sending again",
        }
    }
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobMoved {
    /// It stands elsewhere now.
    Changed {
        /// Where it stood.
        before: SendState,
        /// Where it stands.
        after: SendState,
    },
    /// It is so already.
    Unchanged(SendState),
    /// What was commanded does not fit where it stands.
    Refused(JobRefused),
    /// There is none.
    Missing,
}

/// Why a command does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobRefused {
    /// It stands where the command means nothing.
    State(SendState),
    /// Nobody knows whether it went: that is to be decided.
    IsUnknown,
    /// It is known how it ended, or that it did not go.
    IsKnown(SendState),
    /// It is on the belt: a worker may have it.
    OnTheBelt,
    /// Its activation has ended for good.
    Ended(ActivationState),
    /// Its activation is complete, and another one of the same package is live, or the version was recalled.
    CannotReopen,
    /// Somebody else, or a late answer, moved it at the same moment.
    Moved,
}

/// The most events and audit rows of a story.
const MOST: i64 = 1_000;

fn stuck(row: &AnyRow) -> Result<StuckJob> {
    Ok(StuckJob {
        send: SendId::new(row.int("send_id")?),
        activation: ActivationId::new(row.int("activation_id")?),
        vendor: row.parsed("vendor_id")?,
        company: row.parsed("company_id")?,
        partner: row.parsed("partner_id")?,
        partner_key: row.text("partner_key")?,
        package: row.text("slug")?,
        step: row.parsed("step_key")?,
        occurrence: row.small("occurrence")?,
        state: row.parsed("state")?,
        reason: row.text("reason")?,
        attempts: row.small("attempts")?,
        due_at: row.time("due_at")?,
    })
}

impl Store {
    /// A page of stuck jobs, by number, behind `after`: what is held or failed for these reasons, and where `unknown` is one
    /// of them what is tried again though nobody knows whether it went.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn stuck_jobs(
        &self,
        of: &StuckOf<'_>,
        after: Option<SendId>,
        limit: i64,
    ) -> Result<Vec<StuckJob>> {
        let (vendor, company) = match of.walk {
            Walk::All => ("", ""),
            Walk::Vendor(vendor) => (vendor.as_str(), ""),
            Walk::Company(company, vendor) => {
                (vendor.map_or("", VendorId::as_str), company.as_str())
            }
        };
        let ended = matches!(of.state, None | Some(SendState::Held | SendState::Failed));
        let open = matches!(of.state, None | Some(SendState::Due | SendState::Queued));
        let mut jobs = Vec::new();
        let mut connection = self.read().await?;
        for reason in of.reasons {
            let texts: [Option<&'static str>; 2] = [
                ended.then_some(sql!("send/stuck_page.sql")),
                (open && *reason == StuckReason::Unknown).then_some(sql!("send/unknown_page.sql")),
            ];
            for (text, is_ended) in texts.into_iter().zip([true, false]) {
                let Some(text) = text else { continue };
                let mut query = sqlx::query(text)
                    .bind(reason.as_str())
                    .bind(after.map_or(0, SendId::get))
                    .bind(limit)
                    .bind(vendor.to_owned())
                    .bind(company.to_owned())
                    .bind(of.partner.map_or("", PartnerId::as_str).to_owned())
                    .bind(of.package.map_or("", PackageId::as_str).to_owned())
                    .bind(of.activation.map_or(0, ActivationId::get));
                if is_ended {
                    query = query.bind(of.state.map_or("", SendState::as_str));
                }
                for row in query.fetch_all(&mut *connection).await? {
                    jobs.push(stuck(&row)?);
                }
            }
        }
        jobs.sort_by_key(|job| job.send);
        jobs.dedup_by_key(|job| job.send);
        if let Some(state) = of.state {
            jobs.retain(|job| job.state == state);
        }
        jobs.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(jobs)
    }

    /// All that the book has of one send.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn job_story(&self, id: SendId) -> Result<Option<JobStory>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("send/job.sql"))
            .bind(id.get())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let events = sqlx::query(sql!("event/of_send.sql"))
            .bind(id.get())
            .bind(MOST)
            .fetch_all(&mut *connection)
            .await?;
        let audit = sqlx::query(sql!("audit/of_subject.sql"))
            .bind(id.to_string())
            .bind(MOST)
            .fetch_all(&mut *connection)
            .await?;
        let claim = |column| -> Result<_> { Ok(row.opt_int(column)?.map(ClaimNumber::from_i64)) };
        Ok(Some(JobStory {
            job: stuck(&row)?,
            partner_name: row.text("partner_name")?,
            version: row.int("number")?,
            address: row.text("address")?,
            provider: row.text("provider")?,
            claim: claim("claim")?,
            accepted_claim: claim("accepted_claim")?,
            duplicates: row.small("duplicates")?,
            fed_at: row.opt_time("fed_at")?,
            first_fed_at: row.opt_time("first_fed_at")?,
            not_before: row.opt_time("not_before")?,
            activation_state: row.parsed("activation_state")?,
            events: events.iter().map(event).collect::<Result<_>>()?,
            audit: audit.iter().map(audit_row).collect::<Result<_>>()?,
        }))
    }

    /// How many sends were set aside and wait for a person.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn set_aside_count(&self) -> Result<i64> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("send/count_set_aside.sql")).fetch_one(&mut *connection).await?;
        row.int("sends")
    }

    /// Does to jobs what a person decided, in one transaction; answers what became of each, in the same order. `note` is what
    /// the person said about it; `now` is campaign time, `at` the clock of the audit.
    ///
    /// # Errors
    /// When the book fails; then nothing was moved.
    pub async fn command_jobs(
        &self,
        sends: &[SendId],
        command: JobCommand,
        who: &str,
        note: &str,
        now: UtcMillis,
        at: UtcMillis,
    ) -> Result<Vec<JobMoved>> {
        let mut tx = self.begin_write().await?;
        // First, as the counts ask for: an acceptance takes a number of the events', and others wait for that.
        if command == JobCommand::ResolveSent {
            tx.lock_counts().await?;
        }
        let mut reopened = Reopened::default();
        let jobs = tx.read_stuck(sends).await?;
        let mut moved: Vec<JobMoved> = Vec::with_capacity(sends.len());
        let mut moving: Vec<&Stuck> = Vec::new();
        for send in sends {
            let what = match jobs.get(send) {
                None => JobMoved::Missing,
                Some(job) => match decide(job, command) {
                    JobMoved::Changed { before, after } => {
                        match tx.goes_on(job, after, &mut reopened, who, at).await? {
                            None => {
                                moving.push(job);
                                JobMoved::Changed { before, after }
                            }
                            Some(refused) => JobMoved::Refused(refused),
                        }
                    }
                    other => other,
                },
            };
            moved.push(what);
        }
        let written = match command {
            JobCommand::ResolveSent => tx.accept(&moving, who, now).await?,
            _ => tx.unstick(&moving, command, now).await?,
        };
        for (send, what) in sends.iter().zip(&mut moved) {
            let JobMoved::Changed { before, .. } = what else { continue };
            if !written.contains(send) {
                *what = JobMoved::Refused(JobRefused::Moved);
                continue;
            }
            let reason = &jobs[send].reason;
            let detail = format!("{before} {reason}: {note}");
            let detail = detail.trim_end_matches([':', ' ']);
            tx.write_audit(at, who, command.action(), &send.to_string(), detail).await?;
        }
        if command == JobCommand::Drop {
            let mut touched: Vec<ActivationId> = moving.iter().map(|job| job.activation).collect();
            touched.sort_unstable();
            touched.dedup();
            tx.complete(&touched, now).await?;
        }
        tx.commit().await?;
        Ok(moved)
    }
}

/// A job as a command finds it.
#[derive(Debug)]
struct Stuck {
    send: SendId,
    activation: ActivationId,
    partner: PartnerId,
    activation_state: ActivationState,
    state: SendState,
    reason: String,
    claim: Option<ClaimNumber>,
    due_at: UtcMillis,
    not_before: Option<UtcMillis>,
    /// The last that was heard of it is that nobody knows whether it went.
    is_unknown: bool,
}

/// Activations that were asked for in this transaction: whether they go on.
type Reopened = HashMap<ActivationId, Option<JobRefused>>;

/// What a command would do to a job, from where it stands.
fn decide(job: &Stuck, command: JobCommand) -> JobMoved {
    use SendState::{Cancelled, Due, Failed, Held, Queued, Sent};
    let to = |after| JobMoved::Changed { before: job.state, after };
    let refused = |why| JobMoved::Refused(why);
    let held_unknown = job.state == Held && job.reason == StuckReason::Unknown.as_str();
    let open_unknown = job.state == Due && job.is_unknown;
    match (command, job.state) {
        (JobCommand::Replay, Held) if held_unknown => refused(JobRefused::IsUnknown),
        (JobCommand::Replay, Held | Failed) => to(Due),
        // It goes by itself.
        (JobCommand::Replay, Due | Queued) => JobMoved::Unchanged(job.state),
        (JobCommand::Drop, Held | Failed) => to(Cancelled),
        (JobCommand::Drop, Due) if open_unknown => to(Cancelled),
        (JobCommand::Drop, Cancelled) if job.reason == DROPPED => JobMoved::Unchanged(Cancelled),
        (JobCommand::ResolveSent, Held | Due) if held_unknown || open_unknown => to(Sent),
        (JobCommand::ResolveSent, Sent) => JobMoved::Unchanged(Sent),
        (JobCommand::ResolveAgain, Held | Due) if held_unknown || open_unknown => to(Due),
        (JobCommand::ResolveAgain, Due | Queued) if job.is_unknown => {
            JobMoved::Unchanged(job.state)
        }
        (_, Queued) => refused(JobRefused::OnTheBelt),
        (JobCommand::ResolveSent | JobCommand::ResolveAgain, state) => {
            refused(JobRefused::IsKnown(state))
        }
        (_, state) => refused(JobRefused::State(state)),
    }
}

/// The reason of what a person dropped.
const DROPPED: &str = "dropped";

impl WriteTx {
    async fn read_stuck(&mut self, sends: &[SendId]) -> Result<HashMap<SendId, Stuck>> {
        let mut rows = Rows::new(1, sends.len());
        for send in sends {
            rows.push([Value::Int(send.get())]);
        }
        let engine = self.engine;
        let rows = rows.fetch(engine, self.connection(), sql!("send/stuck_read_many.sql")).await?;
        rows.iter()
            .map(|row| {
                let send = SendId::new(row.int("send_id")?);
                let job = Stuck {
                    send,
                    activation: ActivationId::new(row.int("activation_id")?),
                    partner: row.parsed("partner_id")?,
                    activation_state: row.parsed("activation_state")?,
                    state: row.parsed("state")?,
                    reason: row.text("reason")?,
                    claim: row.opt_int("claim")?.map(ClaimNumber::from_i64),
                    due_at: row.time("due_at")?,
                    not_before: row.opt_time("not_before")?,
                    is_unknown: row.flag("is_unknown")?,
                };
                Ok((send, job))
            })
            .collect()
    }

    /// Whether the activation of a job that is to go again goes on; a complete one is opened again.
    async fn goes_on(
        &mut self,
        job: &Stuck,
        after: SendState,
        reopened: &mut Reopened,
        who: &str,
        at: UtcMillis,
    ) -> Result<Option<JobRefused>> {
        if after != SendState::Due {
            return Ok(None);
        }
        if let Some(known) = reopened.get(&job.activation) {
            return Ok(*known);
        }
        let refused = match job.activation_state {
            ActivationState::Scheduled | ActivationState::Running | ActivationState::Paused => None,
            ActivationState::Completed => {
                let row = sqlx::query(sql!("activation/reopen.sql"))
                    .bind(job.activation.get())
                    .fetch_optional(self.connection())
                    .await?;
                if row.is_some() {
                    let subject = job.activation.to_string();
                    self.write_audit(at, who, "reopen activation", &subject, "").await?;
                }
                row.is_none().then_some(JobRefused::CannotReopen)
            }
            ended => Some(JobRefused::Ended(ended)),
        };
        reopened.insert(job.activation, refused);
        Ok(refused)
    }

    /// Moves jobs to where a command puts them; answers those that were still as they had been read.
    async fn unstick(
        &mut self,
        jobs: &[&Stuck],
        command: JobCommand,
        now: UtcMillis,
    ) -> Result<Vec<SendId>> {
        let mut rows = Rows::new(6, jobs.len());
        for job in jobs {
            let (state, reason, due_at) = match command {
                JobCommand::Drop => (SendState::Cancelled, DROPPED, job.due_at),
                // The time a new schedule gave it is kept.
                _ => (SendState::Due, "", job.not_before.map_or(now, |at| at.max(now))),
            };
            rows.push([
                Value::Int(job.send.get()),
                job.state.as_str().into(),
                job.reason.as_str().into(),
                state.as_str().into(),
                reason.into(),
                Value::Int(due_at.get()),
            ]);
        }
        let engine = self.engine;
        let rows = rows.fetch(engine, self.connection(), sql!("send/unstick_many.sql")).await?;
        rows.iter().map(|row| Ok(SendId::new(row.int("send_id")?))).collect()
    }

    /// Records jobs as accepted on a person's word, as if the relay had said so under the claim of which nothing is known: what
    /// the worker says late is then the same event.
    async fn accept(&mut self, jobs: &[&Stuck], who: &str, now: UtcMillis) -> Result<Vec<SendId>> {
        let outcomes: Vec<StreamedOutcome> = jobs
            .iter()
            .map(|job| StreamedOutcome {
                position: String::new(),
                record: OutcomeRecord {
                    v: domain::job::VERSION,
                    send: job.send,
                    activation: job.activation,
                    partner: job.partner.clone(),
                    claim: job.claim.unwrap_or(ClaimNumber::new(0, 0)),
                    on_unknown: OnUnknown::Hold,
                    outcome: Outcome::Done(Answer::note(&format!("resolved as sent by {who}"))),
                },
                at: now,
            })
            .collect();
        if outcomes.is_empty() {
            return Ok(Vec::new());
        }
        let never = GiveUp { after: std::time::Duration::MAX };
        self.record_outcomes(&outcomes, never).await?;
        Ok(jobs.iter().map(|job| job.send).collect())
    }
}
