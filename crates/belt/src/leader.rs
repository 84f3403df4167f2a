//! What the leader does: opens an epoch, takes reports, sweeps.

use domain::{AddressHash, RateSpec, SendId};

use crate::{
    config::{BeltConfig, Channel},
    connection::{Belt, Carried},
    error::{Error, Result},
    job::{WorkerName, limit_parts},
    limits::Limits,
    record::StreamId,
    scripts::Scripts,
    stops::Stop,
};

/// Where the belt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No epoch key (emptied), or the server does not know the scripts (restarted, failed over): the
    /// leader takes the next number from the book and begins.
    Closed {
        /// The number in the epoch key, if there is one.
        last_epoch: Option<u32>,
    },
    /// A leader is loading what the book says. One that died in this phase is followed by a new epoch.
    Opening {
        /// The epoch.
        epoch: u32,
    },
    /// Workers name what they have on the wire and re-send their outcomes; nothing is handed out.
    Reporting {
        /// The epoch.
        epoch: u32,
    },
    /// Jobs are handed out.
    Open {
        /// The epoch.
        epoch: u32,
    },
}

/// What the book says at the beginning of an epoch.
#[derive(Debug, Clone, Default)]
pub struct OpenWith {
    /// Campaign time minus Redis time, in milliseconds.
    pub offset_ms: i64,
    /// Every stop in force.
    pub stops: Vec<(String, Stop)>,
    /// The suppressions of the last two hours.
    pub suppressions: Vec<AddressHash>,
    /// The relays of this handle's channel.
    pub relays: Vec<Relay>,
    /// Every limit under a name.
    pub limits: Limits,
    /// The workers that were last seen, as kept in the book: whose reports to wait for.
    pub roster: Vec<WorkerName>,
    /// How far the book has read the outcomes; ids go on after it even if the stream was lost.
    pub position: StreamId,
}

/// A relay that jobs may be sent through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Its name; the claim puts it into [`crate::ClaimedMeta::relay`].
    pub name: String,
    /// Its limit, if there is one.
    pub limit: Option<RateSpec>,
}

/// How far the reports are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportingStatus {
    /// Milliseconds of Redis time since reports are taken.
    pub since_ms: u64,
    /// Workers that have reported.
    pub reported: Vec<WorkerName>,
    /// Workers of the roster that have not.
    pub missing: Vec<WorkerName>,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Workers found dead in this call.
    pub died: u64,
    /// Dead workers whose hands are not empty yet; sweep again.
    pub unfinished: u64,
    /// Keys of old epochs removed.
    pub keys_removed: u64,
}

const PART: usize = 500;

impl Belt {
    /// Where the belt stands, looked up from the server.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn phase(&self) -> Result<Phase> {
        let Some((epoch, phase)) = self.epoch_key().await? else {
            return Ok(Phase::Closed { last_epoch: None });
        };
        let scripts = self.scripts_of(epoch);
        let mut command = redis::cmd("SCRIPT");
        command.arg("EXISTS");
        for text in scripts.all() {
            command.arg(&text.hash);
        }
        let known: Vec<bool> = self.ask("the scripts", command).await?;
        if known.contains(&false) {
            return Ok(Phase::Closed { last_epoch: Some(epoch) });
        }
        Ok(match phase.as_str() {
            "opening" => Phase::Opening { epoch },
            "reporting" => Phase::Reporting { epoch },
            _ => Phase::Open { epoch },
        })
    }

    /// Begins `epoch`: loads the scripts with its number in their text and leaves lanes, hands and
    /// buckets of the last one behind. Streams and shelf stay.
    ///
    /// Read what goes into [`OpenWith`] from the book *after* this: a stop that is set in between
    /// then is either in what was read or already in the new epoch.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::StaleEpoch`], [`Error::Unreachable`].
    pub async fn begin(&self, epoch: u32, fence: u64) -> Result<()> {
        let mut pipeline = redis::pipe();
        for channel in Channel::ALL {
            let BeltConfig { time, scripts, .. } = self.config();
            let scripts = Scripts::of(self.keys(), epoch, channel, *time, scripts);
            for text in scripts.all() {
                pipeline.cmd("SCRIPT").arg("LOAD").arg(&text.code).ignore();
            }
        }
        self.ask_all::<()>("loading scripts", pipeline).await?;
        let scripts = self.scripts_of(epoch);
        self.call_in(&scripts, |s| &s.begin, &fence, Carried { lease: fence }).await
    }

    /// Loads what the book says and opens the epoch for reports.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`] if no epoch was begun, [`Error::Unreachable`].
    pub async fn load(&self, fence: u64, with: OpenWith) -> Result<()> {
        let texts: Vec<_> = with.stops.iter().map(|(key, stop)| (key, stop.as_text())).collect();
        let stops: Vec<&str> =
            texts.iter().flat_map(|(key, stop)| [key.as_str(), &**stop]).collect();
        for part in stops.chunks(PART) {
            self.load_part(fence, "stop", part).await?;
        }
        let hashes: Vec<&str> = with.suppressions.iter().map(AddressHash::as_str).collect();
        for part in hashes.chunks(PART) {
            self.load_part(fence, "suppress", part).await?;
        }
        self.enroll(&with.roster, fence).await?;
        self.set_relays(&with.relays, fence).await?;
        self.set_limits(&with.limits, fence).await?;
        self.set_offset(with.offset_ms, fence).await?;
        self.load_part(fence, "position", &[&with.position.to_string()]).await?;
        self.load_part(fence, "reporting", &[]).await
    }

    /// [`Self::begin`] and [`Self::load`] in one, for when nothing else changes stops meanwhile.
    ///
    /// # Errors
    /// As those two.
    pub async fn open(&self, epoch: u32, fence: u64, with: OpenWith) -> Result<()> {
        self.begin(epoch, fence).await?;
        self.load(fence, with).await
    }

    async fn load_part(&self, fence: u64, what: &str, values: &[&str]) -> Result<()> {
        let lease = fence.to_string();
        let mut arguments = vec![lease.as_str(), what];
        arguments.extend(values);
        self.call(|s| &s.load, &arguments, Carried { lease: fence }).await
    }

    /// How far the reports are.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Unreachable`].
    pub async fn reporting_status(&self) -> Result<ReportingStatus> {
        let epoch = self.learn_scripts().await?.epoch;
        let (reported, roster) =
            (self.keys().in_epoch(epoch, "reported"), self.keys().in_epoch(epoch, "roster"));
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("HGET")
            .arg(self.keys().epoch())
            .arg("since")
            .cmd("SMEMBERS")
            .arg(&reported)
            .cmd("SDIFF")
            .arg(&roster)
            .arg(&reported)
            .add_command(self.time());
        let (since, reported, missing, (seconds, micros)): (
            Option<u64>,
            Vec<String>,
            Vec<String>,
            (u64, u64),
        ) = self.ask_all("the reports", pipeline).await?;
        let now = seconds * 1_000_000 + micros;
        let names = |names: Vec<String>| names.iter().map(|name| WorkerName::new(name)).collect();
        Ok(ReportingStatus {
            since_ms: now.saturating_sub(since.ok_or(Error::Closed)?) / 1_000,
            reported: names(reported),
            missing: names(missing),
        })
    }

    /// The sends in hands. While reports are taken these are what workers named as on the wire: they
    /// must not be pushed (a push of them is absorbed).
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Unreachable`].
    pub async fn on_the_wire(&self) -> Result<Vec<SendId>> {
        let epoch = self.learn_scripts().await?.epoch;
        let mut command = redis::cmd("HKEYS");
        command.arg(self.keys().in_channel(epoch, self.channel, "hand"));
        let sends: Vec<String> = self.ask("the hands", command).await?;
        Ok(sends.iter().filter_map(|send| send.parse().ok()).collect())
    }

    /// Says that the book has these workers in its roster, so that a new epoch would wait for their reports.
    /// Until then they are refused to start what is held when nobody knows whether it went.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`], [`Error::Unreachable`].
    pub async fn enroll(&self, workers: &[WorkerName], fence: u64) -> Result<()> {
        let names: Vec<&str> = workers.iter().map(WorkerName::as_str).collect();
        for part in names.chunks(PART) {
            self.load_part(fence, "roster", part).await?;
        }
        Ok(())
    }

    /// Ends the reports: jobs are handed out from now on.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`], [`Error::Unreachable`].
    pub async fn finish_reporting(&self, fence: u64) -> Result<()> {
        self.load_part(fence, "open", &[]).await
    }

    /// Replaces the relays of this channel. An empty list lets jobs go without a relay limit.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`], [`Error::Unreachable`].
    pub async fn set_relays(&self, relays: &[Relay], fence: u64) -> Result<()> {
        let lines: Vec<String> = relays
            .iter()
            .map(|relay| {
                let (interval, burst, text) = limit_parts(relay.limit.as_ref());
                format!("{}\n{interval}\n{burst}\n{text}", relay.name.replace(['\n', ' '], "-"))
            })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        self.load_part(fence, "relay", &lines).await
    }

    /// Sets campaign time to Redis time plus `offset_ms`.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`], [`Error::Unreachable`].
    pub async fn set_offset(&self, offset_ms: i64, fence: u64) -> Result<()> {
        self.load_part(fence, "offset", &[&offset_ms.to_string()]).await
    }

    /// Upkeep, once a second: buries dead workers even when no worker calls, and removes the keys
    /// that an old epoch left behind, a thousand looked at in one command.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Unreachable`].
    pub async fn sweep(&self) -> Result<Swept> {
        let nothing: [&str; 0] = [];
        let (died, unfinished): (u64, u64) =
            self.call(|s| &s.sweep, &nothing.as_slice(), Carried::default()).await?;
        Ok(Swept { died, unfinished, keys_removed: self.remove_garbage().await? })
    }

    async fn remove_garbage(&self) -> Result<u64> {
        let garbage = self.keys().garbage();
        let mut command = redis::cmd("SRANDMEMBER");
        command.arg(&garbage);
        let Some(epoch) = self.ask::<Option<String>>("old epochs", command).await? else {
            return Ok(0);
        };
        let mut removed = 0;
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(self.keys().of_epoch(&epoch)).arg("COUNT").arg(1_000);
            let (next, found): (u64, Vec<String>) = self.ask("old keys", scan).await?;
            if !found.is_empty() {
                let mut unlink = redis::cmd("UNLINK");
                unlink.arg(&found);
                removed += self.ask::<u64>("removing old keys", unlink).await?;
            }
            cursor = next;
            if cursor == 0 {
                let mut forget = redis::cmd("SREM");
                forget.arg(&garbage).arg(&epoch);
                self.ask::<()>("old epochs", forget).await?;
                return Ok(removed);
            }
        }
    }
}
