//! The fleet on one machine: a private Redis and workers as child processes, the scheduler and the portal as
//! tasks of this one.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use belt::Belt;
use domain::time::Clock;
use process::{Config, Metrics, Readiness, Shutdown, SystemClock};
use program::Program;
use sandbox::{ChildInfo, ChildSpec, PrivateRedis, RedisOptions, Supervisor};
use store::{Store, StoreOptions};
use tokio::{sync::watch, task::JoinSet};

use super::settings::Settings;
use crate::{commands::open, roles};

/// How long the private Redis may take to load what it holds.
const REDIS_WITHIN: Duration = Duration::from_secs(60);
/// How long a task of this process may take to end what it has begun.
const TASKS_WITHIN: Duration = Duration::from_secs(20);

/// What to start.
#[derive(Debug)]
pub struct Plan {
    /// Where everything lies that it writes; made beforehand.
    pub folder: PathBuf,
    /// The configuration, without what is decided here.
    pub settings: Settings,
    /// Worker processes.
    pub workers: u32,
    /// How long a worker has to end before it is killed.
    pub stop_workers_within: Duration,
}

/// A private Redis that runs, before anything uses it.
///
/// Apart from [`Fleet`], because what a machine lacks should be said before anything else is done.
#[derive(Debug)]
pub struct Base {
    /// Starts and watches the children.
    pub supervisor: Supervisor,
    /// The private Redis.
    pub redis: PrivateRedis,
}

impl Base {
    /// Starts the private Redis in `folder`.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        let redis =
            PrivateRedis::prepare(RedisOptions { data_dir: folder.join("redis"), binary: None })?;
        let supervisor = Supervisor::new()?;
        supervisor.start(redis.child_spec()).await?;
        redis.wait_ready(REDIS_WITHIN).await?;
        Ok(Self { supervisor, redis })
    }
}

/// The running fleet.
#[derive(Debug)]
pub struct Fleet {
    /// Starts and watches the children.
    pub supervisor: Supervisor,
    /// The private Redis.
    pub redis: PrivateRedis,
    /// The book.
    pub store: Store,
    /// The belt.
    pub belt: Belt,
    /// The commands.
    pub program: Program,
    /// What all of it runs with.
    pub config: Arc<Config>,
    /// The file of that.
    pub config_file: PathBuf,
    /// The worker processes.
    pub workers: Vec<ChildInfo>,
    child_environment: (Vec<(OsString, OsString)>, Vec<OsString>),
    inside: Shutdown,
    tasks: JoinSet<()>,
    ended: watch::Receiver<Option<String>>,
}

impl Fleet {
    /// Starts all of it.
    pub async fn start(base: Base, plan: Plan) -> anyhow::Result<Self> {
        let Base { supervisor, redis } = base;
        let mut settings = plan.settings;
        settings.set("redis", "url", &redis.url());
        let config_file = plan.folder.join("throughline.toml");
        let config = Arc::new(settings.write(&config_file)?);

        let url = &config.book.url;
        let store = Store::open(url.expose(), StoreOptions::default())
            .await
            .with_context(|| format!("book.url is {url}"))?;
        store
            .migrate(SystemClock.now())
            .await
            .context("can't bring the book's schema up to date")?;
        let belt = roles::start::belt(&config).await?;
        belt.check_server().await?;
        let program = open::program(&config, store.clone(), Some(belt.clone()))?;

        let inside = Shutdown::new();
        let mut tasks = JoinSet::new();
        let scheduler = scheduler::Parts {
            store: store.clone(),
            belt: belt.clone(),
            hash_key: config.secrets.address_key()?,
            templates: open::shared_templates(&config)?,
            config: Arc::clone(&config),
            metrics: Metrics::new("scheduler", SystemClock.now()),
            readiness: Readiness::new(),
            holder: process::fresh_worker_name(),
        };
        let (tell_end, ended) = watch::channel(None);
        let scheduler = scheduler::run(scheduler, inside.clone());
        tasks.spawn(watched("scheduler", scheduler, inside.clone(), tell_end.clone()));
        let parts = portal::PortalParts {
            api: roles::portal::api_parts(&config),
            ..portal::PortalParts::new(
                program.clone(),
                roles::portal::track_parts(&config, belt.clone())?,
                Metrics::new("portal", SystemClock.now()),
                Readiness::new(),
            )
        };
        let portal = portal::serve(config.portal.listen, parts, inside.drain_token()).await?;
        let portal = async { Ok(portal.task.await?) };
        tasks.spawn(watched("portal", portal, inside.clone(), tell_end));

        let mut fleet = Self {
            supervisor,
            redis,
            store,
            belt,
            program,
            config,
            config_file,
            workers: Vec::new(),
            child_environment: settings.child_environment(),
            inside,
            tasks,
            ended,
        };
        for number in 1..=plan.workers {
            let worker = fleet.worker(number, &plan.folder, plan.stop_workers_within)?;
            let started = fleet.supervisor.start(worker).await?;
            fleet.workers.push(started);
        }
        Ok(fleet)
    }

    fn worker(
        &self,
        number: u32,
        folder: &Path,
        stop_within: Duration,
    ) -> anyhow::Result<ChildSpec> {
        let name = format!("worker-{number}");
        Ok(ChildSpec {
            program: this_program()?,
            args: vec![
                OsString::from("--config"),
                self.config_file.clone().into(),
                "worker".into(),
            ],
            env: self.child_environment.0.clone(),
            env_without: self.child_environment.1.clone(),
            log: folder.join(format!("{name}.log")),
            stop_within,
            restart: true,
            name,
        })
    }

    /// Waits until the scheduler or the portal ends by itself, which neither does unless it fails.
    pub async fn failed(&self) -> anyhow::Error {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(why) => anyhow::anyhow!("{}", why.as_deref().unwrap_or_default()),
            Err(_) => anyhow::anyhow!("the scheduler and the portal have ended"),
        }
    }

    /// Stops all of it: workers first, so that the scheduler still writes down what they did; Redis last.
    pub async fn stop(mut self) {
        let mut stopping = JoinSet::new();
        for worker in &self.workers {
            let (supervisor, name) = (self.supervisor.clone(), worker.name.clone());
            stopping.spawn(async move { supervisor.stop(&name).await });
        }
        while stopping.join_next().await.is_some() {}
        self.inside.start_drain();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(TASKS_WITHIN, ended).await.is_err() {
            self.tasks.shutdown().await;
        }
        self.store.close().await;
        self.supervisor.stop_all().await;
    }
}

/// Runs a task and tells how it ended, unless it was asked to.
async fn watched(
    name: &'static str,
    task: impl Future<Output = anyhow::Result<()>>,
    inside: Shutdown,
    tell_end: watch::Sender<Option<String>>,
) {
    let ended = task.await;
    if !inside.is_draining() {
        let why = ended.err().map_or_else(String::new, |error| format!(": {error:#}"));
        tell_end.send_replace(Some(format!("the {name} ended by itself{why}")));
    }
}

/// The program that runs now, for children of other roles.
pub fn this_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("can't find the program that runs")
}
