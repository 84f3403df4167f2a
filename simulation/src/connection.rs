//! A connection between a worker and the relay, step by step: ask the gate, write, hear, say how it ended.

use std::time::Duration;

use belt::{ClaimedMeta, Mark};
use domain::{
    Outcome, RateSpec,
    outcome::{Answer, NotNowReason, PermanentReason},
};

use crate::{
    judge::Taken,
    plan::Limited,
    player::{self, Step, poll},
    stage::{self, VALID_UNTIL},
    world::World,
};

/// A permit is good for at most so long (us).
const PERMIT_US: u64 = 1_000_000;

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
                // Who was taken for dead has most to say of what is another's by now.
                let often = if self.players[n].is_silent() { 400 } else { 10 };
                if !self.healed && self.chance.permille(often) {
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
                    let later = Duration::from_micros(self.boot + PERMIT_US);
                    self.judge.check("permit", !permit.is_fresh_at(later), || {
                        format!("{} may be started for more than a second", in_hand.job.send)
                    });
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
            Step::Writing(in_hand, attempt) => {
                if self.boot < self.players[n].connections[at].slow_until {
                    self.players[n].connections[at].step = Step::Writing(in_hand, attempt);
                } else {
                    self.hear_relay(n, at, in_hand, attempt);
                }
            }
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
        let now = self.redis_now();
        for (name, limit) in self.limits_of(&meta) {
            self.judge.reaches_relay(&name, limit, now);
        }
        let last = self.players[n].connections[at].last;
        let attempt = self.judge.starts(meta.send, meta.claim, number, last);
        if self.players[n].is_silent() {
            self.judge.silent(number);
        }
        if self.opened > meta.claim.epoch() && self.players[n].epoch != self.opened {
            self.judge.unreported(number);
        }
        self.note(format!("w{number} writes {} under {}", meta.send, meta.claim));
        if !self.healed && self.chance.permille(250) {
            let slow = self.chance.within(1_000_000, 15_000_000);
            self.players[n].connections[at].slow_until = self.boot + slow;
        }
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
                (160, Relay::Defers),
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
            Relay::Hangs => (Taken::Cut, false, Outcome::not_now(wait, NotNowReason::RelayDown)),
        };
        let number = self.players[n].number;
        self.note(format!("w{number} hears of {}: {does:?}", in_hand.job.send));
        self.judge.takes(attempt, taken, lost);
        self.players[n].complete(at, in_hand, outcome, Some(attempt));
    }

    /// The limits a job needs a permit of, under the names the judge has for them.
    pub fn limits_of(&self, job: &ClaimedMeta) -> Vec<(String, RateSpec)> {
        let parse = |limit: &str| limit.parse::<RateSpec>().expect("a limit");
        let partner = self.partner_of(job.activation);
        let mut limits = vec![(format!("partner p{partner}"), stage::limit_of_partner(partner))];
        if let Some((of, limit)) = self.plan.limit {
            let name = match of {
                Limited::Relay => job.relay.clone(),
                Limited::Vendor => "vendor".to_owned(),
                Limited::Provider => format!("provider {}", job.provider),
                Limited::Sender => format!("sender of p{partner}"),
            };
            limits.push((name, parse(limit)));
        }
        limits
    }
}
