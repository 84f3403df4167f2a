//! How long the results of an activation take, in a book that is there: first everything that is in no count is
//! counted, then the results are read again and again.
//!
//! `results_speed BOOK ACTIVATION [TIMES]`; `bench/results.sh` makes a book of a million events.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    ActivationId, HashKey, engagement::Rules, tier::Tiers, time::Clock, time::SystemClock,
    token::LinkKey,
};
use program::{Actor, Parts, Program};
use render::SharedTemplates;
use store::{Store, StoreOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [book, activation, rest @ ..] = arguments.as_slice() else {
        return Err("usage: results_speed BOOK ACTIVATION [TIMES]".into());
    };
    let times: usize = rest.first().map_or(Ok(200), |text| text.parse())?;
    let activation: ActivationId = activation.parse()?;
    let store = Store::open(book, StoreOptions::default()).await?;
    let clock = Arc::new(SystemClock);
    let began = Instant::now();
    let mut messages = 0;
    loop {
        let done = store.catch_up_counts(&Rules::built_in(), 500, clock.now()).await?;
        messages += done.messages;
        if !done.more {
            break;
        }
    }
    println!("caught up: {messages} messages in {:.1} s", began.elapsed().as_secs_f64());
    let program = Program::new(Parts {
        store,
        belt: None,
        clock,
        hash_key: HashKey::new([1; 32]),
        link_key: LinkKey::new(1, &[2; 32]),
        tiers: Tiers::default(),
        templates: SharedTemplates::embedded(),
        public_url: "http://localhost".to_owned(),
        message_id_domain: "localhost".to_owned(),
        list_domain: "localhost".to_owned(),
    });
    let mut took: Vec<Duration> = Vec::with_capacity(times);
    let mut events = 0;
    for _ in 0..times {
        let began = Instant::now();
        let results = program.results(&Actor::Ops, activation).await?;
        took.push(began.elapsed());
        let of = |by: program::CameBy| by.human.events + by.machine.events;
        events = results.total.sent + of(results.total.opens) + of(results.total.clicks);
    }
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    println!(
        "results of {events} events, {times} times: p50 {:.1} ms, p95 {:.1} ms, worst {:.1} ms",
        at(50),
        at(95),
        at(100)
    );
    Ok(())
}
