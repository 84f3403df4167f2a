//! Expand: from an activation and its list to one send per person and step.

use std::{collections::HashSet, sync::Arc};

use domain::{
    ActivationId, HashScope, UtcMillis,
    audience::{Candidate, Decision, Suppressed, decide},
    provider::Providers,
    schedule::Due,
};
use jiff::tz::TimeZone;
use render::{Package, Step};
use store::{Activation, AudienceContact, NewSend, PersonFacts, WriteTx};

use crate::{
    FEED_BELL, Parts,
    packages::Packages,
    pass::{Pass, Passed},
};

/// How many activations one pass looks at before it looks again which ones wait.
const ACTIVATIONS_A_PASS: i64 = 64;

/// The loop that expands.
pub struct Expand {
    parts: Parts,
    packages: Packages,
    providers: Arc<Providers>,
}

impl Expand {
    pub fn new(parts: &Parts, packages: Packages, providers: Arc<Providers>) -> Self {
        Self { parts: parts.clone(), packages, providers }
    }

    /// Expands until the audience ends or the activation is no longer to be expanded.
    async fn expand(&self, id: ActivationId, package: &Package) -> anyhow::Result<u64> {
        let zone = self.zone(id).await?;
        let mut rows = 0;
        let now = self.parts.belt.redis_time().await?;
        loop {
            let mut tx = self.parts.store.begin_write().await?;
            // Read inside the transaction: a pause or a cancel that was answered is seen here.
            let Some(activation) = tx.begin_expand(id).await? else {
                return Ok(rows);
            };
            let limit = self.parts.config.scheduler.expand_chunk as i64;
            let chunk = tx.audience_chunk(&activation, limit).await?;
            rows += self.decide_and_insert(&mut tx, &activation, package, &zone, &chunk).await?;
            if let Some(last) = chunk.last() {
                tx.set_expand_cursor(id, last.contact).await?;
            }
            let ended = (chunk.len() as i64) < limit;
            if ended {
                rows += self.last_pass(&mut tx, &activation, package, &zone, limit).await?;
                let expanded = tx.finish_expand(id, now).await?;
                tracing::info!(
                    activation.id = %id, partner.id = %activation.partner_id,
                    audience.persons = expanded.audience, "audience expanded"
                );
            }
            tx.commit().await?;
            if ended {
                return Ok(rows);
            }
        }
    }

    /// The partner's time zone, by which its contacts' clocks are taken to go.
    async fn zone(&self, id: ActivationId) -> anyhow::Result<TimeZone> {
        let source = self.parts.store.shelf_source(id).await?;
        let name = source.map(|source| source.brand.time_zone).unwrap_or_default();
        Ok(TimeZone::get(&name).unwrap_or(TimeZone::UTC))
    }

    /// Contacts that came or changed behind the cursor while it moved.
    async fn last_pass(
        &self,
        tx: &mut WriteTx,
        activation: &Activation,
        package: &Package,
        zone: &TimeZone,
        limit: i64,
    ) -> anyhow::Result<u64> {
        let mut rows = 0;
        let mut after = domain::ContactId::new(0);
        loop {
            let late = tx.late_contacts(activation, after, limit).await?;
            let Some(last) = late.last() else {
                return Ok(rows);
            };
            after = last.contact;
            rows += self.decide_and_insert(tx, activation, package, zone, &late).await?;
        }
    }

    async fn decide_and_insert(
        &self,
        tx: &mut WriteTx,
        activation: &Activation,
        package: &Package,
        zone: &TimeZone,
        contacts: &[AudienceContact],
    ) -> anyhow::Result<u64> {
        if contacts.is_empty() {
            return Ok(0);
        }
        let scope = HashScope::Vendor(&activation.vendor_id);
        let hashes: Vec<_> = contacts
            .iter()
            .map(|contact| self.parts.hash_key.hash_text(scope, &contact.address))
            .collect();
        let persons = tx.ensure_persons(&activation.vendor_id, &hashes).await?;
        let sends = sends(activation, package, zone, contacts, &persons, &self.providers);
        Ok(tx.insert_sends(activation, &sends).await?)
    }
}

/// When a step of an activation is due where clocks show the time of `zone`; `None` for what the clock
/// says nothing about.
fn due_at(activation: &Activation, step: &Step, zone: &TimeZone) -> Option<UtcMillis> {
    let due = step.due?;
    let anchor = if due.is_from_event() { activation.event_at? } else { activation.start_at };
    Some(due.moment(anchor, zone))
}

/// One row for every person and step: due, or skipped with its one reason.
fn sends(
    activation: &Activation,
    package: &Package,
    zone: &TimeZone,
    contacts: &[AudienceContact],
    persons: &[PersonFacts],
    providers: &Providers,
) -> Vec<NewSend> {
    let mut seen = HashSet::with_capacity(persons.len());
    contacts
        .iter()
        .zip(persons)
        .filter(|(_, facts)| seen.insert(facts.person))
        .flat_map(|(contact, facts)| {
            package
                .clock_steps()
                .filter_map(|step| Some((step, due_at(activation, step, zone)?)))
                .map(move |(step, due_at)| {
                    let decision = decide(&Candidate {
                        // A recalled version's activations are no longer `scheduled`, so they never come here.
                        recalled: false,
                        due_at,
                        valid_from: package.validity.from,
                        valid_until: package.validity.until,
                        erased: contact.erased,
                        address_is_good: contact.address_state == store::AddressState::Ok
                            && !contact.hard_bounced,
                        suppressed: Suppressed {
                            everywhere: contact.suppressed_everywhere,
                            vendor: facts.suppressed_vendor,
                            company: contact.suppressed_company,
                            topic: contact.suppressed_topic,
                        },
                        has_consent: contact.has_consent,
                        missed_its_event_time: step.due.is_some_and(Due::is_from_event)
                            && due_at < activation.start_at,
                        late: activation.migrated_at.is_some_and(|at| due_at < at),
                    });
                    NewSend {
                        step: step.key.clone(),
                        occurrence: 0,
                        contact: contact.contact,
                        person: facts.person,
                        provider: provider(contact, providers),
                        due_at,
                        skip: match decision {
                            Decision::Send => None,
                            Decision::Skip(reason) => Some(reason),
                        },
                    }
                })
        })
        .collect()
}

/// Whose mailbox it is; empty for a malformed address.
fn provider(contact: &AudienceContact, providers: &Providers) -> String {
    match contact.address_state {
        store::AddressState::Ok | store::AddressState::Bounced => {
            providers.of_address(&contact.address).to_owned()
        }
        _ => String::new(),
    }
}

impl Pass for Expand {
    async fn pass(&mut self, _fence: u64) -> anyhow::Result<Passed> {
        let activations = self.parts.store.activations_to_expand(ACTIVATIONS_A_PASS).await?;
        let mut rows = 0;
        for activation in &activations {
            // One package that can't be read stops its own activations, not the others'.
            match self.packages.get(&activation.version_hash).await {
                Ok(package) => rows += self.expand(activation.id, &package).await?,
                Err(error) => tracing::error!(
                    activation.id = %activation.id, error = format!("{error:#}"),
                    "activation can't be expanded"
                ),
            }
        }
        if rows > 0 {
            // A ring that is lost costs a second: feed wakes by itself.
            self.parts.belt.ring(FEED_BELL).await.ok();
        }
        Ok(Passed { rows, more: rows > 0 && activations.len() as i64 == ACTIVATIONS_A_PASS })
    }
}
