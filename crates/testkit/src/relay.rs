//! A real SMTP server on loopback that does what a test tells it, and forgets nothing.
//!
//! Speaks RFC 5321 strictly: content ends at CRLF dot CRLF and nowhere else, unless it was asked to
//! be as lax as the servers that made SMTP smuggling possible.

mod ledger;
mod script;
mod session;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};

use ledger::Ledger;
use script::Script;

pub use ledger::{Begun, Taken};
pub use script::{Phase, Seen, Step};

/// How long the `wait_until_…` functions wait before they fail the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// A scripted SMTP server. Dropped, it closes everything.
#[derive(Debug)]
pub struct ScriptedRelay {
    shared: Arc<Shared>,
    address: SocketAddr,
    listening: JoinHandle<()>,
}

/// What a relay offers and remembers, before it starts.
#[derive(Debug, Clone)]
pub struct Builder {
    pipelining: bool,
    drops_pipelined: bool,
    size: bool,
    smtputf8: bool,
    lax_line_ends: bool,
    sizes_only: bool,
    address: SocketAddr,
}

/// What all sessions of one relay share.
#[derive(Debug)]
struct Shared {
    options: Builder,
    started: Instant,
    script: Mutex<Script>,
    ledger: Mutex<Ledger>,
    /// Counts changes of script and ledger; everything that waits watches it.
    changed: watch::Sender<u64>,
    stopped: watch::Sender<bool>,
}

impl Builder {
    /// Offers PIPELINING.
    pub fn pipelining(mut self, yes: bool) -> Self {
        self.pipelining = yes;
        self
    }

    /// Offers PIPELINING and throws away what comes together with a command, as servers do that empty their input before
    /// they answer.
    pub fn lies_about_pipelining(mut self) -> Self {
        self.pipelining = true;
        self.drops_pipelined = true;
        self
    }

    /// Offers SIZE.
    pub fn size(mut self, yes: bool) -> Self {
        self.size = yes;
        self
    }

    /// Offers SMTPUTF8.
    pub fn smtputf8(mut self, yes: bool) -> Self {
        self.smtputf8 = yes;
        self
    }

    /// Takes a lone CR or LF for a line end, around the final dot as well.
    pub fn lax_line_ends(mut self, yes: bool) -> Self {
        self.lax_line_ends = yes;
        self
    }

    /// Keeps the sizes of messages but not their bytes, nor the bytes on the wire.
    pub fn sizes_only(mut self, yes: bool) -> Self {
        self.sizes_only = yes;
        self
    }

    /// Listens here instead of on any free port, to come back where another relay stopped.
    pub fn address(mut self, address: &str) -> Self {
        self.address = address.parse().expect("an address like 127.0.0.1:2525");
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When the address can't be listened on.
    pub async fn start(self) -> ScriptedRelay {
        let listener = TcpListener::bind(self.address).await.expect("the relay's address is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            options: self,
            started: Instant::now(),
            script: Mutex::default(),
            ledger: Mutex::default(),
            changed: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
        });
        let listening = tokio::spawn(session::listen(listener, Arc::clone(&shared)));
        ScriptedRelay { shared, address, listening }
    }
}

impl ScriptedRelay {
    /// A relay that answers well to everything, without PIPELINING and SMTPUTF8.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A relay to be configured first.
    pub fn builder() -> Builder {
        Builder {
            pipelining: false,
            drops_pipelined: false,
            size: false,
            smtputf8: false,
            lax_line_ends: false,
            sizes_only: false,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Does `step` whenever `phase` comes, until something else is said.
    pub fn always(&self, phase: Phase, step: Step) {
        self.change_script(|script| script.always.retain(|(p, _)| *p != phase));
        self.change_script(|script| script.always.push((phase, step)));
    }

    /// Does `step` the next time `phase` comes; several calls are done one after the other.
    pub fn next(&self, phase: Phase, step: Step) {
        self.change_script(|script| script.next.push_back((phase, step)));
    }

    /// Answers RCPT for `address` with `step`.
    pub fn rcpt(&self, address: &str, step: Step) {
        let address = address.to_owned();
        self.decide(Phase::Rcpt, move |seen| (seen.rcpt == address).then(|| step.clone()));
    }

    /// Asks `decision` whenever `phase` comes; with `None` the script goes on as without it.
    pub fn decide(
        &self,
        phase: Phase,
        decision: impl Fn(&Seen) -> Option<Step> + Send + Sync + 'static,
    ) {
        self.change_script(|script| script.decisions.push((phase, Arc::new(decision))));
    }

    /// Forgets the script; what is held stays held.
    pub fn clear(&self) {
        self.change_script(|script| {
            script.always.clear();
            script.next.clear();
            script.decisions.clear();
            script.cut_after = None;
        });
    }

    /// Closes each new connection after `bytes` bytes from the client, whatever they are.
    pub fn cut_after(&self, bytes: Option<usize>) {
        self.change_script(|script| script.cut_after = bytes);
    }

    /// Stops every session that comes to `phase`, before it answers, until it is released.
    pub fn hold(&self, phase: Phase) {
        self.change_script(|script| script.hold = Some(phase));
    }

    /// Lets all held sessions go on and holds no more.
    pub fn release(&self) {
        self.change_script(|script| {
            script.hold = None;
            script.releases = 0;
        });
    }

    /// Lets `count` of the held sessions go on.
    pub fn release_some(&self, count: usize) {
        self.change_script(|script| script.releases += count);
    }

    /// Waits until `count` or more sessions are held.
    pub async fn wait_until_holding(&self, count: usize) {
        self.wait_until(&format!("{count} sessions held"), |relay| relay.script().holding >= count)
            .await;
    }

    /// Waits until `count` or more messages were accepted.
    pub async fn wait_until_accepted(&self, count: usize) {
        self.wait_until(&format!("{count} messages accepted"), |relay| {
            relay.accepted_count() >= count
        })
        .await;
    }

    /// Waits until exactly `count` connections are open.
    pub async fn wait_until_open(&self, count: usize) {
        self.wait_until(&format!("{count} open connections"), |relay| {
            relay.open_connections() == count
        })
        .await;
    }

    /// Waits until `what` is true of this relay; asked again at each change.
    ///
    /// # Panics
    /// With `name` after 20 s.
    pub async fn wait_until(&self, name: &str, what: impl Fn(&Self) -> bool) {
        let mut changes = self.shared.changed.subscribe();
        let waited = timeout(PATIENCE, async {
            while !what(self) {
                changes.changed().await.expect("the relay outlives this call");
            }
        });
        if waited.await.is_err() {
            let ledger = format!("{:?}", self.ledger_lock());
            panic!("waited {PATIENCE:?} for: {name}; {ledger}");
        }
    }

    /// Every message whose end arrived, in order of arrival; repeats are kept.
    pub fn ledger(&self) -> Vec<Taken> {
        self.ledger_lock().taken.clone()
    }

    /// Those the relay took responsibility for.
    pub fn accepted(&self) -> Vec<Taken> {
        self.ledger_lock().taken.iter().filter(|taken| taken.accepted).cloned().collect()
    }

    /// How many messages the relay took responsibility for.
    pub fn accepted_count(&self) -> usize {
        self.ledger_lock().accepted
    }

    /// Every recipient that was accepted, in order: also of messages that never ended.
    pub fn begun(&self) -> Vec<Begun> {
        self.ledger_lock().begun.clone()
    }

    /// How many recipients were accepted, also of messages that never ended.
    pub fn begun_count(&self) -> usize {
        self.ledger_lock().begun.len()
    }

    /// The time on the clock of [`Taken::at`] and [`Begun::at`].
    pub fn clock(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Connections open now whose client gave `client` in EHLO.
    pub fn open_connections_of(&self, client: &str) -> usize {
        self.ledger_lock().clients.values().filter(|known| *known == client).count()
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.ledger_lock().open
    }

    /// The most connections that were open at once.
    pub fn most_open(&self) -> usize {
        self.ledger_lock().most_open
    }

    /// Connections ever accepted.
    pub fn connections_seen(&self) -> usize {
        self.ledger_lock().seen
    }

    /// Every command line that was read, in order, as `(connection, line)`.
    pub fn commands(&self) -> Vec<(u64, String)> {
        self.ledger_lock().commands.clone()
    }

    /// Every byte the client wrote on connection `number` (from 1).
    pub fn wire(&self, number: u64) -> Vec<u8> {
        self.ledger_lock().wire.get(&number).cloned().unwrap_or_default()
    }

    /// Bytes that came after a 354, over all connections.
    pub fn content_bytes(&self) -> usize {
        self.ledger_lock().content_bytes
    }

    /// Refuses new connections and closes all open ones.
    pub async fn stop(&self) {
        self.shared.stopped.send_replace(true);
        self.wait_until("the listener and all connections closed", |relay| {
            !relay.ledger_lock().listening && relay.open_connections() == 0
        })
        .await;
    }

    fn change_script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script());
        self.shared.tell();
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script()
    }

    fn ledger_lock(&self) -> MutexGuard<'_, Ledger> {
        self.shared.ledger()
    }
}

impl Drop for ScriptedRelay {
    fn drop(&mut self) {
        self.shared.stopped.send_replace(true);
        self.listening.abort();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everything that waits.
    fn tell(&self) {
        self.changed.send_modify(|n| *n += 1);
    }
}
