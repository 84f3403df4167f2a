//! What goes wrong.

use crate::{
    house::Which,
    judge::StopKey,
    plan::Fault,
    player::Step,
    wire::Process,
    world::{Wish, World},
};

impl World<'_> {
    /// One fault of the plan.
    pub async fn fault(&mut self, fault: Fault) -> anyhow::Result<()> {
        *self.faults.entry(fault).or_default() += 1;
        let mut player = self.chance.below(self.players.len());
        // A worker with content on the wire is worth more.
        let busy: Vec<usize> =
            (0..self.players.len()).filter(|n| self.players[*n].is_writing()).collect();
        if !busy.is_empty() && self.chance.permille(600) {
            player = busy[self.chance.below(busy.len())];
        }
        let house = self.chance.below(self.houses.len());
        match fault {
            Fault::KillWorker => self.kill_worker(player).await,
            Fault::FreezeWorker => {
                let long = self.chance.within(300_000, 9_000_000);
                self.players[player].frozen_until = self.boot + long;
                self.note(format!("w{} freezes for {long} us", self.players[player].number));
                Ok(())
            }
            Fault::Leave => {
                self.players[player].leaving = true;
                self.players[player].desk.close();
                self.note(format!("w{} is to leave", self.players[player].number));
                Ok(())
            }
            Fault::KillScheduler => {
                self.note(format!("s{} is killed", self.houses[house].number));
                self.houses[house] = self.new_house().await?;
                Ok(())
            }
            Fault::FreezeScheduler => {
                let long = self.chance.within(500_000, 14_000_000);
                self.houses[house].frozen_until = self.boot + long;
                self.note(format!("s{} freezes for {long} us", self.houses[house].number));
                Ok(())
            }
            Fault::StallLoop => {
                let which = self.chance.weighted(&[
                    (4, Which::Feed),
                    (4, Which::Record),
                    (2, Which::Epoch),
                    (2, Which::Reconcile),
                    (1, Which::Expand),
                ]);
                // One that is in the middle of something is worth more.
                let busy: Vec<Which> = Which::ALL
                    .into_iter()
                    .filter(|which| self.houses[house].body(*which).is_under_way())
                    .collect();
                let which = match busy.len() {
                    0 => which,
                    many => busy[self.chance.below(many)],
                };
                let long = self.chance.within(2_000_000, 25_000_000);
                if self.chance.permille(600) {
                    // Where it hurts: between the book and the belt.
                    let what = self.chance.weighted(&[
                        (5, "push"),
                        (3, "the clock"),
                        (1, "commit"),
                        (1, "find"),
                        (2, "the position"),
                        (1, "the status"),
                        (1, "load"),
                    ]);
                    let process = self.houses[house].process();
                    self.wires.catch(process, what, long);
                    self.note(format!("{process} is to be caught before {what}"));
                    return Ok(());
                }
                self.houses[house].stalled = Some((which, self.boot + long));
                self.note(format!(
                    "{which:?} of s{} stalls for {long} us",
                    self.houses[house].number
                ));
                Ok(())
            }
            Fault::CutOff => {
                let process = match self.chance.below(5) {
                    0 => Process::Portal,
                    1 | 2 => self.houses[house].process(),
                    _ => self.players[player].process(),
                };
                let is_cut = self.wires.toggle_cut(process);
                self.note(format!("{process} is cut off: {is_cut}"));
                Ok(())
            }
            Fault::ClockJump => self.jump().await,
            Fault::Emptied => {
                self.note("Redis is emptied");
                self.server.empty()?;
                self.memory_lost().await
            }
            Fault::Restarted => {
                self.note("Redis is restarted");
                self.server.restart()
            }
            Fault::FailedOver => {
                if !std::mem::replace(&mut self.replicated, true) {
                    self.note("the replica catches up");
                    return self.server.replicate();
                }
                self.note("Redis fails over");
                self.replicated = false;
                self.server.fail_over()?;
                self.memory_lost().await
            }
            Fault::CampaignMoves => {
                let by = self.chance.weighted(&[(4, 60_000), (2, 3_600_000), (1, 3 * 86_400_000)]);
                self.offset_ms += by;
                let now = domain::UtcMillis::new((self.redis_now() / 1_000) as i64);
                self.store.set_campaign_offset(self.offset_ms, "simulation", now).await?;
                self.note(format!("the campaign moves by {by} ms"));
                Ok(())
            }
            Fault::Pause | Fault::Resume | Fault::Cancel => {
                let ids: Vec<_> = self.activations.values().copied().collect();
                let id = ids[self.chance.below(ids.len())];
                self.ask(match fault {
                    Fault::Pause => Wish::Pause(id),
                    Fault::Resume => Wish::Resume(id),
                    _ => Wish::Cancel(id),
                });
                Ok(())
            }
            Fault::Suppress => {
                let partner = self.chance.below(self.stage.cast.partners.len());
                let addresses = &self.stage.cast.partners[partner].addresses;
                let address = addresses[self.chance.below(addresses.len())].clone();
                let partner = self.chance.permille(700).then_some(partner);
                self.ask(Wish::Suppress(StopKey::Address { address, partner }));
                Ok(())
            }
            Fault::Launch => {
                let next = self.activations.len();
                if next < self.stage.cast.partners.len() && !self.campaign_is_over() {
                    self.launch(next).await?;
                }
                Ok(())
            }
            Fault::HandlerBreaks => {
                for at in 0..self.plan.connections {
                    let connection = &mut self.players[player].connections[at];
                    let step = std::mem::replace(&mut connection.step, Step::Idle);
                    match step {
                        Step::Loaded(in_hand) | Step::Asking(in_hand, _) => {
                            let send = in_hand.job.send;
                            self.judge.may_die(&[send]);
                            self.note(format!("a handler breaks over {send}"));
                            return Ok(());
                        }
                        step => self.players[player].connections[at].step = step,
                    }
                }
                Ok(())
            }
        }
    }

    fn campaign_is_over(&self) -> bool {
        self.offset_ms >= 86_400_000
    }

    async fn memory_lost(&mut self) -> anyhow::Result<()> {
        self.wires.memory_lost();
        let recorded = self.recorded().await?;
        self.judge.redis_lost(&recorded);
        self.show_time().await
    }

    /// Redis' clock has come to where it was already once: leases, buckets and what was fed wait for that.
    pub async fn catch_clock_up(&mut self) -> anyhow::Result<()> {
        let behind = self.highest.saturating_sub(self.redis_now());
        match i64::try_from(behind) {
            Ok(behind) if behind > 0 => self.jump_by(behind).await,
            _ => Ok(()),
        }
    }

    async fn jump(&mut self) -> anyhow::Result<()> {
        let by = match self.chance.below(4) {
            0 => 3_600_000_000_i64,
            1 => -3_600_000_000,
            2 => self.chance.within(100_000, 8_000_000) as i64,
            _ => -(self.chance.within(100_000, 8_000_000) as i64),
        };
        // More than an hour apart no two servers are.
        if (self.skew + by).abs() > 3_600_000_000 {
            return Ok(());
        }
        self.jump_by(by).await
    }

    async fn jump_by(&mut self, by: i64) -> anyhow::Result<()> {
        self.skew += by;
        self.jumped = self.boot;
        self.judge.clock_jumped();
        self.note(format!("Redis' clock jumps by {by} us"));
        self.show_time().await?;
        self.see_silence().await
    }

    /// kill -9 of a worker; another is started in its place.
    pub async fn kill_worker(&mut self, n: usize) -> anyhow::Result<()> {
        let held = self.in_hands_of(n).await?;
        self.judge.may_die(&held);
        let player = &self.players[n];
        let (number, open) = (player.number, player.open_messages());
        let connections = self.plan.connections;
        self.judge.check("checkpoint", open <= connections, || {
            format!("w{number} is killed with {open} messages open on {connections} connections")
        });
        self.note(format!("w{number} is killed with {held:?} in its hands, {open} open"));
        self.judge.killed(number);
        self.players[n] = self.new_player().await?;
        Ok(())
    }
}
