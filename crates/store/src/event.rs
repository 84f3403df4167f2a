//! Engagement events.

use domain::{ActivationId, EventId, EventKind, PartnerId, SendId, UtcMillis, VendorId};
use sqlx::any::AnyRow;

use crate::{engine::Store, error::Result, row::Read};

/// Something that happened to a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id; ids appear in the order of commits.
    pub id: EventId,
    /// The send.
    pub send: SendId,
    /// The send's activation.
    pub activation: ActivationId,
    /// The activation's partner.
    pub partner: PartnerId,
    /// What happened.
    pub kind: EventKind,
    /// The claim number of an outcome; 0 for what happens once.
    pub source_number: i64,
    /// When.
    pub at: UtcMillis,
    /// The outcome as JSON; `{}` for events that have none.
    pub detail: String,
}

pub(crate) fn event(row: &AnyRow) -> Result<Event> {
    Ok(Event {
        id: EventId::new(row.int("event_id")?),
        send: SendId::new(row.int("send_id")?),
        activation: ActivationId::new(row.int("activation_id")?),
        partner: row.parsed("partner_id")?,
        kind: row.parsed("kind")?,
        source_number: row.int("source_number")?,
        at: row.time("at")?,
        detail: row.text("detail")?,
    })
}

impl Store {
    /// A page of events past `after`, oldest first: of one activation, of one vendor, or all. Whoever
    /// goes on with the id of the last one misses none.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn events(
        &self,
        activation: Option<ActivationId>,
        vendor: Option<&VendorId>,
        after: EventId,
        limit: i64,
    ) -> Result<Vec<Event>> {
        let query = match (activation, vendor) {
            (Some(id), _) => sqlx::query(sql!("event/page_activation.sql"))
                .bind(after.get())
                .bind(limit)
                .bind(id.get()),
            (None, Some(vendor)) => sqlx::query(sql!("event/page_vendor.sql"))
                .bind(after.get())
                .bind(limit)
                .bind(vendor.as_str().to_owned()),
            (None, None) => sqlx::query(sql!("event/page_all.sql")).bind(after.get()).bind(limit),
        };
        let mut connection = self.read().await?;
        let rows = query.fetch_all(&mut *connection).await?;
        rows.iter().map(event).collect()
    }

    /// How many events there are of each kind: of one activation, of one vendor, or of all.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn event_counts(
        &self,
        activation: Option<ActivationId>,
        vendor: Option<&VendorId>,
    ) -> Result<Vec<(EventKind, i64)>> {
        let rows = self.fetch_scoped(scoped!("event/count"), activation, vendor).await?;
        rows.iter().map(|row| Ok((row.parsed("kind")?, row.int("events")?))).collect()
    }
}
