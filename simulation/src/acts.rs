//! What the processes do, one call or one step of a connection at a time.

use belt::{
    Mark,
    protocol::ClaimSaid,
    worker::by_hand::{Asked, Handed, LineStep},
};
use domain::{
    Outcome, SendId,
    outcome::{Answer, NotNowReason, PermanentReason},
};
use program::{Actor, BeltTold, SuppressBecause, SuppressIn};
use std::time::Duration;

use crate::{
    house::{self, Which},
    judge::{StopKey, Taken},
    player::{self, Step, poll},
    stage::VALID_UNTIL,
    wire::Process,
    world::{Wish, World},
};

/// What a relay does with a message.
#[derive(Debug, Clone, Copy)]
enum Relay {
    Accepts,
    Defers,
    Rejects,
    TakesAndVanishes,
    Vanishes,
    Hangs,
}

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
        let reported = wires.take_carried_out(process, "report");
        let checked = wires.take_carried_out(process, "checkpoint");
        match step {
            LineStep::Joined => {
                let player = &mut self.players[n];
                player.epoch = player.desk.look().stats().epoch.unwrap_or(0);
                player.claimed_at = None;
                player.last_claim.clear();
                if let Some(reported) = reported {
                    player.was_heard(reported.at);
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

    fn declared_dead(&mut self, n: usize) {
        let now = self.redis_now();
        let player = &mut self.players[n];
        player.peak = player.peak.max(now);
        let (silent, number) = (player.is_silent(), player.number);
        self.judge.check("alive", silent, || format!("w{number} was heard and taken for dead"));
        self.note(format!("w{number} hears that it is dead"));
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
                let at = player.claimed_at.take().or(carried_out);
                if said == ClaimSaid::Gone {
                    self.declared_dead(n);
                }
                let bound = self.plan.outcomes_bound as usize;
                let is_full = outcomes >= bound && wires.counted().waits == waits;
                self.judge.check("full", !is_full || jobs.is_empty(), || {
                    format!("{outcomes} outcomes wait, {bound} may, and {jobs:?} are handed out")
                });
                self.handed(n, &jobs, at.unwrap_or(0));
            }
        }
        Ok(())
    }

    fn handed(&mut self, n: usize, jobs: &[Handed], at: u64) {
        let held = self.players[n].held();
        let number = self.players[n].number;
        self.judge.handed_out(number, held, jobs);
        let known_as = self.players[n].known_as();
        for job in jobs {
            if let Some(name) = &known_as {
                self.players[n].handed_to.insert(job.claim, name.clone());
            }
            if let Some(limit) = self.plan.relay_limit {
                self.judge.permit(&job.relay, limit.parse().expect("a limit"), at);
            }
        }
        if !jobs.is_empty() {
            let shown: Vec<String> =
                jobs.iter().map(|job| format!("{}={}", job.send, job.claim)).collect();
            self.note(format!("w{number} gets {}", shown.join(" ")));
        }
        self.players[n].last_claim = jobs.to_vec();
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
            Ok(again) => {
                let in_hand: usize = self.players[n].untouched(&first);
                let whole = in_hand == first.len() && !self.players[n].is_silent();
                self.judge.repeated(&first, &again, whole);
            }
            Err(error) if error.is_closed() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The heartbeat of a worker goes on.
    pub async fn beat(&mut self, n: usize, whole: bool) -> anyhow::Result<()> {
        let wires = self.wires.clone();
        let player = &mut self.players[n];
        if !player.beat.is_under_way() {
            player.next_beat = self.boot + 2_000_000;
        }
        let done = match whole {
            true => Some(player.beat.finish(&wires, player::beat).await),
            false => player.beat.go_on(&wires, player::beat).await,
        };
        let Some(beaten) = done else { return Ok(()) };
        let carried_out = wires.take_carried_out(player.process(), "beat").map(|done| done.at);
        match (beaten, carried_out) {
            (Ok(Some(false)), _) => self.declared_dead(n),
            // Carried out, whether it was answered or not: but it may have said that it is dead.
            (Ok(Some(true)), Some(at)) => self.players[n].was_heard(at),
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

    /// A connection of a worker goes on by one step.
    pub async fn connect(&mut self, n: usize, at: usize) -> anyhow::Result<()> {
        let step = std::mem::replace(&mut self.players[n].connections[at].step, Step::Idle);
        match step {
            Step::Idle => {
                self.players[n].load(at);
            }
            Step::Loaded(in_hand) => {
                let number = self.players[n].number;
                let (send, epoch) = (in_hand.job.send, in_hand.handle.meta().claim.epoch());
                if self.is_poison(&in_hand.job.address) {
                    let deaths = self.poisoned.entry((send, epoch)).or_default();
                    *deaths += 1;
                    let deaths = *deaths;
                    self.judge.check("poison", deaths <= 3, || {
                        format!("{send} killed its {deaths}th process in epoch {epoch}")
                    });
                    self.note(format!("w{number} dies of {send}"));
                    self.players[n].connections[at].step = Step::Loaded(in_hand);
                    return self.kill_worker(n).await;
                }
                if !self.healed && self.chance.permille(10) {
                    self.unrendered.insert(send);
                    let outcome = Outcome::permanent(PermanentReason::RenderFailed);
                    self.players[n].complete(at, in_hand, outcome, None);
                } else {
                    self.players[n].ask(at, in_hand);
                }
            }
            Step::Asking(in_hand, mut mark) => match poll(mark.as_mut()) {
                None => self.players[n].connections[at].step = Step::Asking(in_hand, mark),
                Some(Mark::Go(permit)) => {
                    self.players[n].connections[at].step = Step::Leave(in_hand, permit);
                }
                Some(Mark::Refused(refusal)) => {
                    let number = self.players[n].number;
                    self.note(format!("w{number} is refused {}: {refusal:?}", in_hand.job.send));
                    self.players[n].complete(at, in_hand, refusal.outcome(), None);
                }
            },
            Step::Leave(in_hand, permit) => {
                if permit.is_fresh_at(Duration::from_micros(self.boot)) {
                    self.write(n, at, in_hand);
                } else {
                    self.players[n].ask(at, in_hand);
                }
            }
            Step::Writing(in_hand, attempt) => self.hear_relay(n, at, in_hand, attempt),
        }
        Ok(())
    }

    fn is_poison(&self, address: &str) -> bool {
        self.plan.poisons.iter().any(|(partner, contact)| {
            self.stage.cast.partners[*partner].addresses.get(*contact).is_some_and(|a| a == address)
        })
    }

    /// The first byte of content goes out.
    fn write(&mut self, n: usize, at: usize, in_hand: player::InHand) {
        let meta = in_hand.handle.meta().clone();
        let number = self.players[n].number;
        let partner = self.partner_of(meta.activation);
        self.judge.starts_against(
            meta.send,
            meta.activation,
            &in_hand.job.address,
            partner,
            self.boot,
        );
        let (offset, since) = self.offset_seen;
        let campaign = (self.redis_now() / 1_000) as i64 + offset;
        // A permit lasts a second, also past the end and past a change of the campaign's time.
        let is_valid = campaign <= VALID_UNTIL.get() + 1_000
            || self.boot < since + 1_000_000
            || self.boot < self.jumped + 1_000_000;
        let send = meta.send;
        self.judge.check("validity", is_valid, || format!("{send} starts past its validity"));
        let last = self.players[n].connections[at].last;
        let attempt = self.judge.starts(meta.send, meta.claim, number, last);
        if self.players[n].is_silent() {
            self.judge.silent(number);
        }
        if self.opened > meta.claim.epoch() && self.players[n].epoch != self.opened {
            self.judge.unreported(number);
        }
        self.note(format!("w{number} writes {} under {}", meta.send, meta.claim));
        self.players[n].connections[at].last = Some(attempt);
        self.players[n].connections[at].step = Step::Writing(in_hand, attempt);
        let open = self.players[n].open_messages();
        let connections = self.plan.connections;
        self.judge.check("checkpoint", open <= connections, || {
            format!("w{number} has {open} messages open on {connections} connections")
        });
    }

    fn hear_relay(&mut self, n: usize, at: usize, in_hand: player::InHand, attempt: usize) {
        let does = match self.healed {
            true => Relay::Accepts,
            false => self.chance.weighted(&[
                (700, Relay::Accepts),
                (80, Relay::Defers),
                (40, Relay::Rejects),
                (25, Relay::TakesAndVanishes),
                (25, Relay::Vanishes),
                (40, Relay::Hangs),
            ]),
        };
        let answer = |code, text: &str| Answer::new(code, "", text, "relay");
        let wait = Duration::from_millis(self.chance.within(500, 45_000));
        let (taken, lost, outcome) = match does {
            Relay::Accepts => (Taken::Accepted, false, Outcome::Done(answer(250, "ok"))),
            Relay::Defers => {
                (Taken::Deferred, false, Outcome::transient(wait, answer(451, "later")))
            }
            Relay::Rejects => {
                let answer = answer(554, "no");
                let reason = PermanentReason::Rejected;
                (Taken::Rejected, false, Outcome::Permanent { reason, answer })
            }
            Relay::TakesAndVanishes => {
                (Taken::Accepted, true, Outcome::Unknown(Answer::note("connection lost")))
            }
            Relay::Vanishes => {
                (Taken::Lost, true, Outcome::Unknown(Answer::note("connection lost")))
            }
            // The connection is lost before the final dot: the relay can't have it.
            Relay::Hangs => {
                (Taken::Deferred, false, Outcome::not_now(wait, NotNowReason::RelayDown))
            }
        };
        let number = self.players[n].number;
        self.note(format!("w{number} hears of {}: {does:?}", in_hand.job.send));
        self.judge.takes(attempt, taken, lost);
        self.players[n].complete(at, in_hand, outcome, Some(attempt));
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
                self.note(format!("answered: {wish:?}, told {told}"));
                match wish {
                    Wish::Pause(id) | Wish::Cancel(id) => {
                        self.judge.promised.stopped(StopKey::Activation(id), told, self.boot);
                    }
                    Wish::Suppress(key) => self.judge.promised.stopped(key, told, self.boot),
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
