//! The private Redis of one thread, and what is done to it from outside.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
};

use testkit::TestRedis;

/// A running server with a connection that no wire stands before.
#[derive(Debug)]
pub struct Server {
    redis: TestRedis,
    connection: BufReader<UnixStream>,
}

impl Server {
    /// Starts one.
    ///
    /// # Errors
    /// When it can't be reached.
    pub fn start() -> anyhow::Result<Self> {
        let redis = TestRedis::start();
        let url = redis.url();
        let path = url.trim_start_matches("unix://");
        let connection = BufReader::new(UnixStream::connect(path)?);
        Ok(Self { redis, connection })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.redis.url()
    }

    /// One command in the form people type; its answer as text.
    fn say(&mut self, command: &str) -> anyhow::Result<String> {
        self.connection.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        let mut line = String::new();
        self.connection.read_line(&mut line)?;
        if let Some(length) = line.strip_prefix('$').and_then(|n| n.trim().parse::<usize>().ok()) {
            let mut bytes = vec![0; length + 2];
            self.connection.read_exact(&mut bytes)?;
            return Ok(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
        anyhow::ensure!(!line.starts_with('-'), "{command}: {line}");
        Ok(line)
    }

    /// As a server that was never used.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn clean(&mut self) -> anyhow::Result<()> {
        self.say("FLUSHALL")?;
        self.say("SCRIPT FLUSH").map(drop)
    }

    /// It loses all keys; it knows its scripts.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn empty(&mut self) -> anyhow::Result<()> {
        self.say("FLUSHDB").map(drop)
    }

    /// It comes back with its keys and without its scripts.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.say("SCRIPT FLUSH").map(drop)
    }

    /// The replica catches up.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn replicate(&mut self) -> anyhow::Result<()> {
        let copy = "for _, key in ipairs(redis.call('KEYS', '*')) do \
                    redis.call('COPY', key, key, 'DB', 1, 'REPLACE') end return 'OK'";
        self.say("SELECT 1")?;
        self.say("FLUSHDB")?;
        self.say("SELECT 0")?;
        self.say(&format!("EVAL \"{copy}\" 0")).map(drop)
    }

    /// The replica takes over, as far as it had come, without scripts.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn fail_over(&mut self) -> anyhow::Result<()> {
        self.say("SWAPDB 0 1")?;
        self.say("SCRIPT FLUSH")?;
        self.replicate()
    }
}
