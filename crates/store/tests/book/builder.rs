//! A book with what a test needs in it.

use std::collections::{BTreeMap, HashMap};

use domain::{
    ActivationId, AddressHash, BrandProfile, ClaimNumber, CompanyId, ContactId, ContentHash,
    EmailAddress, HashKey, HashScope, ListId, OnUnknown, Outcome, OutcomeRecord, PackageId,
    PartnerId, SenderIdentity, SkipReason, UtcMillis, VendorId, VersionId,
    audience::{Candidate, Decision, Suppressed, decide},
    brand::ContactPerson,
    merge::GiveUp,
};
use store::{
    Activation, AddressState, AudienceContact, ConsentInput, ContactInput, Fed, FedSend,
    FeedWindow, LaunchItem, LaunchKind, LaunchRequest, NewSend, PartnerInput, PublishInput, Store,
    StoreOptions, StreamedOutcome,
};
use testkit::TestDatabase;

pub const NOW: UtcMillis = UtcMillis::new(1_767_225_600_000);
pub const GIVE_UP: GiveUp = GiveUp { after: std::time::Duration::from_secs(4 * 86_400) };

/// A migrated book.
pub struct Book {
    pub store: Store,
    pub database: TestDatabase,
    pub key: HashKey,
}

/// A partner with a list.
#[derive(Clone)]
pub struct Lane {
    pub partner: PartnerId,
    pub company: CompanyId,
    pub list: ListId,
}

/// A vendor with a published package.
pub struct Program {
    pub vendor: VendorId,
    pub package: PackageId,
    pub version: VersionId,
}

impl Book {
    pub async fn on_sqlite() -> Self {
        Self::on(TestDatabase::sqlite()).await
    }

    pub async fn on_postgres() -> Self {
        Self::on(TestDatabase::postgres()).await
    }

    async fn on(database: TestDatabase) -> Self {
        let store =
            Store::open(database.url(), StoreOptions::default()).await.expect("the book opens");
        store.migrate(NOW).await.expect("the book migrates");
        Self { store, database, key: HashKey::new([7; 32]) }
    }

    pub async fn program(&self) -> Program {
        let vendor = self.store.add_vendor("Northwind", "test", NOW).await.unwrap().row.id;
        let version = self.publish(&vendor, b"one").await;
        let package = self.store.find_package(&vendor, "launch").await.unwrap().unwrap().id;
        Program { vendor, package, version }
    }

    pub async fn publish(&self, vendor: &VendorId, blob: &[u8]) -> VersionId {
        let hash = ContentHash::of(blob);
        let input = PublishInput {
            vendor,
            slug: "launch",
            name: "Launch",
            hash: &hash,
            blob,
            topic: "",
            topic_name: "\"\"",
            state: domain::VersionState::Published,
            who: "test",
            now: NOW,
        };
        self.store.add_version(&input).await.unwrap().row.id
    }

    /// Partners `p0`, `p1`, … each with an empty list.
    pub async fn lanes(&self, vendor: &VendorId, count: usize) -> Vec<Lane> {
        let inputs: Vec<PartnerInput> =
            (0..count).map(|n| partner_input(&format!("p{n}"))).collect();
        let partners = self.store.upsert_partners(vendor, &inputs, "test", NOW).await.unwrap();
        let mut lanes = Vec::new();
        for partner in partners {
            let company = partner.row.company_id;
            let list = self.store.upsert_list(&company, "Customers", NOW).await.unwrap().row.id;
            lanes.push(Lane { partner: partner.row.id, company, list });
        }
        lanes
    }

    pub fn contact(&self, lane: &Lane, address: &str) -> ContactInput {
        let parsed: Result<EmailAddress, _> = address.parse();
        let (state, text) = match &parsed {
            Ok(address) => (AddressState::Ok, address.as_str().to_owned()),
            Err(_) => (AddressState::Malformed, address.trim().to_owned()),
        };
        ContactInput {
            hash_everywhere: self.key.hash_text(HashScope::Everywhere, &text),
            hash_company: self.key.hash_text(HashScope::Company(&lane.company), &text),
            address: text,
            address_raw: address.to_owned(),
            first_name: "Anna".to_owned(),
            last_name: "Ábel".to_owned(),
            fields: BTreeMap::from([("city".to_owned(), "Wien".to_owned())]),
            language: "de".to_owned(),
            address_state: state,
            consent: Some(ConsentInput {
                basis: "opt_in".to_owned(),
                source: "file".to_owned(),
                text: "yes".to_owned(),
                at: NOW,
            }),
        }
    }

    /// Contacts `{prefix}0@example.com`, …
    pub async fn contacts(&self, lane: &Lane, prefix: &str, count: usize) -> Vec<ContactInput> {
        let inputs: Vec<ContactInput> =
            (0..count).map(|n| self.contact(lane, &format!("{prefix}{n}@example.com"))).collect();
        self.store.upsert_contacts(&lane.company, &lane.list, &inputs, NOW).await.unwrap();
        inputs
    }

    pub fn request(&self, program: &Program, lanes: &[Lane]) -> LaunchRequest {
        LaunchRequest {
            vendor: program.vendor.clone(),
            package: program.package.clone(),
            version: program.version.clone(),
            kind: LaunchKind::One,
            who: "test".to_owned(),
            now: NOW,
            start_at: NOW,
            again: false,
            items: lanes
                .iter()
                .map(|lane| LaunchItem {
                    event_at: None,
                    partner: lane.partner.clone(),
                    list: lane.list.clone(),
                    slots: BTreeMap::from([("greeting".to_owned(), "Servus".to_owned())]),
                })
                .collect(),
        }
    }

    pub async fn launch(&self, program: &Program, lanes: &[Lane]) -> Vec<ActivationId> {
        let launched = self.store.launch(&self.request(program, lanes)).await.unwrap();
        launched.items.iter().map(|item| item.activation).collect()
    }

    pub fn vendor_hash(&self, activation: &Activation, contact: &AudienceContact) -> AddressHash {
        self.key.hash_text(HashScope::Vendor(&activation.vendor_id), &contact.address)
    }

    /// Decides one chunk of an activation; answers how many contacts were in it.
    pub async fn expand_chunk(&self, id: ActivationId, steps: &[&str], limit: i64) -> usize {
        let mut tx = self.store.begin_write().await.unwrap();
        let activation = tx.begin_expand(id).await.unwrap().expect("it is scheduled");
        let contacts = tx.audience_chunk(&activation, limit).await.unwrap();
        self.decide_into(&mut tx, &activation, &contacts, steps).await;
        if let Some(last) = contacts.last() {
            tx.set_expand_cursor(id, last.contact).await.unwrap();
        }
        tx.commit().await.unwrap();
        contacts.len()
    }

    pub async fn decide_into(
        &self,
        tx: &mut store::WriteTx,
        activation: &Activation,
        contacts: &[AudienceContact],
        steps: &[&str],
    ) -> u64 {
        let hashes: Vec<AddressHash> =
            contacts.iter().map(|contact| self.vendor_hash(activation, contact)).collect();
        let persons = tx.ensure_persons(&activation.vendor_id, &hashes).await.unwrap();
        let mut sends = Vec::new();
        for (contact, person) in contacts.iter().zip(persons) {
            for step in steps {
                let candidate = Candidate {
                    recalled: false,
                    due_at: activation.start_at,
                    valid_from: None,
                    valid_until: None,
                    erased: contact.erased,
                    address_is_good: contact.address_state == AddressState::Ok
                        && !contact.hard_bounced,
                    suppressed: Suppressed {
                        everywhere: contact.suppressed_everywhere,
                        vendor: person.suppressed_vendor,
                        company: contact.suppressed_company,
                        topic: contact.suppressed_topic,
                    },
                    has_consent: contact.has_consent,
                    missed_its_event_time: false,
                    late: false,
                };
                let skip: Option<SkipReason> = match decide(&candidate) {
                    Decision::Send => None,
                    Decision::Skip(reason) => Some(reason),
                };
                sends.push(NewSend {
                    step: step.parse().unwrap(),
                    occurrence: 0,
                    contact: contact.contact,
                    person: person.person,
                    provider: "example.com".to_owned(),
                    due_at: activation.start_at,
                    skip,
                });
            }
        }
        tx.insert_sends(activation, &sends).await.unwrap()
    }

    /// Decides a whole activation, the last pass with it.
    pub async fn expand(&self, id: ActivationId, steps: &[&str]) -> store::Expanded {
        while self.expand_chunk(id, steps, 500).await > 0 {}
        let mut tx = self.store.begin_write().await.unwrap();
        let activation = tx.begin_expand(id).await.unwrap().expect("it is scheduled");
        let late = tx.late_contacts(&activation, ContactId::new(0), 1_000).await.unwrap();
        self.decide_into(&mut tx, &activation, &late, steps).await;
        let expanded = tx.finish_expand(id, NOW).await.unwrap();
        tx.commit().await.unwrap();
        expanded
    }

    /// One activation with `count` due sends of the step `hello`.
    pub async fn running(&self, count: usize) -> (Program, Lane, ActivationId) {
        let program = self.program().await;
        let lane = self.lanes(&program.vendor, 1).await.remove(0);
        self.contacts(&lane, "a", count).await;
        let id = self.launch(&program, std::slice::from_ref(&lane)).await[0];
        self.expand(id, &["hello"]).await;
        (program, lane, id)
    }

    pub async fn feed_all(&self) -> Fed {
        self.feed(10_000, 10_000, &HashMap::new()).await
    }

    pub async fn feed(
        &self,
        per_lane: usize,
        total: usize,
        on_belt: &HashMap<(PartnerId, String), usize>,
    ) -> Fed {
        let window =
            FeedWindow { now: NOW, until: NOW, per_lane, per_provider: 1_000_000, total, on_belt };
        self.store.feed(&window).await.unwrap()
    }

    /// Sends of an activation by `state` or `state:reason`.
    pub async fn counts(&self, id: ActivationId) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        for count in self.store.send_counts(Some(id), None).await.unwrap() {
            let name = if count.reason.is_empty() {
                count.state.to_string()
            } else {
                format!("{}:{}", count.state, count.reason)
            };
            *counts.entry(name).or_default() += count.count;
        }
        counts
    }
}

pub fn partner_input(key: &str) -> PartnerInput {
    PartnerInput {
        region: String::new(),
        partner_type: String::new(),
        partner_key: key.to_owned(),
        company_name: format!("Firma {key}"),
        tier: "Gold".to_owned(),
        brand: BrandProfile {
            name: format!("Firma {key}"),
            logo: None,
            colour: "#112233".to_owned(),
            postal_address: vec!["Ring 1".to_owned(), "1010 Wien".to_owned()],
            web_site: "https://example.com".to_owned(),
            locale: "de-AT".to_owned(),
            time_zone: "Europe/Vienna".to_owned(),
            contact_person: ContactPerson {
                name: "Eva".to_owned(),
                email: "eva@example.com".to_owned(),
                phone: String::new(),
            },
        },
        sender: SenderIdentity {
            from_name: format!("Firma {key}"),
            from_email: format!("news@{key}.example.com"),
            reply_to: format!("office@{key}.example.com"),
        },
    }
}

/// An outcome of the `counter`-th hand-out.
pub fn outcome(send: &FedSend, counter: u64, outcome: Outcome) -> StreamedOutcome {
    StreamedOutcome {
        position: format!("{counter}-0"),
        record: OutcomeRecord {
            v: 1,
            send: send.send,
            activation: send.activation,
            partner: send.partner.clone(),
            claim: ClaimNumber::new(1, counter),
            on_unknown: OnUnknown::Retry,
            outcome,
        },
        at: NOW,
    }
}
