//! What one setting alone can't say: bounds, and settings that must fit each other.

use std::collections::BTreeSet;

use tracing_subscriber::filter::Targets;

use super::{Config, LimitOf};

/// A key and what is wrong with it.
pub(super) type Finding = (String, String);

/// Everything that is wrong with a configuration whose single values are well formed.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    servers(config, &mut found);
    bounds(config, &mut found);
    names(config, &mut found);
    relays_and_tiers(config, &mut found);
    own_limits(config, &mut found);
    if let Err(error) = config.log.filter.parse::<Targets>() {
        found.push("log.filter", format!("expected a filter like \"info,belt=debug\": {error}"));
    }
    found.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn push(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.push((key.into(), message.into()));
    }

    fn within<T: PartialOrd + std::fmt::Display>(
        &mut self,
        key: &str,
        value: T,
        least: T,
        most: T,
    ) {
        if value < least || value > most {
            self.push(key, format!("expected {least} to {most}, got {value}"));
        }
    }
}

fn servers(config: &Config, found: &mut Findings) {
    let book = config.book.url.scheme();
    if !["sqlite", "postgres", "postgresql"].contains(&book.as_str()) {
        found.push(
            "book.url",
            format!(
                "expected \"sqlite:FILE\" or \"postgres://…\", got one that begins \"{book}:\""
            ),
        );
    }
    let redis = config.redis.url.scheme();
    if !["redis", "unix", "redis+unix", "redis+sentinel"].contains(&redis.as_str()) {
        found.push(
            "redis.url",
            format!(
                "expected \"redis://…\", \"unix:///…\" or \"redis+sentinel://…\", got one that begins \"{redis}:\""
            ),
        );
    }
}

fn bounds(config: &Config, found: &mut Findings) {
    let span = |text: &str| text.parse::<super::TimeSpan>().expect("a constant of this file");
    found.within(
        "redis.response_timeout",
        config.redis.response_timeout,
        span("100ms"),
        span("5min"),
    );
    found.within("redis.start_wait", config.redis.start_wait, span("1ms"), span("1d"));
    found.within("redis.outcomes_bound", config.redis.outcomes_bound, 1_000, 100_000_000);
    found.within("redis.tracks_bound", config.redis.tracks_bound, 1_000, 100_000_000);
    found.within("worker.hands", config.worker.hands, 1, 10_000);
    found.within("scheduler.lease_time", config.scheduler.lease_time, span("1s"), span("1min"));
    found.within("scheduler.expand_chunk", config.scheduler.expand_chunk, 1, 100_000);
    found.within("scheduler.belt_window", config.scheduler.belt_window, 1, 10_000_000);
    found.within(
        "scheduler.lane_window",
        config.scheduler.lane_window,
        1,
        config.scheduler.belt_window,
    );
    found.within("scheduler.feed_batch", config.scheduler.feed_batch, 1, 10_000);
    found.within("scheduler.record_batch", config.scheduler.record_batch, 1, 10_000);
    found.within(
        "scheduler.reconcile_after",
        config.scheduler.reconcile_after,
        span("1s"),
        span("1d"),
    );
    found.within("sending.give_up_after", config.sending.give_up_after, span("1min"), span("30d"));
    found.within("smtp.messages_per_connection", config.smtp.messages_per_connection, 1, 1_000_000);

    let smtp = &config.smtp;
    let phases = [
        smtp.connect_timeout,
        smtp.greeting_timeout, // the greeting itself
        smtp.greeting_timeout, // the answer to EHLO
        smtp.mail_timeout,
        smtp.rcpt_timeout,
        smtp.data_timeout,
        smtp.content_timeout,
    ];
    let together: super::TimeSpan =
        phases.iter().map(|phase| phase.get()).sum::<std::time::Duration>().into();
    if config.worker.job_time_limit <= together {
        found.push(
            "worker.job_time_limit",
            format!(
                "expected more than the time limits in [smtp] add up to ({together}), got {}",
                config.worker.job_time_limit
            ),
        );
    }
}

fn names(config: &Config, found: &mut Findings) {
    for (key, name) in [
        ("sending.message_id_domain", &config.sending.message_id_domain),
        ("sending.list_domain", &config.sending.list_domain),
    ] {
        if !is_host_name(name) {
            found.push(
                key,
                format!("expected a domain name like \"mail.example.com\", got \"{name}\""),
            );
        }
    }
    let helo = &config.smtp.helo_name;
    let literal =
        helo.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|inside| {
            // RFC 5321 section 4.1.3.
            match inside.strip_prefix("IPv6:") {
                Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
                None => inside.parse::<std::net::Ipv4Addr>().is_ok(),
            }
        });
    if !literal && !is_host_name(helo) {
        found.push(
            "smtp.helo_name",
            format!(
                "expected a full domain name or an address like \"[192.0.2.1]\", got \"{helo}\""
            ),
        );
    }
}

/// Labels of letters, digits and hyphens (RFC 1123 section 2.1).
fn is_host_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

fn relays_and_tiers(config: &Config, found: &mut Findings) {
    if config.relays.is_empty() {
        found.push("relay", "at least one [[relay]] is needed");
    }
    let mut seen = BTreeSet::new();
    for (index, relay) in config.relays.iter().enumerate() {
        let name = &relay.name;
        let fits = (1..=40).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
        if !fits {
            found.push(
                format!("relay.{index}.name"),
                format!("expected 1 to 40 of a-z, 0-9, \"-\", \"_\" and \".\", got \"{name}\""),
            );
        }
        if !seen.insert(name) {
            found.push(
                format!("relay.{index}.name"),
                format!("there is another relay named \"{name}\""),
            );
        }
        found.within(&format!("relay.{index}.max_connections"), relay.max_connections, 1, 10_000);
    }
    if config.tiers.iter().next().is_none() {
        found.push("tier", "at least one [[tier]] is needed");
    }
    let mut seen = BTreeSet::new();
    for (index, tier) in config.tiers.iter().enumerate() {
        let name = tier.name.trim();
        if name.is_empty() || name.len() > 40 || name != tier.name {
            found.push(
                format!("tier.{index}.name"),
                format!(
                    "expected 1 to 40 characters without spaces around them, got \"{}\"",
                    tier.name
                ),
            );
        }
        if !seen.insert(name.to_lowercase()) {
            found.push(
                format!("tier.{index}.name"),
                format!("there is another tier named \"{name}\""),
            );
        }
        found.within(&format!("tier.{index}.weight"), tier.weight, 1, 100);
        if let Some(volume) = tier.monthly_volume {
            found.within(&format!("tier.{index}.monthly_volume"), volume, 1, 1_000_000_000);
        }
    }
}

fn own_limits(config: &Config, found: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (index, own) in config.own_limits.iter().enumerate() {
        let name = own.name.as_str();
        let (fits, expected) = match own.of {
            LimitOf::Vendor => (!name.trim().is_empty(), "a vendor's name or id"),
            LimitOf::SendingDomain => (
                is_host_name(name) && name.to_ascii_lowercase() == name,
                "a domain in small letters like \"mail.example.com\"",
            ),
            LimitOf::Provider => (
                domain::provider::is_provider_name(name),
                "a provider's name like \"gmail\" (see config/providers.txt)",
            ),
        };
        if !fits {
            found.push(
                format!("limit.{index}.name"),
                format!("expected {expected}, got \"{name}\""),
            );
        }
        if !seen.insert((own.of, name)) {
            found.push(
                format!("limit.{index}.name"),
                format!("there is another limit of \"{name}\""),
            );
        }
        match (own.weight, own.of) {
            (Some(weight), LimitOf::Vendor) => {
                found.within(&format!("limit.{index}.weight"), weight, 1, 100);
            }
            (Some(_), _) => {
                found.push(format!("limit.{index}.weight"), "only vendors have a weight");
            }
            (None, _) => {}
        }
    }
}
