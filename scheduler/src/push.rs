//! From rows the book marked as queued to jobs on lanes: payload, shelf, push.
//!
//! Feed, reconcile and the rebuild after a lost belt all come through here.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use belt::{Belt, Line, NewJob, Round};
use domain::{
    ActivationId, ContentHash, LinkTargets, OnUnknown, PartnerShelf, Recipient, SendEmail, SendId,
    SenderIdentity, TargetsId, TrackedParts, job, provider::Providers, tier::Tiers,
};
use render::{Package, Version};
use store::{FedSend, Store};
use tokio::sync::Mutex;

use crate::{Parts, links::Links, packages::Packages};

/// The belt takes payloads up to this size.
const PAYLOAD_LIMIT: usize = 4 * 1024;
/// Shelf items live two hours; what is in use is put there again long before.
const SHELVE_AGAIN_AFTER: Duration = Duration::from_secs(20 * 60);
/// Bounds what this process remembers of activations and of the shelf.
const MOST_REMEMBERED: usize = 50_000;

/// Makes jobs and pushes them.
pub struct Pusher {
    store: Store,
    belt: Belt,
    packages: Packages,
    links: Links,
    tiers: Tiers,
    providers: Arc<Providers>,
    list_domain: String,
    on_unknown: OnUnknown,
    epoch: AtomicU32,
    memory: Mutex<Memory>,
}

/// What was read and shelved before. Versions and revisions never change, so nothing here is stale.
#[derive(Default)]
struct Memory {
    shelves: HashMap<(ActivationId, ContentHash, u32), Arc<Shelved>>,
    put_at: HashMap<ContentHash, (u32, Instant)>,
}

/// A shelf item, ready to be put there under its name.
pub struct Shared {
    pub hash: ContentHash,
    bytes: Vec<u8>,
}

impl Shared {
    /// A partner as jobs need it.
    pub fn of(partner: &PartnerShelf) -> anyhow::Result<Self> {
        let bytes = serde_json::to_vec(partner)?;
        Ok(Self { hash: ContentHash::of(&bytes), bytes })
    }
}

/// What was put on the belt.
#[derive(Default)]
pub struct PushedLines {
    /// How many jobs were not there yet.
    pub pushed: u64,
    /// The line of each job.
    pub lines: Vec<Line>,
}

/// A partner, and its shelf item.
struct Shelved {
    item: Shared,
    partner: PartnerShelf,
}

/// What a batch needs beside its jobs.
#[derive(Default)]
struct Needs {
    items: HashMap<ContentHash, Item>,
    lists: HashMap<TargetsId, Arc<LinkTargets>>,
}

impl Pusher {
    pub fn new(parts: &Parts, packages: Packages, providers: Arc<Providers>) -> Self {
        Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            links: Links::new(parts, packages.clone()),
            packages,
            tiers: parts.config.tiers.clone(),
            providers,
            list_domain: parts.config.sending.list_domain.clone(),
            on_unknown: parts.config.sending.on_unknown,
            epoch: AtomicU32::new(0),
            memory: Mutex::default(),
        }
    }

    /// The epoch the belt is in. In a new one everything is put on the shelf again: it may be empty.
    pub fn set_epoch(&self, epoch: u32) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    /// Puts what the sends share on the shelf, then the sends on their lanes.
    ///
    /// A send that can't be made into a job is held with its reason and stops nobody else. Answers
    /// in which lines the others wait.
    ///
    /// `round` is the one in which the sends were chosen.
    pub async fn push(
        &self,
        fed: &[FedSend],
        round: Round,
        fence: u64,
    ) -> anyhow::Result<PushedLines> {
        if fed.is_empty() {
            return Ok(PushedLines::default());
        }
        let mut jobs = Vec::with_capacity(fed.len());
        let mut unfit = Vec::new();
        let mut needs = Needs::default();
        for send in fed {
            match self.job(send, &mut needs).await? {
                Some(job) => jobs.push(job),
                None => unfit.push(send.send),
            }
        }
        self.hold(&unfit).await?;
        self.shelve(needs.items).await?;
        self.links.put(needs.lists, self.epoch.load(Ordering::Relaxed)).await?;
        let pushed = self.belt.push_in(round, &jobs, fence).await?.pushed;
        Ok(PushedLines { pushed, lines: jobs.iter().map(NewJob::line).collect() })
    }

    /// Puts on their lanes jobs of a version that is not the book's, with the partners they need.
    pub async fn push_ready(
        &self,
        version: &Version,
        jobs: Vec<(NewJob, Shared)>,
        fence: u64,
    ) -> anyhow::Result<u64> {
        if jobs.is_empty() {
            return Ok(0);
        }
        let blob = Item::Bytes(version.blob.clone());
        let mut items = HashMap::from([(version.hash.clone(), blob)]);
        let mut ready = Vec::with_capacity(jobs.len());
        for (job, partner) in jobs {
            items.insert(partner.hash, Item::Bytes(partner.bytes));
            ready.push(job);
        }
        self.shelve(items).await?;
        Ok(self.belt.push(&ready, fence).await?.pushed)
    }

    async fn hold(&self, unfit: &[SendId]) -> anyhow::Result<()> {
        if !unfit.is_empty() {
            tracing::error!(sends = unfit.len(), "held: their payload is over 4 KiB");
            self.store.hold_sends(unfit, "payload_too_big", self.belt.redis_time().await?).await?;
        }
        Ok(())
    }

    /// The job of one send; `None` if its payload is too big for the belt.
    async fn job(&self, send: &FedSend, needs: &mut Needs) -> anyhow::Result<Option<NewJob>> {
        let package = self.packages.get(&send.version_hash).await?;
        let shelved = self.shelved(send).await?;
        let links = &mut needs.lists;
        let track = self.links.of(send, &shelved.item.hash, &shelved.partner, links).await?;
        let payload = serde_json::to_string(&payload(send, &package, &shelved.item.hash, track))?;
        if payload.len() > PAYLOAD_LIMIT {
            return Ok(None);
        }
        let items = &mut needs.items;
        items.entry(send.version_hash.clone()).or_insert(Item::Version);
        items.entry(shelved.item.hash.clone()).or_insert_with(|| Item::Partner(shelved.clone()));
        let tier = self.tiers.find(&send.tier);
        Ok(Some(NewJob {
            send: send.send,
            lane: send.partner.clone(),
            weight: tier.map_or(1, |tier| tier.weight),
            partner_limit: tier.map(|tier| tier.partner_limit),
            tier: tier.map(|tier| tier.name.clone()).unwrap_or_default(),
            provider: provider(&self.providers, send),
            sender: sending_domain(&shelved.partner.sender),
            vendor: send.vendor.clone(),
            activation: send.activation,
            version: send.version.to_string(),
            revision: send.schedule_revision,
            suppression: [
                send.hash_everywhere.clone(),
                send.hash_vendor.clone(),
                send.hash_company.clone(),
            ],
            topic: (!send.topic.is_empty())
                .then(|| send.hash_company.about(&send.partner, &send.topic)),
            on_unknown: self.on_unknown,
            not_after: package.validity.until,
            first_fed_at: send.first_fed_at,
            payload,
        }))
    }

    async fn shelved(&self, send: &FedSend) -> anyhow::Result<Arc<Shelved>> {
        // A change of schedule may have changed what the partner filled in.
        let key = (send.activation, send.revision.clone(), send.schedule_revision);
        let mut memory = self.memory.lock().await;
        if let Some(known) = memory.shelves.get(&key) {
            return Ok(known.clone());
        }
        let source = self
            .store
            .shelf_source(send.activation)
            .await?
            .with_context(|| format!("the book has no activation {}", send.activation))?;
        let partner = source.shelf(&self.list_domain);
        let shelved = Arc::new(Shelved { item: Shared::of(&partner)?, partner });
        if memory.shelves.len() >= MOST_REMEMBERED {
            memory.shelves.clear();
        }
        memory.shelves.insert(key, shelved.clone());
        Ok(shelved)
    }

    /// Puts on the shelf what is not known to be there.
    async fn shelve(&self, items: HashMap<ContentHash, Item>) -> anyhow::Result<()> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let mut memory = self.memory.lock().await;
        let mut missing = Vec::new();
        for (hash, item) in items {
            let is_there = memory
                .put_at
                .get(&hash)
                .is_some_and(|(put_in, at)| *put_in == epoch && at.elapsed() < SHELVE_AGAIN_AFTER);
            if is_there {
                continue;
            }
            let bytes = match item {
                Item::Partner(shelved) => shelved.item.bytes.clone(),
                Item::Bytes(bytes) => bytes,
                Item::Version => self
                    .store
                    .version_blob(&hash)
                    .await?
                    .with_context(|| format!("the book has no package version {hash}"))?,
            };
            missing.push((hash, bytes));
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.belt.put_on_shelf(&missing).await?;
        if memory.put_at.len() >= MOST_REMEMBERED {
            memory.put_at.clear();
        }
        let now = Instant::now();
        memory.put_at.extend(missing.into_iter().map(|(hash, _)| (hash, (epoch, now))));
        Ok(())
    }
}

/// Whose mailbox it is: as the book says, so that feeding and the belt count alike. What an earlier version put there is no provider.
fn provider(providers: &Providers, send: &FedSend) -> String {
    if providers.has(&send.provider) {
        send.provider.clone()
    } else {
        providers.of_address(&send.address).to_owned()
    }
}

/// The domain that a partner's mail goes out from.
pub fn sending_domain(sender: &SenderIdentity) -> String {
    let domain = sender.from_email.rsplit_once('@').map_or("", |(_, domain)| domain);
    domain.to_ascii_lowercase()
}

/// What a batch needs on the shelf.
enum Item {
    /// A package version; its blob is read from the book only if it has to be put there.
    Version,
    Partner(Arc<Shelved>),
    Bytes(Vec<u8>),
}

fn payload(
    send: &FedSend,
    package: &Package,
    profile: &ContentHash,
    track: TrackedParts,
) -> SendEmail {
    let recipient = Recipient {
        first_name: &send.first_name,
        last_name: &send.last_name,
        fields: &send.fields,
    };
    SendEmail {
        v: job::VERSION,
        send: send.send,
        activation: send.activation,
        vendor: send.vendor.clone(),
        partner: send.partner.clone(),
        step: send.step.clone(),
        occurrence: send.occurrence,
        version: send.version_hash.clone(),
        profile: profile.clone(),
        address: send.address.clone(),
        name: recipient.name(),
        language: send.language.clone(),
        fields: recipient.merge_fields(&package.person_fields),
        first_fed_at: send.first_fed_at,
        attempts: send.attempts,
        track,
    }
}
