//! What can keep a portal from serving.

use std::{io, net::SocketAddr};

/// The portal can't serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or not this machine's.
    #[error("can't listen on {address} (portal.listen)")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}
