//! Databases of a test's own: a file, or a database on a Postgres server that the tests start.
//!
//! Test runners start a process per test, so the server is shared between processes: whoever comes
//! first starts it, everybody holds a shared lock on a file while alive, and a watchdog that waits
//! for the exclusive lock stops the server when nobody is left. The kernel drops the locks of a
//! process that dies in whatever way, so no server outlives the tests.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

/// An empty database. Gone when it is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Sqlite(TempDir),
    Postgres { name: String },
}

impl TestDatabase {
    /// A file that does not exist yet, in a folder of its own.
    pub fn sqlite() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("throughline-book-")
            .tempdir()
            .expect("the folder for temporary files takes a folder");
        let url = format!("sqlite://{}", folder.path().join("book.sqlite").display());
        Self { url, kind: Kind::Sqlite(folder) }
    }

    /// An empty database on the shared server.
    pub fn postgres() -> Self {
        TestPostgres::shared().fresh_database()
    }

    /// Where it is: `sqlite://…` or `postgres://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of the file; `None` for a database on a server.
    pub fn folder(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Sqlite(folder) => Some(folder.path()),
            Kind::Postgres { .. } => None,
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Kind::Postgres { name } = &self.kind {
            // Best effort: what is left behind goes with the server.
            let _ = TestPostgres::shared()
                .psql(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// The Postgres server of the tests, on a loopback port, without passwords and without fsync.
#[derive(Debug)]
pub struct TestPostgres {
    port: u16,
    programs: PathBuf,
    /// The shared lock that says somebody uses the server; let go when the process ends.
    _in_use: File,
}

impl TestPostgres {
    /// The server, started if no test of this machine has started it.
    ///
    /// # Panics
    /// When Postgres is not installed, with the line that installs it, or when it does not start.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<TestPostgres> = OnceLock::new();
        SERVER.get_or_init(Self::join_or_start)
    }

    /// A new, empty database on it.
    ///
    /// # Panics
    /// When the server refuses to make it.
    pub fn fresh_database(&self) -> TestDatabase {
        let name = format!("tl_{}", sandbox::random_hex(8));
        let made = self.psql(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        assert!(
            made.status.success(),
            "CREATE DATABASE failed: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let url = format!("postgres://postgres@127.0.0.1:{}/{name}", self.port);
        TestDatabase { url, kind: Kind::Postgres { name } }
    }

    fn psql(&self, statement: &str) -> Output {
        Command::new(self.programs.join("psql"))
            .args([
                "-X",
                "-q",
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
                "-d",
                "postgres",
                "-c",
                statement,
            ])
            .args(["-p", &self.port.to_string()])
            .output()
            .expect("psql lies beside the server's other programs")
    }

    fn join_or_start() -> Self {
        let programs = programs();
        let folder = std::env::temp_dir().join(format!("throughline-test-postgres-{}", whoami()));
        fs::create_dir_all(&folder).expect("the folder for temporary files takes a folder");
        let in_use = lock_file(&folder.join("in-use.lock"));
        // Waits while the watchdog is stopping the server, which then is started again below.
        in_use.lock_shared().expect("the file system has locks");
        let starting = lock_file(&folder.join("starting.lock"));
        starting.lock().expect("the file system has locks");
        let port = running(&folder).unwrap_or_else(|| start(&folder, &programs));
        drop(starting);
        Self { port, programs, _in_use: in_use }
    }
}

fn lock_file(path: &Path) -> File {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap_or_else(|error| panic!("{} can't be opened: {error}", path.display()))
}

/// The port of the server in `folder`, if one answers there.
fn running(folder: &Path) -> Option<u16> {
    let port = fs::read_to_string(folder.join("port")).ok()?.trim().parse().ok()?;
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(|_| port)
}

fn start(folder: &Path, programs: &Path) -> u16 {
    let data = folder.join("data");
    let port = sandbox::free_loopback_port().expect("the machine has a free port");
    let account = account();
    let _ = fs::remove_file(folder.join("port"));
    let _ = fs::remove_dir_all(&data);
    fs::create_dir(&data).expect("the folder was made above");
    if let Some(account) = &account {
        run(Command::new("chown").arg(account).arg(&data));
    }
    run(program(&account, programs, "initdb")
        .args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
        ])
        .arg(&data));
    // Tests crash processes of ours, never this server, so it need not wait for the disk.
    let options = format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off \
         -c full_page_writes=off -c synchronous_commit=off -c max_connections=400 -c shared_buffers=64MB"
    );
    run(program(&account, programs, "pg_ctl")
        .arg("-D")
        .arg(&data)
        .args(["-w", "-t", "60", "-l"])
        .arg(data.join("log"))
        .args(["-o", &options, "start"]));
    fs::write(folder.join("port"), port.to_string()).expect("the folder takes a file");
    watch(folder);
    port
}

/// Starts the process that stops the server two seconds after its last user is gone.
fn watch(folder: &Path) {
    // The lock is taken twice: once to wait until nobody uses the server, and, after a moment in
    // which the next test may come, once to keep new users waiting while the server stops.
    const SCRIPT: &str = r#"
        cd "$1" || exit
        while [ -e port ]; do
            flock -x in-use.lock true
            sleep 2
            flock -n -x in-use.lock sh -c '
                [ -e port ] || exit 0
                rm -f port
                server=$(head -n 1 data/postmaster.pid 2>/dev/null) || exit 0
                kill -INT "$server"
                while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
                rm -rf data
            '
        done
    "#;
    Command::new("setsid")
        .args(["--fork", "sh", "-c", SCRIPT, "sh"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("setsid, sh and flock are part of every Debian");
}

/// The account the server runs as: it refuses to be root.
fn account() -> Option<String> {
    (whoami() == "0").then(|| {
        let known = Command::new("id")
            .args(["-u", "postgres"])
            .output()
            .is_ok_and(|output| output.status.success());
        if known { "postgres".to_owned() } else { "nobody".to_owned() }
    })
}

fn whoami() -> String {
    let output = Command::new("id").arg("-u").output().expect("id is part of every Debian");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn program(account: &Option<String>, programs: &Path, name: &str) -> Command {
    let path = programs.join(name);
    let Some(account) = account else { return Command::new(path) };
    let mut command = Command::new("runuser");
    command
        .args(["-u", account, "--", "env", "-i", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"])
        .arg(path);
    command
}

fn run(command: &mut Command) {
    // The server keeps what it inherits; a pipe of ours would stay open as long as it runs.
    let folder = tempfile::tempdir().expect("the folder for temporary files takes a folder");
    let said = folder.path().join("said");
    let file = File::create(&said).expect("the folder takes a file");
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a file can be opened twice"))
        .stderr(file)
        .current_dir("/")
        .status()
        .unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"));
    let said = fs::read_to_string(said).unwrap_or_default();
    assert!(status.success(), "{command:?} ended with {status}: {said}");
}

/// The folder of the newest Postgres that is installed.
fn programs() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, programs)| programs.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, programs)| programs).unwrap_or_else(|| {
        panic!("these tests need a Postgres server; install it: sudo apt-get install -y postgresql")
    })
}
