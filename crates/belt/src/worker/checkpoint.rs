//! The checkpoint: one task through which everything a worker's connections say goes in order, many
//! connections' words in one call, one call in flight.
//!
//! Content of job n+1 is never written before n's completion is answered: on one connection the
//! completion is said before the mark, both are in this line, and the mark's answer comes with or after
//! the completion's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{Outcome, SendId, outcome::Answer};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    error::Error,
    job::{ClaimedMeta, WorkerName},
    protocol::{Checked, Heard, Op, Retold},
    worker::{
        claimed::{Hand, Mark, Refusal, Said, record_of},
        kept::Kept,
        permit::{BootTime, Permit},
        session::{Registration, Session},
    },
};

/// Words in one call.
const BATCH: usize = 256;
/// How long a mark waits for a belt that does not answer, with a relay at the other end of the line.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a closed belt is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// One word in line.
enum Word {
    Mark {
        meta: Arc<ClaimedMeta>,
        answer: oneshot::Sender<Mark>,
        since: Instant,
    },
    Complete {
        meta: Arc<ClaimedMeta>,
        done: bool,
        record: String,
        heard: Option<Heard>,
        hand: Hand,
        answer: Option<oneshot::Sender<()>>,
    },
    GiveBack {
        meta: Arc<ClaimedMeta>,
        blame: bool,
        delay_ms: u64,
        heard: Option<Heard>,
        hand: Hand,
        answer: Option<oneshot::Sender<()>>,
    },
}

impl Word {
    fn as_ops(&self) -> impl Iterator<Item = Op<'_>> {
        let (heard, op) = match self {
            Self::Mark { meta, .. } => (None, Op::Mark(meta)),
            Self::Complete { meta, done, record, heard, .. } => {
                let heard = heard.map(|heard| Op::Heard { meta, heard });
                (heard, Op::Complete { meta, done: *done, record })
            }
            Self::GiveBack { meta, blame, delay_ms, heard, .. } => {
                let heard = heard.map(|heard| Op::Heard { meta, heard });
                (heard, Op::GiveBack { meta, blame: *blame, delay_ms: *delay_ms })
            }
        };
        heard.into_iter().chain([op])
    }
}

/// Runs until the worker has left.
pub(crate) async fn run(session: Arc<Session>, said: mpsc::UnboundedReceiver<Said>) {
    Line::new(session, said).run().await;
}

/// What one step of a line did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineStep {
    /// There was nothing to say.
    Nothing,
    /// It joined the belt's epoch.
    Joined,
    /// It said what was in line, and was answered.
    Answered,
    /// It was not answered, or the belt is closed.
    Unanswered,
    /// The worker has left, whether the belt heard it or not.
    Left,
}

pub(crate) struct Line {
    session: Arc<Session>,
    said: mpsc::UnboundedReceiver<Said>,
    words: Vec<Word>,
    /// What was marked and has not ended: its content may be on the wire.
    wire: BTreeMap<SendId, Arc<ClaimedMeta>>,
    kept: Kept,
    registration: Option<Registration>,
    generation: u64,
    name: WorkerName,
    /// How often this worker was declared dead; each time it gets a new name.
    deaths: u32,
    close: Option<oneshot::Sender<()>>,
}

impl Line {
    pub(crate) fn new(session: Arc<Session>, said: mpsc::UnboundedReceiver<Said>) -> Self {
        let name = session.options.name.clone();
        Self {
            session,
            said,
            words: Vec::new(),
            wire: BTreeMap::new(),
            kept: Kept::default(),
            registration: None,
            generation: 0,
            name,
            deaths: 0,
            close: None,
        }
    }

    /// What [`Self::run`] does between two waits, with one call that is not repeated; `asked_at` is when
    /// that goes out. For who decides himself when a worker's parts go on.
    pub(crate) async fn step(&mut self, asked_at: BootTime) -> LineStep {
        let Some(registration) = self.registration.clone() else {
            self.let_go_of_what_waits();
            let joined = self.report().await;
            // Heard late on purpose: what is said while a report is under way is not in it.
            self.hear_all();
            return if joined.is_ok() { LineStep::Joined } else { LineStep::Unanswered };
        };
        if self.words.is_empty() {
            if self.close.is_some() {
                registration.membership.leave().await.ok();
                self.finish();
                return LineStep::Left;
            }
            self.forget();
        }
        self.hear_all();
        let step = match (&self.registration, self.words.is_empty()) {
            (None, _) | (_, true) => LineStep::Nothing,
            (Some(_), false) => match self.speak_once(&registration, asked_at).await {
                Ok(()) => LineStep::Answered,
                Err(_) => LineStep::Unanswered,
            },
        };
        self.count();
        step
    }

    fn hear_all(&mut self) {
        while self.words.len() < BATCH {
            let Ok(said) = self.said.try_recv() else { break };
            self.hear(said);
        }
    }

    async fn run(&mut self) {
        loop {
            let Some(registration) = self.registration.clone() else {
                if !self.join().await {
                    return self.finish();
                }
                continue;
            };
            if self.words.is_empty() {
                if self.close.is_some() {
                    if let Err(error) = registration.membership.leave().await {
                        tracing::debug!(%error, "the belt did not hear that this worker left");
                    }
                    return self.finish();
                }
                // Now and then without a word, so that what the book has is forgotten.
                match tokio::time::timeout(Duration::from_secs(1), self.said.recv()).await {
                    Ok(Some(said)) => self.hear(said),
                    Ok(None) => return self.finish(),
                    Err(_) => self.forget(),
                }
            }
            self.hear_all();
            // Whoever complained may have been right about this registration.
            if self.registration.is_some() && !self.words.is_empty() {
                self.speak(&registration).await;
            }
            self.count();
        }
    }

    fn finish(&mut self) {
        self.session.registration.send_replace(None);
        if let Some(answer) = self.close.take() {
            answer.send(()).ok();
        }
    }

    fn count(&self) {
        *self.session.counts.lock().unwrap_or_else(|e| e.into_inner()) =
            (self.kept.len(), self.wire.len());
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Mark { meta, answer } => {
                self.words.push(Word::Mark { meta, answer, since: Instant::now() });
            }
            Said::Complete { meta, done, record, heard, hand, answer } => {
                self.wire.remove(&meta.send);
                let answer = Some(answer);
                self.words.push(Word::Complete { meta, done, record, heard, hand, answer });
            }
            Said::GiveBack { meta, delay_ms, heard, hand, answer } => {
                self.wire.remove(&meta.send);
                self.words.push(Word::GiveBack {
                    meta,
                    blame: false,
                    delay_ms,
                    heard,
                    hand,
                    answer: Some(answer),
                });
            }
            Said::LetGo { meta, hand } => {
                if self.wire.remove(&meta.send).is_some() {
                    let why = "the handler broke while it was on the wire";
                    let record = record_of(&meta, Outcome::Unknown(Answer::note(why)));
                    self.words.push(Word::Complete {
                        meta,
                        done: false,
                        record,
                        heard: None,
                        hand,
                        answer: None,
                    });
                } else {
                    self.words.push(Word::GiveBack {
                        meta,
                        blame: true,
                        delay_ms: 0,
                        heard: None,
                        hand,
                        answer: None,
                    });
                }
            }
            Said::Lost { generation, gone } => {
                if self.registration.as_ref().is_some_and(|r| r.generation == generation) {
                    self.lose(gone);
                }
            }
            Said::Close { answer } => self.close = Some(answer),
        }
    }

    /// One call with everything that is in line, repeated until it is answered.
    async fn speak(&mut self, registration: &Registration) {
        let mut pause = Duration::from_millis(20);
        while let Err(error) = self.speak_once(registration, BootTime::now()).await {
            if self.registration.is_none() {
                return;
            }
            if error.is_unreachable() {
                tracing::debug!(%error, "a checkpoint was not answered; it is repeated");
            } else {
                tracing::warn!(%error, "a checkpoint was refused; it is repeated");
            }
            let words = std::mem::take(&mut self.words);
            self.words = refuse_marks(words, |since| since.elapsed() >= PATIENCE);
            if self.words.is_empty()
                || (self.close.is_some() && self.session.belt.ping().await.is_err())
            {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// The same once; what was not answered stays in line. `asked_at` is when the call goes out.
    async fn speak_once(
        &mut self,
        registration: &Registration,
        asked_at: BootTime,
    ) -> Result<(), Error> {
        let ops: Vec<Op<'_>> = self.words.iter().flat_map(Word::as_ops).collect();
        match registration.membership.checkpoint(&ops).await {
            Ok(checked) => {
                drop(ops);
                let words = std::mem::take(&mut self.words);
                self.answer(registration, words, checked, asked_at);
                Ok(())
            }
            Err(Error::Closed) => {
                // Nothing of it was carried out in the epoch to come; completions are told again.
                self.lose(false);
                Err(Error::Closed)
            }
            Err(error) => Err(error),
        }
    }

    fn answer(
        &mut self,
        registration: &Registration,
        words: Vec<Word>,
        checked: Checked,
        asked_at: BootTime,
    ) {
        for (word, said) in words.into_iter().zip(checked.said) {
            match word {
                Word::Mark { meta, answer, .. } => {
                    let mark = mark_of(&said, asked_at);
                    let delivered = answer.send(mark).is_ok();
                    // Whoever stopped waiting for the answer writes nothing.
                    if delivered && matches!(mark, Mark::Go(_)) {
                        self.wire.insert(meta.send, meta);
                    }
                }
                Word::Complete { meta, done, record, hand, answer, .. } => {
                    let told = Retold { send: meta.send, claim: meta.claim, done, record };
                    self.kept.keep(said.parse().unwrap_or_default(), told);
                    drop(hand);
                    answer.map(|answer| answer.send(()));
                }
                Word::GiveBack { hand, answer, .. } => {
                    drop(hand);
                    answer.map(|answer| answer.send(()));
                }
            }
        }
        self.session.heard_committed(registration.generation, checked.committed);
        self.forget();
        if !checked.alive {
            self.lose(true);
        }
    }

    /// Forgets what the book has. A position heard in another epoch says nothing about this stream.
    fn forget(&mut self) {
        let (generation, position) =
            *self.session.committed.lock().unwrap_or_else(|e| e.into_inner());
        if self.registration.as_ref().is_some_and(|r| r.generation == generation) {
            self.kept.forget_up_to(position);
        }
    }

    /// The worker is in no epoch any more. `gone`: it was declared dead and needs a new name.
    fn lose(&mut self, gone: bool) {
        self.registration = None;
        self.session.registration.send_replace(None);
        if gone {
            self.deaths += 1;
            self.name = WorkerName::new(&format!("{}~{}", self.session.options.name, self.deaths));
            // Its hands were emptied; what was on the wire is on record as unknown, and a late
            // "done" still counts.
            self.wire.clear();
            tracing::warn!(worker = %self.name, "this worker was declared dead; it joins again");
        }
    }

    /// Joins the next epoch; meanwhile nothing may be written and completions are kept. False when the
    /// worker is to end instead.
    async fn join(&mut self) -> bool {
        loop {
            self.let_go_of_what_waits();
            match self.report().await {
                Ok(()) => return true,
                Err(error) => tracing::debug!(%error, "the belt is not there to be joined"),
            }
            if self.close.is_some() {
                return false;
            }
            let deadline = Instant::now() + LOOK;
            while let Ok(said) = tokio::time::timeout_at(deadline, self.said.recv()).await {
                let Some(said) = said else { return false };
                self.hear(said);
                let waits =
                    matches!(self.words.last(), Some(Word::Mark { .. } | Word::GiveBack { .. }));
                if waits || self.close.is_some() {
                    break;
                }
            }
        }
    }

    /// Outside an epoch nothing may be written, and what was not begun comes back by the book: its hand
    /// is free now. Only completions stay in line.
    fn let_go_of_what_waits(&mut self) {
        self.words = refuse_marks(std::mem::take(&mut self.words), |_| true);
        self.words.retain(|word| !matches!(word, Word::GiveBack { .. }));
    }

    async fn report(&mut self) -> Result<(), Error> {
        let wire: Vec<Arc<ClaimedMeta>> = self.wire.values().cloned().collect();
        let mut outcomes: Vec<Retold> = self.kept.told().collect();
        let kept = outcomes.len();
        outcomes.extend(self.words.iter().filter_map(|word| match word {
            Word::Complete { meta, done, record, .. } => Some(Retold {
                send: meta.send,
                claim: meta.claim,
                done: *done,
                record: record.clone(),
            }),
            _ => None,
        }));
        let (membership, committed, ids) =
            self.session.belt.join(&self.name, &wire, &outcomes).await?;
        debug_assert!(ids.len() >= kept);
        self.kept.clear();
        for (id, told) in ids.into_iter().zip(outcomes) {
            self.kept.keep(id, told);
        }
        for word in self.words.drain(..) {
            if let Word::Complete { hand, answer, .. } = word {
                drop(hand);
                answer.map(|answer| answer.send(()));
            }
        }
        self.generation += 1;
        let registration = Registration { membership, generation: self.generation };
        tracing::info!(
            worker = %self.name, belt.epoch = registration.membership.epoch(),
            retold = kept, on_the_wire = wire.len(), "joined the belt"
        );
        self.session.heard_committed(self.generation, committed);
        self.registration = Some(registration.clone());
        self.session.registration.send_replace(Some(registration));
        self.count();
        Ok(())
    }
}

/// Refuses the marks that `which` says have waited long enough, and keeps the rest.
fn refuse_marks(words: Vec<Word>, which: impl Fn(Instant) -> bool) -> Vec<Word> {
    words
        .into_iter()
        .filter_map(|word| match word {
            Word::Mark { answer, since, .. } if which(since) => {
                answer.send(Mark::Refused(Refusal::Closed)).ok();
                None
            }
            word => Some(word),
        })
        .collect()
}

fn mark_of(said: &str, asked_at: BootTime) -> Mark {
    let micros = |text: &str| Duration::from_micros(text.parse().unwrap_or(0));
    Mark::Refused(match said.split_once(' ').unwrap_or((said, "")) {
        ("go", good_for) => return Mark::Go(Permit::new(asked_at, micros(good_for))),
        ("limited", after) => Refusal::Limited { after: micros(after) },
        ("stopped", _) => Refusal::Stopped,
        ("paused", _) => Refusal::Paused,
        ("revised", _) => Refusal::Revised,
        ("suppressed", _) => Refusal::Suppressed,
        ("expired", _) => Refusal::Expired,
        ("closed", _) => Refusal::Closed,
        _ => Refusal::Gone,
    })
}
