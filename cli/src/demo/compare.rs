//! Holds the sink's ledger, which never removes a duplicate, against the book.

use std::collections::HashMap;

use anyhow::Context;
use domain::{EventId, EventKind, SendId, VendorId};
use sandbox::{LedgerLine, LedgerReader};
use serde::Serialize;
use store::Store;

/// Events read at once.
const PAGE: i64 = 5_000;
/// How many sends are named when the two do not agree.
const EXAMPLES: usize = 10;

/// What came out. They agree when the sends of the book that ended as sent are those in the ledger, once each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Agreement {
    /// Whether they agree.
    pub agree: bool,
    /// Sends that the book calls sent.
    pub sent_in_book: u64,
    /// Sends with an acceptance among the book's events.
    pub accepted_in_book: u64,
    /// Messages accepted, by the ledger: duplicates count each time.
    pub accepted_in_ledger: u64,
    /// Recipients refused, by the ledger.
    pub refused_in_ledger: u64,
    /// Sent by the book, and not in the ledger.
    pub lost: u64,
    /// In the ledger, and not sent by the book.
    pub unknown_to_book: u64,
    /// Acceptances in the ledger beyond the first of a Message-ID.
    pub duplicates: u64,
    /// Messages in the ledger whose Message-ID is none of a send.
    pub foreign: u64,
    /// Some of the sends that differ, for a look at their events.
    pub examples: Vec<String>,
}

/// The book's side: sends that a relay accepted.
pub async fn accepted_by_book(
    store: &Store,
    vendor: &VendorId,
) -> anyhow::Result<HashMap<SendId, u32>> {
    let mut accepted = HashMap::new();
    let mut after = EventId::new(0);
    loop {
        let page = store
            .events(None, Some(vendor), after, PAGE)
            .await
            .context("can't read the book's events")?;
        let Some(last) = page.last() else { return Ok(accepted) };
        after = last.id;
        for event in page.iter().filter(|event| event.kind == EventKind::Accepted) {
            *accepted.entry(event.send).or_default() += 1;
        }
    }
}

/// Reads the whole ledger and compares.
pub async fn compare(
    sink_http: &str,
    message_id_domain: &str,
    sent_in_book: u64,
    book: &HashMap<SendId, u32>,
) -> anyhow::Result<Agreement> {
    let mut reader = LedgerReader::new(sink_http);
    let mut ledger = Ledger::new(message_id_domain);
    loop {
        let lines = reader.next().await?;
        if lines.is_empty() {
            return Ok(ledger.against(sent_in_book, book));
        }
        lines.iter().for_each(|line| ledger.add(line));
    }
}

struct Ledger {
    suffix: String,
    accepted: HashMap<SendId, u32>,
    lines: u64,
    refused: u64,
    foreign: u64,
}

impl Ledger {
    fn new(message_id_domain: &str) -> Self {
        let suffix = format!("@{message_id_domain}");
        Self { suffix, accepted: HashMap::new(), lines: 0, refused: 0, foreign: 0 }
    }

    fn add(&mut self, line: &LedgerLine) {
        if !line.is_accepted() {
            self.refused += 1;
            return;
        }
        self.lines += 1;
        let id = line.message_id.strip_suffix(&self.suffix).and_then(|id| id.parse().ok());
        match id {
            Some(send) => *self.accepted.entry(send).or_default() += 1,
            None => self.foreign += 1,
        }
    }

    fn against(&self, sent_in_book: u64, book: &HashMap<SendId, u32>) -> Agreement {
        let mut found = Agreement {
            sent_in_book,
            accepted_in_book: book.len() as u64,
            accepted_in_ledger: self.lines,
            refused_in_ledger: self.refused,
            foreign: self.foreign,
            ..Agreement::default()
        };
        let mut name = |send: &SendId, what: &str| {
            if found.examples.len() < EXAMPLES {
                found.examples.push(format!("{send}: {what}"));
            }
        };
        for send in book.keys().filter(|send| !self.accepted.contains_key(send)) {
            found.lost += 1;
            name(send, "accepted by the book, not in the ledger");
        }
        for (send, times) in &self.accepted {
            if !book.contains_key(send) {
                found.unknown_to_book += 1;
                name(send, "in the ledger, not accepted by the book");
            }
            if *times > 1 {
                found.duplicates += u64::from(*times - 1);
                name(send, &format!("{times} times in the ledger"));
            }
        }
        found.agree = found.lost == 0
            && found.unknown_to_book == 0
            && found.duplicates == 0
            && found.foreign == 0
            && found.accepted_in_book == found.sent_in_book;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message_id: &str, answer: &str) -> LedgerLine {
        LedgerLine {
            n: Some(1),
            at_ms: 0,
            message_id: message_id.to_owned(),
            rcpt: "a@example.com".to_owned(),
            mail_from: String::new(),
            size_bytes: 1,
            answer: answer.to_owned(),
            connection: 1,
            list_unsubscribe: None,
        }
    }

    fn compared(sent: &[i64], ledger: &[i64], extra: Option<&str>) -> Agreement {
        let book: HashMap<_, _> = sent.iter().map(|send| (SendId::new(*send), 1)).collect();
        let mut lines = Ledger::new("mail.example");
        for send in ledger {
            lines.add(&line(&format!("{}@mail.example", SendId::new(*send)), "250 2.0.0"));
        }
        lines.add(&line("", "550 5.1.1"));
        if let Some(extra) = extra {
            lines.add(&line(extra, "250 2.0.0"));
        }
        lines.against(sent.len() as u64, &book)
    }

    #[test]
    fn once_each_and_no_others_agrees() {
        let found = compared(&[1, 2, 3], &[3, 1, 2], None);
        assert!(found.agree, "{found:?}");
        assert_eq!((found.accepted_in_ledger, found.refused_in_ledger), (3, 1));
    }

    #[test]
    fn each_kind_of_difference_is_found() {
        let lost = compared(&[1, 2], &[1], None);
        assert!(!lost.agree && lost.lost == 1, "{lost:?}");
        let doubled = compared(&[1], &[1, 1, 1], None);
        assert!(!doubled.agree && doubled.duplicates == 2, "{doubled:?}");
        let unknown = compared(&[1], &[1, 2], None);
        assert!(!unknown.agree && unknown.unknown_to_book == 1, "{unknown:?}");
        let foreign = compared(&[1], &[1], Some("snd_0000000000002@elsewhere.example"));
        assert!(!foreign.agree && foreign.foreign == 1, "{foreign:?}");
        assert_eq!(lost.examples.len(), 1);
    }

    #[test]
    fn a_state_without_its_event_is_a_difference() {
        let book = HashMap::from([(SendId::new(1), 1)]);
        let mut ledger = Ledger::new("mail.example");
        ledger.add(&line(&format!("{}@mail.example", SendId::new(1)), "250 2.0.0"));
        assert!(ledger.against(1, &book).agree);
        assert!(!ledger.against(2, &book).agree);
    }
}
