//! Whether a relay may be tried now: the back-off after it failed, and a limit on new connections.
//!
//! Shared by all hands of the process, so fifty of them don't hammer a relay that is down: the
//! first failure closes it for a second, each further one for twice as long up to a minute, and
//! after that one hand alone looks whether it is back.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock as _};
use tokio::time::Instant;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// New connections a second, however few are allowed at once: a relay that closes after every
/// message must not be met with a loop without a brake.
const FEWEST_CONNECTS_PER_SECOND: u32 = 50;

#[derive(Debug)]
pub(crate) struct Admission {
    back_off: Mutex<BackOff>,
    connects: DefaultDirectRateLimiter,
}

impl Admission {
    pub(crate) fn new(max_connections: usize) -> Self {
        let per_second =
            u32::try_from(max_connections).unwrap_or(u32::MAX).max(FEWEST_CONNECTS_PER_SECOND);
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            back_off: Mutex::new(BackOff::default()),
            connects: RateLimiter::direct(Quota::per_second(per_second)),
        }
    }

    /// Asks for leave to speak to the relay.
    ///
    /// # Errors
    /// How long to wait while the relay is in its back-off.
    pub(crate) fn ask(self: &Arc<Self>) -> Result<Admitted, Duration> {
        let now = Instant::now();
        let probe = self.back_off().admit(now)?;
        Ok(Admitted { admission: Arc::clone(self), since: now, probe })
    }

    /// What is left of the back-off.
    pub(crate) fn waiting(&self) -> Option<Duration> {
        let until = self.back_off().until?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// How long a new connection has to wait for its turn; asking takes the turn when it is zero.
    pub(crate) fn wait_for_connect(&self) -> Duration {
        match self.connects.check() {
            Ok(()) => Duration::ZERO,
            Err(not_until) => not_until.wait_time_from(self.connects.clock().now()),
        }
    }

    fn back_off(&self) -> MutexGuard<'_, BackOff> {
        self.back_off.lock().expect("no code panics while it holds the back-off")
    }
}

/// Leave to speak to the relay, to be told how it went. Dropped untold (a refused gate, a cancelled
/// send) it says nothing about the relay.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    since: Instant,
    probe: bool,
}

impl Admitted {
    /// The relay works: it judged a message.
    pub(crate) fn works(&mut self) {
        self.admission.back_off().works();
        self.probe = false;
    }

    /// The relay can't be used now. Returns how long it is left alone, and whether this is news.
    pub(crate) fn down(&mut self) -> (Duration, bool) {
        self.probe = false;
        self.admission.back_off().failed(self.since, Instant::now())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if self.probe {
            self.admission.back_off().probing = false;
        }
    }
}

#[derive(Debug, Default)]
struct BackOff {
    failures: u32,
    failed_at: Option<Instant>,
    until: Option<Instant>,
    probing: bool,
}

impl BackOff {
    fn admit(&mut self, now: Instant) -> Result<bool, Duration> {
        let Some(until) = self.until else { return Ok(false) };
        if now < until {
            return Err(until - now);
        }
        if self.probing {
            return Err(FIRST_WAIT);
        }
        self.probing = true;
        Ok(true)
    }

    fn works(&mut self) {
        *self = Self::default();
    }

    fn failed(&mut self, since: Instant, now: Instant) -> (Duration, bool) {
        // Fifty hands that met the same outage are one failure: what began before the last failure
        // was seen knows nothing newer.
        let known = self.failed_at.is_some_and(|at| since <= at);
        if !known {
            self.failures = self.failures.saturating_add(1);
            let wait = LONGEST_WAIT.min(FIRST_WAIT * 2_u32.pow((self.failures - 1).min(6)));
            self.until = Some(now + wait);
            self.failed_at = Some(now);
            self.probing = false;
        }
        let left = self.until.map_or(FIRST_WAIT, |until| until.saturating_duration_since(now));
        (left.max(Duration::from_millis(100)), !known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_up_to_a_minute_and_success_resets_them() {
        let mut back_off = BackOff::default();
        let mut now = Instant::now();
        for want in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(back_off.admit(now).is_ok(), "before the wait of {want} s");
            let since = now;
            now += MS;
            assert_eq!(back_off.failed(since, now), (Duration::from_secs(want), true));
            assert_eq!(back_off.admit(now), Err(Duration::from_secs(want)));
            now += Duration::from_secs(want);
        }
        back_off.works();
        assert_eq!(back_off.admit(now), Ok(false));
    }

    #[test]
    fn hands_that_met_the_same_outage_count_once() {
        let mut back_off = BackOff::default();
        let began = Instant::now();
        assert_eq!(back_off.failed(began, began + MS), (FIRST_WAIT, true));
        for n in 2..50 {
            let (_, news) = back_off.failed(began, began + n * MS);
            assert!(!news);
        }
        assert_eq!(back_off.failures, 1);
    }

    #[test]
    fn one_hand_alone_looks_whether_the_relay_is_back() {
        let admission = Arc::new(Admission::new(5));
        let began = Instant::now() - 3 * FIRST_WAIT;
        admission.back_off().failed(began, began + MS);
        let first = admission.ask().unwrap();
        assert_eq!(admission.ask().unwrap_err(), FIRST_WAIT);
        drop(first); // cancelled: the next one may look
        let mut second = admission.ask().unwrap();
        second.works();
        assert!(admission.ask().is_ok() && admission.ask().is_ok());
    }

    #[test]
    fn new_connections_are_limited() {
        let admission = Admission::new(1);
        let free = (0..60).filter(|_| admission.wait_for_connect().is_zero()).count();
        assert!((50..60).contains(&free), "{free}");
    }
}
