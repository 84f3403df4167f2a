//! Links: where the links of messages lead is in the book, and near at hand for portals, before a message
//! that has them is pushed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use belt::Belt;
use domain::{ContentHash, LinkTargets, PartnerShelf, StepKey, TargetsId, TrackedParts};
use process::config::Tracking;
use store::{FedSend, Store};

use crate::{Parts, packages::Packages};

/// Lists lie on the belt for three days; what is in use is put there again long before.
const PUT_AGAIN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Bounds what this process remembers: about 1 KiB a list.
const MOST_REMEMBERED: usize = 20_000;

/// What all messages have in common whose links are the same: version, partner's shelf item, step,
/// occurrence and language.
type Mailing = (ContentHash, ContentHash, StepKey, u32, String);

/// Finds the links of messages and keeps where they lead.
pub struct Links {
    store: Store,
    belt: Belt,
    packages: Packages,
    tracking: Tracking,
    public_url: String,
    memory: Mutex<Memory>,
}

/// Versions and shelf items never change, so nothing here is stale.
#[derive(Default)]
struct Memory {
    lists: HashMap<Mailing, Option<Arc<LinkTargets>>>,
    /// What the book has, and in which epoch and when it was put on the belt.
    put: HashMap<TargetsId, (u32, Instant)>,
}

impl Links {
    pub fn new(parts: &Parts, packages: Packages) -> Self {
        Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            packages,
            tracking: parts.config.tracking.clone(),
            public_url: parts.config.portal.public_url.to_string(),
            memory: Mutex::default(),
        }
    }

    /// What of the message of `send` is counted; its list, if it has one, is added to `lists` for
    /// [`Links::put`].
    pub async fn of(
        &self,
        send: &FedSend,
        profile: &ContentHash,
        partner: &PartnerShelf,
        lists: &mut HashMap<TargetsId, Arc<LinkTargets>>,
    ) -> anyhow::Result<TrackedParts> {
        let package = self.packages.get(&send.version_hash).await?.tracking;
        let leads_through = self.tracking.clicks && package.clicks;
        let list = if leads_through { self.list(send, profile, partner).await? } else { None };
        let clicks = list.as_ref().map(|list| list.id());
        if let (Some(list), Some(id)) = (list, clicks) {
            lists.insert(id, list);
        }
        Ok(TrackedParts {
            opens: self.tracking.opens && package.opens,
            clicks,
            honeypot: self.tracking.honeypot && clicks.is_some(),
        })
    }

    /// The list of a message's links; `None` if none of them can be led through the portal.
    async fn list(
        &self,
        send: &FedSend,
        profile: &ContentHash,
        partner: &PartnerShelf,
    ) -> anyhow::Result<Option<Arc<LinkTargets>>> {
        let mailing = (
            send.version_hash.clone(),
            profile.clone(),
            send.step.clone(),
            send.occurrence,
            send.language.clone(),
        );
        if let Some(known) = self.memory().lists.get(&mailing) {
            return Ok(known.clone());
        }
        let version = self.packages.compiled(&send.version_hash).await?;
        // As the worker does it: the same skeleton has the same links in the same order.
        let language = version.language_of([&send.language, &partner.brand.locale]);
        let skeleton =
            version.skeleton_of(&send.step, send.occurrence, language, partner, &self.public_url);
        let list = match skeleton {
            Ok(skeleton) if !skeleton.targets().is_empty() => {
                Some(Arc::new(skeleton.targets().clone()))
            }
            Ok(_) => None,
            // The worker meets the same and ends the send with it: there is nothing to count.
            Err(error) => {
                tracing::debug!(partner.id = %send.partner, error = %error, "no skeleton, no links");
                None
            }
        };
        let mut memory = self.memory();
        if memory.lists.len() >= MOST_REMEMBERED {
            memory.lists.clear();
        }
        memory.lists.insert(mailing, list.clone());
        Ok(list)
    }

    /// Writes lists to the book and puts them on the belt, those that are not known to be there.
    pub async fn put(
        &self,
        lists: HashMap<TargetsId, Arc<LinkTargets>>,
        epoch: u32,
    ) -> anyhow::Result<()> {
        let mut for_the_book = Vec::new();
        let mut for_the_belt = Vec::new();
        {
            let memory = self.memory();
            for (id, list) in lists {
                let put = memory.put.get(&id);
                if put.is_none() {
                    for_the_book.push((*list).clone());
                }
                let is_near = put
                    .is_some_and(|(put_in, at)| *put_in == epoch && at.elapsed() < PUT_AGAIN_AFTER);
                if !is_near {
                    for_the_belt.push((*list).clone());
                }
            }
        }
        if for_the_belt.is_empty() {
            return Ok(());
        }
        // The book first: a link that was mailed must lead somewhere for as long as the mail lies there.
        self.store.put_link_targets(&for_the_book, self.belt.redis_time().await?).await?;
        self.belt.put_link_targets(&for_the_belt).await?;
        let mut memory = self.memory();
        if memory.put.len() >= MOST_REMEMBERED {
            memory.put.clear();
        }
        let now = Instant::now();
        memory.put.extend(for_the_belt.iter().map(|list| (list.id(), (epoch, now))));
        Ok(())
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().expect("no holder panics")
    }
}
