//! The calls a worker makes, one script each, without any memory of their own.
//!
//! [`crate::worker`] drives them; a simulation that plays workers may do so too.

use std::sync::Arc;

use domain::{Outcome, outcome::NotNowReason};

use crate::{
    connection::{Belt, Carried},
    error::{Error, Result},
    job::{ClaimedMeta, WorkerName},
    record::StreamId,
    scripts::Scripts,
};

/// One epoch as a worker has joined it. Calls through it fail with [`Error::Closed`] in any other.
#[derive(Debug, Clone)]
pub struct Membership {
    pub(crate) belt: Belt,
    pub(crate) scripts: Arc<Scripts>,
    pub(crate) name: WorkerName,
}

/// The answer to a claim.
#[derive(Debug)]
pub struct Claims {
    /// What kind of answer it is.
    pub said: ClaimSaid,
    /// When to come back if there was not enough.
    pub retry: std::time::Duration,
    /// How far the book has read.
    pub committed: StreamId,
    /// The jobs.
    pub jobs: Vec<ClaimedMeta>,
}

/// The kinds of answer to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimSaid {
    /// Jobs, perhaps none.
    Jobs,
    /// Reports are being taken.
    Wait,
    /// This worker was declared dead; it has to join again under another name.
    Gone,
    /// The book is too far behind.
    Full,
}

/// One operation of a checkpoint call.
#[derive(Debug, Clone)]
pub enum Op<'a> {
    /// May the content be written?
    Mark(&'a ClaimedMeta),
    /// It ended.
    Complete {
        /// The job.
        meta: &'a ClaimedMeta,
        /// Whether it was done: a late one also ends every other hand-out.
        done: bool,
        /// The outcome record as JSON.
        record: &'a str,
    },
    /// What the other side said of itself, before the word that ends the job. It has no answer.
    Heard {
        /// The job.
        meta: &'a ClaimedMeta,
        /// What was heard.
        heard: Heard,
    },
    /// It did not start.
    GiveBack {
        /// The job.
        meta: &'a ClaimedMeta,
        /// Whether the handler broke holding it.
        blame: bool,
        /// How long it stays away, in milliseconds; 0 puts it to the front of its lane.
        delay_ms: u64,
    },
}

/// What is said of a provider or relay, whatever becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The job's provider asks for less, and for nothing at all for a while.
    AskedLess {
        /// For how long, in microseconds of Redis time; the belt may wait longer.
        after_us: u64,
    },
    /// The job's relay can't be used.
    RelayDown,
}

impl Heard {
    /// What an outcome says of them, if it says anything.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::NotNow { after_ms, reason: NotNowReason::Throttled } => {
                Some(Self::AskedLess { after_us: after_ms.saturating_mul(1_000) })
            }
            Outcome::NotNow { reason: NotNowReason::RelayDown, .. } => Some(Self::RelayDown),
            _ => None,
        }
    }
}

/// The answer to a checkpoint.
#[derive(Debug)]
pub struct Checked {
    /// Whether this worker is still taken for alive.
    pub alive: bool,
    /// How far the book has read.
    pub committed: StreamId,
    /// One text for each operation but [`Op::Heard`]; see `lua/checkpoint.lua`.
    pub said: Vec<String>,
}

/// An outcome that is told again.
#[derive(Debug, Clone)]
pub struct Retold {
    /// The send.
    pub send: domain::SendId,
    /// The number it was handed out under.
    pub claim: domain::ClaimNumber,
    /// Whether it was done.
    pub done: bool,
    /// The outcome record as JSON.
    pub record: String,
}

fn stream_id(text: &str) -> StreamId {
    text.parse().unwrap_or_default()
}

const REPORT_PART: usize = 200;

impl Belt {
    /// Joins the epoch the belt is in, as `name`: names what is on the wire, re-sends outcomes.
    /// Answers with the committed position and a stream id for each outcome.
    ///
    /// # Errors
    /// [`Error::Closed`] until a leader takes reports; [`Error::Unreachable`]: repeat it.
    pub async fn join(
        &self,
        name: &WorkerName,
        wire: &[Arc<ClaimedMeta>],
        outcomes: &[Retold],
    ) -> Result<(Membership, StreamId, Vec<StreamId>)> {
        let (epoch, _) = self.epoch_key().await?.ok_or(Error::Closed)?;
        let membership =
            Membership { belt: self.clone(), scripts: self.scripts_of(epoch), name: name.clone() };
        let mut committed = StreamId::default();
        let mut ids = Vec::with_capacity(outcomes.len());
        let mut wire = wire.chunks(REPORT_PART);
        let mut outcomes = outcomes.chunks(REPORT_PART);
        let (mut wire_part, mut outcome_part) = (wire.next(), outcomes.next());
        loop {
            let next = (wire.next(), outcomes.next());
            let last = next.0.is_none() && next.1.is_none();
            let said = membership
                .report(last, wire_part.unwrap_or_default(), outcome_part.unwrap_or_default())
                .await?;
            committed = said.first().map_or(committed, |text| stream_id(text));
            ids.extend(said.iter().skip(1).map(|text| stream_id(text)));
            if last {
                return Ok((membership, committed, ids));
            }
            (wire_part, outcome_part) = next;
        }
    }
}

impl Membership {
    /// The name it joined under.
    pub fn name(&self) -> &WorkerName {
        &self.name
    }

    /// The same membership, spoken of over another handle's connection.
    pub fn through(&self, belt: &Belt) -> Self {
        Self { belt: belt.clone(), ..self.clone() }
    }

    /// The epoch it joined.
    pub fn epoch(&self) -> u32 {
        self.scripts.epoch
    }

    async fn report(
        &self,
        last: bool,
        wire: &[Arc<ClaimedMeta>],
        outcomes: &[Retold],
    ) -> Result<Vec<String>> {
        let mut arguments = vec![
            self.name.to_string(),
            if last { "1" } else { "0" }.to_owned(),
            wire.len().to_string(),
        ];
        for meta in wire {
            arguments.push(meta.send.to_string());
            arguments.push(meta.claim.to_string());
            arguments.push(meta.relay.clone());
            arguments.push(meta.packed.clone());
        }
        for told in outcomes {
            arguments.push(told.send.to_string());
            arguments.push(told.claim.to_string());
            arguments.push(if told.done { "d" } else { "f" }.to_owned());
            arguments.push(told.record.clone());
        }
        self.belt.call_in(&self.scripts, |s| &s.report, &arguments, Carried::default()).await
    }

    /// Claims up to `want` jobs under the call number `number`. A repeat of the last number answers
    /// with the same jobs.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Unreachable`]: repeat the number before using a new one.
    pub async fn claim(&self, number: u64, want: usize) -> Result<Claims> {
        let bound = self.belt.config().outcomes_bound.to_string();
        let arguments = [self.name.to_string(), number.to_string(), want.to_string(), bound];
        let said: Vec<String> = self
            .belt
            .call_in(&self.scripts, |s| &s.claim, &arguments.as_slice(), Carried::default())
            .await?;
        let mut said = said.into_iter();
        let kind = match said.next().as_deref() {
            Some("wait") => ClaimSaid::Wait,
            Some("gone") => ClaimSaid::Gone,
            Some("full") => ClaimSaid::Full,
            _ => ClaimSaid::Jobs,
        };
        let micros = said.next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let committed = said.next().map_or_else(StreamId::default, |text| stream_id(&text));
        let mut jobs = Vec::new();
        while let (Some(send), Some(claim), Some(relay), Some(deaths), Some(alone), Some(packed)) =
            (said.next(), said.next(), said.next(), said.next(), said.next(), said.next())
        {
            match ClaimedMeta::unpack(&send, &claim, &relay, &deaths, &alone, packed) {
                Some(job) => jobs.push(job),
                // Only this program writes jobs; what it can't read stays in hand until the leader's
                // next epoch rather than stopping the worker.
                None => tracing::error!(send.id = %send, "a job on the belt can't be read"),
            }
        }
        Ok(Claims { said: kind, retry: std::time::Duration::from_micros(micros), committed, jobs })
    }

    /// Says what happened, in order.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Unreachable`]: repeat it, nothing happens twice.
    pub async fn checkpoint(&self, ops: &[Op<'_>]) -> Result<Checked> {
        let mut arguments = vec![self.name.to_string()];
        for op in ops {
            match op {
                Op::Mark(meta) => {
                    arguments.extend([
                        "m".to_owned(),
                        meta.send.to_string(),
                        meta.claim.to_string(),
                    ]);
                }
                Op::Complete { meta, done, record } => {
                    let kind = if *done { "d" } else { "f" };
                    arguments.extend([
                        "c".to_owned(),
                        meta.send.to_string(),
                        meta.claim.to_string(),
                        kind.to_owned(),
                        (*record).to_owned(),
                    ]);
                }
                Op::Heard { meta, heard } => {
                    let (what, name, after_us) = match heard {
                        Heard::AskedLess { after_us } => ("less", &meta.provider, *after_us),
                        Heard::RelayDown => ("down", &meta.relay, 0),
                    };
                    arguments.extend([
                        "h".to_owned(),
                        meta.send.to_string(),
                        meta.claim.to_string(),
                        what.to_owned(),
                        name.clone(),
                        after_us.to_string(),
                    ]);
                }
                Op::GiveBack { meta, blame, delay_ms } => {
                    arguments.extend([
                        "g".to_owned(),
                        meta.send.to_string(),
                        meta.claim.to_string(),
                        if *blame { "1" } else { "0" }.to_owned(),
                        delay_ms.to_string(),
                    ]);
                }
            }
        }
        let mut said: Vec<String> = self
            .belt
            .call_in(&self.scripts, |s| &s.checkpoint, &arguments, Carried::default())
            .await?;
        let texts = said.split_off(said.len().min(2));
        Ok(Checked {
            alive: said.first().is_some_and(|text| text == "alive"),
            committed: said.get(1).map_or_else(StreamId::default, |text| stream_id(text)),
            said: texts,
        })
    }

    /// Says that this worker lives. False if it was declared dead.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Unreachable`].
    pub async fn beat(&self) -> Result<bool> {
        let said: String = self
            .belt
            .call_in(&self.scripts, |s| &s.beat, &self.name.as_str(), Carried::default())
            .await?;
        Ok(said == "alive")
    }

    /// Goes: everything still held goes back, unblamed.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Unreachable`].
    pub async fn leave(&self) -> Result<()> {
        loop {
            let gone: bool = self
                .belt
                .call_in(&self.scripts, |s| &s.leave, &self.name.as_str(), Carried::default())
                .await?;
            if gone {
                return Ok(());
            }
        }
    }
}
