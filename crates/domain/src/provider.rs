//! Whose mailbox an address is: rules that are data.

use std::collections::HashMap;

use thiserror::Error;

/// `config/providers.txt`: the rules of the program.
pub const PROVIDERS: &str = include_str!("../../../config/providers.txt");

/// What no rule names.
pub const OTHER: &str = "other";

/// A line is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "line {line}: expected a provider, \"domain\", \"under\" or \"mx\", and a domain, such as \"gmail domain gmail.com\", got \"{got}\""
)]
pub struct ProvidersError {
    /// Which, from 1.
    pub line: usize,
    /// What it says.
    pub got: String,
}

/// Which provider has which addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Providers {
    domains: HashMap<String, String>,
    under: HashMap<String, String>,
    exchangers: HashMap<String, String>,
}

impl Providers {
    /// The rules of the program.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn built_in() -> Self {
        Self::read(PROVIDERS).expect("the program's own list can be read")
    }

    /// Reads rules, one a line; `#` begins a comment.
    ///
    /// # Errors
    /// The first line that is no rule.
    pub fn read(text: &str) -> Result<Self, ProvidersError> {
        let mut rules = Self::default();
        for (index, line) in text.lines().enumerate() {
            let rule = line.split('#').next().unwrap_or_default().trim();
            if rule.is_empty() {
                continue;
            }
            rules
                .add(rule)
                .ok_or_else(|| ProvidersError { line: index + 1, got: rule.to_owned() })?;
        }
        Ok(rules)
    }

    fn add(&mut self, rule: &str) -> Option<()> {
        let mut words = rule.split_whitespace();
        let (provider, kind, domain) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !is_provider_name(provider) || !domain.contains('.') {
            return None;
        }
        let rules = match kind {
            "domain" => &mut self.domains,
            "under" => &mut self.under,
            "mx" => &mut self.exchangers,
            _ => return None,
        };
        rules.insert(domain.to_ascii_lowercase(), provider.to_owned());
        Some(())
    }

    /// The provider of an address, by its domain.
    pub fn of_address(&self, address: &str) -> &str {
        self.of_domain(address.rsplit_once('@').map_or("", |(_, domain)| domain), &[])
    }

    /// The provider of a domain whose mail exchangers are `exchangers`, if they are known.
    pub fn of_domain(&self, domain: &str, exchangers: &[&str]) -> &str {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        if let Some(provider) =
            self.domains.get(&domain).or_else(|| find_under(&self.under, &domain))
        {
            return provider;
        }
        let mut exchangers = exchangers.iter().filter_map(|exchanger| {
            let exchanger = exchanger.trim_end_matches('.').to_ascii_lowercase();
            find_under(&self.exchangers, &exchanger)
        });
        exchangers.next().map_or(OTHER, String::as_str)
    }

    /// Whether a rule names this provider, or it is [`OTHER`].
    pub fn has(&self, provider: &str) -> bool {
        provider == OTHER
            || [&self.domains, &self.under, &self.exchangers]
                .iter()
                .any(|rules| rules.values().any(|name| name == provider))
    }

    /// Every provider that is named, in order, and [`OTHER`].
    pub fn names(&self) -> Vec<&str> {
        let rules = [&self.domains, &self.under, &self.exchangers];
        let mut names: Vec<&str> =
            rules.iter().flat_map(|rules| rules.values()).map(String::as_str).collect();
        names.push(OTHER);
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The rule of the longest name that `domain` is or lies under.
fn find_under<'a>(rules: &'a HashMap<String, String>, domain: &str) -> Option<&'a String> {
    let mut rest = domain;
    loop {
        if let Some(found) = rules.get(rest) {
            return Some(found);
        }
        rest = rest.split_once('.')?.1;
    }
}

/// Whether `name` can be a provider's: it becomes a part of keys, limits and lines of status.
pub fn is_provider_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_rule_decides() {
        let rules = Providers::read(
            "big under example.com # all of it\nsmall domain mail.example.com\nsmaller under deep.example.com\n\n# mx\nhost mx mx.host.net\n",
        )
        .unwrap();
        for (domain, provider) in [
            ("example.com", "big"),
            ("a.b.EXAMPLE.com", "big"),
            ("mail.example.com", "small"),
            ("x.mail.example.com", "big"),
            ("x.deep.example.com", "smaller"),
            ("notexample.com", OTHER),
            ("com", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(rules.of_domain(domain, &[]), provider, "{domain}");
        }
        assert_eq!(rules.of_domain("firm.example", &["other.net", "in1.MX.host.net."]), "host");
        assert_eq!(rules.of_domain("firm.example", &["mx.host.net.evil.example"]), OTHER);
        assert_eq!(rules.of_domain("example.com", &["mx.host.net"]), "big", "its own name first");
        assert_eq!(rules.of_address("somebody@Mail.Example.com"), "small");
        assert_eq!(rules.of_address("nobody"), OTHER);
        assert_eq!(rules.names(), ["big", "host", OTHER, "small", "smaller"]);
    }

    #[test]
    fn the_program_s_list_knows_the_large_ones() {
        let rules = Providers::built_in();
        for (address, provider) in [
            ("a@gmail.com", "gmail"),
            ("a@googlemail.com", "gmail"),
            ("a@outlook.com", "microsoft"),
            ("a@yahoo.co.uk", "yahoo"),
            ("a@aol.com", "yahoo"),
            ("a@icloud.com", "apple"),
            ("a@northwind.example", OTHER),
        ] {
            assert_eq!(rules.of_address(address), provider, "{address}");
        }
        assert_eq!(rules.of_domain("firm.example", &["aspmx.l.google.com"]), "gmail");
        let microsoft = ["firm-example.mail.protection.outlook.com"];
        assert_eq!(rules.of_domain("firm.example", &microsoft), "microsoft");
        assert!(rules.names().into_iter().all(is_provider_name));
    }

    #[test]
    fn what_is_no_rule_is_named_with_its_line() {
        for text in [
            "gmail",
            "gmail domain",
            "gmail domain com",
            "Gmail domain g.com",
            "g is g.com",
            "g mx g.com h",
        ] {
            let error = Providers::read(&format!("# a list\n{text}\n")).unwrap_err();
            assert_eq!((error.line, error.got.as_str()), (2, text));
        }
    }
}
