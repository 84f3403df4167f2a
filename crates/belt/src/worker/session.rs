//! What the parts of one worker share.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use apalis_core::worker::context::WorkerContext;
use futures::task::AtomicWaker;
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::{
    connection::Belt,
    job::WorkerName,
    protocol::Membership,
    record::StreamId,
    worker::{WorkerOptions, WorkerStats, claimed::Said},
};

/// This worker as the belt knows it, until it is lost.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) membership: Membership,
    /// Counts registrations, so that a complaint about an old one is not taken for the new one.
    pub(crate) generation: u64,
}

/// Shared by the parts of one worker.
pub(crate) struct Session {
    pub(crate) belt: Belt,
    pub(crate) options: WorkerOptions,
    pub(crate) say: mpsc::UnboundedSender<Said>,
    /// `None` while the worker is in no epoch. Set by the checkpoint only.
    pub(crate) registration: watch::Sender<Option<Registration>>,
    pub(crate) hands: Arc<Semaphore>,
    /// No more claims: apalis is stopping, or the backend is gone.
    pub(crate) closing: AtomicBool,
    /// Wakes the claims when something changed for them.
    pub(crate) claims_wake: Notify,
    /// The apalis worker, known from its first poll; it says whether to go on.
    pub(crate) apalis: Mutex<Option<WorkerContext>>,
    /// Wakes the backend's poll when jobs came in.
    pub(crate) waker: AtomicWaker,
    /// The recorder's position as last heard, with the generation it was heard in.
    pub(crate) committed: Mutex<(u64, StreamId)>,
    pub(crate) counts: Mutex<(usize, usize)>,
}

impl Session {
    pub(crate) fn new(
        belt: Belt,
        options: WorkerOptions,
        say: mpsc::UnboundedSender<Said>,
    ) -> Self {
        let hands = Arc::new(Semaphore::new(options.hands));
        Self {
            belt,
            options,
            say,
            registration: watch::Sender::new(None),
            hands,
            closing: AtomicBool::new(false),
            claims_wake: Notify::new(),
            apalis: Mutex::default(),
            waker: AtomicWaker::new(),
            committed: Mutex::default(),
            counts: Mutex::default(),
        }
    }

    pub(crate) fn registered(&self) -> Option<Registration> {
        self.registration.borrow().clone()
    }

    /// Reports that `registration` is no good.
    pub(crate) fn lost(&self, registration: &Registration, gone: bool) {
        self.say.send(Said::Lost { generation: registration.generation, gone }).ok();
    }

    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.claims_wake.notify_one();
    }

    /// Whether jobs may be asked for.
    pub(crate) fn may_claim(&self) -> bool {
        if self.closing.load(Ordering::SeqCst) {
            return false;
        }
        let apalis = self.apalis.lock().unwrap_or_else(|e| e.into_inner());
        apalis.as_ref().is_some_and(|apalis| apalis.is_running() && !apalis.is_shutting_down())
    }

    pub(crate) fn heard_committed(&self, generation: u64, position: StreamId) {
        let mut heard = self.committed.lock().unwrap_or_else(|e| e.into_inner());
        if generation > heard.0 || (generation == heard.0 && position > heard.1) {
            *heard = (generation, position);
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("name", &self.options.name).finish_non_exhaustive()
    }
}

/// A look at a worker from inside its process.
#[derive(Debug, Clone)]
pub struct Checkpoint(pub(crate) Arc<Session>);

impl Checkpoint {
    /// What the worker looks like now.
    pub fn stats(&self) -> WorkerStats {
        let registered = self.0.registered();
        let (kept, wire) = *self.0.counts.lock().unwrap_or_else(|e| e.into_inner());
        WorkerStats {
            epoch: registered.as_ref().map(|r| r.membership.epoch()),
            registered_as: registered.map(|r| r.membership.name().clone()),
            kept_outcomes: kept,
            on_the_wire: wire,
            free_hands: self.0.hands.available_permits(),
        }
    }

    /// Waits until the worker has joined an epoch, and says under which name.
    pub async fn joined(&self) -> WorkerName {
        let mut registration = self.0.registration.subscribe();
        loop {
            if let Some(registered) = registration.borrow_and_update().as_ref() {
                return registered.membership.name().clone();
            }
            if registration.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until no hand holds a job and everything said was answered.
    pub async fn idle(&self) {
        let hands = u32::try_from(self.0.options.hands).unwrap_or(u32::MAX);
        drop(self.0.hands.acquire_many(hands).await);
    }
}
