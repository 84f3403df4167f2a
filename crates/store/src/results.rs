//! What came back of one activation, read from the counts.

use domain::{
    ActivationId, SendState, StepKey, UtcMillis,
    results::{ResultKind, Tally, Who},
};

use crate::{
    bulk::{Rows, Value},
    engine::Store,
    error::Result,
    row::Read,
};

/// How often something happened in one bucket of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultCount {
    /// When the bucket begins, as it was asked for.
    pub bucket: UtcMillis,
    /// The step.
    pub step: StepKey,
    /// What happened.
    pub kind: ResultKind,
    /// Whose doing it was.
    pub who: Who,
    /// How often, and to how many messages for the first time.
    pub tally: Tally,
}

/// How often a link was clicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCount {
    /// The step.
    pub step: StepKey,
    /// Its number in the message; [`domain::link_targets::HONEYPOT`] is one that no person sees.
    pub link: u16,
    /// Where it leads; `None` when the book has no list that says so.
    pub url: Option<String>,
    /// Whose doing it was.
    pub who: Who,
    /// How often, and of how many messages.
    pub tally: Tally,
}

/// How many sends of a step ended without going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSends {
    /// The step.
    pub step: StepKey,
    /// Failed, skipped, held or cancelled.
    pub state: SendState,
    /// Why.
    pub reason: String,
    /// How many.
    pub sends: i64,
}

impl Store {
    /// The first and the last hour in which anything came back of an activation, as their beginnings.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn result_span(&self, id: ActivationId) -> Result<Option<(UtcMillis, UtcMillis)>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("rollup_hour/span.sql"))
            .bind(id.get())
            .fetch_one(&mut *connection)
            .await?;
        Ok(row.opt_time("first_hour")?.zip(row.opt_time("last_hour")?))
    }

    /// What came back of an activation in each of `buckets`, which are their beginnings and ends; an hour
    /// belongs to the bucket it begins in.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn result_counts(
        &self,
        id: ActivationId,
        buckets: &[(UtcMillis, UtcMillis)],
    ) -> Result<Vec<ResultCount>> {
        let mut asked = Rows::new(3, buckets.len());
        for (from, to) in buckets {
            asked.push([Value::Int(id.get()), Value::Int(from.get()), Value::Int(to.get())]);
        }
        let mut connection = self.read().await?;
        let rows =
            asked.fetch(self.engine(), &mut connection, sql!("rollup_hour/sum_many.sql")).await?;
        rows.iter()
            .map(|row| {
                Ok(ResultCount {
                    bucket: row.time("bucket")?,
                    step: row.parsed("step_key")?,
                    kind: row.parsed("kind")?,
                    who: row.parsed("who")?,
                    tally: Tally { events: row.int("events")?, messages: row.int("messages")? },
                })
            })
            .collect()
    }

    /// The clicks of an activation by step and link.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn link_counts(&self, id: ActivationId) -> Result<Vec<LinkCount>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("rollup_link/of_activation.sql"))
            .bind(id.get())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                let link = u16::try_from(row.int("link")?).unwrap_or_default();
                let targets: Option<domain::LinkTargets> = match row.opt_text("targets")? {
                    Some(_) => Some(row.json("targets")?),
                    None => None,
                };
                Ok(LinkCount {
                    step: row.parsed("step_key")?,
                    link,
                    url: targets.and_then(|targets| targets.get(link).map(ToOwned::to_owned)),
                    who: row.parsed("who")?,
                    tally: Tally { events: row.int("events")?, messages: row.int("messages")? },
                })
            })
            .collect()
    }

    /// The sends of an activation that ended without going, by step, state and reason.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn ended_sends(&self, id: ActivationId) -> Result<Vec<EndedSends>> {
        let mut connection = self.read().await?;
        let rows =
            sqlx::query(sql!("send/ended.sql")).bind(id.get()).fetch_all(&mut *connection).await?;
        rows.iter()
            .map(|row| {
                Ok(EndedSends {
                    step: row.parsed("step_key")?,
                    state: row.parsed("state")?,
                    reason: row.text("reason")?,
                    sends: row.int("sends")?,
                })
            })
            .collect()
    }

    /// Whether the book holds anything that is in no count yet; see [`Store::catch_up_counts`].
    ///
    /// # Errors
    /// When the book fails.
    pub async fn has_uncounted(&self) -> Result<bool> {
        let mut connection = self.read().await?;
        let row =
            sqlx::query(sql!("rollup_hour/any_uncounted.sql")).fetch_one(&mut *connection).await?;
        row.flag("uncounted")
    }
}
