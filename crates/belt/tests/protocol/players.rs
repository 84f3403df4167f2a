//! Workers that do anything in any order: each send stays in exactly one place and all add up.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use belt::{ClaimedMeta, OpenWith, Place, protocol::Op};
use domain::{Outcome, SendId};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::stage::{Stage, Worker, deferred, done, job, record, relay};

#[derive(Debug, Clone)]
enum Act {
    Push { from: i64, count: i64, lane: u32 },
    Claim { worker: usize, want: usize },
    Repeat { worker: usize },
    Mark { worker: usize, at: usize },
    Done { worker: usize, at: usize, twice: bool },
    Deferred { worker: usize, at: usize },
    GiveBack { worker: usize, at: usize, delayed: bool, blame: bool },
    Die { worker: usize },
    Leave { worker: usize },
    Pass { millis: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    let worker = 0..3_usize;
    let at = 0..8_usize;
    prop_oneof![
        3 => (0..40_i64, 1..12_i64, 1..4_u32).prop_map(|(from, count, lane)| Act::Push { from, count, lane }),
        6 => (worker.clone(), 1..6_usize).prop_map(|(worker, want)| Act::Claim { worker, want }),
        2 => worker.clone().prop_map(|worker| Act::Repeat { worker }),
        5 => (worker.clone(), at.clone()).prop_map(|(worker, at)| Act::Mark { worker, at }),
        5 => (worker.clone(), at.clone(), any::<bool>())
            .prop_map(|(worker, at, twice)| Act::Done { worker, at, twice }),
        2 => (worker.clone(), at.clone()).prop_map(|(worker, at)| Act::Deferred { worker, at }),
        3 => (worker.clone(), at, any::<bool>(), any::<bool>())
            .prop_map(|(worker, at, delayed, blame)| Act::GiveBack { worker, at, delayed, blame }),
        1 => worker.clone().prop_map(|worker| Act::Die { worker }),
        1 => worker.prop_map(|worker| Act::Leave { worker }),
        4 => (1..2_000_u64).prop_map(|millis| Act::Pass { millis }),
    ]
}

struct Play {
    stage: Stage,
    workers: Vec<Worker>,
    /// Everything a worker was ever handed and still believes to hold.
    hands: Vec<Vec<ClaimedMeta>>,
    silent: [bool; 3],
    births: usize,
    pushed: u64,
    claims: HashMap<domain::ClaimNumber, SendId>,
}

impl Play {
    async fn new(epoch: &mut Option<(Stage, u32)>) -> Self {
        let with = OpenWith {
            relays: vec![relay("r", Some("50/s, burst 20")), relay("s", None)],
            ..OpenWith::default()
        };
        let (mut stage, number) = match epoch.take() {
            Some((stage, number)) => (stage, number + 1),
            None => (Stage::open().await, 2),
        };
        stage.redis.cli(&["DEL", "tl:{0}:outcomes"]);
        stage.epoch(number, with).await;
        let mut play = Self {
            stage,
            workers: Vec::new(),
            hands: vec![Vec::new(); 3],
            silent: [false; 3],
            births: 0,
            pushed: 0,
            claims: HashMap::new(),
        };
        for _ in 0..3 {
            let worker = play.born().await;
            play.workers.push(worker);
        }
        play
    }

    async fn born(&mut self) -> Worker {
        self.births += 1;
        self.stage.worker(&format!("w{}", self.births)).await
    }

    fn take(&mut self, worker: usize, at: usize) -> Option<ClaimedMeta> {
        let hand = &mut self.hands[worker];
        (at < hand.len()).then(|| hand.remove(at))
    }

    async fn act(&mut self, act: &Act) {
        match *act {
            Act::Push { from, count, lane } => {
                let jobs: Vec<_> = (from..from + count).map(|send| job(send, lane)).collect();
                let said = self.stage.push(&jobs).await;
                assert_eq!(said.pushed + said.absorbed, u64::try_from(count).expect("small"));
                self.pushed += said.pushed;
            }
            Act::Claim { worker, want } => {
                let got = self.workers[worker].claim(want).await;
                assert!(got.len() <= want);
                for meta in got {
                    let before = self.claims.insert(meta.claim, meta.send);
                    assert_eq!(before, None, "a number was used twice");
                    self.hands[worker].push(meta);
                }
            }
            Act::Repeat { worker } => {
                for meta in self.workers[worker].repeat(9).await.jobs {
                    assert_eq!(
                        self.claims.get(&meta.claim),
                        Some(&meta.send),
                        "a repeat handed out something new"
                    );
                }
            }
            Act::Mark { worker, at } => {
                if let Some(meta) = self.hands[worker].get(at).cloned() {
                    self.workers[worker].mark(&meta).await;
                }
            }
            Act::Done { worker, at, twice } => {
                if let Some(meta) = self.take(worker, at) {
                    for _ in 0..=usize::from(twice) {
                        self.workers[worker].complete(&meta, done()).await;
                    }
                }
            }
            Act::Deferred { worker, at } => {
                if let Some(meta) = self.take(worker, at) {
                    self.workers[worker].complete(&meta, deferred()).await;
                }
            }
            Act::GiveBack { worker, at, delayed, blame } => {
                if let Some(meta) = self.take(worker, at) {
                    self.workers[worker]
                        .give_back(&meta, blame, if delayed { 700 } else { 0 })
                        .await;
                }
            }
            Act::Die { worker } => self.silent[worker] = true,
            Act::Leave { worker } => {
                self.workers[worker].member.leave().await.expect("answered");
                self.hands[worker].clear();
                self.silent[worker] = false;
                self.workers[worker] = self.born().await;
            }
            Act::Pass { millis } => {
                self.stage.pass(Duration::from_millis(millis)).await;
                for (worker, silent) in self.silent.iter().enumerate() {
                    if !silent {
                        self.workers[worker].member.beat().await.expect("answered");
                    }
                }
            }
        }
        // A worker that was declared dead joins again, and still speaks of what it held.
        for worker in 0..3 {
            if !self.silent[worker] && !self.workers[worker].member.beat().await.expect("answered")
            {
                self.workers[worker] = self.born().await;
            }
        }
    }

    /// Each send in one place, and no place holding what is not there.
    async fn check(&self) {
        let key = |name: &str| format!("{}:email:{name}", self.prefix());
        let list = |arguments: &[&str]| -> Vec<String> {
            let text = self.stage.redis.cli(arguments);
            text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
        };
        let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for lane in 1..4_u32 {
            let lane = key(&format!("lane:- {}", crate::stage::partner(lane)));
            for send in list(&["LRANGE", &lane, "0", "-1"]) {
                places.entry(send).or_default().push("lane");
            }
        }
        for send in list(&["LRANGE", &key("alone"), "0", "-1"]) {
            places.entry(send).or_default().push("alone");
        }
        for send in list(&["ZRANGE", &key("delayed"), "0", "-1"]) {
            places.entry(send).or_default().push("delayed");
        }
        for send in list(&["HKEYS", &key("hand")]) {
            places.entry(send).or_default().push("hand");
        }
        let jobs: HashSet<String> = list(&["HKEYS", &key("jobs")]).into_iter().collect();
        for (send, at) in &places {
            assert_eq!(at.len(), 1, "{send} is in {at:?}");
            assert!(jobs.contains(send), "{send} is in {at:?} and has no job");
        }
        assert_eq!(places.len(), jobs.len(), "jobs that are nowhere: {jobs:?} {places:?}");
        let mut held = 0;
        for worker in 1..=self.births {
            held += list(&["SMEMBERS", &key(&format!("held:w{worker}"))]).len();
        }
        assert_eq!(held, places.values().filter(|at| at[0] == "hand").count());
    }

    fn prefix(&self) -> String {
        format!("tl:{{0}}:{}", self.workers[0].member.epoch())
    }

    /// Everything ends when workers behave again.
    async fn settle(&mut self) {
        self.stage.pass(Duration::from_secs(7)).await;
        for _ in 0..20 {
            self.stage.belt.sweep().await.expect("swept");
        }
        let mut last = Worker::join(&self.stage.belt, "last").await;
        for _ in 0..400 {
            for meta in last.claim(8).await {
                let record = record(&meta, done());
                last.say(&[
                    Op::Mark(&meta),
                    Op::Complete { meta: &meta, done: true, record: &record },
                ])
                .await;
            }
            last.member.beat().await.expect("answered");
            if self.stage.belt.queued().await.expect("known") == 0 {
                break;
            }
            self.stage.pass(Duration::from_millis(100)).await;
        }
        assert_eq!(self.stage.belt.queued().await.expect("known"), 0);
        for place in self
            .stage
            .belt
            .find(&(0..60).map(SendId::new).collect::<Vec<_>>())
            .await
            .expect("found")
        {
            assert_eq!(place, Place::Nowhere);
        }
        // Every job that was pushed has left by an outcome; ends are told by (send, claim).
        let outcomes = self.stage.outcomes().await;
        let told: HashSet<_> = outcomes.iter().map(|record| (record.send, record.claim)).collect();
        assert!(
            u64::try_from(told.len()).expect("small") >= self.pushed,
            "{} of {}",
            told.len(),
            self.pushed
        );
        assert!(outcomes.iter().all(|record| !matches!(record.outcome, Outcome::NotNow { .. })));
    }
}

#[test]
fn every_send_is_in_exactly_one_place_and_all_add_up() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let kept = std::cell::RefCell::new(None);
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let acts = prop::collection::vec(act(), 1..60);
    runner
        .run(&acts, |acts| {
            runtime.block_on(async {
                let mut from = kept.borrow_mut().take();
                let mut play = Play::new(&mut from).await;
                for act in &acts {
                    play.act(act).await;
                }
                play.check().await;
                play.settle().await;
                play.check().await;
                let epoch = play.workers[0].member.epoch();
                *kept.borrow_mut() = Some((play.stage, epoch));
            });
            Ok(())
        })
        .expect("the belt holds");
}
