//! The judge: the relay's ledger, what was promised to whom, and what may follow from which fault.
//!
//! It sees what workers write to the relay and what is answered to them, the faults, and at the end the
//! book. It knows nothing of how the belt or the scheduler work.

mod ends;
mod handed;
mod limits;
mod promised;

use std::collections::{BTreeMap, BTreeSet};

use domain::{ClaimNumber, SendId};

pub use self::{
    ends::Book,
    handed::shown,
    promised::{Promised, StopKey},
};
use self::{handed::Handed, limits::Limits};

/// Why an attempt may be followed by another though it may have been accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excuse {
    /// The worker was killed before its outcome was answered.
    Killed,
    /// The worker was killed, and its outcome lost with Redis before the book had it.
    LostWithRedis,
    /// The worker was silent for a lease of Redis time before its outcome was answered.
    Silent,
    /// The worker, frozen or cut off, did not report to the new epoch in time.
    Unreported,
    /// The relay's connection was lost after the final dot.
    ConnectionLost,
}

/// What the relay knows of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The content is being written.
    NotYet,
    /// The relay has it.
    Accepted,
    /// The relay refused it for now.
    Deferred,
    /// The connection was lost before the final dot: the relay can't have it.
    Cut,
    /// The relay refused it for good.
    Rejected,
    /// The connection was lost after the final dot and the relay does not have it.
    Lost,
}

/// One start of a message's content.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The send.
    pub send: SendId,
    /// The number it was handed out under.
    pub claim: ClaimNumber,
    /// The worker, by its start.
    pub worker: u32,
    /// What the relay knows.
    pub taken: Taken,
    /// The memory of Redis in which its outcome was answered (it loses its memory now and then).
    pub told: Option<u32>,
    /// The book has its outcome.
    pub recorded: bool,
    /// Why another may follow.
    pub excuse: Option<Excuse>,
}

/// Where an attempt stands in the ledger.
pub type AttemptNumber = usize;

/// How often each promise was looked at.
pub type Checks = BTreeMap<&'static str, u64>;

/// See the module.
#[derive(Debug)]
pub struct Judge {
    /// Unknown outcomes are held for a person.
    holds: bool,
    attempts: Vec<Attempt>,
    of_send: BTreeMap<SendId, Vec<AttemptNumber>>,
    /// Counts the losses of Redis' memory.
    memory: u32,
    dead: BTreeSet<u32>,
    handed: Handed,
    limits: Limits,
    /// Stops and suppressions that were asked for.
    pub promised: Promised,
    broken: Vec<String>,
    checks: Checks,
}

impl Judge {
    /// A judge over a belt whose unknown outcomes are held, or tried again.
    pub fn new(holds: bool) -> Self {
        Self {
            holds,
            attempts: Vec::new(),
            of_send: BTreeMap::new(),
            memory: 0,
            dead: BTreeSet::new(),
            handed: Handed::default(),
            limits: Limits::default(),
            promised: Promised::default(),
            broken: Vec::new(),
            checks: Checks::new(),
        }
    }

    /// Notes a look at a promise, and that it was broken if `holds` is false.
    pub fn check(&mut self, promise: &'static str, holds: bool, why: impl FnOnce() -> String) {
        *self.checks.entry(promise).or_default() += 1;
        if !holds {
            self.broken.push(format!("{promise}: {}", why()));
        }
    }

    /// The promises that were broken.
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    /// How often each promise was looked at.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    fn is_safe(&self, attempt: &Attempt) -> bool {
        attempt.recorded || attempt.told == Some(self.memory)
    }

    /// The first byte of a message's content reaches the relay. `before` is what was written last on the
    /// same connection.
    pub fn starts(
        &mut self,
        send: SendId,
        claim: ClaimNumber,
        worker: u32,
        before: Option<AttemptNumber>,
    ) -> AttemptNumber {
        if let Some(before) = before {
            let last = self.attempts[before].clone();
            let ended = last.told.is_some() || last.taken == Taken::Cut;
            self.check("checkpoint", ended, || {
                format!(
                    "content of {send} was written before the end of {} was answered",
                    last.send
                )
            });
        }
        for earlier in self.of_send.get(&send).cloned().unwrap_or_default() {
            let earlier = self.attempts[earlier].clone();
            let may_follow = match earlier.taken {
                Taken::Deferred | Taken::Cut => true,
                Taken::Lost | Taken::NotYet | Taken::Accepted if self.holds => false,
                _ => earlier.excuse.is_some(),
            };
            self.check("not twice", may_follow, || {
                format!("{send} starts under {claim} on w{worker} after {earlier:?}")
            });
        }
        let number = self.attempts.len();
        self.attempts.push(Attempt {
            send,
            claim,
            worker,
            taken: Taken::NotYet,
            told: None,
            recorded: false,
            excuse: None,
        });
        self.of_send.entry(send).or_default().push(number);
        number
    }

    /// Whether the relay has accepted it once.
    pub fn went(&self, send: SendId) -> bool {
        let attempts = self.of_send.get(&send).into_iter().flatten();
        attempts.into_iter().any(|number| self.attempts[*number].taken == Taken::Accepted)
    }

    /// What became of an attempt at the relay.
    pub fn takes(&mut self, number: AttemptNumber, taken: Taken, connection_lost: bool) {
        let attempt = &mut self.attempts[number];
        attempt.taken = taken;
        if connection_lost {
            attempt.excuse.get_or_insert(Excuse::ConnectionLost);
        }
    }

    /// The worker's completion was carried out in this memory of Redis, and answered.
    pub fn told(&mut self, number: AttemptNumber, memory: u32) {
        self.attempts[number].told = Some(memory);
    }

    fn excuse(&mut self, excuse: Excuse, which: impl Fn(&Self, &Attempt) -> bool) {
        for number in 0..self.attempts.len() {
            let attempt = &self.attempts[number];
            if attempt.excuse.is_none() && which(self, attempt) {
                self.attempts[number].excuse = Some(excuse);
            }
        }
    }

    /// A worker was killed.
    pub fn killed(&mut self, worker: u32) {
        self.dead.insert(worker);
        self.excuse(Excuse::Killed, |judge, a| {
            a.worker == worker && a.told.is_none() && !judge.is_safe(a)
        });
        self.excuse(Excuse::LostWithRedis, |judge, a| a.worker == worker && !judge.is_safe(a));
    }

    /// A worker is silent for a lease of Redis time.
    pub fn silent(&mut self, worker: u32) {
        self.excuse(Excuse::Silent, |_, a| a.worker == worker && a.told.is_none());
    }

    /// Redis lost its memory; `recorded` is what the book has.
    pub fn redis_lost(&mut self, recorded: &BTreeSet<(SendId, ClaimNumber)>) {
        for attempt in &mut self.attempts {
            attempt.recorded |= recorded.contains(&(attempt.send, attempt.claim));
        }
        self.memory += 1;
        self.excuse(Excuse::LostWithRedis, |judge, a| {
            judge.dead.contains(&a.worker) && !judge.is_safe(a)
        });
    }

    /// A worker has reported in this memory of Redis: what it was answered before it has told again.
    pub fn joined(&mut self, worker: u32, memory: u32) {
        for attempt in self.attempts.iter_mut().filter(|a| a.worker == worker && a.told.is_some()) {
            attempt.told = Some(memory);
        }
    }

    /// An epoch was opened without the report of a worker that could not give it in time.
    pub fn unreported(&mut self, worker: u32) {
        self.excuse(Excuse::Unreported, |judge, a| a.worker == worker && !judge.is_safe(a));
    }

    /// Attempts that may have been doubled, and acceptances beyond the first of each send, by excuse.
    pub fn doubled(&self) -> (BTreeMap<Excuse, u64>, u64) {
        let mut excused = BTreeMap::new();
        for excuse in self.attempts.iter().filter_map(|attempt| attempt.excuse) {
            *excused.entry(excuse).or_default() += 1;
        }
        let accepted = |numbers: &Vec<AttemptNumber>| {
            numbers.iter().filter(|n| self.attempts[**n].taken == Taken::Accepted).count() as u64
        };
        (excused, self.of_send.values().map(|n| accepted(n).saturating_sub(1)).sum())
    }
}
