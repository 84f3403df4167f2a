//! One schedule: steps that the seed decides, then everything is healed and has to come to its end.

use std::{collections::BTreeMap, sync::Arc};

use belt::ScriptTexts;
use domain::{ActivationState, SendId, UtcMillis};
use process::Config;

use crate::{
    house::Which,
    judge::{Book, Checks, Excuse},
    plan::Fault,
    server::Server,
    stage::Stage,
    wire::Counted,
    world::{Wish, World},
};

/// What a schedule came to.
#[derive(Debug)]
pub struct Ran {
    /// The seed.
    pub seed: u64,
    /// Steps before everything was healed.
    pub steps: usize,
    /// The promises that were broken.
    pub broken: Vec<String>,
    /// What happened, line by line.
    pub log: Vec<String>,
    /// Faults by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Looks at each promise.
    pub checks: Checks,
    /// What was counted on the wire.
    pub counted: Counted,
    /// Attempts that may be doubled, by why.
    pub excused: BTreeMap<Excuse, u64>,
    /// Second acceptances.
    pub doubled: u64,
    /// Sends in the book.
    pub sends: u64,
    /// Simulated time (us).
    pub time: u64,
}

/// Rounds in which everything has to have come to its end once it is healed.
const ROUNDS: usize = 400;

/// Runs the schedule of a seed, with at most so many steps.
///
/// # Errors
/// When the server or the book fails by itself.
pub async fn run(
    seed: u64,
    most_steps: Option<usize>,
    stage: &Stage,
    server: &mut Server,
    config: &Config,
    scripts: &Arc<ScriptTexts>,
) -> anyhow::Result<Ran> {
    let mut world = World::new(seed, stage, server, config, scripts).await?;
    let steps = world.plan.steps.min(most_steps.unwrap_or(usize::MAX));
    let mut done = 0;
    if world.plan.warm {
        world.warm_up().await?;
    }
    while done < steps && !world.is_broken() {
        world.step().await?;
        done += 1;
        if done % 4 == 0 {
            world.see_hands().await?;
        }
    }
    let mut sends = 0;
    if !world.is_broken() {
        sends = world.settle().await?;
    }
    world.is_broken();
    let (excused, doubled) = world.judge.doubled();
    let ran = Ran {
        seed,
        steps: done,
        broken: world.judge.broken().to_vec(),
        log: world.wires.take_log(),
        faults: std::mem::take(&mut world.faults),
        checks: world.judge.checks().clone(),
        counted: world.wires.counted(),
        excused,
        doubled,
        sends,
        time: world.boot,
    };
    world.store.close().await;
    stage.remove_copy();
    Ok(ran)
}

impl World<'_> {
    fn is_broken(&mut self) -> bool {
        for broken in self.wires.take_broken() {
            self.judge.check("fence", false, || broken);
        }
        !self.judge.broken().is_empty()
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let often: u32 = self.plan.faults.iter().map(|(permille, _)| permille).sum();
        if self.chance.permille(often.min(400)) {
            let faults = self.plan.faults.clone();
            let fault = self.chance.weighted(&faults);
            return self.fault(fault).await;
        }
        #[derive(Clone, Copy)]
        enum Does {
            Time,
            Pass,
            Lead,
            Speak,
            Claim,
            Repeat,
            SayAgain,
            Beat,
            Connect,
            Work,
            Answer,
            Track,
        }
        let does = self.chance.weighted(&[
            (14, Does::Time),
            (30, Does::Pass),
            (1, Does::Lead),
            (16, Does::Speak),
            (12, Does::Claim),
            (2, Does::Repeat),
            (5, Does::SayAgain),
            (1, Does::Beat),
            (26, Does::Connect),
            (14, Does::Work),
            (5, Does::Answer),
            (2, Does::Track),
        ]);
        let player = self.chance.below(self.players.len());
        let house = self.chance.below(self.houses.len());
        let player_rests = self.players[player].frozen_until > self.boot;
        let house_rests = self.houses[house].frozen_until > self.boot;
        let stalled = self.houses[house].stalled.filter(|(_, until)| *until > self.boot);
        match does {
            Does::Time => {
                let by = match self.chance.below(10) {
                    0..=5 => self.chance.within(2_000, 150_000),
                    6..=7 => self.chance.within(150_000, 900_000),
                    8 => self.chance.within(900_000, 3_500_000),
                    _ => self.chance.within(3_500_000, 12_000_000),
                };
                self.pass_time(by).await
            }
            Does::Pass if !house_rests => {
                let which = self.chance.weighted(&[
                    (5, Which::Epoch),
                    (2, Which::Expand),
                    (5, Which::Feed),
                    (5, Which::Record),
                    (3, Which::Reconcile),
                ]);
                if stalled.is_some_and(|(stalled, _)| stalled == which) {
                    return Ok(());
                }
                self.pass(house, which, false).await
            }
            Does::Lead if !house_rests => self.lead(house, false).await,
            Does::Speak if !player_rests => self.speak_or_leave(player, false).await,
            Does::Claim if !player_rests => self.claim(player, false).await,
            Does::Repeat if !player_rests => self.repeat_claim(player).await,
            Does::SayAgain if !player_rests => self.say_again(player).await,
            Does::Beat if !player_rests => self.beat(player, false).await,
            Does::Connect if !player_rests => {
                let at = self.chance.below(self.plan.connections);
                self.connect(player, at).await
            }
            Does::Work if !player_rests => self.work(player).await,
            Does::Answer => self.answer(false).await,
            Does::Track => self.track().await,
            _ => Ok(()),
        }
    }

    async fn speak_or_leave(&mut self, n: usize, whole: bool) -> anyhow::Result<()> {
        let player = &self.players[n];
        if player.leaving && player.is_idle() && player.line_is_quiet() && player.is_registered() {
            player.desk.leave();
        }
        self.speak(n, whole).await
    }

    /// Heals everything and lets it come to its end; answers how many sends there are.
    async fn settle(&mut self) -> anyhow::Result<u64> {
        self.note("everything is healed");
        self.healed = true;
        self.wires.heal();
        for n in 0..self.players.len() {
            self.players[n].frozen_until = 0;
        }
        for n in 0..self.houses.len() {
            self.houses[n].frozen_until = 0;
            self.houses[n].stalled = None;
        }
        self.catch_clock_up().await?;
        self.answer(true).await?;
        for id in self.activations.values().copied().collect::<Vec<_>>() {
            self.ask(Wish::Resume(id));
            self.answer(true).await?;
        }
        let mut rest = 0;
        for _ in 0..ROUNDS {
            self.round().await?;
            if self.is_broken() {
                return Ok(0);
            }
            let is_over = self.is_over().await?;
            rest = if is_over { rest + 1 } else { 0 };
            // Workers hear of the recorder's position with their next claim.
            if rest == 3 {
                break;
            }
        }
        self.judge_end().await
    }

    /// The belt is opened, and what is due goes on it.
    async fn warm_up(&mut self) -> anyhow::Result<()> {
        for _ in 0..20 {
            self.pass_time(400_000).await?;
            for n in 0..self.houses.len() {
                self.pass(n, Which::Epoch, true).await?;
                self.pass(n, Which::Expand, true).await?;
                if self.plan.fed {
                    self.pass(n, Which::Feed, true).await?;
                }
            }
            if self.opened > 0 && !self.plan.fed {
                break;
            }
            if self.opened > 0 && self.sight.queued().await.is_ok_and(|queued| queued > 0) {
                break;
            }
        }
        Ok(())
    }

    /// A worker goes on in all its parts, as when nothing is in its way.
    async fn work(&mut self, n: usize) -> anyhow::Result<()> {
        self.claim(n, false).await?;
        for at in 0..self.plan.connections {
            self.connect(n, at).await?;
        }
        self.speak_or_leave(n, false).await
    }

    async fn round(&mut self) -> anyhow::Result<()> {
        self.pass_time(400_000).await?;
        for n in 0..self.houses.len() {
            for which in [Which::Epoch, Which::Expand, Which::Record, Which::Feed] {
                self.pass(n, which, true).await?;
            }
        }
        for n in 0..self.players.len() {
            self.claim(n, true).await?;
            for _ in 0..6 {
                for at in 0..self.plan.connections {
                    // A poisoned job may have ended the process.
                    self.connect(n, at).await?;
                }
                self.speak_or_leave(n, true).await?;
            }
        }
        for n in 0..self.houses.len() {
            self.pass(n, Which::Record, true).await?;
            self.pass(n, Which::Reconcile, true).await?;
        }
        let open = self.store.open_sends().await?;
        if open.queued == 0 && open.due > 0 && self.players.iter().all(|player| player.is_idle()) {
            let now = (self.redis_now() / 1_000) as i64 + self.offset_ms;
            if let Some(due) = self.store.next_due_at().await? {
                let wait = due.since(UtcMillis::new(now)).as_micros() as u64;
                self.pass_time(wait.min(120_000_000)).await?;
            }
        }
        Ok(())
    }

    async fn is_over(&self) -> anyhow::Result<bool> {
        let open = self.store.open_sends().await?;
        let expanding = !self.store.activations_to_expand(1).await?.is_empty();
        let status = self.sight.status().await?;
        let heard = self.players.iter().all(|player| {
            let stats = player.desk.look().stats();
            stats.epoch == Some(self.opened) && stats.kept_outcomes == 0 && player.is_idle()
        });
        Ok(heard
            && open.queued == 0
            && open.due == 0
            && !expanding
            && status.queued + status.in_hand + status.delayed == 0
            && status.outcomes == 0)
    }

    async fn judge_end(&mut self) -> anyhow::Result<u64> {
        let status = self.sight.status().await?;
        let left = status.queued + status.in_hand + status.delayed + status.outcomes;
        self.judge.check("all ends", left == 0, || format!("left on the belt: {status:?}"));
        for n in 0..self.players.len() {
            let (number, stats) = (self.players[n].number, self.players[n].desk.look().stats());
            let kept = stats.kept_outcomes;
            self.judge.check("kept until recorded", kept == 0, || {
                format!("w{number} still keeps {kept} outcomes that the book has")
            });
            let whole = stats.free_hands == self.plan.hands && stats.on_the_wire == 0;
            self.judge.check("all ends", whole, || format!("w{number} at the end: {stats:?}"));
        }
        self.judge.judge_limits();
        let book = self.book().await?;
        let sends = book.sends.len() as u64;
        self.judge.judge_book(&book);
        Ok(sends)
    }

    async fn book(&self) -> anyhow::Result<Book> {
        let counts = self.store.send_counts(None, None).await?;
        let all: i64 = counts.iter().map(|count| count.count).sum();
        let mut sends = Vec::new();
        let mut id = 0;
        while (sends.len() as i64) < all && id < 2_000 {
            id += 1;
            sends.extend(self.store.send(SendId::new(id)).await?);
        }
        let mut audience = BTreeMap::new();
        let mut cancelled = self.cancelled.clone();
        for id in self.activations.values() {
            let activation = self.store.activation(*id).await?;
            let Some(activation) = activation else { continue };
            if let Some(persons) = activation.audience {
                audience.insert(*id, persons);
            }
            if activation.state == ActivationState::Cancelled {
                cancelled.insert(*id);
            }
        }
        let covered = |send: &&store::SendDetail| {
            self.judge.promised.covers(&send.address, self.partner_of(send.activation))
        };
        Ok(Book {
            suppressed: sends.iter().filter(covered).map(|send| send.send).collect(),
            events: self.store.events(None, None, domain::EventId::new(0), 10_000).await?,
            sends,
            counts,
            audience,
            cancelled,
            may_expire: self.offset_ms >= 86_400_000,
            unrendered: self.unrendered.clone(),
        })
    }
}
