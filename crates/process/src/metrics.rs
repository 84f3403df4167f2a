//! Every metric, declared once, with what it means.
//!
//! Names are `throughline_<room>_<thing>_<unit>[_total]`. Labels are small closed sets: a partner is a
//! field of a log line, not a label. Unless a help text says "fleet", a figure is about this process;
//! add them up over processes.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use domain::UtcMillis;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The metrics of one process. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<All>);

struct All {
    registry: Registry,
    job_duration: Family<JobLabels, Histogram>,
    claims: Counter,
    claimed_jobs: Counter,
    busy_hands: Gauge,
    pass_duration: Family<LoopLabels, Histogram>,
    rows: Family<LoopLabels, Counter>,
    failures: Family<LoopLabels, Counter>,
    leader: Gauge,
    belt_jobs: Family<StateLabels, Gauge>,
    belt_lanes: Gauge,
    belt_entries: Family<StreamLabels, Gauge>,
    belt_epoch: Gauge,
    belt_rate_share: Family<PaceLabels, Gauge<f64, AtomicU64>>,
    requests: Family<RequestLabels, Counter>,
    request_duration: Family<RouteLabels, Histogram>,
    unsubscribes: Family<EffectLabels, Counter>,
    tracks: Family<KindLabels, Counter>,
    tracks_lost: Family<ReasonLabels, Counter>,
    tracks_cut: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProcessLabels {
    role: String,
    version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    job: String,
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoopLabels {
    r#loop: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabels {
    stream: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PaceLabels {
    of: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EffectLabels {
    effect: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// What lies on the belt: a figure of the whole fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BeltDepth {
    /// Jobs on lanes.
    pub waiting: u64,
    /// Jobs that a worker holds.
    pub in_hands: u64,
    /// Jobs set aside because they killed their process again and again.
    pub set_aside: u64,
    /// Lanes with something on them.
    pub lanes: u64,
    /// Outcomes on their way to the book.
    pub outcomes: u64,
    /// Opens and clicks on their way to the book.
    pub tracks: u64,
    /// Opens and clicks that were cut because too many were on their way.
    pub tracks_cut: u64,
    /// The epoch the belt works in.
    pub epoch: u64,
}

/// How `/metrics` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Prometheus text, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl TextFormat {
    /// OpenMetrics for those who name it, Prometheus text for all others.
    pub fn of_accept(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The Content-Type to answer with.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// From 5 ms, a message into a sink next door, to the five minutes that relays may take over a reply.
fn durations() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
    ])
}

impl Metrics {
    /// The metrics of a process that plays `role` and started at `now`.
    pub fn new(role: &str, now: UtcMillis) -> Self {
        let mut registry = Registry::with_prefix("throughline");
        let all = All {
            job_duration: family(
                &mut registry,
                "worker_job_duration_seconds",
                "Time from taking a job to its outcome, by job and outcome. A growing share of transient, unknown \
                 or not_now is a relay in trouble",
                Family::new_with_constructor(durations as fn() -> Histogram),
            ),
            claims: family(
                &mut registry,
                "worker_claims",
                "Calls that asked the belt for jobs. Rising while claimed jobs do not: nothing may go now",
                Counter::default(),
            ),
            claimed_jobs: family(
                &mut registry,
                "worker_claimed_jobs",
                "Jobs that the belt handed to this worker",
                Counter::default(),
            ),
            busy_hands: family(
                &mut registry,
                "worker_busy_hands",
                "Jobs under way. Always at worker.hands: more workers would help; near 0 with jobs waiting: limits",
                Gauge::default(),
            ),
            pass_duration: family(
                &mut registry,
                "scheduler_pass_duration_seconds",
                "Time one pass of a loop took. A spike is a slow book or belt",
                Family::new_with_constructor(durations as fn() -> Histogram),
            ),
            rows: family(
                &mut registry,
                "scheduler_rows",
                "Rows a loop dealt with: contacts expanded, sends fed, outcomes recorded, sends put back. \
                 reconcile above 0 means that something was lost and found",
                Family::default(),
            ),
            failures: family(
                &mut registry,
                "scheduler_failures",
                "Passes of a loop that ended in an error and will be repeated",
                Family::default(),
            ),
            leader: family(
                &mut registry,
                "scheduler_leader",
                "1 for the scheduler that works, 0 for one that waits. The sum over the fleet is 1",
                Gauge::default(),
            ),
            belt_jobs: family(
                &mut registry,
                "belt_jobs",
                "Fleet: jobs on the belt by state. set_aside above 0: a job kills its worker",
                Family::default(),
            ),
            belt_lanes: family(
                &mut registry,
                "belt_lanes",
                "Fleet: lanes that have something on them",
                Gauge::default(),
            ),
            belt_entries: family(
                &mut registry,
                "belt_stream_entries",
                "Fleet: entries on their way to the book by stream. outcomes at redis.outcomes_bound stops claims",
                Family::default(),
            ),
            belt_epoch: family(
                &mut registry,
                "belt_epoch",
                "Fleet: the belt's epoch. It steps when Redis was lost, emptied or restarted",
                Gauge::default(),
            ),
            belt_rate_share: family(
                &mut registry,
                "belt_rate_share",
                "Fleet: the share of its rate that a provider or relay is given after it asked for less or failed; 0 while it is left alone, absent while all is well",
                Family::default(),
            ),
            requests: family(
                &mut registry,
                "portal_requests",
                "Requests answered, by route and status",
                Family::default(),
            ),
            request_duration: family(
                &mut registry,
                "portal_request_duration_seconds",
                "Time to answer a request, by route",
                Family::new_with_constructor(durations as fn() -> Histogram),
            ),
            unsubscribes: family(
                &mut registry,
                "portal_unsubscribes",
                "Unsubscribes answered: effect \"now\" when the belt was told, \"later\" when it was away and the book \
                 alone holds it",
                Family::default(),
            ),
            tracks: family(
                &mut registry,
                "portal_tracks",
                "Opens and clicks that were answered, by kind, people's and machines'",
                Family::default(),
            ),
            tracks_lost: family(
                &mut registry,
                "portal_tracks_lost",
                "Opens and clicks that were answered and will not be in the book: reason \"full\" when more waited for \
                 the belt than memory is given, \"stopped\" when the process ended before the belt took them",
                Family::default(),
            ),
            tracks_cut: family(
                &mut registry,
                "belt_tracks_cut",
                "Fleet: opens and clicks that were cut on their way to the book since Redis was emptied last, because \
                 more than redis.tracks_bound waited",
                Gauge::default(),
            ),
            registry,
        };
        let mut all = all;
        let info: Family<ProcessLabels, Gauge> = family(
            &mut all.registry,
            "process_info",
            "1, with the role and version of this process",
            Family::default(),
        );
        info.get_or_create(&ProcessLabels {
            role: role.to_owned(),
            version: env!("CARGO_PKG_VERSION"),
        })
        .set(1);
        let started: Gauge<f64, AtomicU64> = family(
            &mut all.registry,
            "process_start_time_seconds",
            "When this process started, in seconds since 1970",
            Gauge::default(),
        );
        started.set(now.get() as f64 / 1_000.0);
        Self(Arc::new(all))
    }

    /// A job came to its end. `outcome` is the name of the [`domain::Outcome`], in snake case.
    pub fn job_finished(&self, job: &str, outcome: &str, took: Duration) {
        let labels = JobLabels { job: job.to_owned(), outcome: outcome.to_owned() };
        self.0.job_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// The belt was asked for jobs and handed out so many.
    pub fn claimed(&self, jobs: usize) {
        self.0.claims.inc();
        self.0.claimed_jobs.inc_by(jobs as u64);
    }

    /// So many jobs are under way.
    pub fn set_busy_hands(&self, hands: usize) {
        self.0.busy_hands.set(signed(hands as u64));
    }

    /// A pass of a loop succeeded and dealt with so many rows.
    pub fn loop_passed(&self, loop_name: &str, rows: u64, took: Duration) {
        let labels = LoopLabels { r#loop: loop_name.to_owned() };
        self.0.pass_duration.get_or_create(&labels).observe(took.as_secs_f64());
        self.0.rows.get_or_create(&labels).inc_by(rows);
    }

    /// A pass of a loop failed.
    pub fn loop_failed(&self, loop_name: &str) {
        self.0.failures.get_or_create(&LoopLabels { r#loop: loop_name.to_owned() }).inc();
    }

    /// Whether this scheduler is the one that works.
    pub fn set_leader(&self, leads: bool) {
        self.0.leader.set(i64::from(leads));
    }

    /// What lies on the belt.
    pub fn set_belt(&self, depth: BeltDepth) {
        let jobs = |state, value| {
            self.0.belt_jobs.get_or_create(&StateLabels { state }).set(signed(value))
        };
        jobs("waiting", depth.waiting);
        jobs("in_hands", depth.in_hands);
        jobs("set_aside", depth.set_aside);
        let entries = |stream, value| {
            self.0.belt_entries.get_or_create(&StreamLabels { stream }).set(signed(value))
        };
        entries("outcomes", depth.outcomes);
        entries("tracks", depth.tracks);
        self.0.tracks_cut.set(signed(depth.tracks_cut));
        self.0.belt_lanes.set(signed(depth.lanes));
        self.0.belt_epoch.set(signed(depth.epoch));
    }

    /// Which providers and relays are slowed: what they are, their name, and the share of their rate that goes now.
    pub fn set_slowed<'a>(&self, slowed: impl IntoIterator<Item = (&'a str, &'a str, f64)>) {
        self.0.belt_rate_share.clear();
        for (of, name, share) in slowed {
            let labels = PaceLabels { of: of.to_owned(), name: name.to_owned() };
            self.0.belt_rate_share.get_or_create(&labels).set(share);
        }
    }

    /// A request was answered. `route` is the pattern (`/u/{token}`), never the path.
    pub fn request_finished(&self, route: &str, status: u16, took: Duration) {
        self.0.requests.get_or_create(&RequestLabels { route: route.to_owned(), status }).inc();
        let labels = RouteLabels { route: route.to_owned() };
        self.0.request_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Somebody asked for no more mail, and it is in the book.
    pub fn unsubscribed(&self, reached_belt: bool) {
        let effect = if reached_belt { "now" } else { "later" };
        self.0.unsubscribes.get_or_create(&EffectLabels { effect }).inc();
    }

    /// An open or a click was answered.
    pub fn tracked(&self, kind: &'static str) {
        self.0.tracks.get_or_create(&KindLabels { kind }).inc();
    }

    /// So many opens and clicks will not be in the book.
    pub fn tracks_lost(&self, reason: &'static str, count: u64) {
        self.0.tracks_lost.get_or_create(&ReasonLabels { reason }).inc_by(count);
    }

    /// All of them, as text.
    pub fn encode(&self, format: TextFormat) -> String {
        let mut open_metrics = String::new();
        text::encode(&mut open_metrics, &self.0.registry).expect("writing to a string can't fail");
        match format {
            TextFormat::OpenMetrics => open_metrics,
            TextFormat::Prometheus => prometheus_text(&open_metrics),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn family<M: prometheus_client::registry::Metric + Clone>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    metric: M,
) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// OpenMetrics names a counter without `_total` in its `# TYPE` line; Prometheus' older text wants the
/// name of the samples there.
fn prometheus_text(open_metrics: &str) -> String {
    let counters: BTreeSet<&str> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        let renamed = ["# HELP ", "# TYPE "].into_iter().find_map(|start| {
            let (name, rest) = line.strip_prefix(start)?.split_once(' ')?;
            counters.contains(name).then(|| format!("{start}{name}_total {rest}"))
        });
        text.push_str(renamed.as_deref().unwrap_or(line));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_set() -> Metrics {
        let metrics = Metrics::new("worker", UtcMillis::new(1_700_000_000_500));
        metrics.job_finished("send_email", "done", Duration::from_millis(12));
        metrics.claimed(3);
        metrics.claimed(0);
        metrics.set_busy_hands(2);
        metrics.loop_passed("feed", 40, Duration::from_millis(3));
        metrics.loop_failed("feed");
        metrics.set_leader(true);
        metrics.set_belt(BeltDepth {
            waiting: 7,
            in_hands: 2,
            outcomes: 5,
            tracks_cut: 6,
            lanes: 3,
            epoch: 1,
            ..BeltDepth::default()
        });
        metrics.set_slowed([("relay", "main", 0.0)]);
        metrics.set_slowed([("provider", "gmail", 0.5)]);
        metrics.request_finished("/u/{token}", 200, Duration::from_millis(1));
        metrics.unsubscribed(true);
        metrics.tracked("opened");
        metrics.tracks_lost("full", 3);
        metrics
    }

    #[test]
    fn samples_carry_the_names_and_labels_that_were_promised() {
        let text = all_set().encode(TextFormat::Prometheus);
        for sample in [
            "throughline_worker_job_duration_seconds_count{job=\"send_email\",outcome=\"done\"} 1",
            "throughline_worker_claims_total 2",
            "throughline_worker_claimed_jobs_total 3",
            "throughline_worker_busy_hands 2",
            "throughline_scheduler_rows_total{loop=\"feed\"} 40",
            "throughline_scheduler_failures_total{loop=\"feed\"} 1",
            "throughline_scheduler_pass_duration_seconds_count{loop=\"feed\"} 1",
            "throughline_scheduler_leader 1",
            "throughline_belt_jobs{state=\"waiting\"} 7",
            "throughline_belt_stream_entries{stream=\"outcomes\"} 5",
            "throughline_belt_epoch 1",
            "throughline_belt_rate_share{of=\"provider\",name=\"gmail\"} 0.5",
            "throughline_portal_requests_total{route=\"/u/{token}\",status=\"200\"} 1",
            "throughline_portal_unsubscribes_total{effect=\"now\"} 1",
            "throughline_portal_tracks_total{kind=\"opened\"} 1",
            "throughline_portal_tracks_lost_total{reason=\"full\"} 3",
            "throughline_belt_tracks_cut 6",
            "throughline_process_start_time_seconds 1700000000.5",
            "throughline_process_info{role=\"worker\",version=\"0.1.0\"} 1",
        ] {
            assert!(text.lines().any(|line| line == sample), "{sample} is not in\n{text}");
        }
    }

    /// The rules of `promtool check metrics`: every sample belongs to a family with help and type, counters
    /// and only they end in `_total`, and names hold no type and no shortened unit.
    #[test]
    fn names_follow_the_rules_of_promtool() {
        let text = all_set().encode(TextFormat::Prometheus);
        let mut kinds = std::collections::BTreeMap::new();
        let mut helped = BTreeSet::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(kinds.insert(name, kind).is_none(), "{name} twice");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                assert!(helped.contains(name), "no help before {line}");
                let words: Vec<&str> = name.split('_').collect();
                assert_eq!(words[0], "throughline");
                assert!(
                    ["worker", "scheduler", "belt", "portal", "process"].contains(&words[1]),
                    "{name}"
                );
                for word in [
                    "gauge",
                    "counter",
                    "histogram",
                    "ms",
                    "sec",
                    "secs",
                    "millis",
                    "milliseconds",
                    "count",
                    "sum",
                    "bucket",
                ] {
                    assert!(!words.contains(&word), "{name} holds {word}");
                }
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(help.len() > 10, "{line}");
                helped.insert(name);
            } else {
                let name = line.split(['{', ' ']).next().unwrap();
                let family = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end))
                    .filter(|family| kinds.get(family) == Some(&"histogram"))
                    .unwrap_or(name);
                assert!(kinds.contains_key(family), "{line} has no type");
            }
        }
        assert_eq!(kinds.len(), 21, "a metric that is not set by all_set is not checked");
    }

    #[test]
    fn open_metrics_is_for_those_who_ask() {
        assert_eq!(TextFormat::of_accept("text/plain"), TextFormat::Prometheus);
        let asked = TextFormat::of_accept(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4",
        );
        assert_eq!(asked, TextFormat::OpenMetrics);
        assert!(all_set().encode(asked).ends_with("# EOF\n"));
    }
}
