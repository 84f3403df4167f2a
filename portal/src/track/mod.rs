//! What recipients do with a mail, with a state of its own: the image that says that it was opened, and its
//! links.
//!
//! An answer waits neither for the book nor for the belt to take an event: events go to an [`outbox::Outbox`].
//! Where a link leads is remembered; what is not is looked up on the belt, and in the book only if the belt
//! does not know. A link leads where the list says that was sealed into it, and nowhere else.

pub(crate) mod click;
pub(crate) mod open;
mod outbox;
mod targets;
mod visitor;

use std::sync::Arc;

use axum::extract::FromRef;
use belt::Belt;
use domain::{engagement::NetworkKept, token::LinkKey};
use process::ClientAddress;
use program::Program;

use self::{outbox::Outbox, targets::Targets};
use crate::{Portal, invalid_links::InvalidLinks};

pub(crate) use outbox::{Drain, outbox};
pub(crate) use visitor::client_address;

/// What tracking is built from.
#[derive(Debug, Clone)]
pub struct TrackParts {
    /// Where events go, and where lists of targets lie.
    pub belt: Belt,
    /// Opens the tokens in links.
    pub link_key: LinkKey,
    /// What is kept of a visitor's address.
    pub network: NetworkKept,
    /// Where a visitor's address is found.
    pub client_address: ClientAddress,
    /// Opens and clicks that may wait for the belt in this process's memory.
    pub waiting: usize,
}

impl TrackParts {
    /// Enough for a minute of 1,000 events a second without the belt: about 30 MiB.
    pub const DEFAULT_WAITING: usize = 60_000;
}

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Tracking {
    link_key: LinkKey,
    network: NetworkKept,
    client_address: ClientAddress,
    outbox: Outbox,
    targets: Arc<Targets>,
    invalid_links: Arc<InvalidLinks>,
}

impl Tracking {
    pub fn new(
        parts: &TrackParts,
        program: Program,
        outbox: Outbox,
        invalid_links: Arc<InvalidLinks>,
    ) -> Self {
        Self {
            link_key: parts.link_key.clone(),
            network: parts.network,
            client_address: parts.client_address,
            outbox,
            targets: Arc::new(Targets::new(parts.belt.clone(), program)),
            invalid_links,
        }
    }
}

impl FromRef<Portal> for Tracking {
    fn from_ref(portal: &Portal) -> Self {
        portal.tracking.clone()
    }
}
