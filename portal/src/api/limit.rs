//! How fast somebody may ask, and what is left of it.
//!
//! Every answer says so in `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`, as
//! draft-ietf-httpapi-ratelimit-headers-07 has them (later drafts join them into one structured field, which few
//! clients read yet). `RateLimit-Reset` is when all of the limit is there again, in seconds.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::{ApiKeyId, RateSpec};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use super::problem::{Kind, Problem};

/// Keys or addresses that are remembered before those are forgotten whose limit is whole again.
const REMEMBERED: usize = 10_000;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    most: u32,
    remaining: u32,
    reset_seconds: u64,
}

impl Left {
    pub fn write(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.most));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset_seconds));
    }
}

/// One limit for each of many.
pub(super) struct Limits<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    rate: RateSpec,
    burst: NonZeroU32,
}

impl<K: Hash + Eq + Clone> Limits<K> {
    pub fn new(rate: RateSpec) -> Self {
        let burst = u32::try_from(rate.burst()).ok().and_then(NonZeroU32::new);
        let burst = burst.unwrap_or(NonZeroU32::MAX);
        let quota = Quota::with_period(rate.interval())
            .expect("the interval of a rate is at least a microsecond")
            .allow_burst(burst);
        let limiter = RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
        Self { limiter, clock: DefaultClock::default(), rate, burst }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// There were too many; nothing is left.
    pub fn count(&self, who: &K) -> Result<Left, (Left, Problem)> {
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(who) {
            Ok(state) => Ok(self.left(state.remaining_burst_capacity())),
            Err(full) => {
                // Whole seconds, rounded up: an early return would be refused again.
                let wait = full.wait_time_from(self.clock.now()).as_secs() + 1;
                let detail = format!("the limit is {}; come back in {wait} s", self.rate);
                Err((self.left(0), Problem::new(Kind::TooMany, detail).retry_after(wait)))
            }
        }
    }

    fn left(&self, remaining: u32) -> Left {
        let most = self.burst.get();
        let missing = most.saturating_sub(remaining);
        let reset = self.rate.interval().saturating_mul(missing);
        Left { most, remaining, reset_seconds: reset.as_secs_f64().ceil() as u64 }
    }
}

/// Whom a limit without a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client(Option<IpAddr>);

impl Client {
    /// Of an IPv6 address the network counts: who has one has 2^64 of its addresses.
    pub fn at(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            four => four,
        }))
    }
}

/// The limits of an API.
pub(super) struct ApiLimits {
    pub keys: Limits<ApiKeyId>,
    pub clients: Limits<Client>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let at = |text: &str| Client::at(Some(text.parse().unwrap()));
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:192.0.2.7"), at("192.0.2.7"));
        assert_ne!(at("192.0.2.7"), at("192.0.2.8"));
    }

    #[test]
    fn what_is_left_is_counted_for_each_alone() {
        let limits: Limits<u8> = Limits::new("1/h, burst 3".parse().unwrap());
        let left: Vec<u32> = (0..3).map(|_| limits.count(&1).unwrap().remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let (left, problem) = limits.count(&1).unwrap_err();
        assert_eq!((left.most, left.remaining, problem.kind), (3, 0, Kind::TooMany));
        assert!((3 * 3_600 - 1..=3 * 3_600).contains(&left.reset_seconds));
        assert_eq!(limits.count(&2).unwrap().remaining, 2);
    }
}
