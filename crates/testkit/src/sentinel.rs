//! A Redis that fails over: a primary, a replica and three Sentinels on loopback, gone with the test.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// What the Sentinels call the primary.
pub const NAME: &str = "belt";
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a primary is silent before it counts as down.
const DOWN_AFTER_MS: u32 = 1_000;

/// Two servers, one of them the primary, and three Sentinels that watch them.
#[derive(Debug)]
pub struct TestSentinels {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
    // After the children, which write into it until they are killed.
    directory: TempDir,
}

#[derive(Debug)]
struct Server {
    port: u16,
    child: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("the server runs").id().to_string();
        let done =
            Command::new("kill").args([signal, &id]).status().expect("kill is on every machine");
        assert!(done.success(), "kill {signal} {id} failed");
    }

    fn cli(&self, arguments: &[&str]) -> Option<String> {
        let port = self.port.to_string();
        // Its own option for this came after the version that Debian has; a frozen server never answers.
        let mut command = Command::new("timeout");
        command.args(["2", "redis-cli", "-h", "127.0.0.1", "-p", &port]).args(arguments);
        let done =
            command.output().unwrap_or_else(|error| panic!("timeout can't be started: {error}"));
        // 127: there is no such program.
        assert_ne!(
            done.status.code(),
            Some(127),
            "redis-cli is missing: apt-get install redis-tools"
        );
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
    }
}

impl TestSentinels {
    /// Starts all five and waits until the Sentinels know each other and the replica is in step, some 3 s.
    ///
    /// # Panics
    /// If there is no `redis-server`, with the line to install it, or they don't find each other.
    pub fn start() -> Self {
        let directory =
            TempDir::with_prefix("tl-sentinel-").expect("the temporary folder is writable");
        let mut redis = Self { servers: Vec::new(), sentinels: Vec::new(), directory };
        for _ in 0..2 {
            redis.servers.push(Server { port: free_port(), child: None });
        }
        redis.start_server(0);
        redis.wait("the first server to answer", |redis| {
            redis.servers[0].cli(&["PING"]).as_deref() == Some("PONG")
        });
        redis.start_server(1);
        redis.follow(1, 0);
        redis.wait("the replica to be in step", |redis| {
            let about = redis.servers[0].cli(&["INFO", "replication"]).unwrap_or_default();
            about.contains("state=online")
        });
        for n in 0..3 {
            redis.start_sentinel(n);
        }
        redis.wait("the Sentinels to find each other and the replica", |redis| {
            redis.sentinels.iter().all(|sentinel| {
                let about = sentinel.cli(&["SENTINEL", "MASTER", NAME]).unwrap_or_default();
                let lines: Vec<&str> = about.lines().collect();
                let says = |name: &str, value: &str| {
                    lines.windows(2).any(|pair| pair[0] == name && pair[1] == value)
                };
                says("num-slaves", "1")
                    && says("num-other-sentinels", "2")
                    && says("flags", "master")
            })
        });
        redis
    }

    /// The URL that names the Sentinels.
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// Where the server is that most Sentinels call the primary: its place, 0 or 1.
    pub fn primary(&self) -> usize {
        let mut said: Vec<String> = self
            .sentinels
            .iter()
            .filter_map(|sentinel| sentinel.cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]))
            .collect();
        said.sort();
        let port =
            said.get(said.len() / 2).and_then(|said| said.lines().nth(1)).unwrap_or_default();
        let place = self.servers.iter().position(|server| server.port.to_string() == port);
        place.unwrap_or_else(|| panic!("the Sentinels name no server of ours: {said:?}"))
    }

    /// The address of the server at a place.
    pub fn address(&self, place: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.servers[place].port))
    }

    /// One command to the server at a place; `None` if it does not answer.
    pub fn cli(&self, place: usize, arguments: &[&str]) -> Option<String> {
        self.servers[place].cli(arguments)
    }

    /// `kill -9` of a server. What it had not told its replica is lost.
    pub fn kill(&mut self, place: usize) {
        self.servers[place].kill();
    }

    /// Freezes a server (SIGSTOP): to the Sentinels it is down, to itself it is the primary when it goes on.
    pub fn pause(&self, place: usize) {
        self.servers[place].signal("-STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self, place: usize) {
        self.servers[place].signal("-CONT");
    }

    /// Waits until the Sentinels call another server the primary than the one at `place`.
    pub fn wait_for_failover_from(&self, place: usize) {
        self.wait("a failover", |redis| {
            let other = 1 - place;
            redis.primary() == other
                && redis.servers[other]
                    .cli(&["ROLE"])
                    .is_some_and(|role| role.starts_with("master"))
        });
    }

    /// Starts a killed server again, as the Sentinels find it: they make it a replica of the primary. Waits until
    /// it is in step.
    pub fn start_again_as_replica(&mut self, place: usize) {
        self.start_server(place);
        self.wait_for_replica(place);
    }

    /// Waits until the server at `place` is a replica in step with the other one.
    pub fn wait_for_replica(&self, place: usize) {
        self.wait("the old primary to be a replica in step", |redis| {
            let role = redis.servers[place].cli(&["ROLE"]).unwrap_or_default();
            role.starts_with("slave") && role.lines().nth(3) == Some("connected")
        });
    }

    fn start_server(&mut self, place: usize) {
        let port = self.servers[place].port.to_string();
        let folder = self.directory.path().join(format!("server-{place}"));
        std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
        // Without the delay of 0 a replica is only in step after 5 s, and a failover before that loses all.
        let child = redis_server(&folder, "server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "yes"])
            .args(["--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0"])
            .args(["--replica-announce-ip", "127.0.0.1"])
            .spawn()
            .unwrap_or_else(|error| missing(&error));
        self.servers[place].child = Some(child);
    }

    fn follow(&self, place: usize, of: usize) {
        let port = self.servers[of].port.to_string();
        self.wait("the second server to answer", |redis| {
            redis.servers[place].cli(&["REPLICAOF", "127.0.0.1", &port]).as_deref() == Some("OK")
        });
    }

    fn start_sentinel(&mut self, n: usize) {
        let port = free_port();
        let folder = self.directory.path().join(format!("sentinel-{n}"));
        std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
        let file = folder.join("sentinel.conf");
        let text = format!(
            "bind 127.0.0.1\nport {port}\ndir {}\n\
             sentinel monitor {NAME} 127.0.0.1 {} 2\n\
             sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n\
             sentinel failover-timeout {NAME} 5000\n",
            folder.display(),
            self.servers[0].port,
        );
        std::fs::write(&file, text).expect("the temporary folder is writable");
        let mut command = redis_server(&folder, "sentinel");
        let child =
            command.arg(&file).arg("--sentinel").spawn().unwrap_or_else(|error| missing(&error));
        self.sentinels.push(Server { port, child: Some(child) });
    }

    fn wait(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is(self) {
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn redis_server(folder: &Path, name: &str) -> Command {
    let log = std::fs::File::create(folder.join(format!("{name}.log")))
        .expect("the temporary folder is writable");
    let mut command = Command::new("redis-server");
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file handle can be doubled"))
        .stderr(log);
    command
}

fn missing(error: &std::io::Error) -> ! {
    panic!("redis-server can't be started ({error}): apt-get install redis-server")
}

fn free_port() -> u16 {
    sandbox::free_loopback_port().expect("the machine has a free port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_primary_is_replaced_and_comes_back_as_a_replica() {
        let mut redis = TestSentinels::start();
        let first = redis.primary();
        assert_eq!(redis.cli(first, &["SET", "kept", "yes"]).as_deref(), Some("OK"));
        assert_eq!(redis.cli(first, &["WAIT", "1", "2000"]).as_deref(), Some("1"));
        redis.kill(first);
        redis.wait_for_failover_from(first);
        assert_eq!(redis.primary(), 1 - first);
        assert_eq!(redis.cli(1 - first, &["GET", "kept"]).as_deref(), Some("yes"));
        redis.start_again_as_replica(first);
        assert_eq!(redis.primary(), 1 - first);
    }
}
