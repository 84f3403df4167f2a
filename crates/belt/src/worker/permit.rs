//! How long leave to write content is good for.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment on the boot clock: unlike [`std::time::Instant`] it goes on while the machine sleeps, so a
/// permit does not survive a night in a suspended laptop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BootTime(Duration);

impl BootTime {
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
        Self(Duration::new(seconds, nanos))
    }

    /// The moment at which the clock shows this.
    pub(crate) const fn at(shows: Duration) -> Self {
        Self(shows)
    }
}

/// Leave to write one message's content, for at most one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    /// When the call that got it was sent: before the belt's clock was read, so the error is on the
    /// safe side.
    asked_at: BootTime,
    good_for: Duration,
}

impl Permit {
    pub(crate) fn new(asked_at: BootTime, good_for: Duration) -> Self {
        Self { asked_at, good_for }
    }

    /// Whether content may still be started under it. If not, ask the gate again.
    pub fn is_fresh(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// The same at a moment of another boot clock than this machine's: of a worker that is stepped by
    /// hand, whose calls said when they went out.
    pub fn is_fresh_at(&self, boot_clock: Duration) -> bool {
        !self.remaining_at(BootTime::at(boot_clock)).is_zero()
    }

    /// How long it is still good for.
    pub fn remaining(&self) -> Duration {
        self.remaining_at(BootTime::now())
    }

    fn remaining_at(&self, now: BootTime) -> Duration {
        self.good_for.saturating_sub(now.0.saturating_sub(self.asked_at.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_ages_from_when_it_was_asked_for() {
        let asked = BootTime(Duration::from_secs(10));
        let permit = Permit::new(asked, Duration::from_millis(800));
        let after = |ms| permit.remaining_at(BootTime(asked.0 + Duration::from_millis(ms)));
        assert_eq!(after(0), Duration::from_millis(800));
        assert_eq!(after(799), Duration::from_millis(1));
        assert_eq!(after(800), Duration::ZERO);
        assert_eq!(after(5_000), Duration::ZERO);
    }

    #[test]
    fn the_boot_clock_goes_on() {
        let before = BootTime::now();
        assert!(BootTime::now() >= before);
        assert!(!Permit::new(before, Duration::ZERO).is_fresh());
    }
}
