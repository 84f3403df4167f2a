//! What the belt looks like from outside.

use std::collections::HashMap;

use domain::UtcMillis;

use crate::{
    config::TimeSource,
    connection::Belt,
    error::{Error, Result},
    job::WorkerName,
    leader::Phase,
    pace::Pace,
};

/// A worker and when it was last heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSeen {
    /// Its name.
    pub name: WorkerName,
    /// Redis time of its last beat.
    pub last_seen: UtcMillis,
}

/// The two clocks of the belt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Redis `TIME`: leases and limits.
    pub redis: UtcMillis,
    /// Campaign time: due times, windows, validity.
    pub campaign: UtcMillis,
}

/// What is where, in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Where the belt stands.
    pub phase: Phase,
    /// Jobs on lanes (and recovered ones that wait to go alone).
    pub queued: u64,
    /// Jobs that wait out a short delay.
    pub delayed: u64,
    /// Jobs in hands.
    pub in_hand: u64,
    /// Those of them that may be on the wire.
    pub marked: u64,
    /// Lanes that could go now, as far as their own limits say; one that has jobs for several providers counts for each.
    pub lanes_ready: u64,
    /// Lanes, and whole vendors, that wait for their limit.
    pub lanes_waiting: u64,
    /// The workers.
    pub workers: Vec<WorkerSeen>,
    /// Providers that asked for less and relays that could not be used, by name.
    pub paces: Vec<Pace>,
    /// Outcomes the book has not read.
    pub outcomes: u64,
    /// Tracks the book has not read.
    pub tracks: u64,
    /// Bytes the server uses.
    pub used_memory: u64,
    /// Most bytes it ever used.
    pub used_memory_peak: u64,
}

impl Belt {
    /// Redis time alone; the server answers it in any phase, also before the first epoch.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn redis_time(&self) -> Result<UtcMillis> {
        let mut pipeline = redis::pipe();
        pipeline.add_command(self.time());
        let ((seconds, micros),): ((i64, i64),) = self.ask_all("the time", pipeline).await?;
        Ok(UtcMillis::new(seconds * 1_000 + micros / 1_000))
    }

    /// Redis time and campaign time.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Closed`] before the first epoch.
    pub async fn clock(&self) -> Result<Clock> {
        let mut pipeline = redis::pipe();
        pipeline.add_command(self.time()).cmd("HGET").arg(self.keys().epoch()).arg("offset");
        let ((seconds, micros), offset): ((i64, i64), Option<i64>) =
            self.ask_all("the clock", pipeline).await?;
        let now = seconds * 1_000 + micros / 1_000;
        let offset = offset.ok_or(Error::Closed)?;
        Ok(Clock { redis: UtcMillis::new(now), campaign: UtcMillis::new(now + offset) })
    }

    /// The workers in this epoch and when they were last heard.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Closed`].
    pub async fn workers(&self) -> Result<Vec<WorkerSeen>> {
        let epoch = self.learn_scripts().await?.epoch;
        let mut command = redis::cmd("ZRANGE");
        command
            .arg(self.keys().in_channel(epoch, self.channel, "workers"))
            .arg(0)
            .arg(-1)
            .arg("WITHSCORES");
        let found: Vec<(String, f64)> = self.ask("the workers", command).await?;
        Ok(found
            .into_iter()
            .map(|(name, micros)| WorkerSeen {
                name: WorkerName::new(&name),
                last_seen: UtcMillis::new((micros / 1_000.0) as i64),
            })
            .collect())
    }

    /// What is where, in numbers.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn status(&self) -> Result<Status> {
        let phase = self.phase().await?;
        let epoch = match phase {
            Phase::Closed { last_epoch } => last_epoch.unwrap_or(0),
            Phase::Opening { epoch } | Phase::Reporting { epoch } | Phase::Open { epoch } => epoch,
        };
        let key = |name| self.keys().in_channel(epoch, self.channel, name);
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("HLEN")
            .arg(key("jobs"))
            .cmd("ZCARD")
            .arg(key("delayed"))
            .cmd("HVALS")
            .arg(key("hand"))
            .cmd("SMEMBERS")
            .arg(key("providers"))
            .cmd("ZCARD")
            .arg(key("waiting"))
            .cmd("XLEN")
            .arg(self.keys().outcomes())
            .cmd("XLEN")
            .arg(self.keys().tracks())
            .cmd("INFO")
            .arg("memory");
        let (jobs, delayed, hands, providers, lanes_waiting, outcomes, tracks, memory): (
            u64,
            u64,
            Vec<String>,
            Vec<String>,
            u64,
            u64,
            u64,
            String,
        ) = self.ask_all("the status", pipeline).await?;
        let lanes_ready = self.lines_ready(epoch, &providers).await?;
        let paces = self.paces(epoch).await?;
        let in_hand = hands.len() as u64;
        let marked = hands.iter().filter(|hand| hand.split(' ').nth(1) == Some("1")).count() as u64;
        let workers = match phase {
            Phase::Closed { .. } => Vec::new(),
            _ => self.workers().await?,
        };
        let memory = |name: &str| {
            let line = memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
        };
        Ok(Status {
            phase,
            queued: jobs.saturating_sub(in_hand).saturating_sub(delayed),
            delayed,
            in_hand,
            marked,
            lanes_ready,
            lanes_waiting,
            workers,
            paces,
            outcomes,
            tracks,
            used_memory: memory("used_memory"),
            used_memory_peak: memory("used_memory_peak"),
        })
    }

    async fn paces(&self, epoch: u32) -> Result<Vec<Pace>> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("HGETALL").arg(self.keys().in_epoch(epoch, "pace")).cmd("TIME");
        let (found, (seconds, micros)): (HashMap<String, String>, (u64, u64)) =
            self.ask_all("the status", pipeline).await?;
        let mut now = seconds * 1_000_000 + micros;
        if self.config().time == TimeSource::Key {
            let mut command = redis::cmd("GET");
            command.arg(self.keys().test_clock());
            now = self.ask("the clock", command).await?;
        }
        let mut paces: Vec<Pace> =
            found.iter().filter_map(|(key, text)| Pace::read(key, text, now)).collect();
        paces.sort_by(|a, b| (&a.of, &a.name).cmp(&(&b.of, &b.name)));
        Ok(paces)
    }

    async fn lines_ready(&self, epoch: u32, providers: &[String]) -> Result<u64> {
        let key =
            |name: &str| self.keys().in_channel(epoch, self.channel, &format!("ready:{name}"));
        if providers.is_empty() {
            return Ok(0);
        }
        let mut pipeline = redis::pipe();
        for provider in providers {
            pipeline.cmd("ZRANGE").arg(key(provider)).arg(0).arg(-1);
        }
        let vendors: Vec<Vec<String>> = self.ask_all("the status", pipeline).await?;
        let mut pipeline = redis::pipe();
        for (provider, vendors) in providers.iter().zip(&vendors) {
            for vendor in vendors {
                pipeline.cmd("ZCARD").arg(key(&format!("{provider} {vendor}")));
            }
        }
        if vendors.iter().all(Vec::is_empty) {
            return Ok(0);
        }
        let counts: Vec<u64> = self.ask_all("the status", pipeline).await?;
        Ok(counts.iter().sum())
    }

    /// Refuses a server that drops keys when memory is short or forgets everything at a restart.
    ///
    /// # Errors
    /// [`Error::ServerConfig`] says what to set and how; [`Error::Unreachable`].
    pub async fn check_server(&self) -> Result<()> {
        for (setting, needed) in [("maxmemory-policy", "noeviction"), ("appendonly", "yes")] {
            let mut command = redis::cmd("CONFIG");
            command.arg("GET").arg(setting);
            let found: HashMap<String, String> = self.ask("the server's settings", command).await?;
            let found = found.get(setting).cloned().unwrap_or_default();
            if found != needed {
                return Err(Error::ServerConfig { setting, found, needed });
            }
        }
        Ok(())
    }
}
