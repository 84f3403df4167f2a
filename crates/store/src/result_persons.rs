//! Who answered: the persons behind the counts. Whoever asks has the right to know them.

use domain::{ActivationId, SendId, StepKey, UtcMillis, results::ResultKind};

use crate::{
    bulk::{Rows, Value},
    engine::Store,
    error::Result,
    row::Read,
};

/// A person to whose message something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultPerson {
    /// The message.
    pub send: SendId,
    /// Its step.
    pub step: StepKey,
    /// What happened.
    pub kind: ResultKind,
    /// The address, as it was given.
    pub address: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// When it first happened, in campaign time.
    pub first_at: UtcMillis,
    /// When it last happened.
    pub last_at: UtcMillis,
    /// How often.
    pub events: i64,
}

/// Which persons are asked for.
#[derive(Debug, Clone, Copy)]
pub struct PersonsAfter<'a> {
    /// Of which activation.
    pub activation: ActivationId,
    /// What happened: opened, clicked, bounced or unsubscribed. Of opens and clicks those by people count.
    pub kind: ResultKind,
    /// Of which step; `None` for all.
    pub step: Option<&'a StepKey>,
    /// Behind this message.
    pub after: SendId,
    /// At most so many messages.
    pub limit: i64,
}

impl Store {
    /// A page of persons, in the order of their messages, and the last message that was looked at, to go on
    /// with; `None` at the end. A page may hold fewer persons than messages: who was erased is in none.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn result_persons(
        &self,
        asked: &PersonsAfter<'_>,
    ) -> Result<(Vec<ResultPerson>, Option<SendId>)> {
        let page = match asked.kind {
            ResultKind::Opened | ResultKind::Clicked => sql!("event_class/people_page.sql"),
            ResultKind::Bounced | ResultKind::Unsubscribed => sql!("event/mail_page.sql"),
            // Whom mail was sent to is the list itself.
            ResultKind::Accepted | ResultKind::Delivered => return Ok((Vec::new(), None)),
        };
        let mut connection = self.read().await?;
        let sends = sqlx::query(page)
            .bind(asked.activation.get())
            .bind(asked.kind.as_str())
            .bind(asked.after.get())
            .bind(asked.step.map_or("", StepKey::as_str))
            .bind(asked.limit)
            .fetch_all(&mut *connection)
            .await?;
        let mut rows = Rows::new(2, sends.len());
        let mut last = None;
        for row in &sends {
            let send = row.int("send_id")?;
            rows.push([Value::Int(send), asked.kind.as_str().into()]);
            last = Some(SendId::new(send));
        }
        let rows =
            rows.fetch(self.engine(), &mut connection, sql!("event/persons_many.sql")).await?;
        let persons = rows
            .iter()
            .map(|row| {
                Ok(ResultPerson {
                    send: SendId::new(row.int("send_id")?),
                    step: row.parsed("step_key")?,
                    kind: asked.kind,
                    address: row.text("address_raw")?,
                    first_name: row.text("first_name")?,
                    last_name: row.text("last_name")?,
                    first_at: row.time("first_at")?,
                    last_at: row.time("last_at")?,
                    events: row.int("events")?,
                })
            })
            .collect::<Result<_>>()?;
        Ok((persons, last))
    }
}
