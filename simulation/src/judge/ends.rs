//! The end: every person has one end with a reason, and the book and the relay's ledger agree.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ActivationId, EventKind, SendId, SendState};
use store::{Event, SendCount, SendDetail};

use super::{Judge, Taken};

/// What the book says at the end.
#[derive(Debug)]
pub struct Book {
    /// Every send.
    pub sends: Vec<SendDetail>,
    /// Every event.
    pub events: Vec<Event>,
    /// Sends by activation, state and reason.
    pub counts: Vec<SendCount>,
    /// Persons of each activation's audience.
    pub audience: BTreeMap<ActivationId, i64>,
    /// Activations that were cancelled.
    pub cancelled: BTreeSet<ActivationId>,
    /// Sends whose address was suppressed.
    pub suppressed: BTreeSet<SendId>,
    /// Validity may be over.
    pub may_expire: bool,
    /// A handler could not render these.
    pub unrendered: BTreeSet<SendId>,
}

impl Judge {
    /// Holds the book against the ledger.
    pub fn judge_book(&mut self, book: &Book) {
        self.all_add_up(book);
        for send in &book.sends {
            self.judge_send(book, send);
        }
        self.judge_duplicates(book);
        self.judge_events(book);
    }

    fn all_add_up(&mut self, book: &Book) {
        for (activation, audience) in &book.audience {
            let count: i64 =
                book.counts.iter().filter(|c| c.activation == *activation).map(|c| c.count).sum();
            self.check("all add up", count == *audience, || {
                format!("{activation} has {audience} persons and {count} sends")
            });
        }
        let counted: i64 = book.counts.iter().map(|count| count.count).sum();
        self.check("all add up", counted == book.sends.len() as i64, || {
            format!("{counted} sends are counted, {} are there", book.sends.len())
        });
    }

    fn judge_send(&mut self, book: &Book, detail: &SendDetail) {
        let send = detail.send;
        let attempts: Vec<_> = self
            .of_send
            .get(&send)
            .into_iter()
            .flatten()
            .map(|number| self.attempts[*number].clone())
            .collect();
        let accepted = attempts.iter().any(|a| a.taken == Taken::Accepted);
        let surely = attempts.iter().any(|a| a.taken == Taken::Accepted && a.excuse.is_none());
        let (state, reason) = (detail.state, detail.reason.as_str());
        let shown = || format!("{send} is {state} ({reason}); its attempts: {attempts:?}");
        self.check("nothing lost", state.is_final(), shown);
        self.check("nothing lost", !surely || state == SendState::Sent, shown);
        let deaths = self.deaths(send);
        let holds = self.holds;
        let has_reason = match (state, reason) {
            (SendState::Sent, _) => accepted,
            (SendState::Held, "unknown") => holds,
            (SendState::Held, "set_aside") => deaths >= 3,
            (SendState::Cancelled, _) => book.cancelled.contains(&detail.activation),
            (SendState::Skipped, "outside_validity") => book.may_expire,
            (SendState::Skipped, _) => book.suppressed.contains(&send),
            (SendState::Failed, "render_failed") => book.unrendered.contains(&send),
            // Given up when its time is over; here that takes a campaign that was moved by days.
            (SendState::Failed, "gave_up") => book.may_expire,
            (SendState::Failed, _) => attempts.iter().any(|a| a.taken == Taken::Rejected),
            // Said above.
            _ => true,
        };
        let promise = if reason == "set_aside" { "poison" } else { "a reason" };
        self.check(promise, has_reason, || format!("{}; {deaths} deaths", shown()));
    }

    /// A second acceptance that was told is counted as a duplicate, and nothing else is.
    fn judge_duplicates(&mut self, book: &Book) {
        let mut accepted: BTreeMap<SendId, BTreeSet<i64>> = BTreeMap::new();
        for event in book.events.iter().filter(|event| event.kind == EventKind::Accepted) {
            accepted.entry(event.send).or_default().insert(event.source_number);
        }
        let expected: i64 = accepted.values().map(|claims| claims.len() as i64 - 1).sum();
        let counted: i64 = book.counts.iter().map(|count| count.duplicates).sum();
        self.check("merge", counted == expected, || {
            format!("{expected} second acceptances in events, {counted} counted as duplicates")
        });
    }

    /// What a worker was answered for is in the book, unless Redis and the worker were lost together.
    fn judge_events(&mut self, book: &Book) {
        let known: BTreeSet<(SendId, i64)> =
            book.events.iter().map(|event| (event.send, event.source_number)).collect();
        for attempt in self.attempts.clone() {
            // What was cut off before the final dot may go again at once, and is no event then.
            let is_due = attempt.taken != Taken::Cut
                && attempt.told.is_some()
                && (attempt.excuse.is_none() || self.is_safe(&attempt));
            if is_due {
                let has = known.contains(&(attempt.send, attempt.claim.to_i64()));
                self.check("outcomes are never dropped", has, || {
                    format!("the book has no event of {attempt:?}")
                });
            }
        }
    }
}
