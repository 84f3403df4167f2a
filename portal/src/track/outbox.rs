//! Opens and clicks on their way to the belt. Who asked was answered before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use belt::Belt;
use domain::{
    SendId, TrackRecord, job,
    track::{Tracked, Visitor},
};
use process::Metrics;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

/// Events that go to the belt in one call.
const BATCH: usize = 500;
/// How long the belt is left alone after it did not take a batch.
const REST: Duration = Duration::from_millis(250);
/// How long one call may take.
const TRY: Duration = Duration::from_secs(2);
/// How long a stopping portal goes on trying to get rid of what it has.
const LAST_TRY: Duration = Duration::from_secs(3);

/// An event and when it happened.
struct Waiting {
    record: TrackRecord,
    at: Instant,
}

/// Takes events without waiting. Bounded: what does not fit is counted and forgotten.
#[derive(Clone)]
pub(crate) struct Outbox {
    queue: Sender<Waiting>,
    metrics: Metrics,
    numbers: Arc<Numbers>,
}

/// Carries what an [`Outbox`] took to the belt, in batches, until there is nobody left to put anything in.
pub(crate) struct Drain {
    queue: Receiver<Waiting>,
    belt: Belt,
    metrics: Metrics,
}

/// An outbox of `waiting` events at most.
pub(crate) fn outbox(belt: Belt, metrics: Metrics, waiting: usize) -> (Outbox, Drain) {
    let (sender, receiver) = mpsc::channel(waiting.max(1));
    let outbox =
        Outbox { queue: sender, metrics: metrics.clone(), numbers: Arc::new(Numbers::random()) };
    (outbox, Drain { queue: receiver, belt, metrics })
}

impl Outbox {
    /// Puts an event in.
    pub fn put(&self, send: SendId, what: Tracked, visitor: Visitor) {
        self.metrics.tracked(what.event_kind().as_str());
        let record = TrackRecord {
            v: job::VERSION,
            id: self.numbers.next(),
            send,
            what,
            age_ms: 0,
            visitor,
        };
        if self.queue.try_send(Waiting { record, at: Instant::now() }).is_err() {
            self.metrics.tracks_lost("full", 1);
        }
    }
}

impl Drain {
    /// Works until every outbox is gone; then, or once `stop` is cancelled and all is answered, tries for a
    /// few seconds to get rid of the rest, and counts what is lost.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut batch, BATCH).await > 0 {
            let mut give_up = None;
            let mut trouble = false;
            loop {
                let texts = texts(&mut batch);
                // Cut short, it may have been taken all the same: a repeat is no second event.
                let error = match tokio::time::timeout(TRY, self.belt.track(&texts)).await {
                    Ok(Ok(())) => break batch.clear(),
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "no answer".to_owned(),
                };
                if !trouble {
                    trouble = true;
                    tracing::warn!(error, "opens and clicks wait for the belt");
                }
                if stop.is_cancelled() {
                    let until = *give_up.get_or_insert_with(|| Instant::now() + LAST_TRY);
                    if Instant::now() >= until {
                        return self.count_lost(batch.len() as u64);
                    }
                }
                tokio::time::sleep(REST).await;
            }
        }
    }

    fn count_lost(mut self, in_hand: u64) {
        self.queue.close();
        let mut lost = in_hand;
        while self.queue.try_recv().is_ok() {
            lost += 1;
        }
        self.metrics.tracks_lost("stopped", lost);
        tracing::warn!(tracks = lost, "opens and clicks are lost: the belt did not come back");
    }
}

/// The batch as it goes on the stream. A batch that is put there twice, because the belt's answer was lost, has
/// the same numbers; and its events are as old as they are.
fn texts(batch: &mut [Waiting]) -> Vec<String> {
    let now = Instant::now();
    batch
        .iter_mut()
        .map(|Waiting { record, at }| {
            let age = now.saturating_duration_since(*at).as_millis();
            record.age_ms = u64::try_from(age).unwrap_or(u64::MAX);
            serde_json::to_string(record).expect("a record of texts and numbers has a JSON form")
        })
        .collect()
}

/// Numbers that no other process hands out for the same send, as far as chance goes: 63 bits.
struct Numbers {
    start: u64,
    count: AtomicU64,
}

impl Numbers {
    fn random() -> Self {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("the system hands out randomness");
        Self { start: u64::from_ne_bytes(bytes), count: AtomicU64::new(0) }
    }

    fn next(&self) -> i64 {
        let step = self.count.fetch_add(1, Ordering::Relaxed);
        // Far apart, so that the numbers of two processes don't run into each other.
        let number = self.start.wrapping_add(step.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        i64::try_from(number >> 1).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{UtcMillis, track::Method};
    use process::TextFormat;

    #[test]
    fn numbers_do_not_repeat() {
        let (one, other) = (Numbers::random(), Numbers::random());
        let numbers: std::collections::HashSet<i64> =
            (0..50_000).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(numbers.len(), 100_000);
        assert!(numbers.iter().all(|number| *number >= 0));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_counted_and_keeps_nobody_waiting() {
        let metrics = Metrics::new("portal", UtcMillis::default());
        let belt = Belt::connect(belt::BeltConfig::new("redis://127.0.0.1:1")).await.expect("lazy");
        let (outbox, drain) = outbox(belt, metrics.clone(), 2);
        for _ in 0..5 {
            let visitor = Visitor::new(Method::Get, "", String::new(), false);
            outbox.put(SendId::new(1), Tracked::Opened, visitor);
        }
        let text = metrics.encode(TextFormat::Prometheus);
        assert!(text.contains("throughline_portal_tracks_total{kind=\"opened\"} 5"), "{text}");
        assert!(text.contains("throughline_portal_tracks_lost_total{reason=\"full\"} 3"), "{text}");
        drop(drain);
    }
}
