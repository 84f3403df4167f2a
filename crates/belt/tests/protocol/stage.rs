//! What the tests share: a private Redis, an open belt, jobs, and workers played by hand.

use std::{sync::Arc, time::Duration};

use belt::{
    Belt, BeltConfig, ClaimedMeta, NewJob, OpenWith, Recorded, Relay, StreamId, TimeSource,
    WorkerName,
    protocol::{Claims, Membership, Op},
};
use domain::{
    ActivationId, AddressHash, OnUnknown, Outcome, OutcomeRecord, PartnerId, SendId, UtcMillis,
    VendorId, outcome::Answer,
};
use testkit::TestRedis;

/// 2026-01-01T00:00:00Z in microseconds.
pub const START: u64 = 1_767_225_600_000_000;
/// The lease number most tests use.
pub const FENCE: u64 = 7;

/// How long anything may take before it counts as broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Stage {
    pub redis: TestRedis,
    pub belt: Belt,
    now: u64,
}

impl Stage {
    /// A belt in epoch 1, open, whose time stands still until it is moved.
    pub async fn open() -> Self {
        Self::open_with(OpenWith::default()).await
    }

    pub async fn open_with(with: OpenWith) -> Self {
        Self::configured(TimeSource::Key, with, |_| {}).await
    }

    /// The same on the server's own clock.
    pub async fn live() -> Self {
        Self::configured(TimeSource::Server, OpenWith::default(), |_| {}).await
    }

    pub async fn configured(
        time: TimeSource,
        with: OpenWith,
        change: impl FnOnce(&mut BeltConfig),
    ) -> Self {
        let redis = TestRedis::start();
        let mut config = BeltConfig { time, ..BeltConfig::new(redis.url()) };
        change(&mut config);
        let belt = Belt::connect(config).await.expect("the URL is good");
        let mut stage = Self { redis, belt, now: START };
        stage.set_clock().await;
        stage.epoch(1, with).await;
        stage
    }

    pub async fn epoch(&mut self, epoch: u32, with: OpenWith) {
        self.set_clock().await;
        self.belt.open(epoch, FENCE, with).await.expect("the epoch opens");
        self.belt.finish_reporting(FENCE).await.expect("reports end");
    }

    pub async fn set_clock(&self) {
        self.belt.set_test_clock(self.now).await.expect("Redis answers");
    }

    pub async fn pass(&mut self, time: Duration) {
        self.now += u64::try_from(time.as_micros()).expect("a test is short");
        self.set_clock().await;
    }

    pub async fn step_back(&mut self, time: Duration) {
        self.now -= u64::try_from(time.as_micros()).expect("a test is short");
        self.set_clock().await;
    }

    pub fn now(&self) -> u64 {
        self.now
    }

    pub async fn worker(&self, name: &str) -> Worker {
        Worker::join(&self.belt, name).await
    }

    pub async fn push(&self, jobs: &[NewJob]) -> belt::Pushed {
        self.belt.push(jobs, FENCE).await.expect("the push is taken")
    }

    /// Every outcome in the stream.
    pub async fn outcomes(&self) -> Vec<OutcomeRecord> {
        self.recorded()
            .await
            .into_iter()
            .map(|recorded| recorded.record.expect("readable"))
            .collect()
    }

    pub async fn recorded(&self) -> Vec<Recorded> {
        self.belt
            .read_outcomes(StreamId::default(), 10_000, Duration::ZERO)
            .await
            .expect("the stream is readable")
    }

    pub async fn place(&self, send: i64) -> belt::Place {
        self.belt.find(&[SendId::new(send)]).await.expect("found").remove(0)
    }
}

/// A worker played by hand: no heartbeat, no memory.
pub struct Worker {
    pub member: Membership,
    number: u64,
}

impl Worker {
    pub async fn join(belt: &Belt, name: &str) -> Self {
        let (member, _, _) =
            belt.join(&WorkerName::new(name), &[], &[]).await.expect("the epoch can be joined");
        Self { member, number: 0 }
    }

    pub async fn call(&mut self, want: usize) -> Claims {
        self.number += 1;
        self.member.claim(self.number, want).await.expect("the claim is answered")
    }

    /// Repeats the last call; the first of all if there was none.
    pub async fn repeat(&mut self, want: usize) -> Claims {
        if self.number == 0 {
            return self.call(0).await;
        }
        self.member.claim(self.number, want).await.expect("the claim is answered")
    }

    pub async fn claim(&mut self, want: usize) -> Vec<ClaimedMeta> {
        self.call(want).await.jobs
    }

    pub async fn one(&mut self) -> ClaimedMeta {
        self.claim(1).await.pop().expect("there is a job")
    }

    pub async fn mark(&self, meta: &ClaimedMeta) -> String {
        self.say(&[Op::Mark(meta)]).await.remove(0)
    }

    pub async fn complete(&self, meta: &ClaimedMeta, outcome: Outcome) -> String {
        let done = matches!(outcome, Outcome::Done(_));
        let record = record(meta, outcome);
        self.say(&[Op::Complete { meta, done, record: &record }]).await.remove(0)
    }

    pub async fn give_back(&self, meta: &ClaimedMeta, blame: bool, delay_ms: u64) -> String {
        self.say(&[Op::GiveBack { meta, blame, delay_ms }]).await.remove(0)
    }

    pub async fn say(&self, ops: &[Op<'_>]) -> Vec<String> {
        self.member.checkpoint(ops).await.expect("the checkpoint is answered").said
    }
}

pub fn record(meta: &ClaimedMeta, outcome: Outcome) -> String {
    serde_json::to_string(&OutcomeRecord {
        v: domain::job::VERSION,
        send: meta.send,
        activation: meta.activation,
        partner: meta.lane.clone(),
        claim: meta.claim,
        on_unknown: meta.on_unknown,
        outcome,
    })
    .expect("a record is JSON")
}

pub fn done() -> Outcome {
    Outcome::Done(Answer::new(250, "2.0.0", "ok", ""))
}

pub fn deferred() -> Outcome {
    Outcome::transient(Duration::from_secs(60), Answer::new(451, "4.7.1", "later", ""))
}

fn ulid(tag: &str, n: u32) -> String {
    format!("{tag}_01j0000000000000000000{n:04}")
}

pub fn partner(n: u32) -> PartnerId {
    ulid(PartnerId::PREFIX, n).parse().expect("an id")
}

pub fn vendor(n: u32) -> VendorId {
    ulid(VendorId::PREFIX, n).parse().expect("an id")
}

pub fn hash(send: i64, scope: u8) -> AddressHash {
    format!("{scope:02x}{send:030x}").parse().expect("a hash")
}

/// The send of this number, on the lane of this partner.
pub fn job(send: i64, lane: u32) -> NewJob {
    NewJob {
        send: SendId::new(send),
        lane: partner(lane),
        weight: 1,
        partner_limit: None,
        tier: String::new(),
        provider: String::new(),
        sender: String::new(),
        vendor: vendor(1),
        activation: ActivationId::new(1),
        version: "version-1".to_owned(),
        revision: 0,
        suppression: [hash(send, 1), hash(send, 2), hash(send, 3)],
        topic: None,
        on_unknown: OnUnknown::Retry,
        not_after: None,
        first_fed_at: UtcMillis::new(1_767_225_600_000),
        payload: format!("{{\"n\":{send}}}"),
    }
}

pub fn jobs(sends: std::ops::Range<i64>, lane: u32) -> Vec<NewJob> {
    sends.map(|send| job(send, lane)).collect()
}

pub fn limited(job: NewJob, limit: &str) -> NewJob {
    NewJob { partner_limit: Some(limit.parse().expect("a limit")), ..job }
}

pub fn relay(name: &str, limit: Option<&str>) -> Relay {
    Relay { name: name.to_owned(), limit: limit.map(|text| text.parse().expect("a limit")) }
}

pub fn sends(claimed: &[ClaimedMeta]) -> Vec<i64> {
    claimed.iter().map(|meta| meta.send.get()).collect()
}

pub fn shared(meta: &ClaimedMeta) -> Arc<ClaimedMeta> {
    Arc::new(meta.clone())
}
