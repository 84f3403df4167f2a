//! One connection to a relay: connect, one command at a time under its time limit, close.

use std::{fmt::Display, sync::Arc, time::Duration};

use lettre::transport::smtp::{
    self,
    client::AsyncSmtpConnection,
    commands::{Quit, Rset},
    extension::{ClientId, Extension},
    response::Response,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{
    answer::{Lost, Phase, Reply, read},
    config::RelayConfig,
    outgoing::Outgoing,
    wire::{Quiet, Wire},
};

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct ConnectFailure {
    pub(crate) phase: Phase,
    pub(crate) reply: Option<Reply>,
    pub(crate) note: String,
}

pub(crate) struct Connection {
    smtp: AsyncSmtpConnection,
    wire: Arc<Wire>,
    opened: Instant,
    messages: u32,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("messages", &self.messages).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects, reads the greeting, says EHLO.
    pub(crate) async fn open(config: &RelayConfig) -> Result<Self, ConnectFailure> {
        let limits = &config.time_limits;
        let failed = |phase, note: String| ConnectFailure { phase, reply: None, note };

        let tcp = match timeout(limits.connect, TcpStream::connect(&config.address)).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => return Err(failed(Phase::Connect, error.to_string())),
            Err(_) => {
                return Err(failed(
                    Phase::Connect,
                    format!("no answer within {:?}", limits.connect),
                ));
            }
        };
        // Content and dot are two writes. With Nagle's algorithm the second waits for the relay's
        // delayed acknowledgement of the first: 40 ms a message, 23 messages/s a connection.
        tcp.set_nodelay(true).map_err(|error| failed(Phase::Connect, error.to_string()))?;

        let wire = Wire::new(tcp);
        let hello = ClientId::Domain(config.helo_name.clone());
        let opening = AsyncSmtpConnection::connect_with_transport(wire.stream(), &hello);
        match timeout(limits.greeting, opening).await {
            Ok(Ok(smtp)) => Ok(Self { smtp, wire, opened: Instant::now(), messages: 0 }),
            Ok(Err(error)) => {
                let note = error.to_string();
                let reply = read(Err(error)).ok();
                Err(ConnectFailure { phase: Phase::Greeting, reply, note })
            }
            Err(_) => {
                Err(failed(Phase::Greeting, format!("no answer within {:?}", limits.greeting)))
            }
        }
    }

    pub(crate) fn offers(&self, extension: Extension) -> bool {
        self.smtp.server_info().supports_feature(extension)
    }

    /// Whether anything was sent over it before.
    pub(crate) fn was_used(&self) -> bool {
        self.messages > 0
    }

    pub(crate) fn quiet(&self) -> Quiet {
        self.wire.quiet()
    }

    /// Whether it has carried or lived enough.
    pub(crate) fn is_worn(&self, config: &RelayConfig) -> bool {
        self.messages >= config.messages_per_connection
            || self.opened.elapsed() >= config.connection_max_age
    }

    /// One command and its reply.
    pub(crate) async fn command(
        &mut self,
        command: impl Display,
        limit: Duration,
    ) -> Result<Reply, Lost> {
        match timeout(limit, self.smtp.command(command)).await {
            Ok(result) => self.read(result).or_else(|lost| self.out_of_turn().ok_or(lost)),
            Err(_) => Err(Lost::TimedOut(limit)),
        }
    }

    fn read(&self, result: Result<Response, smtp::Error>) -> Result<Reply, Lost> {
        read(result).map_err(|lost| match lost {
            Lost::Garbled if self.wire.is_closed() => Lost::Closed,
            other => other,
        })
    }

    /// MAIL, which begins a message.
    pub(crate) async fn begin(
        &mut self,
        command: impl Display,
        limit: Duration,
    ) -> Result<Reply, Lost> {
        let before = self.wire.written();
        let result = self.command(command, limit).await;
        self.messages += 1;
        // Whatever the relay said before it saw MAIL, it said to nobody: it has closed.
        if self.wire.written() == before { Err(Lost::Closed) } else { result }
    }

    /// Content, dot and the answer to it. The flag says whether the dot has left: only then can the
    /// relay have taken the message.
    pub(crate) async fn content(
        &mut self,
        message: &Outgoing,
        limit: Duration,
    ) -> (Result<Reply, Lost>, bool) {
        // lettre writes CRLF dot CRLF after the content whatever it ends in. Without its own last
        // CRLF the message arrives as it is, without an empty line at its end (RFC 5321, 4.1.1.4).
        let content = message.bytes().strip_suffix(b"\r\n").unwrap_or(message.bytes());
        let before_dot = self.wire.written() + (content.len() + message.leading_dots() + 2) as u64;
        let result = match timeout(limit, self.smtp.message(content)).await {
            Ok(result) => self.read(result),
            Err(_) => Err(Lost::TimedOut(limit)),
        };
        let dot_left = self.wire.written() > before_dot;
        let result = match result {
            Err(lost) if !dot_left => self.out_of_turn().ok_or(lost),
            other => other,
        };
        (result, dot_left)
    }

    /// What the relay said when it was not asked, if it is a refusal. Nothing was written after it.
    fn out_of_turn(&self) -> Option<Reply> {
        Reply::parse(&self.wire.out_of_turn()).filter(|reply| reply.code >= 400)
    }

    /// RSET; whether the connection is clean afterwards.
    pub(crate) async fn reset(&mut self, limit: Duration) -> bool {
        self.command(Rset, limit).await.is_ok_and(|reply| reply.code == 250)
    }

    /// QUIT, and the end of the connection whatever is answered.
    pub(crate) async fn quit(mut self, limit: Duration) {
        if self.quiet() == Quiet::Yes {
            // Nothing depends on the answer.
            let _ = self.command(Quit, limit).await;
        }
    }
}
