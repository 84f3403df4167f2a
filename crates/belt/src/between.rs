//! What stands between a process and Redis: nothing, but in a simulation.

use std::{fmt, future::Future, pin::Pin};

/// Decides when the calls of one process go out, and loses calls and answers. Only a simulation has one
/// ([`crate::BeltConfig::between`]); without it calls go straight to Redis.
///
/// Reads that block, doorbells and the heartbeat of a worker that runs by itself have connections of
/// their own and do not pass here.
pub trait Between: fmt::Debug + Send + Sync {
    /// A call is about to go out; false loses it, so that Redis never hears of it.
    fn going_out(&self, call: Call) -> Decided<'_>;

    /// Redis has answered it, with an error if `refused`; false loses the answer.
    fn coming_back(&self, call: Call, refused: bool) -> Decided<'_>;
}

/// When it resolves the call or answer goes on; false: it is lost.
pub type Decided<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// One call to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The script's name, or what is asked for.
    pub what: &'static str,
    /// The lease number it carries; 0 if it carries none.
    pub lease: u64,
}

/// What a caller sees of a call or answer that was lost.
pub(crate) fn lost() -> redis::RedisError {
    std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()
}
