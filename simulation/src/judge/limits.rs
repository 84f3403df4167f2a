//! Limits where the permit is taken: never more than the rate in any window, beyond the burst.

use std::collections::BTreeMap;

use domain::RateSpec;

use super::Judge;

/// Permits by limit. A jump of the clock begins a new stretch: windows over it mean nothing.
#[derive(Debug, Default)]
pub(super) struct Limits {
    stretch: u32,
    taken: BTreeMap<(String, u32), (RateSpec, Vec<u64>)>,
    /// The same where content reaches the relay.
    reached: BTreeMap<(String, u32), (RateSpec, Vec<u64>)>,
}

/// A permit is good for so long (us).
const PERMIT_US: u64 = 1_000_000;

impl Judge {
    /// A permit was taken from a limit at this Redis time (us).
    pub fn permit(&mut self, limit: &str, rate: RateSpec, at: u64) {
        let key = (limit.to_owned(), self.limits.stretch);
        self.limits.taken.entry(key).or_insert_with(|| (rate, Vec::new())).1.push(at);
    }

    /// Content that needed a permit of a limit reaches the relay at this Redis time (us).
    pub fn reaches_relay(&mut self, limit: &str, rate: RateSpec, at: u64) {
        let key = (limit.to_owned(), self.limits.stretch);
        self.limits.reached.entry(key).or_insert_with(|| (rate, Vec::new())).1.push(at);
    }

    /// The clock of Redis jumped.
    pub fn clock_jumped(&mut self) {
        self.limits.stretch += 1;
    }

    /// Looks at every window of every limit, at the permit and at the relay's ledger.
    pub fn judge_limits(&mut self) {
        for ((limit, _), (rate, mut reached)) in std::mem::take(&mut self.limits.reached) {
            reached.sort_unstable();
            let interval = rate.interval().as_micros() as u64;
            let most = |window: u64| (window + PERMIT_US) / interval.max(1) + rate.burst() + 1;
            let above =
                (0..reached.len()).flat_map(|from| (from..reached.len()).map(move |to| (from, to)));
            let above = above
                .map(|(from, to)| (to - from + 1, reached[to] - reached[from]))
                .find(|(count, window)| *count as u64 > most(*window));
            self.check("limits at the relay", above.is_none(), || {
                format!(
                    "{limit} ({rate}): {above:?} messages in us, {:?} may",
                    above.map(|a| most(a.1))
                )
            });
        }
        for ((limit, _), (rate, mut taken)) in std::mem::take(&mut self.limits.taken) {
            taken.sort_unstable();
            let interval = rate.interval().as_micros() as u64;
            let burst = rate.burst();
            // A window of n permits needs n - burst intervals; the tightest one decides, and that is found by
            // the bucket that is full at first.
            let mut empty_at = 0_u64;
            let mut worst = None;
            for at in &taken {
                let ready = empty_at.saturating_sub((burst - 1) * interval);
                if ready > at + 1 {
                    worst = worst.max(Some(ready - at));
                }
                empty_at = empty_at.max(*at) + interval;
            }
            self.check("limits", worst.is_none(), || {
                format!("{limit} ({rate}): a permit came {worst:?} us too early")
            });
        }
    }
}
