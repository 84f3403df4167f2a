//! Seeded schedules of faults over the belt's scripts and the scheduler's passes. See README.md.

mod acts;
mod chance;
mod faults;
mod house;
mod judge;
mod part;
mod plan;
mod player;
mod report;
mod run;
mod server;
mod stage;
mod wire;
mod world;

fn main() -> std::process::ExitCode {
    report::main()
}
