//! Whether a process can do its work right now, and if not, why.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::task::JoinSet;

use crate::shutdown::Shutdown;

/// How long a probe may take before it counts as failed.
const PROBE_TIME_LIMIT: Duration = Duration::from_secs(2);

type ProbeFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Probe = Arc<dyn Fn() -> ProbeFuture + Send + Sync>;

/// The named checks of a process. Clones share them.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, State>>>);

enum State {
    /// Set from inside; with an age, it must be set again and again.
    Told { result: Result<Instant, String>, max_age: Option<Duration> },
    /// Asked each time.
    Asked(Probe),
}

/// The answer of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// Its name.
    pub name: &'static str,
    /// Whether it passed.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Readiness {
    /// No checks yet: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// A check that is told: it fails as "starting" until it is passed for the first time.
    pub fn check(&self, name: &'static str) -> Check {
        self.told(name, None)
    }

    /// The same, but a pass counts for `max_age` only: for loops that must go round.
    pub fn check_fresh(&self, name: &'static str, max_age: Duration) -> Check {
        self.told(name, Some(max_age))
    }

    fn told(&self, name: &'static str, max_age: Option<Duration>) -> Check {
        self.set(name, State::Told { result: Err("starting".to_owned()), max_age });
        Check { all: self.clone(), name, max_age }
    }

    /// A check that is asked each time readiness is; two seconds at most. The reason it gives is
    /// public: it names what is missing and holds no address, no URL.
    pub fn probe<F, Fut>(&self, name: &'static str, probe: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.set(name, State::Asked(Arc::new(move || Box::pin(probe()))));
    }

    /// Not ready from the moment on that the process drains, so that nothing new is sent its way.
    pub fn follow(&self, shutdown: &Shutdown) {
        let shutdown = shutdown.clone();
        self.probe("running", move || {
            let draining = shutdown.is_draining();
            async move { if draining { Err("draining".to_owned()) } else { Ok(()) } }
        });
    }

    fn set(&self, name: &'static str, state: State) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, state);
    }

    /// Asks all checks, by name.
    pub async fn ask(&self) -> Vec<CheckResult> {
        self.ask_at(Instant::now(), PROBE_TIME_LIMIT).await
    }

    async fn ask_at(&self, now: Instant, time_limit: Duration) -> Vec<CheckResult> {
        let mut results = BTreeMap::new();
        let mut probes = JoinSet::new();
        {
            let checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (&name, state) in checks.iter() {
                match state {
                    State::Told { result, max_age } => {
                        results.insert(name, told_result(result, *max_age, now));
                    }
                    State::Asked(probe) => {
                        // Stands until the probe has answered, and if it never does: panicked.
                        results.insert(name, Err("no answer".to_owned()));
                        let answer = probe();
                        probes.spawn(async move {
                            let answer = tokio::time::timeout(time_limit, answer).await;
                            let late = |_| Err(format!("no answer within {time_limit:?}"));
                            (name, answer.unwrap_or_else(late))
                        });
                    }
                }
            }
        }
        while let Some(answered) = probes.join_next().await {
            if let Ok((name, result)) = answered {
                results.insert(name, result);
            }
        }
        let result = |(name, result): (_, Result<(), String>)| CheckResult {
            name,
            ok: result.is_ok(),
            reason: result.err().unwrap_or_default(),
        };
        results.into_iter().map(result).collect()
    }
}

fn told_result(
    result: &Result<Instant, String>,
    max_age: Option<Duration>,
    now: Instant,
) -> Result<(), String> {
    let passed = result.as_ref().map_err(Clone::clone)?;
    let age = now.saturating_duration_since(*passed);
    match max_age {
        Some(max_age) if age > max_age => Err(format!("passed last {} s ago", age.as_secs())),
        _ => Ok(()),
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(checks.keys()).finish()
    }
}

/// One check that is told.
#[derive(Debug, Clone)]
pub struct Check {
    all: Readiness,
    name: &'static str,
    max_age: Option<Duration>,
}

impl Check {
    /// All is well, as of now.
    pub fn pass(&self) {
        self.tell(Ok(Instant::now()));
    }

    /// Something is missing; `reason` is public.
    pub fn fail(&self, reason: impl Into<String>) {
        self.tell(Err(reason.into()));
    }

    fn tell(&self, result: Result<Instant, String>) {
        self.all.set(self.name, State::Told { result, max_age: self.max_age });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(readiness: &Readiness) -> Vec<(&'static str, String)> {
        named(readiness.ask().await)
    }

    fn named(results: Vec<CheckResult>) -> Vec<(&'static str, String)> {
        results.into_iter().map(|check| (check.name, check.reason)).collect()
    }

    fn said(name: &'static str, reason: &str) -> (&'static str, String) {
        (name, reason.to_owned())
    }

    #[tokio::test]
    async fn a_check_says_what_it_was_told_last() {
        let readiness = Readiness::new();
        assert!(readiness.ask().await.is_empty());
        let redis = readiness.check("redis");
        let claim = readiness.check_fresh("claim", Duration::from_secs(10));
        assert_eq!(asked(&readiness).await, [said("claim", "starting"), said("redis", "starting")]);
        redis.pass();
        claim.pass();
        assert!(readiness.ask().await.iter().all(|check| check.ok));
        let later = Instant::now() + Duration::from_secs(11);
        assert_eq!(
            named(readiness.ask_at(later, PROBE_TIME_LIMIT).await),
            [said("claim", "passed last 11 s ago"), said("redis", "")]
        );
        claim.pass();
        redis.fail("can't be reached");
        assert_eq!(asked(&readiness).await, [said("claim", ""), said("redis", "can't be reached")]);
    }

    #[tokio::test]
    async fn a_probe_that_hangs_or_panics_fails() {
        let readiness = Readiness::new();
        readiness.probe("book", || async { Ok(()) });
        readiness.probe("hangs", std::future::pending);
        readiness.probe("panics", || async { panic!("a bug") });
        let time_limit = Duration::from_millis(250);
        assert_eq!(
            named(readiness.ask_at(Instant::now(), time_limit).await),
            [
                said("book", ""),
                said("hangs", "no answer within 250ms"),
                said("panics", "no answer")
            ]
        );
    }

    #[tokio::test]
    async fn who_drains_is_not_ready() {
        let readiness = Readiness::new();
        let shutdown = Shutdown::new();
        readiness.follow(&shutdown);
        assert!(readiness.ask().await[0].ok);
        shutdown.start_drain();
        assert_eq!(asked(&readiness).await, [said("running", "draining")]);
    }
}
