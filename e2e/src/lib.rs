//! The whole fleet as processes: the real binary, a real Redis, a real book, SMTP over real sockets.
//!
//! One behaviour per file. `fleet.rs` is the stage: it starts the parts and says what to wait for. The same stage
//! is what `chaos/` breaks things on.

pub mod fleet;

#[cfg(test)]
mod browser;

#[cfg(test)]
mod all_in_one;
#[cfg(test)]
mod api;
#[cfg(test)]
mod asked_less;
#[cfg(test)]
mod control;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod event_motion;
#[cfg(test)]
mod foreign_servers;
#[cfg(test)]
mod invitation;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod launch;
#[cfg(test)]
mod opens_and_clicks;
#[cfg(test)]
mod preferences;
#[cfg(test)]
mod redis_lost;
#[cfg(test)]
mod relay_down;
#[cfg(test)]
mod scheduler_lost;
#[cfg(test)]
mod start;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod unsubscribe;
#[cfg(test)]
mod worker_lost;
