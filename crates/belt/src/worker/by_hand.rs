//! The parts of a worker, stepped by somebody else than their own timers.
//!
//! The same checkpoint line, claims and session as under [`BeltBackend`](crate::BeltBackend); what is left
//! out are apalis, the waits between calls, and the thread of the heartbeat. Each step makes one call that
//! is not repeated: when to go on is for who steps.

use std::{
    marker::PhantomData,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use apalis_core::worker::context::WorkerContext;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

pub use super::checkpoint::LineStep;
use crate::{
    connection::Belt,
    error::Error,
    job::ClaimedMeta,
    protocol::{ClaimSaid, Membership},
    worker::{
        Claimed, WorkerOptions,
        checkpoint::Line as CheckpointLine,
        claimed::Said,
        claims::{Inbox, hand_in},
        permit::BootTime,
        session::{Checkpoint, Session},
    },
};

/// One worker in parts. They may be under way at the same time.
#[derive(Debug)]
pub struct ByHand<T> {
    /// What its connections have to say, in order.
    pub line: Line,
    /// Asks for jobs.
    pub claims: Asker<T>,
    /// Says that it lives.
    pub heartbeat: Heartbeat,
    /// A look at it from inside, the jobs it got, and its end.
    pub desk: Desk<T>,
}

/// A worker that does nothing by itself.
///
/// # Panics
/// Never in practice: a worker that was just made can be started.
pub fn by_hand<T>(belt: Belt, options: WorkerOptions) -> ByHand<T> {
    let (say, said) = mpsc::unbounded_channel();
    let session = Arc::new(Session::new(belt, options, say));
    let mut context = WorkerContext::new(session.options.name.as_str());
    context.start().expect("it was not started before");
    *session.apalis.lock().unwrap_or_else(|e| e.into_inner()) = Some(context);
    let inbox = Inbox::default();
    ByHand {
        line: Line(CheckpointLine::new(Arc::clone(&session), said)),
        claims: Asker {
            session: Arc::clone(&session),
            inbox: Arc::clone(&inbox),
            generation: 0,
            number: 0,
            asked: None,
        },
        heartbeat: Heartbeat(Arc::clone(&session)),
        desk: Desk { session, inbox, payload: PhantomData },
    }
}

/// The checkpoint line.
pub struct Line(CheckpointLine);

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

impl Line {
    /// Joins the epoch, or says what is in line, in one call. `boot_clock` is what the worker's boot clock
    /// shows when it goes out: permits age from there.
    pub async fn step(&mut self, boot_clock: Duration) -> LineStep {
        self.0.step(BootTime::at(boot_clock)).await
    }
}

/// What came of a claim call.
#[derive(Debug)]
pub enum Asked {
    /// There is no free hand, or no epoch to ask in.
    Nothing,
    /// The answer; its jobs are on the desk.
    Answered {
        /// The number of the call.
        number: u64,
        /// The kind of answer.
        said: ClaimSaid,
        /// Its jobs.
        jobs: Vec<ClaimedMeta>,
    },
    /// No answer: the next step repeats the number.
    Unanswered,
    /// The belt is closed.
    Closed,
}

/// The claims.
#[derive(Debug)]
pub struct Asker<T> {
    session: Arc<Session>,
    inbox: Inbox<T>,
    generation: u64,
    number: u64,
    /// What the last number asked for, until it is answered.
    asked: Option<usize>,
}

impl<T: DeserializeOwned> Asker<T> {
    /// One claim call for as many jobs as there are free hands, or the last one again if that was not
    /// answered.
    pub async fn step(&mut self) -> Asked {
        let Some(registration) = self.session.registered() else { return Asked::Nothing };
        if registration.generation != self.generation {
            self.generation = registration.generation;
            self.number = 0;
            self.asked = None;
        }
        let want = match self.asked {
            Some(want) => want,
            None => {
                let free = self.session.hands.available_permits().min(256);
                if free == 0 || !self.session.may_claim() {
                    return Asked::Nothing;
                }
                self.number += 1;
                self.asked = Some(free);
                free
            }
        };
        match registration.membership.claim(self.number, want).await {
            Ok(claims) => {
                self.asked = None;
                self.session.heard_committed(self.generation, claims.committed);
                let (said, jobs) = (claims.said, claims.jobs.clone());
                hand_in(&self.session, &self.inbox, claims);
                if said == ClaimSaid::Gone {
                    self.session.lost(&registration, true);
                }
                Asked::Answered { number: self.number, said, jobs }
            }
            Err(Error::Closed) => {
                self.asked = None;
                self.session.lost(&registration, false);
                Asked::Closed
            }
            Err(_) => Asked::Unanswered,
        }
    }

    /// The last number again though it was answered, as a worker does that never got the answer. `None`
    /// if it was not: then the next step repeats it.
    ///
    /// # Errors
    /// As [`Membership::claim`].
    pub async fn repeat(&self, membership: &Membership) -> Result<Option<Vec<ClaimedMeta>>, Error> {
        if self.asked.is_some() || self.number == 0 {
            return Ok(None);
        }
        membership.claim(self.number, 1).await.map(|claims| Some(claims.jobs))
    }
}

/// The heartbeat.
#[derive(Debug)]
pub struct Heartbeat(Arc<Session>);

impl Heartbeat {
    /// One beat, if the worker is in an epoch: whether the belt takes it for alive.
    ///
    /// # Errors
    /// As [`Membership::beat`].
    pub async fn step(&mut self) -> Result<Option<bool>, Error> {
        let Some(registration) = self.0.registered() else { return Ok(None) };
        match registration.membership.beat().await {
            Ok(true) => Ok(Some(true)),
            Ok(false) => {
                self.0.lost(&registration, true);
                Ok(Some(false))
            }
            Err(Error::Closed) => {
                self.0.lost(&registration, false);
                Err(Error::Closed)
            }
            Err(error) => Err(error),
        }
    }
}

/// Where a worker's jobs lie.
#[derive(Debug)]
pub struct Desk<T> {
    session: Arc<Session>,
    inbox: Inbox<T>,
    payload: PhantomData<T>,
}

impl<T> Desk<T> {
    /// The next job that no handler has begun.
    pub fn next(&self) -> Option<Claimed<T>> {
        self.inbox.lock().unwrap_or_else(|e| e.into_inner()).pop_front()
    }

    /// A look at the worker from inside.
    pub fn look(&self) -> Checkpoint {
        Checkpoint(Arc::clone(&self.session))
    }

    /// The epoch it is in, to speak in it past the worker's own parts.
    pub fn membership(&self) -> Option<Membership> {
        self.session.registered().map(|registration| registration.membership)
    }

    /// No more claims from now on; what no handler has begun is given back.
    pub fn close(&self) {
        self.session.closing.store(true, Ordering::SeqCst);
        super::claims::give_back_all(&self.inbox);
    }

    /// The line leaves once everything said before is answered; for when no handler has a job any more.
    pub fn leave(&self) {
        let (answer, _) = oneshot::channel();
        self.session.say.send(Said::Close { answer }).ok();
    }
}
