//! One file per role: the parts list of that process, from start to shutdown.

pub mod portal;
pub mod scheduler;
pub mod start;
pub mod worker;
