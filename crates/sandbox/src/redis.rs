//! A private `redis-server`, on the loopback interface, with its data beside the book.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use domain::Secret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{error::RedisError, free_loopback_port, random_hex, supervisor::ChildSpec};

/// How long one question to the private Redis may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Where the private Redis lives.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// The folder of its configuration, its append-only file and its log; made if it is missing.
    pub data_dir: PathBuf,
    /// The program; `None` takes `redis-server` from the search path.
    pub binary: Option<PathBuf>,
}

/// One private `redis-server`: everything that is decided before it starts.
///
/// The port stays the same when it is started again, so its clients find it after a crash. A password
/// of this run keeps out other users of the machine; it stands only in a file that its owner can read.
#[derive(Debug)]
pub struct PrivateRedis {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    port: u16,
    password: Secret<String>,
}

impl PrivateRedis {
    /// Finds the program, takes a free port and writes the configuration. Starts nothing yet.
    ///
    /// # Errors
    /// [`RedisError::NotInstalled`] when there is no `redis-server`; others when its folder can't be written.
    pub fn prepare(options: RedisOptions) -> Result<Self, RedisError> {
        let binary = options.binary.unwrap_or_else(|| PathBuf::from("redis-server"));
        try_binary(&binary)?;
        let folder = |source| RedisError::Folder { path: options.data_dir.clone(), source };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&options.data_dir)
            .map_err(folder)?;
        let data_dir = options.data_dir.canonicalize().map_err(folder)?;
        let port = free_loopback_port().map_err(folder)?;
        let password = random_hex(24);
        let config = data_dir.join("redis.conf");
        write_config(&config, &data_dir, port, &password)
            .map_err(|source| RedisError::Folder { path: config.clone(), source })?;
        let log = data_dir.join("redis.log");
        Ok(Self { binary, config, log, port, password: Secret::new(password) })
    }

    /// Its address with the password in it. A secret: for configuration that its owner alone can read.
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/0", self.password.expose(), self.port)
    }

    /// Its port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the supervisor starts it.
    pub fn child_spec(&self) -> ChildSpec {
        ChildSpec {
            name: "redis".to_owned(),
            program: self.binary.clone(),
            args: vec![OsString::from(&self.config)],
            env: Vec::new(),
            env_without: Vec::new(),
            log: self.log.clone(),
            stop_within: Duration::from_secs(10),
            restart: true,
        }
    }

    /// Waits until it answers PING, which it does once its append-only file is loaded.
    ///
    /// # Errors
    /// [`RedisError::NotReady`] after `within`.
    pub async fn wait_ready(&self, within: Duration) -> Result<(), RedisError> {
        let deadline = Instant::now() + within;
        loop {
            if let Ok(answer) = self.ask("PING").await
                && answer == "PONG"
            {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(RedisError::NotReady { within, log: self.log.clone() });
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The most memory it has used since it was started, in bytes (`used_memory_peak`).
    ///
    /// # Errors
    /// When it can't be reached or answers something else.
    pub async fn peak_memory_bytes(&self) -> Result<u64, RedisError> {
        let info = self.ask("INFO memory").await?;
        info.lines()
            .find_map(|line| line.strip_prefix("used_memory_peak:")?.trim().parse().ok())
            .ok_or(RedisError::Answer(info))
    }

    /// One inline command and its answer, on a connection of its own.
    async fn ask(&self, command: &str) -> Result<String, RedisError> {
        timeout(ANSWER_WITHIN, async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            let password = self.password.expose();
            stream.write_all(format!("AUTH {password}\r\n{command}\r\n").as_bytes()).await?;
            let mut input = Input { stream, buffer: Vec::new() };
            let authenticated = input.answer().await?;
            if authenticated != "OK" {
                return Ok(authenticated);
            }
            input.answer().await
        })
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(RedisError::Connection)
    }
}

struct Input {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Input {
    /// A simple, error or bulk string; the other kinds are not asked for here.
    async fn answer(&mut self) -> io::Result<String> {
        let line = self.line().await?;
        let Some(length) = line.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok())
        else {
            return Ok(line.trim_start_matches(['+', '-']).to_owned());
        };
        while self.buffer.len() < length + 2 {
            self.fill().await?;
        }
        let text = String::from_utf8_lossy(&self.buffer[..length]).into_owned();
        self.buffer.drain(..length + 2);
        Ok(text)
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Ok(line);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn try_binary(binary: &Path) -> Result<(), RedisError> {
    let tried = Command::new(binary)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match tried {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(RedisError::Unusable {
            binary: binary.to_owned(),
            source: io::Error::other(status.to_string()),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RedisError::NotInstalled),
        Err(source) => Err(RedisError::Unusable { binary: binary.to_owned(), source }),
    }
}

fn write_config(path: &Path, data_dir: &Path, port: u16, password: &str) -> io::Result<()> {
    // Redis reads backslash escapes inside double quotes.
    let dir = data_dir.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    write!(
        file,
        "# Written at every start of Throughline; changes are lost.\n\
         bind 127.0.0.1\nport {port}\nprotected-mode yes\nrequirepass {password}\n\
         dir \"{dir}\"\nappendonly yes\nappendfsync everysec\nsave \"\"\n\
         maxmemory-policy noeviction\ndaemonize no\nlogfile \"\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::Supervisor;

    #[test]
    fn a_machine_without_redis_is_told_the_line_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let binary = Some(folder.path().join("no-such-redis-server"));
        let error =
            PrivateRedis::prepare(RedisOptions { data_dir: folder.path().join("r"), binary })
                .unwrap_err();
        assert!(matches!(error, RedisError::NotInstalled), "{error:?}");
        assert!(error.to_string().contains("apt-get install -y redis-server"), "{error}");
    }

    #[test]
    fn a_program_that_fails_is_not_called_missing() {
        let folder = tempfile::tempdir().unwrap();
        let binary = Some(PathBuf::from("/bin/false"));
        let error =
            PrivateRedis::prepare(RedisOptions { data_dir: folder.path().join("r"), binary })
                .unwrap_err();
        assert!(matches!(error, RedisError::Unusable { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn it_keeps_what_it_holds_when_it_is_killed_and_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let redis = PrivateRedis::prepare(RedisOptions {
            // A name that must be quoted in its configuration.
            data_dir: folder.path().join("with \"quotes\" and spaces"),
            binary: None,
        })
        .unwrap();
        let supervisor = Supervisor::new().unwrap();
        let first = supervisor.start(redis.child_spec()).await.unwrap();
        redis.wait_ready(Duration::from_secs(20)).await.unwrap();
        assert!(redis.ask("INFO persistence").await.unwrap().contains("aof_enabled:1"));
        assert!(redis.ask("INFO memory").await.unwrap().contains("maxmemory_policy:noeviction"));
        assert!(redis.peak_memory_bytes().await.unwrap() > 100_000);
        assert_eq!(redis.ask("SET kept yes").await.unwrap(), "OK");
        // A kill of the process loses nothing: what was written to the page cache outlives it.
        let pid = rustix::process::Pid::from_raw(first.pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let restarted = async {
            loop {
                let children = supervisor.children();
                if children.iter().any(|child| child.name == "redis" && child.pid != first.pid) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), restarted).await.expect("it was started again");
        redis.wait_ready(Duration::from_secs(20)).await.unwrap();
        assert_eq!(redis.ask("GET kept").await.unwrap(), "yes");
        supervisor.stop_all().await;
        assert!(redis.ask("PING").await.is_err(), "it is gone after stop_all");
    }

    #[tokio::test]
    async fn others_on_the_machine_are_kept_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut redis = PrivateRedis::prepare(RedisOptions {
            data_dir: folder.path().to_owned(),
            binary: None,
        })
        .unwrap();
        let supervisor = Supervisor::new().unwrap();
        supervisor.start(redis.child_spec()).await.unwrap();
        redis.wait_ready(Duration::from_secs(20)).await.unwrap();
        redis.password = Secret::new("guessed".to_owned());
        let answer = redis.ask("PING").await.unwrap();
        assert!(answer.starts_with("WRONGPASS"), "{answer}");
        supervisor.stop_all().await;
    }
}
