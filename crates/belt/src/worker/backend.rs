//! The backend apalis polls. It never answers an error: apalis ends a worker at the first one and drops
//! every handler in mid-dialogue.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, mpsc as thread},
    task::{Context, Poll},
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tower_layer::Identity;

use crate::{
    connection::Belt,
    worker::{
        WorkerOptions, checkpoint,
        claimed::{Claimed, Said},
        claims::{self, Inbox},
        heartbeat,
        session::{Checkpoint, Session},
    },
};

/// An apalis backend over the belt. Yields a job only when there is a free hand for it; gives back on
/// close what no handler has begun.
pub struct BeltBackend<T> {
    session: Arc<Session>,
    inbox: Inbox<T>,
    options: WorkerOptions,
    claims: Option<JoinHandle<()>>,
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The heartbeat goes on until the worker has left.
    heartbeat: Option<thread::Sender<()>>,
}

impl<T> fmt::Debug for BeltBackend<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeltBackend").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned + Send + 'static> BeltBackend<T> {
    /// Starts the parts of a worker on the current tokio runtime: heartbeat, checkpoint, claims. Jobs
    /// come once apalis polls it and a leader has opened an epoch.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(belt: Belt, options: WorkerOptions) -> (Self, Checkpoint) {
        let (say, said) = mpsc::unbounded_channel();
        let session = Arc::new(Session::new(belt, options.clone(), say));
        let inbox = Inbox::default();
        tokio::spawn(checkpoint::run(Arc::clone(&session), said));
        let claims = tokio::spawn(claims::run(Arc::clone(&session), Arc::clone(&inbox)));
        let heartbeat = heartbeat::start(&session);
        let backend = Self {
            session: Arc::clone(&session),
            inbox,
            options,
            claims: Some(claims),
            closing: None,
            heartbeat: Some(heartbeat),
        };
        (backend, Checkpoint(session))
    }
}

impl<T> Backend for BeltBackend<T>
where
    T: Send + 'static,
{
    type Task = Task<Claimed<T>>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        let mut apalis = self.session.apalis.lock().unwrap_or_else(|e| e.into_inner());
        if apalis.is_none() {
            *apalis = Some(worker.clone());
            self.session.claims_wake.notify_one();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        self.session.waker.register(cx.waker());
        let next = self.inbox.lock().unwrap_or_else(|e| e.into_inner()).pop_front();
        match next {
            Some(job) => {
                let id = TaskId::from_string(format!("{}:{}", job.meta.send, job.meta.claim));
                let deaths = usize::try_from(job.meta.deaths).unwrap_or(usize::MAX);
                let task = TaskBuilder::new(job).task_id(id).attempt(deaths).build();
                Poll::Ready(Some(Ok(task)))
            }
            None => Poll::Pending,
        }
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        let closing = self.closing.get_or_insert_with(|| {
            let session = Arc::clone(&self.session);
            let claims = self.claims.take();
            let heartbeat = self.heartbeat.take();
            let drain = self.options.drain;
            Box::pin(async move {
                session.close();
                let left = async {
                    if let Some(claims) = claims {
                        claims.await.ok();
                    }
                    // A handler may have handed its job on; what it says has to be heard first.
                    let hands = u32::try_from(session.options.hands).unwrap_or(u32::MAX);
                    drop(session.hands.acquire_many(hands).await);
                    let (answer, answered) = oneshot::channel();
                    session.say.send(Said::Close { answer }).ok();
                    answered.await.ok();
                };
                if tokio::time::timeout(drain, left).await.is_err() {
                    tracing::warn!(
                        "the belt did not answer while closing; what is held comes back after a lease"
                    );
                }
                drop(heartbeat);
            })
        });
        closing.as_mut().poll(cx).map(Ok)
    }
}

impl<T> Drop for BeltBackend<T> {
    fn drop(&mut self) {
        // After a close there is nothing left to do; without one the worker goes without a drain.
        self.session.close();
        claims::give_back_all(&self.inbox);
        let (answer, _) = oneshot::channel();
        self.session.say.send(Said::Close { answer }).ok();
    }
}

impl<T> BackendConfig for BeltBackend<T> {
    type Args = Claimed<T>;
    type Id = String;
    type Kind = Ephemeral;
    type Config = WorkerOptions;
    type Layer = Identity;

    fn config(&self) -> &Self::Config {
        &self.options
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Self::Layer {
        Identity::new()
    }
}
