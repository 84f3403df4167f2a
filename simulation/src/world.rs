//! One schedule's world: the processes, Redis, the book, the relay, and the two clocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::Arc,
};

use belt::{Belt, BeltConfig, Phase, Place, ScriptTexts, TimeSource};
use domain::{
    ActivationId, ClaimNumber, EventId, OnUnknown, SendId, UtcMillis, tier::Tiers, token::LinkKey,
};
use process::{Config, Metrics, Readiness};
use program::{BeltTold, Program};
use scheduler::by_hand::ByHand;
use store::{LaunchItem, LaunchKind, LaunchRequest, Store};

use crate::{
    chance::Chance,
    house::House,
    judge::{Judge, StopKey},
    plan::{Fault, Limited, Plan},
    player::{Player, connect},
    server::Server,
    stage::{START_US, SimulatedClock, Stage, tiers},
    wire::{Process, Wires},
};

/// What somebody asks for at the portal.
#[derive(Debug, Clone)]
pub enum Wish {
    /// Pause an activation.
    Pause(ActivationId),
    /// Go on with it.
    Resume(ActivationId),
    /// End it.
    Cancel(ActivationId),
    /// No more mail.
    Suppress(StopKey),
}

/// A wish under way.
pub type Asking = Pin<Box<dyn Future<Output = program::Result<BeltTold>>>>;

/// See the module.
pub struct World<'a> {
    pub stage: &'a Stage,
    pub server: &'a mut Server,
    pub plan: Plan,
    pub chance: Chance,
    pub wires: Arc<Wires>,
    pub judge: Judge,
    pub store: Store,
    pub program: Program,
    /// A belt that no wire stands before.
    pub sight: Belt,
    pub belt_config: BeltConfig,
    pub config: Arc<Config>,
    pub clock: SimulatedClock,
    /// The true time (us), by which processes and permits age.
    pub boot: u64,
    /// What Redis' clock is ahead of it (us).
    pub skew: i64,
    /// The highest that it ever showed.
    pub highest: u64,
    pub houses: Vec<House>,
    pub players: Vec<Player>,
    pub births: u32,
    pub asking: Option<(Wish, Asking)>,
    pub asked_at: u64,
    pub activations: BTreeMap<usize, ActivationId>,
    pub cancelled: BTreeSet<ActivationId>,
    pub unrendered: BTreeSet<SendId>,
    pub opened: u32,
    pub jumped: u64,
    pub offset_ms: i64,
    pub offset_seen: (i64, u64),
    pub poisoned: BTreeMap<(SendId, u32), u32>,
    pub replicated: bool,
    pub faults: BTreeMap<Fault, u64>,
    pub healed: bool,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("boot", &self.boot).finish_non_exhaustive()
    }
}

impl<'a> World<'a> {
    /// The world of a seed before its first step.
    ///
    /// # Errors
    /// When the server or the book can't be had.
    pub async fn new(
        seed: u64,
        stage: &'a Stage,
        server: &'a mut Server,
        base: &Config,
        scripts: &Arc<ScriptTexts>,
    ) -> anyhow::Result<Self> {
        let plan = Plan::of(seed);
        server.clean()?;
        let store = stage.open_copy().await?;
        let wires =
            Wires::new(Chance::of(seed, 2), server.url(), plan.wait_permille, plan.loss_permille);
        let belt_config = BeltConfig {
            time: TimeSource::Key,
            scripts: Arc::clone(scripts),
            outcomes_bound: plan.outcomes_bound,
            tracks_cap: 8,
            ..BeltConfig::new(server.url())
        };
        let clock = SimulatedClock::new();
        let portal = connect(&belt_config, &wires, Process::Portal).await?;
        let program = Program::new(program::Parts {
            store: store.clone(),
            belt: Some(portal),
            clock: Arc::new(clock.clone()),
            hash_key: stage.hash_key.clone(),
            link_key: LinkKey::new(1, &[2; 32]),
            tiers: Tiers::new(tiers()),
            templates: stage.templates.clone(),
            public_url: "https://mail.example".to_owned(),
            message_id_domain: "mail.example".to_owned(),
            list_domain: "lists.example".to_owned(),
        });
        let mut config = base.clone();
        config.sending.on_unknown = if plan.holds { OnUnknown::Hold } else { OnUnknown::Retry };
        config.scheduler.record_batch = plan.record_batch;
        config.scheduler.expand_chunk = 4;
        config.tiers = Tiers::new(tiers());
        let limit = |of: Limited| {
            let (_, limit) = plan.limit.filter(|(limited, _)| *limited == of)?;
            Some(limit.parse().expect("a limit"))
        };
        if let Some(relay) = config.relays.first_mut() {
            relay.name = "relay".to_owned();
            relay.limit = limit(Limited::Relay);
        }
        config.limits.vendor = limit(Limited::Vendor);
        config.limits.provider = limit(Limited::Provider);
        config.limits.sending_domain = limit(Limited::Sender);
        config.relays.truncate(1);
        let mut world = Self {
            stage,
            server,
            chance: Chance::of(seed, 1),
            judge: Judge::new(plan.holds),
            wires,
            store,
            program,
            sight: Belt::connect(belt_config.clone()).await?,
            belt_config,
            config: Arc::new(config),
            clock,
            boot: 0,
            skew: 0,
            highest: 0,
            houses: Vec::new(),
            players: Vec::new(),
            births: 0,
            asking: None,
            asked_at: 0,
            activations: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            unrendered: BTreeSet::new(),
            opened: 0,
            jumped: 0,
            offset_ms: 0,
            offset_seen: (0, 0),
            poisoned: BTreeMap::new(),
            replicated: false,
            faults: BTreeMap::new(),
            healed: false,
            plan,
        };
        world.show_time().await?;
        for _ in 0..world.plan.schedulers {
            let house = world.new_house().await?;
            world.houses.push(house);
        }
        for _ in 0..world.plan.workers {
            let player = world.new_player().await?;
            world.players.push(player);
        }
        for partner in 0..world.plan.launched {
            world.launch(partner).await?;
        }
        Ok(world)
    }

    /// What Redis' clock shows (us).
    pub fn redis_now(&self) -> u64 {
        (START_US + self.boot).saturating_add_signed(self.skew)
    }

    /// Sets the clocks of Redis and of the portal.
    pub async fn show_time(&mut self) -> anyhow::Result<()> {
        let now = self.redis_now();
        self.highest = self.highest.max(now);
        self.sight.set_test_clock(now).await?;
        self.clock.set(now);
        self.wires.set_redis_now(now);
        Ok(())
    }

    /// Adds a line to the log.
    pub fn note(&self, line: impl std::fmt::Display) {
        self.wires.note(format!("{:>9.3} {line}", self.boot as f64 / 1e6));
    }

    /// Starts a scheduler.
    pub async fn new_house(&mut self) -> anyhow::Result<House> {
        self.births += 1;
        let number = self.births;
        let belt = connect(&self.belt_config, &self.wires, Process::Scheduler(number)).await?;
        let parts = scheduler::Parts {
            store: self.store.clone(),
            belt,
            hash_key: self.stage.hash_key.clone(),
            templates: self.stage.templates.clone(),
            config: Arc::clone(&self.config),
            metrics: Metrics::new("simulation", UtcMillis::default()),
            readiness: Readiness::new(),
            holder: format!("s{number}"),
        };
        self.note(format!("s{number} starts"));
        Ok(House::new(number, ByHand::new(&parts, self.stage.packages.clone())?))
    }

    /// Starts a worker.
    pub async fn new_player(&mut self) -> anyhow::Result<Player> {
        self.births += 1;
        let number = self.births;
        let belt = connect(&self.belt_config, &self.wires, Process::Worker(number)).await?;
        self.note(format!("w{number} starts"));
        Ok(Player::new(number, belt, self.plan.hands, self.plan.connections, self.boot))
    }

    /// A partner launches.
    pub async fn launch(&mut self, partner: usize) -> anyhow::Result<()> {
        let cast = &self.stage.cast;
        let now = UtcMillis::new((self.redis_now() / 1_000) as i64);
        let campaign = UtcMillis::new(now.get() + self.offset_ms);
        let launched = self
            .store
            .launch(&LaunchRequest {
                vendor: cast.vendor.clone(),
                package: cast.package.clone(),
                version: cast.version.clone(),
                kind: LaunchKind::One,
                who: "simulation".to_owned(),
                now,
                start_at: campaign,
                again: false,
                items: vec![LaunchItem {
                    partner: cast.partners[partner].id.clone(),
                    list: cast.partners[partner].list.clone(),
                    slots: BTreeMap::new(),
                    event_at: None,
                }],
            })
            .await?;
        let activation = launched.items[0].activation;
        self.activations.insert(partner, activation);
        self.note(format!("p{partner} launches {activation}"));
        Ok(())
    }

    /// The partner an activation is of, by its place in the cast.
    pub fn partner_of(&self, activation: ActivationId) -> usize {
        let found = self.activations.iter().find(|(_, id)| **id == activation);
        found.map_or(0, |(partner, _)| *partner)
    }

    /// What the book has of outcomes.
    pub async fn recorded(&self) -> anyhow::Result<BTreeSet<(SendId, ClaimNumber)>> {
        let events = self.store.events(None, None, EventId::new(0), 10_000).await?;
        let one = |event: &store::Event| (event.send, ClaimNumber::from_i64(event.source_number));
        Ok(events.iter().map(one).collect())
    }

    /// The sends that Redis has in the hands of a worker.
    pub async fn in_hands_of(&self, player: usize) -> anyhow::Result<Vec<SendId>> {
        let Some(name) = self.players[player].known_as() else { return Ok(Vec::new()) };
        let sends: Vec<SendId> = (1..200).map(SendId::new).collect();
        let places = match self.sight.find(&sends).await {
            Ok(places) => places,
            Err(error) if error.is_closed() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let held = |place: &Place| matches!(place, Place::Hand { worker, .. } if *worker == name);
        Ok(sends.into_iter().zip(places).filter(|(_, p)| held(p)).map(|(s, _)| s).collect())
    }

    /// Looks whether an epoch was opened since the last look, and who could not report to it in time.
    pub async fn look_for_opening(&mut self) -> anyhow::Result<()> {
        if !self.wires.take_loaded() {
            return Ok(());
        }
        let Phase::Open { epoch } = self.sight.phase().await? else { return Ok(()) };
        if epoch <= self.opened {
            return Ok(());
        }
        self.opened = epoch;
        self.note(format!("epoch {epoch} is open"));
        for n in 0..self.players.len() {
            self.mark_disturbed(n);
            let player = &self.players[n];
            // A worker that was reachable all the time since before the settling time has reported.
            let hindered = self.boot - player.disturbed.max(self.jumped) < 3_200_000;
            if player.epoch != epoch && hindered {
                let number = player.number;
                self.judge.unreported(number);
                self.note(format!("w{number} could not report to it"));
            }
        }
        Ok(())
    }

    /// Notes when a worker can't be reached.
    pub fn mark_disturbed(&mut self, n: usize) {
        let player = &mut self.players[n];
        let process = player.process();
        let disturbed = self.wires.take_disturbed(process)
            || self.wires.is_cut_off(process)
            || player.frozen_until > self.boot;
        if disturbed {
            player.disturbed = self.boot;
        }
    }

    /// Lets time pass, in pieces in which no live worker misses a beat.
    pub async fn pass_time(&mut self, micros: u64) -> anyhow::Result<()> {
        let mut left = micros;
        while left > 0 {
            let piece = left.min(900_000);
            left -= piece;
            self.boot += piece;
            self.show_time().await?;
            self.see_silence().await?;
            self.keep_up().await?;
            self.see_silence().await?;
        }
        Ok(())
    }

    /// Workers that are silent for a lease of Redis time.
    pub async fn see_silence(&mut self) -> anyhow::Result<()> {
        let now = self.redis_now();
        for n in 0..self.players.len() {
            self.mark_disturbed(n);
            let player = &mut self.players[n];
            if player.heard == 0 {
                continue;
            }
            let was_silent = player.is_silent();
            player.peak = player.peak.max(now);
            if player.is_silent() {
                self.judge.silent(self.players[n].number);
                if !was_silent {
                    let held = self.in_hands_of(n).await?;
                    self.judge.may_die(&held);
                    let number = self.players[n].number;
                    self.note(format!("w{number} is silent for a lease, with {held:?}"));
                }
            }
        }
        if !self.healed {
            self.see_offset().await?;
        }
        Ok(())
    }

    async fn see_offset(&mut self) -> anyhow::Result<()> {
        if let Ok(clock) = self.sight.clock().await {
            let offset = clock.campaign.get() - clock.redis.get();
            if offset != self.offset_seen.0 {
                self.offset_seen = (offset, self.boot);
            }
        }
        Ok(())
    }

    /// What timers of live processes do: beats, joining, leases.
    async fn keep_up(&mut self) -> anyhow::Result<()> {
        for n in 0..self.players.len() {
            if self.players[n].frozen_until > self.boot {
                continue;
            }
            if self.boot >= self.players[n].next_beat {
                self.beat(n, true).await?;
            }
            if !self.players[n].is_registered() {
                self.speak(n, true).await?;
                if !self.players[n].is_registered() {
                    self.speak(n, true).await?;
                }
            }
        }
        for n in 0..self.houses.len() {
            if self.houses[n].frozen_until <= self.boot && self.boot >= self.houses[n].next_lead {
                self.lead(n, true).await?;
            }
        }
        Ok(())
    }
}
