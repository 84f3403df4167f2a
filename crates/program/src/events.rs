//! `events`: what happened, in the order it was written, page by page.

use std::collections::HashSet;

use domain::{ActivationId, EventId, EventKind, PartnerId, SendId, UtcMillis};
use serde::Serialize;
use store::Event;

use crate::{
    actor::Actor,
    error::{Error, Result},
    program::Program,
};

/// The most events a page holds.
const MOST: u32 = 1_000;

/// Something that happened to a send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventLine {
    /// Its id; grows in the order events were written.
    pub event: EventId,
    /// When it happened, in campaign time.
    pub at: UtcMillis,
    /// What happened.
    pub kind: EventKind,
    /// To which send.
    pub send: SendId,
    /// Of which activation.
    pub activation: ActivationId,
    /// Of which partner.
    pub partner: PartnerId,
    /// What the other side said, as it was recorded; null for a vendor: a relay's answer may name the
    /// recipient, and the contacts are the company's.
    pub detail: serde_json::Value,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventPage {
    /// In the order they were written.
    pub events: Vec<EventLine>,
    /// Give this as `after` to read on: it may be past the last event listed here.
    pub next: EventId,
}

impl From<Event> for EventLine {
    fn from(event: Event) -> Self {
        Self {
            event: event.id,
            at: event.at,
            kind: event.kind,
            send: event.send,
            activation: event.activation,
            partner: event.partner,
            // A detail that is no JSON is shown as the text it is.
            detail: serde_json::from_str(&event.detail)
                .unwrap_or(serde_json::Value::String(event.detail)),
        }
    }
}

impl Program {
    /// At most `limit` events (1 to 1,000) after `after`, of one activation or of all the actor may
    /// see. Following by [`EventPage::next`] misses none.
    ///
    /// # Errors
    /// No such activation for this actor, or the book fails.
    pub async fn events(
        &self,
        actor: &Actor,
        activation: Option<ActivationId>,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<EventPage> {
        if let Some(activation) = activation {
            self.require_activation(actor, activation).await?;
        }
        let vendor = match actor {
            Actor::Vendor(vendor) => Some(vendor),
            Actor::Ops | Actor::Company(_) => None,
        };
        let own = self.own_partners(actor).await?;
        let limit = limit.clamp(1, MOST);
        let mut next = after.unwrap_or(EventId::new(0));
        let mut events: Vec<EventLine> = Vec::new();
        loop {
            let page = self
                .store()
                .events(activation, vendor, next, i64::from(MOST))
                .await
                .map_err(Error::book("read the events"))?;
            let is_last = page.len() < MOST as usize;
            for event in page {
                next = event.id;
                if own.as_ref().is_none_or(|own| own.contains(&event.partner)) {
                    let mut line = EventLine::from(event);
                    if matches!(actor, Actor::Vendor(_)) {
                        line.detail = serde_json::Value::Null;
                    }
                    events.push(line);
                }
                if events.len() == limit as usize {
                    return Ok(EventPage { events, next });
                }
            }
            if is_last {
                return Ok(EventPage { events, next });
            }
        }
    }

    /// The partners a company is, in all programs; `None` for actors that are no company.
    async fn own_partners(&self, actor: &Actor) -> Result<Option<HashSet<PartnerId>>> {
        if !matches!(actor, Actor::Company(_)) {
            return Ok(None);
        }
        let mut own = HashSet::new();
        for vendor in self.visible_vendors(actor).await? {
            let partners = self.visible_partners(actor, &vendor.id).await?;
            own.extend(partners.into_iter().map(|partner| partner.id));
        }
        Ok(Some(own))
    }
}
