//! Simulated recipients: they read the sink as their mailbox, and answer through what stands in the mail itself,
//! over HTTP, as mail programs, proxies, gateways and people do.
//!
//! They know nothing of how links are made: a picture of one pixel is an open, a link that is answered with a
//! redirect is a click. What they did is kept, to be held against what the book says that was done.

mod draw;
mod hands;
mod mail;
mod population;
mod queue;
mod within;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use serde::Serialize;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

use self::{
    hands::{Hands, Step, Taken, Who},
    population::{Leaves, Pictures, Population},
    queue::Queue,
    within::{Address, Base},
};
use crate::{error::RecipientsError, ledger_reader::LedgerReader, sink::LedgerLine};

/// Steps on the way at once.
const AT_ONCE: usize = 16;
/// How long the ledger is left alone when it had nothing new.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How fast time goes for recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// When people look, after their mail came: from, to.
    pub looks_after: (Duration, Duration),
    /// How long they read before they click, and between two clicks.
    pub reads_for: (Duration, Duration),
    /// When gateways and those who unsubscribe at once come, after the mail came.
    pub machine_after: (Duration, Duration),
}

impl Pace {
    /// Hours become seconds: people come after 3 to 5 s, which is later than any machine is taken for a person
    /// and soon enough to wait for.
    pub const DEMO: Self = Self {
        looks_after: (Duration::from_millis(2_800), Duration::from_millis(5_000)),
        reads_for: (Duration::from_millis(1_100), Duration::from_millis(1_500)),
        machine_after: (Duration::from_millis(50), Duration::from_millis(600)),
    };
}

/// Who answers, and how.
#[derive(Debug, Clone)]
pub struct RecipientsOptions {
    /// The URL of the sink's pages.
    pub sink_http: String,
    /// Only addresses below this are called: mail must not make us call just anybody.
    pub allowed_base: String,
    /// Decides, with the address, who does what.
    pub seed: u64,
    /// Of 1,000 recipients so many have a mailbox that anybody, or any program, looks into. The others only
    /// unsubscribe with one click.
    pub read_per_mille: u32,
    /// Of 1,000 recipients so many unsubscribe with their provider's button (RFC 8058).
    pub one_click_per_mille: u32,
    /// And so many by the link in the mail and its page.
    pub by_page_per_mille: u32,
    /// Of 1,000 recipients so many have a gateway that follows every link.
    pub scan_per_mille: u32,
    /// Of 1,000 mails so many are looked at by a person.
    pub open_per_mille: u32,
    /// Of 1,000 mails that are looked at so many have a link clicked.
    pub click_per_mille: u32,
    /// How fast.
    pub pace: Pace,
}

impl RecipientsOptions {
    /// A believable audience.
    pub fn at(sink_http: &str, allowed_base: &str) -> Self {
        Self {
            sink_http: sink_http.to_owned(),
            allowed_base: allowed_base.to_owned(),
            seed: 0,
            read_per_mille: 1_000,
            one_click_per_mille: 25,
            by_page_per_mille: 5,
            scan_per_mille: 50,
            open_per_mille: 380,
            click_per_mille: 160,
            pace: Pace::DEMO,
        }
    }
}

/// Requests that were answered, and that the book must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Requests {
    /// For the picture of one pixel.
    pub opened: u64,
    /// For links that lead on.
    pub clicked: u64,
}

/// What recipients did, as they know it themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Answers {
    /// By people, or by a proxy at the moment in which a person looked.
    pub people: Requests,
    /// By gateways, and by programs that load ahead of people.
    pub machines: Requests,
    /// Of the machines' clicks: on links that nobody can see.
    pub hidden_links: u64,
    /// Unsubscribed with the provider's button, and told that it is done.
    pub one_click: u64,
    /// Unsubscribed by the link in the mail and its page, and told that it is done.
    pub by_page: u64,
    /// Requests that count as nothing: pages, and pictures that are there to be seen.
    pub other: u64,
    /// Clicks that led to another host, where nobody went.
    pub led_away: u64,
    /// How often a mail was read in the sink.
    pub mails_read: u64,
    /// How often a mail could not be read, because the sink had not kept it.
    pub mails_not_kept: u64,
    /// Requests that were refused or not answered.
    pub failed: u64,
}

impl Answers {
    /// Everybody who unsubscribed.
    pub fn unsubscribed(&self) -> u64 {
        self.one_click + self.by_page
    }

    /// All that the book must have as opens and clicks.
    pub fn tracked(&self) -> u64 {
        let of = |requests: Requests| requests.opened + requests.clicked;
        of(self.people) + of(self.machines)
    }
}

impl std::ops::AddAssign for Answers {
    fn add_assign(&mut self, other: Self) {
        self.people.opened += other.people.opened;
        self.people.clicked += other.people.clicked;
        self.machines.opened += other.machines.opened;
        self.machines.clicked += other.machines.clicked;
        self.hidden_links += other.hidden_links;
        self.one_click += other.one_click;
        self.by_page += other.by_page;
        self.other += other.other;
        self.led_away += other.led_away;
        self.mails_read += other.mails_read;
        self.mails_not_kept += other.mails_not_kept;
        self.failed += other.failed;
    }
}

/// All recipients of one sink, at work until this is dropped.
#[derive(Debug)]
pub struct Recipients {
    progress: watch::Receiver<Progress>,
    task: JoinHandle<Result<(), RecipientsError>>,
}

/// How far they are.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    answers: Answers,
    /// How often the ledger was read to its end.
    rounds: u64,
    /// Steps that are planned or on their way.
    open: u64,
    /// Those of them that the campaign waits for.
    open_at_once: u64,
}

impl Recipients {
    /// Recipients who begin to read.
    ///
    /// # Errors
    /// When the allowed base is no web address, or no HTTP client can be built.
    pub fn start(options: RecipientsOptions) -> Result<Self, RecipientsError> {
        let base = Base::new(&options.allowed_base)
            .ok_or_else(|| RecipientsError::Base(options.allowed_base.clone()))?;
        let hands = Hands::new(&options.sink_http, base).map_err(RecipientsError::Client)?;
        let ledger = LedgerReader::new(&options.sink_http);
        let crowd = Crowd {
            population: Population::new(&options),
            hands: Arc::new(hands),
            queue: Queue::default(),
            at_work: FuturesUnordered::new(),
            known: HashSet::new(),
            mails: HashMap::new(),
            progress: Progress::default(),
        };
        let (tell, progress) = watch::channel(Progress::default());
        let task = tokio::spawn(async move {
            let (sender, lines) = mpsc::channel(2);
            tokio::select! {
                failed = read(ledger, sender) => failed.map_err(RecipientsError::Ledger),
                () = crowd.live(lines, tell) => Ok(()),
            }
        });
        Ok(Self { progress, task })
    }

    /// What was done so far.
    pub fn answers(&self) -> Answers {
        self.progress.borrow().answers
    }

    /// Waits until everything that has arrived is read, and everybody has acted who acts at once: gateways, and
    /// those who unsubscribe.
    ///
    /// # Errors
    /// When the ledger can't be read. A request that fails is counted, not an error.
    pub async fn caught_up(&mut self) -> Result<Answers, RecipientsError> {
        self.wait_until(|progress| progress.open_at_once == 0).await
    }

    /// Waits until everybody has done what they will do with the mail that has arrived.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn finished(&mut self) -> Result<Answers, RecipientsError> {
        self.wait_until(|progress| progress.open == 0).await
    }

    async fn wait_until(
        &mut self,
        done: impl Fn(&Progress) -> bool,
    ) -> Result<Answers, RecipientsError> {
        // The round that is under way may have asked before the last mail came.
        let enough = self.progress.borrow().rounds + 2;
        let reached = self.progress.wait_for(|it| it.rounds >= enough && done(it)).await;
        if let Ok(progress) = reached {
            return Ok(progress.answers);
        }
        match (&mut self.task).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Err(RecipientsError::Stopped),
        }
    }
}

impl Drop for Recipients {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hands on what the ledger has; no lines at all, when that was its end.
async fn read(
    mut ledger: LedgerReader,
    sender: mpsc::Sender<Vec<LedgerLine>>,
) -> Result<(), crate::error::LedgerError> {
    loop {
        let lines = ledger.next().await?;
        let is_end = lines.is_empty();
        if sender.send(lines).await.is_err() {
            return Ok(());
        }
        if is_end {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Everybody, and what they are about to do.
struct Crowd {
    population: Population,
    hands: Arc<Hands>,
    queue: Queue,
    at_work: FuturesUnordered<BoxFuture<'static, (bool, Taken)>>,
    /// Mails that were planned for: a second copy is none.
    known: HashSet<(String, String)>,
    /// How many mails an address had from one sender.
    mails: HashMap<(String, String), u32>,
    progress: Progress,
}

impl Crowd {
    /// Until there are no more lines.
    async fn live(
        mut self,
        mut lines: mpsc::Receiver<Vec<LedgerLine>>,
        tell: watch::Sender<Progress>,
    ) {
        loop {
            while self.at_work.len() < AT_ONCE
                && let Some(planned) = self.queue.due(Instant::now())
            {
                let hands = Arc::clone(&self.hands);
                let at_once = planned.at_once;
                self.at_work
                    .push(Box::pin(async move { (at_once, hands.take(planned.step).await) }));
            }
            let next_at = self.queue.next_at().filter(|_| self.at_work.len() < AT_ONCE);
            let next_due = async {
                match next_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = next_due => continue,
                Some((at_once, taken)) = self.at_work.next() => self.done(at_once, taken),
                read = lines.recv() => match read {
                    Some(lines) => self.arrived(&lines),
                    None => return,
                },
            }
            tell.send_replace(self.progress);
        }
    }

    fn done(&mut self, at_once: bool, taken: Taken) {
        self.progress.answers += taken.answers;
        let now = Instant::now();
        for (after, step) in taken.next {
            self.plan(now + after, false, step);
        }
        self.progress.open -= 1;
        self.progress.open_at_once -= u64::from(at_once);
    }

    fn plan(&mut self, at: Instant, at_once: bool, step: Step) {
        self.queue.plan(at, at_once, step);
        self.progress.open += 1;
        self.progress.open_at_once += u64::from(at_once);
    }

    fn arrived(&mut self, lines: &[LedgerLine]) {
        if lines.is_empty() {
            self.progress.rounds += 1;
        }
        for line in lines.iter().filter(|line| line.is_accepted()) {
            if let Some(mail) = line.n
                && self.known.insert((line.message_id.clone(), line.rcpt.clone()))
            {
                self.consider(mail, line);
            }
        }
    }

    /// Plans what becomes of a mail. All of it is decided now: by who it is for, and by which of this sender's
    /// mails it is, so that it is the same in every run.
    fn consider(&mut self, mail: u64, line: &LedgerLine) {
        let person = self.population.person(&line.rcpt);
        let before =
            self.mails.entry((line.rcpt.to_lowercase(), line.mail_from.clone())).or_default();
        *before += 1;
        let which = format!("{} {before}", line.mail_from);
        let mood = self.population.mood(&line.rcpt, &which);
        let unsubscribe: Option<Address> =
            line.list_unsubscribe.as_deref().and_then(|url| self.hands.address(url));
        let now = Instant::now();
        let at_once = now + mood.machine_after;
        if let (Leaves::OneClick, Some(link)) = (person.leaves, &unsubscribe) {
            self.plan(at_once, true, Step::OneClick(link.clone()));
        }
        if !person.reads {
            return;
        }
        let program = person.program;
        if let Some(gateway) = person.gateway {
            self.plan(at_once, true, Step::Scan { mail, gateway });
        }
        if let (Leaves::ByPage, Some(link)) = (person.leaves, &unsubscribe) {
            let (link, browser) = (link.clone(), program.browser);
            self.plan(at_once, true, Step::LeaveByPage { mail, link, browser });
        }
        if let Pictures::Ahead(agent) = program.pictures {
            self.plan(at_once, false, Step::Load { mail, agent, who: Who::Machine });
        }
        // Who leaves reads no further.
        let shows = mood.clicks || matches!(program.pictures, Pictures::Looked(_));
        if mood.opens && shows && person.leaves == Leaves::Stays {
            let at = now + mood.looks_after;
            self.plan(at, false, Step::Look { mail, person, mood, unsubscribe });
        }
    }
}
