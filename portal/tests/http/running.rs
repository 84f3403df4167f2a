//! A portal with everything behind it, and one send whose link can be followed.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use belt::{Belt, BeltConfig, OpenWith};
use domain::{
    BrandProfile, EmailAddress, HashKey, HashScope, RateSpec, SendId, SendState, SenderIdentity,
    brand::ContactPerson,
    tier::Tiers,
    time::Clock,
    token::{LinkKey, Purpose},
};
use portal::{PortalParts, PortalServer, TrackParts};
use process::{ClientAddress, Metrics, Readiness};
use program::{Parts, Program};
use render::{SamplePackage, SharedTemplates};
use reqwest::{Client, Method, Response};
use store::{
    AddressState, ContactInput, LaunchItem, LaunchKind, LaunchRequest, NewSend, PartnerInput,
    PublishInput, Store, StoreOptions,
};
use testkit::{FakeClock, TestRedis};
use tokio_util::sync::CancellationToken;

pub const HTML: &str = "text/html; charset=utf-8";
/// The form that RFC 8058 has mailbox providers post.
pub const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// A running portal.
pub struct Running {
    pub redis: TestRedis,
    pub belt: Belt,
    pub store: Store,
    pub metrics: Metrics,
    pub readiness: Readiness,
    pub send: SendId,
    pub token: String,
    pub link_key: LinkKey,
    pub address: SocketAddr,
    client: Client,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    /// A portal of a partner called `Fabrikam Ltd`.
    pub async fn start() -> Self {
        Self::start_with("Fabrikam Ltd", portal::DEFAULT_INVALID_LINKS).await
    }

    /// The same with a partner's name, and a limit on links that are none.
    pub async fn start_with(company: &str, invalid_links: &str) -> Self {
        let redis = TestRedis::start();
        let belt = Belt::connect(BeltConfig::new(redis.url())).await.unwrap();
        belt.open(1, 1, OpenWith::default()).await.unwrap();
        belt.finish_reporting(1).await.unwrap();

        let clock = FakeClock::default();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/book.sqlite", folder.path().display());
        let store = Store::open(&url, StoreOptions::default()).await.unwrap();
        store.migrate(clock.now()).await.unwrap();
        let hash_key = HashKey::new([7; 32]);
        let send = one_send(&store, &clock, &hash_key, company).await;

        let link_key = LinkKey::new(1, &[9; 32]);
        let token = link_key.seal(Purpose::Unsubscribe, send);
        let program = Program::new(Parts {
            store: store.clone(),
            belt: Some(belt.clone()),
            clock: Arc::new(clock),
            hash_key,
            link_key: link_key.clone(),
            tiers: Tiers::default(),
            templates: SharedTemplates::embedded(),
            public_url: "http://127.0.0.1".to_owned(),
            message_id_domain: "throughline.example".to_owned(),
            list_domain: "lists.throughline.example".to_owned(),
        });
        let metrics = Metrics::new("portal", FakeClock::default().now());
        let readiness = Readiness::new();
        let stop = CancellationToken::new();
        let parts = PortalParts {
            invalid_links: invalid_links.parse::<RateSpec>().unwrap(),
            ..PortalParts::new(
                program,
                TrackParts {
                    belt: belt.clone(),
                    link_key: link_key.clone(),
                    network: domain::engagement::NetworkKept::Coarse,
                    client_address: ClientAddress::Connection,
                    waiting: 100,
                },
                metrics.clone(),
                readiness.clone(),
            )
        };
        let PortalServer { address, task } =
            portal::serve(SocketAddr::from(([127, 0, 0, 1], 0)), parts, stop.clone())
                .await
                .unwrap();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self {
            redis,
            belt,
            store,
            metrics,
            readiness,
            send,
            token,
            link_key,
            address,
            client,
            stop,
            task: Some(task),
            _folder: folder,
        }
    }

    /// One request; a body goes out as a form.
    pub async fn ask(&self, method: Method, path: &str, body: &str) -> Response {
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        let request = if body.is_empty() {
            request
        } else {
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.to_owned())
        };
        request.send().await.unwrap()
    }

    /// The same, asked by a program that calls itself `agent`.
    pub async fn get_as(&self, agent: &str, path: &str) -> Response {
        let url = format!("http://{}{path}", self.address);
        self.client.get(url).header("user-agent", agent).send().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path, "").await
    }

    /// Ends the portal and waits until it has.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.await.unwrap();
        }
    }

    /// What a mailbox provider does with the link in `List-Unsubscribe`.
    pub async fn one_click(&self, token: &str) -> Response {
        self.ask(Method::POST, &format!("/u/{token}"), ONE_CLICK).await
    }

    /// Whether the book holds it that the company must not mail this person.
    pub async fn in_the_book(&self) -> bool {
        let send = self.store.send(self.send).await.unwrap().unwrap();
        let scope = HashScope::Company(&send.company);
        let suppressed =
            self.store.find_suppression(scope, &send.hash_company).await.unwrap().is_some();
        // Both or neither: the suppression, and the send that had not gone yet.
        assert_eq!(suppressed, send.state == SendState::Skipped, "{send:?}");
        suppressed
    }

    /// Whether the belt lets nothing go to this person for the company any more.
    pub async fn on_the_belt(&self) -> bool {
        let send = self.store.send(self.send).await.unwrap().unwrap();
        let keys = self.redis.cli(&["--scan", "--pattern", "*suppressed"]);
        keys.lines().any(|key| {
            !self.redis.cli(&["ZSCORE", key, send.hash_company.as_str()]).trim().is_empty()
        })
    }
}

/// Vendor, partner, contact, package and launch, down to one send that is due.
async fn one_send(store: &Store, clock: &FakeClock, hash_key: &HashKey, company: &str) -> SendId {
    let now = clock.now();
    let vendor = store.add_vendor("Northwind", "test", now).await.unwrap().row.id;
    let partner = PartnerInput {
        region: String::new(),
        partner_type: String::new(),
        partner_key: "p1".to_owned(),
        company_name: company.to_owned(),
        tier: "Gold".to_owned(),
        brand: BrandProfile {
            name: company.to_owned(),
            logo: None,
            colour: "#0b57a4".to_owned(),
            postal_address: vec!["1 Market Street".to_owned()],
            web_site: "https://fabrikam.example".to_owned(),
            locale: "en".to_owned(),
            time_zone: "UTC".to_owned(),
            contact_person: ContactPerson {
                name: "Pat".to_owned(),
                email: "pat@fabrikam.example".to_owned(),
                phone: String::new(),
            },
        },
        sender: SenderIdentity {
            from_name: company.to_owned(),
            from_email: "news@fabrikam.example".to_owned(),
            reply_to: "hello@fabrikam.example".to_owned(),
        },
    };
    let partner =
        store.upsert_partners(&vendor, &[partner], "test", now).await.unwrap().remove(0).row;
    let list = store.upsert_list(&partner.company_id, "customers", now).await.unwrap().row.id;
    let address: EmailAddress = "anna.meier@customer.example".parse().unwrap();
    let contact = ContactInput {
        address: address.as_str().to_owned(),
        address_raw: address.as_str().to_owned(),
        first_name: "Anna".to_owned(),
        last_name: "Meier".to_owned(),
        fields: BTreeMap::new(),
        language: "en".to_owned(),
        address_state: AddressState::Ok,
        hash_everywhere: hash_key.hash(HashScope::Everywhere, &address),
        hash_company: hash_key.hash(HashScope::Company(&partner.company_id), &address),
        consent: None,
    };
    store.upsert_contacts(&partner.company_id, &list, &[contact], now).await.unwrap();
    let sample = SamplePackage::named("product-launch").unwrap();
    let published = render::publish(sample.files(), &SharedTemplates::embedded()).unwrap();
    let topic = published.package.topic.clone().unwrap();
    let version = store
        .add_version(&PublishInput {
            vendor: &vendor,
            slug: &published.package.name,
            name: published.package.title.own(),
            hash: &published.hash,
            blob: &published.blob,
            topic: &topic.name,
            topic_name: &serde_json::to_string(&topic.title).unwrap(),
            state: domain::VersionState::Published,
            who: "test",
            now,
        })
        .await
        .unwrap()
        .row;
    let launched = store
        .launch(&LaunchRequest {
            vendor: vendor.clone(),
            package: version.package_id.clone(),
            version: version.id.clone(),
            kind: LaunchKind::One,
            who: "test".to_owned(),
            now,
            start_at: now,
            again: false,
            items: vec![LaunchItem {
                partner: partner.id.clone(),
                list,
                slots: BTreeMap::new(),
                event_at: None,
            }],
        })
        .await
        .unwrap();

    let mut tx = store.begin_write().await.unwrap();
    let activation = tx.begin_expand(launched.items[0].activation).await.unwrap().unwrap();
    let found = tx.audience_chunk(&activation, 10).await.unwrap().remove(0);
    let hash = hash_key.hash(HashScope::Vendor(&vendor), &address);
    let person = tx.ensure_persons(&vendor, &[hash]).await.unwrap()[0].person;
    let send = NewSend {
        step: "announce".parse().unwrap(),
        occurrence: 0,
        contact: found.contact,
        person,
        provider: "customer.example".to_owned(),
        due_at: now,
        skip: None,
    };
    assert_eq!(tx.insert_sends(&activation, &[send]).await.unwrap(), 1);
    tx.finish_expand(activation.id, now).await.unwrap();
    tx.commit().await.unwrap();

    // The book hands out the number: find it by looking.
    let mut number = 0;
    loop {
        assert!(number < 10_000, "the send is not in the book");
        if store.send(SendId::new(number)).await.unwrap().is_some() {
            return SendId::new(number);
        }
        number += 1;
    }
}
