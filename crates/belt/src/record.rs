//! The two streams on their way to the book: outcomes, which are never dropped, and tracks, which may be.

use std::{fmt, num::ParseIntError, str::FromStr, time::Duration};

use domain::{OutcomeRecord, ids::ParseIdError, job::reads_version};
use serde::{Deserialize, Serialize};

use crate::{
    connection::{Belt, Carried},
    error::Result,
};

/// A place in a stream.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId {
    /// Milliseconds of the server's clock.
    pub ms: u64,
    /// The number within that millisecond.
    pub seq: u64,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for StreamId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let parse = || -> Option<std::result::Result<Self, ParseIntError>> {
            let (ms, seq) = text.split_once('-')?;
            Some(ms.parse().and_then(|ms| Ok(Self { ms, seq: seq.parse()? })))
        };
        parse().and_then(std::result::Result::ok).ok_or_else(|| ParseIdError {
            expected: "a stream id like 1767225600000-0",
            got: text.to_owned(),
        })
    }
}

impl TryFrom<String> for StreamId {
    type Error = ParseIdError;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StreamId> for String {
    fn from(id: StreamId) -> Self {
        id.to_string()
    }
}

/// One outcome as the recorder reads it.
#[derive(Debug)]
pub struct Recorded {
    /// Its place in the stream; commit it, or a later one, when the book has it.
    pub id: StreamId,
    /// The outcome, or what could not be read: to be set aside, never to stop for.
    pub record: std::result::Result<OutcomeRecord, Unreadable>,
}

/// An entry of the stream that no reader of this version understands.
#[derive(Debug, thiserror::Error)]
#[error("an outcome can't be read: {why}")]
pub struct Unreadable {
    /// The entry as it is.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// One entry as Redis sends it: its id and its fields.
type Entry = (String, Vec<(String, String)>);

fn read(text: String) -> std::result::Result<OutcomeRecord, Unreadable> {
    match serde_json::from_str::<OutcomeRecord>(&text) {
        Ok(record) if reads_version(record.v) => Ok(record),
        Ok(record) => Err(Unreadable { why: format!("version {}", record.v), text }),
        Err(error) => Err(Unreadable { why: error.to_string(), text }),
    }
}

fn entries(raw: Vec<Entry>) -> Vec<(StreamId, String)> {
    raw.into_iter()
        .filter_map(|(id, fields)| {
            let text = fields.into_iter().next().map(|(_, text)| text).unwrap_or_default();
            Some((id.parse().ok()?, text))
        })
        .collect()
}

/// How often the recorder's position is looked at by who waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Belt {
    /// The outcomes after `after`, at most `count`; waits up to `wait` for the first one. Blocking
    /// reads have a connection of their own.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`]. The stream is read in every phase, closed or not.
    pub async fn read_outcomes(
        &self,
        after: StreamId,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Recorded>> {
        let found = self.read_stream(&self.keys().outcomes(), after, count, wait).await?;
        Ok(found.into_iter().map(|(id, text)| Recorded { id, record: read(text) }).collect())
    }

    async fn read_stream(
        &self,
        key: &str,
        after: StreamId,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<(StreamId, String)>> {
        let mut range = redis::cmd("XRANGE");
        range.arg(key).arg(format!("({after}")).arg("+").arg("COUNT").arg(count);
        let found: Vec<Entry> = self.ask("a stream", range.clone()).await?;
        if !found.is_empty() || wait.is_zero() {
            return Ok(entries(found));
        }
        let mut connection =
            self.own_connection(wait).await.map_err(|e| self.sort(e, "a stream"))?;
        let mut command = redis::cmd("XREAD");
        command
            .arg("COUNT")
            .arg(1)
            .arg("BLOCK")
            .arg(wait.as_millis().max(1) as u64)
            .arg("STREAMS")
            .arg(key)
            .arg(after.to_string());
        let woken: redis::Value =
            command.query_async(&mut connection).await.map_err(|e| self.sort(e, "a stream"))?;
        if woken == redis::Value::Nil {
            return Ok(Vec::new());
        }
        // What woke it comes with everything else that arrived with it.
        Ok(entries(self.ask("a stream", range).await?))
    }

    /// A connection for one caller that blocks up to `wait`.
    pub(crate) async fn own_connection(
        &self,
        wait: Duration,
    ) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.config().connection_timeout))
            .set_response_timeout(Some(wait + self.config().response_timeout));
        self.client()?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// The book has every outcome up to `position`: the stream is trimmed and workers may forget
    /// theirs. Call it after the book has committed; it never moves back.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn commit(&self, position: StreamId) -> Result<()> {
        let _: String = self.call(|s| &s.commit, &position.to_string(), Carried::default()).await?;
        Ok(())
    }

    /// How far the book has read.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`].
    pub async fn committed(&self) -> Result<StreamId> {
        let mut command = redis::cmd("GET");
        command.arg(self.keys().committed());
        let text: Option<String> = self.ask("the position", command).await?;
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// The id of the last outcome ever appended: what to wait for the recorder to pass.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`].
    pub async fn stream_tail(&self) -> Result<StreamId> {
        // XINFO fails without a key; the last id is also kept when everything is trimmed.
        let key = self.keys().outcomes();
        let mut pipeline = redis::pipe();
        pipeline.cmd("XREVRANGE").arg(&key).arg("+").arg("-").arg("COUNT").arg(1);
        pipeline.cmd("GET").arg(self.keys().committed());
        let (last, committed): (Vec<Entry>, Option<String>) =
            self.ask_all("the stream's tail", pipeline).await?;
        let last = entries(last).first().map(|(id, _)| *id);
        let committed = committed.and_then(|text| text.parse().ok());
        Ok(last.max(committed).unwrap_or_default())
    }

    /// Waits until the book has read everything that is in the stream now; whether it did so in time.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`].
    pub async fn wait_until_recorded(&self, within: Duration) -> Result<bool> {
        let tail = self.stream_tail().await?;
        let deadline = tokio::time::Instant::now() + within;
        while self.committed().await? < tail {
            if tokio::time::Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(true)
    }

    /// Appends events that may be cut when nobody reads them.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn track(&self, events: &[String]) -> Result<()> {
        for part in events.chunks(500) {
            let cap = self.config().tracks_cap.to_string();
            let mut arguments = vec![cap.as_str()];
            arguments.extend(part.iter().map(String::as_str));
            let _: u64 = self.call(|s| &s.track, &arguments, Carried::default()).await?;
        }
        Ok(())
    }

    /// The tracks after `after`, at most `count`; waits up to `wait` for the first one.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`].
    pub async fn read_tracks(
        &self,
        after: StreamId,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<(StreamId, String)>> {
        self.read_stream(&self.keys().tracks(), after, count, wait).await
    }

    /// The book has every track up to `position`.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`].
    pub async fn commit_tracks(&self, position: StreamId) -> Result<()> {
        let mut command = redis::cmd("XTRIM");
        let next = StreamId { seq: position.seq + 1, ..position };
        command.arg(self.keys().tracks()).arg("MINID").arg("=").arg(next.to_string());
        self.ask("trimming tracks", command).await
    }

    /// How many tracks were cut since the server was emptied last.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`].
    pub async fn tracks_cut(&self) -> Result<u64> {
        let mut command = redis::cmd("GET");
        command.arg(self.keys().cut());
        Ok(self.ask::<Option<u64>>("the cut", command).await?.unwrap_or(0))
    }
}
