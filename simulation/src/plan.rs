//! What a seed decides before the first step.

use crate::chance::Chance;

/// How one schedule is set up, and how often what happens in it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Unknown outcomes are held for a person.
    pub holds: bool,
    /// Steps before everything is healed.
    pub steps: usize,
    /// Schedulers that run at once.
    pub schedulers: usize,
    /// Workers that run at once.
    pub workers: usize,
    /// Jobs a worker holds at once.
    pub hands: usize,
    /// Connections of a worker; fewer than hands, so that jobs wait for one.
    pub connections: usize,
    /// Outcomes at which claims answer nothing.
    pub outcomes_bound: u64,
    /// Outcomes recorded in one transaction.
    pub record_batch: usize,
    /// A limit beside those of the partners.
    pub limit: Option<(Limited, &'static str)>,
    /// It begins with an open belt.
    pub warm: bool,
    /// Then jobs are on it too.
    pub fed: bool,
    /// Calls and answers that wait while others go on, of a thousand.
    pub wait_permille: u32,
    /// Calls and answers that are lost, of a thousand.
    pub loss_permille: u32,
    /// Contacts whose message kills the process that renders it.
    pub poisons: Vec<(usize, usize)>,
    /// Partners that are launched before the first step, by their place in the cast.
    pub launched: usize,
    /// How often each fault comes, of a thousand steps.
    pub faults: Vec<(u32, Fault)>,
}

/// What a limit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// The relay.
    Relay,
    /// The vendor.
    Vendor,
    /// A mailbox provider.
    Provider,
    /// A sending domain.
    Sender,
}

/// What goes wrong, or is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// kill -9 of a worker, which is started again.
    KillWorker,
    /// A worker stands still, sometimes beyond its lease.
    FreezeWorker,
    /// A worker leaves in good order, and another comes.
    Leave,
    /// kill -9 of a scheduler.
    KillScheduler,
    /// A scheduler stands still, sometimes beyond its lease: two of them lead.
    FreezeScheduler,
    /// A loop of a scheduler stands still for long, and the others go on.
    StallLoop,
    /// A process and Redis can't reach each other.
    CutOff,
    /// Redis' clock jumps, either way.
    ClockJump,
    /// Redis is emptied.
    Emptied,
    /// Redis is restarted and knows no script.
    Restarted,
    /// Redis fails over to a replica that lags behind.
    FailedOver,
    /// Campaign time moves on.
    CampaignMoves,
    /// An activation is paused.
    Pause,
    /// An activation goes on.
    Resume,
    /// An activation is cancelled.
    Cancel,
    /// Somebody wants no more mail.
    Suppress,
    /// Another partner launches.
    Launch,
    /// A handler breaks without its process.
    HandlerBreaks,
}

impl Fault {
    /// All of them, with how often they come of a thousand steps when they are in the plan.
    const ALL: [(u32, Self); 18] = [
        (6, Self::KillWorker),
        (7, Self::FreezeWorker),
        (3, Self::Leave),
        (4, Self::KillScheduler),
        (6, Self::FreezeScheduler),
        (8, Self::StallLoop),
        (6, Self::CutOff),
        (3, Self::ClockJump),
        (5, Self::Emptied),
        (4, Self::Restarted),
        (5, Self::FailedOver),
        (3, Self::CampaignMoves),
        (6, Self::Pause),
        (9, Self::Resume),
        (3, Self::Cancel),
        (7, Self::Suppress),
        (6, Self::Launch),
        (5, Self::HandlerBreaks),
    ];
}

impl Plan {
    /// The plan of a seed: about half of the faults each, so that schedules differ in kind.
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed, 0xA11);
        let mut faults = Vec::new();
        for (weight, fault) in Fault::ALL {
            // Who is paused has to be resumed, or nothing more happens.
            let often = chance.weighted(&[(40, 0), (40, 1), (15, 3), (5, 6)]);
            if often > 0 {
                faults.push((weight * often, fault));
            }
        }
        let poisons = match chance.below(2) {
            0 => vec![(chance.below(3), chance.below(4))],
            _ => Vec::new(),
        };
        Self {
            holds: chance.permille(350),
            steps: 80 + chance.below(200),
            schedulers: 1 + chance.below(2),
            workers: 1 + chance.below(3),
            hands: 2 + chance.below(4),
            connections: 1 + chance.below(3),
            outcomes_bound: chance.weighted(&[(3, 1_000), (1, 6)]),
            record_batch: chance.weighted(&[(2, 100), (1, 3)]),
            limit: chance.permille(500).then(|| {
                let of = chance.weighted(&[
                    (2, Limited::Relay),
                    (1, Limited::Vendor),
                    (1, Limited::Provider),
                    (1, Limited::Sender),
                ]);
                (of, chance.weighted(&[(1, "20/s, burst 4"), (1, "5/s, burst 2")]))
            }),
            warm: chance.permille(850),
            fed: chance.permille(700),
            wait_permille: chance.weighted(&[(1, 1), (2, 60), (2, 200)]),
            loss_permille: chance.weighted(&[(2, 0), (2, 10), (1, 50)]),
            poisons,
            launched: 1 + chance.below(3),
            faults,
        }
    }
}
