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
use testkit::{ScriptedRelay, TestDatabase, TestRedis, relay, wait::wait_for};

/// How long anything in these tests may take before it counts as broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Which engine the book is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// In a file.
    Sqlite,
    /// On the server of the tests.
    Postgres,
}

/// How big the stage is.
#[derive(Clone, Debug)]
pub struct Size {
    /// Partners that launch.
    pub partners: usize,
    /// Contacts of each.
    pub contacts: usize,
    /// Hands of each worker, which is also the most connections it opens.
    pub hands: usize,
    /// Where the book is.
    pub engine: Engine,
    /// The folder of the package that is published, and the name it is launched by.
    pub package: (PathBuf, &'static str),
    /// Settings beyond the usual, as environment variables.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            partners: 3,
            contacts: 20,
            hands: 5,
            engine: Engine::Sqlite,
            package: (sample_package(), "product-launch"),
            settings: Vec::new(),
        }
    }
}

/// A fleet in the making: parts are started one by one, everything ends with it.
#[derive(Debug)]
pub struct Fleet {
    /// How big it is.
    pub size: Size,
    /// The belt.
    pub redis: TestRedis,
    /// Where its mail goes.
    pub relay: ScriptedRelay,
    /// The book, to be looked into.
    pub store: Store,
    folder: tempfile::TempDir,
    portal: std::net::SocketAddr,
    processes: Vec<Process>,
    database: TestDatabase,
}

/// One role of the fleet as an OS process.
#[derive(Debug)]
pub struct Process {
    /// Role and place.
    pub name: String,
    /// The process.
    pub child: Child,
    /// What it says.
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
        Self::set_up_with(size, TestRedis::start(), ScriptedRelay::builder()).await
    }

    /// The same, with a belt and a relay of the caller's choice.
    pub async fn set_up_with(size: Size, redis: TestRedis, relay: relay::Builder) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let relay = relay.start().await;
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
        let package = fleet.size.package.0.display().to_string();
        fleet.ok(&["package", "publish", &package]);
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
        self.start_with(role, &[])
    }

    /// The same, with settings of this process alone.
    pub fn start_with(&mut self, role: &str, settings: &[(&str, String)]) -> usize {
        let command = self.command(&[role]);
        self.spawn(role, command, settings)
    }

    /// Starts a role under another program, which is given the role's command line after its own `args`.
    pub fn start_under(
        &mut self,
        program: &str,
        args: &[&str],
        role: &str,
        settings: &[(&str, String)],
    ) -> usize {
        let of_the_role = self.command(&[role]);
        let mut command = Command::new(program);
        command.args(args).arg(of_the_role.get_program()).args(of_the_role.get_args());
        command.current_dir(self.folder.path()).env_clear();
        for (name, value) in of_the_role.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        self.spawn(role, command, settings)
    }

    fn spawn(&mut self, role: &str, mut command: Command, settings: &[(&str, String)]) -> usize {
        let place = self.processes.len();
        let name = format!("{role}-{place}");
        let log = self.folder.path().join(format!("{name}.log"));
        let file = File::create(&log).expect("the temporary folder is writable");
        for (name, value) in settings {
            command.env(name, value);
        }
        let child = command
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

    /// Ends a process with SIGKILL, at once: no other program has to be started for it first.
    pub fn kill(&mut self, place: usize) {
        let process = &mut self.processes[place];
        process.child.kill().expect("a child of ours can be killed");
        process.child.wait().expect("a killed child ends");
    }

    /// Every process that was started, in order.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// A process as the system knows it.
    pub fn process(&self, place: usize) -> &Process {
        &self.processes[place]
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

    /// Launches the package for every partner.
    pub fn launch(&self) -> serde_json::Value {
        self.ok(&[
            "launch",
            "--package",
            self.size.package.1,
            "--all-eligible",
            "--list",
            "customers",
        ])
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
        self.bring_forward_hours(days * 24).await;
    }

    /// The same by hours; each call counts from the time of the machine.
    pub async fn bring_forward_hours(&self, hours: i64) {
        let offset = hours * 3_600_000;
        self.store
            .set_campaign_offset(offset, "test", UtcMillis::new(0))
            .await
            .expect("the book takes the offset");
    }

    /// Where the book is.
    pub fn book_url(&self) -> &str {
        self.database.url()
    }

    /// A folder that lives as long as the fleet.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The sample package in this repository.
pub fn sample_package() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    root.join("campaigns/product-launch")
}

/// A loopback address nobody listened on a moment ago.
pub fn free_address() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("a bound listener has an address")
}
