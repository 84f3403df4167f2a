//! A portal with two vendors that know nothing of each other, and a key for everybody.

use std::{fmt::Write as _, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use belt::{Belt, BeltConfig, OpenWith};
use domain::{
    ActivationId, CompanyId, HashKey, HashScope, InvitationId, PackageId, PartnerId, SendId,
    UtcMillis, VendorId, VersionId,
    brand::VendorSender,
    tier::Tiers,
    time::Clock,
    token::{LinkKey, Purpose},
};
use portal::{ApiParts, PortalParts, PortalServer, TrackParts};
use process::{ClientAddress, Metrics, Readiness};
use program::{
    Actor, AddApiKey, ImportContacts, ImportPartners, Invite, Launch, LaunchFor, PageOf, Parts,
    Program, PublishAs, ReadAs,
};
use render::{SamplePackage, SharedTemplates};
use reqwest::{Client, Method, header::HeaderMap};
use serde_json::Value;
use store::{FeedWindow, NewSend, Store, StoreOptions};
use testkit::{FakeClock, TestRedis};
use tokio_util::sync::CancellationToken;

const OPS: Actor = Actor::Ops;

/// A vendor's program with one partner that was invited, and launched before it opened the mail.
pub struct Tenant {
    pub vendor: VendorId,
    pub company: CompanyId,
    pub partner: PartnerId,
    pub package: PackageId,
    pub version: VersionId,
    pub activation: ActivationId,
    pub invitation: InvitationId,
    pub vendor_key: String,
    pub company_key: String,
}

/// A partner with an open invitation.
pub struct Invited {
    pub partner: PartnerId,
    pub invitation: InvitationId,
    /// The path in its mail.
    pub link: String,
}

pub struct World {
    pub program: Program,
    pub store: Store,
    pub clock: Arc<FakeClock>,
    pub redis: TestRedis,
    pub belt: Belt,
    pub link_key: LinkKey,
    pub address: SocketAddr,
    pub ops_key: String,
    pub client: Client,
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A problem of this status, whole and in form.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for name in ["type", "title", "detail", "instance"] {
            assert!(
                problem[name].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {problem}"
            );
        }
        assert!(problem["type"].as_str().unwrap().starts_with("urn:throughline:problem:"));
        assert!(problem["instance"].as_str().unwrap().starts_with("urn:throughline:request:"));
        problem
    }
}

/// No request of a test meets a limit, unless it is about limits.
pub fn wide() -> ApiParts {
    let wide = "100000/s, burst 100000".parse().unwrap();
    ApiParts { limit: wide, anonymous_limit: wide, client_address: ClientAddress::Connection }
}

impl World {
    pub async fn start() -> Self {
        Self::with(wide()).await
    }

    pub async fn with(api: ApiParts) -> Self {
        Self::with_book(api, StoreOptions::default()).await
    }

    pub async fn with_book(api: ApiParts, options: StoreOptions) -> Self {
        let redis = TestRedis::start();
        let belt = Belt::connect(BeltConfig::new(redis.url())).await.unwrap();
        belt.open(1, 1, OpenWith::default()).await.unwrap();
        belt.finish_reporting(1).await.unwrap();
        let clock = Arc::new(FakeClock::default());
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/book.sqlite", folder.path().display());
        let store = Store::open(&url, options).await.unwrap();
        store.migrate(clock.now()).await.unwrap();
        let link_key = LinkKey::new(1, &[9; 32]);
        let program = Program::new(Parts {
            store: store.clone(),
            belt: Some(belt.clone()),
            clock: clock.clone(),
            hash_key: HashKey::new([7; 32]),
            link_key: link_key.clone(),
            tiers: Tiers::default(),
            templates: SharedTemplates::embedded(),
            public_url: "http://127.0.0.1".to_owned(),
            message_id_domain: "throughline.example".to_owned(),
            list_domain: "lists.throughline.example".to_owned(),
        });
        let track = TrackParts {
            belt: belt.clone(),
            link_key: link_key.clone(),
            network: domain::engagement::NetworkKept::Coarse,
            client_address: ClientAddress::Connection,
            waiting: 100,
        };
        let metrics = Metrics::new("portal", clock.now());
        let parts = PortalParts {
            api,
            invalid_links: "100000/s, burst 100000".parse().unwrap(),
            ..PortalParts::new(program.clone(), track, metrics, Readiness::new())
        };
        let stop = CancellationToken::new();
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let PortalServer { address, .. } =
            portal::serve(any_port, parts, stop.clone()).await.unwrap();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut world = Self {
            program,
            store,
            clock,
            redis,
            belt,
            link_key,
            address,
            ops_key: String::new(),
            client,
            folder,
            stop,
        };
        world.ops_key = world.key(OPS, None).await;
        world
    }

    pub async fn key(&self, acts_for: Actor, expires: Option<UtcMillis>) -> String {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).unwrap();
        let add = AddApiKey { name: "a test".to_owned(), acts_for, expires, secret };
        self.program.add_api_key(&OPS, &add).await.unwrap().key
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Partners of a vendor, each with a list of two contacts.
    pub async fn partners(&self, vendor: &VendorId, keys: &[&str]) -> Vec<(PartnerId, CompanyId)> {
        let mut made = Vec::new();
        for key in keys {
            let sender = format!("mail@{key}.example");
            made.push(
                self.partner(vendor, key, &format!("Firm {key}"), &sender, "customers", "en").await,
            );
        }
        made
    }

    /// One partner with a list of two contacts.
    async fn partner(
        &self,
        vendor: &VendorId,
        key: &str,
        name: &str,
        sender: &str,
        list: &str,
        locale: &str,
    ) -> (PartnerId, CompanyId) {
        let name = name.replace('"', "\"\"");
        let csv = format!(
            "partner_key,company_name,tier,from_name,from_email,reply_to,locale,time_zone,colour,web_site,\
             postal_address,contact_name,contact_email,contact_phone,logo\n\
             {key},\"{name}\",Gold,\"{name}\",{sender},,{locale},Europe/Vienna,#aa3300,https://{key}.example,\
             Main Street 1 | 1010 Vienna,Anna Muster,anna@{key}.example,+43 1 234,\n"
        );
        let import = ImportPartners {
            vendor: vendor.clone(),
            file: self.file("partners.csv", &csv),
            read_as: ReadAs::default(),
            dry_run: false,
        };
        let report = self.program.import_partners(&OPS, &import, &mut |_| {}).await.unwrap();
        assert_eq!(report.refused, 0, "{:?}", report.problems);
        let found = self.program.find_partner(&OPS, Some(vendor), key).await.unwrap();
        let import = ImportContacts {
            company: found.company.clone(),
            list: list.to_owned(),
            file: self.file("contacts.csv", "email\nanna@example.com\nbert@example.com\n"),
            read_as: ReadAs::default(),
            consent: Some("opt_in".to_owned()),
            dry_run: false,
        };
        self.program.import_contacts(&OPS, &import, &mut |_| {}).await.unwrap();
        (found.partner, found.company)
    }

    /// A vendor with the sample package, that may invite.
    pub async fn vendor(&self, name: &str) -> (VendorId, PackageId, VersionId) {
        let (vendor, package, version) = self.silent_vendor(name).await;
        self.let_it_write(&vendor, &format!("{name}.example")).await;
        (vendor, package, version)
    }

    /// A vendor of any name that may invite, without a package.
    pub async fn vendor_called(&self, name: &str) -> VendorId {
        let vendor = self.program.add_vendor(&OPS, name).await.unwrap().vendor;
        self.let_it_write(&vendor, "northwind.example").await;
        vendor
    }

    async fn let_it_write(&self, vendor: &VendorId, domain: &str) {
        let sender = VendorSender {
            from_name: String::new(),
            from_email: format!("partners@{domain}"),
            reply_to: String::new(),
            postal_address: vec!["1 Harbour Road".to_owned()],
            web_site: format!("https://{domain}"),
        };
        self.program.set_vendor_sender(&OPS, vendor, sender).await.unwrap();
    }

    /// A vendor with the sample package, that has not said whom its mail comes from.
    pub async fn silent_vendor(&self, name: &str) -> (VendorId, PackageId, VersionId) {
        let vendor = self.program.add_vendor(&OPS, name).await.unwrap().vendor;
        let sample = SamplePackage::named("product-launch").unwrap();
        let kept = self
            .program
            .publish_files(&OPS, &vendor, sample.files(), PublishAs::Published)
            .await
            .unwrap();
        (vendor, kept.package, kept.version)
    }

    /// A vendor with the sample package, launched for one partner.
    pub async fn tenant(&self, name: &str) -> Tenant {
        let (vendor, package, version) = self.vendor(name).await;
        let (partner, company) = self.partners(&vendor, &[name]).await.remove(0);
        let invite = Invite {
            vendor: vendor.clone(),
            package: "product-launch".to_owned(),
            who: LaunchFor::Partner(partner.clone()),
            expires_in: Duration::from_secs(14 * 24 * 60 * 60),
        };
        let invited = self.program.invite(&OPS, &invite).await.unwrap();
        assert_eq!(invited.refused, []);
        let launch = Launch {
            vendor: vendor.clone(),
            package: "product-launch".to_owned(),
            who: LaunchFor::Partner(partner.clone()),
            list: None,
            again: false,
            start: None,
            slots: Default::default(),
        };
        let launched = self.program.launch(&OPS, &launch).await.unwrap();
        Tenant {
            activation: launched.activations[0].activation,
            invitation: invited.invitations[0].invitation.clone(),
            vendor_key: self.key(Actor::Vendor(vendor.clone()), None).await,
            company_key: self.key(Actor::Company(company.clone()), None).await,
            vendor,
            company,
            partner,
            package,
            version,
        }
    }

    /// A partner with an open invitation to launch the package of its vendor.
    pub async fn invited(&self, vendor: &VendorId, key: &str) -> Invited {
        let (partner, _) = self.partners(vendor, &[key]).await.remove(0);
        self.invite(vendor, partner).await
    }

    /// The same with a name of its own, and of its list.
    pub async fn invited_as(
        &self,
        vendor: &VendorId,
        key: &str,
        name: &str,
        list: &str,
    ) -> Invited {
        let (partner, _) =
            self.partner(vendor, key, name, &format!("mail@{key}.example"), list, "en").await;
        self.invite(vendor, partner).await
    }

    /// The same without an address that its mail comes from, and in a language.
    pub async fn invited_without_sender(
        &self,
        vendor: &VendorId,
        key: &str,
        locale: &str,
    ) -> Invited {
        let (partner, _) =
            self.partner(vendor, key, &format!("Firm {key}"), "", "customers", locale).await;
        self.invite(vendor, partner).await
    }

    async fn invite(&self, vendor: &VendorId, partner: PartnerId) -> Invited {
        let invite = Invite {
            vendor: vendor.clone(),
            package: "product-launch".to_owned(),
            who: LaunchFor::Partner(partner.clone()),
            expires_in: Duration::from_secs(14 * 24 * 60 * 60),
        };
        let invited = self.program.invite(&OPS, &invite).await.unwrap();
        assert_eq!(invited.refused, []);
        let invitation = invited.invitations[0].invitation.clone();
        Invited { link: self.link(&invitation).await, partner, invitation }
    }

    /// The path in the latest mail of an invitation.
    pub async fn link(&self, invitation: &InvitationId) -> String {
        let mail = self.store.invitation(invitation).await.unwrap().unwrap().mail;
        format!("/i/{}", self.link_key.seal(Purpose::Invitation, mail))
    }

    /// The first step goes to all contacts of an activation; the sends, by address.
    pub async fn sent(&self, tenant: &Tenant) -> Vec<(String, SendId)> {
        self.fed(tenant, &["announce"]).await
    }

    /// Sends of a tenant that are stuck: three set aside, and one of which nobody knows whether it went.
    pub async fn stuck(&self, tenant: &Tenant) -> Vec<SendId> {
        let fed = self.fed(tenant, &["announce", "deep-dive"]).await;
        let sends: Vec<SendId> = fed.into_iter().map(|(_, send)| send).collect();
        let now = self.clock.now();
        self.store.hold_sends(&sends[..3], "set_aside", now).await.unwrap();
        self.store.hold_sends(&sends[3..], "unknown", now).await.unwrap();
        sends
    }

    /// These steps go to all contacts of an activation, which is all there is of it; the sends, by address.
    async fn fed(&self, tenant: &Tenant, steps: &[&str]) -> Vec<(String, SendId)> {
        let activation: ActivationId = tenant.activation;
        let now = self.clock.now();
        let mut tx = self.store.begin_write().await.unwrap();
        let row = tx.begin_expand(activation).await.unwrap().unwrap();
        let audience = tx.audience_chunk(&row, 100).await.unwrap();
        let key = HashKey::new([7; 32]);
        let hash = |text: &str| key.hash_text(HashScope::Vendor(&tenant.vendor), text);
        let hashes: Vec<_> = audience.iter().map(|contact| hash(&contact.address)).collect();
        let persons = tx.ensure_persons(&tenant.vendor, &hashes).await.unwrap();
        let sends: Vec<NewSend> = audience
            .iter()
            .zip(&persons)
            .flat_map(|pair| steps.iter().map(move |step| (pair, step)))
            .map(|((contact, person), step)| NewSend {
                step: step.parse().unwrap(),
                occurrence: 0,
                contact: contact.contact,
                person: person.person,
                provider: "example.com".to_owned(),
                due_at: UtcMillis::new(0),
                skip: None,
            })
            .collect();
        tx.insert_sends(&row, &sends).await.unwrap();
        tx.finish_expand(activation, now).await.unwrap();
        tx.commit().await.unwrap();
        let on_belt = Default::default();
        let window = FeedWindow {
            now,
            until: now,
            per_lane: 100,
            per_provider: 1_000_000,
            total: 100,
            on_belt: &on_belt,
        };
        let fed = self.store.feed(&window).await.unwrap();
        let mut sends: Vec<(String, SendId)> =
            fed.sends.into_iter().map(|send| (send.address, send.send)).collect();
        sends.sort();
        sends
    }

    /// One request, as it is said.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
        }
    }

    pub async fn get(&self, path: &str, key: &str) -> Answer {
        let key = format!("Bearer {key}");
        self.send(Method::GET, &format!("/api/v1{path}"), &[("authorization", &key)], None).await
    }

    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.post_as(path, key, None, body).await
    }

    /// The same, under a name.
    pub async fn post_as(
        &self,
        path: &str,
        key: &str,
        idempotency_key: Option<&str>,
        body: &Value,
    ) -> Answer {
        let key = format!("Bearer {key}");
        let mut headers = vec![("authorization", key.as_str())];
        headers.extend(idempotency_key.map(|name| ("idempotency-key", name)));
        let text = match body {
            Value::Null => None,
            body => {
                headers.push(("content-type", "application/json"));
                Some(body.to_string())
            }
        };
        self.send(Method::POST, &format!("/api/v1{path}"), &headers, text).await
    }

    /// All that a request could have changed, as text.
    pub async fn snapshot(&self) -> String {
        let store = &self.store;
        let all = store::Walk::All;
        let mut text = String::new();
        writeln!(text, "{:?}", store.audit(10_000).await.unwrap()).unwrap();
        writeln!(text, "{:?}", store.activation_rows(all, None, None, 1_000).await.unwrap())
            .unwrap();
        writeln!(text, "{:?}", store.partner_rows(all, None, None, 1_000).await.unwrap()).unwrap();
        writeln!(text, "{:?}", store.pauses().await.unwrap()).unwrap();
        let since = store.suppressions_since(UtcMillis::new(0)).await.unwrap();
        writeln!(text, "{since:?}").unwrap();
        writeln!(text, "{:?}", store.event_counts(None, None).await.unwrap()).unwrap();
        writeln!(text, "{:?}", store.send_counts(None, None).await.unwrap()).unwrap();
        let first = PageOf { after: None, limit: 200 };
        for package in self.program.list_packages(&OPS, None, &first).await.unwrap().items {
            let versions = self.program.list_versions(
                &OPS,
                &package.package,
                &PageOf { after: None, limit: 200 },
            );
            writeln!(text, "{package:?} {:?}", versions.await.unwrap()).unwrap();
        }
        text
    }
}
