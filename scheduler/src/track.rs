//! Track: opens and clicks from the belt's `tracks` stream into the book, and what they were.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use belt::{Belt, StreamId};
use domain::{SendId, TrackRecord, UtcMillis, engagement::Rules, job::reads_version};
use store::{Store, StreamedTrack};

use crate::{
    Parts,
    pass::{Pass, Passed},
    record::position,
};

/// The stream's name in the book.
const STREAM: &str = "tracks";
/// How long one pass waits for something to record.
const WAIT: Duration = Duration::from_secs(1);
/// How often those are looked at again that came before the acceptance of their message.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// How many sends are looked at again at once.
const SETTLE_AT_ONCE: i64 = 200;
/// How many messages are counted at once that an older program wrote and did not count.
const CATCH_UP_AT_ONCE: i64 = 500;
/// How long a pass catches up at most: what comes in meanwhile waits.
const CATCH_UP_FOR: Duration = Duration::from_secs(2);

/// The loop that records opens and clicks.
pub struct Track {
    store: Store,
    belt: Belt,
    rules: Arc<Rules>,
    batch: usize,
    /// Where it stands, and under which fence it read that from the book.
    position: Option<(u64, StreamId)>,
    settled: Option<Instant>,
    settled_up_to: SendId,
}

impl Track {
    pub fn new(parts: &Parts, rules: Arc<Rules>) -> Self {
        Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            rules,
            batch: parts.config.scheduler.record_batch,
            position: None,
            settled: None,
            settled_up_to: SendId::new(0),
        }
    }

    async fn position(&self, fence: u64) -> anyhow::Result<StreamId> {
        match self.position {
            Some((read_under, position)) if read_under == fence => Ok(position),
            _ => position(&self.store, STREAM).await,
        }
    }

    /// Looks again at a page of those whose message had not been accepted when they came; over all of them
    /// in turn, so that a few that are never accepted keep nobody waiting.
    async fn settle(&mut self, now: UtcMillis) -> anyhow::Result<u64> {
        if self.settled.is_some_and(|last| last.elapsed() < SETTLE_EVERY) {
            return Ok(0);
        }
        let after = self.settled_up_to;
        let settled = self.store.settle_tracks(&self.rules, after, SETTLE_AT_ONCE, now).await?;
        self.settled_up_to = settled.last.unwrap_or(SendId::new(0));
        self.catch_up(now).await?;
        self.settled = Some(Instant::now());
        Ok(settled.changed)
    }

    /// Counts what is in no count: of a book from before there were any, and of older programs that still run
    /// while a fleet is brought up to date.
    async fn catch_up(&self, now: UtcMillis) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut messages = 0;
        loop {
            let done = self.store.catch_up_counts(&self.rules, CATCH_UP_AT_ONCE, now).await?;
            messages += done.messages;
            if !done.more || began.elapsed() >= CATCH_UP_FOR {
                break;
            }
        }
        if messages > 0 {
            tracing::info!(messages, "counted what an older program had written");
        }
        Ok(())
    }
}

impl Pass for Track {
    async fn pass(&mut self, fence: u64) -> anyhow::Result<Passed> {
        let after = self.position(fence).await?;
        // Until this pass has ended well the book is asked again.
        self.position = None;
        let read = self.belt.read_tracks(after, self.batch, WAIT).await?;
        let clock = self.belt.clock().await?;
        let Some((last, _)) = read.last() else {
            let rows = self.settle(clock.campaign).await?;
            self.position = Some((fence, after));
            // It has waited already: no rest.
            return Ok(Passed { rows, more: true });
        };
        let last = *last;
        let offset = clock.campaign.get() - clock.redis.get();
        let mut tracks = Vec::with_capacity(read.len());
        for (id, text) in &read {
            match read_track(text) {
                Ok(record) => {
                    tracks.push(StreamedTrack { at: happened_at(*id, offset, &record), record })
                }
                Err(why) => {
                    tracing::error!(stream.position = %id, error = why, "an open or click can't be read");
                }
            }
        }
        let position = last.to_string();
        let recorded = self
            .store
            .record_tracks(STREAM, &position, &tracks, &self.rules, clock.campaign)
            .await?;
        if recorded.unknown > 0 {
            tracing::warn!(
                tracks = recorded.unknown,
                "opens and clicks of sends the book does not know"
            );
        }
        if recorded.over > 0 {
            tracing::info!(
                tracks = recorded.over,
                "opens and clicks over the most that a send keeps"
            );
        }
        self.belt.commit_tracks(last).await?;
        self.position = Some((fence, last));
        let settled = self.settle(clock.campaign).await?;
        Ok(Passed { rows: recorded.new + recorded.repeated + settled, more: true })
    }
}

fn read_track(text: &str) -> Result<TrackRecord, String> {
    let record: TrackRecord = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if reads_version(record.v) { Ok(record) } else { Err(format!("version {}", record.v)) }
}

/// The stream says when it came, the record how old it was then: it may have waited for the belt.
fn happened_at(id: StreamId, offset: i64, record: &TrackRecord) -> UtcMillis {
    let came = i64::try_from(id.ms).unwrap_or(i64::MAX);
    let age = i64::try_from(record.age_ms).unwrap_or(i64::MAX);
    UtcMillis::new(came.saturating_sub(age).saturating_add(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_that_waited_happened_when_it_was_answered() {
        let text = r#"{"v":1,"id":0,"send":"snd_0000000000007","kind":"opened","age_ms":400,"method":"get"}"#;
        let record = read_track(text).unwrap();
        let id = StreamId { ms: 10_000, seq: 3 };
        assert_eq!(happened_at(id, 0, &record).get(), 9_600);
        assert_eq!(happened_at(id, 86_400_000, &record).get(), 86_409_600);
    }

    #[test]
    fn what_another_version_wrote_is_not_guessed_at() {
        let text = r#"{"v":9,"id":0,"send":"snd_0000000000007","kind":"opened","method":"get"}"#;
        assert_eq!(read_track(text), Err("version 9".to_owned()));
        assert!(read_track("{}").is_err());
    }
}
