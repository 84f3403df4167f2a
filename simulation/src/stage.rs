//! The book every schedule begins with, and who is in it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::{
    BrandProfile, CompanyId, EmailAddress, HashKey, HashScope, PackageId, PartnerId, RateSpec,
    SenderIdentity, UtcMillis, VendorId, VersionId, brand::ContactPerson, tier::Tier, time::Clock,
};
use render::{PackageFiles, SharedTemplates, publish};
use scheduler::by_hand::Packages;
use store::{
    AddressState, ConsentInput, ContactInput, PartnerInput, PublishInput, Store, StoreOptions,
};
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z in microseconds: when every schedule begins.
pub const START_US: u64 = 1_767_225_600_000_000;

/// The package: one step at once; valid until the third of January.
const PACKAGE: &str = r#"name = "simulated"
title = "Simulated"
vendor = "Northwind Secure"
[validity]
until = 2026-01-03T00:00:00Z
[audience]
rule = "list"
[person]
fields = ["first_name"]
[slots.spotlight]
kind = "text"
label = "About you"
[[steps]]
key = "announce"
kind = "email"
after = "0"
"#;

const SAMPLE: &str = r##"{
  "vendor_name": "Northwind Secure", "tier": "Gold",
  "brand": {
    "name": "Harbour & Vale IT", "colour": "#0b6e4f", "postal_address": ["14 Quayside", "Bristol"],
    "web_site": "https://harbour-vale.example", "locale": "en-GB", "time_zone": "Europe/London",
    "contact_person": { "name": "Priya Raman", "email": "priya@harbour-vale.example" }
  },
  "sender": { "from_name": "Priya", "from_email": "p@harbour-vale.example", "reply_to": "p@harbour-vale.example" },
  "slots": {},
  "people": [{ "first_name": "Maya" }]
}"##;

/// When the package is valid no more.
pub const VALID_UNTIL: UtcMillis = UtcMillis::new(1_767_225_600_000 + 2 * 86_400_000);

/// The partners: tier and how many contacts.
const PARTNERS: [(&str, usize); 3] = [("Gold", 12), ("Slow", 5), ("Silver", 8)];

/// The tiers: Slow is throttled for real.
const TIERS: [(&str, u32, &str); 3] = [
    ("Slow", 1, "2/s, burst 2"),
    ("Silver", 2, "500/s, burst 500"),
    ("Gold", 4, "500/s, burst 500"),
];

/// The same as the configuration has them.
pub fn tiers() -> Vec<Tier> {
    let tier = |(name, weight, limit): (&str, u32, &str)| Tier {
        name: name.to_owned(),
        weight,
        partner_limit: limit.parse().expect("a limit"),
        monthly_volume: None,
    };
    TIERS.into_iter().map(tier).collect()
}

/// The limit of a partner, by its place in the cast.
pub fn limit_of_partner(partner: usize) -> RateSpec {
    let tier = TIERS.iter().find(|(name, ..)| *name == PARTNERS[partner].0).expect("a tier");
    tier.2.parse().expect("a limit")
}

/// The time of whoever is not the belt, moved along with it.
#[derive(Debug, Clone)]
pub struct SimulatedClock(Arc<AtomicI64>);

impl SimulatedClock {
    /// A clock at the beginning.
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new((START_US / 1_000) as i64)))
    }

    /// Sets it (us).
    pub fn set(&self, micros: u64) {
        self.0.store((micros / 1_000) as i64, Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> UtcMillis {
        UtcMillis::new(self.0.load(Ordering::Relaxed))
    }
}

/// A partner and its people.
#[derive(Debug, Clone)]
pub struct Partner {
    /// Its lane.
    pub id: PartnerId,
    /// Its firm.
    pub company: CompanyId,
    /// Its list.
    pub list: domain::ListId,
    /// Its contacts' addresses.
    pub addresses: Vec<String>,
}

/// Who is in the book.
#[derive(Debug, Clone)]
pub struct Cast {
    /// The vendor.
    pub vendor: VendorId,
    /// The package.
    pub package: PackageId,
    /// Its version.
    pub version: VersionId,
    /// The partners.
    pub partners: Vec<Partner>,
}

/// The book before anything was launched, made once and copied for every schedule.
#[derive(Debug)]
pub struct Stage {
    folder: TempDir,
    file: PathBuf,
    /// Who is in it.
    pub cast: Cast,
    /// What versions say, read once.
    pub packages: Packages,
    /// Hashes addresses.
    pub hash_key: HashKey,
    /// Layouts and partials.
    pub templates: SharedTemplates,
}

fn options() -> StoreOptions {
    StoreOptions { readers: 1, ..StoreOptions::default() }
}

/// Memory if the machine offers it: the book syncs every commit, and nothing here outlives the run.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new().prefix("tl-simulation-").to_owned();
    let folder = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() };
    folder.expect("the folder for temporary files takes a folder")
}

impl Stage {
    /// Makes the book.
    ///
    /// # Errors
    /// When the book can't be made.
    pub async fn build() -> anyhow::Result<Self> {
        let folder = scratch();
        let file = folder.path().join("first.sqlite");
        let store = Store::open(&url(&file), options()).await?;
        let now = UtcMillis::new((START_US / 1_000) as i64);
        store.migrate(now).await?;
        let hash_key = HashKey::new([7; 32]);
        let templates = SharedTemplates::embedded();
        let cast = cast(&store, &hash_key, &templates, now).await?;
        store.close().await;
        let kept = folder.path().join("packages.sqlite");
        std::fs::copy(&file, &kept)?;
        let packages = Packages::new(Store::open(&url(&kept), options()).await?);
        Ok(Self { folder, file, cast, packages, hash_key, templates })
    }

    /// A copy of the book for one schedule.
    ///
    /// # Errors
    /// When it can't be copied or opened.
    pub async fn open_copy(&self) -> anyhow::Result<Store> {
        let file = self.copy_path();
        self.remove_copy();
        std::fs::copy(&self.file, &file)?;
        Ok(Store::open(&url(&file), options()).await?)
    }

    fn copy_path(&self) -> PathBuf {
        self.folder.path().join("schedule.sqlite")
    }

    /// Removes the copy.
    pub fn remove_copy(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let path = format!("{}{suffix}", self.copy_path().display());
            std::fs::remove_file(path).ok();
        }
    }
}

fn url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

async fn cast(
    store: &Store,
    key: &HashKey,
    templates: &SharedTemplates,
    now: UtcMillis,
) -> anyhow::Result<Cast> {
    let vendor = store.add_vendor("Northwind Secure", "simulation", now).await?.row.id;
    let text = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let files = PackageFiles::from_files([
        text("package.toml", PACKAGE),
        text("sample.json", SAMPLE),
        text("en/announce/subject.txt.hbs", "Hello {{person.first_name}}\n"),
        text("en/announce/body.txt.hbs", "Hello\n"),
        text("en/announce/body.html.hbs", "<p>Hello</p>\n"),
    ]);
    let version = publish(&files, templates)
        .map_err(|found| anyhow::anyhow!("the package can't be published: {found:?}"))?;
    let published = store
        .add_version(&PublishInput {
            vendor: &vendor,
            slug: "simulated",
            name: "Simulated",
            hash: &version.hash,
            blob: &version.blob,
            topic: "",
            topic_name: "\"\"",
            state: domain::VersionState::Published,
            who: "simulation",
            now,
        })
        .await?;
    let package = store.find_package(&vendor, "simulated").await?.map(|package| package.id);
    let inputs: Vec<PartnerInput> =
        PARTNERS.iter().enumerate().map(|(n, (tier, _))| partner(n, tier)).collect();
    let rows = store.upsert_partners(&vendor, &inputs, "simulation", now).await?;
    let mut partners = Vec::new();
    for (n, (row, (_, contacts))) in rows.into_iter().zip(PARTNERS).enumerate() {
        let company = row.row.company_id;
        let list = store.upsert_list(&company, "Customers", now).await?.row.id;
        let addresses: Vec<String> = (0..contacts)
            .map(|c| match c % 3 {
                0 => format!("c{c}.p{n}@gmail.com"),
                _ => format!("c{c}@p{n}.example.com"),
            })
            .collect();
        let people = addresses.iter().map(|address| contact(key, &company, address, now));
        let people = people.collect::<anyhow::Result<Vec<_>>>()?;
        store.upsert_contacts(&company, &list, &people, now).await?;
        partners.push(Partner { id: row.row.id, company, list, addresses });
    }
    Ok(Cast {
        vendor,
        package: package.ok_or_else(|| anyhow::anyhow!("the package is not in the book"))?,
        version: published.row.id,
        partners,
    })
}

fn partner(n: usize, tier: &str) -> PartnerInput {
    PartnerInput {
        region: String::new(),
        partner_type: String::new(),
        partner_key: format!("p{n}"),
        company_name: format!("Firm {n}"),
        tier: tier.to_owned(),
        brand: BrandProfile {
            name: format!("Firm {n}"),
            logo: None,
            colour: "#112233".to_owned(),
            postal_address: vec!["Ring 1".to_owned(), "1010 Wien".to_owned()],
            web_site: "https://example.com".to_owned(),
            locale: "en-GB".to_owned(),
            time_zone: "Europe/Vienna".to_owned(),
            contact_person: ContactPerson {
                name: "Eva".to_owned(),
                email: "eva@example.com".to_owned(),
                phone: String::new(),
            },
        },
        sender: SenderIdentity {
            from_name: format!("Firm {n}"),
            from_email: format!("news@p{n}.example.com"),
            reply_to: format!("office@p{n}.example.com"),
        },
    }
}

fn contact(
    key: &HashKey,
    company: &CompanyId,
    address: &str,
    now: UtcMillis,
) -> anyhow::Result<ContactInput> {
    let parsed: EmailAddress = address.parse()?;
    Ok(ContactInput {
        hash_everywhere: key.hash_text(HashScope::Everywhere, parsed.as_str()),
        hash_company: key.hash_text(HashScope::Company(company), parsed.as_str()),
        address: parsed.as_str().to_owned(),
        address_raw: address.to_owned(),
        first_name: "Anna".to_owned(),
        last_name: "Ábel".to_owned(),
        fields: BTreeMap::new(),
        language: "en".to_owned(),
        address_state: AddressState::Ok,
        consent: Some(ConsentInput {
            basis: "opt_in".to_owned(),
            source: "file".to_owned(),
            text: "yes".to_owned(),
            at: now,
        }),
    })
}
