//! Child processes: started, logged, started again when they die, and stopped with us.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    runtime::Handle,
    sync::{broadcast, oneshot, watch},
    time::{Instant, sleep, timeout},
};

use crate::error::SupervisorError;

/// The first pause before a child that died is started again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a child that keeps dying is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A child that lived this long has started well; its next death begins with the first pause again.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// What to start.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    /// A name for people; unique among the children.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables added to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// Variables of our own environment that it does not get.
    pub env_without: Vec<OsString>,
    /// The file that what it prints is appended to.
    pub log: PathBuf,
    /// How long it has after SIGTERM before it is killed.
    pub stop_within: Duration,
    /// Whether it is started again when it ends by itself.
    pub restart: bool,
}

/// A child that runs, or is about to be started again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChildInfo {
    /// Its name.
    pub name: String,
    /// Its process id; the last one while it is not running.
    pub pid: u32,
    /// How often it was started again.
    pub restarts: u32,
}

/// What happened to a child.
#[derive(Debug, Clone)]
pub enum ChildEvent {
    /// It was started.
    Started(ChildInfo),
    /// It ended without being asked to.
    Ended {
        /// Which one.
        child: ChildInfo,
        /// How it ended.
        status: ExitStatus,
        /// The pause before it is started again; `None` if it is not.
        again_after: Option<Duration>,
    },
    /// It could not be started again.
    FailedToStart {
        /// Its name.
        name: String,
        /// Why.
        error: String,
        /// The pause before the next try.
        again_after: Duration,
    },
}

/// Keeps children running. Clones are the same supervisor.
///
/// A thread of its own starts all children and lives as long as the supervisor: the kernel's
/// parent-death signal, which ends the children if this process is killed outright, is bound to the
/// thread that started them. It is set through `setpriv` (util-linux) where that is installed.
#[derive(Debug, Clone)]
pub struct Supervisor {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    requests: mpsc::Sender<Request>,
    children: Mutex<Vec<Kept>>,
    events: broadcast::Sender<ChildEvent>,
    dies_with_us: bool,
}

#[derive(Debug)]
struct Kept {
    info: Arc<Mutex<ChildInfo>>,
    stop: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
}

struct Request {
    command: Command,
    answer: oneshot::Sender<std::io::Result<Child>>,
}

impl Supervisor {
    /// A supervisor without children. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the thread that starts children can't be made.
    pub fn new() -> Result<Self, SupervisorError> {
        let (requests, receiver) = mpsc::channel::<Request>();
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || {
                while let Ok(mut request) = receiver.recv() {
                    let _inside = runtime.enter();
                    let _ = request.answer.send(request.command.spawn());
                }
            })
            .map_err(|source| SupervisorError::Start {
                name: "the supervisor's thread".to_owned(),
                source,
            })?;
        let inner = Inner {
            requests,
            children: Mutex::new(Vec::new()),
            events: broadcast::channel(256).0,
            dies_with_us: setpriv_works(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What happens to the children from now on.
    pub fn events(&self) -> broadcast::Receiver<ChildEvent> {
        self.inner.events.subscribe()
    }

    /// All children that have not been stopped, in the order of their first start.
    pub fn children(&self) -> Vec<ChildInfo> {
        let children = self.inner.children.lock().expect("no panic while held");
        children.iter().map(|kept| kept.info.lock().expect("no panic while held").clone()).collect()
    }

    /// Starts a child and keeps it running.
    ///
    /// # Errors
    /// When it can't be started the first time, or its log can't be opened.
    pub async fn start(&self, spec: ChildSpec) -> Result<ChildInfo, SupervisorError> {
        let log = open_log(&spec)?;
        let child = self.inner.spawn(&spec, log, false).await?;
        Ok(self.keep(spec, child, false))
    }

    /// The same for a child that prints one line when it is ready; returns that line.
    ///
    /// # Errors
    /// As [`Supervisor::start`]; and [`SupervisorError::NotReady`] when the line does not come `within`,
    /// or it ends before. It is stopped then.
    pub async fn start_with_ready_line(
        &self,
        spec: ChildSpec,
        within: Duration,
    ) -> Result<(ChildInfo, String), SupervisorError> {
        let log = open_log(&spec)?;
        let mut child = self.inner.spawn(&spec, log, true).await?;
        let not_ready =
            || SupervisorError::NotReady { name: spec.name.clone(), within, log: spec.log.clone() };
        let stdout = child.stdout.take().ok_or_else(not_ready)?;
        let mut lines = BufReader::new(stdout);
        let mut line = String::new();
        match timeout(within, lines.read_line(&mut line)).await {
            Ok(Ok(length)) if length > 0 => {}
            _ => {
                end(&mut child, spec.stop_within).await;
                return Err(not_ready());
            }
        }
        copy_to_log(lines, open_log(&spec)?);
        let info = self.keep(spec, child, true);
        Ok((info, line.trim_end().to_owned()))
    }

    /// Stops a child: SIGTERM, and SIGKILL when its time is over. Returns once it is gone.
    pub async fn stop(&self, name: &str) {
        let kept = {
            let mut children = self.inner.children.lock().expect("no panic while held");
            let place = children
                .iter()
                .position(|kept| kept.info.lock().expect("no panic while held").name == name);
            place.map(|place| children.remove(place))
        };
        if let Some(kept) = kept {
            kept.stop().await;
        }
    }

    /// Stops all children, the last one started first: a child may need those started before it in order
    /// to end well.
    pub async fn stop_all(&self) {
        loop {
            let last = self.inner.children.lock().expect("no panic while held").pop();
            match last {
                Some(kept) => kept.stop().await,
                None => return,
            }
        }
    }

    fn keep(&self, spec: ChildSpec, child: Child, pipes: bool) -> ChildInfo {
        let info = ChildInfo { name: spec.name.clone(), pid: child.id().unwrap_or(0), restarts: 0 };
        let shared = Arc::new(Mutex::new(info.clone()));
        let (stop, stopped) = watch::channel(false);
        let (end_sender, ended) = watch::channel(false);
        let kept = Kept { info: Arc::clone(&shared), stop, ended };
        self.inner.children.lock().expect("no panic while held").push(kept);
        let _ = self.inner.events.send(ChildEvent::Started(info.clone()));
        let watch = Watch {
            requests: self.inner.requests.clone(),
            events: self.inner.events.clone(),
            dies_with_us: self.inner.dies_with_us,
            spec,
            pipes,
            info: shared,
            stopped,
        };
        tokio::spawn(async move {
            watch.run(child).await;
            let _ = end_sender.send(true);
        });
        info
    }
}

impl Inner {
    async fn spawn(
        &self,
        spec: &ChildSpec,
        log: File,
        pipes: bool,
    ) -> Result<Child, SupervisorError> {
        spawn(&self.requests, self.dies_with_us, spec, log, pipes).await
    }
}

impl Kept {
    async fn stop(mut self) {
        let _ = self.stop.send(true);
        let _ = self.ended.wait_for(|ended| *ended).await;
    }
}

/// One child's life.
struct Watch {
    requests: mpsc::Sender<Request>,
    events: broadcast::Sender<ChildEvent>,
    dies_with_us: bool,
    spec: ChildSpec,
    pipes: bool,
    info: Arc<Mutex<ChildInfo>>,
    stopped: watch::Receiver<bool>,
}

impl Watch {
    async fn run(mut self, mut child: Child) {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let status = tokio::select! {
                status = child.wait() => status,
                () = asked_to_stop(&mut self.stopped) => {
                    end(&mut child, self.spec.stop_within).await;
                    return;
                }
            };
            if started.elapsed() >= SETTLED_AFTER {
                pause = FIRST_PAUSE;
            }
            let again_after = self.spec.restart.then_some(pause);
            if let Ok(status) = status {
                let child = self.info.lock().expect("no panic while held").clone();
                tracing::warn!(child.name = %child.name, child.pid, %status, "a child process ended");
                let _ = self.events.send(ChildEvent::Ended { child, status, again_after });
            }
            if !self.spec.restart {
                return;
            }
            child = loop {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = asked_to_stop(&mut self.stopped) => return,
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                match self.again().await {
                    Ok(child) => break child,
                    Err(error) => {
                        let name = self.spec.name.clone();
                        let event = ChildEvent::FailedToStart {
                            name,
                            error: error.to_string(),
                            again_after: pause,
                        };
                        let _ = self.events.send(event);
                    }
                }
            };
            let mut info = self.info.lock().expect("no panic while held");
            info.pid = child.id().unwrap_or(0);
            info.restarts += 1;
            let _ = self.events.send(ChildEvent::Started(info.clone()));
        }
    }

    async fn again(&self) -> Result<Child, SupervisorError> {
        let log = open_log(&self.spec)?;
        let mut child =
            spawn(&self.requests, self.dies_with_us, &self.spec, log, self.pipes).await?;
        if let Some(stdout) = child.stdout.take() {
            copy_to_log(BufReader::new(stdout), open_log(&self.spec)?);
        }
        Ok(child)
    }
}

async fn spawn(
    requests: &mpsc::Sender<Request>,
    dies_with_us: bool,
    spec: &ChildSpec,
    log: File,
    pipes: bool,
) -> Result<Child, SupervisorError> {
    let failed = |source| SupervisorError::Start { name: spec.name.clone(), source };
    if spec.program.is_absolute() && !spec.program.exists() {
        // With setpriv in between, the system would report this too late and about setpriv.
        return Err(failed(std::io::ErrorKind::NotFound.into()));
    }
    let mut command = if dies_with_us {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(&spec.program);
        command
    } else {
        Command::new(&spec.program)
    };
    let errors = log.try_clone().map_err(failed)?;
    command.args(&spec.args).envs(spec.env.iter().map(|(name, value)| (name, value)));
    for name in &spec.env_without {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(if pipes { Stdio::piped() } else { Stdio::from(log) })
        .stderr(Stdio::from(errors))
        // A group of its own: Ctrl-C in the terminal reaches us alone, and we stop children in order.
        .process_group(0)
        .kill_on_drop(true);
    let (answer, child) = oneshot::channel();
    requests.send(Request { command, answer }).map_err(|_| SupervisorError::Stopped)?;
    child.await.map_err(|_| SupervisorError::Stopped)?.map_err(failed)
}

async fn asked_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could ask: the supervisor is gone, and so the child goes.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn end(child: &mut Child, within: Duration) {
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
        // The only failure is that it is gone already, which the wait below finds out.
        let _ = kill_process(pid, Signal::TERM);
    }
    if timeout(within, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

fn open_log(spec: &ChildSpec) -> Result<File, SupervisorError> {
    OpenOptions::new().create(true).append(true).open(&spec.log).map_err(|source| {
        SupervisorError::Log { name: spec.name.clone(), path: spec.log.clone(), source }
    })
}

fn copy_to_log(mut lines: BufReader<tokio::process::ChildStdout>, log: File) {
    let mut log = tokio::fs::File::from_std(log);
    tokio::spawn(async move {
        if tokio::io::copy(&mut lines, &mut log).await.is_ok() {
            let _ = log.flush().await;
        }
    });
}

fn setpriv_works() -> bool {
    std::process::Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "--", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str, folder: &tempfile::TempDir) -> ChildSpec {
        ChildSpec {
            name: name.to_owned(),
            program: PathBuf::from("/bin/sh"),
            args: vec!["-c".into(), script.into()],
            env: vec![("GREETING".into(), "hello".into())],
            env_without: vec!["HOME".into()],
            log: folder.path().join(format!("{name}.log")),
            stop_within: Duration::from_millis(500),
            restart: true,
        }
    }

    async fn next_start(events: &mut broadcast::Receiver<ChildEvent>) -> ChildInfo {
        let started = async {
            loop {
                if let ChildEvent::Started(info) = events.recv().await.unwrap() {
                    return info;
                }
            }
        };
        timeout(Duration::from_secs(20), started).await.expect("a child is started")
    }

    #[tokio::test]
    async fn a_child_that_dies_is_started_again_and_its_log_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new().unwrap();
        let mut events = supervisor.events();
        let spec = shell("short", "echo \"$GREETING,$HOME.\"; exit 3", &folder);
        let log = spec.log.clone();
        let first = supervisor.start(spec).await.unwrap();
        assert_eq!(next_start(&mut events).await, first);
        let second = next_start(&mut events).await;
        assert_ne!(second.pid, first.pid);
        let third = next_start(&mut events).await;
        assert_eq!(third.restarts, 2);
        supervisor.stop_all().await;
        assert!(supervisor.children().is_empty());
        assert!(std::fs::read_to_string(log).unwrap().matches("hello,.\n").count() >= 2);
    }

    #[tokio::test]
    async fn one_that_ignores_the_request_to_stop_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new().unwrap();
        let spec = shell("deaf", "trap '' TERM; echo ready; while :; do sleep 1; done", &folder);
        let (info, line) =
            supervisor.start_with_ready_line(spec, Duration::from_secs(20)).await.unwrap();
        assert_eq!(line, "ready");
        supervisor.stop("deaf").await;
        let pid = Pid::from_raw(info.pid.cast_signed()).unwrap();
        assert!(rustix::process::test_kill_process(pid).is_err(), "the process is gone");
    }

    #[tokio::test]
    async fn one_that_never_gets_ready_is_reported_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new().unwrap();
        let spec = shell("broken", "echo why it broke >&2; exit 1", &folder);
        let log = spec.log.clone();
        let error =
            supervisor.start_with_ready_line(spec, Duration::from_secs(20)).await.unwrap_err();
        assert!(error.to_string().contains("broken did not get ready"), "{error}");
        assert!(std::fs::read_to_string(log).unwrap().contains("why it broke"));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = shell("missing", "", &folder);
        spec.program = PathBuf::from("/no/such/program");
        let supervisor = Supervisor::new().unwrap();
        let error = supervisor.start(spec).await.unwrap_err();
        assert_eq!(error.to_string(), "can't start missing");
        assert!(supervisor.children().is_empty());
    }
}
