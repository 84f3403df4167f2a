//! What stands between the processes of a simulation and Redis: gates at which a call waits while others
//! go on, and losses.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use belt::between::{Between, Call, Decided};

use crate::chance::Chance;

/// A process of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// A scheduler, by its start.
    Scheduler(u32),
    /// A worker, by its start.
    Worker(u32),
    /// Who asks for pauses and the like.
    Portal,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheduler(n) => write!(f, "s{n}"),
            Self::Worker(n) => write!(f, "w{n}"),
            Self::Portal => f.write_str("portal"),
        }
    }
}

/// What was counted on the wire.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// Calls that went out.
    pub calls: u64,
    /// Calls that were lost.
    pub lost_calls: u64,
    /// Answers that were lost.
    pub lost_answers: u64,
    /// Times a call waited while others went on.
    pub waits: u64,
}

/// When a call was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarriedOut {
    /// By Redis' clock (us).
    pub at: u64,
    /// In which of its memories.
    pub memory: u32,
}

#[derive(Debug)]
struct Inner {
    chance: Chance,
    /// Where the server is: another place in every run, so it is left out of the log.
    server: String,
    /// How often of a thousand a call or answer waits; 0 while a part has to come to its end.
    wait_permille: u32,
    loss_permille: u32,
    waits: bool,
    cut_off: BTreeSet<Process>,
    /// The call before which a process waits next, and for how long (us).
    traps: BTreeMap<Process, (&'static str, u64)>,
    caught: BTreeMap<Process, u64>,
    /// Redis time (us) at which a call of a process was last carried out.
    carried_out: BTreeMap<(Process, &'static str), CarriedOut>,
    loaded: bool,
    memory: u32,
    /// Processes whose calls or answers were lost since they were last asked about.
    disturbed: BTreeSet<Process>,
    redis_now: u64,
    highest_lease: u64,
    broken: Vec<String>,
    log: Vec<String>,
    counted: Counted,
}

/// The wires of all processes of one schedule.
#[derive(Debug)]
pub struct Wires(Mutex<Inner>);

impl Wires {
    /// Wires on which chance decides what waits and what is lost, by so many of a thousand calls.
    pub fn new(
        chance: Chance,
        server: String,
        wait_permille: u32,
        loss_permille: u32,
    ) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            chance,
            server,
            wait_permille,
            loss_permille,
            waits: false,
            cut_off: BTreeSet::new(),
            traps: BTreeMap::new(),
            caught: BTreeMap::new(),
            carried_out: BTreeMap::new(),
            loaded: false,
            memory: 0,
            disturbed: BTreeSet::new(),
            redis_now: 0,
            highest_lease: 0,
            broken: Vec::new(),
            log: Vec::new(),
            counted: Counted::default(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("nobody panics on the wire")
    }

    /// The wire of one process.
    pub fn of(self: &Arc<Self>, process: Process) -> Arc<dyn Between> {
        Arc::new(Wire { process, wires: Arc::clone(self) })
    }

    /// Polls `part` until it ends or waits at a gate. Nobody else is polled meanwhile, so the order of all
    /// calls is the order in which parts are asked to go on.
    pub async fn go_on<R>(&self, part: &mut (impl Future<Output = R> + Unpin)) -> Option<R> {
        poll_fn(|cx| match Pin::new(&mut *part).poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if std::mem::take(&mut self.lock().waits) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Polls `part` to its end, past all gates.
    pub async fn finish<R>(&self, part: &mut (impl Future<Output = R> + Unpin)) -> R {
        let kept = std::mem::take(&mut self.lock().wait_permille);
        let done = loop {
            if let Some(done) = self.go_on(part).await {
                break done;
            }
        };
        self.lock().wait_permille = kept;
        done
    }

    /// From now on nothing waits, and nothing is lost.
    pub fn heal(&self) {
        let mut inner = self.lock();
        inner.wait_permille = 0;
        inner.loss_permille = 0;
        inner.cut_off.clear();
        inner.traps.clear();
    }

    /// The next time a process is about to make this call it waits, and is to stand still for so long (us).
    pub fn catch(&self, process: Process, what: &'static str, long: u64) {
        self.lock().traps.insert(process, (what, long));
    }

    /// Whether a process was caught since this was last asked, and for how long it stands still.
    pub fn take_caught(&self, process: Process) -> Option<u64> {
        self.lock().caught.remove(&process)
    }

    /// Cuts a process off, or joins it again. Answers whether it is cut off now.
    pub fn toggle_cut(&self, process: Process) -> bool {
        let mut inner = self.lock();
        let is_cut = inner.cut_off.insert(process);
        if !is_cut {
            inner.cut_off.remove(&process);
        }
        is_cut
    }

    /// What Redis has for the time.
    pub fn set_redis_now(&self, micros: u64) {
        self.lock().redis_now = micros;
    }

    /// The server has lost its memory; it has seen no lease.
    pub fn memory_lost(&self) {
        let mut inner = self.lock();
        inner.highest_lease = 0;
        inner.memory += 1;
    }

    /// Whether a leader has loaded something since this was last asked.
    pub fn take_loaded(&self) -> bool {
        std::mem::take(&mut self.lock().loaded)
    }

    /// When a call of a process was last carried out, since this was last asked.
    pub fn take_carried_out(&self, process: Process, what: &'static str) -> Option<CarriedOut> {
        self.lock().carried_out.remove(&(process, what))
    }

    /// Whether a call or an answer of it was lost since this was last asked.
    pub fn take_disturbed(&self, process: Process) -> bool {
        self.lock().disturbed.remove(&process)
    }

    /// Whether a process is cut off.
    pub fn is_cut_off(&self, process: Process) -> bool {
        self.lock().cut_off.contains(&process)
    }

    /// Adds a line to the log.
    pub fn note(&self, line: impl Into<String>) {
        let line = line.into();
        let mut inner = self.lock();
        let line = line.replace(&inner.server, "redis");
        inner.log.push(line);
    }

    /// The promises that were broken on the wire.
    pub fn take_broken(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().broken)
    }

    /// The log so far.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().log)
    }

    /// What was counted.
    pub fn counted(&self) -> Counted {
        self.lock().counted
    }
}

/// Waits once: whoever polls finds the flag and lets others go on.
async fn wait_at_gate() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

#[derive(Debug)]
struct Wire {
    process: Process,
    wires: Arc<Wires>,
}

impl Wire {
    /// Whether this call waits here. The shelf is put up under a lock that the loops of a scheduler share.
    fn waits(&self, call: Call, side: &str) -> bool {
        let mut inner = self.wires.lock();
        let permille = inner.wait_permille;
        if permille == 0 || matches!(call.what, "the shelf" | "link targets") {
            return false;
        }
        let mut waits = inner.chance.permille(permille);
        if side == "before"
            && let Some((_, long)) = inner.traps.get(&self.process).filter(|(w, _)| *w == call.what)
        {
            let long = *long;
            inner.traps.remove(&self.process);
            inner.caught.insert(self.process, long);
            waits = true;
        }
        if waits {
            inner.waits = true;
            inner.counted.waits += 1;
            let line = format!("      {} waits {side} {}", self.process, call.what);
            inner.log.push(line);
        }
        waits
    }
}

impl Between for Wire {
    fn going_out(&self, call: Call) -> Decided<'_> {
        Box::pin(async move {
            if self.waits(call, "before") {
                wait_at_gate().await;
            }
            let mut inner = self.wires.lock();
            let permille = inner.loss_permille;
            let is_lost = inner.cut_off.contains(&self.process) || inner.chance.permille(permille);
            if is_lost {
                inner.counted.lost_calls += 1;
                inner.disturbed.insert(self.process);
                inner.log.push(format!("      {} call lost: {}", self.process, call.what));
            } else {
                inner.counted.calls += 1;
            }
            !is_lost
        })
    }

    fn coming_back(&self, call: Call, refused: bool) -> Decided<'_> {
        Box::pin(async move {
            if !refused {
                let mut inner = self.wires.lock();
                let done = CarriedOut { at: inner.redis_now, memory: inner.memory };
                inner.carried_out.insert((self.process, call.what), done);
                inner.loaded |= call.what == "load";
                if call.lease > 0 {
                    if call.lease < inner.highest_lease {
                        let broken = format!(
                            "fence: {} of {} was carried out under lease {} after one of lease {}",
                            call.what, self.process, call.lease, inner.highest_lease
                        );
                        inner.broken.push(broken);
                    }
                    inner.highest_lease = inner.highest_lease.max(call.lease);
                }
            }
            if self.waits(call, "after") {
                wait_at_gate().await;
            }
            let mut inner = self.wires.lock();
            let permille = inner.loss_permille;
            let is_lost = inner.cut_off.contains(&self.process) || inner.chance.permille(permille);
            if is_lost {
                inner.counted.lost_answers += 1;
                inner.disturbed.insert(self.process);
                inner.log.push(format!("      {} answer lost: {}", self.process, call.what));
            }
            !is_lost
        })
    }
}
