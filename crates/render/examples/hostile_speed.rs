//! How long the slowest hostile case takes: `cargo run -p render --example hostile_speed`. Writes
//! `target/bench/hostile.json` (flat).
//!
//! A template is timed from its files to what is found or published; an input from the field to the
//! message.

#[path = "../tests/hostile/cases.rs"]
mod cases;

use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let mut times: Vec<(Duration, String)> = Vec::new();
    let mut failed = 0;
    let mut time = |name: String, run: &dyn Fn() -> Result<(), String>| {
        // The best of three: the machine does other things, too.
        let best = (0..3)
            .map(|_| {
                let started = Instant::now();
                let result = run();
                let took = started.elapsed();
                if let Err(why) = result {
                    println!("{name}: {why}");
                    failed += 1;
                }
                took
            })
            .min();
        times.push((best.unwrap_or_default(), name));
    };
    for case in cases::templates() {
        time(case.name.clone(), &|| case.run());
    }
    let stage = cases::Stage::new();
    for case in cases::inputs() {
        for field in case.fields() {
            time(format!("{} in {field}", case.name), &|| case.run(&stage, field));
        }
    }
    times.sort();
    println!("{} cases, {failed} not as expected; the slowest:", times.len());
    for (took, name) in times.iter().rev().take(10) {
        println!("{took:>10.1?}  {name}");
    }
    let slowest = times.last().map_or(0.0, |(took, _)| took.as_secs_f64() * 1e3);
    let median = times.get(times.len() / 2).map_or(0.0, |(took, _)| took.as_secs_f64() * 1e3);
    let flat = serde_json::json!({
        "cases": times.len(),
        "not_as_expected": failed,
        "slowest_ms": slowest,
        "median_ms": median,
    });
    std::fs::create_dir_all("target/bench")?;
    std::fs::write("target/bench/hostile.json", format!("{flat:#}\n"))
}
