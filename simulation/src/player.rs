//! A worker of the simulation: the worker's own checkpoint line, claims, session and heartbeat
//! ([`belt::worker::by_hand`]), with connections that are ours. What stands in for `worker` and `channels`
//! is the order of one connection: take a job, ask the gate, write while the permit is fresh, hear the
//! relay's answer, complete, take the next.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use belt::{
    Belt, Claimed, ClaimedMeta, Completion, JobHandle, Mark, Permit, WorkerName, WorkerOptions,
    worker::by_hand::{Asked, Asker, ByHand, Desk, Heartbeat, Line, LineStep, by_hand},
};
use domain::{ClaimNumber, Outcome, SendEmail, SendId};
use futures::task::noop_waker_ref;

use crate::{judge::AttemptNumber, part::Part, wire::Process};

/// Who is silent for so long by Redis' clock (us) is dead.
pub const LEASE_US: u64 = 6_000_000;

/// What can't go within this (ms) leaves the belt.
const LONG_WAIT_MS: u64 = 30_000;

/// A job whose end was said.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// The send.
    pub send: SendId,
    /// The attempt, if content was written.
    pub attempt: Option<AttemptNumber>,
    /// It can't go for so long that it has to leave the belt.
    pub waits_long: bool,
}

/// A job in the hands of a connection.
pub struct InHand {
    /// Its payload.
    pub job: SendEmail,
    /// Its exit.
    pub handle: JobHandle,
}

/// Where a connection stands.
pub enum Step {
    /// It has no job.
    Idle,
    /// It has a job, rendered or about to be.
    Loaded(InHand),
    /// It has asked the gate.
    Asking(InHand, Pin<Box<dyn Future<Output = Mark>>>),
    /// It has leave to write.
    Leave(InHand, Permit),
    /// Content was written; the relay has not answered.
    Writing(InHand, AttemptNumber),
}

/// One connection to the relay.
pub struct Connection {
    /// Where it stands.
    pub step: Step,
    /// The relay takes its time until then (boot us).
    pub slow_until: u64,
    /// What was written last on it.
    pub last: Option<AttemptNumber>,
}

/// What a worker is told when its heartbeat is answered.
pub type Beaten = Result<Option<bool>, belt::Error>;

/// One start of a worker process.
pub struct Player {
    /// Which start.
    pub number: u32,
    /// The checkpoint line.
    pub line: Part<Line, LineStep>,
    /// The claims.
    pub claims: Part<Asker<SendEmail>, Asked>,
    /// The heartbeat.
    pub beat: Part<Heartbeat, Beaten>,
    /// Its jobs.
    pub desk: Desk<SendEmail>,
    /// Its connections.
    pub connections: Vec<Connection>,
    /// Completions that were not answered yet.
    pub saying: Vec<(Ended, Completion)>,
    /// When the last claim was carried out (Redis us).
    pub last_lanes_at: u64,
    /// When the first try of a claim that is not answered yet was carried out (Redis us).
    pub claimed_at: Option<u64>,
    /// The jobs of the last claim that was answered, until something else was said.
    pub last_claim: Vec<ClaimedMeta>,
    /// It stands still until then (boot us).
    pub frozen_until: u64,
    /// Its next heartbeat (boot us).
    pub next_beat: u64,
    /// When it was last heard (Redis us), and the highest Redis time since.
    pub heard: u64,
    /// The highest Redis time since it was heard.
    pub peak: u64,
    /// When it was frozen, cut off or lost a call last (boot us).
    pub disturbed: u64,
    /// The epoch it has joined last.
    pub epoch: u32,
    /// Hand-outs that ended without an end of the send, and how.
    pub ended: Vec<(ClaimedMeta, Outcome)>,
    /// How often it has joined an epoch.
    pub joined: u32,
    /// How often it had when the claim and the beat that are under way set out.
    pub set_out: [u32; 2],
    /// It is leaving.
    pub leaving: bool,
    /// Under which name each job was handed out.
    pub handed_to: BTreeMap<ClaimNumber, WorkerName>,
}

impl std::fmt::Debug for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Player").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Player {
    /// A worker that was just started.
    pub fn new(number: u32, belt: Belt, hands: usize, connections: usize, boot: u64) -> Self {
        let options = WorkerOptions::new(WorkerName::new(&format!("w{number}")), hands);
        let ByHand { line, claims, heartbeat, desk } = by_hand(belt, options);
        let connection = || Connection { step: Step::Idle, slow_until: 0, last: None };
        Self {
            number,
            line: Part::new(line),
            claims: Part::new(claims),
            beat: Part::new(heartbeat),
            desk,
            connections: (0..connections).map(|_| connection()).collect(),
            saying: Vec::new(),
            last_lanes_at: 0,
            claimed_at: None,
            last_claim: Vec::new(),
            frozen_until: 0,
            next_beat: boot + 2_000_000,
            heard: 0,
            peak: 0,
            disturbed: boot,
            epoch: 0,
            ended: Vec::new(),
            joined: 0,
            set_out: [0; 2],
            leaving: false,
            handed_to: BTreeMap::new(),
        }
    }

    /// As which process it is on the wire.
    pub fn process(&self) -> Process {
        Process::Worker(self.number)
    }

    /// Whether it has joined an epoch and was not told that it is lost.
    pub fn is_registered(&self) -> bool {
        self.desk.look().stats().epoch.is_some()
    }

    /// The name the belt knows it by.
    pub fn known_as(&self) -> Option<WorkerName> {
        self.desk.look().stats().registered_as
    }

    /// How many jobs it holds that were handed out to it under the name it has now, and of whose end it has
    /// said nothing yet.
    pub fn held(&self) -> usize {
        let known_as = self.known_as();
        self.unsaid().filter(|claim| self.handed_to.get(claim) == known_as.as_ref()).count()
    }

    /// What it holds of that it was handed out under this name, and whether it writes it. Of an earlier epoch than the one it
    /// has joined, only what it writes: that it has named.
    pub fn held_under(&self, name: &WorkerName) -> impl Iterator<Item = (SendId, bool)> {
        self.connections.iter().filter_map(move |connection| {
            let (in_hand, writes) = match &connection.step {
                Step::Loaded(in_hand) => (in_hand, false),
                Step::Writing(in_hand, _) => (in_hand, true),
                _ => return None,
            };
            let meta = in_hand.handle.meta();
            let counts = writes || meta.claim.epoch() == self.epoch;
            (counts && self.handed_to.get(&meta.claim) == Some(name)).then_some((meta.send, writes))
        })
    }

    fn unsaid(&self) -> impl Iterator<Item = ClaimNumber> + '_ {
        self.connections.iter().filter_map(|connection| match &connection.step {
            Step::Idle => None,
            Step::Loaded(in_hand)
            | Step::Asking(in_hand, _)
            | Step::Leave(in_hand, _)
            | Step::Writing(in_hand, _) => Some(in_hand.handle.meta().claim),
        })
    }

    /// Whether nothing it says is under way.
    pub fn line_is_quiet(&self) -> bool {
        !self.line.is_under_way() && !self.claims.is_under_way()
    }

    /// How many of these jobs it has neither ended nor given back.
    pub fn untouched(&self, jobs: &[ClaimedMeta]) -> usize {
        self.unsaid().filter(|claim| jobs.iter().any(|job| job.claim == *claim)).count()
    }

    /// Whether it was not heard for a lease of Redis time.
    pub fn is_silent(&self) -> bool {
        self.heard > 0 && self.peak.saturating_sub(self.heard) >= LEASE_US
    }

    /// It was heard at this Redis time; the answer comes now.
    pub fn was_heard(&mut self, at: u64, now: u64) {
        self.heard = at;
        self.peak = at.max(now);
    }

    /// Whether nothing is left to do or to say.
    pub fn is_idle(&self) -> bool {
        self.unsaid().next().is_none() && self.saying.is_empty()
    }

    /// Takes the next job onto an idle connection.
    pub fn load(&mut self, at: usize) -> bool {
        let Some(claimed) = self.desk.next() else { return false };
        let (job, handle) = Claimed::take(claimed);
        self.connections[at].step = Step::Loaded(InHand { job, handle });
        true
    }

    /// Asks the gate: what it says is in line when this returns.
    pub fn ask(&mut self, at: usize, in_hand: InHand) {
        let gate = in_hand.handle.gate();
        let mut mark: Pin<Box<dyn Future<Output = Mark>>> =
            Box::pin(async move { gate.mark().await });
        let step = match poll(mark.as_mut()) {
            None => Step::Asking(in_hand, mark),
            Some(Mark::Go(permit)) => Step::Leave(in_hand, permit),
            Some(Mark::Refused(refusal)) => {
                return self.complete(at, in_hand, refusal.outcome(), None);
            }
        };
        self.connections[at].step = step;
    }

    /// Says how a job ended; its connection is idle.
    pub fn complete(
        &mut self,
        at: usize,
        in_hand: InHand,
        outcome: Outcome,
        attempt: Option<AttemptNumber>,
    ) {
        let waits_long =
            matches!(outcome, Outcome::NotNow { after_ms, .. } if after_ms >= LONG_WAIT_MS);
        if matches!(outcome, Outcome::Transient { .. }) {
            self.ended.push((ClaimedMeta::clone(in_hand.handle.meta()), outcome.clone()));
        }
        let ended = Ended { send: in_hand.job.send, attempt, waits_long };
        self.saying.push((ended, in_hand.handle.complete(outcome)));
        self.connections[at].step = Step::Idle;
    }

    /// What was ended and answered since the last look.
    pub fn answered(&mut self) -> Vec<Ended> {
        let mut answered = Vec::new();
        self.saying.retain_mut(|(ended, completion)| {
            let done = poll(Pin::new(completion)).is_some();
            if done {
                answered.push(*ended);
            }
            !done
        });
        answered
    }

    /// Whether it holds this send.
    pub fn holds(&self, send: SendId) -> bool {
        self.connections.iter().any(|connection| match &connection.step {
            Step::Loaded(in_hand) | Step::Writing(in_hand, _) => in_hand.job.send == send,
            _ => false,
        })
    }

    /// Whether content of its is on the wire.
    pub fn is_writing(&self) -> bool {
        self.connections.iter().any(|c| matches!(c.step, Step::Writing(..)))
    }

    /// Messages whose content was begun and whose end was not answered.
    pub fn open_messages(&self) -> usize {
        let writing =
            self.connections.iter().filter(|c| matches!(c.step, Step::Writing(..))).count();
        writing + self.saying.iter().filter(|(ended, _)| ended.attempt.is_some()).count()
    }
}

/// Looks once whether a future that no reactor drives has come to its end.
pub fn poll<R>(future: Pin<&mut (impl Future<Output = R> + ?Sized)>) -> Option<R> {
    match future.poll(&mut Context::from_waker(noop_waker_ref())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

/// One step of the line, on its way.
pub fn speak(mut line: Line, boot: u64) -> crate::part::UnderWay<Line, LineStep> {
    Box::pin(async move {
        let step = line.step(Duration::from_micros(boot)).await;
        (line, step)
    })
}

/// One claim, on its way.
pub fn claim(mut claims: Asker<SendEmail>) -> crate::part::UnderWay<Asker<SendEmail>, Asked> {
    Box::pin(async move {
        let asked = claims.step().await;
        (claims, asked)
    })
}

/// One beat, on its way.
pub fn beat(mut heartbeat: Heartbeat) -> crate::part::UnderWay<Heartbeat, Beaten> {
    Box::pin(async move {
        let beaten = heartbeat.step().await;
        (heartbeat, beaten)
    })
}

/// The belt of a process: its own handle, on its own wire.
pub async fn connect(
    config: &belt::BeltConfig,
    wires: &Arc<crate::wire::Wires>,
    process: Process,
) -> belt::Result<Belt> {
    Belt::connect(belt::BeltConfig { between: Some(wires.of(process)), ..config.clone() }).await
}
