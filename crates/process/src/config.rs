//! The one typed configuration: built-in file, then a file, then the environment.
//!
//! `config/throughline.toml` is the manual and the default; nothing is defaulted anywhere else. What
//! [`Config::load`] returns holds: bounds and cross-field rules have been checked.

mod check;
mod error;
mod providers;
mod read;
mod rules;
mod source;
mod values;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::{
    HashKey, OnUnknown, RateSpec,
    engagement::NetworkKept,
    merge::GiveUp,
    tier::{Tier, Tiers},
    token::LinkKey,
};
use serde::{Deserialize, Serialize};

pub use self::{
    error::{ConfigError, MissingKey, Origin, Problem},
    providers::UnreadableProviders,
    rules::UnreadableRules,
    values::{ParseValueError, PublicUrl, RelayAddress, SecretKey, ServerUrl, TimeSpan},
};
use self::{
    read::{Reader, Section, TableReader, section},
    source::{Node, Text},
};

/// `config/throughline.toml`: every setting with its meaning, unit and default.
pub const DEFAULT_TOML: &str = include_str!("../../../config/throughline.toml");

section! {
    /// The book: where all that is true for good lies.
    Book {
        /// `sqlite:FILE` or `postgres://…`.
        url: ServerUrl,
    }
}

section! {
    /// The belt.
    Redis {
        /// `redis://…` or `unix:///…`.
        url: ServerUrl,
        /// How long one answer may take.
        response_timeout: TimeSpan,
        /// How long a role that starts waits for Redis.
        start_wait: TimeSpan,
        /// Outcomes that may wait for the book, in entries.
        outcomes_bound: u64,
        /// Opens and clicks that may wait for the book, in entries.
        tracks_bound: u64,
    }
}

section! {
    /// The keys of an installation.
    Secrets {
        /// Turns addresses into hashes.
        address_key: SecretKey,
        /// Seals links.
        link_key: SecretKey,
    }
}

impl Secrets {
    /// The key that addresses are hashed under.
    ///
    /// # Errors
    /// It is empty.
    pub fn address_key(&self) -> Result<HashKey, MissingKey> {
        self.address_key.bytes().map(|bytes| HashKey::new(*bytes)).ok_or(MissingKey {
            key: "address_key",
            purpose: "imports, suppressions and unsubscribing",
            variable: "THROUGHLINE__SECRETS__ADDRESS_KEY",
        })
    }

    /// The key that links are sealed with.
    ///
    /// # Errors
    /// It is empty.
    pub fn link_key(&self) -> Result<LinkKey, MissingKey> {
        self.link_key.bytes().map(|bytes| LinkKey::new(LINK_KEY_ID, bytes)).ok_or(MissingKey {
            key: "link_key",
            purpose: "links in mail",
            variable: "THROUGHLINE__SECRETS__LINK_KEY",
        })
    }
}

/// Stands in every token, so that a later key can be told from this one.
const LINK_KEY_ID: u8 = 1;

section! {
    /// The HTTP server that recipients reach.
    Portal {
        /// Where it listens.
        listen: SocketAddr,
        /// How it is reached from outside.
        public_url: PublicUrl,
    }
}

section! {
    /// The JSON API, which the portal serves.
    Api {
        /// How fast one key may ask.
        limit: RateSpec,
        /// How fast one address may ask without a key.
        anonymous_limit: RateSpec,
    }
}

section! {
    /// Health and metrics of roles that serve nothing else.
    Health {
        /// Where it listens; port 0 takes any free one.
        listen: SocketAddr,
    }
}

section! {
    /// A process that renders and sends.
    Worker {
        /// Messages under way at once.
        hands: usize,
        /// The most one message may take.
        job_time_limit: TimeSpan,
        /// How long a drain waits for answers.
        drain_time_limit: TimeSpan,
    }
}

section! {
    /// The process that fills the belt and keeps the book.
    Scheduler {
        /// How long a silent leader keeps its place.
        lease_time: TimeSpan,
        /// Contacts decided in one transaction.
        expand_chunk: usize,
        /// The most jobs on the belt.
        belt_window: usize,
        /// The most jobs of one lane on the belt.
        lane_window: usize,
        /// Jobs put on the belt in one call.
        feed_batch: usize,
        /// Outcomes written in one transaction.
        record_batch: usize,
        /// When a queued send that is nowhere is put back.
        reconcile_after: TimeSpan,
    }
}

section! {
    /// What is the same for every mail.
    Sending {
        /// The part of a Message-ID after the `@`.
        message_id_domain: String,
        /// The domain under which partners' List-IDs lie.
        list_domain: String,
        /// When a message that can't be delivered is given up.
        give_up_after: TimeSpan,
        /// What happens to a message of which nobody knows whether it was taken.
        on_unknown: OnUnknown,
    }
}

section! {
    /// What recipients do with a mail.
    Tracking {
        /// Whether mail carries the image that says that it was opened.
        opens: bool,
        /// Whether links of mail lead through the portal.
        clicks: bool,
        /// Whether such mail has a link that nobody sees.
        honeypot: bool,
        /// What is kept of a visitor's address.
        network: NetworkKept,
        /// Where a visitor's address is found.
        client_address: ClientAddress,
        /// A folder of lists in the place of those in the program; empty: none.
        rules: PathBuf,
    }
}

/// Where a visitor's address is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAddress {
    /// It is the other end of the connection.
    Connection,
    /// It is the last entry of `X-Forwarded-For`.
    Forwarded,
}

section! {
    /// The layouts and partials that packages share.
    Templates {
        /// A folder whose files go before those in the program; empty: none.
        folder: PathBuf,
    }
}

section! {
    /// How workers speak to relays.
    Smtp {
        /// The name in EHLO.
        helo_name: String,
        /// To open a connection.
        connect_timeout: TimeSpan,
        /// To be greeted, and for the answer to EHLO.
        greeting_timeout: TimeSpan,
        /// For the answer to MAIL.
        mail_timeout: TimeSpan,
        /// For the answer to RCPT.
        rcpt_timeout: TimeSpan,
        /// For the go-ahead after DATA.
        data_timeout: TimeSpan,
        /// For the content and the answer to its final dot.
        content_timeout: TimeSpan,
        /// Messages before a connection is closed.
        messages_per_connection: u32,
        /// Age at which a connection is closed.
        connection_max_age: TimeSpan,
        /// Idle time after which a connection is closed.
        connection_idle: TimeSpan,
    }
}

section! {
    /// Where mail goes out.
    Relay {
        /// Its name, unique.
        name: String,
        /// Host and port.
        address: RelayAddress,
        /// Connections of one worker process.
        max_connections: u32,
        /// How fast the fleet may send through it; none: no limit.
        limit: Option<RateSpec>,
    }
}

section! {
    /// Limits of the fleet beside those of relays and tiers; none: no limit.
    Limits {
        /// Of all partners of one vendor together.
        vendor: Option<RateSpec>,
        /// Of one sending domain, whoever sends from it.
        sending_domain: Option<RateSpec>,
        /// Of one mailbox provider.
        provider: Option<RateSpec>,
        /// A folder with a `providers.txt` in the place of the one in the program; empty: none.
        providers_folder: PathBuf,
    }
}

section! {
    /// What one vendor, sending domain or provider has in the place of what `[limits]` says.
    Limit {
        /// What it is about.
        of: LimitOf,
        /// Whose: a vendor's name or id, a domain, a provider's name.
        name: String,
        /// Its limit; none: that of `[limits]`.
        limit: Option<RateSpec>,
        /// A vendor's share of service; none: 1.
        weight: Option<u32>,
    }
}

/// What has a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitOf {
    /// All partners of one vendor together.
    Vendor,
    /// One sending domain.
    SendingDomain,
    /// One mailbox provider.
    Provider,
}

impl Section for Tier {
    const KEYS: &'static [&'static str] = &["name", "weight", "partner_limit", "monthly_volume"];

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let name = table.key("name");
        let weight = table.key("weight");
        let partner_limit = table.key("partner_limit");
        let monthly_volume = table.key("monthly_volume");
        Some(Self {
            name: name?,
            weight: weight?,
            partner_limit: partner_limit?,
            monthly_volume: monthly_volume?,
        })
    }
}

section! {
    /// What a process says while it runs.
    Log {
        /// For people or for machines.
        format: LogFormat,
        /// How much, as `tracing` filters are written.
        filter: String,
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one object a line.
    Json,
}

/// Every setting of every role. Fields are plain: whoever starts a private fleet (the demo) takes the
/// default and assigns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// `[book]`
    pub book: Book,
    /// `[redis]`
    pub redis: Redis,
    /// `[secrets]`
    pub secrets: Secrets,
    /// `[portal]`
    pub portal: Portal,
    /// `[api]`
    pub api: Api,
    /// `[health]`
    pub health: Health,
    /// `[worker]`
    pub worker: Worker,
    /// `[scheduler]`
    pub scheduler: Scheduler,
    /// `[sending]`
    pub sending: Sending,
    /// `[tracking]`
    pub tracking: Tracking,
    /// `[templates]`
    pub templates: Templates,
    /// `[smtp]`
    pub smtp: Smtp,
    /// `[limits]`
    pub limits: Limits,
    /// `[log]`
    pub log: Log,
    /// `[[relay]]`
    #[serde(rename = "relay")]
    pub relays: Vec<Relay>,
    /// `[[limit]]`
    #[serde(rename = "limit")]
    pub own_limits: Vec<Limit>,
    /// `[[tier]]`
    #[serde(rename = "tier")]
    pub tiers: Tiers,
}

/// Every section and its keys.
pub const SECTIONS: [(&str, &[&str]); 17] = [
    ("book", Book::KEYS),
    ("redis", Redis::KEYS),
    ("secrets", Secrets::KEYS),
    ("portal", Portal::KEYS),
    ("api", Api::KEYS),
    ("health", Health::KEYS),
    ("worker", Worker::KEYS),
    ("scheduler", Scheduler::KEYS),
    ("sending", Sending::KEYS),
    ("tracking", Tracking::KEYS),
    ("templates", Templates::KEYS),
    ("smtp", Smtp::KEYS),
    ("relay", Relay::KEYS),
    ("limits", Limits::KEYS),
    ("limit", Limit::KEYS),
    ("tier", Tier::KEYS),
    ("log", Log::KEYS),
];

/// The variables of this process, for [`Config::load`]: the one place that reads them.
///
/// A name or value that is no UTF-8 is left out: none of ours is.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

impl Config {
    /// Lays the file at `path`, then the variables that begin with `THROUGHLINE__`, over the built-in
    /// settings and checks the result.
    ///
    /// # Errors
    /// Every problem at once: a file that can't be read or is no TOML, an unknown key (with the
    /// nearest known one), a value of the wrong form, out of its bounds, or at odds with another.
    pub fn load(
        path: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let defaults = Text::BuiltIn(DEFAULT_TOML).parse(&mut problems);
        let mut root = defaults.clone();
        if let Some(path) = path {
            match std::fs::read_to_string(path) {
                Ok(text) => {
                    let file = Text::File(Arc::new(path.to_owned()), &text);
                    root.overlay(file.parse(&mut problems));
                }
                Err(error) => problems.push(Problem {
                    origin: None,
                    key: String::new(),
                    message: format!("{}: can't be read: {error}", path.display()),
                }),
            }
        }
        source::overlay_variables(&mut root, env, &mut problems);
        let config = Self::read(&root, &defaults, &mut problems);
        if let Some(config) = &config {
            add_findings(config, &root, &mut problems);
        }
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError { problems }),
        }
    }

    fn read(root: &Node, defaults: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut reader = Reader { root, defaults: Some(defaults), problems };
        reader.unknown_sections(&SECTIONS);
        // All of them before the first `?`, so that every problem is found.
        let book = reader.section("book");
        let redis = reader.section("redis");
        let secrets = reader.section("secrets");
        let portal = reader.section("portal");
        let api = reader.section("api");
        let health = reader.section("health");
        let worker = reader.section("worker");
        let scheduler = reader.section("scheduler");
        let sending = reader.section("sending");
        let tracking = reader.section("tracking");
        let templates = reader.section("templates");
        let smtp = reader.section("smtp");
        let relays = reader.list("relay");
        let limits = reader.section("limits");
        let own_limits = reader.list("limit");
        let tiers = reader.list("tier").map(Tiers::new);
        let log = reader.section("log");
        Some(Self {
            book: book?,
            redis: redis?,
            secrets: secrets?,
            portal: portal?,
            api: api?,
            health: health?,
            worker: worker?,
            scheduler: scheduler?,
            sending: sending?,
            tracking: tracking?,
            templates: templates?,
            smtp: smtp?,
            log: log?,
            limits: limits?,
            own_limits: own_limits?,
            relays: relays?,
            tiers: tiers?,
        })
    }

    /// What is in force, as a file that could be loaded again, except for secrets: they are masked.
    pub fn to_toml_masked(&self) -> String {
        toml::to_string(self).expect("settings are tables of plain values")
    }

    /// When to stop trying.
    pub const fn give_up(&self) -> GiveUp {
        GiveUp { after: self.sending.give_up_after.get() }
    }
}

impl Default for Config {
    /// The built-in file.
    fn default() -> Self {
        Self::load(None, [])
            .expect("config/throughline.toml is complete and correct: a test says so")
    }
}

/// Adds what the checks found, at the place where the setting was written; a setting that has a
/// problem already is not named twice.
fn add_findings(config: &Config, root: &Node, problems: &mut Vec<Problem>) {
    for (key, message) in check::check(config) {
        let known = |problem: &Problem| {
            problem.key == key
                || problem.key.starts_with(&format!("{key}.")) && !problem.key.is_empty()
        };
        if problems.iter().any(known) {
            continue;
        }
        let path: Vec<&str> = key.split('.').collect();
        let origin = root.find(&path).map(|node| node.origin.clone());
        problems.push(Problem { origin, key, message });
    }
}

#[cfg(test)]
mod tests;
