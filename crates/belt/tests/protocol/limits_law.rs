//! The law of the limits: whatever workers claim, whenever they do, no limit of any kind is passed in any window, and what may go
//! goes. The reference is arithmetic on the times of the permits, not another implementation of buckets.

use std::{collections::HashMap, time::Duration};

use belt::{Limits, NewJob, OpenWith, PerName, VendorLimits};
use domain::RateSpec;
use proptest::{prelude::*, test_runner::Config};

use crate::stage::{START, Stage, Worker, done, job, partner, relay, vendor};

/// A limit and what it means: microseconds between permits, and the most at once.
type Known = Option<(&'static str, u64, u64)>;

const RATES: [Known; 4] = [
    None,
    Some(("5/s, burst 1", 200_000, 1)),
    Some(("20/s, burst 4", 50_000, 4)),
    Some(("100/s, burst 10", 10_000, 10)),
];

const LANES: usize = 6;

/// Which limit each has, as places in [`RATES`].
#[derive(Debug, Clone)]
struct Case {
    vendors: [usize; 2],
    senders: [usize; 2],
    providers: [usize; 3],
    lanes: [usize; LANES],
    relays: [usize; 2],
    workers: usize,
    /// For each job: lane and provider.
    jobs: Vec<(usize, usize)>,
    /// For each claim: worker, how many it wants, and microseconds that pass before it.
    claims: Vec<(usize, usize, u64)>,
}

fn case() -> impl Strategy<Value = Case> {
    let rate = || 0..RATES.len();
    (
        ([rate(), rate()], [rate(), rate()], [rate(), rate(), rate()]),
        (std::array::from_fn::<_, LANES, _>(|_| rate()), [rate(), rate()], 1_usize..=8),
        prop::collection::vec((0..LANES, 0_usize..3), 40..160),
        prop::collection::vec((0_usize..8, 1_usize..20, 0_u64..40_000), 30..120),
    )
        .prop_map(|((vendors, senders, providers), (lanes, relays, workers), jobs, claims)| {
            Case { vendors, senders, providers, lanes, relays, workers, jobs, claims }
        })
}

impl Case {
    fn rate(at: usize) -> Option<RateSpec> {
        RATES[at].map(|(text, ..)| text.parse().expect("a limit"))
    }

    fn per_name(names: impl Iterator<Item = (String, usize)>) -> PerName {
        let own = names.filter_map(|(name, at)| Some((name, Self::rate(at)?)));
        PerName { each: None, own: own.collect() }
    }

    fn limits(&self) -> Limits {
        let named = |kind: &'static str, rates: &[usize]| {
            Self::per_name(
                rates.iter().copied().enumerate().map(move |(n, at)| (format!("{kind}{n}"), at)),
            )
        };
        let vendors = self.vendors.iter().enumerate();
        Limits {
            vendors: VendorLimits {
                limits: Self::per_name(vendors.map(|(n, at)| (vendor(n as u32).to_string(), *at))),
                weights: Vec::new(),
            },
            senders: named("sender", &self.senders),
            providers: named("provider", &self.providers),
            tiers: Vec::new(),
        }
    }

    fn job(&self, n: usize) -> NewJob {
        let (lane, provider) = self.jobs[n];
        NewJob {
            vendor: vendor((lane % 2) as u32),
            sender: format!("sender{}", lane / 3),
            provider: format!("provider{provider}"),
            partner_limit: Self::rate(self.lanes[lane]),
            lane: partner(lane as u32),
            ..job(n as i64 + 1, lane as u32)
        }
    }

    /// Everything that limits this job when it goes through this relay, with its name.
    fn keys(&self, n: usize, relay: usize) -> Vec<(String, Known)> {
        let (lane, provider) = self.jobs[n];
        [
            (format!("vendor {}", lane % 2), self.vendors[lane % 2]),
            (format!("sender {}", lane / 3), self.senders[lane / 3]),
            (format!("provider {provider}"), self.providers[provider]),
            (format!("partner {lane}"), self.lanes[lane]),
            (format!("relay {relay}"), self.relays[relay]),
        ]
        .map(|(name, at)| (name, RATES[at]))
        .into()
    }

    /// When which job was given out, through which relay.
    async fn run(&self) -> Vec<(u64, usize, usize)> {
        let relays = self.relays.iter().enumerate();
        let relays = relays.map(|(n, at)| relay(&n.to_string(), RATES[*at].map(|(text, ..)| text)));
        let with =
            OpenWith { relays: relays.collect(), limits: self.limits(), ..OpenWith::default() };
        let mut stage = Stage::open_with(with).await;
        let jobs: Vec<NewJob> = (0..self.jobs.len()).map(|n| self.job(n)).collect();
        stage.push(&jobs).await;
        let mut workers = Vec::new();
        for n in 0..self.workers {
            workers.push(stage.worker(&format!("worker{n}")).await);
        }
        let mut given = Vec::new();
        for (worker, want, pause) in &self.claims {
            stage.pass(Duration::from_micros(*pause)).await;
            claim(&stage, &mut workers[worker % self.workers], *want, &mut given).await;
        }
        // Then everybody asks as the answers say, until nothing is left.
        for round in 0.. {
            for worker in &workers {
                worker.member.beat().await.expect("alive");
            }
            let worker = &mut workers[round % self.workers];
            let again = claim(&stage, worker, 64, &mut given).await;
            if given.len() == self.jobs.len() || round == 3_000 {
                break;
            }
            stage.pass(again.max(Duration::from_millis(1))).await;
        }
        assert!(stage.outcomes().await.len() >= given.len(), "nothing ends by itself");
        given
    }
}

async fn claim(
    stage: &Stage,
    worker: &mut Worker,
    want: usize,
    given: &mut Vec<(u64, usize, usize)>,
) -> Duration {
    let answer = worker.call(want).await;
    for meta in &answer.jobs {
        let n = usize::try_from(meta.send.get() - 1).expect("ours");
        given.push((stage.now(), n, meta.relay.parse().expect("ours")));
        worker.complete(meta, done()).await;
    }
    answer.retry
}

/// No window has more permits than the limit allows, counted from nothing in hand at the start.
fn assert_never_above(case: &Case, given: &[(u64, usize, usize)]) {
    let mut permits: HashMap<String, (Known, Vec<u64>)> = HashMap::new();
    for (at, n, relay) in given {
        for (name, known) in case.keys(*n, *relay) {
            permits.entry(name).or_insert((known, Vec::new())).1.push(*at);
        }
    }
    for (name, (known, times)) in permits {
        let Some((text, interval, burst)) = known else { continue };
        for (i, from) in times.iter().enumerate() {
            let since_the_start = (from - START) / interval;
            assert!((i as u64) < since_the_start, "{name} ({text}): permit {i} at {from}");
            for (j, to) in times.iter().enumerate().skip(i) {
                let most = burst + (to - from) / interval;
                let count = (j - i + 1) as u64;
                assert!(
                    count <= most,
                    "{name} ({text}): {count} from {from} to {to}, at most {most}"
                );
            }
        }
    }
}

/// All goes, and not much later than the tightest limit demands.
fn assert_used(case: &Case, given: &[(u64, usize, usize)]) {
    assert_eq!(given.len(), case.jobs.len(), "everything goes in the end");
    let mut needed: HashMap<String, u64> = HashMap::new();
    for (_, n, relay) in given {
        for (name, known) in case.keys(*n, *relay) {
            *needed.entry(name).or_default() += known.map_or(0, |(_, interval, _)| interval);
        }
    }
    let pauses: u64 = case.claims.iter().map(|(.., pause)| pause).sum();
    // Limits that stand in each other's way wait one after the other at worst, here two at a time.
    let bound = pauses + 2 * needed.values().max().copied().unwrap_or(0) + 2_000_000;
    let took = given.iter().map(|(at, ..)| at - START).max().unwrap_or(0);
    assert!(took <= bound, "took {took} us, {bound} would do");
}

#[test]
fn no_limit_is_ever_passed_and_none_is_left_unused() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let config = Config { cases: 24, max_shrink_iters: 60, ..Config::default() };
    proptest!(config, |(case in case())| {
        let given = runtime.block_on(case.run());
        assert_never_above(&case, &given);
        assert_used(&case, &given);
    });
}
