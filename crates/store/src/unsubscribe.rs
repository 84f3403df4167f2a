//! A recipient asks for no more mail.

use domain::{
    ActivationId, EventKind, HashScope, SendId, UtcMillis,
    results::{Happened, ResultKind, Who},
};

use crate::{
    activation::activation_ids,
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::Result,
    rollup::{Deltas, Message},
    send::{SendDetail, find_send},
    suppression::reason,
};

/// What an unsubscribe did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribed {
    /// The send it came from.
    pub detail: SendDetail,
    /// Whether the person was not suppressed for the company before.
    pub is_new: bool,
    /// Sends to that person that will not go any more.
    pub skipped: u64,
}

impl Store {
    /// Takes the recipient of a send off the mail of the partner's company, in one transaction: the
    /// suppression, the event, and what is still due. Asking again changes nothing. `None`: no such send.
    ///
    /// # Errors
    /// When the book fails; then the recipient must be told to try again.
    pub async fn unsubscribe(
        &self,
        send: SendId,
        source: &str,
        now: UtcMillis,
    ) -> Result<Option<Unsubscribed>> {
        // What happens to a send happens in campaign time; who must not be mailed is known by the clock.
        let at = UtcMillis::new(now.get().saturating_add(self.campaign_offset().await?));
        let mut tx = self.begin_write().await?;
        // First, as the counts ask for: the step is read under it.
        let ids = tx.take_event_ids(1).await?;
        let Some(detail) = find_send(tx.connection(), send).await? else { return Ok(None) };
        let scope = HashScope::Company(&detail.company);
        let hashes = std::slice::from_ref(&detail.hash_company);
        let new = tx.insert_suppressions(scope, hashes, reason::UNSUBSCRIBED, source, now).await?;
        tx.write_unsubscribed(ids[0], &detail, "{}", at).await?;
        let skipped = tx.skip_company(&detail).await?;
        tx.complete_of(&skipped, at).await?;
        tx.commit().await?;
        Ok(Some(Unsubscribed { detail, is_new: new > 0, skipped: skipped.len() as u64 }))
    }
}

impl WriteTx {
    /// Writes the event that the recipient wants no more mail, or less; once for each send.
    pub(crate) async fn write_unsubscribed(
        &mut self,
        event_id: i64,
        detail: &SendDetail,
        about: &str,
        at: UtcMillis,
    ) -> Result<()> {
        let mut event = Rows::new(8, 1);
        event.push([
            Value::Int(event_id),
            Value::Int(detail.send.get()),
            Value::Int(detail.activation.get()),
            EventKind::Unsubscribed.as_str().into(),
            Value::Int(0),
            Value::Int(at.get()),
            about.into(),
            Value::Int(1),
        ]);
        let engine = self.engine;
        let written = event.fetch(engine, self.connection(), sql!("event/add_many.sql")).await?;
        if !written.is_empty() {
            let mut deltas = Deltas::default();
            let step = detail.step.to_string();
            let message = Message { activation: detail.activation.get(), step: &step };
            let happened = Happened { kind: ResultKind::Unsubscribed, who: Who::Mail, at };
            deltas.recount(message, &[], &[happened]);
            self.write_counts(deltas).await?;
        }
        Ok(())
    }

    /// Skips what is still due to the recipient from the company; answers with the sends' activations.
    pub(crate) async fn skip_company(&mut self, detail: &SendDetail) -> Result<Vec<ActivationId>> {
        let skipped = sqlx::query(sql!("send/skip_person.sql"))
            .bind(detail.company.as_str())
            .bind(detail.person.get())
            .fetch_all(self.connection())
            .await?;
        activation_ids(&skipped)
    }

    /// Ends those of the activations of skipped sends that have nothing open any more.
    pub(crate) async fn complete_of(
        &mut self,
        skipped: &[ActivationId],
        at: UtcMillis,
    ) -> Result<()> {
        let mut touched = skipped.to_vec();
        touched.sort_unstable();
        touched.dedup();
        self.complete(&touched, at).await?;
        Ok(())
    }
}
