//! What is to be known about a relay before it is spoken to.

use std::{collections::HashSet, time::Duration};

use super::error::RelayConfigError;

/// One relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayConfig {
    /// The name jobs, answers and logs call it by.
    pub name: String,
    /// `host:port` or `[::1]:port`.
    pub address: String,
    /// The name given with EHLO: a host name with a dot, or an address literal's content.
    pub helo_name: String,
    /// How many connections may be open at once. A transmit that finds all of them busy waits.
    pub max_connections: usize,
    /// After this many messages a connection is closed with QUIT; at least 1.
    pub messages_per_connection: u32,
    /// Older connections are closed with QUIT after their message: relays behind a balancer get
    /// their share again.
    pub connection_max_age: Duration,
    /// A connection nobody used for this long is closed with QUIT. Keep it below the relay's own
    /// limit, or the relay closes first and a new connection is needed anyway.
    pub idle: Duration,
    /// How long each part of the dialogue may take.
    pub time_limits: TimeLimits,
}

impl RelayConfig {
    /// A relay with the default limits: 20 connections, 100 messages or 5 minutes each, 10 s idle.
    pub fn new(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            address: address.into(),
            helo_name: "localhost.localdomain".to_owned(),
            max_connections: 20,
            messages_per_connection: 100,
            connection_max_age: Duration::from_secs(5 * 60),
            idle: Duration::from_secs(10),
            time_limits: TimeLimits::default(),
        }
    }

    fn check(&self) -> Result<(), RelayConfigError> {
        let refuse = |field, got: &str, expected| {
            Err(RelayConfigError::Field {
                relay: self.name.clone(),
                field,
                got: got.to_owned(),
                expected,
            })
        };
        let host_byte = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]%".contains(&b);
        let port = self.address.rsplit_once(':').and_then(|(host, port)| {
            let fits = !host.is_empty() && host.bytes().all(host_byte);
            fits.then(|| port.parse::<u16>().ok()).flatten()
        });
        if port.is_none_or(|port| port == 0) {
            return refuse("address", &self.address, "host:port, such as mail.example.com:25");
        }
        // Whatever stands here is written into EHLO: a line end in it would be a command of its own.
        let helo_fits = !self.helo_name.is_empty()
            && self.helo_name.len() <= 255
            && self.helo_name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
        if !helo_fits {
            return refuse(
                "helo_name",
                &self.helo_name,
                "a host name such as mail.example.com, or an address such as [192.0.2.1]",
            );
        }
        if self.max_connections == 0 || self.max_connections > 100_000 {
            return refuse("max_connections", &self.max_connections.to_string(), "1 to 100000");
        }
        if self.messages_per_connection == 0 {
            return refuse("messages_per_connection", "0", "1 or more");
        }
        Ok(())
    }
}

/// Checks every relay and that their names differ.
pub(crate) fn check(configs: &[RelayConfig]) -> Result<(), RelayConfigError> {
    let mut names = HashSet::new();
    for config in configs {
        config.check()?;
        if !names.insert(config.name.as_str()) {
            return Err(RelayConfigError::Twice(config.name.clone()));
        }
    }
    if configs.is_empty() { Err(RelayConfigError::None) } else { Ok(()) }
}

/// How long each part of the dialogue may take. The defaults are those of RFC 5321, section
/// 4.5.3.2, as far as it has one: a shorter limit after the dot makes duplicates, because the relay
/// may accept what we gave up on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// Name look-up and TCP connect. 30 s.
    pub connect: Duration,
    /// The relay's greeting and its answer to EHLO, together. 5 min.
    pub greeting: Duration,
    /// The answer to MAIL. 5 min.
    pub mail: Duration,
    /// The answer to RCPT. 5 min.
    pub rcpt: Duration,
    /// The answer to DATA. 2 min.
    pub data: Duration,
    /// Writing the content and the answer to the final dot, together. 10 min.
    pub content: Duration,
    /// The answer to RSET. 30 s.
    pub reset: Duration,
    /// The answer to QUIT. 5 s: nothing depends on it.
    pub quit: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            content: minutes(10),
            reset: Duration::from_secs(30),
            quit: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_with_the_field_named() {
        let good = || RelayConfig::new("main", "mail.example.com:25");
        assert_eq!(check(&[good(), RelayConfig::new("other", "[::1]:2525")]), Ok(()));
        assert_eq!(check(&[]), Err(RelayConfigError::None));
        assert_eq!(check(&[good(), good()]), Err(RelayConfigError::Twice("main".into())));
        type Change = fn(&mut RelayConfig);
        let changes: [(&str, Change); 8] = [
            ("address", |c| c.address = "mail.example.com".into()),
            ("address", |c| c.address = ":25".into()),
            ("address", |c| c.address = "mail.example.com:0".into()),
            ("address", |c| c.address = "smtp://mail.example.com:25".into()),
            ("helo_name", |c| c.helo_name = "a\r\nMAIL FROM:<>".into()),
            ("helo_name", |c| c.helo_name = String::new()),
            ("max_connections", |c| c.max_connections = 0),
            ("messages_per_connection", |c| c.messages_per_connection = 0),
        ];
        for (want, change) in changes {
            let mut config = good();
            change(&mut config);
            let Err(RelayConfigError::Field { field, .. }) = check(&[config]) else {
                panic!("{want} was accepted");
            };
            assert_eq!(field, want);
        }
    }
}
