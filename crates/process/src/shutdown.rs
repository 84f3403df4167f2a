//! How a process ends: first it drains, and if asked again it stops at once.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Shared by all parts of a process: when to take nothing new, and when to stop at once.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    quit: CancellationToken,
}

impl Shutdown {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes nothing new from now on; what has begun is finished.
    pub fn start_drain(&self) {
        self.drain.cancel();
    }

    /// Stops at once; also drains.
    pub fn start_quit(&self) {
        self.drain.cancel();
        self.quit.cancel();
    }

    /// Whether draining has begun.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Whether to stop at once.
    pub fn is_quitting(&self) -> bool {
        self.quit.is_cancelled()
    }

    /// Waits until draining has begun.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Waits until everything is to stop at once.
    pub async fn quitting(&self) {
        self.quit.cancelled().await;
    }

    /// Cancelled when draining begins, for those who take a token.
    pub fn drain_token(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Cancelled when everything is to stop at once.
    pub fn quit_token(&self) -> CancellationToken {
        self.quit.clone()
    }
}

/// What a process has left after the second signal before it is ended from inside.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Listens for SIGTERM and SIGINT: the first starts the drain, the second quits. A process that has not
/// ended 2 s after the second ends with 128 and the signal's number, as a shell reports it.
///
/// # Errors
/// The handlers can't be set up.
pub fn watch_signals(shutdown: Shutdown) -> io::Result<JoinHandle<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => ("SIGTERM", 15),
                _ = interrupt.recv() => ("SIGINT", 2),
            }
        };
        let (name, _) = next().await;
        tracing::info!(signal = name, "draining; a second signal stops at once");
        shutdown.start_drain();
        let (name, number) = next().await;
        tracing::warn!(signal = name, "stopping at once");
        shutdown.start_quit();
        tokio::time::sleep(LAST_WORDS).await;
        std::process::exit(128 + number);
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(signal: &str) {
        let status = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &std::process::id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_quits() {
        let shutdown = Shutdown::new();
        let watching = watch_signals(shutdown.clone()).unwrap();
        assert!(!shutdown.is_draining());
        send("TERM");
        shutdown.draining().await;
        assert!(!shutdown.is_quitting());
        send("INT");
        shutdown.quitting().await;
        // Before its two seconds are over and it ends this process.
        watching.abort();
        assert!(watching.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn who_quits_also_drains() {
        let shutdown = Shutdown::new();
        shutdown.start_quit();
        shutdown.draining().await;
        shutdown.quitting().await;
        assert!(shutdown.drain_token().is_cancelled() && shutdown.quit_token().is_cancelled());
    }
}
