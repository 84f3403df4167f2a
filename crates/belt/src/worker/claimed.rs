//! A job in the hand of a handler: its payload, its gate, and its one exit.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use domain::{
    Outcome, OutcomeRecord,
    outcome::{NotNowReason, PermanentReason},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::{job::ClaimedMeta, protocol::Heard, worker::permit::Permit};

/// What can't go within this leaves the belt.
const LONG_WAIT_MS: u64 = crate::scripts::LONG_WAIT_US / 1_000;

/// What a handler says to the checkpoint, in its order.
#[derive(Debug)]
pub(crate) enum Said {
    /// May the content be written?
    Mark { meta: Arc<ClaimedMeta>, answer: oneshot::Sender<Mark> },
    /// It ended; the record is JSON.
    Complete {
        meta: Arc<ClaimedMeta>,
        done: bool,
        record: String,
        heard: Option<Heard>,
        hand: Hand,
        answer: oneshot::Sender<()>,
    },
    /// It did not start.
    GiveBack {
        meta: Arc<ClaimedMeta>,
        delay_ms: u64,
        heard: Option<Heard>,
        hand: Hand,
        answer: oneshot::Sender<()>,
    },
    /// The handler let go of it: broken, timed out, or dropped.
    LetGo { meta: Arc<ClaimedMeta>, hand: Hand },
    /// The registration of this generation is no good any more.
    Lost { generation: u64, gone: bool },
    /// Everything said before is to be answered, then the worker leaves.
    Close { answer: oneshot::Sender<()> },
}

/// The hand that held a job; free again when this is dropped.
pub(crate) type Hand = Option<OwnedSemaphorePermit>;

/// A claimed job as a handler gets it.
pub struct Claimed<T> {
    /// The payload.
    pub payload: T,
    /// Everything else that is known of it.
    pub meta: Arc<ClaimedMeta>,
    handle: JobHandle,
}

impl<T: fmt::Debug> fmt::Debug for Claimed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the payload: it holds an address.
        f.debug_struct("Claimed")
            .field("send", &self.meta.send)
            .field("claim", &self.meta.claim)
            .finish()
    }
}

impl<T> Claimed<T> {
    pub(crate) fn new(payload: T, handle: JobHandle) -> Self {
        Self { payload, meta: Arc::clone(&handle.meta), handle }
    }

    /// What asks for leave to write the content.
    pub fn gate(&self) -> Gate {
        self.handle.gate()
    }

    /// The one exit; see [`JobHandle::complete`].
    pub fn complete(self, outcome: Outcome) -> Completion {
        self.handle.complete(outcome)
    }

    /// The payload and the rest, apart.
    pub fn take(self) -> (T, JobHandle) {
        (self.payload, self.handle)
    }
}

/// A claimed job without its payload. Dropped without [`Self::complete`] (a panic, a time-out) it ends
/// by itself: given back with a recovery counted, or, if its content may be on the wire, as unknown.
pub struct JobHandle {
    meta: Arc<ClaimedMeta>,
    say: mpsc::UnboundedSender<Said>,
    /// Taken by the exit; what is still there at drop was let go of.
    hand: Hand,
    ended: bool,
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("send", &self.meta.send).finish_non_exhaustive()
    }
}

impl JobHandle {
    pub(crate) fn new(
        meta: Arc<ClaimedMeta>,
        say: mpsc::UnboundedSender<Said>,
        hand: Hand,
    ) -> Self {
        Self { meta, say, hand, ended: false }
    }

    /// Everything that is known of the job.
    pub fn meta(&self) -> &Arc<ClaimedMeta> {
        &self.meta
    }

    /// What asks for leave to write the content.
    pub fn gate(&self) -> Gate {
        Gate { meta: Arc::clone(&self.meta), say: self.say.clone() }
    }

    /// The one exit. What is said here is in line at the moment of the call, before every mark that
    /// is asked for afterwards, so the completion need not be awaited for the order to hold.
    ///
    /// "Not now" for less than 30 s keeps the job on the belt; everything else leaves it and becomes
    /// a record in the outcomes stream.
    pub fn complete(mut self, outcome: Outcome) -> Completion {
        let (answer, answered) = oneshot::channel();
        let meta = Arc::clone(&self.meta);
        let hand = self.hand.take();
        self.ended = true;
        let heard = Heard::of(&outcome);
        let said = match outcome {
            Outcome::NotNow { after_ms, .. } if after_ms < LONG_WAIT_MS => {
                Said::GiveBack { meta, delay_ms: after_ms, heard, hand, answer }
            }
            outcome => {
                let done = matches!(outcome, Outcome::Done(_));
                let record = record_of(&meta, outcome);
                Said::Complete { meta, done, record, heard, hand, answer }
            }
        };
        // The checkpoint outlives every job: it ends when the last sender is gone.
        self.say.send(said).ok();
        Completion(answered)
    }

    /// Gives it back to the front of its lane, unblamed.
    pub(crate) fn give_back(self) {
        drop(self.complete(Outcome::not_now(Duration::ZERO, NotNowReason::GivenBack)));
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        if !self.ended {
            self.say
                .send(Said::LetGo { meta: Arc::clone(&self.meta), hand: self.hand.take() })
                .ok();
        }
    }
}

/// The record of `outcome` as JSON.
pub(crate) fn record_of(meta: &ClaimedMeta, outcome: Outcome) -> String {
    let record = OutcomeRecord {
        v: domain::job::VERSION,
        send: meta.send,
        activation: meta.activation,
        partner: meta.lane.clone(),
        claim: meta.claim,
        on_unknown: meta.on_unknown,
        outcome,
    };
    serde_json::to_string(&record).expect("a record has nothing JSON can't hold")
}

/// Resolves when the completion has been answered: its record is in the stream, its hand is free. May
/// be dropped.
#[derive(Debug)]
#[must_use = "drop it explicitly if nothing depends on the answer"]
pub struct Completion(oneshot::Receiver<()>);

impl Future for Completion {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // An error means the worker is being torn down; there is nobody left to answer.
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

/// Asks the belt whether one job's content may be written now. What `transmit` gets as an argument.
#[derive(Debug, Clone)]
pub struct Gate {
    meta: Arc<ClaimedMeta>,
    say: mpsc::UnboundedSender<Said>,
}

impl Gate {
    /// Asks. May be asked again when the permit has aged; each answer stands for itself.
    pub async fn mark(&self) -> Mark {
        let (answer, answered) = oneshot::channel();
        let asked = self.say.send(Said::Mark { meta: Arc::clone(&self.meta), answer });
        if asked.is_err() {
            return Mark::Refused(Refusal::Closed);
        }
        answered.await.unwrap_or(Mark::Refused(Refusal::Closed))
    }
}

/// The answer to a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The content may be written while the permit is fresh.
    Go(Permit),
    /// It may not; close the connection if 354 has been received, and complete with
    /// [`Refusal::outcome`].
    Refused(Refusal),
}

/// Why content may not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The job is not in this worker's hands any more.
    Gone,
    /// Its activation, partner, version or vendor was stopped for good.
    Stopped,
    /// It was paused.
    Paused,
    /// Its activation was changed after it was queued.
    Revised,
    /// The address was suppressed.
    Suppressed,
    /// Its validity is over.
    Expired,
    /// The claim's permit has aged and the limit has no other now.
    Limited {
        /// How long until it has.
        after: Duration,
    },
    /// The belt is closed or out of reach.
    Closed,
}

/// How long a paused job stays with the book before it is looked at again.
const PAUSED_FOR: Duration = Duration::from_secs(60);

impl Refusal {
    /// What to complete the job with.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Gone | Self::Closed => Outcome::not_now(Duration::ZERO, NotNowReason::GivenBack),
            Self::Stopped => Outcome::permanent(PermanentReason::Stopped),
            Self::Paused => Outcome::not_now(PAUSED_FOR, NotNowReason::Paused),
            Self::Revised => Outcome::not_now(Duration::ZERO, NotNowReason::Revised),
            Self::Suppressed => Outcome::permanent(PermanentReason::Suppressed),
            Self::Expired => Outcome::permanent(PermanentReason::Expired),
            Self::Limited { after } => Outcome::not_now(after, NotNowReason::Limit),
        }
    }
}
