//! A Redis of the test's own: AOF on, nothing evicted, gone with the test.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How often a server of ours makes sure that its append-only file is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// With every write, before it answers.
    Always,
    /// Once a second: a power cut loses up to two seconds.
    EverySecond,
}

/// A private `redis-server` on a unix socket. Its child is killed when this is dropped.
#[derive(Debug)]
pub struct TestRedis {
    directory: TempDir,
    child: Option<Child>,
    fsync: Fsync,
}

impl TestRedis {
    /// Starts a server and waits until it answers, some 20 ms.
    ///
    /// # Panics
    /// If there is no `redis-server`, with the line to install it.
    pub fn start() -> Self {
        Self::start_with(Fsync::EverySecond)
    }

    /// [`Self::start`], with another `appendfsync`.
    pub fn start_with(fsync: Fsync) -> Self {
        let directory =
            TempDir::with_prefix("tl-redis-").expect("the temporary folder is writable");
        let mut redis = Self { directory, child: None, fsync };
        redis.restart();
        redis
    }

    /// Its unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// The URL to connect to.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Starts it again with what its AOF kept; after [`Self::stop`].
    ///
    /// # Panics
    /// If it does not answer within 10 s.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// [`Self::restart`], with these in its environment.
    ///
    /// # Panics
    /// If it does not answer within 10 s.
    pub fn restart_with(&mut self, environment: &[(&str, String)]) {
        assert!(self.child.is_none(), "the server runs already");
        let log = std::fs::File::create(self.directory.path().join("redis.log"))
            .expect("the temporary folder is writable");
        let child = Command::new("redis-server")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .args(["--port", "0", "--save", "", "--appendonly", "yes", "--appendfsync"])
            .arg(match self.fsync {
                Fsync::Always => "always",
                Fsync::EverySecond => "everysec",
            })
            .args(["--maxmemory-policy", "noeviction", "--daemonize", "no"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be doubled"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("redis-server can't be started ({error}): apt-get install redis-server")
            });
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.ping().is_none() {
            assert!(Instant::now() < deadline, "redis-server did not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it has said since it was started last.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("redis.log")).unwrap_or_default()
    }

    fn ping(&self) -> Option<()> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        stream.write_all(b"PING\r\n").ok()?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).ok()?;
        (&answer == b"+PONG\r\n").then_some(())
    }

    /// Ends it as a power cut would: `kill -9`. What the AOF has stays for [`Self::restart`].
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
        std::fs::remove_file(self.socket()).ok();
    }

    /// How long the append-only file is, in bytes: what a power cut may take it back to.
    ///
    /// # Panics
    /// If the server keeps none.
    pub fn append_only_bytes(&self) -> u64 {
        let file = std::fs::metadata(self.append_only_file());
        file.expect("the append-only file is there").len()
    }

    /// Cuts the append-only file to `bytes`, as a power cut does that came before the rest was on the disk.
    /// Only after [`Self::stop`].
    ///
    /// # Panics
    /// If the server runs.
    pub fn cut_append_only(&self, bytes: u64) {
        assert!(self.child.is_none(), "the server still writes");
        let file = std::fs::File::options().write(true).open(self.append_only_file());
        let file = file.expect("the append-only file is there");
        let now = file.metadata().expect("a file has a length").len();
        file.set_len(bytes.min(now)).expect("the temporary folder is writable");
    }

    /// The part of the append-only file that is written to.
    fn append_only_file(&self) -> PathBuf {
        let folder = self.directory.path().join("appendonlydir");
        let files = std::fs::read_dir(&folder).expect("the server keeps an append-only file");
        let mut parts: Vec<PathBuf> = files
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
            .collect();
        parts.sort();
        parts.pop().expect("the append-only file has a part that is written to")
    }

    /// Kills it and starts it again: the AOF is read, scripts and connections are gone.
    pub fn kill_and_restart(&mut self) {
        self.stop();
        self.restart();
    }

    /// Empties it; scripts stay.
    pub fn flushall(&self) {
        self.cli(&["FLUSHALL"]);
    }

    /// Freezes it (SIGSTOP).
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("the server runs").id().to_string();
        let done =
            Command::new("kill").args([signal, &id]).status().expect("kill is on every machine");
        assert!(done.success(), "kill {signal} {id} failed");
    }

    /// One command by hand; its answer as text, one line each element.
    ///
    /// # Panics
    /// If the server does not answer.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let done = Command::new("redis-cli")
            .arg("-s")
            .arg(self.socket())
            .args(arguments)
            .output()
            .unwrap_or_else(|error| {
                panic!("redis-cli can't be started ({error}): apt-get install redis-tools")
            });
        assert!(done.status.success(), "redis-cli {arguments:?}: {done:?}");
        String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        if self.child.is_some() {
            // A frozen child does not die of anything but SIGKILL, which this is.
            self.stop();
        }
    }
}
