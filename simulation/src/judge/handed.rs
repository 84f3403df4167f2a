//! What was handed out: numbers, recovered jobs, deaths.

use std::collections::BTreeMap;

use belt::ClaimedMeta as Job;
use domain::{ClaimNumber, SendId};

use super::Judge;

/// Claim numbers, and deaths by send.
#[derive(Debug, Default)]
pub(super) struct Handed {
    numbers: BTreeMap<ClaimNumber, (SendId, u32)>,
    deaths: Deaths,
}

/// How often processes may have died, or handlers broken, over a send.
pub type Deaths = BTreeMap<SendId, u32>;

/// Jobs as a line of text.
pub fn shown(jobs: &[Job]) -> String {
    let one = |job: &Job| format!("{}={}", job.send, job.claim);
    jobs.iter().map(one).collect::<Vec<_>>().join(" ")
}

impl Judge {
    /// A claim of `worker`, which held `held` jobs before, was answered for the first time.
    pub fn handed_out(&mut self, worker: u32, held: usize, jobs: &[Job]) {
        for job in jobs {
            let before = self.handed.numbers.insert(job.claim, (job.send, worker));
            self.check("claim number", before.is_none(), || {
                format!("{} was handed out for {before:?} and again for {}", job.claim, job.send)
            });
        }
        if let Some(recovered) = jobs.iter().find(|job| job.deaths > 0) {
            self.check("alone", recovered.alone && jobs.len() == 1 && held == 0, || {
                format!(
                    "{} with {} deaths went to w{worker} beside {held} others and {} of the same call",
                    recovered.send,
                    recovered.deaths,
                    jobs.len() - 1
                )
            });
        }
    }

    /// The answered claim that handed out `first` was asked for again.
    pub fn repeated(&mut self, first: &[Job], again: &[Job], all_in_hand: bool) {
        let known = again.iter().all(|job| first.iter().any(|f| f.claim == job.claim));
        self.check("lost replies", known, || {
            format!("{} came again as {}", shown(first), shown(again))
        });
        if all_in_hand {
            let same = first.len() == again.len();
            self.check("lost replies", same, || {
                format!("{} came again as {}", shown(first), shown(again))
            });
        }
    }

    /// A process that may have held these died, or will be taken for dead.
    pub fn may_die(&mut self, sends: &[SendId]) {
        for send in sends {
            *self.handed.deaths.entry(*send).or_default() += 1;
        }
    }

    /// Deaths by send: never fewer than the belt counts.
    pub(super) fn deaths(&self, send: SendId) -> u32 {
        self.handed.deaths.get(&send).copied().unwrap_or(0)
    }
}
