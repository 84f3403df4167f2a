//! The ledger: one line for every recipient of every message, accepted or refused. Lines are only ever added.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

use serde::{Deserialize, Serialize};

use crate::error::SinkError;

/// One delivery, or one refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerLine {
    /// The number of the message, from 1; `None` for a recipient that was refused.
    pub n: Option<u64>,
    /// When, in milliseconds since 1970, by the sink's own clock.
    pub at_ms: i64,
    /// The Message-ID without angle brackets; empty for a recipient that was refused.
    pub message_id: String,
    /// The recipient of the envelope.
    pub rcpt: String,
    /// The sender of the envelope.
    pub mail_from: String,
    /// Size of the message in bytes, after dot-unstuffing.
    pub size_bytes: u64,
    /// Reply code and enhanced status code, such as `250 2.0.0`.
    pub answer: String,
    /// The number of the connection, from 1 in every run of the sink.
    pub connection: u64,
    /// The web address of List-Unsubscribe, if the message has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_unsubscribe: Option<String>,
}

impl LedgerLine {
    /// Whether the sink took the message for this recipient.
    pub fn is_accepted(&self) -> bool {
        self.answer.starts_with('2')
    }
}

/// What stands in a ledger, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) duplicates: u64,
    pub(super) messages: u64,
}

/// The file and its counts.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
    counts: Counts,
    /// 64-bit hashes of (Message-ID, recipient) already accepted; only for the count on the page. Who holds
    /// the ledger against the book reads the lines.
    seen: HashSet<u64>,
}

impl Ledger {
    /// Opens the file, counting what an earlier run left in it. A last line that was torn off in mid-write was
    /// never answered, and is cut.
    pub(super) fn open(path: &Path) -> Result<Self, SinkError> {
        let failed = |source| SinkError::File { path: path.to_owned(), source };
        let file =
            OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        let mut open = Open { file, length: 0, counts: Counts::default(), seen: HashSet::new() };
        let mut reader = BufReader::new(open.file.try_clone().map_err(failed)?);
        let mut text = Vec::new();
        while reader.read_until(b'\n', &mut text).map_err(failed)? > 0 {
            let Ok(line) = serde_json::from_slice::<LedgerLine>(&text) else { break };
            if text.last() != Some(&b'\n') {
                break;
            }
            open.length += text.len() as u64;
            open.count(&line);
            open.counts.messages = open.counts.messages.max(line.n.unwrap_or(0));
            text.clear();
        }
        open.file.set_len(open.length).map_err(failed)?;
        Ok(Self { path: path.to_owned(), open: Mutex::new(open) })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes: whole lines.
    pub(super) fn length(&self) -> u64 {
        self.open.lock().expect("no panic while held").length
    }

    /// What stands in it.
    pub(super) fn counts(&self) -> Counts {
        self.open.lock().expect("no panic while held").counts
    }

    /// Writes down an accepted message, a line for each recipient, and gives it its number. It is in the
    /// file, for any process that reads it, when this returns: the answer to the client comes after.
    pub(super) fn accept(&self, mut line: LedgerLine, recipients: &[String]) -> io::Result<u64> {
        let mut open = self.open.lock().expect("no panic while held");
        let number = open.counts.messages + 1;
        line.n = Some(number);
        let mut text = Vec::with_capacity(512 * recipients.len());
        for recipient in recipients {
            line.rcpt.clone_from(recipient);
            write_line(&line, &mut text)?;
        }
        open.append(&text)?;
        open.counts.messages = number;
        for recipient in recipients {
            line.rcpt.clone_from(recipient);
            open.count(&line);
        }
        Ok(number)
    }

    /// Writes down a recipient that was refused.
    pub(super) fn refuse(&self, line: &LedgerLine) -> io::Result<()> {
        let mut text = Vec::with_capacity(256);
        write_line(line, &mut text)?;
        let mut open = self.open.lock().expect("no panic while held");
        open.append(&text)?;
        open.count(line);
        Ok(())
    }
}

impl Open {
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(text) {
            // What was written of a line that will not be answered for is taken back.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += text.len() as u64;
        Ok(())
    }

    fn count(&mut self, line: &LedgerLine) {
        if !line.is_accepted() {
            self.counts.refused += 1;
            return;
        }
        self.counts.accepted += 1;
        let mut hasher = DefaultHasher::new();
        (&line.message_id, &line.rcpt).hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            self.counts.duplicates += 1;
        }
    }
}

fn write_line(line: &LedgerLine, text: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message_id: &str, answer: &str) -> LedgerLine {
        LedgerLine {
            n: None,
            at_ms: 1,
            message_id: message_id.to_owned(),
            rcpt: "a@example.com".to_owned(),
            mail_from: String::new(),
            size_bytes: 9,
            answer: answer.to_owned(),
            connection: 1,
            list_unsubscribe: None,
        }
    }

    #[test]
    fn a_duplicate_stays_in_and_a_torn_line_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.ndjson");
        let to = ["a@example.com".to_owned(), "b@example.com".to_owned()];
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.accept(line("m1", "250 2.0.0"), &to).unwrap(), 1);
        assert_eq!(ledger.accept(line("m1", "250 2.0.0"), &to[..1]).unwrap(), 2);
        ledger.refuse(&line("", "550 5.1.1")).unwrap();
        let counts = ledger.counts();
        assert_eq!((counts.accepted, counts.duplicates, counts.refused), (3, 1, 1));
        drop(ledger);

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"n\":3,\"at_ms\":"].concat()).unwrap();
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.counts(), counts);
        assert_eq!(ledger.length(), whole.len() as u64);
        assert_eq!(ledger.accept(line("m2", "250 2.0.0"), &to[..1]).unwrap(), 3);
        let whole = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            whole.lines().filter(|line| serde_json::from_str::<LedgerLine>(line).is_ok()).count(),
            5
        );
    }
}
