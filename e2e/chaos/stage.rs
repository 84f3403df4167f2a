//! A fleet to be broken: starts workers that the relay can tell apart, writes down what is done to them, and waits
//! until everything has ended.

use std::{
    any::Any,
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use e2e::fleet::{Engine, Fleet, Size};
use testkit::{
    ScriptedRelay, TestRedis,
    redis::Fsync,
    relay::{Phase, Step},
    wait::wait_for,
};
use tokio::time::{Instant, sleep};

use crate::{
    book,
    lines::{Begun, Check, Fault, LedgerLine, Recovery, Run, Taken},
    plan::Plan,
};

/// How long anything on a stage may take before the run counts as broken.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What a stage is like. Not big: a fault shows in a few hundred messages or not at all.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Partners that launch.
    pub partners: usize,
    /// Contacts of each.
    pub contacts: usize,
    /// Hands of each worker, and connections it opens at most.
    pub hands: usize,
    /// Jobs on the belt at most; few make a scheduler's absence felt.
    pub window: usize,
    /// How long the relay takes for each of MAIL, RCPT, DATA and the dot.
    pub pace: Duration,
    /// Whether a message of which nobody knows is held.
    pub hold: bool,
    /// How Redis keeps its file.
    pub fsync: Fsync,
    /// Whether the relay keeps what it takes, beside counting it.
    pub keeps_mail: bool,
    /// Settings beyond the usual.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            partners: 3,
            contacts: 400,
            hands: 8,
            window: 2_000,
            pace: Duration::from_millis(8),
            hold: false,
            fsync: Fsync::EverySecond,
            keeps_mail: false,
            settings: Vec::new(),
        }
    }
}

/// A worker process.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Its place among the processes of the fleet.
    pub place: usize,
    /// Its name in EHLO.
    pub client: String,
    /// Whether it was killed or has ended.
    pub gone: bool,
}

/// A scheduler process.
#[derive(Debug, Clone)]
pub struct Scheduler {
    /// Its place among the processes of the fleet.
    pub place: usize,
    /// Whether it was killed or has ended.
    pub gone: bool,
}

/// A fleet and what was done to it.
#[derive(Debug)]
pub struct Stage {
    /// The fleet.
    pub fleet: Fleet,
    /// Which run it is, and where its choices come from.
    pub plan: Plan,
    /// Every worker that was started.
    pub workers: Vec<Worker>,
    /// Every scheduler that was started.
    pub schedulers: Vec<Scheduler>,
    /// What else has to live until the roles have ended.
    kept: Vec<Box<dyn Any + Send + Sync>>,
    run: Run,
    done: Vec<LedgerLine>,
    /// By how many hours campaign time was brought forward.
    forward: i64,
}

impl Stage {
    /// Partners and contacts in the book, the package published; no role runs yet.
    pub async fn set_up(plan: Plan, shape: Shape) -> Self {
        let tiers = ["Registered", "Silver", "Gold", "Platinum"].map(|name| {
            format!(
                "{{ name = \"{name}\", weight = 1, partner_limit = \"100000/s, burst 100000\" }}"
            )
        });
        let mut settings = vec![
            // Limits are not what is tried here: nothing waits but for what is broken.
            ("THROUGHLINE__TIER", format!("[{}]", tiers.join(", "))),
            ("THROUGHLINE__SCHEDULER__BELT_WINDOW", shape.window.to_string()),
            ("THROUGHLINE__SCHEDULER__LANE_WINDOW", shape.window.to_string()),
            ("THROUGHLINE__SCHEDULER__EXPAND_CHUNK", "100".to_owned()),
            // What a relay puts off comes back by bringing campaign time forward.
            ("THROUGHLINE__SENDING__GIVE_UP_AFTER", "30d".to_owned()),
        ];
        if shape.hold {
            settings.push(("THROUGHLINE__SENDING__ON_UNKNOWN", "hold".to_owned()));
        }
        settings.extend(shape.settings.clone());
        let size = Size {
            partners: shape.partners,
            contacts: shape.contacts,
            hands: shape.hands,
            engine: plan.engine,
            package: (package(), "chaos-notice"),
            settings,
        };
        let redis = TestRedis::start_with(shape.fsync);
        let relay = ScriptedRelay::builder().sizes_only(!shape.keeps_mail);
        let fleet = Fleet::set_up_with(size, redis, relay).await;
        for (phase, code) in
            [(Phase::Mail, 250), (Phase::Rcpt, 250), (Phase::Data, 354), (Phase::Dot, 250)]
        {
            fleet.relay.always(phase, Step::reply(code, "2.0.0 ok").after(shape.pace));
        }
        let run = Run {
            fault: plan.fault.to_owned(),
            title: plan.title.to_owned(),
            engine: match plan.engine {
                Engine::Sqlite => "sqlite",
                Engine::Postgres => "postgres",
            }
            .to_owned(),
            seed: plan.seed,
            persons: shape.partners * shape.contacts,
            on_unknown: if shape.hold { "hold" } else { "retry" }.to_owned(),
            ends: BTreeMap::new(),
        };
        Self {
            fleet,
            plan,
            workers: Vec::new(),
            schedulers: Vec::new(),
            kept: Vec::new(),
            run,
            done: Vec::new(),
            forward: 0,
        }
    }

    /// A scheduler, two workers, and the click.
    pub async fn in_full_swing(plan: Plan, shape: Shape) -> Self {
        let mut stage = Self::set_up(plan, shape).await;
        stage.start_scheduler();
        stage.start_worker();
        stage.start_worker();
        stage.fleet.launch();
        stage
    }

    /// Persons, each of whom gets one message.
    pub fn persons(&self) -> usize {
        self.run.persons
    }

    /// Keeps a server that the roles need for as long as they run.
    pub fn keep(&mut self, server: impl Any + Send + Sync) {
        self.kept.push(Box::new(server));
    }

    /// Says that `count` sends are to end as `end` (`state/reason`), not as sent.
    pub fn expect_ends(&mut self, end: &str, count: usize) {
        self.run.ends.insert(end.to_owned(), count);
    }

    /// Starts a worker; its place in [`Self::workers`].
    pub fn start_worker(&mut self) -> usize {
        self.start_worker_with(&[])
    }

    /// Starts a worker with settings of its own.
    pub fn start_worker_with(&mut self, settings: &[(&str, String)]) -> usize {
        let client = format!("worker-{}.chaos.test", self.workers.len() + 1);
        let mut all = vec![("THROUGHLINE__SMTP__HELO_NAME", client.clone())];
        all.extend_from_slice(settings);
        let place = self.fleet.start_with("worker", &all);
        self.workers.push(Worker { place, client, gone: false });
        self.workers.len() - 1
    }

    /// Starts a scheduler; its place in [`Self::schedulers`].
    pub fn start_scheduler(&mut self) -> usize {
        self.start_scheduler_with(&[])
    }

    /// Starts a scheduler with settings of its own.
    pub fn start_scheduler_with(&mut self, settings: &[(&str, String)]) -> usize {
        let place = self.fleet.start_with("scheduler", settings);
        self.schedulers.push(Scheduler { place, gone: false });
        self.schedulers.len() - 1
    }

    /// `kill -9`.
    pub fn kill_scheduler(&mut self, scheduler: usize) {
        self.note("kill -9 scheduler", 0, Recovery::Silence);
        self.fleet.kill(self.schedulers[scheduler].place);
        self.schedulers[scheduler].gone = true;
    }

    /// A worker that lives, by the seed.
    pub fn any_worker(&mut self) -> usize {
        let living: Vec<usize> =
            (0..self.workers.len()).filter(|n| !self.workers[*n].gone).collect();
        living[self.plan.random.below(living.len())]
    }

    /// A scheduler that lives, by the seed.
    pub fn any_scheduler(&mut self) -> usize {
        let living: Vec<usize> =
            (0..self.schedulers.len()).filter(|n| !self.schedulers[*n].gone).collect();
        living[self.plan.random.below(living.len())]
    }

    /// How many messages the relay has not taken yet, doubles left aside.
    pub fn unsent(&self) -> usize {
        self.persons().saturating_sub(self.fleet.relay.accepted_count())
    }

    /// `kill -9`, with the relay's count of its open connections at that moment.
    pub fn kill_worker(&mut self, worker: usize) {
        let Worker { place, client, .. } = self.workers[worker].clone();
        let open_connections = self.fleet.relay.open_connections_of(&client);
        let at_ms = self.clock_ms();
        self.fleet.kill(place);
        self.workers[worker].gone = true;
        self.done.push(LedgerLine::Fault(Fault {
            at_ms,
            what: "kill -9 worker".to_owned(),
            client,
            open_connections,
            may_double: open_connections,
            recovery: Recovery::Orphans,
        }));
    }

    /// Writes down that something is done to the whole fleet, now.
    pub fn note(&mut self, what: &str, may_double: usize, recovery: Recovery) {
        let fault = Fault {
            at_ms: self.clock_ms(),
            what: what.to_owned(),
            client: String::new(),
            open_connections: self.fleet.relay.open_connections(),
            may_double,
            recovery,
        };
        self.done.push(LedgerLine::Fault(fault));
    }

    /// Writes down that something is done to one worker that may double what it has on the wire.
    pub fn note_worker(&mut self, what: &str, worker: usize) {
        let client = self.workers[worker].client.clone();
        let open_connections = self.fleet.relay.open_connections_of(&client);
        self.done.push(LedgerLine::Fault(Fault {
            at_ms: self.clock_ms(),
            what: what.to_owned(),
            client,
            open_connections,
            may_double: open_connections,
            recovery: Recovery::Orphans,
        }));
    }

    /// Writes down something that was counted, and within which bounds it has to be.
    pub fn check(&mut self, what: &str, got: f64, least: f64, most: f64) {
        self.done.push(LedgerLine::Check(Check { what: what.to_owned(), got, least, most }));
    }

    fn clock_ms(&self) -> f64 {
        self.fleet.relay.clock().as_secs_f64() * 1_000.0
    }

    /// Waits until the relay has taken this share of all messages.
    pub async fn wait_for_share(&self, share: f64) {
        let count = (self.persons() as f64 * share) as usize;
        wait_for(&format!("{count} messages taken"), PATIENCE, || async {
            (self.fleet.relay.accepted_count() >= count).then_some(())
        })
        .await;
    }

    /// Waits until the relay has taken so many messages more, or all.
    pub async fn wait_for_more(&self, count: usize) {
        let wanted = (self.fleet.relay.accepted_count() + count).min(self.persons());
        wait_for(&format!("{count} messages more to be taken"), PATIENCE, || async {
            (self.fleet.relay.accepted_count() >= wanted).then_some(())
        })
        .await;
    }

    /// A moment that is nobody's: up to `most`, by the seed.
    pub async fn a_moment(&mut self, most: Duration) {
        let share = self.plan.random.below(1_000) as f64 / 1_000.0;
        sleep(most.mul_f64(share)).await;
    }

    /// Waits until every send has ended, bringing campaign time forward for those that were put off. Says so if
    /// they don't: the judge counts what is open as lost.
    pub async fn settle(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let mut taken = (0, Instant::now());
        loop {
            let counts = self.fleet.counts().await;
            if counts.total() >= self.persons() as i64 && counts.open() == 0 {
                return true;
            }
            if Instant::now() > deadline {
                eprintln!(
                    "{}: sends have not ended after {PATIENCE:?}: {counts:?}",
                    self.plan.name()
                );
                return false;
            }
            let now = self.fleet.relay.connections_seen() + self.fleet.relay.begun_count();
            if now != taken.0 {
                taken = (now, Instant::now());
            } else if counts.queued == 0
                && counts.due > 0
                && taken.1.elapsed() > Duration::from_secs(2)
            {
                // Nothing is under way and something is due: later.
                self.forward += 2;
                self.fleet.bring_forward_hours(self.forward).await;
                taken.1 = Instant::now();
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends all roles, workers first, as an operator does, and leaves the files of the run in `folder`.
    ///
    /// # Errors
    /// The files can't be written or the book can't be read.
    pub async fn leave(mut self, folder: &Path) -> anyhow::Result<()> {
        // A second copy of something that has ended would come now: a send put back by mistake is claimed and
        // sent within a pass of the scheduler and a wake-up of a worker, each a second at most.
        sleep(Duration::from_millis(2_500)).await;
        let workers: Vec<usize> =
            self.workers.iter().filter(|worker| !worker.gone).map(|worker| worker.place).collect();
        self.end("worker", workers).await;
        // What the workers said last is recorded before the scheduler ends: its loops finish their passes, and
        // the recorder's begins at once when there is something to record.
        sleep(Duration::from_millis(500)).await;
        let schedulers: Vec<usize> =
            self.schedulers.iter().filter(|one| !one.gone).map(|one| one.place).collect();
        self.end("scheduler", schedulers).await;
        std::fs::create_dir_all(folder)?;
        self.write_ledger(&folder.join("ledger.ndjson"))?;
        let sends = book::sends(self.fleet.book_url()).await?;
        let mut file = BufWriter::new(File::create(folder.join("book.ndjson"))?);
        for send in &sends {
            serde_json::to_writer(&mut file, send)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
        self.copy_logs(folder)?;
        Ok(())
    }

    fn copy_logs(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        for process in self.fleet.processes() {
            std::fs::copy(&process.log, folder.join(format!("{}.log", process.name)))?;
        }
        Ok(())
    }

    /// SIGTERM to all of them; each has to end by itself, with 0.
    async fn end(&mut self, role: &str, places: Vec<usize>) {
        for place in &places {
            self.fleet.signal(*place, "TERM");
        }
        for place in places {
            let code = self.fleet.ended(place).await.unwrap_or(-1);
            self.check(&format!("exit code of {role}-{place}"), f64::from(code), 0.0, 0.0);
        }
    }

    fn write_ledger(&mut self, path: &Path) -> anyhow::Result<()> {
        let ms = |at: Duration| at.as_secs_f64() * 1_000.0;
        let mut lines = std::mem::take(&mut self.done);
        lines.extend(self.fleet.relay.begun().into_iter().map(|begun| {
            LedgerLine::Begun(Begun {
                at_ms: ms(begun.at),
                connection: begun.connection,
                client: begun.client,
                rcpt: begun.rcpt,
            })
        }));
        lines.extend(self.fleet.relay.ledger().into_iter().map(|taken| {
            LedgerLine::Taken(Taken {
                at_ms: ms(taken.at),
                connection: taken.connection,
                client: taken.client,
                rcpt: taken.rcpt.join(","),
                message_id: taken.message_id,
                accepted: taken.accepted,
                answered: taken.answered,
            })
        }));
        lines.sort_by(|a, b| a.at_ms().total_cmp(&b.at_ms()));
        let mut file = BufWriter::new(File::create(path)?);
        for line in std::iter::once(LedgerLine::Run(self.run.clone())).chain(lines) {
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
        Ok(())
    }
}

impl Drop for Stage {
    /// A run that comes to no end leaves what its processes said: it is all there is to find out why.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.copy_logs(&self.plan.folder).ok();
        }
    }
}

/// The package of one mail.
fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("chaos/package")
}
