//! The connections of one relay: at most so many at once, kept between messages, closed in time.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    admission::Admission,
    config::RelayConfig,
    connection::{ConnectFailure, Connection, Envelope},
    wire::Quiet,
};

#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) config: RelayConfig,
    pub(crate) admission: Arc<Admission>,
    /// One permit for each connection that is not idle: in use, being opened or being closed.
    busy: Arc<Semaphore>,
    idle: Mutex<Idle>,
    draining: AtomicBool,
    /// It has answered commands that were sent together, or has been found not to read them.
    pipelines: AtomicBool,
    drops_commands: AtomicBool,
    /// Messages that wait for a connection, the longest waiting first.
    waiting: Mutex<VecDeque<Waiter>>,
}

/// A message that waits for a connection. Who sends another one may begin it together with the final dot of that.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) envelope: Envelope,
    /// Set by whoever comes first: a connection that begins it, or itself when a connection of its own is free.
    taken: Arc<AtomicBool>,
    hand_over: oneshot::Sender<Lease>,
}

/// The right to use a connection.
#[derive(Debug)]
pub(crate) enum Turn {
    /// One that is idle or to be opened.
    Free(OwnedSemaphorePermit),
    /// One over which the message has been begun: the answers to MAIL, RCPT and DATA are to come.
    Begun(Lease),
}

#[derive(Debug, Default)]
struct Idle {
    /// The longest idle first.
    connections: VecDeque<(Connection, Instant)>,
    /// A task is looking after them.
    watched: bool,
}

impl Keeper {
    pub(crate) fn new(config: RelayConfig) -> Arc<Self> {
        Arc::new(Self {
            admission: Arc::new(Admission::new(config.max_connections)),
            busy: Arc::new(Semaphore::new(config.max_connections)),
            idle: Mutex::default(),
            draining: AtomicBool::new(false),
            pipelines: AtomicBool::new(false),
            drops_commands: AtomicBool::new(false),
            waiting: Mutex::default(),
            config,
        })
    }

    /// Waits for the right to use one connection; `None` while draining.
    pub(crate) async fn turn(self: &Arc<Self>, envelope: &Envelope) -> Option<Turn> {
        if let Ok(permit) = Arc::clone(&self.busy).try_acquire_owned() {
            return (!self.is_draining()).then_some(Turn::Free(permit));
        }
        let taken = Arc::new(AtomicBool::new(false));
        let (hand_over, mut begun) = oneshot::channel();
        let waiter = Waiter { envelope: envelope.clone(), taken: Arc::clone(&taken), hand_over };
        self.waiting().push_back(waiter);
        let permit = tokio::select! {
            biased;
            lease = &mut begun => match lease {
                Ok(lease) => return Some(Turn::Begun(lease)),
                Err(_) => self.free_turn().await,
            },
            permit = self.free_turn() => {
                if permit.is_some() && taken.swap(true, Ordering::AcqRel) {
                    drop(permit);
                    match begun.await {
                        Ok(lease) => return Some(Turn::Begun(lease)),
                        Err(_) => self.free_turn().await,
                    }
                } else {
                    permit
                }
            }
        };
        permit.map(Turn::Free)
    }

    async fn free_turn(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.busy).acquire_owned().await.ok()?;
        (!self.is_draining()).then_some(permit)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiter>> {
        self.waiting.lock().expect("no code panics while it holds the waiting messages")
    }

    /// The connection used last, if one is idle and still at a clean command boundary.
    pub(crate) fn take_idle(&self) -> Option<Connection> {
        loop {
            let (mut connection, _) = self.idle().connections.pop_back()?;
            // What the relay closed or spoke on while nobody looked is of no use; nothing was sent,
            // so nobody needs to know.
            if connection.quiet() == Quiet::Yes && !connection.is_worn(&self.config) {
                return Some(connection);
            }
        }
    }

    /// A new connection, when its turn has come.
    pub(crate) async fn open(&self) -> Result<Connection, ConnectFailure> {
        loop {
            let wait = self.admission.wait_for_connect();
            if wait.is_zero() {
                return Connection::open(&self.config).await;
            }
            sleep(wait).await;
        }
    }

    pub(crate) fn lease(
        self: &Arc<Self>,
        connection: Connection,
        permit: OwnedSemaphorePermit,
    ) -> Lease {
        Lease { keeper: Arc::clone(self), connection, permit }
    }

    fn put_back(self: &Arc<Self>, connection: Connection) {
        let mut idle = self.idle();
        idle.connections.push_back((connection, Instant::now()));
        if !idle.watched {
            idle.watched = true;
            tokio::spawn(close_idle(Arc::downgrade(self), self.config.idle));
        }
    }

    /// Takes out what has been idle too long; otherwise says when to look again.
    fn take_expired(&self) -> Option<Result<Connection, Instant>> {
        let mut idle = self.idle();
        let Some((_, since)) = idle.connections.front() else {
            idle.watched = false;
            return None;
        };
        let until = *since + self.config.idle;
        if Instant::now() < until {
            return Some(Err(until));
        }
        idle.connections.pop_front().map(|(connection, _)| Ok(connection))
    }

    fn close(self: &Arc<Self>, connection: Connection, permit: OwnedSemaphorePermit) {
        let limit = self.config.time_limits.quit;
        tokio::spawn(async move {
            connection.quit(limit).await;
            drop(permit);
        });
    }

    /// Takes no more, waits for the busy connections and closes the idle ones, all before `deadline`.
    pub(crate) async fn drain(self: Arc<Self>, deadline: Instant) {
        self.draining.store(true, Ordering::Relaxed);
        let all = u32::try_from(self.config.max_connections).unwrap_or(u32::MAX);
        // Whoever is still busy at the deadline keeps its connection until its own time limits.
        let _ = timeout_at(deadline, self.busy.acquire_many(all)).await;
        self.busy.close();
        let idle = std::mem::take(&mut self.idle().connections);
        let mut quits = JoinSet::new();
        for (connection, _) in idle {
            quits.spawn(connection.quit(self.config.time_limits.quit));
        }
        // Dropping the set ends what is left of it, and with it the connections.
        let _ = timeout_at(deadline, async { while quits.join_next().await.is_some() {} }).await;
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// How many are busy and how many idle.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let busy = self.config.max_connections.saturating_sub(self.busy.available_permits());
        (busy, self.idle().connections.len())
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().expect("no code panics while it holds the idle connections")
    }
}

/// Closes idle connections when their time has come; ends when there are none.
async fn close_idle(keeper: Weak<Keeper>, first_look: Duration) {
    let mut look = Instant::now() + first_look;
    loop {
        sleep_until(look).await;
        let Some(keeper) = keeper.upgrade() else { return };
        look = loop {
            match keeper.take_expired() {
                None => return,
                Some(Err(until)) => break until,
                Some(Ok(connection)) => {
                    // Never waits long: busy and idle together are at most the permits.
                    match Arc::clone(&keeper.busy).try_acquire_owned() {
                        Ok(permit) => keeper.close(connection, permit),
                        Err(_) => drop(connection),
                    }
                }
            }
        };
    }
}

/// A connection in use. It goes back only by [`Lease::finish`]; dropped anywhere else, also in the
/// middle of a cancelled future, it is closed, because whoever used it next would read the answers
/// to this dialogue.
#[derive(Debug)]
pub(crate) struct Lease {
    keeper: Arc<Keeper>,
    pub(crate) connection: Connection,
    permit: OwnedSemaphorePermit,
}

impl Lease {
    /// The message to begin together with the end of this one, if one waits and this relay and connection take it.
    pub(crate) fn take_next(&self) -> Option<Waiter> {
        let keeper = &self.keeper;
        let takes_more = self.pipelines()
            && self.is_seen_to_pipeline()
            && self.connection.has_room_for_another(&keeper.config)
            && !keeper.is_draining();
        if !takes_more {
            return None;
        }
        let mut waiting = keeper.waiting();
        loop {
            let next = waiting.front()?;
            if next.envelope.needs_smtputf8 && !self.connection.offers.smtputf8 {
                return None;
            }
            let next = waiting.pop_front()?;
            // Those that have a connection, or were given up, are of no interest any more.
            if !next.hand_over.is_closed() && !next.taken.swap(true, Ordering::AcqRel) {
                return Some(next);
            }
        }
    }

    /// The dialogue came to a clean end: keep the connection, or QUIT if it has done its share.
    pub(crate) fn finish(self) {
        let Self { keeper, connection, permit } = self;
        if connection.is_worn(&keeper.config) || keeper.is_draining() {
            keeper.close(connection, permit);
        } else {
            // Back on the shelf before the permit is free, so that nobody opens another one.
            keeper.put_back(connection);
            drop(permit);
        }
    }

    /// Whether commands may follow each other without waiting.
    pub(crate) fn pipelines(&self) -> bool {
        self.connection.offers.pipelining && !self.keeper.drops_commands.load(Ordering::Relaxed)
    }

    /// Whether the relay has ever answered such commands.
    pub(crate) fn is_seen_to_pipeline(&self) -> bool {
        self.keeper.pipelines.load(Ordering::Relaxed)
    }

    pub(crate) fn seen_to_pipeline(&self) {
        self.keeper.pipelines.store(true, Ordering::Relaxed);
    }

    /// Closes the connection, keeps the turn, and speaks to this relay one command at a time from now on.
    pub(crate) fn close_and_stop_pipelining(self) -> OwnedSemaphorePermit {
        self.keeper.drops_commands.store(true, Ordering::Relaxed);
        self.permit
    }

    /// A refusal left a transaction open: RSET first, without keeping the outcome waiting for it.
    pub(crate) fn reset_and_finish(mut self) {
        tokio::spawn(async move {
            let limit = self.keeper.config.time_limits.reset;
            if self.connection.reset(limit).await {
                self.finish();
            }
        });
    }

    /// Closes the connection and keeps the turn.
    pub(crate) fn close(self) -> OwnedSemaphorePermit {
        self.permit
    }
}

/// What becomes of a connection once the outcome of its message has been said: dropped, it goes to the next message. A belt that wants to hear
/// of the end of one message on a connection before the next one is asked for drops it after that.
#[derive(Debug, Default)]
pub struct After(Option<Box<Then>>);

#[derive(Debug)]
pub(crate) enum Then {
    /// The relay waits for a command.
    Keep(Lease),
    /// A refusal left a transaction open.
    Reset(Lease),
    /// The next message has been begun.
    HandOver(Lease, Waiter),
}

impl From<Then> for After {
    fn from(then: Then) -> Self {
        Self(Some(Box::new(then)))
    }
}

impl Drop for After {
    fn drop(&mut self) {
        let Some(then) = self.0.take() else { return };
        match *then {
            Then::Keep(lease) => lease.finish(),
            Then::Reset(lease) => lease.reset_and_finish(),
            // If nobody sends that message any more the relay would wait for its content, so the connection ends.
            Then::HandOver(lease, next) => drop(next.hand_over.send(lease)),
        }
    }
}
