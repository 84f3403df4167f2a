//! Simulated recipients: they read the sink's ledger as their mailbox, and some of them answer through the
//! addresses that the mail itself names, over HTTP.

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt, stream};
use serde::Serialize;

use crate::{error::RecipientsError, ledger_reader::LedgerReader, sink::LedgerLine};

/// Answers on the way at once.
const AT_ONCE: usize = 16;

/// Who answers.
#[derive(Debug, Clone)]
pub struct RecipientsOptions {
    /// The URL of the sink's pages.
    pub sink_http: String,
    /// Only addresses that begin with this are called: mail must not make us call just anybody.
    pub allowed_base: String,
    /// Decides, with the address, who does what.
    pub seed: u64,
    /// Of 1,000 recipients so many unsubscribe with one click (RFC 8058).
    pub unsubscribe_per_mille: u32,
    /// Of 1,000 recipients so many have a scanner that opens every link, and mean nothing by it.
    pub scan_per_mille: u32,
}

/// What they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Answers {
    /// Unsubscribed with one click, and told that it is done.
    pub unsubscribed: u64,
    /// Links that scanners opened.
    pub scanned: u64,
    /// Calls that were refused or not answered.
    pub failed: u64,
}

impl std::ops::AddAssign for Answers {
    fn add_assign(&mut self, other: Self) {
        self.unsubscribed += other.unsubscribed;
        self.scanned += other.scanned;
        self.failed += other.failed;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    Reads,
    Unsubscribes,
    Scans,
}

/// All recipients of one sink.
#[derive(Debug)]
pub struct Recipients {
    options: RecipientsOptions,
    ledger: LedgerReader,
    http: reqwest::Client,
    done: HashSet<String>,
}

impl Recipients {
    /// Recipients that have read nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(options: RecipientsOptions) -> Result<Self, RecipientsError> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(RecipientsError::Client)?;
        let ledger = LedgerReader::new(&options.sink_http);
        Ok(Self { options, ledger, http, done: HashSet::new() })
    }

    /// Reads what has arrived since the last call and answers it.
    ///
    /// # Errors
    /// When the ledger can't be read. A call to the portal that fails is counted, not an error.
    pub async fn answer(&mut self) -> Result<Answers, RecipientsError> {
        let mut answers = Answers::default();
        loop {
            let lines = self.ledger.next().await?;
            if lines.is_empty() {
                return Ok(answers);
            }
            answers += self.answer_lines(&lines).await;
        }
    }

    async fn answer_lines(&mut self, lines: &[LedgerLine]) -> Answers {
        let mut calls = Vec::new();
        for line in lines.iter().filter(|line| line.is_accepted()) {
            let Some(url) = line.list_unsubscribe.as_deref() else { continue };
            let habit = self.habit(&line.rcpt);
            let is_ours = url.strip_prefix(self.options.allowed_base.as_str());
            // `http://127.0.0.1:80` must not allow `http://127.0.0.1:8080`.
            let is_ours = is_ours.is_some_and(|rest| {
                self.options.allowed_base.ends_with('/') || rest.starts_with('/') || rest.is_empty()
            });
            if habit == Habit::Reads || !is_ours {
                continue;
            }
            // A link is answered once, whatever else of the same kind arrives.
            if self.done.insert(url.to_owned()) {
                calls.push(call(self.http.clone(), habit, url.to_owned()));
            }
        }
        stream::iter(calls)
            .buffer_unordered(AT_ONCE)
            .fold(Answers::default(), |mut sum, answers| async move {
                sum += answers;
                sum
            })
            .await
    }

    fn habit(&self, address: &str) -> Habit {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.options.seed.to_be_bytes());
        hasher.update(address.to_lowercase().as_bytes());
        let hash = hasher.finalize();
        let bytes: [u8; 4] = hash.as_bytes()[..4].try_into().expect("a hash has 32 bytes");
        let lot = u32::from_be_bytes(bytes) % 1_000;
        if lot < self.options.unsubscribe_per_mille {
            Habit::Unsubscribes
        } else if lot
            < self.options.unsubscribe_per_mille.saturating_add(self.options.scan_per_mille)
        {
            Habit::Scans
        } else {
            Habit::Reads
        }
    }
}

async fn call(http: reqwest::Client, habit: Habit, url: String) -> Answers {
    let request = match habit {
        Habit::Unsubscribes => http
            .post(&url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click"),
        Habit::Scans | Habit::Reads => http.get(&url),
    };
    let answered = request.send().await.and_then(reqwest::Response::error_for_status);
    let mut answers = Answers::default();
    match (answered, habit) {
        (Ok(_), Habit::Unsubscribes) => answers.unsubscribed = 1,
        (Ok(_), Habit::Scans | Habit::Reads) => answers.scanned = 1,
        (Err(error), _) => {
            // The address holds a token, so it is not logged.
            tracing::warn!(error = %error.without_url(), "a recipient's answer was not taken");
            answers.failed = 1;
        }
    }
    answers
}
