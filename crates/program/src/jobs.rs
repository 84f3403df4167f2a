//! `jobs`: what is set aside, held, unknown or failed; the story of one job; and what a person decides about it.

use domain::{
    ActivationId, ActivationState, ClaimNumber, EventKind, PackageId, PartnerId, SendId, SendState,
    StepKey, StuckReason, UtcMillis, VendorId,
};
use serde::Serialize;
use store::{AuditRow, Event, JobCommand, JobMoved, JobRefused, JobStory, StuckJob, StuckOf, Walk};

use crate::{
    actor::Actor,
    error::{Error, Result},
    events::EventLine,
    list::{Page, PageOf},
    program::Program,
};

/// Jobs that are moved in one transaction.
const AT_ONCE: usize = 200;
/// The most refusals that are named.
const MOST_REFUSED: usize = 20;

/// Which jobs are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobsOf {
    /// Of this vendor.
    pub vendor: Option<VendorId>,
    /// In this state; `None` for any.
    pub state: Option<SendState>,
    /// For this reason; `None` for all that are ours to mend: what a relay refused is left out.
    pub reason: Option<StuckReason>,
    /// Of this partner.
    pub partner: Option<PartnerId>,
    /// Of this package.
    pub package: Option<PackageId>,
    /// Of this activation.
    pub activation: Option<ActivationId>,
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobLine {
    /// The job: a send's id.
    pub job: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// Its partner.
    pub partner: PartnerId,
    /// The vendor's key for the partner.
    pub partner_key: String,
    /// The package's name (slug).
    pub package: String,
    /// The step.
    pub step: StepKey,
    /// Which time round.
    pub occurrence: u32,
    /// Where it stands.
    pub state: SendState,
    /// Why; `unknown` also for what is tried again though nobody knows whether it went.
    pub reason: String,
    /// Attempts that were charged.
    pub attempts: u32,
    /// When it was, or is, due, in campaign time.
    pub due_at: UtcMillis,
}

/// The story of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobView {
    /// The job.
    #[serde(flatten)]
    pub line: JobLine,
    /// The partner's name.
    pub partner_name: String,
    /// Which one of the package's versions.
    pub version: i64,
    /// Where its activation stands.
    pub activation_state: ActivationState,
    /// Whom it is for; `None` for a vendor: the contacts are the company's.
    pub address: Option<String>,
    /// The highest number under which it was handed out and was heard of again.
    pub claim: Option<ClaimNumber>,
    /// Under which it was accepted.
    pub accepted_claim: Option<ClaimNumber>,
    /// Acceptances beyond the first.
    pub duplicates: u32,
    /// When it was first fed to the belt since it was last put back.
    pub first_fed_at: Option<UtcMillis>,
    /// When it was last fed.
    pub fed_at: Option<UtcMillis>,
    /// The time a new schedule gave it: it goes no sooner.
    pub not_before: Option<UtcMillis>,
    /// What happened to it, oldest first, each with the number of the hand-out that it ended.
    pub events: Vec<JobEvent>,
    /// What people did to it, oldest first.
    pub done: Vec<JobDeed>,
    /// Where it is on the belt right now.
    pub belt: JobPlace,
}

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobEvent {
    /// When, in campaign time.
    pub at: UtcMillis,
    /// What.
    pub kind: EventKind,
    /// The hand-out it ended; `None` for what no hand-out ended.
    pub claim: Option<ClaimNumber>,
    /// What the other side said, as it was recorded; null for a vendor.
    pub detail: serde_json::Value,
}

/// Something somebody did to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobDeed {
    /// When.
    pub at: UtcMillis,
    /// Who.
    pub who: String,
    /// What.
    pub action: String,
    /// Where it stood, and what was said about it.
    pub detail: String,
}

/// Where a job is on the belt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum JobPlace {
    /// Not on the belt.
    Nowhere,
    /// It waits on its lane.
    Waiting {
        /// How many processes died holding it.
        deaths: u32,
    },
    /// It waits out a short delay.
    Delayed {
        /// How many processes died holding it.
        deaths: u32,
    },
    /// A worker has it.
    InHand {
        /// Which one; `None` for those who do not run the installation.
        worker: Option<String>,
        /// Whether its content may be on the wire.
        on_the_wire: bool,
        /// How many processes died holding it before.
        deaths: u32,
    },
    /// The belt can't be asked.
    Unknown,
}

/// What a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDecision {
    /// What.
    pub command: JobCommand,
    /// What the person says about it; may be empty.
    pub note: String,
}

/// What became of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobDone {
    /// The job.
    pub job: SendId,
    /// Where it stood.
    pub before: SendState,
    /// Where it stands.
    pub after: SendState,
    /// Whether anything changed.
    pub changed: bool,
}

/// What became of many.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JobsDone {
    /// Jobs that were found.
    pub found: u64,
    /// Those that stand elsewhere now.
    pub changed: u64,
    /// Those for which the decision does not fit, or which somebody else moved.
    pub refused: u64,
    /// The first of these, and why.
    pub refusals: Vec<JobRefusal>,
}

/// Why one of many was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobRefusal {
    /// The job.
    pub job: SendId,
    /// Why.
    pub why: String,
}

impl From<StuckJob> for JobLine {
    fn from(job: StuckJob) -> Self {
        let reason = match job.state {
            SendState::Due | SendState::Queued => StuckReason::Unknown.as_str().to_owned(),
            _ => job.reason,
        };
        Self {
            job: job.send,
            activation: job.activation,
            vendor: job.vendor,
            partner: job.partner,
            partner_key: job.partner_key,
            package: job.package,
            step: job.step,
            occurrence: job.occurrence,
            state: job.state,
            reason,
            attempts: job.attempts,
            due_at: job.due_at,
        }
    }
}

impl From<Event> for JobEvent {
    fn from(event: Event) -> Self {
        let claim = (event.source_number > 0).then(|| ClaimNumber::from_i64(event.source_number));
        let line = EventLine::from(event);
        Self { at: line.at, kind: line.kind, claim, detail: line.detail }
    }
}

impl From<AuditRow> for JobDeed {
    fn from(row: AuditRow) -> Self {
        Self { at: row.at, who: row.who, action: row.action, detail: row.detail }
    }
}

impl Program {
    /// Stuck jobs, by number: those of a vendor's program, of a company, or all.
    ///
    /// # Errors
    /// The vendor is none of the actor's, or what was asked for can't be stuck.
    pub async fn list_jobs(
        &self,
        actor: &Actor,
        of: &JobsOf,
        page: &PageOf<SendId>,
    ) -> Result<Page<JobLine, SendId>> {
        let jobs = self.stuck(actor, of, page.after, page.rows()).await?;
        let lines = jobs.into_iter().map(JobLine::from).collect();
        Ok(page.page(lines, |line: &JobLine| line.job))
    }

    async fn stuck(
        &self,
        actor: &Actor,
        of: &JobsOf,
        after: Option<SendId>,
        rows: i64,
    ) -> Result<Vec<StuckJob>> {
        let walk: Walk<'_> = self.walk(actor, of.vendor.as_ref()).await?;
        let reasons: Vec<StuckReason> = match of.reason {
            Some(reason) => vec![reason],
            None => StuckReason::ALL.iter().copied().filter(|reason| reason.is_ours()).collect(),
        };
        let stuck = StuckOf {
            walk,
            state: of.state,
            reasons: &reasons,
            partner: of.partner.as_ref(),
            package: of.package.as_ref(),
            activation: of.activation,
        };
        let jobs = self.store().stuck_jobs(&stuck, after, rows).await;
        jobs.map_err(Error::book("look for the jobs"))
    }

    /// The whole story of a job: any send, stuck or not.
    ///
    /// # Errors
    /// There is none that the actor may see.
    pub async fn job(&self, actor: &Actor, id: SendId) -> Result<JobView> {
        let story = self.require_job(actor, id).await?;
        let belt = self.place(actor, id).await;
        let is_vendor = matches!(actor, Actor::Vendor(_));
        let mut events: Vec<JobEvent> = story.events.into_iter().map(JobEvent::from).collect();
        if is_vendor {
            // A relay's answer may name the recipient, and the contacts are the company's.
            events.iter_mut().for_each(|event| event.detail = serde_json::Value::Null);
        }
        let is_open = !story.job.state.is_final();
        let last_is_unknown = story.claim.is_some()
            && events.iter().any(|it| it.kind == EventKind::Unknown && it.claim == story.claim);
        let mut line = JobLine::from(story.job);
        if is_open && !last_is_unknown {
            line.reason = String::new();
        }
        Ok(JobView {
            line,
            partner_name: story.partner_name,
            version: story.version,
            activation_state: story.activation_state,
            address: (!is_vendor).then_some(story.address),
            claim: story.claim,
            accepted_claim: story.accepted_claim,
            duplicates: story.duplicates,
            first_fed_at: story.first_fed_at,
            fed_at: story.fed_at,
            not_before: story.not_before,
            events,
            done: story.audit.into_iter().map(JobDeed::from).collect(),
            belt,
        })
    }

    /// Does what a person decided about one job. Doing it twice changes nothing the second time.
    ///
    /// # Errors
    /// There is no such job in a program that the actor runs; the decision does not fit where it stands; a worker
    /// has it.
    pub async fn decide_job(
        &self,
        actor: &Actor,
        id: SendId,
        decision: &JobDecision,
    ) -> Result<JobDone> {
        let story = self.require_job(actor, id).await?;
        if !actor.runs(&story.job.vendor) {
            return Err(Error::not_found("job", id));
        }
        let before = story.job.state;
        let moved = self.command_jobs(actor, &[id], decision).await?;
        match moved.into_iter().next() {
            None | Some(JobMoved::Missing) => Err(Error::not_found("job", id)),
            Some(JobMoved::Refused(why)) => {
                Err(Error::Conflict { why: format!("{id} {}", refusal(why, decision.command)) })
            }
            Some(JobMoved::Unchanged(state)) => {
                Ok(JobDone { job: id, before, after: state, changed: false })
            }
            Some(JobMoved::Changed { before, after }) => {
                Ok(JobDone { job: id, before, after, changed: true })
            }
        }
    }

    /// Does what a person decided about all jobs that are asked for, in bounded transactions. Those for which it does not
    /// fit are left as they are, and counted. `on_progress` hears of each part.
    ///
    /// # Errors
    /// As [`Program::list_jobs`]; a company decides nothing. What was done before stays done.
    pub async fn decide_jobs(
        &self,
        actor: &Actor,
        of: &JobsOf,
        decision: &JobDecision,
        on_progress: &mut (dyn FnMut(&JobsDone) + Send),
    ) -> Result<JobsDone> {
        if let Actor::Company(company) = actor {
            return Err(Error::not_found("vendor of company", company));
        }
        let mut done = JobsDone::default();
        let mut after = None;
        loop {
            let jobs = self.stuck(actor, of, after, AT_ONCE as i64).await?;
            let Some(last) = jobs.last() else { return Ok(done) };
            after = Some(last.send);
            let ids: Vec<SendId> = jobs.iter().map(|job| job.send).collect();
            let moved = self.command_jobs(actor, &ids, decision).await?;
            done.found += ids.len() as u64;
            for (job, moved) in ids.iter().zip(moved) {
                match moved {
                    JobMoved::Changed { .. } => done.changed += 1,
                    JobMoved::Unchanged(_) | JobMoved::Missing => {}
                    JobMoved::Refused(why) => {
                        done.refused += 1;
                        if done.refusals.len() < MOST_REFUSED {
                            let why = refusal(why, decision.command);
                            done.refusals.push(JobRefusal { job: *job, why });
                        }
                    }
                }
            }
            on_progress(&done);
        }
    }

    async fn command_jobs(
        &self,
        actor: &Actor,
        ids: &[SendId],
        decision: &JobDecision,
    ) -> Result<Vec<JobMoved>> {
        let held = self.in_hands(ids).await;
        let free: Vec<SendId> = ids.iter().copied().filter(|id| !held.contains(id)).collect();
        let now = self.campaign_now().await?;
        let (who, note) = (actor.to_string(), one_line(&decision.note));
        let moved = self
            .store()
            .command_jobs(&free, decision.command, &who, &note, now, self.now())
            .await
            .map_err(Error::book("do that to the job"))?;
        if moved.iter().any(|it| matches!(it, JobMoved::Changed { after: SendState::Due, .. })) {
            self.ring("feed").await;
        }
        let mut moved = moved.into_iter();
        let of = |id: &SendId| match held.contains(id) {
            true => Some(JobMoved::Refused(JobRefused::OnTheBelt)),
            false => moved.next(),
        };
        Ok(ids.iter().filter_map(of).collect())
    }

    /// Those of these jobs that workers hold, as far as the belt can be asked. Where it can't, the book decides: what it calls
    /// held or failed is in nobody's hands, unless a worker that was given up comes back.
    async fn in_hands(&self, ids: &[SendId]) -> Vec<SendId> {
        let Some(places) = self.ask_belt(|belt| async move { belt.find(ids).await }).await else {
            return Vec::new();
        };
        let held = ids.iter().zip(places);
        held.filter(|(_, place)| matches!(place, belt::Place::Hand { .. }))
            .map(|(id, _)| *id)
            .collect()
    }

    async fn place(&self, actor: &Actor, id: SendId) -> JobPlace {
        let asked = self.ask_belt(|belt| async move {
            Ok((belt.find(&[id]).await?.into_iter().next(), belt.deaths(id).await?))
        });
        match asked.await {
            None => JobPlace::Unknown,
            Some((None | Some(belt::Place::Nowhere), _)) => JobPlace::Nowhere,
            Some((Some(belt::Place::Lane), deaths)) => JobPlace::Waiting { deaths },
            Some((Some(belt::Place::Delayed), deaths)) => JobPlace::Delayed { deaths },
            Some((Some(belt::Place::Hand { worker, marked }), deaths)) => JobPlace::InHand {
                worker: (*actor == Actor::Ops).then(|| worker.to_string()),
                on_the_wire: marked,
                deaths,
            },
        }
    }

    async fn require_job(&self, actor: &Actor, id: SendId) -> Result<JobStory> {
        let story = self.store().job_story(id).await.map_err(Error::book("read the job"))?;
        story
            .filter(|story| actor.sees(&story.job.vendor, &story.job.company))
            .ok_or_else(|| Error::not_found("job", id))
    }
}

/// What a person said, as it is kept: at most 200 characters, nothing that moves a cursor.
fn one_line(note: &str) -> String {
    note.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why a decision does not fit, after the job's name.
fn refusal(why: JobRefused, command: JobCommand) -> String {
    let verb = match command {
        JobCommand::Replay => "replayed",
        JobCommand::Drop => "dropped",
        JobCommand::ResolveSent | JobCommand::ResolveAgain => "resolved",
    };
    match why {
        JobRefused::State(SendState::Due) => {
            format!(
                "is due and goes by itself: it can't be {verb}; cancel or pause its activation instead"
            )
        }
        JobRefused::State(state) => format!("is {state} and can't be {verb}"),
        JobRefused::IsUnknown => {
            "may have gone, nobody knows: resolve it as sent, or send it again".to_owned()
        }
        JobRefused::IsKnown(state) => {
            format!("is {state}, and there is nothing unknown about it to be resolved")
        }
        JobRefused::OnTheBelt => {
            format!("is on the belt, where a worker may have it: it can't be {verb} now")
        }
        JobRefused::Ended(state) => format!("belongs to an activation that is {state}"),
        JobRefused::CannotReopen => {
            "belongs to a completed activation that can't go on: another one of the same package \
             is live, or its version was recalled"
                .to_owned()
        }
        JobRefused::Moved => "was moved by somebody else at the same moment; look again".to_owned(),
    }
}
