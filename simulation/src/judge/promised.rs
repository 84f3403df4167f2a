//! Stops and suppressions: what was answered to whom, and until when something may still start.

use domain::{ActivationId, SendId};

use super::Judge;

/// A permit that was given before a stop was answered is good for so long (us).
const PERMIT_US: u64 = 1_000_000;

/// Whom a stop covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopKey {
    /// All sends of an activation.
    Activation(ActivationId),
    /// All mail to an address, or that of one partner (by its place in the cast).
    Address {
        /// The address.
        address: String,
        /// The partner; `None`: all of them.
        partner: Option<usize>,
    },
}

#[derive(Debug, Clone)]
struct Stop {
    key: StopKey,
    /// The boot clock (us) when the belt knew it, or had to.
    in_force: Option<u64>,
    /// Its time in the book is one that Redis' clock has left behind or come back from, by more than the scheduler allows two clocks
    /// to be apart: if the belt was not told of it, only a new epoch tells it.
    misdated: bool,
}

/// What stands against a start.
#[derive(Debug, Default)]
pub struct Promised {
    stops: Vec<Stop>,
}

impl Promised {
    /// A stop was answered: the belt knows (`told`), or will before anything is sent.
    pub fn stopped(&mut self, key: StopKey, told: bool, boot: u64, misdated: bool) {
        self.stops.push(Stop { key, in_force: told.then_some(boot), misdated });
    }

    /// Somebody begins to lift the stop of an activation.
    pub fn lifting(&mut self, activation: ActivationId) {
        self.stops.retain(|stop| stop.key != StopKey::Activation(activation));
    }

    /// The scheduler has looked after the belt since: it knows all.
    pub fn looked_after(&mut self, known: usize, boot: u64) {
        for stop in self.stops.iter_mut().take(known).filter(|stop| !stop.misdated) {
            stop.in_force.get_or_insert(boot);
        }
    }

    /// How many stops there are.
    pub fn count(&self) -> usize {
        self.stops.len()
    }

    /// Whether an address was suppressed, in force or not.
    pub fn covers(&self, address: &str, partner: usize) -> bool {
        self.stops.iter().any(|stop| match &stop.key {
            StopKey::Address { address: a, partner: p } => {
                a == address && p.is_none_or(|p| p == partner)
            }
            StopKey::Activation(_) => false,
        })
    }
}

impl Judge {
    /// Content of a send starts at `boot`: does a promise stand against it?
    pub fn starts_against(
        &mut self,
        send: SendId,
        activation: ActivationId,
        address: &str,
        partner: usize,
        boot: u64,
    ) {
        let against = self.promised.stops.iter().find(|stop| {
            let covers = match &stop.key {
                StopKey::Activation(id) => *id == activation,
                StopKey::Address { address: a, partner: p } => {
                    a == address && p.is_none_or(|p| p == partner)
                }
            };
            covers && stop.in_force.is_some_and(|at| boot > at + PERMIT_US)
        });
        let against = against.cloned();
        self.check("stop means stop", against.is_none(), || {
            format!("{send} starts at {boot} us against {against:?}")
        });
    }
}
