//! The TCP stream under a dialogue, watched.
//!
//! It knows how much has left (was the dot sent?), and whether the relay spoke when it was not its turn. The latter is
//! what puts every reply one behind and makes a refusal look like success, so from then on nothing more is written.

use std::io::{self, IoSlice};

use tokio::{io::Interest, net::TcpStream};

use super::answer::{Lost, Reply};

/// The longest reply line without its end, as Postfix limits it; RFC 5321, 4.5.3.1.5, asks for 512 octets.
const MAX_REPLY_LINE: usize = 1000;
/// The longest reply. Without a limit one that never ends would be kept in memory until the time limit.
const MAX_REPLY: usize = 64 * 1024;

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

/// The lines of a reply without their code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) code: u16,
    pub(crate) texts: Vec<String>,
}

impl From<Lines> for Reply {
    fn from(lines: Lines) -> Self {
        Self::new(lines.code, lines.texts.join(" "))
    }
}

#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    /// Bytes the kernel took from us.
    written: u64,
    /// Bytes received and not yet read as a reply.
    received: Vec<u8>,
    /// The relay has closed its side.
    closed: bool,
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { tcp, written: 0, received: Vec::new(), closed: false }
    }

    /// How many bytes have left so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Looks, without waiting, whether a command may be written now.
    pub(crate) fn quiet(&mut self) -> Quiet {
        self.receive_what_is_there();
        match (self.received.is_empty(), self.closed) {
            (false, _) => Quiet::Spoke,
            (true, true) => Quiet::Closed,
            (true, false) => Quiet::Yes,
        }
    }

    /// What the relay said when it was not asked, if it is a refusal.
    pub(crate) fn out_of_turn(&mut self) -> Option<Reply> {
        let lines = self.take_reply().ok()??;
        (lines.code >= 400).then(|| lines.into())
    }

    /// Writes all parts, one behind the other, as long as the relay is quiet. Behind the first `watched` bytes it may speak: what is
    /// written then does not answer it.
    ///
    /// # Errors
    /// [`Lost::Garbled`] when it spoke, [`Lost::Closed`] when it is gone; [`Self::written`] says how much has left.
    pub(crate) async fn write(&mut self, parts: &[&[u8]], watched: usize) -> Result<(), Lost> {
        let watched = self.written.saturating_add(watched as u64);
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match self.quiet() {
                Quiet::Spoke if self.written < watched => return Err(Lost::Garbled),
                Quiet::Closed => return Err(Lost::Closed),
                Quiet::Yes | Quiet::Spoke => {}
            }
            match self.tcp.try_write_vectored(rest) {
                Ok(n) => {
                    self.written += n as u64;
                    IoSlice::advance_slices(&mut rest, n);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // A relay that stops reading may say why: look for that as well.
                    let either = Interest::READABLE | Interest::WRITABLE;
                    self.tcp.ready(either).await.map_err(|_| Lost::Closed)?;
                }
                Err(_) => return Err(Lost::Closed),
            }
        }
        Ok(())
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// [`Lost::Garbled`] when what came is none, [`Lost::Closed`] when the relay is gone before its last line.
    pub(crate) async fn reply(&mut self) -> Result<Lines, Lost> {
        loop {
            if let Some(lines) = self.take_reply()? {
                return Ok(lines);
            }
            if self.closed {
                return Err(Lost::Closed);
            }
            self.tcp.readable().await.map_err(|_| Lost::Closed)?;
            self.receive_what_is_there();
        }
    }

    fn receive_what_is_there(&mut self) {
        let mut chunk = [0; 2048];
        match self.tcp.try_read(&mut chunk) {
            Ok(0) => self.closed = true,
            Ok(n) => self.received.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.closed = true,
        }
    }

    /// The first reply of what was received, if its last line is there.
    fn take_reply(&mut self) -> Result<Option<Lines>, Lost> {
        let found = first_reply(&self.received)?;
        Ok(found.map(|(lines, length)| {
            self.received.drain(..length);
            lines
        }))
    }
}

/// The first reply in `bytes` and its length (RFC 5321, 4.2); `None` while its last line is not there.
fn first_reply(bytes: &[u8]) -> Result<Option<(Lines, usize)>, Lost> {
    let mut at = 0;
    let mut found: Option<Lines> = None;
    loop {
        let rest = &bytes[at..];
        let Some(length) = memchr::memchr(b'\n', rest) else {
            let endless = rest.len() > MAX_REPLY_LINE || bytes.len() > MAX_REPLY;
            return if endless { Err(Lost::Garbled) } else { Ok(None) };
        };
        at += length + 1;
        let Some(line) = rest[..length].strip_suffix(b"\r") else { return Err(Lost::Garbled) };
        if line.len() > MAX_REPLY_LINE || at > MAX_REPLY {
            return Err(Lost::Garbled);
        }
        let (code, text) = line.split_at_checked(3).ok_or(Lost::Garbled)?;
        let code = match code {
            [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
                let digit = |byte: &u8| u16::from(byte - b'0');
                digit(a) * 100 + digit(b) * 10 + digit(c)
            }
            _ => return Err(Lost::Garbled),
        };
        // A code without a text is a reply too.
        let (last, text) = match text.split_first() {
            None => (true, text),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(Lost::Garbled),
        };
        let lines = found.get_or_insert_with(|| Lines { code, texts: Vec::new() });
        if lines.code != code {
            return Err(Lost::Garbled);
        }
        lines.texts.push(String::from_utf8_lossy(text).into_owned());
        if last {
            return Ok(found.map(|lines| (lines, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &str) -> Result<Option<(u16, String, usize)>, Lost> {
        let found = first_reply(bytes.as_bytes())?;
        Ok(found.map(|(lines, length)| (lines.code, lines.texts.join("|"), length)))
    }

    #[test]
    fn every_line_of_an_answer_is_kept() {
        let said = b"550-5.1.1 no such user\r\n550 5.1.1 ask the postmaster\r\n";
        let (lines, _) = first_reply(said).unwrap().unwrap();
        let reply = Reply::from(lines);
        assert_eq!((reply.code, reply.enhanced.as_str()), (550, "5.1.1"));
        assert_eq!(reply.answer("main").text, "5.1.1 no such user 5.1.1 ask the postmaster");
    }

    #[test]
    fn replies_are_read_line_by_line_and_nothing_else_is_one() {
        assert_eq!(read("250 ok\r\n354 go"), Ok(Some((250, "ok".into(), 8))));
        assert_eq!(read("250-a\r\n250-b c\r\n250 d\r\nx"), Ok(Some((250, "a|b c|d".into(), 23))));
        assert_eq!(read("250\r\n"), Ok(Some((250, String::new(), 5))));
        assert_eq!(read("250-\r\n250\r\n"), Ok(Some((250, "|".into(), 11))));
        for part in ["", "2", "250 ok", "250 ok\r", "250-a\r\n", "250-a\r\n25"] {
            assert_eq!(read(part), Ok(None), "{part:?}");
        }
        for garbage in [
            "250 ok\n",
            "hello\r\n",
            "\r\n",
            "25\r\n",
            "650 x\r\n",
            "150 x\r\n",
            "2x0 x\r\n",
            "250x\r\n",
            "250_ok\r\n",
            "250-a\r\n251 b\r\n",
        ] {
            assert_eq!(read(garbage), Err(Lost::Garbled), "{garbage:?}");
        }
        assert_eq!(read(&"2".repeat(1_001)), Err(Lost::Garbled));
        assert_eq!(read(&"250-x\r\n".repeat(10_000)), Err(Lost::Garbled));
    }
}
