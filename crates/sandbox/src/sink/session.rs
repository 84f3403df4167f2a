//! One SMTP connection (RFC 5321), with PIPELINING (RFC 2920), SIZE, 8BITMIME and SMTPUTF8.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use domain::time::{Clock, SystemClock};
use memchr::memchr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    Shared,
    command::Command,
    content::{Content, Fed},
    inbox::Entry,
    ledger::LedgerLine,
    message::Headers,
};

/// RFC 5321, section 4.5.3.2.7: a server waits at least five minutes for the next command.
const IDLE: Duration = Duration::from_secs(300);
/// Bytes read at once; a pipelined group and a usual message fit.
const READ_BYTES: usize = 64 * 1024;
/// The longest command, larger than section 4.5.3.1.4 asks for because parameters add to it.
const MAX_COMMAND_BYTES: usize = 4 * 1024;
/// The longest line of content. RFC 5322 says 998; what real senders do is longer.
const MAX_LINE_BYTES: usize = 256 * 1024;
/// RFC 5321, section 4.5.3.1.8 asks for at least 100.
const MAX_RECIPIENTS: usize = 1_000;

const BARE: &str = "550 5.5.2 A CR or LF stands alone; lines end in CR LF";

/// Serves one connection until it ends.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let connection = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let _open = CountedOpen::new(&shared);
    // Replies are small and waited for.
    let _ = stream.set_nodelay(true);
    let mut session = Session {
        stream,
        shared: Arc::clone(&shared),
        connection,
        input: Vec::with_capacity(READ_BYTES),
        start: 0,
        output: Vec::with_capacity(1024),
        greeted: false,
        envelope: None,
    };
    if let Err(error) = session.run().await {
        tracing::debug!(connection, %error, "an SMTP connection broke");
    }
}

struct CountedOpen<'a>(&'a Shared);

impl<'a> CountedOpen<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.connections_open.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for CountedOpen<'_> {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Envelope {
    from: String,
    smtputf8: bool,
    recipients: Vec<String>,
}

/// Whether the connection goes on.
enum Next {
    GoOn,
    Close,
}

struct Session {
    stream: TcpStream,
    shared: Arc<Shared>,
    connection: u64,
    input: Vec<u8>,
    start: usize,
    output: Vec<u8>,
    greeted: bool,
    envelope: Option<Envelope>,
}

impl Session {
    async fn run(&mut self) -> io::Result<()> {
        self.reply(
            "220 sink.throughline.example ESMTP Throughline mail sink; nothing is delivered",
        );
        loop {
            let Some(length) = memchr(b'\n', &self.input[self.start..]) else {
                if self.input.len() - self.start > MAX_COMMAND_BYTES {
                    return self.close("500 5.5.2 Line too long").await;
                }
                if !self.fill().await? {
                    return Ok(());
                }
                continue;
            };
            let line = &self.input[self.start..self.start + length];
            let Some(line) = line.strip_suffix(b"\r") else { return self.close(BARE).await };
            let command = if line.len() > MAX_COMMAND_BYTES {
                Command::Bad("500 5.5.2 Line too long")
            } else {
                Command::parse(line)
            };
            self.start += length + 1;
            match self.obey(command).await? {
                Next::GoOn => {}
                Next::Close => {
                    self.stream.write_all(&self.output).await?;
                    return self.stream.shutdown().await;
                }
            }
        }
    }

    async fn obey(&mut self, command: Command) -> io::Result<Next> {
        match command {
            Command::Ehlo => {
                self.greeted = true;
                self.envelope = None;
                let size = self.shared.max_message_bytes;
                self.reply("250-sink.throughline.example");
                for extension in ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"] {
                    self.reply(&format!("250-{extension}"));
                }
                self.reply(&format!("250 SIZE {size}"));
            }
            Command::Helo => {
                self.greeted = true;
                self.envelope = None;
                self.reply("250 sink.throughline.example");
            }
            Command::Mail { .. } if !self.greeted => self.reply("503 5.5.1 Say EHLO first"),
            Command::Mail { .. } if self.envelope.is_some() => {
                self.reply("503 5.5.1 One sender at a time")
            }
            Command::Mail { size: Some(size), .. }
                if size > self.shared.max_message_bytes as u64 =>
            {
                self.reply("552 5.3.4 Message too big");
            }
            Command::Mail { from, smtputf8, .. } => {
                self.envelope =
                    Some(Envelope { from, smtputf8, recipients: Vec::with_capacity(1) });
                self.reply("250 2.1.0 Sender ok");
            }
            Command::Rcpt { to } => self.recipient(to),
            Command::Data => return self.data().await,
            Command::Rset => {
                self.envelope = None;
                self.reply("250 2.0.0 Ok");
            }
            Command::Noop => self.reply("250 2.0.0 Ok"),
            Command::Vrfy => self.reply("252 2.5.0 Try to send it"),
            Command::Quit => {
                self.reply("221 2.0.0 Bye");
                return Ok(Next::Close);
            }
            Command::Bad(answer) => self.reply(answer),
        }
        Ok(Next::GoOn)
    }

    fn recipient(&mut self, to: String) {
        let answer = match &mut self.envelope {
            None => "503 5.5.1 MAIL first",
            Some(envelope) if envelope.recipients.len() >= MAX_RECIPIENTS => {
                "452 4.5.3 Too many recipients"
            }
            Some(envelope) if !to.is_ascii() && !envelope.smtputf8 => {
                "553 5.6.7 This recipient's address needs SMTPUTF8"
            }
            Some(envelope) if self.shared.refuse.refuses(&to) => {
                let line = LedgerLine {
                    n: None,
                    at_ms: SystemClock.now().get(),
                    message_id: String::new(),
                    rcpt: to,
                    mail_from: envelope.from.clone(),
                    size_bytes: 0,
                    answer: "550 5.1.1".to_owned(),
                    connection: self.connection,
                    list_unsubscribe: None,
                };
                match self.shared.ledger.refuse(&line) {
                    Ok(()) => "550 5.1.1 No such mailbox here",
                    Err(error) => ledger_failed(&error),
                }
            }
            Some(envelope) => {
                envelope.recipients.push(to);
                "250 2.1.5 Recipient ok"
            }
        };
        self.reply(answer);
    }

    async fn data(&mut self) -> io::Result<Next> {
        match &self.envelope {
            None => {
                self.reply("503 5.5.1 MAIL first");
                return Ok(Next::GoOn);
            }
            Some(envelope) if envelope.recipients.is_empty() => {
                self.reply("554 5.5.1 No valid recipients");
                return Ok(Next::GoOn);
            }
            Some(_) => {}
        }
        if self.start < self.input.len() {
            // RFC 2920, section 3.1: DATA is the last of its group. What comes before 354 was not asked for,
            // and a sender that does not wait may be one whose commands somebody else has written.
            self.reply("554 5.5.0 Content sent before 354");
            return Ok(Next::Close);
        }
        self.reply("354 End with CR LF . CR LF");
        let Some(content) = self.content().await? else {
            return Ok(Next::Close);
        };
        let envelope = self.envelope.take().expect("checked above");
        if content.is_too_big() {
            self.reply("552 5.3.4 Message too big");
            return Ok(Next::GoOn);
        }
        self.accept(envelope, content).await;
        Ok(Next::GoOn)
    }

    /// Reads to the final dot. `None`: the connection is to be closed, and nothing was accepted.
    async fn content(&mut self) -> io::Result<Option<Content>> {
        let mut content = Content::new(self.shared.inbox.has_room(), self.shared.max_message_bytes);
        loop {
            match content.feed(&self.input[self.start..]) {
                Fed::End(used) => {
                    self.start += used;
                    return Ok(Some(content));
                }
                Fed::More(used) => self.start += used,
                Fed::Bare => {
                    self.reply(BARE);
                    return Ok(None);
                }
            }
            if self.input.len() - self.start > MAX_LINE_BYTES {
                self.reply("500 5.5.2 Line too long");
                return Ok(None);
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    async fn accept(&mut self, envelope: Envelope, content: Content) {
        let keep = self.shared.inbox.has_room();
        let size_bytes = content.size() as u64;
        let bytes = content.into_bytes();
        let headers = Headers::find(&bytes);
        let line = LedgerLine {
            n: None,
            at_ms: SystemClock.now().get(),
            message_id: headers.message_id().to_owned(),
            rcpt: String::new(),
            mail_from: envelope.from,
            size_bytes,
            answer: "250 2.0.0".to_owned(),
            connection: self.connection,
            list_unsubscribe: headers.unsubscribe_url().map(str::to_owned),
        };
        match self.shared.ledger.accept(line, &envelope.recipients) {
            Ok(number) => {
                // The whole message is there only if there was room when it began as well.
                if keep && bytes.len() as u64 == size_bytes {
                    self.shared.inbox.keep(number, bytes, Entry::new(headers, size_bytes)).await;
                }
                self.reply(&format!("250 2.0.0 Ok: taken as {number}"));
            }
            Err(error) => self.reply(ledger_failed(&error)),
        }
    }

    fn reply(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    async fn close(&mut self, text: &str) -> io::Result<()> {
        self.reply(text);
        self.stream.write_all(&self.output).await?;
        self.stream.shutdown().await
    }

    /// Sends the replies that have gathered and reads more. `false`: the client has closed, or is silent for
    /// too long.
    async fn fill(&mut self) -> io::Result<bool> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.output.clear();
        }
        if self.start == self.input.len() {
            self.input.clear();
            self.start = 0;
        } else if self.start > 0 {
            self.input.drain(..self.start);
            self.start = 0;
        }
        self.input.reserve(READ_BYTES / 2);
        match timeout(IDLE, self.stream.read_buf(&mut self.input)).await {
            Ok(read) => Ok(read? > 0),
            Err(_) => {
                self.close("421 4.4.2 Silent for too long").await?;
                Ok(false)
            }
        }
    }
}

/// The answer that makes a client try again later, when the ledger can't be written.
fn ledger_failed(error: &io::Error) -> &'static str {
    tracing::error!(%error, "the mail sink's ledger can't be written");
    "451 4.3.0 The ledger can't be written"
}
