//! The belt's protocol, one module a line, against a real Redis.
//!
//! Every line was broken once to see its test fail. What was changed, and which test noticed:
//!
//! | line | test | broken by |
//! |---|---|---|
//!
//! Tests that need hours or standing time load the same scripts with `TIME` replaced
//! ([`belt::TimeSource::Key`]).

mod apalis_worker;
mod fair;
mod limits;
mod line_01_claim_number;
mod line_02_lost_replies;
mod line_03_checkpoint;
mod line_04_permits;
mod line_05_alive;
mod line_06_kept;
mod line_07_epoch;
mod line_08_fence;
mod line_09_reconcile;
mod line_10_long_waits;
mod line_11_stops;
mod line_12_streams;
mod line_13_clocks;
mod line_14_merge;
mod players;
mod server;
mod stage;
