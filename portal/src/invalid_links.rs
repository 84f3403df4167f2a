//! Slows down who guesses links, and nobody else.

use std::time::Duration;

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use domain::RateSpec;
use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use crate::asker::Asker;

/// The limit on links that are none of ours, for the whole process. It is asked only after a link has
/// turned out to be invalid: no flood of guesses can keep a valid unsubscribe from working.
pub(crate) struct InvalidLinks {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl InvalidLinks {
    pub fn new(rate: RateSpec) -> Self {
        let burst = u32::try_from(rate.burst()).ok().and_then(|burst| burst.try_into().ok());
        let quota = Quota::with_period(rate.interval())
            .expect("the interval of a rate is at least a microsecond")
            .allow_burst(burst.unwrap_or(std::num::NonZeroU32::MAX));
        Self { limiter: RateLimiter::direct(quota), clock: DefaultClock::default() }
    }

    /// Counts one. `Err` says how long to wait when there have been too many.
    pub fn count(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|full| full.wait_time_from(self.clock.now()))
    }
}

/// 404, or 429 when there are too many of these.
pub(crate) fn invalid_link(limit: &InvalidLinks, asker: &Asker) -> Response {
    match limit.count() {
        Ok(()) => asker.look().not_found(),
        Err(wait) => {
            let mut response = asker.look().too_many();
            // Whole seconds, rounded up: an early return would be refused again.
            let seconds = wait.as_secs() + 1;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
    }
}
