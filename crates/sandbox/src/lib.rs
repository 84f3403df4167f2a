//! What `throughline demo` and `throughline all` bring along.
//!
//! A private Redis and the supervisor that keeps it and the other children running; a mail sink with
//! an inbox page and a ledger that never forgets a duplicate; simulated recipients; and demo data with
//! what real files have. Nothing in here knows how the fleet works inside: it talks SMTP and HTTP.

pub mod data;
mod error;
pub mod ledger_reader;
pub mod recipients;
pub mod redis;
pub mod sink;
pub mod supervisor;

pub use data::{DemoData, DemoPartner, DemoSize, Expected, write_demo_data};
pub use error::{DataError, LedgerError, RecipientsError, RedisError, SinkError, SupervisorError};
pub use ledger_reader::LedgerReader;
pub use recipients::{Answers, Pace, Recipients, RecipientsOptions, Requests};
pub use redis::{PrivateRedis, RedisOptions};
pub use sink::{LedgerLine, RefusalRule, Sink, SinkOptions, SinkReady, SinkStats};
pub use supervisor::{ChildEvent, ChildInfo, ChildSpec, Supervisor};

/// A TCP port on the loopback interface that nobody listens on at this moment.
///
/// It is free when this returns, not for ever: another process may take it before it is used. Children
/// that are restarted need a port of which their address still holds afterwards, which port 0 can't give.
///
/// # Errors
/// The system's, when it has no port left.
pub fn free_loopback_port() -> std::io::Result<u16> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// So many random bytes from the system, as hex digits: passwords and keys of a run.
///
/// # Panics
/// When the system gives no random bytes, which no program can go on without.
pub fn random_hex(bytes: usize) -> String {
    let mut random = vec![0_u8; bytes];
    getrandom::fill(&mut random).expect("the system gives random bytes");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
