//! `results`: what came back of one activation, per step and over time, people's and machines' apart.

mod persons;
mod series;
mod table;

use std::collections::BTreeMap;

use domain::{
    ActivationId, ActivationState, PartnerId, SendState, StepKey, UtcMillis, VendorId,
    results::{ResultKind, Who},
};
use serde::Serialize;
use store::{Activation, EndedSends, LinkCount, ResultCount};

pub use self::{
    persons::{PersonLine, PersonPage, PersonsCursor, PersonsOf},
    series::{Bucket, Line, Series, SeriesUnit},
};
use crate::{
    actor::Actor,
    error::{Error, Result},
    program::Program,
};

/// What came back of one activation.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    /// The activation.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// The package's name (slug).
    pub package: String,
    /// Its name for people.
    pub package_name: String,
    /// Its partner.
    pub partner: PartnerId,
    /// The vendor's key for the partner.
    pub partner_key: String,
    /// The partner's name.
    pub partner_name: String,
    /// Where it stands.
    pub state: ActivationState,
    /// When it starts or started, in campaign time.
    pub start_at: UtcMillis,
    /// Persons on its list; `None` until its audience is expanded to the end.
    pub audience: Option<u64>,
    /// Whether everything that came back is in these counts. It is not for a while after an older book was
    /// brought up to date.
    pub is_complete: bool,
    /// Over all steps. A person who got three steps counts three times.
    pub total: Figures,
    /// Step by step, in the package's order.
    pub steps: Vec<StepResults>,
    /// Over time, over all steps.
    pub series: Series,
    /// Clicks by link, in the order of steps and links.
    pub links: Vec<LinkResults>,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub struct StepResults {
    /// Its key.
    pub step: StepKey,
    /// What came back of it.
    pub figures: Figures,
    /// Over time, in the buckets of [`Results::series`].
    pub lines: Vec<Line>,
}

/// How often, and of how many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Came {
    /// How often.
    pub events: u64,
    /// Of how many messages.
    pub messages: u64,
}

impl std::ops::AddAssign for Came {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.messages += other.messages;
    }
}

impl From<domain::results::Tally> for Came {
    fn from(tally: domain::results::Tally) -> Self {
        Self { events: unsigned(tally.events), messages: unsigned(tally.messages) }
    }
}

/// The same by whose doing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CameBy {
    /// People's, as far as can be told.
    pub human: Came,
    /// Programs': scanners, and what loads ahead of people.
    pub machine: Came,
}

/// Messages, by what became of them, and what came back.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    /// Messages a relay took.
    pub sent: u64,
    /// Of these, those that are not known to have bounced after it.
    pub delivered: u64,
    /// Messages that were refused for good, at once or later.
    pub bounced: u64,
    /// Messages whose recipients asked for no more.
    pub unsubscribed: u64,
    /// Messages that did not go: refused at once, or given up.
    pub failed: u64,
    /// Messages that were decided against.
    pub skipped: u64,
    /// Messages that wait for a person's decision.
    pub held: u64,
    /// Messages that were stopped before they went.
    pub cancelled: u64,
    /// Why messages did not go, by state and reason.
    pub reasons: BTreeMap<SendState, BTreeMap<String, u64>>,
    /// Opens.
    pub opens: CameBy,
    /// Clicks.
    pub clicks: CameBy,
    /// What is worth comparing; people's only.
    pub rates: Rates,
}

/// Shares of messages.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Rates {
    /// Delivered, of sent.
    pub delivered: Rate,
    /// Bounced, of those that were sent or failed.
    pub bounced: Rate,
    /// Opened by people, of delivered.
    pub opened: Rate,
    /// Clicked by people, of delivered.
    pub clicked: Rate,
    /// Unsubscribed, of delivered.
    pub unsubscribed: Rate,
}

/// A share of messages.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Rate {
    /// How many messages.
    pub messages: u64,
    /// Of how many.
    pub of: u64,
    /// What these are.
    pub denominator: Denominator,
    /// The one by the other; `None` of none.
    pub fraction: Option<f64>,
}

/// Of what a rate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Denominator {
    /// Messages that were delivered.
    #[default]
    Delivered,
    /// Messages a relay took.
    Sent,
    /// Messages a relay took, and those that failed.
    SentOrFailed,
}

impl Rate {
    fn new(messages: u64, of: u64, denominator: Denominator) -> Self {
        let fraction = (of > 0).then(|| messages as f64 / of as f64);
        Self { messages, of, denominator, fraction }
    }
}

/// Clicks on one link of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkResults {
    /// The step.
    pub step: StepKey,
    /// Which link of the message it is; the first has number 1.
    pub link: u16,
    /// Where it leads.
    pub url: String,
    /// Clicks on it.
    pub clicks: CameBy,
}

impl CameBy {
    fn add(&mut self, who: Who, came: Came) {
        match who {
            Who::Human => self.human += came,
            Who::Machine | Who::Mail => self.machine += came,
        }
    }
}

impl Figures {
    fn count(&mut self, count: &ResultCount) {
        let came = Came::from(count.tally);
        match count.kind {
            ResultKind::Accepted => self.sent += came.messages,
            ResultKind::Delivered => self.delivered += came.messages,
            ResultKind::Bounced => self.bounced += came.messages,
            ResultKind::Unsubscribed => self.unsubscribed += came.messages,
            ResultKind::Opened => self.opens.add(count.who, came),
            ResultKind::Clicked => self.clicks.add(count.who, came),
        }
    }

    fn end(&mut self, ended: &EndedSends) {
        let sends = unsigned(ended.sends);
        match ended.state {
            SendState::Failed => self.failed += sends,
            SendState::Skipped => self.skipped += sends,
            SendState::Held => self.held += sends,
            SendState::Cancelled => self.cancelled += sends,
            SendState::Due | SendState::Queued | SendState::Sent => return,
        }
        if !ended.reason.is_empty() {
            let reasons = self.reasons.entry(ended.state).or_default();
            *reasons.entry(ended.reason.clone()).or_default() += sends;
        }
    }

    fn rate(&mut self) {
        let of_delivered = |messages| Rate::new(messages, self.delivered, Denominator::Delivered);
        self.rates = Rates {
            delivered: Rate::new(self.delivered, self.sent, Denominator::Sent),
            bounced: Rate::new(self.bounced, self.sent + self.failed, Denominator::SentOrFailed),
            opened: of_delivered(self.opens.human.messages),
            clicked: of_delivered(self.clicks.human.messages),
            unsubscribed: of_delivered(self.unsubscribed),
        };
    }
}

impl Program {
    /// What came back of an activation. Counts only: who it was, [`Program::result_persons`] says, and not to
    /// everybody.
    ///
    /// # Errors
    /// No such activation for this actor, or the book fails.
    pub async fn results(&self, actor: &Actor, id: ActivationId) -> Result<Results> {
        let activation = self.require_activation(actor, id).await?;
        let doing = "read the results";
        let store = self.store();
        let zone = self.activation_zone(id).await?;
        let span = store.result_span(id).await.map_err(Error::book(doing))?;
        let mut series = Series::over(span, &zone);
        let counts = store.result_counts(id, &series.bounds()).await.map_err(Error::book(doing))?;
        let ended = store.ended_sends(id).await.map_err(Error::book(doing))?;
        let links = store.link_counts(id).await.map_err(Error::book(doing))?;
        let behind = store.has_uncounted().await.map_err(Error::book(doing))?;

        let order = self.step_order(&activation).await;
        let place = |step: &StepKey| {
            (order.iter().position(|known| known == step).unwrap_or(usize::MAX), step.clone())
        };
        let mut total = Figures::default();
        let mut steps: BTreeMap<(usize, StepKey), StepResults> = BTreeMap::new();
        let lines = series.empty_lines();
        let mut at_step = |step: &StepKey, count: &mut dyn FnMut(&mut StepResults)| {
            let of_step = steps.entry(place(step)).or_insert_with(|| StepResults {
                step: step.clone(),
                figures: Figures::default(),
                lines: lines.clone(),
            });
            count(of_step);
        };
        // A step that nobody has got yet is shown with nothing in it.
        for step in &order {
            at_step(step, &mut |_| {});
        }
        for count in &counts {
            total.count(count);
            series.add(count);
            let bucket = series.bucket_of(count);
            at_step(&count.step, &mut |of_step| {
                of_step.figures.count(count);
                series::add(&mut of_step.lines, bucket, count);
            });
        }
        for ended in &ended {
            total.end(ended);
            at_step(&ended.step, &mut |of_step| of_step.figures.end(ended));
        }
        let mut steps: Vec<StepResults> = steps.into_values().collect();
        total.rate();
        steps.iter_mut().for_each(|step| step.figures.rate());
        let names = self.names(&activation).await?;
        Ok(Results {
            activation: id,
            vendor: activation.vendor_id,
            package: names.package,
            package_name: names.package_name,
            partner: activation.partner_id,
            partner_key: names.partner_key,
            partner_name: names.partner_name,
            state: activation.state,
            start_at: activation.start_at,
            audience: activation.audience.and_then(|persons| u64::try_from(persons).ok()),
            is_complete: !behind,
            total,
            links: link_results(links, &steps),
            steps,
            series,
        })
    }

    /// The steps of the activation's version, in order; none if it can't be read, which is no reason to show
    /// no results.
    async fn step_order(&self, activation: &Activation) -> Vec<StepKey> {
        match self.compiled(&activation.version_hash).await {
            Ok(compiled) => compiled.package().email_steps().map(|step| step.key.clone()).collect(),
            Err(error) => {
                let (id, error) = (activation.id, &error as &dyn std::error::Error);
                tracing::warn!(activation.id = %id, error, "the activation's package can't be read");
                Vec::new()
            }
        }
    }

    async fn names(&self, activation: &Activation) -> Result<Names> {
        let doing = "read the activation";
        let partner =
            self.store().partner(&activation.partner_id).await.map_err(Error::book(doing))?;
        let packages =
            self.store().packages(&activation.vendor_id).await.map_err(Error::book(doing))?;
        let package = packages.into_iter().find(|known| known.id == activation.package_id);
        let (package, package_name) =
            package.map(|package| (package.slug, package.name)).unwrap_or_default();
        let (partner_key, partner_name) =
            partner.map(|partner| (partner.partner_key, partner.company_name)).unwrap_or_default();
        Ok(Names { package, package_name, partner_key, partner_name })
    }
}

struct Names {
    package: String,
    package_name: String,
    partner_key: String,
    partner_name: String,
}

/// Links by number and address: partners' lists differ, and so do those of languages. What leads nowhere that
/// is known is a trap for machines, or of a list that is gone.
fn link_results(counts: Vec<LinkCount>, steps: &[StepResults]) -> Vec<LinkResults> {
    let mut links: Vec<LinkResults> = Vec::new();
    for count in counts {
        let Some(url) = count.url else { continue };
        let came = Came::from(count.tally);
        let same = |known: &&mut LinkResults| {
            known.step == count.step && known.link == count.link && known.url == url
        };
        match links.iter_mut().find(same) {
            Some(known) => known.clicks.add(count.who, came),
            None => {
                let mut clicks = CameBy::default();
                clicks.add(count.who, came);
                links.push(LinkResults { step: count.step, link: count.link, url, clicks });
            }
        }
    }
    let place = |step: &StepKey| steps.iter().position(|known| known.step == *step);
    links.sort_by(|a, b| (place(&a.step), a.link, &a.url).cmp(&(place(&b.step), b.link, &b.url)));
    links
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
