//! Recording: what the workers report becomes events and ends of sends, in any order, any number of times.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use domain::{
    ActivationId, AddressHash, ClaimNumber, EventKind, HashScope, Outcome, OutcomeRecord,
    PartnerId, SendId, SendState, UtcMillis,
    merge::{GiveUp, SendStatus, merge},
    outcome::PermanentReason,
    results::{Happened, ResultKind, Who},
};
use sqlx::any::AnyRow;

use crate::{
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::Result,
    rollup::{Deltas, Message},
    row::{Read, json_text},
    suppression::reason,
};

/// An outcome as it came out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamedOutcome {
    /// Its place in the stream.
    pub position: String,
    /// The outcome.
    pub record: OutcomeRecord,
    /// Campaign time at which it happened.
    pub at: UtcMillis,
}

/// What a batch of outcomes did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// Outcomes the book did not have.
    pub new: u64,
    /// Outcomes it had: they changed nothing.
    pub repeated: u64,
    /// Outcomes of sends the book does not know: they changed nothing.
    pub unknown: u64,
    /// Outcomes of mails that invite a partner.
    pub invitations: u64,
    /// Sends that were moved.
    pub changed: Vec<ChangedSend>,
    /// Addresses that are suppressed everywhere now, because they do not exist.
    pub suppressed: Vec<AddressHash>,
    /// Activations that have nothing open any more.
    pub completed: Vec<ActivationId>,
}

/// A send that was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedSend {
    /// The send.
    pub send: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// Its partner, which is its lane.
    pub partner: PartnerId,
    /// Where it stood.
    pub before: SendState,
    /// Where it stands.
    pub after: SendState,
    /// When it is due, if it is due again.
    pub due_at: UtcMillis,
}

struct Stored {
    activation: ActivationId,
    step: String,
    status: SendStatus,
}

fn stored(row: &AnyRow) -> Result<(i64, Stored)> {
    let status = SendStatus {
        state: row.parsed("state")?,
        reason: row.text("reason")?,
        due_at: row.time("due_at")?,
        claim: row.opt_int("claim")?.map(ClaimNumber::from_i64),
        accepted_claim: row.opt_int("accepted_claim")?.map(ClaimNumber::from_i64),
        attempts: row.small("attempts")?,
        duplicates: row.small("duplicates")?,
        first_fed_at: row.opt_time("first_fed_at")?,
        not_before: row.opt_time("not_before")?,
    };
    Ok((
        row.int("send_id")?,
        Stored {
            activation: ActivationId::new(row.int("activation_id")?),
            step: row.text("step_key")?,
            status,
        },
    ))
}

impl Store {
    /// Records a batch in one transaction: events, ends of sends, suppressions, completed activations,
    /// and the position of the batch's last entry in `stream`. Repeating a batch changes nothing.
    ///
    /// # Errors
    /// When the book fails; then nothing of the batch was recorded.
    pub async fn record(
        &self,
        stream: &str,
        batch: &[StreamedOutcome],
        give_up: GiveUp,
    ) -> Result<Recorded> {
        let Some(last) = batch.last() else { return Ok(Recorded::default()) };
        let mut tx = self.begin_write().await?;
        let recorded = tx.record_outcomes(batch, give_up).await?;
        tx.put_recorder_position(stream, &last.position).await?;
        tx.commit().await?;
        Ok(recorded)
    }
}

impl WriteTx {
    pub(crate) async fn record_outcomes(
        &mut self,
        batch: &[StreamedOutcome],
        give_up: GiveUp,
    ) -> Result<Recorded> {
        let mut ids: Vec<i64> = batch.iter().map(|outcome| outcome.record.send.get()).collect();
        ids.sort_unstable();
        ids.dedup();
        // First, as the counts ask for: steps are read under it.
        let event_ids = self.take_event_ids(batch.len()).await?;
        let mut sends = self.read_for_merge(&ids).await?;
        let new = self.add_events(batch, event_ids, &sends).await?;
        self.count_outcomes(&new, &sends).await?;
        let new: Vec<&StreamedOutcome> = new.into_iter().map(|(_, outcome)| outcome).collect();

        let mut recorded = Recorded { new: new.len() as u64, ..Recorded::default() };
        for outcome in batch {
            let send = outcome.record.send;
            if !sends.contains_key(&send.get()) {
                let (what, at) = (&outcome.record.outcome, outcome.at);
                if self.record_invitation_mail(send, what, at).await? {
                    recorded.invitations += 1;
                } else {
                    recorded.unknown += 1;
                }
            }
        }
        let others = recorded.unknown + recorded.invitations;
        recorded.repeated = batch.len() as u64 - recorded.new - others;

        let mut outcomes: HashMap<i64, Vec<&StreamedOutcome>> = HashMap::new();
        for outcome in new {
            outcomes.entry(outcome.record.send.get()).or_default().push(outcome);
        }
        let mut open: Vec<i64> = outcomes.keys().copied().collect();
        open.sort_unstable();
        // On Postgres somebody (a cancel, an unsubscribe) may move a send between reading and writing
        // it; such a send is read again, and what comes next is merged into what is there then.
        while !open.is_empty() {
            let merged =
                self.write_merged(&open, &sends, &outcomes, give_up, &mut recorded).await?;
            open.retain(|id| !merged.contains(id));
            if !open.is_empty() {
                sends.extend(self.read_for_merge(&open).await?);
            }
        }
        self.suppress_bounced(&outcomes, &mut recorded).await?;
        self.complete_touched(batch, &mut recorded).await?;
        Ok(recorded)
    }

    async fn read_for_merge(&mut self, ids: &[i64]) -> Result<HashMap<i64, Stored>> {
        let mut rows = Rows::new(1, ids.len());
        for id in ids {
            rows.push([Value::Int(*id)]);
        }
        let engine = self.engine;
        let rows = rows.fetch(engine, self.connection(), sql!("send/merge_read_many.sql")).await?;
        rows.iter().map(stored).collect()
    }

    /// Writes the events; answers with the outcomes whose event was not there, and the numbers these have
    /// now. The event row is the witness that an outcome was merged, so each is merged once.
    async fn add_events<'a>(
        &mut self,
        batch: &'a [StreamedOutcome],
        event_ids: Vec<i64>,
        sends: &HashMap<i64, Stored>,
    ) -> Result<Vec<(i64, &'a StreamedOutcome)>> {
        let mut witnesses: HashMap<(i64, &'static str, i64), &StreamedOutcome> =
            HashMap::with_capacity(batch.len());
        let mut order = Vec::with_capacity(batch.len());
        for outcome in batch {
            let record = &outcome.record;
            if sends.contains_key(&record.send.get()) {
                let key = (
                    record.send.get(),
                    EventKind::of(&record.outcome).as_str(),
                    record.claim.to_i64(),
                );
                if let Entry::Vacant(place) = witnesses.entry(key) {
                    place.insert(outcome);
                    order.push(key);
                }
            }
        }
        let mut rows = Rows::new(8, order.len());
        for (key, id) in order.iter().zip(event_ids) {
            let outcome = witnesses[key];
            rows.push([
                Value::Int(id),
                Value::Int(key.0),
                Value::Int(sends[&key.0].activation.get()),
                key.1.into(),
                Value::Int(key.2),
                Value::Int(outcome.at.get()),
                json_text(&outcome.record.outcome).into(),
                Value::Int(1),
            ]);
        }
        let engine = self.engine;
        let rows = rows.fetch(engine, self.connection(), sql!("event/add_many.sql")).await?;
        let mut new = HashMap::with_capacity(rows.len());
        for row in &rows {
            let key = (row.int("send_id")?, row.text("kind")?, row.int("source_number")?);
            new.insert(key, row.int("event_id")?);
        }
        Ok(order
            .iter()
            .filter_map(|key| {
                let (send, kind, claim) = *key;
                Some((*new.get(&(send, kind.to_owned(), claim))?, witnesses[key]))
            })
            .collect())
    }

    /// Counts new outcomes. What a message added before is asked of the book only where it has been heard of
    /// before: most end with their first outcome.
    async fn count_outcomes(
        &mut self,
        new: &[(i64, &StreamedOutcome)],
        sends: &HashMap<i64, Stored>,
    ) -> Result<()> {
        let mut happened: HashMap<i64, Vec<Happened>> = HashMap::new();
        for (_, StreamedOutcome { record, at, .. }) in new {
            if let Some(kind) = ResultKind::of(EventKind::of(&record.outcome)) {
                let one = Happened { kind, who: Who::Mail, at: *at };
                happened.entry(record.send.get()).or_default().push(one);
            }
        }
        let known: Vec<i64> =
            happened.keys().copied().filter(|id| sends[id].status.claim.is_some()).collect();
        let known = self.mail_of(&known).await?;
        let new: HashSet<i64> = new.iter().map(|(event, _)| *event).collect();
        let mut deltas = Deltas::default();
        for (id, mut happened) in happened {
            let Stored { activation, step, .. } = &sends[&id];
            let before = known.get(&id).map(|mail| mail.counted_before(&new)).unwrap_or_default();
            happened.extend(&before);
            deltas.recount(Message { activation: activation.get(), step }, &before, &happened);
        }
        self.write_counts(deltas).await
    }

    /// Merges and writes the sends `open`; answers which of them were still as they had been read.
    async fn write_merged(
        &mut self,
        open: &[i64],
        sends: &HashMap<i64, Stored>,
        outcomes: &HashMap<i64, Vec<&StreamedOutcome>>,
        give_up: GiveUp,
        recorded: &mut Recorded,
    ) -> Result<HashSet<i64>> {
        let mut rows = Rows::new(12, open.len());
        let mut after: HashMap<i64, SendStatus> = HashMap::with_capacity(open.len());
        for id in open {
            let before = &sends[id].status;
            let merged = outcomes[id].iter().fold(before.clone(), |status, outcome| {
                merge(&status, &outcome.record, outcome.at, give_up)
            });
            rows.push([
                Value::Int(*id),
                merged.state.as_str().into(),
                merged.reason.as_str().into(),
                Value::Int(merged.due_at.get()),
                Value::OptInt(merged.claim.map(ClaimNumber::to_i64)),
                Value::OptInt(merged.accepted_claim.map(ClaimNumber::to_i64)),
                Value::Int(i64::from(merged.attempts)),
                Value::Int(i64::from(merged.duplicates)),
                before.state.as_str().into(),
                Value::OptInt(before.claim.map(ClaimNumber::to_i64)),
                Value::Int(i64::from(before.attempts)),
                Value::Int(i64::from(before.duplicates)),
            ]);
            after.insert(*id, merged);
        }
        let engine = self.engine;
        let rows = rows.fetch(engine, self.connection(), sql!("send/merge_write_many.sql")).await?;
        let mut written = HashSet::with_capacity(rows.len());
        for row in &rows {
            let id = row.int("send_id")?;
            written.insert(id);
            let (before, after) = (&sends[&id], &after[&id]);
            if before.status.state != after.state {
                recorded.changed.push(ChangedSend {
                    send: SendId::new(id),
                    activation: before.activation,
                    partner: outcomes[&id][0].record.partner.clone(),
                    before: before.status.state,
                    after: after.state,
                    due_at: after.due_at,
                });
            }
        }
        Ok(written)
    }

    /// An address that does not exist is suppressed everywhere: no partner of any vendor mails it again.
    async fn suppress_bounced(
        &mut self,
        outcomes: &HashMap<i64, Vec<&StreamedOutcome>>,
        recorded: &mut Recorded,
    ) -> Result<()> {
        let mut rows = Rows::new(1, 0);
        let mut at = UtcMillis::default();
        for (id, outcomes) in outcomes {
            for outcome in outcomes {
                let bad = matches!(
                    outcome.record.outcome,
                    Outcome::Permanent { reason: PermanentReason::BadAddress, .. }
                );
                if bad {
                    rows.push([Value::Int(*id)]);
                    at = at.max(outcome.at);
                }
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let engine = self.engine;
        let rows =
            rows.fetch(engine, self.connection(), sql!("send/bounced_contacts_many.sql")).await?;
        let mut contacts = Rows::new(1, rows.len());
        let mut hashes = Vec::with_capacity(rows.len());
        for row in &rows {
            contacts.push([Value::Int(row.int("contact_id")?)]);
            hashes.push(row.parsed("hash_everywhere")?);
        }
        hashes.sort_unstable();
        hashes.dedup();
        contacts.execute(engine, self.connection(), sql!("contact/bounce_many.sql")).await?;
        self.insert_suppressions(HashScope::Everywhere, &hashes, reason::HARD_BOUNCE, "relay", at)
            .await?;
        recorded.suppressed = hashes;
        Ok(())
    }

    async fn complete_touched(
        &mut self,
        batch: &[StreamedOutcome],
        recorded: &mut Recorded,
    ) -> Result<()> {
        let mut touched: Vec<ActivationId> = recorded
            .changed
            .iter()
            .filter(|change| change.after.is_final())
            .map(|change| change.activation)
            .collect();
        touched.sort_unstable();
        touched.dedup();
        let now = batch.iter().map(|outcome| outcome.at).max().unwrap_or_default();
        recorded.completed = self.complete(&touched, now).await?;
        Ok(())
    }
}
