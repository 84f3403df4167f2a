//! The stage: a book, a belt, a relay, and the roles as child processes of the test.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use domain::UtcMillis;
use store::{StateCounts, Store, StoreOptions};
use testkit::{ScriptedRelay, TestDatabase, TestRedis, wait::wait_for};

/// How long anything in these tests may take before it counts as broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Which engine the book is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// How big the stage is.
#[derive(Clone, Debug)]
pub struct Size {
    pub partners: usize,
    pub contacts: usize,
    /// Hands of each worker, which is also the most connections it opens.
    pub hands: usize,
    pub engine: Engine,
    /// Settings beyond the usual, as environment variables.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for Size {
    fn default() -> Self {
        Self { partners: 3, contacts: 20, hands: 5, engine: Engine::Sqlite, settings: Vec::new() }
    }
}

/// A fleet in the making: parts are started one by one, everything ends with it.
pub struct Fleet {
    pub size: Size,
    pub redis: TestRedis,
    pub relay: ScriptedRelay,
    pub store: Store,
    folder: tempfile::TempDir,
    portal: std::net::SocketAddr,
    processes: Vec<Process>,
    database: TestDatabase,
}

/// One role of the fleet as an OS process.
pub struct Process {
    pub name: String,
    pub child: Child,
    pub log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary under test, beside the test's own.
pub fn throughline() -> PathBuf {
    let mut path = std::env::current_exe().expect("a running test has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path.join("throughline");
    assert!(path.exists(), "{} is missing: run `cargo build -p throughline` first", path.display());
    path
}

impl Fleet {
    /// Book migrated, partners and contacts imported, package published; no role runs yet.
    pub async fn set_up(size: Size) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let redis = TestRedis::start();
        let relay = ScriptedRelay::start().await;
        let database = match size.engine {
            Engine::Sqlite => TestDatabase::sqlite(),
            Engine::Postgres => TestDatabase::postgres(),
        };
        let store =
            Store::open(database.url(), StoreOptions::default()).await.expect("the book opens");
        let portal = free_address();
        let fleet =
            Self { size, redis, relay, store, folder, portal, processes: Vec::new(), database };
        fleet.ok(&["migrate"]);
        fleet.ok(&["vendor", "add", "Northwind Secure"]);
        fleet.import();
        fleet.ok(&["package", "publish", &sample_package()]);
        fleet
    }

    fn import(&self) {
        let partners = self.folder.path().join("partners.csv");
        let mut text = String::from(
            "partner_key,company_name,tier,from_name,from_email,reply_to,locale,time_zone,colour,\
             web_site,postal_address,contact_name,contact_email,contact_phone,logo\n",
        );
        for n in 0..self.size.partners {
            writeln!(
                text,
                "p{n},Partner {n} Ltd,{},Partner {n},news@p{n}.example,hello@p{n}.example,en,Europe/Vienna,\
                 #0a4d8c,https://p{n}.example,{n} Market Street | 1010 Vienna,Pat Smith {n},pat@p{n}.example,,",
                ["Registered", "Silver", "Gold", "Platinum"][n % 4],
            )
            .expect("a String takes everything");
        }
        std::fs::write(&partners, text).expect("the temporary folder is writable");
        self.ok(&["import", "partners", partners.to_str().expect("UTF-8")]);
        for n in 0..self.size.partners {
            let file = self.folder.path().join(format!("contacts-{n}.csv"));
            let mut text = String::from(
                "email,first_name,last_name,company,language,consent_basis,consent_source\n",
            );
            for c in 0..self.size.contacts {
                writeln!(
                    text,
                    "person{c}@customer{n}.example,Anna{c},Meier,Customer {n},en,opt_in,web form"
                )
                .expect("a String takes everything");
            }
            std::fs::write(&file, text).expect("the temporary folder is writable");
            let (company, file) = (format!("p{n}"), file.display().to_string());
            self.ok(&["import", "contacts", "--company", &company, "--list", "customers", &file]);
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(throughline());
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("THROUGHLINE__BOOK__URL", self.database.url())
            .env("THROUGHLINE__REDIS__URL", self.redis.url())
            .env("THROUGHLINE__SECRETS__ADDRESS_KEY", "aa".repeat(32))
            .env("THROUGHLINE__SECRETS__LINK_KEY", "bb".repeat(32))
            .env("THROUGHLINE__PORTAL__LISTEN", self.portal.to_string())
            .env("THROUGHLINE__PORTAL__PUBLIC_URL", format!("http://{}", self.portal))
            .env("THROUGHLINE__WORKER__HANDS", self.size.hands.to_string())
            .env("THROUGHLINE__RELAY__0__NAME", "main")
            .env("THROUGHLINE__RELAY__0__ADDRESS", self.relay.address())
            .env("THROUGHLINE__RELAY__0__MAX_CONNECTIONS", self.size.hands.to_string());
        for (name, value) in &self.size.settings {
            command.env(name, value);
        }
        command
    }

    /// Runs a command of the CLI to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().expect("the binary starts")
    }

    /// Runs a command that must succeed; its JSON.
    pub fn ok(&self, args: &[&str]) -> serde_json::Value {
        let mut with_json = args.to_vec();
        with_json.push("--json");
        let output = self.run(&with_json);
        assert!(
            output.status.success(),
            "throughline {args:?} ended with {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null)
    }

    /// Starts a role as a process of its own; its place among the processes.
    pub fn start(&mut self, role: &str) -> usize {
        let place = self.processes.len();
        let name = format!("{role}-{place}");
        let log = self.folder.path().join(format!("{name}.log"));
        let file = File::create(&log).expect("the temporary folder is writable");
        let child = self
            .command(&[role])
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file handle"))
            .stderr(file)
            .spawn()
            .expect("the binary starts");
        self.processes.push(Process { name, child, log });
        place
    }

    /// Sends a signal by name (`KILL`, `TERM`, `STOP`, `CONT`) to a process of this fleet.
    pub fn signal(&self, place: usize, signal: &str) {
        let pid = self.processes[place].child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs");
        assert!(status.success(), "kill -s {signal} {pid}");
    }

    /// Waits until a process has ended by itself; its exit code.
    pub async fn ended(&mut self, place: usize) -> Option<i32> {
        let process = &mut self.processes[place];
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = process.child.try_wait().expect("the child can be asked") {
                return status.code();
            }
            assert!(tokio::time::Instant::now() < deadline, "{} does not end", process.name);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What a process has logged so far.
    pub fn log(&self, place: usize) -> String {
        std::fs::read_to_string(&self.processes[place].log).unwrap_or_default()
    }

    /// Where a scheduler or worker serves its health, once it has said so.
    pub async fn health(&self, place: usize) -> String {
        wait_for("the address of /healthz", PATIENCE, || async {
            let log = self.log(place);
            let (_, rest) = log.split_once("health and metrics are served")?;
            let (_, rest) = rest.split_once("127.0.0.1:")?;
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            Some(format!("http://127.0.0.1:{port}"))
        })
        .await
    }

    /// How links in mail begin.
    pub fn public_url(&self) -> String {
        format!("http://{}", self.portal)
    }

    /// Waits until the portal listens.
    pub async fn wait_for_portal(&self) {
        let url = format!("http://{}/healthz", self.portal);
        wait_for("the portal to listen", PATIENCE, || async { reqwest::get(&url).await.ok() })
            .await;
    }

    /// Says whom the vendor's invitations come from.
    pub fn let_the_vendor_write(&self) {
        self.ok(&[
            "vendor",
            "sender",
            "--from-email",
            "partners@northwind.example",
            "--web-site",
            "https://www.northwind.example",
            "--postal-address",
            "1 Northwind Plaza | Dublin",
        ]);
    }

    /// Launches the sample package for every partner.
    pub fn launch(&self) -> serde_json::Value {
        self.ok(&["launch", "--package", "product-launch", "--all-eligible", "--list", "customers"])
    }

    /// The sends of the first step: those that are due at once.
    pub fn first_step_sends(&self) -> usize {
        self.size.partners * self.size.contacts
    }

    /// All counts of the book together.
    pub async fn counts(&self) -> StateCounts {
        let mut sum = StateCounts::default();
        for summary in self.store.activation_summaries(None).await.expect("the book answers") {
            sum += summary.counts;
        }
        sum
    }

    /// Waits until this many sends are sent in the book.
    pub async fn wait_until_sent(&self, sends: usize) {
        let what = format!("{sends} sends sent in the book");
        wait_for(&what, PATIENCE, || async {
            let counts = self.counts().await;
            (counts.sent >= sends as i64).then_some(())
        })
        .await;
    }

    /// Every send that the book calls sent was accepted by the relay; how often more than once.
    pub async fn doubles(&self) -> usize {
        let mut accepted: HashMap<String, usize> = HashMap::new();
        for taken in self.relay.accepted() {
            *accepted.entry(taken.message_id).or_default() += 1;
        }
        let counts = self.counts().await;
        assert_eq!(
            accepted.len() as i64,
            counts.sent,
            "ledger and book name different sends: {counts:?}"
        );
        accepted.values().map(|times| times - 1).sum()
    }

    /// The counts add up to persons times steps, whatever happened.
    pub async fn assert_nothing_lost(&self) {
        let counts = self.counts().await;
        let want = (self.first_step_sends() * 3) as i64;
        assert_eq!(counts.total(), want, "{counts:?}");
    }

    /// Campaign time goes forward by days, so later steps fall due.
    pub async fn bring_forward(&self, days: i64) {
        let offset = days * 86_400_000;
        self.store
            .set_campaign_offset(offset, "test", UtcMillis::new(0))
            .await
            .expect("the book takes the offset");
    }

    /// A folder that lives as long as the fleet.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The sample package in this repository.
pub fn sample_package() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    root.join("campaigns/product-launch").display().to_string()
}

/// A loopback address nobody listened on a moment ago.
pub fn free_address() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("a bound listener has an address")
}
