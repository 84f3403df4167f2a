//! One connection to a scripted relay.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{
    Shared,
    ledger::{self, Begun, Taken},
    script::{Phase, Seen, Step, What},
};

/// Accepts until the relay is stopped.
pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut stopped = shared.stopped.subscribe();
    shared.ledger().listening = true;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let number = {
            let mut ledger = shared.ledger();
            ledger.seen += 1;
            ledger.open += 1;
            ledger.most_open = ledger.most_open.max(ledger.open);
            ledger.seen as u64
        };
        shared.tell();
        let open = Open { shared: Arc::clone(&shared), number };
        let mut stopped = shared.stopped.subscribe();
        let budget = shared.script().cut_after;
        let mut session = Session::new(stream, open, number, budget);
        tokio::spawn(async move {
            tokio::select! {
                _ = session.run() => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        });
    }
    drop(listener);
    shared.ledger().listening = false;
    shared.tell();
}

/// Counts the connection as open for as long as it lives.
struct Open {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut ledger = self.shared.ledger();
        ledger.open -= 1;
        ledger.clients.remove(&self.number);
        drop(ledger);
        self.shared.tell();
    }
}

/// Counts a session as held for as long as it lives.
struct Held<'a>(&'a Shared);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.script().holding -= 1;
        self.0.tell();
    }
}

struct Session {
    stream: TcpStream,
    open: Open,
    buffer: Vec<u8>,
    /// How many bytes may still be read before the connection is cut.
    budget: Option<usize>,
    seen: Seen,
    client: String,
    from: String,
    rcpt: Vec<String>,
}

/// Why a session ends. Every reason is as good as another.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Session {
    fn new(stream: TcpStream, open: Open, number: u64, budget: Option<usize>) -> Self {
        let seen = Seen { connection: number, ..Seen::default() };
        Self {
            stream,
            open,
            buffer: Vec::new(),
            budget,
            seen,
            client: String::new(),
            from: String::new(),
            rcpt: Vec::new(),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.open.shared
    }

    async fn run(&mut self) -> Result<(), Over> {
        if self.budget == Some(0) {
            return Err(Over);
        }
        self.act(Phase::Greeting, Step::reply(220, "relay.test ESMTP")).await?;
        loop {
            let line = self.line().await?;
            self.shared().ledger().commands.push((self.seen.connection, line.clone()));
            self.shared().tell();
            if self.shared().options.drops_pipelined {
                self.buffer.clear();
            }
            self.command(line).await?;
        }
    }

    async fn command(&mut self, line: String) -> Result<(), Over> {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        self.seen.line = line;
        let ok = |text| Step::reply(250, text);
        match verb.as_str() {
            "EHLO" | "HELO" => {
                let options = &self.shared().options;
                let mut lines = vec!["relay.test", "8BITMIME", "ENHANCEDSTATUSCODES"];
                lines.extend(options.pipelining.then_some("PIPELINING"));
                lines.extend(options.size.then_some("SIZE 10240000"));
                lines.extend(options.smtputf8.then_some("SMTPUTF8"));
                let hello = Step::reply(250, &lines.join("\n"));
                self.begin();
                self.client =
                    self.seen.line.split_whitespace().nth(1).unwrap_or_default().to_owned();
                let (number, client) = (self.seen.connection, self.client.clone());
                self.shared().ledger().clients.insert(number, client);
                self.act(Phase::Ehlo, hello).await?;
            }
            "MAIL" => {
                let address = between_brackets(&self.seen.line);
                if self.act(Phase::Mail, ok("2.1.0 ok")).await? {
                    self.from = address;
                }
            }
            "RCPT" => {
                self.seen.rcpt = between_brackets(&self.seen.line);
                if self.act(Phase::Rcpt, ok("2.1.5 ok")).await? {
                    let begun = Begun {
                        rcpt: self.seen.rcpt.clone(),
                        connection: self.seen.connection,
                        client: self.client.clone(),
                        at: self.shared().started.elapsed(),
                    };
                    self.shared().ledger().begun.push(begun);
                    self.rcpt.push(self.seen.rcpt.clone());
                }
            }
            "DATA" if self.rcpt.is_empty() => {
                self.act(Phase::Data, Step::reply(503, "5.5.1 no recipient")).await?;
            }
            "DATA" => {
                if self.act(Phase::Data, Step::reply(354, "go on")).await? {
                    self.content().await?;
                }
            }
            "RSET" => {
                self.begin();
                self.act(Phase::Rset, ok("2.0.0 ok")).await?;
            }
            "QUIT" => {
                self.act(Phase::Quit, Step::reply(221, "2.0.0 bye").then_close()).await?;
            }
            _ => {
                self.act(Phase::Other, Step::reply(500, "5.5.2 unknown command")).await?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.from.clear();
        self.rcpt.clear();
    }

    async fn content(&mut self) -> Result<(), Over> {
        let lax = self.shared().options.lax_line_ends;
        let mut counted = 0;
        let (end, after) = loop {
            let found = find_end(&self.buffer, lax);
            let arrived = found.map_or(self.buffer.len(), |(_, after)| after);
            self.shared().ledger().content_bytes += arrived - counted;
            counted = arrived;
            match found {
                Some(found) => break found,
                None => self.receive().await?,
            }
        };
        let content = unstuffed(&self.buffer[..end]);
        self.buffer.drain(..after);
        self.cut()?;
        self.seen.line.clear();
        self.seen.message_id = ledger::message_id(&content);
        let sizes_only = self.shared().options.sizes_only;
        let at = self.shared().started.elapsed();
        let index = {
            let mut ledger = self.shared().ledger();
            ledger.taken.push(Taken {
                message_id: self.seen.message_id.clone(),
                from: self.from.clone(),
                rcpt: self.rcpt.clone(),
                size: content.len(),
                data: if sizes_only { Vec::new() } else { content },
                accepted: false,
                answered: None,
                connection: self.seen.connection,
                client: self.client.clone(),
                at,
            });
            ledger.taken.len() - 1
        };
        self.shared().tell();
        self.begin();
        self.seen.messages += 1;

        self.hold(Phase::Dot).await;
        let step = self.step(Phase::Dot, Step::reply(250, "2.0.0 queued"));
        let code = step.code();
        // What a relay answers with 2xx it has taken, whether the answer arrives or not.
        if step.took_it || code.is_some_and(|code| code / 100 == 2) {
            let mut ledger = self.shared().ledger();
            ledger.taken[index].accepted = true;
            ledger.accepted += 1;
        }
        let said = self.perform(step, |shared| {
            shared.ledger().taken[index].answered = code;
        });
        said.await?;
        Ok(())
    }

    /// Holds, takes the script's step or else `usual`, and does it; whether it was positive.
    async fn act(&mut self, phase: Phase, usual: Step) -> Result<bool, Over> {
        self.hold(phase).await;
        let step = self.step(phase, usual);
        let positive = step.code().is_some_and(|code| code < 400);
        self.perform(step, |_| {}).await?;
        Ok(positive)
    }

    fn step(&self, phase: Phase, usual: Step) -> Step {
        self.shared().script().step(phase, &self.seen).unwrap_or(usual)
    }

    async fn perform(&mut self, step: Step, said: impl FnOnce(&Shared)) -> Result<(), Over> {
        if !step.delay.is_zero() {
            sleep(step.delay).await;
        }
        match step.what {
            What::Say(bytes) => {
                // Written down first: a client that acts on the answer must find it in the ledger.
                said(self.shared());
                self.shared().tell();
                self.stream.write_all(&bytes).await?;
            }
            What::Nothing => self.shared().tell(),
            What::Hang => {
                self.shared().tell();
                std::future::pending::<()>().await;
            }
        }
        if step.close { Err(Over) } else { Ok(()) }
    }

    async fn hold(&self, phase: Phase) {
        let shared = Arc::clone(self.shared());
        if shared.script().hold != Some(phase) {
            return;
        }
        shared.script().holding += 1;
        let held = Held(&shared);
        let mut changes = shared.changed.subscribe();
        shared.tell();
        loop {
            {
                let mut script = shared.script();
                if script.hold != Some(phase) {
                    break;
                }
                if script.releases > 0 {
                    script.releases -= 1;
                    break;
                }
            }
            if changes.changed().await.is_err() {
                break;
            }
        }
        drop(held);
    }

    async fn line(&mut self) -> Result<String, Over> {
        let lax = self.shared().options.lax_line_ends;
        loop {
            let end = if lax {
                self.buffer.iter().position(|b| *b == b'\n').map(|at| (at, at + 1))
            } else {
                self.buffer.windows(2).position(|w| w == b"\r\n").map(|at| (at, at + 2))
            };
            if let Some((end, after)) = end {
                let line = String::from_utf8_lossy(&self.buffer[..end]).trim_end().to_owned();
                self.buffer.drain(..after);
                self.cut()?;
                return Ok(line);
            }
            self.receive().await?;
        }
    }

    /// The connection is cut when its budget is used up and everything of it was read.
    fn cut(&self) -> Result<(), Over> {
        if self.budget == Some(0) && self.buffer.is_empty() { Err(Over) } else { Ok(()) }
    }

    async fn receive(&mut self) -> Result<(), Over> {
        let mut chunk = [0; 16 * 1024];
        let most = self.budget.unwrap_or(chunk.len()).min(chunk.len());
        if most == 0 {
            return Err(Over);
        }
        let n = self.stream.read(&mut chunk[..most]).await?;
        if n == 0 {
            return Err(Over);
        }
        if let Some(budget) = &mut self.budget {
            *budget -= n;
        }
        self.buffer.extend_from_slice(&chunk[..n]);
        if !self.shared().options.sizes_only {
            let connection = self.seen.connection;
            let mut ledger = self.shared().ledger();
            ledger.wire.entry(connection).or_default().extend_from_slice(&chunk[..n]);
        }
        Ok(())
    }
}

fn between_brackets(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

/// Where the content ends and where the next command begins.
fn find_end(buffer: &[u8], lax: bool) -> Option<(usize, usize)> {
    if !lax {
        if buffer.starts_with(b".\r\n") {
            return Some((0, 3));
        }
        return buffer.windows(5).position(|w| w == b"\r\n.\r\n").map(|at| (at + 2, at + 5));
    }
    let is_end = |b: Option<&u8>| matches!(b, Some(b'\r' | b'\n'));
    (0..buffer.len()).find_map(|at| {
        let begins = at == 0 || is_end(buffer.get(at - 1));
        if buffer[at] != b'.' || !begins || !is_end(buffer.get(at + 1)) {
            return None;
        }
        let crlf = buffer[at + 1..].starts_with(b"\r\n");
        Some((at, at + if crlf { 3 } else { 2 }))
    })
}

/// Takes the dots away that stuffing put at the beginning of lines (RFC 5321, 4.5.2).
fn unstuffed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    for (i, byte) in content.iter().enumerate() {
        let begins = i == 0 || content[..i].ends_with(b"\r\n");
        if !(begins && *byte == b'.') {
            out.push(*byte);
        }
    }
    out
}
