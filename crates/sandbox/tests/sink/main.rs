//! The mail sink and what stands around it.

mod recipients;
mod server;
mod stage;
