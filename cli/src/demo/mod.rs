//! `throughline demo`: a real campaign through the real parts, with nothing to set up; and what `throughline all`
//! shares with it.

pub mod all;
mod came_back;
mod campaign;
mod compare;
mod fleet;
mod invite;
mod progress;
mod settings;
pub mod sink;
mod summary;

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use domain::{SendState, VendorId};
use process::Shutdown;
use program::{
    Actor, ImportContacts, ImportPartners, ImportPhase, Launch, LaunchFor, Launched, PublishAs,
    ReadAs,
};
use sandbox::{
    ChildEvent, ChildSpec, DemoData, DemoSize, Recipients, RecipientsOptions, RedisError,
    SinkReady, Supervisor, free_loopback_port,
};

use self::{
    came_back::CameBack,
    fleet::{Base, Fleet, Plan, this_program},
    progress::Progress,
    settings::Settings,
    summary::{Import, Summary},
};

/// The name of the list that the contacts are put on.
const LIST: &str = "customers";
/// The package that is launched.
const PACKAGE: &str = "product-launch";
/// So many recipients read their mail unless another share is asked for: all of a small campaign's. They use the
/// machine that the campaign is measured on.
const READERS: u64 = 2_000;
/// The pause before a child is started again that it reaches after five deaths in a row.
const DIES_AGAIN_PAUSE: Duration = Duration::from_millis(1_600);
/// How long a child may take to get ready.
const CHILD_WITHIN: Duration = Duration::from_secs(30);

/// Sends a campaign of many partners through everything there is, on this machine, and checks the result.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: throughline demo --exit --partners 1000 --contacts-per-partner 50"
)]
pub struct Options {
    /// End when the campaign has ended, also on a terminal.
    #[arg(long)]
    pub exit: bool,

    /// Partners; the first 25 are all different.
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    pub partners: u32,

    /// Rows in each partner's contact file.
    #[arg(long, value_name = "M", default_value_t = 80, value_parser = clap::value_parser!(u32).range(1..))]
    pub contacts_per_partner: u32,

    /// Worker processes.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub workers: u32,

    /// Send through this relay instead of the demo's own sink. There is no ledger to compare with then.
    #[arg(long, value_name = "HOST:PORT")]
    pub smtp: Option<String>,

    /// Use this book instead of a new SQLite file, such as postgres://user@host/database.
    #[arg(long, value_name = "URL")]
    pub book: Option<String>,

    /// Put everything into this folder and leave it there, instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,

    /// Of 1,000 recipients so many have a mailbox that they, or programs, look into; the others only unsubscribe.
    /// Unless given: all of them in small campaigns, some 2,000 in large ones.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub read_per_mille: Option<u32>,

    /// The demo data is the same for the same seed, and recipients do the same.
    #[arg(long, value_name = "N", default_value_t = DemoSize::default().seed)]
    pub seed: u64,
}

/// Runs the demo. The summary goes to standard output, as JSON if asked; all else to standard error.
pub async fn run(options: Options, json: bool) -> anyhow::Result<ExitCode> {
    let asked = Shutdown::new();
    process::shutdown::watch_signals(asked.clone())?;
    let mut folder = Folder::make(options.keep.as_deref())?;
    log_to(&folder.path.join("supervisor.log"))?;
    let base = match Base::start(&folder.path).await {
        Ok(base) => base,
        Err(error) if is_redis_missing(&error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(3));
        }
        Err(error) => return Err(error),
    };
    let supervisor = base.supervisor.clone();
    let driven = tokio::select! {
        driven = drive(&options, &folder.path, base) => driven,
        () = asked.draining() => Err(anyhow::anyhow!("stopped before the campaign had ended")),
    };
    let (fleet, summary, vendor) = match driven {
        Ok(driven) => driven,
        Err(error) => {
            supervisor.stop_all().await;
            folder.keep();
            return Err(error
                .context(format!("the demo failed; its logs are in {}", folder.path.display())));
        }
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        print!("{}", summary.text());
    }
    if !summary.ok {
        folder.keep();
    }
    if !options.exit && std::io::stdout().is_terminal() {
        if let Some(mail) = &summary.mail_url {
            let invited = invite::invite(&fleet, &vendor).await?;
            eprintln!(
                "{invited} partners are invited to launch a second campaign: open a mail to one of them at {mail}, \
                 follow its link, press the button."
            );
        }
        eprintln!(
            "Everything keeps running. Look around with: throughline --config {} status\nCtrl-C ends it.",
            fleet.config_file.display()
        );
        asked.draining().await;
    }
    fleet.stop().await;
    folder.say_what_stays();
    Ok(if summary.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn drive(
    options: &Options,
    folder: &Path,
    base: Base,
) -> anyhow::Result<(Fleet, Summary, VendorId)> {
    tell_deaths(&base.supervisor);
    let size = DemoSize {
        partners: options.partners,
        contacts_per_partner: options.contacts_per_partner,
        seed: options.seed,
    };
    let data_folder = folder.join("data");
    let data = tokio::task::spawn_blocking(move || sandbox::write_demo_data(&data_folder, &size))
        .await??;

    let sink = match &options.smtp {
        Some(_) => None,
        None => Some(start_sink(&base.supervisor, folder).await?),
    };
    let relay = options.smtp.as_deref().or(sink.as_ref().map(|sink| sink.smtp.as_str()));
    let settings = settings(options, folder, relay.unwrap_or_default())?;
    let plan = Plan {
        folder: folder.to_owned(),
        settings,
        workers: options.workers,
        stop_workers_within: Duration::from_secs(15),
    };
    let fleet = Fleet::start(base, plan).await?;
    for child in fleet.supervisor.children() {
        eprintln!("{:>9}  pid {}", child.name, child.pid);
    }
    eprintln!(
        "{:>9}  pid {} with scheduler and portal at {}",
        "this",
        std::process::id(),
        fleet.config.portal.public_url
    );
    if let Some(sink) = &sink {
        eprintln!("{:>9}  {}", "mail", sink.http);
    }

    let keeps_dying = keeps_dying(&fleet.supervisor, folder);
    let campaign = Campaign { options, data: &data, sink: sink.as_ref(), folder, fleet: &fleet };
    let (summary, vendor) = tokio::select! {
        summary = campaign.run() => summary?,
        error = fleet.failed() => return Err(error),
        error = keeps_dying => return Err(error),
    };
    Ok((fleet, summary, vendor))
}

/// One campaign of the demo.
struct Campaign<'a> {
    options: &'a Options,
    data: &'a DemoData,
    sink: Option<&'a SinkReady>,
    folder: &'a Path,
    fleet: &'a Fleet,
}

impl Campaign<'_> {
    /// What came of it, and for whom it was.
    async fn run(&self) -> anyhow::Result<(Summary, VendorId)> {
        let (program, store) = (&self.fleet.program, &self.fleet.store);
        let vendor = program.add_vendor(&Actor::Ops, &self.vendor_name()).await?.vendor;
        let import = self.import(&vendor).await?;
        let package = render::SamplePackage::named(PACKAGE)
            .with_context(|| format!("no package {PACKAGE} comes with this program"))?;
        let published = program
            .publish_files(&Actor::Ops, &vendor, package.files(), PublishAs::Published)
            .await?;
        eprintln!("Published {} as version {}.", published.slug, published.number);

        let launched = program.launch(&Actor::Ops, &launch(&vendor)).await?;
        say_launched(&launched);
        if launched.activations.is_empty() {
            bail!("no partner is eligible for {PACKAGE}");
        }
        let read_per_mille = self.read_per_mille();
        let mut recipients = self.recipients(read_per_mille)?;
        let course = campaign::see_through(self.fleet, &vendor, recipients.as_mut()).await?;
        let came_back = match &mut recipients {
            Some(recipients) => {
                let answers = recipients.finished().await?;
                let book = came_back::settled(store, &vendor, answers).await?;
                let after = course.ended.elapsed();
                Some(CameBack::new(answers, book, read_per_mille, after))
            }
            None => None,
        };

        let mut status = program.status(&Actor::Vendor(vendor.clone()), None).await?;
        let ours: Vec<_> =
            launched.activations.iter().map(|launched| launched.activation).collect();
        status.activations.retain(|shown| ours.contains(&shown.activation));
        let mut problems = summary::problems(&status, import, self.data.expected);
        problems.extend(came_back.iter().flat_map(CameBack::problems));
        let ledger = match self.sink {
            Some(sink) => {
                let book = compare::accepted_by_book(store, &vendor).await?;
                let sent = status.totals.of(SendState::Sent);
                let domain = &self.fleet.config.sending.message_id_domain;
                Some(compare::compare(&sink.http, domain, sent, &book).await?)
            }
            None => None,
        };
        if ledger.as_ref().is_some_and(|ledger| !ledger.agree) {
            problems.push("the sink's ledger and the book do not agree".to_owned());
        }
        let events =
            store.event_counts(None, Some(&vendor)).await.context("can't count the events")?;
        let summary = Summary {
            ok: problems.is_empty(),
            problems,
            partners: launched.activations.len() as u64,
            import,
            expected: self.data.expected,
            audience: summary::audience(&status),
            by_partner: summary::by_partner(&status),
            sends: status.totals,
            events: events
                .into_iter()
                .map(|(kind, count)| (kind.to_string(), count.unsigned_abs()))
                .collect::<BTreeMap<_, _>>(),
            course,
            came_back,
            redis_peak_memory_bytes: self.fleet.redis.peak_memory_bytes().await?,
            ledger,
            folder: self.folder.to_owned(),
            mail_url: self.sink.map(|sink| sink.http.clone()),
            mail_folder: self.sink.map(|sink| sink.folder.join("messages")),
        };
        Ok((summary, vendor))
    }

    /// A book that was there before may hold an earlier demo: each has a vendor of its own.
    fn vendor_name(&self) -> String {
        match self.options.book {
            Some(_) => format!("Northwind Secure ({})", process::fresh_worker_name()),
            None => "Northwind Secure".to_owned(),
        }
    }

    async fn import(&self, vendor: &VendorId) -> anyhow::Result<Import> {
        let program = &self.fleet.program;
        let partners = ImportPartners {
            vendor: vendor.clone(),
            file: self.data.partners_csv.clone(),
            read_as: ReadAs::default(),
            dry_run: false,
        };
        let report = program.import_partners(&Actor::Ops, &partners, &mut |_| {}).await?;
        if report.refused > 0 {
            bail!(
                "{} partners of the demo data were refused: {:?}",
                report.refused,
                report.problems
            );
        }
        let mut progress = Progress::new("contacts", self.data.expected.rows);
        let mut import = Import::default();
        for partner in &self.data.partners {
            let company = program.find_company(&Actor::Ops, Some(vendor), &partner.key).await?;
            let contacts = ImportContacts {
                company,
                list: LIST.to_owned(),
                file: partner.contacts_csv.clone(),
                read_as: ReadAs::default(),
                consent: None,
                dry_run: false,
            };
            let before = import.rows;
            let report = program
                .import_contacts(&Actor::Ops, &contacts, &mut |seen| {
                    if seen.phase == ImportPhase::Writing {
                        progress.set(before + seen.rows, self.data.expected.rows);
                    }
                })
                .await?;
            import.rows += report.rows;
            import.contacts += report.created;
            import.repeated += report.repeated;
            import.opted_out += report.suppressed;
            import.warnings += report.warnings;
            import.refused += report.refused;
        }
        progress.set(import.rows, self.data.expected.rows);
        progress.finish();
        Ok(import)
    }

    fn recipients(&self, read_per_mille: u32) -> anyhow::Result<Option<Recipients>> {
        let Some(sink) = self.sink else { return Ok(None) };
        let recipients = Recipients::start(RecipientsOptions {
            seed: self.options.seed,
            read_per_mille,
            ..RecipientsOptions::at(&sink.http, self.fleet.config.portal.public_url.as_str())
        })?;
        Ok(Some(recipients))
    }

    fn read_per_mille(&self) -> u32 {
        let people = self.data.expected.mailable().max(1);
        let share = u32::try_from((READERS * 1_000 / people).clamp(1, 1_000)).unwrap_or(1_000);
        self.options.read_per_mille.unwrap_or(share)
    }
}

fn launch(vendor: &VendorId) -> Launch {
    Launch {
        vendor: vendor.clone(),
        package: PACKAGE.to_owned(),
        who: LaunchFor::AllEligible,
        list: Some(LIST.to_owned()),
        again: false,
        start: None,
        slots: BTreeMap::new(),
    }
}

fn say_launched(launched: &Launched) {
    eprintln!("Launched {} for {} partners.", launched.package, launched.activations.len());
    for refused in &launched.refused {
        eprintln!("  not for {}: {}", refused.partner_key, refused.reason);
    }
}

fn settings(options: &Options, folder: &Path, relay: &str) -> anyhow::Result<Settings> {
    let listen = format!("127.0.0.1:{}", free_loopback_port().context("no port for the portal")?);
    let mut settings = Settings::alone();
    let sqlite = format!("sqlite://{}", folder.join("book.sqlite").display());
    settings.set("book", "url", options.book.as_deref().unwrap_or(&sqlite));
    settings.set("portal", "listen", &listen);
    settings.set("portal", "public_url", &format!("http://{listen}"));
    settings.set("secrets", "address_key", &settings::random_key());
    settings.set("secrets", "link_key", &settings::random_key());
    settings.set("smtp", "helo_name", "demo.throughline.example");
    settings.set_relay("demo", relay);
    Ok(settings)
}

async fn start_sink(supervisor: &Supervisor, folder: &Path) -> anyhow::Result<SinkReady> {
    // Ports of which it keeps the address when it is started again.
    let port = || free_loopback_port().context("no port for the mail sink");
    let argument = |port: u16| format!("127.0.0.1:{port}").into();
    let spec = ChildSpec {
        name: "sink".to_owned(),
        program: this_program()?,
        args: vec![
            "sink".into(),
            "--dir".into(),
            folder.join("mail").into(),
            "--smtp".into(),
            argument(port()?),
            "--http".into(),
            argument(port()?),
        ],
        env: Vec::new(),
        env_without: Vec::new(),
        log: folder.join("sink.log"),
        stop_within: Duration::from_secs(10),
        restart: true,
    };
    let (_, line) = supervisor.start_with_ready_line(spec, CHILD_WITHIN).await?;
    serde_json::from_str(&line).with_context(|| format!("the mail sink said {line:?}"))
}

/// What scheduler and portal say goes to a file: the terminal belongs to the progress bars.
fn log_to(path: &Path) -> anyhow::Result<()> {
    let file =
        std::fs::File::create(path).with_context(|| format!("can't write {}", path.display()))?;
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(std::sync::Mutex::new(file))
        .try_init()
        .map_err(|error| anyhow::anyhow!("can't set up logging: {error}"))
}

/// Says on standard error when a child dies and is started again.
pub(crate) fn tell_deaths(supervisor: &Supervisor) {
    let mut events = supervisor.events();
    tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(ChildEvent::Ended { child, status, again_after }) => {
                    let again = if again_after.is_some() { "; it is started again" } else { "" };
                    eprintln!("{} (pid {}) ended: {status}{again}", child.name, child.pid);
                }
                Ok(ChildEvent::FailedToStart { name, error, .. }) => {
                    eprintln!("{name} can't be started: {error}");
                }
                Ok(ChildEvent::Started(child)) if child.restarts > 0 => {
                    eprintln!("{} runs again, pid {}", child.name, child.pid);
                }
                Ok(ChildEvent::Started(_))
                | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
    });
}

/// Waits until a child has died several times without ever running for long: it will not get better by itself.
/// Begins to listen at the call.
fn keeps_dying(supervisor: &Supervisor, folder: &Path) -> impl Future<Output = anyhow::Error> {
    let mut events = supervisor.events();
    let folder = folder.to_owned();
    async move {
        loop {
            match events.recv().await {
                // The pause doubles with every death that follows soon.
                Ok(ChildEvent::Ended { child, again_after: Some(pause), .. })
                    if pause >= DIES_AGAIN_PAUSE =>
                {
                    let log = folder.join(format!("{}.log", child.name));
                    let text = std::fs::read_to_string(&log).unwrap_or_default();
                    let why = text
                        .lines()
                        .rfind(|line| line.starts_with("Error"))
                        .unwrap_or("no reason in its log");
                    return anyhow::anyhow!(
                        "{} dies again and again: {why} ({})",
                        child.name,
                        log.display()
                    );
                }
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => {
                    std::future::pending().await
                }
            }
        }
    }
}

/// Whether the private Redis failed because there is none on this machine.
pub(crate) fn is_redis_missing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(RedisError::NotInstalled))
}

/// Where the demo lies: removed at the end, unless it is asked to stay or something went wrong.
struct Folder {
    path: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn make(keep: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(keep) = keep {
            let path = settings::private_folder(keep)?;
            if path.join("book.sqlite").exists() {
                bail!("{} holds an earlier demo; name a new folder or remove it", path.display());
            }
            return Ok(Self { path, temporary: None });
        }
        let temporary = tempfile::Builder::new()
            .prefix("throughline-demo-")
            .tempdir()
            .context("can't make a temporary folder")?;
        Ok(Self { path: temporary.path().to_owned(), temporary: Some(temporary) })
    }

    fn keep(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            self.path = temporary.keep();
        }
    }

    fn say_what_stays(&self) {
        match self.temporary {
            Some(_) => eprintln!(
                "{} is removed; --keep DIR leaves everything in DIR.",
                self.path.display()
            ),
            None => eprintln!("Everything stays in {}.", self.path.display()),
        }
    }
}
