//! Dev only: real servers started by the tests, builders, a scripted relay, clock and ids.
//!
//! A server that is missing fails the test with the line to install it; nothing is skipped.

pub mod clock;
pub mod database;
pub mod peers;
pub mod proxy;
pub mod redis;
pub mod relay;
pub mod sentinel;
pub mod wait;

pub use clock::{FakeClock, SeqIds};
pub use database::{TestDatabase, TestPostgres};
pub use peers::{MailPeer, ReadMail};
pub use proxy::Proxy;
pub use redis::TestRedis;
pub use relay::ScriptedRelay;
pub use sentinel::TestSentinels;
