//! `status`: where every activation stands, in counts that add up.

use std::collections::BTreeMap;

use domain::{
    ActivationId, ActivationState, PartnerId, SendId, SendState, StepKey, UtcMillis, VendorId,
    VersionId,
};
use serde::Serialize;
use store::{Activation, ActivationSummary, SendCount};

use crate::{
    actor::Actor,
    control::{PauseLine, Pauses},
    engagement::Engagement,
    error::{Error, Result},
    program::Program,
    results::Results,
};

/// What `status` answers.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Newest first.
    pub activations: Vec<ActivationStatus>,
    /// What is paused above them, and by whom.
    pub paused: Vec<PauseLine>,
    /// Over all of them.
    pub totals: Counts,
    /// What came back, over all of them.
    pub engagement: Engagement,
    /// The send that has been due the longest and is not on the belt; `None` when nothing is.
    pub oldest_due: Option<OldestDue>,
    /// The belt.
    pub belt: BeltView,
}

/// One activation.
#[derive(Debug, Clone, Serialize)]
pub struct ActivationStatus {
    /// Its id.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// Its partner.
    pub partner: PartnerId,
    /// The vendor's key for the partner.
    pub partner_key: String,
    /// The partner's name.
    pub partner_name: String,
    /// The partner's tier.
    pub tier: String,
    /// The package's name (slug).
    pub package: String,
    /// The package version.
    pub version: VersionId,
    /// Where it stands.
    pub state: ActivationState,
    /// What keeps it back, itself or something above it, and by whom.
    pub paused_by: Vec<PauseLine>,
    /// When it starts or started, in campaign time.
    pub start_at: UtcMillis,
    /// Persons on its list; `None` until its audience is expanded to the end.
    pub audience: Option<u64>,
    /// Over all its steps.
    pub counts: Counts,
    /// What came back.
    pub engagement: Engagement,
    /// Step by step; each step's counts add up to the audience once that is known.
    pub steps: Vec<StepStatus>,
    /// Whether they do. `None` until the audience is known.
    pub adds_up: Option<bool>,
}

/// One step of an activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepStatus {
    /// Its key.
    pub step: StepKey,
    /// Its counts.
    pub counts: Counts,
}

/// Sends by state, and by reason where the state has one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// By state; states without any are left out.
    pub by_state: BTreeMap<SendState, u64>,
    /// By state and reason, for states that have reasons.
    pub by_reason: BTreeMap<SendState, BTreeMap<String, u64>>,
    /// Acceptances beyond the first of a send.
    pub duplicates: u64,
}

impl Counts {
    /// How many are in a state.
    pub fn of(&self, state: SendState) -> u64 {
        self.by_state.get(&state).copied().unwrap_or(0)
    }

    fn add(&mut self, count: &SendCount) {
        let sends = unsigned(count.count);
        self.total += sends;
        *self.by_state.entry(count.state).or_default() += sends;
        if !count.reason.is_empty() {
            let reasons = self.by_reason.entry(count.state).or_default();
            *reasons.entry(count.reason.clone()).or_default() += sends;
        }
    }
}

impl std::ops::AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.total += other.total;
        self.duplicates += other.duplicates;
        for (state, number) in &other.by_state {
            *self.by_state.entry(*state).or_default() += number;
        }
        for (state, reasons) in &other.by_reason {
            let own = self.by_reason.entry(*state).or_default();
            for (reason, number) in reasons {
                *own.entry(reason.clone()).or_default() += number;
            }
        }
    }
}

/// Where a launch stands, for who launched it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaunchStatus {
    /// The activation.
    pub activation: ActivationId,
    /// Where it stands.
    pub state: ActivationState,
    /// Persons it is for; `None` until all are known.
    pub audience: Option<u64>,
    /// Its sends, in all and by state.
    pub counts: Counts,
}

/// The send that has been due the longest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OldestDue {
    /// The send.
    pub send: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// When it fell due, in campaign time.
    pub due_at: UtcMillis,
    /// How long ago that is, in milliseconds; 0 while it is not due yet.
    pub waits_ms: u64,
}

/// How the belt is.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BeltView {
    /// It answers.
    Reachable {
        /// `closed`, `opening`, `reporting` or `open`.
        phase: String,
        /// Jobs that wait on lanes.
        queued: u64,
        /// Jobs that workers hold.
        in_hand: u64,
        /// Workers seen lately.
        workers: u64,
        /// Providers that asked for less and relays that could not be used.
        slowed: Vec<Slowed>,
    },
    /// It does not.
    Unreachable {
        /// Why.
        why: String,
    },
    /// This program was started without one, or the actor is not told.
    NotShown,
}

/// What goes slower than its limit, because of what the other side answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slowed {
    /// `provider` or `relay`.
    pub of: String,
    /// Its name.
    pub name: String,
    /// The share of its rate that may go, above 0 and at most 1; it grows back by itself.
    pub share: f64,
    /// How long nothing goes at all, in milliseconds; 0 when something does.
    pub rests_ms: u64,
    /// How often in a row a relay could not be used; 0 for one that works, and for providers.
    pub failures: u32,
}

impl From<belt::Pace> for Slowed {
    fn from(pace: belt::Pace) -> Self {
        let belt::Pace { of, name, share, rests, failures } = pace;
        let rests_ms = u64::try_from(rests.as_millis()).unwrap_or(u64::MAX);
        Self { of, name, share, rests_ms, failures }
    }
}

impl Program {
    /// Where one activation stands, or all that the actor may see.
    ///
    /// # Errors
    /// No such activation for this actor, or the book fails. A belt that can't be reached is no error:
    /// the book answers without it.
    pub async fn status(&self, actor: &Actor, activation: Option<ActivationId>) -> Result<Status> {
        let activations = match activation {
            Some(id) => vec![self.activation(actor, id).await?],
            None => self.all_activations(actor).await?,
        };
        let mut totals = Counts::default();
        let mut engagement = Engagement::default();
        for activation in &activations {
            totals += &activation.counts;
            engagement += activation.engagement;
        }
        let oldest_due = self.oldest_due(&activations).await?;
        let belt = if *actor == Actor::Ops { self.belt_view().await } else { BeltView::NotShown };
        let mut paused = self.paused(actor).await?;
        if activation.is_some() {
            paused.retain(|line| activations.iter().any(|row| row.paused_by.contains(line)));
        }
        Ok(Status { activations, paused, totals, engagement, oldest_due, belt })
    }

    /// All that the actor may see, newest first.
    async fn all_activations(&self, actor: &Actor) -> Result<Vec<ActivationStatus>> {
        let vendor = match actor {
            Actor::Vendor(vendor) => Some(vendor),
            Actor::Ops | Actor::Company(_) => None,
        };
        let doing = "count the sends";
        let mut summaries =
            self.store().activation_summaries(vendor).await.map_err(Error::book(doing))?;
        summaries.retain(|summary| {
            actor.sees(&summary.activation.vendor_id, &summary.activation.company_id)
        });
        let counts = self.store().send_counts(None, vendor).await.map_err(Error::book(doing))?;
        let mut by_activation: BTreeMap<ActivationId, Vec<SendCount>> = BTreeMap::new();
        for count in counts {
            by_activation.entry(count.activation).or_default().push(count);
        }
        let mut engagement: BTreeMap<ActivationId, Engagement> = BTreeMap::new();
        let tracked = self.store().engagement_counts(None, vendor).await;
        for count in &tracked.map_err(Error::book("count opens and clicks"))? {
            engagement.entry(count.activation).or_default().add(count);
        }
        let pauses = self.pauses_for(actor).await?;
        let status = |summary: ActivationSummary| {
            let id = summary.activation.id;
            let counts = by_activation.remove(&id).unwrap_or_default();
            let engagement = engagement.remove(&id).unwrap_or_default();
            activation_status(summary, &counts, engagement, &pauses)
        };
        Ok(summaries.into_iter().map(status).collect())
    }

    /// Where one activation stands. Reads the rows of that one alone.
    ///
    /// # Errors
    /// No such activation for this actor, or the book fails.
    pub async fn activation(&self, actor: &Actor, id: ActivationId) -> Result<ActivationStatus> {
        self.require_activation(actor, id).await?;
        let doing = "count the sends";
        let summary = self.store().activation_summary(id).await.map_err(Error::book(doing))?;
        let (summary, counts) = summary.ok_or_else(|| Error::not_found("activation", id))?;
        let mut engagement = Engagement::default();
        let tracked = self.store().engagement_counts(Some(id), None).await;
        for count in &tracked.map_err(Error::book("count opens and clicks"))? {
            engagement.add(count);
        }
        let pauses = self.pauses_for(actor).await?;
        Ok(activation_status(summary, &counts, engagement, &pauses))
    }

    /// The same in so far as a page says it that is asked for again and again: it costs as much as there is to be
    /// sent, and no more for what was sent. What was is taken from its `results`.
    pub(crate) async fn launch_status(
        &self,
        row: &Activation,
        results: &Results,
    ) -> Result<LaunchStatus> {
        let unsent = self.store().unsent_counts(row.id).await;
        let unsent = unsent.map_err(Error::book("count the sends"))?;
        let mut counts = Counts::default();
        let unsent = unsent.into_iter().map(|(state, sends)| (state, unsigned(sends)));
        for (state, sends) in unsent.chain([(SendState::Sent, results.total.sent)]) {
            counts.total += sends;
            if sends > 0 {
                *counts.by_state.entry(state).or_default() += sends;
            }
        }
        let audience = row.audience.map(unsigned);
        Ok(LaunchStatus { activation: row.id, state: row.state, audience, counts })
    }

    /// The oldest due send, if it is one of the activations shown.
    async fn oldest_due(&self, shown: &[ActivationStatus]) -> Result<Option<OldestDue>> {
        let now = self.campaign_now().await?;
        let oldest = self
            .store()
            .oldest_due(now)
            .await
            .map_err(Error::book("look for the oldest due send"))?;
        Ok(oldest.filter(|due| shown.iter().any(|row| row.activation == due.activation)).map(
            |due| OldestDue {
                send: due.send,
                activation: due.activation,
                due_at: due.due_at,
                waits_ms: u64::try_from(now.since(due.due_at).as_millis()).unwrap_or(u64::MAX),
            },
        ))
    }

    async fn belt_view(&self) -> BeltView {
        let Some(belt) = &self.parts.belt else { return BeltView::NotShown };
        let asked = async {
            let status = belt.status().await?;
            let phase = match status.phase {
                belt::Phase::Closed { .. } => "closed",
                belt::Phase::Opening { .. } => "opening",
                belt::Phase::Reporting { .. } => "reporting",
                belt::Phase::Open { .. } => "open",
            };
            Ok::<_, belt::Error>(BeltView::Reachable {
                phase: phase.to_owned(),
                queued: status.queued + status.delayed,
                in_hand: status.in_hand,
                workers: status.workers.len() as u64,
                slowed: status.paces.into_iter().map(Slowed::from).collect(),
            })
        };
        match tokio::time::timeout(std::time::Duration::from_secs(2), asked).await {
            Ok(Ok(view)) => view,
            Ok(Err(error)) => BeltView::Unreachable { why: error.to_string() },
            Err(_) => BeltView::Unreachable { why: "no answer within 2 s".to_owned() },
        }
    }
}

fn activation_status(
    summary: ActivationSummary,
    counts: &[SendCount],
    engagement: Engagement,
    pauses: &Pauses,
) -> ActivationStatus {
    let mut all = Counts { duplicates: unsigned(summary.counts.duplicates), ..Counts::default() };
    let mut steps: Vec<StepStatus> = Vec::new();
    for count in counts {
        all.add(count);
        match steps.iter_mut().find(|step| step.step == count.step) {
            Some(step) => step.counts.add(count),
            None => {
                let mut step = StepStatus { step: count.step.clone(), counts: Counts::default() };
                step.counts.add(count);
                steps.push(step);
            }
        }
    }
    let row = summary.activation;
    let paused_by = pauses.of(&row);
    let audience = row.audience.map(unsigned);
    // Two independent figures: persons counted when the audience was expanded to its end, and rows.
    let adds_up = audience.map(|audience| steps.iter().all(|step| step.counts.total == audience));
    ActivationStatus {
        activation: row.id,
        vendor: row.vendor_id,
        partner: row.partner_id,
        partner_key: summary.partner_key,
        partner_name: summary.partner_name,
        tier: summary.tier,
        package: summary.package_slug,
        version: row.version_id,
        state: row.state,
        paused_by,
        start_at: row.start_at,
        audience,
        counts: all,
        engagement,
        steps,
        adds_up,
    }
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
