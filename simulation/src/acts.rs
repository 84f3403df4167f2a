//! What the processes do, one call or one step of a connection at a time.

use belt::{
    ClaimedMeta, Phase,
    protocol::{ClaimSaid, Op},
    worker::by_hand::{Asked, LineStep},
};
use domain::{OutcomeRecord, SendId};
use program::{Actor, BeltTold, SuppressBecause, SuppressIn};
use std::time::Duration;

use crate::{
    house::{self, Which},
    judge::{StopKey, shown},
    player,
    wire::Process,
    world::{Wish, World},
};

/// What the scheduler allows the book's clock to be behind that of Redis (us).
const CLOCKS_APART_US: u64 = 60_000_000;

impl World<'_> {
    /// The line of a worker goes on; to its end if `whole`.
    pub async fn speak(&mut self, n: usize, whole: bool) -> anyhow::Result<()> {
        let boot = self.boot;
        let wires = self.wires.clone();
        let player = &mut self.players[n];
        let start = |line| player::speak(line, boot);
        let done = match whole {
            true => Some(player.line.finish(&wires, start).await),
            false => player.line.go_on(&wires, start).await,
        };
        let Some(step) = done else { return Ok(()) };
        let (number, process) = (player.number, player.process());
        let now = self.redis_now();
        let reported = wires.take_carried_out(process, "report");
        let checked = wires.take_carried_out(process, "checkpoint");
        match step {
            LineStep::Joined => {
                let player = &mut self.players[n];
                player.epoch = player.desk.look().stats().epoch.unwrap_or(0);
                player.joined += 1;
                player.claimed_at = None;
                player.last_claim.clear();
                if let Some(reported) = reported {
                    player.was_heard(reported.at, now);
                    self.judge.joined(number, reported.memory);
                }
                self.note(format!("w{number} joins epoch {}", self.players[n].epoch));
            }
            LineStep::Left => {
                self.note(format!("w{number} leaves"));
                self.judge.killed(number);
                self.players[n] = self.new_player().await?;
                return Ok(());
            }
            LineStep::Nothing | LineStep::Answered | LineStep::Unanswered => {}
        }
        // What it named as told is in the stream in the memory in which the call was carried out.
        let memory = reported.or(checked).map(|done| done.memory);
        for said in self.players[n].answered() {
            if let (Some(memory), Some(attempt)) = (memory, said.attempt) {
                self.judge.told(attempt, memory);
            }
            if said.waits_long && step == LineStep::Answered {
                self.see_long_wait(said.send).await?;
            }
        }
        self.see_lost(n);
        Ok(())
    }

    /// What can't go within 30 s leaves the belt.
    async fn see_long_wait(&mut self, send: SendId) -> anyhow::Result<()> {
        let place = match self.sight.find(&[send]).await {
            Ok(places) => places.into_iter().next(),
            Err(error) if error.is_closed() => None,
            Err(error) => return Err(error.into()),
        };
        let is_off = place != Some(belt::Place::Delayed);
        self.judge.check("long waits", is_off, || format!("{send} waits on the belt"));
        Ok(())
    }

    /// Opens and clicks come in.
    pub async fn track(&mut self) -> anyhow::Result<()> {
        let count = 1 + self.chance.below(5);
        let events: Vec<String> = (0..count).map(|n| format!("{{\"n\":{n}}}")).collect();
        let before = self.tracks().await?;
        match self.sight.track(&events).await {
            Ok(()) => {}
            Err(error) if error.is_closed() => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let after = self.tracks().await?;
        let cap = self.belt_config.tracks_cap;
        let counted = after.0 + after.1 == before.0 + before.1 + count as u64 && after.0 <= cap;
        self.judge.check("tracks", counted, || {
            format!("{count} came: {before:?} (kept, cut) became {after:?}, {cap} are kept")
        });
        Ok(())
    }

    async fn tracks(&self) -> anyhow::Result<(u64, u64)> {
        let kept = self.sight.read_tracks(belt::StreamId::default(), 100, Duration::ZERO).await?;
        Ok((kept.len() as u64, self.sight.tracks_cut().await?))
    }

    /// A live worker that was heard is not taken for dead.
    fn see_lost(&mut self, n: usize) {
        let player = &mut self.players[n];
        if player.is_registered() || player.heard == 0 {
            return;
        }
        player.last_claim.clear();
    }

    fn declared_dead(&mut self, n: usize, which: usize) {
        let now = self.redis_now();
        let player = &mut self.players[n];
        // A beat whose answer is not known yet may have been the last, by a clock that had stepped back.
        if let Some(beat) = self.wires.take_carried_out(player.process(), "beat")
            && beat.at < player.heard
        {
            player.was_heard(beat.at, now);
        }
        if player.set_out[which] != player.joined || player.leaving {
            // It was said of the name it had before, or to one that has said goodbye.
            return;
        }
        player.peak = player.peak.max(now);
        let (silent, number) = (player.is_silent(), player.number);
        let (heard, peak) = (player.heard, player.peak);
        self.judge.check("alive", silent, || {
            format!(
                "w{number} was heard at {heard} us, it is {peak} us now, and it was taken for dead"
            )
        });
        self.note(format!("w{number} hears that it is dead"));
    }

    /// What a live worker was handed is in its hands until it says how it ended, or somebody else that it went.
    pub async fn see_hands(&mut self) -> anyhow::Result<()> {
        let Phase::Open { epoch } = self.sight.phase().await? else { return Ok(()) };
        let now = self.redis_now();
        for player in &self.players {
            let lives = player.epoch == epoch
                && player.is_registered()
                && player.heard > 0
                && player.peak.max(now).saturating_sub(player.heard) < player::LEASE_US;
            let Some(name) = player.known_as().filter(|_| lives) else { continue };
            let held: Vec<(SendId, bool)> = player.held_under(&name).collect();
            let sends: Vec<SendId> = held.iter().map(|(send, _)| *send).collect();
            let places = self.sight.find(&sends).await?;
            for ((send, writes), place) in held.into_iter().zip(places) {
                let stays = match &place {
                    belt::Place::Hand { worker, marked } => *worker == name && (*marked || !writes),
                    _ => false,
                };
                let went = !writes && self.judge.went(send);
                self.judge.check("stays in hand", stays || went, || {
                    format!("{name} holds {send} (writes: {writes}), the belt has it at {place:?}")
                });
            }
        }
        Ok(())
    }

    /// How many outcomes wait for the book.
    async fn outcomes(&self) -> anyhow::Result<usize> {
        let bound = self.plan.outcomes_bound as usize;
        Ok(self.sight.read_outcomes(belt::StreamId::default(), bound, Duration::ZERO).await?.len())
    }

    /// The claims of a worker go on.
    pub async fn claim(&mut self, n: usize, whole: bool) -> anyhow::Result<()> {
        let wires = self.wires.clone();
        // Known only if the whole call is made here, with nobody between.
        let sets_out = !self.players[n].claims.is_under_way();
        let outcomes = match self.plan.outcomes_bound < 100 && sets_out {
            true => self.outcomes().await?,
            false => 0,
        };
        let waits = wires.counted().waits;
        let player = &mut self.players[n];
        if sets_out {
            player.set_out[0] = player.joined;
        }
        let done = match whole {
            true => Some(player.claims.finish(&wires, player::claim).await),
            false => player.claims.go_on(&wires, player::claim).await,
        };
        let Some(asked) = done else { return Ok(()) };
        let process = player.process();
        let carried_out = wires.take_carried_out(process, "claim").map(|done| done.at);
        match asked {
            Asked::Nothing => {}
            Asked::Closed => player.claimed_at = None,
            Asked::Unanswered => player.claimed_at = player.claimed_at.or(carried_out),
            Asked::Answered { said, jobs, .. } => {
                let is_repeat = player.claimed_at.is_some();
                let at = player.claimed_at.take().or(carried_out);
                if said == ClaimSaid::Gone {
                    self.declared_dead(n, 0);
                }
                let bound = self.plan.outcomes_bound as usize;
                let is_full = outcomes >= bound && !is_repeat && wires.counted().waits == waits;
                self.judge.check("full", !is_full || jobs.is_empty(), || {
                    format!(
                        "{outcomes} outcomes wait, {bound} may, and {} are handed out",
                        shown(&jobs)
                    )
                });
                self.handed(n, &jobs, at.unwrap_or(0));
            }
        }
        Ok(())
    }

    fn handed(&mut self, n: usize, jobs: &[ClaimedMeta], at: u64) {
        let held = self.players[n].held();
        let number = self.players[n].number;
        self.judge.handed_out(number, held, jobs);
        let known_as = self.players[n].known_as();
        for job in jobs {
            if let Some(name) = &known_as {
                self.players[n].handed_to.insert(job.claim, name.clone());
            }
            for (name, limit) in self.limits_of(job) {
                self.judge.permit(&name, limit, at);
            }
        }
        if !jobs.is_empty() {
            self.note(format!("w{number} gets {}", shown(jobs)));
        }
        let player = &mut self.players[n];
        // What comes late from an epoch that is over can't be asked for again.
        player.last_claim =
            if player.set_out[0] == player.joined { jobs.to_vec() } else { Vec::new() };
        self.players[n].last_lanes_at = at;
    }

    /// The last claim of a worker is asked for again though it was answered.
    pub async fn repeat_claim(&mut self, n: usize) -> anyhow::Result<()> {
        let player = &self.players[n];
        if player.last_claim.is_empty() || !player.line_is_quiet() {
            return Ok(());
        }
        let (Some(claims), Some(membership)) = (player.claims.resting(), player.desk.membership())
        else {
            return Ok(());
        };
        let membership = membership.through(&self.sight);
        let first = player.last_claim.clone();
        match claims.repeat(&membership).await {
            Ok(None) => {}
            Ok(Some(again)) => {
                let in_hand: usize = self.players[n].untouched(&first);
                let whole = in_hand == first.len() && !self.players[n].is_silent();
                self.judge.repeated(&first, &again, whole);
            }
            Err(error) if error.is_closed() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// A worker says once more how an earlier hand-out ended, as one does whose first word was answered and
    /// the answer lost.
    pub async fn say_again(&mut self, n: usize) -> anyhow::Result<()> {
        let player = &self.players[n];
        let (Some(membership), false) = (player.desk.membership(), player.ended.is_empty()) else {
            return Ok(());
        };
        // Of what is in somebody's hands again, if there is any: there it could do harm.
        let again: Vec<usize> = (0..player.ended.len())
            .filter(|at| {
                let send = player.ended[*at].0.send;
                self.players.iter().any(|player| player.holds(send))
            })
            .collect();
        let at = match again.len() {
            0 => self.chance.below(player.ended.len()),
            many => again[self.chance.below(many)],
        };
        let (meta, outcome) = player.ended[at].clone();
        self.note(format!("w{} says again: {} under {}", player.number, meta.send, meta.claim));
        let record = serde_json::to_string(&OutcomeRecord {
            v: domain::job::VERSION,
            send: meta.send,
            activation: meta.activation,
            partner: meta.lane.clone(),
            claim: meta.claim,
            on_unknown: meta.on_unknown,
            outcome,
        })?;
        let op = Op::Complete { meta: &meta, done: false, record: &record };
        match membership.through(&self.sight).checkpoint(&[op]).await {
            Err(error) if !error.is_closed() => Err(error.into()),
            _ => self.see_hands().await,
        }
    }

    /// The heartbeat of a worker goes on.
    pub async fn beat(&mut self, n: usize, whole: bool) -> anyhow::Result<()> {
        let (wires, now) = (self.wires.clone(), self.redis_now());
        let player = &mut self.players[n];
        if !player.beat.is_under_way() {
            player.next_beat = self.boot + 1_000_000;
            player.set_out[1] = player.joined;
        }
        let done = match whole {
            true => Some(player.beat.finish(&wires, player::beat).await),
            false => player.beat.go_on(&wires, player::beat).await,
        };
        let Some(beaten) = done else { return Ok(()) };
        let carried_out = wires.take_carried_out(player.process(), "beat").map(|done| done.at);
        match (beaten, carried_out) {
            (Ok(Some(false)), _) => self.declared_dead(n, 1),
            // Carried out, whether it was answered or not: but it may have said that it is dead.
            (Ok(Some(true)), Some(at)) => self.players[n].was_heard(at, now),
            _ => {}
        }
        Ok(())
    }

    /// A scheduler looks after its lease.
    pub async fn lead(&mut self, n: usize, whole: bool) -> anyhow::Result<()> {
        let wires = self.wires.clone();
        let house = &mut self.houses[n];
        house.next_lead = self.boot + 1_000_000;
        let done = match whole {
            true => Some(house.leader.finish(&wires, house::lead).await),
            false => house.leader.go_on(&wires, house::lead).await,
        };
        if done.is_some() {
            let fence = house.leader.resting().and_then(scheduler::by_hand::Leader::fence);
            if fence != house.fence {
                house.fence = fence;
                let number = house.number;
                self.note(format!("s{number} leads under {fence:?}"));
            }
        }
        Ok(())
    }

    /// A loop of a scheduler goes on; to its end if `whole`.
    pub async fn pass(&mut self, n: usize, which: Which, whole: bool) -> anyhow::Result<()> {
        let wires = self.wires.clone();
        let (boot, known) = (self.boot, self.judge.promised.count());
        let house = &mut self.houses[n];
        let number = house.number;
        if !house.body(which).is_under_way() {
            if house.fence.is_none() {
                return Ok(());
            }
            if which == Which::Epoch {
                house.stops_known = known;
                house.was_open = self.sight.phase().await?;
            }
        }
        let fence = house.fence.unwrap_or(0);
        let body = house.body(which);
        let start = |part| house::pass(part, fence);
        let done = match whole {
            true => Some(body.finish(&wires, start).await),
            false => body.go_on(&wires, start).await,
        };
        self.look_for_opening().await?;
        if done.is_none()
            && let Some(long) = wires.take_caught(self.houses[n].process())
        {
            let until = self.boot + long;
            if self.chance.permille(600) {
                self.houses[n].stalled = Some((which, until));
                self.note(format!("{which:?} of s{number} stalls there for {long} us"));
            } else {
                self.houses[n].frozen_until = until;
                self.note(format!("s{number} freezes there for {long} us"));
            }
        }
        let Some(passed) = done else { return Ok(()) };
        match passed {
            Ok(passed) if passed.rows > 0 => {
                self.note(format!("s{number} {which:?}: {} rows", passed.rows));
            }
            Ok(_) => {}
            Err(ref error) => {
                self.note(format!("s{number} {which:?} failed: {error:#}"));
                return Ok(());
            }
        }
        if which == Which::Epoch {
            let was = self.houses[n].was_open;
            let known = self.houses[n].stops_known;
            if matches!(was, belt::Phase::Open { .. }) && self.sight.phase().await? == was {
                self.judge.promised.looked_after(known, boot);
            }
        }
        Ok(())
    }

    /// What somebody asked for at the portal goes on.
    pub async fn answer(&mut self, whole: bool) -> anyhow::Result<()> {
        let Some((wish, mut asking)) = self.asking.take() else { return Ok(()) };
        let done = match whole {
            true => Some(self.wires.finish(&mut asking).await),
            false => self.wires.go_on(&mut asking).await,
        };
        let Some(answer) = done else {
            self.asking = Some((wish, asking));
            return Ok(());
        };
        self.wires.take_disturbed(Process::Portal);
        match answer {
            Ok(told) => {
                let told = told == BeltTold::Told;
                let behind = self.highest.saturating_sub(self.redis_now());
                let misdated = behind > CLOCKS_APART_US || self.jumped >= self.asked_at;
                self.note(format!("answered: {wish:?}, told {told}"));
                match wish {
                    Wish::Pause(id) | Wish::Cancel(id) => {
                        self.judge.promised.stopped(
                            StopKey::Activation(id),
                            told,
                            self.boot,
                            false,
                        );
                    }
                    Wish::Suppress(key) => {
                        self.judge.promised.stopped(key, told, self.boot, misdated);
                    }
                    Wish::Resume(_) => {}
                }
            }
            // What has ended can't be paused.
            Err(error) => self.note(format!("{wish:?}: {error}")),
        }
        Ok(())
    }

    /// Somebody asks for something, if nobody is asking.
    pub fn ask(&mut self, wish: Wish) {
        if self.asking.is_some() {
            return;
        }
        self.note(format!("asked: {wish:?}"));
        self.asked_at = self.boot;
        let program = self.program.clone();
        let asking: crate::world::Asking = match wish.clone() {
            Wish::Pause(id) => {
                Box::pin(async move { Ok(program.pause(&Actor::Ops, id).await?.belt) })
            }
            Wish::Resume(id) => {
                self.judge.promised.lifting(id);
                Box::pin(async move { Ok(program.resume(&Actor::Ops, id).await?.belt) })
            }
            Wish::Cancel(id) => {
                self.cancelled.insert(id);
                Box::pin(async move { Ok(program.cancel(&Actor::Ops, id).await?.belt) })
            }
            Wish::Suppress(StopKey::Address { address, partner }) => {
                let scope = match partner {
                    None => SuppressIn::Everywhere,
                    Some(n) => SuppressIn::Company(self.stage.cast.partners[n].company.clone()),
                };
                let because = SuppressBecause::Manual;
                Box::pin(async move {
                    let done = program.suppress(&Actor::Ops, &scope, &[address], because).await?;
                    Ok(done.belt)
                })
            }
            Wish::Suppress(StopKey::Activation(_)) => return,
        };
        self.asking = Some((wish, asking));
    }
}
