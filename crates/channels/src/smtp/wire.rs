//! The TCP stream under a dialogue, watched.
//!
//! lettre reads and writes through it without knowing. It notices what lettre's calls can't tell
//! afterwards: how much has left (was the dot sent?), and whether the relay spoke when it was not
//! its turn. The latter is what puts every reply one behind and makes a refusal look like success,
//! so from then on nothing more is written.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The longest reply line, as lettre and Postfix limit it. Without a limit here a line that never
/// ends would be kept in memory until the time limit.
const MAX_REPLY_LINE: usize = 1000;

/// What a stream looks like between two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// Nothing has come: a command may be written.
    Yes,
    /// The relay has closed it.
    Closed,
    /// The relay said something nobody asked for.
    Spoke,
}

/// One watched stream, shared between lettre's connection and its owner.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes the kernel took from us.
    written: u64,
    /// Bytes received and not yet given to lettre.
    received: Vec<u8>,
    /// How many of `received` belong to complete lines of the reply being read.
    deliverable: usize,
    /// The reply being read has come to its last line.
    reply_complete: bool,
    /// The relay has closed its side.
    closed: bool,
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream) -> Arc<Self> {
        Arc::new(Self { tcp, state: Mutex::new(State::default()) })
    }

    /// The half that lettre owns.
    pub(crate) fn stream(self: &Arc<Self>) -> Box<dyn AsyncTokioStream> {
        Box::new(WatchedStream(Arc::clone(self)))
    }

    /// How many bytes have left so far.
    pub(crate) fn written(&self) -> u64 {
        self.state().written
    }

    /// Looks, without waiting, whether a command may be written now.
    pub(crate) fn quiet(&self) -> Quiet {
        let mut state = self.state();
        state.receive_what_is_there(&self.tcp);
        state.quiet()
    }

    /// Whether the relay has closed its side, as far as was read.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// What came when it was not the relay's turn; empty if nothing did.
    pub(crate) fn out_of_turn(&self) -> String {
        String::from_utf8_lossy(&self.state().received).into_owned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the wire's state")
    }
}

impl State {
    fn quiet(&self) -> Quiet {
        match (self.received.is_empty(), self.closed) {
            (false, _) => Quiet::Spoke,
            (true, true) => Quiet::Closed,
            (true, false) => Quiet::Yes,
        }
    }

    fn receive_what_is_there(&mut self, tcp: &TcpStream) {
        let mut chunk = [0; 512];
        match tcp.try_read(&mut chunk) {
            Ok(0) => self.closed = true,
            Ok(n) => self.received.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.closed = true,
        }
    }

    /// Finds the complete lines of the current reply in `received`; nothing behind its last line.
    fn find_reply_lines(&mut self) -> io::Result<()> {
        while !self.reply_complete {
            let rest = &self.received[self.deliverable..];
            let Some(length) = memchr::memchr(b'\n', rest) else {
                if rest.len() > MAX_REPLY_LINE {
                    return Err(garbled("a reply line longer than 1000 octets"));
                }
                return Ok(());
            };
            let line = &rest[..length];
            let Some(line) = line.strip_suffix(b"\r") else {
                return Err(garbled("a reply line that does not end in CRLF"));
            };
            let (line, bare) = (line.len(), line.len() == 3);
            self.reply_complete = line <= 3 || rest[3] != b'-';
            if bare {
                // A code without a text is a reply (RFC 5321, 4.2); lettre wants the space.
                self.received.insert(self.deliverable + 3, b' ');
            }
            self.deliverable += length + 1 + usize::from(bare);
        }
        Ok(())
    }
}

fn garbled(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[derive(Debug)]
struct WatchedStream(Arc<Wire>);

impl AsyncTokioStream for WatchedStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.tcp.peer_addr()
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = &self.0;
        let mut state = wire.state();
        loop {
            state.find_reply_lines()?;
            if state.deliverable > 0 {
                let n = state.deliverable.min(buf.remaining());
                buf.put_slice(&state.received[..n]);
                state.received.drain(..n);
                state.deliverable -= n;
                return Poll::Ready(Ok(()));
            }
            if state.closed {
                return Poll::Ready(Ok(()));
            }
            ready!(wire.tcp.poll_read_ready(cx))?;
            state.receive_what_is_there(&wire.tcp);
        }
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = &self.0;
        let mut state = wire.state();
        loop {
            state.receive_what_is_there(&wire.tcp);
            match state.quiet() {
                Quiet::Yes => {}
                Quiet::Spoke => return Poll::Ready(Err(garbled("the relay spoke out of turn"))),
                Quiet::Closed => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
            if wire.tcp.poll_write_ready(cx)?.is_ready() {
                match wire.tcp.try_write(buf) {
                    Ok(n) => {
                        state.written += n as u64;
                        state.reply_complete = false;
                        return Poll::Ready(Ok(n));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            } else {
                // A relay that stops reading may say why: look for that as well.
                ready!(wire.tcp.poll_read_ready(cx))?;
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The owner drops the stream right after, which closes it.
        Poll::Ready(Ok(()))
    }
}
