//! What leaves this room and what comes back, against relays that do everything a relay can do.

mod cancelled;
mod cuts;
mod gate;
mod harness;
mod headers;
mod keeping;
mod phases;
mod real_peers;
mod relay_down;
mod smuggling;
