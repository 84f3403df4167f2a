//! What came back of an activation: counts for everybody who sees it, persons for their company.

use std::collections::BTreeMap;

use domain::ActivationId;
use program::{
    Bucket, Came, CameBy, Figures, Line, LinkResults, PersonLine, PersonsOf, Rate, Rates, Results,
    Series, StepResults,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    activations::state,
    packages::words,
    problem::Problem,
    route::{Answer, CSV, Call},
    shape::member,
};

/// What happened to messages.
const KINDS: &[&str] = &["accepted", "delivered", "bounced", "unsubscribed", "opened", "clicked"];

/// What persons are asked for by.
pub(super) const PERSON_KINDS: &[&str] = &["clicked", "opened", "unsubscribed", "bounced"];

fn kind() -> utoipa::openapi::schema::Schema {
    words(KINDS)
}

fn person_kind() -> utoipa::openapi::schema::Schema {
    words(PERSON_KINDS)
}

fn who() -> utoipa::openapi::schema::Schema {
    words(&["mail", "human", "machine"])
}

fn unit() -> utoipa::openapi::schema::Schema {
    words(&["hour", "day"])
}

fn denominator() -> utoipa::openapi::schema::Schema {
    words(&["delivered", "sent", "sent_or_failed"])
}

/// What came back of one activation, people's and machines' apart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Results)]
pub(super) struct ResultsOut {
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
    /// Its name for people.
    package_name: String,
    #[schema(schema_with = state)]
    state: String,
    /// In campaign time, like all times of results.
    #[schema(format = DateTime)]
    start_at: String,
    /// Persons on its list; null until all of them were decided on.
    #[schema(required)]
    audience: Option<u64>,
    /// Whether everything that came back is counted. It is not for a while after an older book was brought up to date.
    is_complete: bool,
    /// Over all steps: a person who got three of them counts three times.
    total: FiguresOut,
    /// Step by step, in the package's order.
    steps: Vec<StepResultsOut>,
    /// Over time, over all steps.
    series: SeriesOut,
    /// Clicks by link, in the order of steps and links.
    links: Vec<LinkResultsOut>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StepResults)]
struct StepResultsOut {
    step: String,
    figures: FiguresOut,
    /// Over time, in the buckets of the results' series.
    lines: Vec<LineOut>,
}

/// Messages, by what became of them, and what came back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Figures)]
struct FiguresOut {
    /// Those that a relay took.
    sent: u64,
    /// Of these, those that are not known to have bounced after it.
    delivered: u64,
    /// Those that were refused for good, at once or later.
    bounced: u64,
    /// Those whose recipients asked for no more.
    unsubscribed: u64,
    /// Those that did not go: refused at once, or given up.
    failed: u64,
    /// Those that were decided against.
    skipped: u64,
    /// Those that wait for a person's decision.
    held: u64,
    /// Those that were stopped before they went.
    cancelled: u64,
    /// Why messages did not go, by state and reason.
    reasons: BTreeMap<String, BTreeMap<String, u64>>,
    opens: CameByOut,
    clicks: CameByOut,
    rates: RatesOut,
}

/// By people, as far as can be told, and by programs: scanners, and what loads ahead of people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CameBy)]
struct CameByOut {
    human: CameOut,
    machine: CameOut,
}

/// How often, and of how many messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Came)]
struct CameOut {
    events: u64,
    messages: u64,
}

/// Shares of messages; of opens and clicks, people's only.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rates)]
struct RatesOut {
    delivered: RateOut,
    bounced: RateOut,
    opened: RateOut,
    clicked: RateOut,
    unsubscribed: RateOut,
}

/// A share of messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rate)]
struct RateOut {
    /// How many messages.
    messages: u64,
    /// Of how many.
    of: u64,
    /// What these are.
    #[schema(schema_with = denominator)]
    denominator: &'static str,
    /// The one by the other; null of none.
    #[schema(required)]
    fraction: Option<f64>,
}

/// What came back over time: at most 61 buckets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Series)]
struct SeriesOut {
    /// What a bucket is a number of.
    #[schema(schema_with = unit)]
    unit: &'static str,
    /// Of how many of these.
    units_per_bucket: u32,
    /// The partner's; days are by its clocks.
    time_zone: String,
    /// Every one between the first and the last in which anything came back.
    buckets: Vec<BucketOut>,
    lines: Vec<LineOut>,
}

/// A part of the time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Bucket)]
struct BucketOut {
    #[schema(format = DateTime)]
    start: String,
    #[schema(format = DateTime)]
    end: String,
    /// How far the partner's clocks are ahead of UTC at its start, in seconds.
    offset_s: i32,
}

/// One thing over time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeriesLine)]
struct LineOut {
    #[schema(schema_with = kind)]
    kind: String,
    /// Whose doing it was; `mail` is what happened to the message itself.
    #[schema(schema_with = who)]
    who: String,
    /// For every bucket: how often, and to how many messages for the first time.
    came: Vec<CameOut>,
}

/// Clicks on one link of one step.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LinkResults)]
struct LinkResultsOut {
    step: String,
    /// Which link of the message it is, from 1.
    link: u16,
    /// Where it leads.
    url: String,
    clicks: CameByOut,
}

/// A person to whose message something happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResultPerson)]
pub(super) struct PersonOut {
    #[schema(schema_with = person_kind)]
    kind: String,
    step: String,
    /// The address, as it was given.
    email: String,
    /// May be empty.
    first_name: String,
    /// May be empty.
    last_name: String,
    #[schema(format = DateTime)]
    first_at: String,
    #[schema(format = DateTime)]
    last_at: String,
    /// How often.
    events: u64,
    #[schema(schema_with = member::send)]
    send: String,
}

/// A page of persons: by kind, and within a kind in the order of their messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResultPersonPage)]
pub(super) struct PersonsPage {
    items: Vec<PersonOut>,
    /// Give this as `cursor` to read on; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl From<Came> for CameOut {
    fn from(came: Came) -> Self {
        Self { events: came.events, messages: came.messages }
    }
}

impl From<CameBy> for CameByOut {
    fn from(by: CameBy) -> Self {
        Self { human: by.human.into(), machine: by.machine.into() }
    }
}

impl From<Rate> for RateOut {
    fn from(rate: Rate) -> Self {
        use program::Denominator::{Delivered, Sent, SentOrFailed};
        Self {
            messages: rate.messages,
            of: rate.of,
            denominator: match rate.denominator {
                Delivered => "delivered",
                Sent => "sent",
                SentOrFailed => "sent_or_failed",
            },
            fraction: rate.fraction,
        }
    }
}

impl From<Rates> for RatesOut {
    fn from(rates: Rates) -> Self {
        Self {
            delivered: rates.delivered.into(),
            bounced: rates.bounced.into(),
            opened: rates.opened.into(),
            clicked: rates.clicked.into(),
            unsubscribed: rates.unsubscribed.into(),
        }
    }
}

impl From<Figures> for FiguresOut {
    fn from(figures: Figures) -> Self {
        Self {
            sent: figures.sent,
            delivered: figures.delivered,
            bounced: figures.bounced,
            unsubscribed: figures.unsubscribed,
            failed: figures.failed,
            skipped: figures.skipped,
            held: figures.held,
            cancelled: figures.cancelled,
            reasons: figures
                .reasons
                .into_iter()
                .map(|(state, reasons)| (state.to_string(), reasons))
                .collect(),
            opens: figures.opens.into(),
            clicks: figures.clicks.into(),
            rates: figures.rates.into(),
        }
    }
}

impl From<Line> for LineOut {
    fn from(line: Line) -> Self {
        Self {
            kind: line.kind.to_string(),
            who: line.who.to_string(),
            came: line.came.into_iter().map(CameOut::from).collect(),
        }
    }
}

impl From<Bucket> for BucketOut {
    fn from(bucket: Bucket) -> Self {
        Self {
            start: bucket.start.to_string(),
            end: bucket.end.to_string(),
            offset_s: bucket.offset_s,
        }
    }
}

impl From<Series> for SeriesOut {
    fn from(series: Series) -> Self {
        use program::SeriesUnit::{Day, Hour};
        Self {
            unit: match series.unit {
                Hour => "hour",
                Day => "day",
            },
            units_per_bucket: series.units_per_bucket,
            time_zone: series.time_zone,
            buckets: series.buckets.into_iter().map(BucketOut::from).collect(),
            lines: series.lines.into_iter().map(LineOut::from).collect(),
        }
    }
}

impl From<StepResults> for StepResultsOut {
    fn from(step: StepResults) -> Self {
        Self {
            step: step.step.to_string(),
            figures: step.figures.into(),
            lines: step.lines.into_iter().map(LineOut::from).collect(),
        }
    }
}

impl From<LinkResults> for LinkResultsOut {
    fn from(link: LinkResults) -> Self {
        Self {
            step: link.step.to_string(),
            link: link.link,
            url: link.url,
            clicks: link.clicks.into(),
        }
    }
}

impl From<Results> for ResultsOut {
    fn from(results: Results) -> Self {
        Self {
            activation: results.activation.to_string(),
            vendor: results.vendor.to_string(),
            partner: results.partner.to_string(),
            partner_key: results.partner_key,
            partner_name: results.partner_name,
            package: results.package,
            package_name: results.package_name,
            state: results.state.to_string(),
            start_at: results.start_at.to_string(),
            audience: results.audience,
            is_complete: results.is_complete,
            total: results.total.into(),
            steps: results.steps.into_iter().map(StepResultsOut::from).collect(),
            series: results.series.into(),
            links: results.links.into_iter().map(LinkResultsOut::from).collect(),
        }
    }
}

impl From<PersonLine> for PersonOut {
    fn from(person: PersonLine) -> Self {
        Self {
            kind: person.kind.to_string(),
            step: person.step.to_string(),
            email: person.email,
            first_name: person.first_name,
            last_name: person.last_name,
            first_at: person.first_at.to_string(),
            last_at: person.last_at.to_string(),
            events: person.events,
            send: person.send.to_string(),
        }
    }
}

pub(super) async fn get(call: Call) -> Result<Answer, Problem> {
    let id: ActivationId = call.part("activation")?;
    let results = call.api.program.results(&call.actor, id).await?;
    Answer::ok(&ResultsOut::from(results))
}

pub(super) async fn csv(call: Call) -> Result<Answer, Problem> {
    let id: ActivationId = call.part("activation")?;
    let results = call.api.program.results(&call.actor, id).await?;
    Ok(Answer { status: 200, content_type: CSV, body: results.to_csv()? })
}

pub(super) async fn persons(call: Call) -> Result<Answer, Problem> {
    let id: ActivationId = call.part("activation")?;
    let page = call.page()?;
    let of =
        PersonsOf { step: call.parsed("step")?, kind: call.parsed("kind")?, after: page.after };
    let found = call.api.program.result_persons(&call.actor, id, &of, page.limit).await?;
    Answer::ok(&PersonsPage {
        items: found.persons.into_iter().map(PersonOut::from).collect(),
        next_cursor: found.next.map(|next| next.to_string()),
    })
}
