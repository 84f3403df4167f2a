//! One connection to a relay: connect, commands and their replies under time limits, close.

use std::time::Duration;

use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{
    answer::{Lost, Phase, Reply},
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

/// What a relay says it can do, as far as it matters here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    /// RFC 2920: commands may follow each other without waiting.
    pub(crate) pipelining: bool,
    /// RFC 6531.
    pub(crate) smtputf8: bool,
    /// RFC 1870.
    pub(crate) size: bool,
}

impl Offers {
    /// Reads the lines of an answer to EHLO; the first is the relay's name.
    fn of(lines: &[String]) -> Self {
        let offers = |name: &str| {
            let keywords = lines.iter().skip(1).filter_map(|line| line.split(' ').next());
            keywords.into_iter().any(|keyword| keyword.eq_ignore_ascii_case(name))
        };
        Self {
            pipelining: offers("PIPELINING"),
            smtputf8: offers("SMTPUTF8"),
            size: offers("SIZE"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire,
    pub(crate) offers: Offers,
    opened: Instant,
    messages: u32,
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
        // With Nagle's algorithm the last piece of a message waits for the relay's delayed acknowledgement of the
        // one before it: 40 ms a message.
        tcp.set_nodelay(true).map_err(|error| failed(Phase::Connect, error.to_string()))?;

        let mut connection = Self {
            wire: Wire::new(tcp),
            offers: Offers::default(),
            opened: Instant::now(),
            messages: 0,
        };
        match timeout(limits.greeting, connection.greet(&config.helo_name)).await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(Greeting::Refused(reply))) => {
                let note = format!("{} {}", reply.code, reply.enhanced);
                Err(ConnectFailure { phase: Phase::Greeting, reply: Some(reply), note })
            }
            Ok(Err(Greeting::Lost(lost))) => {
                let note = match lost {
                    Lost::Garbled => "an answer that is none",
                    _ => "the connection was closed",
                };
                Err(failed(Phase::Greeting, note.to_owned()))
            }
            Err(_) => {
                Err(failed(Phase::Greeting, format!("no answer within {:?}", limits.greeting)))
            }
        }
    }

    async fn greet(&mut self, helo_name: &str) -> Result<(), Greeting> {
        let greeting: Reply = self.wire.reply().await?.into();
        if greeting.code != 220 {
            return Err(Greeting::Refused(greeting));
        }
        self.wire.write(&[b"EHLO ", helo_name.as_bytes(), b"\r\n"], usize::MAX).await?;
        let lines = self.wire.reply().await?;
        if lines.code != 250 {
            return Err(Greeting::Refused(lines.into()));
        }
        self.offers = Offers::of(&lines.texts);
        Ok(())
    }

    /// Whether anything was sent over it before.
    pub(crate) fn was_used(&self) -> bool {
        self.messages > 0
    }

    pub(crate) fn quiet(&mut self) -> Quiet {
        self.wire.quiet()
    }

    /// Whether it may carry another message after the one it is about to.
    pub(crate) fn has_room_for_another(&self, config: &RelayConfig) -> bool {
        self.messages < config.messages_per_connection
            && self.opened.elapsed() < config.connection_max_age
    }

    /// Whether it has carried or lived enough.
    pub(crate) fn is_worn(&self, config: &RelayConfig) -> bool {
        self.messages >= config.messages_per_connection
            || self.opened.elapsed() >= config.connection_max_age
    }

    /// Writes commands; what the relay said instead of listening, if it refused, is the error's reply.
    pub(crate) async fn say(
        &mut self,
        commands: &[&[u8]],
        limit: Duration,
    ) -> Result<(), Result<Reply, Lost>> {
        match timeout(limit, self.wire.write(commands, usize::MAX)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(lost)) => Err(self.wire.out_of_turn().ok_or(lost)),
            Err(_) => Err(Err(Lost::TimedOut(limit))),
        }
    }

    /// Waits for the reply to a command.
    pub(crate) async fn hear(&mut self, limit: Duration) -> Result<Reply, Lost> {
        match timeout(limit, self.wire.reply()).await {
            Ok(lines) => lines.map(Reply::from),
            Err(_) => Err(Lost::TimedOut(limit)),
        }
    }

    /// One command and its reply.
    pub(crate) async fn command(&mut self, command: &[u8], limit: Duration) -> Result<Reply, Lost> {
        match self.say(&[command], limit).await {
            Ok(()) => self.hear(limit).await,
            Err(instead) => instead,
        }
    }

    /// Writes what begins a message: MAIL, with what may follow at once.
    pub(crate) async fn begin(
        &mut self,
        commands: &[&[u8]],
        limit: Duration,
    ) -> Result<(), Result<Reply, Lost>> {
        let before = self.wire.written();
        let said = self.say(commands, limit).await;
        self.messages += 1;
        // Whatever the relay said before it saw MAIL, it said to nobody: it has closed.
        if self.wire.written() == before { Err(Err(Lost::Closed)) } else { said }
    }

    /// Content, dot and the answer to it; together with the dot leaves what begins the next message, if there is one. The flag says
    /// whether the dot has left: only then can the relay have taken the message.
    pub(crate) async fn content(
        &mut self,
        message: &Outgoing,
        next: Option<&Envelope>,
        limit: Duration,
    ) -> (Result<Reply, Lost>, bool) {
        let content = message.stuffed();
        let before_dot = self.wire.written() + content.len() as u64;
        let next = next.map(|next| next.commands(self.offers).concat()).unwrap_or_default();
        let parts: [&[u8]; 3] = [&content, b".\r\n", &next];
        self.messages += u32::from(!next.is_empty());
        let wire = &mut self.wire;
        let exchange = async {
            wire.write(&parts, content.len() + 3).await?;
            wire.reply().await.map(Reply::from)
        };
        let result = match timeout(limit, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Lost::TimedOut(limit)),
        };
        let dot_left = self.wire.written() > before_dot;
        let result = match result {
            Err(lost) if !dot_left => self.wire.out_of_turn().ok_or(lost),
            other => other,
        };
        (result, dot_left)
    }

    /// RSET; whether the connection is clean afterwards.
    pub(crate) async fn reset(&mut self, limit: Duration) -> bool {
        self.command(b"RSET\r\n", limit).await.is_ok_and(|reply| reply.code == 250)
    }

    /// QUIT, and the end of the connection whatever is answered.
    pub(crate) async fn quit(mut self, limit: Duration) {
        if self.quiet() == Quiet::Yes {
            // Nothing depends on the answer.
            let _ = self.command(b"QUIT\r\n", limit).await;
        }
    }
}

/// What begins a message: MAIL, RCPT, DATA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    from: String,
    to: String,
    size: usize,
    pub(crate) needs_smtputf8: bool,
}

impl Envelope {
    pub(crate) fn of(message: &Outgoing) -> Self {
        Self {
            from: message.envelope_from().to_string(),
            to: message.envelope_to().to_string(),
            size: message.bytes().len(),
            needs_smtputf8: message.needs_smtputf8(),
        }
    }

    /// The commands, as this relay wants them.
    pub(crate) fn commands(&self, offers: Offers) -> [Vec<u8>; 3] {
        let mut mail = format!("MAIL FROM:<{}>", self.from);
        if offers.size {
            mail.push_str(&format!(" SIZE={}", self.size));
        }
        if self.needs_smtputf8 {
            mail.push_str(" SMTPUTF8 BODY=8BITMIME");
        }
        mail.push_str("\r\n");
        [mail.into_bytes(), format!("RCPT TO:<{}>\r\n", self.to).into_bytes(), b"DATA\r\n".to_vec()]
    }
}

/// What came in the place of a good greeting.
enum Greeting {
    Refused(Reply),
    Lost(Lost),
}

impl From<Lost> for Greeting {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relay_offers_is_read_whatever_its_letters() {
        let lines = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let all = Offers { pipelining: true, smtputf8: true, size: true };
        assert_eq!(Offers::of(&lines("relay|Pipelining|SIZE 10240000|smtputf8|HELP")), all);
        assert_eq!(Offers::of(&lines("relay")), Offers::default());
        // The first line is a name, whatever it is.
        assert_eq!(Offers::of(&lines("PIPELINING|8BITMIME|PIPELININGS")), Offers::default());
    }
}
