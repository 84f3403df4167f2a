//! A book, a belt and a program, and the shortest ways to fill them.

use std::{path::PathBuf, sync::Arc};

use belt::{Belt, BeltConfig, OpenWith};
use domain::{
    AddressHash, ClaimNumber, CompanyId, HashKey, HashScope, OnUnknown, Outcome, OutcomeRecord,
    PartnerId, StepKey, UtcMillis, VendorId, merge::GiveUp, outcome::Answer, tier::Tiers,
    time::Clock, token::LinkKey,
};
use program::{
    Actor, ImportContacts, ImportPartners, ImportReport, Launch, LaunchFor, Launched, Parts,
    Program, PublishAs, ReadAs,
};
use render::{SamplePackage, SharedTemplates};
use store::{NewSend, Store, StoreOptions, StreamedOutcome};
use testkit::{FakeClock, TestDatabase, TestRedis};

pub const OPS: Actor = Actor::Ops;

pub const PARTNER_COLUMNS: &str = "partner_key,company_name,tier,from_name,from_email,reply_to,locale,\
time_zone,colour,web_site,postal_address,contact_name,contact_email,contact_phone,logo";

pub struct World {
    pub program: Program,
    pub store: Store,
    pub redis: TestRedis,
    pub clock: Arc<FakeClock>,
    pub vendor: VendorId,
    pub link_key: LinkKey,
    pub hash_key: HashKey,
    folder: tempfile::TempDir,
    _database: TestDatabase,
}

impl World {
    /// On SQLite, with an open belt and one vendor.
    pub async fn new() -> Self {
        Self::on(TestDatabase::sqlite()).await
    }

    pub async fn on(database: TestDatabase) -> Self {
        let clock = Arc::new(FakeClock::default());
        let store = Store::open(database.url(), StoreOptions::default()).await.unwrap();
        store.migrate(clock.now()).await.unwrap();
        let redis = TestRedis::start();
        let belt = Belt::connect(BeltConfig::new(redis.url())).await.unwrap();
        belt.open(1, 1, OpenWith::default()).await.unwrap();
        belt.finish_reporting(1).await.unwrap();
        let link_key = LinkKey::new(1, &[2; 32]);
        let hash_key = HashKey::new([1; 32]);
        let program = Program::new(Parts {
            store: store.clone(),
            belt: Some(belt),
            clock: clock.clone(),
            hash_key: hash_key.clone(),
            link_key: link_key.clone(),
            tiers: Tiers::default(),
            templates: SharedTemplates::embedded(),
            public_url: "https://mail.example".to_owned(),
            message_id_domain: "mail.example".to_owned(),
            list_domain: "lists.example".to_owned(),
        });
        let vendor = program.add_vendor(&OPS, "Northwind Secure").await.unwrap().vendor;
        let folder = tempfile::tempdir().unwrap();
        Self {
            program,
            store,
            redis,
            clock,
            vendor,
            link_key,
            hash_key,
            folder,
            _database: database,
        }
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub async fn try_import_partners(&self, csv: &str) -> program::Result<ImportReport> {
        let file = self.file("partners.csv", csv);
        let read_as = ReadAs::default();
        let import = ImportPartners { vendor: self.vendor.clone(), file, read_as, dry_run: false };
        self.program.import_partners(&OPS, &import, &mut |_| {}).await
    }

    pub async fn import_partners(&self, rows: &[String]) -> ImportReport {
        let csv = format!("{PARTNER_COLUMNS}\n{}\n", rows.join("\n"));
        self.try_import_partners(&csv).await.unwrap()
    }

    /// One partner of a tier; its id and company.
    pub async fn partner(&self, key: &str, tier: &str) -> (PartnerId, CompanyId) {
        let report = self.import_partners(&[partner_row(key, tier)]).await;
        assert_eq!(report.refused, 0, "{:?}", report.problems);
        let found = self.program.find_partner(&OPS, Some(&self.vendor), key).await.unwrap();
        (found.partner, found.company)
    }

    pub fn contacts(&self, company: &CompanyId, csv: impl AsRef<[u8]>) -> ImportContacts {
        ImportContacts {
            company: company.clone(),
            list: "customers".to_owned(),
            file: self.file("contacts.csv", csv),
            read_as: ReadAs::default(),
            consent: Some("opt_in".to_owned()),
            dry_run: false,
        }
    }

    pub async fn try_import_contacts(
        &self,
        company: &CompanyId,
        csv: impl AsRef<[u8]>,
    ) -> program::Result<ImportReport> {
        let import = self.contacts(company, csv);
        self.program.import_contacts(&OPS, &import, &mut |_| {}).await
    }

    pub async fn import_contacts(
        &self,
        company: &CompanyId,
        csv: impl AsRef<[u8]>,
    ) -> ImportReport {
        self.try_import_contacts(company, csv).await.unwrap()
    }

    /// Publishes the sample package, as it comes or changed.
    pub async fn publish(&self, change: impl FnOnce(&mut String)) {
        let sample = SamplePackage::named("product-launch").unwrap();
        let mut files = sample.files().clone();
        let mut manifest = String::from_utf8(files.get("package.toml").unwrap().to_vec()).unwrap();
        change(&mut manifest);
        files.insert("package.toml", manifest.into_bytes());
        self.program.publish_files(&OPS, &self.vendor, &files, PublishAs::Published).await.unwrap();
    }

    pub fn launch_for(&self, who: LaunchFor) -> Launch {
        Launch {
            vendor: self.vendor.clone(),
            package: "product-launch".to_owned(),
            who,
            list: None,
            again: false,
            start: None,
            slots: Default::default(),
        }
    }

    pub async fn launch(&self, who: LaunchFor) -> Launched {
        self.program.launch(&OPS, &self.launch_for(who)).await.unwrap()
    }

    /// A partner with contacts and a launched activation.
    pub async fn launched(&self, key: &str) -> (PartnerId, CompanyId, domain::ActivationId) {
        let (partner, company) = self.partner(key, "Gold").await;
        self.import_contacts(&company, "email\nanna@example.com\nbert@example.com\n").await;
        self.publish(|_| {}).await;
        let launched = self.launch(LaunchFor::Partner(partner.clone())).await;
        (partner, company, launched.activations[0].activation)
    }

    /// A send of one step for every contact of an activation's list.
    pub async fn sends_for(&self, activation: domain::ActivationId, step: &str) -> Vec<NewSend> {
        let step: StepKey = step.parse().unwrap();
        let mut tx = self.store.begin_write().await.unwrap();
        let row = tx.begin_expand(activation).await.unwrap().unwrap();
        let audience = tx.audience_chunk(&row, 100).await.unwrap();
        let hashes: Vec<AddressHash> = audience
            .iter()
            .map(|contact| {
                self.hash_key.hash_text(HashScope::Vendor(&self.vendor), &contact.address)
            })
            .collect();
        let persons = tx.ensure_persons(&self.vendor, &hashes).await.unwrap();
        tx.commit().await.unwrap();
        audience
            .iter()
            .zip(&persons)
            .map(|(contact, person)| NewSend {
                step: step.clone(),
                occurrence: 0,
                contact: contact.contact,
                person: person.person,
                provider: "example.com".to_owned(),
                due_at: UtcMillis::new(0),
                skip: None,
            })
            .collect()
    }

    /// Writes these sends as an activation's whole audience.
    pub async fn expand_with(&self, activation: domain::ActivationId, sends: &[NewSend]) {
        let mut tx = self.store.begin_write().await.unwrap();
        let row = tx.begin_expand(activation).await.unwrap().unwrap();
        tx.insert_sends(&row, sends).await.unwrap();
        tx.finish_expand(activation, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Expands an activation as the scheduler would, every contact with a send for step `announce`,
    /// and feeds it; the sends, by address.
    pub async fn expand(&self, activation: domain::ActivationId) -> Vec<(String, domain::SendId)> {
        let sends = self.sends_for(activation, "announce").await;
        self.expand_with(activation, &sends).await;
        let on_belt = Default::default();
        let window = store::FeedWindow {
            now: self.clock.now(),
            until: self.clock.now(),
            per_lane: 100,
            per_provider: 1_000_000,
            total: 100,
            on_belt: &on_belt,
        };
        let fed = self.store.feed(&window).await.unwrap();
        fed.sends
            .into_iter()
            .filter(|send| send.activation == activation)
            .map(|send| (send.address, send.send))
            .collect()
    }

    /// The relay takes a send, and the book hears of it.
    pub async fn accepted(&self, activation: domain::ActivationId, send: domain::SendId) {
        self.ended(activation, send, Outcome::Done(Answer::default())).await;
    }

    /// A send ends on the belt, and the book hears of it.
    pub async fn ended(
        &self,
        activation: domain::ActivationId,
        send: domain::SendId,
        outcome: Outcome,
    ) {
        let detail = self.store.send(send).await.unwrap().unwrap();
        let done = StreamedOutcome {
            position: "1-0".to_owned(),
            record: OutcomeRecord {
                v: domain::job::VERSION,
                send,
                activation,
                partner: detail.partner,
                claim: ClaimNumber::new(1, 1),
                on_unknown: OnUnknown::Retry,
                outcome,
            },
            at: self.clock.now(),
        };
        let give_up = GiveUp { after: std::time::Duration::from_secs(86_400) };
        self.store.record("outcomes", &[done], give_up).await.unwrap();
    }

    /// Everything Redis has under keys of the belt, as text.
    pub fn belt_says(&self, what: &str) -> bool {
        self.redis.cli(&["--scan"]).lines().any(|key| {
            let read: &[&[&str]] = &[
                &["HGETALL", key],
                &["SMEMBERS", key],
                &["ZRANGE", key, "0", "-1"],
                &["GET", key],
            ];
            key.contains(what) || read.iter().any(|command| self.redis.cli(command).contains(what))
        })
    }
}

/// A row that is right in every column.
pub fn partner_row(key: &str, tier: &str) -> String {
    format!(
        "{key},Firm {key},{tier},Firm {key},mail@{key}.example,,en,Europe/Vienna,#aa3300,\
         https://{key}.example,Main Street 1 | 1010 Vienna,Anna Muster,anna@{key}.example,+43 1 234,"
    )
}

/// A picture as a program writes it.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![128; (width * height) as usize]).unwrap();
    writer.finish().unwrap();
    bytes
}
