//! The mail sink: an SMTP server that delivers nowhere, a ledger of all it was given, and an inbox page.
//!
//! It is a peer of the fleet, not a part of it. It runs in a process of its own and knows nothing of sends
//! or campaigns, so that its ledger can be held against the book.

mod command;
mod content;
mod inbox;
mod ledger;
mod message;
mod refusal;
mod session;
mod web;

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

pub use self::{ledger::LedgerLine, refusal::RefusalRule};

use self::{inbox::Inbox, ledger::Ledger};
use crate::error::SinkError;

/// The largest message the sink takes, unless it is told otherwise: 25 MiB.
const MAX_MESSAGE_BYTES: usize = 25 * 1024 * 1024;
/// How many messages the sink keeps, unless it is told otherwise.
const KEEP: u64 = 20_000;

/// How the sink runs.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    /// Where it takes mail; port 0 takes a free one.
    pub smtp: SocketAddr,
    /// Where it shows its pages; port 0 takes a free one.
    pub http: SocketAddr,
    /// Where its ledger and the kept messages lie. What lies there from an earlier run is taken on.
    pub folder: PathBuf,
    /// How many messages it keeps as files, the first ones; the ledger has all of them.
    pub keep: u64,
    /// Whom it does not know.
    pub refuse: RefusalRule,
    /// The largest message it takes, in bytes.
    pub max_message_bytes: usize,
}

impl SinkOptions {
    /// Free loopback ports, 20,000 messages kept, refusals as the demo data expects them.
    pub fn in_folder(folder: PathBuf) -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            smtp: free,
            http: free,
            folder,
            keep: KEEP,
            refuse: RefusalRule::default(),
            max_message_bytes: MAX_MESSAGE_BYTES,
        }
    }
}

/// Where a sink can be reached: the line it prints when it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkReady {
    /// The SMTP address, `127.0.0.1:port`.
    pub smtp: String,
    /// The URL of its pages.
    pub http: String,
    /// The folder of its ledger and messages.
    pub folder: PathBuf,
}

/// What a sink has seen, over all its runs in one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SinkStats {
    /// Deliveries accepted: a message to two recipients counts twice.
    pub accepted: u64,
    /// Recipients refused.
    pub refused: u64,
    /// Accepted deliveries of a Message-ID to a recipient that already had it.
    pub duplicates: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Messages kept as files.
    pub kept: u64,
    /// Length of the ledger in bytes.
    pub ledger_bytes: u64,
}

/// What the connections and the pages share.
#[derive(Debug)]
struct Shared {
    ledger: Ledger,
    inbox: Inbox,
    refuse: RefusalRule,
    max_message_bytes: usize,
    connections: AtomicU64,
    connections_open: AtomicU64,
}

impl Shared {
    fn stats(&self) -> SinkStats {
        let counts = self.ledger.counts();
        SinkStats {
            accepted: counts.accepted,
            refused: counts.refused,
            duplicates: counts.duplicates,
            connections_open: self.connections_open.load(Ordering::Relaxed),
            kept: self.inbox.kept(),
            ledger_bytes: self.ledger.length(),
        }
    }
}

/// A sink whose ports are open.
#[derive(Debug)]
pub struct Sink {
    smtp: TcpListener,
    http: TcpListener,
    ready: SinkReady,
    shared: Arc<Shared>,
}

impl Sink {
    /// Opens the folder and both ports.
    ///
    /// # Errors
    /// When a port is taken, or the folder can't be written.
    pub async fn bind(options: SinkOptions) -> Result<Self, SinkError> {
        let file = |source| SinkError::File { path: options.folder.clone(), source };
        std::fs::create_dir_all(&options.folder).map_err(file)?;
        let folder = options.folder.canonicalize().map_err(file)?;
        let ledger = Ledger::open(&folder.join("ledger.ndjson"))?;
        let inbox = Inbox::open(&folder.join("messages"), options.keep)?;
        let smtp = listen(options.smtp).await?;
        let http = listen(options.http).await?;
        let ready = SinkReady {
            smtp: local_address(&smtp, options.smtp)?.to_string(),
            http: format!("http://{}", local_address(&http, options.http)?),
            folder,
        };
        let shared = Arc::new(Shared {
            ledger,
            inbox,
            refuse: options.refuse,
            max_message_bytes: options.max_message_bytes,
            connections: AtomicU64::new(0),
            connections_open: AtomicU64::new(0),
        });
        Ok(Self { smtp, http, ready, shared })
    }

    /// Where it can be reached.
    pub fn ready(&self) -> SinkReady {
        self.ready.clone()
    }

    /// Takes mail and shows pages until `stop`; then closes the connections, writes what it keeps, and
    /// returns what it has seen.
    ///
    /// # Errors
    /// When the page server ends by itself.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<SinkStats, SinkError> {
        let Self { smtp, http, shared, .. } = self;
        let (closing, mut closed) = watch::channel(false);
        let pages = web::router(Arc::clone(&shared));
        let pages = tokio::spawn(async move {
            axum::serve(http, pages)
                .with_graceful_shutdown(async move {
                    let _ = closed.wait_for(|closed| *closed).await;
                })
                .await
        });
        let mut sessions = JoinSet::new();
        {
            let accept = async {
                loop {
                    match smtp.accept().await {
                        Ok((stream, _)) => {
                            while sessions.try_join_next().is_some() {}
                            sessions.spawn(session::serve(stream, Arc::clone(&shared)));
                        }
                        Err(error) => {
                            // Out of file handles: the connections that end make room again.
                            tracing::warn!(%error, "the mail sink can't accept a connection");
                            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = accept => {}
                () = stop => {}
            }
        }
        sessions.shutdown().await;
        let _ = closing.send(true);
        // A browser that holds its connection open does not hold up the end.
        let pages = tokio::time::timeout(std::time::Duration::from_secs(2), pages).await;
        shared.inbox.settled().await;
        match pages {
            Ok(Ok(Err(source))) => Err(SinkError::Http(source)),
            _ => Ok(shared.stats()),
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, SinkError> {
    TcpListener::bind(address).await.map_err(|source| SinkError::Listen { address, source })
}

fn local_address(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, SinkError> {
    let failed = |source: io::Error| SinkError::Listen { address: asked, source };
    listener.local_addr().map_err(failed)
}
