//! Every fault there is a row for: what is done to the fleet, one subject a file.

mod clocks;
mod disks;
mod flood;
mod kills;
mod launches;
mod network;
mod redis;
mod relay;
mod schedulers;
mod workers;

use std::pin::Pin;

use e2e::fleet::Engine;

use crate::{plan::Plan, stage::Stage};

/// The end of a run, with the stage to be read.
pub type Ran = Pin<Box<dyn Future<Output = Stage> + Send>>;

/// A row of the table.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Its name in files, figures and options.
    pub name: &'static str,
    /// What it is, in words.
    pub title: &'static str,
    /// The engines it is run on.
    pub engines: &'static [Engine],
    /// How often a full run does it, on each engine.
    pub times: usize,
    /// Does it.
    pub run: fn(Plan) -> Ran,
}

/// Where the book makes a difference or might.
const BOTH: &[Engine] = &[Engine::Sqlite, Engine::Postgres];
/// The book is a file on the machine's own disk, or a server over a network.
const FILE: &[Engine] = &[Engine::Sqlite];
const SERVER: &[Engine] = &[Engine::Postgres];

macro_rules! faults {
    ($($name:ident $title:literal $engines:ident $times:literal $run:path;)+) => {
        /// All of them, in the order of the table.
        pub const FAULTS: &[Fault] = &[$(Fault {
            name: stringify!($name),
            title: $title,
            engines: $engines,
            times: $times,
            run: |plan| Box::pin($run(plan)),
        }),+];
    };
}

faults! {
    random_kills "workers, schedulers, Redis killed at random" BOTH 2 kills::at_random;
    kill_worker "kill -9 worker" BOTH 3 workers::killed;
    kill_worker_hold "kill -9 worker, unknown is held" BOTH 3 workers::killed_under_hold;
    worker_frozen "worker frozen beyond its lease" BOTH 2 workers::frozen;
    rolling_restart "rolling restart by SIGTERM" BOTH 2 workers::rolling_restart;
    poison "one message kills whoever sends it" BOTH 1 workers::poisoned;
    kill_scheduler "kill -9 scheduler in mid-expansion" BOTH 3 schedulers::killed_in_mid_expansion;
    two_schedulers "two schedulers, the leader dies" BOTH 2 schedulers::two_and_the_leader_dies;
    split_brain "two schedulers, both lead" BOTH 2 schedulers::split_brain;
    recorder_stopped "recorder stopped for 60 s" BOTH 1 schedulers::recorder_stopped;
    redis_restart_always "Redis killed, AOF always" BOTH 2 redis::killed_always;
    redis_restart_everysec "Redis killed, its last second lost" BOTH 2 redis::killed_everysec;
    redis_flushall "Redis emptied" BOTH 2 redis::emptied;
    redis_and_workers "Redis and all workers killed together" BOTH 2 redis::killed_with_the_workers;
    sentinel_failover "Redis's primary killed, its replica takes over" BOTH 2 redis::failed_over;
    sentinel_frozen "Redis's primary frozen until it is replaced" BOTH 2 redis::frozen_and_failed_over;
    partition_short "workers cut off from Redis, 3 s" BOTH 2 network::cut_short;
    partition_long "worker cut off beyond its lease" BOTH 2 network::cut_long;
    partition_half_open "answers of Redis lost for 4 s" BOTH 2 network::half_open;
    lost_claim_reply "answers to claims lost" BOTH 2 network::lost_claim_replies;
    book_partition "scheduler cut off from the book, 2 to 10 s" SERVER 4 disks::book_out_of_reach;
    book_disk_full "the book's disk is full, 3 and 8 s" FILE 4 disks::of_the_book;
    redis_disk_full "Redis's disk is full for 5 s" BOTH 2 disks::of_redis;
    slow_relay "relay silent at each phase" BOTH 1 relay::slow;
    cut_before_dot "connection cut in mid-DATA" BOTH 1 relay::cut_in_mid_data;
    cut_after_dot "connection cut after the dot" BOTH 1 relay::cut_after_the_dot;
    relay_421 "421 at each phase" BOTH 1 relay::closing;
    relay_4xx "4xx at each phase" BOTH 1 relay::puts_off;
    relay_5xx "5xx to some recipients" BOTH 1 relay::refuses;
    garbled_answer "garbled answers and 3xx where 2xx is due" BOTH 1 relay::garbled;
    clock_jump "a wall clock jumps by an hour" BOTH 1 clocks::jump;
    click_flood "100,000 clicks while mail goes out" BOTH 1 flood::clicks;
    duplicate_launch "1,000 clicks on launch at once" BOTH 1 launches::thousand_clicks;
}
