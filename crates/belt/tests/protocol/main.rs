//! The belt's protocol, one module a line, against a real Redis.
//!
//! Every line was broken once to see its test fail. What was changed, and which test noticed:
//!
//! | line | test | broken by |
//! |---|---|---|
//! | 1 | `line_01_claim_number` | `complete` moves a job under any number; a late done leaves the lane alone |
//! | 2 | `line_02_lost_replies` | a repeated number is taken for a new one |
//! | 3 | `line_03_checkpoint` | completions answered without being written; completions held back until no mark is in line |
//! | 4 | `line_04_permits` | an aged permit goes on counting; mark asks for no reason against the job |
//! | 5 | `line_05_alive` | marked jobs go back like unmarked ones; recovered jobs go to the end; they go out with neighbours; no death is too many; two jobs more than hands |
//! | 6 | `line_06_kept`, `line_07_epoch` | nothing is forgotten; nothing is kept; what is kept is not told again |
//! | 7 | `line_07_epoch` | a missing epoch key lets everybody in; the wire is not named, or what is named is not taken; a late report takes marked jobs; any number begins |
//! | 8 | `line_08_fence` | a lower lease is taken; a send on the belt is pushed again |
//! | 9 | `line_09_reconcile` | the tail is lost with what was trimmed; a job on its lane is nowhere |
//! | 10 | `line_10_long_waits` | a minute stays on the belt; a limit keeps its jobs for ever |
//! | 11 | `line_11_stops`, `line_04_permits` | a stop is answered and not kept; suppressions are kept for ever |
//! | 12 | `line_12_streams` | claims go on past the bound; what is cut is not counted |
//! | 13 | `line_13_clocks`, `line_04_permits` | validity runs on Redis time |
//! | 14 | `line_14_merge`, `line_01_claim_number` | what the belt ends has no number of its own |
//! | limits | `limits` | a bucket starts full; the relay's permit is not taken |
//! | fair | `fair`, `nested` | a lane that was served does not move on; a vendor's weight is not asked |
//! | all limits | `limits_law`, `nested` | a bucket is read again after a permit was taken from it; a refused job keeps the permits it took |
//! | backend | `apalis_worker` | a job let go of says nothing |
//!
//! Tests that need hours or standing time load the same scripts with `TIME` replaced
//! ([`belt::TimeSource::Key`]).

mod apalis_worker;
mod failover;
mod fair;
mod limits;
mod limits_law;
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
mod nested;
mod pace;
mod players;
mod server;
mod stage;
