//! The worker: claims jobs from the belt, does them, and tells the belt how they ended.
//!
//! It holds nothing: it talks to Redis and to the outside world, never to SQL. Any number of worker
//! processes may run; each is one entry in the belt's roster.

mod jobs;
mod once;
mod registry;
mod skeletons;
mod workshop;

pub use registry::run;
pub use workshop::{Limits, Parts, Workshop};
