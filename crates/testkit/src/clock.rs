//! Time and ids that a test decides.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{UtcMillis, time::Clock};

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct FakeClock(Mutex<UtcMillis>);

impl FakeClock {
    /// A clock that stands at `now`.
    pub fn at(now: UtcMillis) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().expect("no test panics while it holds the clock");
        *now = now.plus(by);
    }
}

impl Default for FakeClock {
    /// 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(UtcMillis::new(1_767_225_600_000))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> UtcMillis {
        *self.0.lock().expect("no test panics while it holds the clock")
    }
}

/// Ids that count up from one, so a failing test shows the same ids every time.
#[derive(Debug, Default)]
pub struct SeqIds {
    numbers: AtomicI64,
    ulids: AtomicU64,
}

impl SeqIds {
    /// The next number for a hot table.
    pub fn number(&self) -> i64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The next ULID for a small table.
    pub fn ulid(&self) -> ulid::Ulid {
        ulid::Ulid(u128::from(self.ulids.fetch_add(1, Ordering::Relaxed) + 1))
    }
}
