//! Feeding: due sends go from the book to the belt in bounded batches, emptiest lanes first.

use std::collections::{BTreeMap, HashMap};

use domain::{
    ActivationId, AddressHash, BrandProfile, CompanyId, ContactId, ContentHash, PartnerId,
    PartnerShelf, PersonId, SendId, SendState, SenderIdentity, SkipReason, StepKey, UtcMillis,
    VendorId, VersionId, job, list_id::list_id,
};
use sqlx::{AnyConnection, any::AnyRow};

use crate::{
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::{Result, StoreError},
    partner::sender,
    row::Read,
    suppression::reason,
};

/// How much may go on the belt now.
#[derive(Debug, Clone, Copy)]
pub struct FeedWindow<'a> {
    /// Campaign time now.
    pub now: UtcMillis,
    /// Sends due up to then may go; the belt holds what is due within 30 s.
    pub until: UtcMillis,
    /// How many a lane may have on the belt for one provider.
    pub per_lane: usize,
    /// How many may be on the belt for one provider, all lanes together.
    pub per_provider: usize,
    /// How many may go now in all.
    pub total: usize,
    /// How many each lane has on the belt already, by provider.
    pub on_belt: &'a HashMap<(PartnerId, String), usize>,
}

/// What was fed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fed {
    /// Marked as queued; they must be pushed now, or reconcile will find them.
    pub sends: Vec<FedSend>,
    /// Skipped instead, because the person was suppressed after the audience was decided.
    pub skipped: u64,
}

/// A send and everything its job carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FedSend {
    /// The send.
    pub send: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// The partner's firm.
    pub company: CompanyId,
    /// Its partner, which is its lane.
    pub partner: PartnerId,
    /// The contact it goes to.
    pub contact: ContactId,
    /// The person that is.
    pub person: PersonId,
    /// The package version.
    pub version: VersionId,
    /// The hash of its content.
    pub version_hash: ContentHash,
    /// The partner's brand and sender as they were at the launch.
    pub revision: ContentHash,
    /// The activation's schedule revision.
    pub schedule_revision: u32,
    /// The partner's tier.
    pub tier: String,
    /// The step.
    pub step: StepKey,
    /// Which time round.
    pub occurrence: u32,
    /// The mailbox provider, as it was when the audience was decided.
    pub provider: String,
    /// The address, normalised.
    pub address: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// The other columns of the contact's file.
    pub fields: BTreeMap<String, String>,
    /// BCP 47; may be empty.
    pub language: String,
    /// The address's hash for the whole installation.
    pub hash_everywhere: AddressHash,
    /// The address's hash for the vendor.
    pub hash_vendor: AddressHash,
    /// The address's hash for the company.
    pub hash_company: AddressHash,
    /// What the version's mail is about; empty: nothing in particular.
    pub topic: String,
    /// Attempts that were charged.
    pub attempts: u32,
    /// When it was due.
    pub due_at: UtcMillis,
    /// When it was first fed; `now` if this is the first time.
    pub first_fed_at: UtcMillis,
}

/// What the jobs of one activation share, as the book has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfSource {
    /// The activation.
    pub activation: ActivationId,
    /// Its vendor.
    pub vendor: VendorId,
    /// The vendor's name.
    pub vendor_name: String,
    /// Its partner.
    pub partner: PartnerId,
    /// The vendor's own key for the partner.
    pub partner_key: String,
    /// The partner's tier.
    pub tier: String,
    /// The brand as it was at the launch.
    pub brand: BrandProfile,
    /// The sender as it was at the launch.
    pub sender: SenderIdentity,
    /// What the partner filled in, by slot name.
    pub slots: BTreeMap<String, String>,
    /// The hash of the package version's content.
    pub version_hash: ContentHash,
    /// Names brand and sender.
    pub revision: ContentHash,
}

impl ShelfSource {
    /// As jobs and pages need it; `list_domain` is what every List-ID ends with.
    pub fn shelf(self, list_domain: &str) -> PartnerShelf {
        PartnerShelf {
            v: job::VERSION,
            vendor_name: self.vendor_name,
            tier: self.tier,
            list_id: list_id(&self.partner_key, &self.partner, list_domain),
            brand: self.brand,
            sender: self.sender,
            slots: self.slots,
        }
    }
}

/// How much is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenSends {
    /// Waiting for their time.
    pub due: i64,
    /// On the belt.
    pub queued: i64,
    /// Activations that are scheduled or running.
    pub live_activations: i64,
}

/// What all jobs of one activation have in common.
struct Shared {
    vendor: VendorId,
    company: CompanyId,
    partner: PartnerId,
    version: VersionId,
    version_hash: ContentHash,
    revision: ContentHash,
    schedule_revision: u32,
    tier: String,
    topic: String,
}

impl Store {
    /// Marks due sends as queued and answers with what their jobs carry. Lanes with nothing on the
    /// belt come first, then those with less; each gets at most its share of `total`, so that one big
    /// lane leaves room for the others. What a lane has for a provider that has enough on the belt
    /// stays in the book and is in nobody's way.
    ///
    /// # Errors
    /// When the book fails; then nothing was marked.
    pub async fn feed(&self, window: &FeedWindow<'_>) -> Result<Fed> {
        let candidates = self.candidates(window).await?;
        if candidates.is_empty() {
            return Ok(Fed::default());
        }
        let mut tx = self.begin_write().await?;
        let fed = tx.queue(&candidates, Queue::Due, window.now).await?;
        tx.commit().await?;
        Ok(fed)
    }

    /// Which due sends go next. Read without a lock: who moves one meanwhile is noticed when it is marked.
    async fn candidates(&self, window: &FeedWindow<'_>) -> Result<Vec<i64>> {
        let mut at_provider: HashMap<&str, usize> = HashMap::new();
        for ((_, provider), count) in window.on_belt {
            *at_provider.entry(provider.as_str()).or_default() += count;
        }
        let most_at_one = at_provider.values().copied().max().unwrap_or(0);
        // Wherever everything fits into every window, providers need not be told apart.
        let fits_providers = most_at_one + window.total <= window.per_provider;
        let mut connection = self.read().await?;
        let rows = if fits_providers {
            // So many that, without those that have something on the belt, enough are left to fill the batch with one send
            // each: nobody else's turn would come. Where a provider is full, those who come first may have nothing to give,
            // and all have to be looked at.
            let lanes = window.total + window.on_belt.len();
            sqlx::query(sql!("activation/first_lanes.sql"))
                .bind(window.until.get())
                .bind(i64::try_from(lanes).unwrap_or(i64::MAX))
                .fetch_all(&mut *connection)
                .await?
        } else {
            sqlx::query(sql!("activation/lanes.sql")).fetch_all(&mut *connection).await?
        };
        let mut lanes: HashMap<String, Lane<'_>> = HashMap::new();
        for row in &rows {
            let Some(first_due) = row.opt_time("first_due")?.filter(|due| *due <= window.until)
            else {
                continue;
            };
            let lane = lanes.entry(row.text("partner_id")?).or_insert_with(|| Lane::new(first_due));
            lane.first_due = lane.first_due.min(first_due);
            lane.activations.push((first_due, row.int("activation_id")?));
        }
        for ((partner, provider), count) in window.on_belt {
            if let Some(lane) = lanes.get_mut(partner.as_str()) {
                lane.on_belt += count;
                lane.most = lane.most.max(*count);
                lane.by_provider.insert(provider, *count);
            }
        }
        let mut lanes: Vec<Lane<'_>> = lanes.into_values().collect();
        lanes.sort_by_key(|lane| (lane.on_belt, lane.first_due, lane.activations[0].1));
        // A share is at least a few: a look into the book per lane and send would cost more than it
        // gives, and the lanes that are left out come first the next time.
        let share = window.total.div_ceil(lanes.len().max(1)).max(LEAST_SHARE);
        let mut chosen = Vec::with_capacity(window.total);
        for mut lane in lanes {
            let room = share.min(window.total - chosen.len());
            lane.activations.sort_unstable();
            if fits_providers && lane.most + room <= window.per_lane {
                lane.next_of_all(&mut connection, window.until, room, &mut chosen).await?;
            } else {
                lane.next_by_provider(&mut connection, window, room, &mut at_provider, &mut chosen)
                    .await?;
            }
            if chosen.len() == window.total {
                break;
            }
        }
        Ok(chosen)
    }

    /// What the jobs of an activation share.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn shelf_source(&self, id: ActivationId) -> Result<Option<ShelfSource>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("activation/shelf_source.sql"))
            .bind(id.get())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            Ok(ShelfSource {
                activation: id,
                vendor: row.parsed("vendor_id")?,
                vendor_name: row.text("vendor_name")?,
                partner: row.parsed("partner_id")?,
                partner_key: row.text("partner_key")?,
                tier: row.text("tier")?,
                brand: row.json("brand")?,
                sender: sender(&row)?,
                slots: row.json("slots")?,
                version_hash: row.parsed("version_hash")?,
                revision: row.parsed("revision")?,
            })
        })
        .transpose()
    }

    /// How many messages relays have taken for each partner since `hour`, the beginning of an hour of campaign time.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn accepted_since(&self, hour: UtcMillis) -> Result<Vec<(PartnerId, u64)>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("rollup_hour/accepted_since.sql"))
            .bind(hour.get())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok((row.parsed("partner_id")?, u64::try_from(row.int("events")?).unwrap_or(0)))
            })
            .collect()
    }

    /// When the next send falls due, if any activation that may go on has one.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn next_due_at(&self) -> Result<Option<UtcMillis>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("send/next_due.sql")).fetch_one(&mut *connection).await?;
        row.opt_time("due_at")
    }

    /// How much is open.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn open_sends(&self) -> Result<OpenSends> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("send/count_open.sql")).fetch_one(&mut *connection).await?;
        Ok(OpenSends {
            due: row.int("due")?,
            queued: row.int("queued")?,
            live_activations: row.int("live")?,
        })
    }
}

/// Looking into a lane for fewer than this is not worth its cost.
const LEAST_SHARE: usize = 8;

/// A lane that has something due.
struct Lane<'a> {
    /// How many it has on the belt, and for the provider it has most for.
    on_belt: usize,
    most: usize,
    by_provider: HashMap<&'a str, usize>,
    first_due: UtcMillis,
    activations: Vec<(UtcMillis, i64)>,
}

impl<'a> Lane<'a> {
    fn new(first_due: UtcMillis) -> Self {
        Self {
            on_belt: 0,
            most: 0,
            by_provider: HashMap::new(),
            first_due,
            activations: Vec::new(),
        }
    }

    /// Up to `room` of its sends, whomever they go to.
    async fn next_of_all(
        &self,
        connection: &mut AnyConnection,
        until: UtcMillis,
        mut room: usize,
        chosen: &mut Vec<i64>,
    ) -> Result<()> {
        for (_, activation) in &self.activations {
            if room == 0 {
                break;
            }
            let rows = sqlx::query(sql!("send/due_of_activation.sql"))
                .bind(*activation)
                .bind(until.get())
                .bind(limit(room))
                .fetch_all(&mut *connection)
                .await?;
            room -= rows.len();
            for row in &rows {
                chosen.push(row.int("send_id")?);
            }
        }
        Ok(())
    }

    /// Up to `room` of its sends, of each provider as many as its windows have room for.
    async fn next_by_provider(
        &mut self,
        connection: &mut AnyConnection,
        window: &FeedWindow<'a>,
        mut room: usize,
        at_provider: &mut HashMap<&'a str, usize>,
        chosen: &mut Vec<i64>,
    ) -> Result<()> {
        // What this lane gets in this pass.
        let mut new: HashMap<String, usize> = HashMap::new();
        for (_, activation) in &self.activations {
            let mut after = String::new();
            while room > 0 {
                let row = sqlx::query(sql!("send/next_provider_due.sql"))
                    .bind(*activation)
                    .bind(&after)
                    .fetch_one(&mut *connection)
                    .await?;
                let Some(provider) = row.opt_text("provider")? else {
                    break;
                };
                let here = self.by_provider.get(provider.as_str()).copied().unwrap_or(0)
                    + new.get(&provider).copied().unwrap_or(0);
                let everywhere = at_provider.get(provider.as_str()).copied().unwrap_or(0)
                    + new.get(&provider).copied().unwrap_or(0);
                let may = room
                    .min(window.per_lane.saturating_sub(here))
                    .min(window.per_provider.saturating_sub(everywhere));
                if may > 0 {
                    let rows = sqlx::query(sql!("send/due_of_provider.sql"))
                        .bind(*activation)
                        .bind(&provider)
                        .bind(window.until.get())
                        .bind(limit(may))
                        .fetch_all(&mut *connection)
                        .await?;
                    for row in &rows {
                        chosen.push(row.int("send_id")?);
                    }
                    room -= rows.len();
                    *new.entry(provider.clone()).or_default() += rows.len();
                }
                after = provider;
            }
        }
        for (provider, count) in at_provider.iter_mut() {
            *count += new.get(*provider).copied().unwrap_or(0);
        }
        Ok(())
    }
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// What the sends to be queued are before.
#[derive(Clone, Copy)]
pub(crate) enum Queue {
    /// Due: they are fed.
    Due,
    /// Queued already, since then or longer: they go on the belt again.
    Again {
        /// When they were fed last, at the latest.
        fed_before: UtcMillis,
    },
}

impl WriteTx {
    /// Reads what the jobs of these sends carry, decides again whether the person may be mailed, and
    /// marks them. A send that somebody moved since it was chosen is left alone.
    pub(crate) async fn queue(
        &mut self,
        sends: &[i64],
        queue: Queue,
        now: UtcMillis,
    ) -> Result<Fed> {
        let engine = self.engine;
        let (before, fed_before) = match queue {
            Queue::Due => (SendState::Due.as_str(), i64::MAX),
            Queue::Again { fed_before } => (SendState::Queued.as_str(), fed_before.get()),
        };
        let mut ids = Rows::new(3, sends.len());
        for send in sends {
            ids.push([Value::Int(*send), before.into(), Value::Int(fed_before)]);
        }
        let jobs = ids.fetch(engine, self.connection(), sql!("send/jobs_many.sql")).await?;
        let shared = self.shared(&jobs).await?;

        let mut marks = Rows::new(5, jobs.len());
        let mut going: HashMap<i64, FedSend> = HashMap::with_capacity(jobs.len());
        let mut skipping = Vec::new();
        for row in &jobs {
            let id = row.int("send_id")?;
            let skip = suppressed(row)?;
            marks.push([
                Value::Int(id),
                before.into(),
                if skip.is_some() { "skipped" } else { "queued" }.into(),
                skip.map_or("", SkipReason::as_str).into(),
                Value::Int(now.get()),
            ]);
            if skip.is_some() {
                skipping.push(ActivationId::new(row.int("activation_id")?));
            } else {
                let activation = row.int("activation_id")?;
                let shared = shared.get(&activation).ok_or_else(|| {
                    StoreError::not_found("activation", ActivationId::new(activation))
                })?;
                going.insert(id, fed_send(row, shared, now)?);
            }
        }
        let marked = marks.fetch(engine, self.connection(), sql!("send/queue_many.sql")).await?;
        let mut moved = std::collections::HashSet::with_capacity(marked.len());
        for row in &marked {
            moved.insert(row.int("send_id")?);
        }
        // In the order they were chosen; the engine answers in any.
        let sends: Vec<FedSend> = sends
            .iter()
            .filter(|id| moved.contains(id))
            .filter_map(|id| going.remove(id))
            .collect();
        let skipped = (moved.len() - sends.len()) as u64;
        if skipped > 0 {
            skipping.sort_unstable();
            skipping.dedup();
            self.complete(&skipping, now).await?;
        }
        Ok(Fed { sends, skipped })
    }

    async fn shared(&mut self, jobs: &[AnyRow]) -> Result<HashMap<i64, Shared>> {
        let mut ids: Vec<i64> =
            jobs.iter().map(|row| row.int("activation_id")).collect::<Result<_>>()?;
        ids.sort_unstable();
        ids.dedup();
        let mut rows = Rows::new(1, ids.len());
        for id in ids {
            rows.push([Value::Int(id)]);
        }
        let engine = self.engine;
        let rows =
            rows.fetch(engine, self.connection(), sql!("activation/feed_facts_many.sql")).await?;
        rows.iter()
            .map(|row| {
                let shared = Shared {
                    vendor: row.parsed("vendor_id")?,
                    company: row.parsed("company_id")?,
                    partner: row.parsed("partner_id")?,
                    version: row.parsed("version_id")?,
                    version_hash: row.parsed("version_hash")?,
                    revision: row.parsed("revision")?,
                    schedule_revision: row.small("schedule_revision")?,
                    tier: row.text("tier")?,
                    topic: row.text("topic")?,
                };
                Ok((row.int("activation_id")?, shared))
            })
            .collect()
    }
}

/// Why a person that was not suppressed when the audience was decided is now, in the order of
/// [`SkipReason::ALL`].
fn suppressed(row: &AnyRow) -> Result<Option<SkipReason>> {
    let everywhere = row.opt_text("everywhere_reason")?;
    Ok(match everywhere.as_deref() {
        Some(reason::HARD_BOUNCE) => Some(SkipReason::BadAddress),
        Some(_) => Some(SkipReason::SuppressedEverywhere),
        None if row.flag("suppressed_vendor")? => Some(SkipReason::SuppressedVendor),
        None if row.flag("suppressed_company")? => Some(SkipReason::SuppressedCompany),
        None if row.flag("suppressed_topic")? => Some(SkipReason::SuppressedTopic),
        None => None,
    })
}

fn fed_send(row: &AnyRow, shared: &Shared, now: UtcMillis) -> Result<FedSend> {
    Ok(FedSend {
        send: SendId::new(row.int("send_id")?),
        activation: ActivationId::new(row.int("activation_id")?),
        vendor: shared.vendor.clone(),
        company: shared.company.clone(),
        partner: shared.partner.clone(),
        contact: ContactId::new(row.int("contact_id")?),
        person: PersonId::new(row.int("person_id")?),
        version: shared.version.clone(),
        version_hash: shared.version_hash.clone(),
        revision: shared.revision.clone(),
        schedule_revision: shared.schedule_revision,
        tier: shared.tier.clone(),
        step: row.parsed("step_key")?,
        occurrence: row.small("occurrence")?,
        provider: row.text("provider")?,
        address: row.text("address")?,
        first_name: row.text("first_name")?,
        last_name: row.text("last_name")?,
        fields: row.json("fields")?,
        language: row.text("language")?,
        hash_everywhere: row.parsed("hash_everywhere")?,
        hash_vendor: row.parsed("hash_vendor")?,
        hash_company: row.parsed("hash_company")?,
        topic: shared.topic.clone(),
        attempts: row.small("attempts")?,
        due_at: row.time("due_at")?,
        first_fed_at: row.opt_time("first_fed_at")?.unwrap_or(now),
    })
}
