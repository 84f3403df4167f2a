//! What a partner may fill.

use std::{fmt, str::FromStr};

use domain::BrandProfile;
use serde::{Deserialize, Serialize};

use super::Localised;
use crate::brand::web_site;

/// Something a partner may fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// What may stand in it.
    pub kind: SlotKind,
    /// What the partner is asked.
    pub label: Localised,
    /// The most characters; of rich text, those that are seen.
    pub max_length: u32,
    /// Whether a launch needs it.
    pub required: bool,
    /// What stands there if the partner leaves it; empty means nothing does.
    pub default: Localised,
    /// What of the brand profile stands there if the partner leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
    /// Hosts a link may lead to; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostRule>,
    /// What may be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// The least width of a picture, in pixels.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_width: u32,
    /// The least height of a picture, in pixels.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_height: u32,
    /// The most bytes of a picture as it is handed in; 0 means the limit for all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_bytes: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What may stand in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// Plain text, one paragraph.
    Text,
    /// Paragraphs, lists, emphasis and links.
    RichText,
    /// A link, `https` only.
    Url,
    /// A picture.
    Image,
    /// One of several values.
    Choice,
    /// `#rrggbb`, one that text can be read in or on.
    Colour,
    /// A name with an address and a telephone number.
    Person,
    /// A moment with its time zone.
    Datetime,
}

impl SlotKind {
    /// Its name in `package.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::RichText => "rich_text",
            Self::Url => "url",
            Self::Image => "image",
            Self::Choice => "choice",
            Self::Colour => "colour",
            Self::Person => "person",
            Self::Datetime => "datetime",
        }
    }

    /// All of them, in the order of the manual.
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::RichText,
        Self::Url,
        Self::Image,
        Self::Choice,
        Self::Colour,
        Self::Person,
        Self::Datetime,
    ];
}

impl fmt::Display for SlotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One of the values of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What templates compare with.
    pub value: String,
    /// What partners see.
    pub label: Localised,
}

/// A part of the brand profile that fills a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fill {
    /// The partner's name.
    #[serde(rename = "partner.name")]
    Name,
    /// Its web site.
    #[serde(rename = "partner.web_site")]
    WebSite,
    /// Its colour.
    #[serde(rename = "partner.colour")]
    Colour,
    /// Its contact person, for a slot of kind `person`.
    #[serde(rename = "partner.contact")]
    Contact,
    /// The name of its contact person.
    #[serde(rename = "partner.contact.name")]
    ContactName,
    /// The address of its contact person.
    #[serde(rename = "partner.contact.email")]
    ContactEmail,
}

impl Fill {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Name,
        Self::WebSite,
        Self::Colour,
        Self::Contact,
        Self::ContactName,
        Self::ContactEmail,
    ];

    /// Its name in `package.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "partner.name",
            Self::WebSite => "partner.web_site",
            Self::Colour => "partner.colour",
            Self::Contact => "partner.contact",
            Self::ContactName => "partner.contact.name",
            Self::ContactEmail => "partner.contact.email",
        }
    }

    /// Whether it fills a slot of this kind.
    pub const fn fits(self, kind: SlotKind) -> bool {
        match self {
            Self::Name | Self::ContactName | Self::ContactEmail => matches!(kind, SlotKind::Text),
            Self::WebSite => matches!(kind, SlotKind::Url | SlotKind::Text),
            Self::Colour => matches!(kind, SlotKind::Colour),
            Self::Contact => matches!(kind, SlotKind::Person),
        }
    }
}

/// Hosts a link may lead to: `www.example.com`, `*.example.com` (every host below it, and itself), or
/// `partner` (the host of the partner's web site, and every host below it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostRule {
    /// This host only.
    Host(String),
    /// This host and every host below it.
    Below(String),
    /// The host of the partner's web site and every host below it.
    Partner,
}

impl HostRule {
    /// Whether `host` is one of them; `partner` is the host of the partner's web site.
    pub fn allows(&self, host: &str, partner: Option<&str>) -> bool {
        let is_below = |base: &str| {
            host == base || host.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'))
        };
        match self {
            Self::Host(one) => host == one,
            Self::Below(base) => is_below(base),
            Self::Partner => partner
                .map(|partner| partner.strip_prefix("www.").unwrap_or(partner))
                .is_some_and(is_below),
        }
    }

    /// The rule as one partner reads it; `None` if the partner's web site decides and there is none.
    pub fn for_partner(&self, brand: &BrandProfile) -> Option<String> {
        match self {
            Self::Host(_) | Self::Below(_) => Some(self.to_string()),
            Self::Partner => web_site(&brand.web_site)?.host_str().map(str::to_owned),
        }
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::Below(host) => write!(f, "*.{host}"),
            Self::Partner => f.write_str("partner"),
        }
    }
}

impl FromStr for HostRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "partner" {
            return Ok(Self::Partner);
        }
        let (is_below, host) = match text.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, text),
        };
        // As links have it: in small letters, in punycode, with nothing around it.
        let url = url::Url::parse(&format!("https://{host}/")).ok();
        let host = url
            .as_ref()
            .filter(|url| url.port().is_none() && url.username().is_empty() && url.path() == "/")
            .filter(|url| url.query().is_none() && url.fragment().is_none())
            .and_then(|url| match url.host() {
                Some(url::Host::Domain(host)) if host.contains('.') => Some(host),
                _ => None,
            })
            .filter(|host| {
                !host.starts_with('.') && !host.ends_with('.') && !host.contains(['*', '%'])
            })
            .ok_or_else(|| format!("`{text}` is no host"))?
            .to_owned();
        Ok(if is_below { Self::Below(host) } else { Self::Host(host) })
    }
}

impl TryFrom<String> for HostRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostRule> for String {
    fn from(rule: HostRule) -> Self {
        rule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_allows_the_hosts_it_names_and_no_neighbours() {
        for (rule, host, is_allowed) in [
            ("www.example.com", "www.example.com", true),
            ("www.example.com", "a.www.example.com", false),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", true),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", "example.com.bad.test", false),
            ("partner", "shop.acme.test", true),
            ("partner", "acme.test", true),
            ("partner", "notacme.test", false),
            ("BÜCHER.example", "xn--bcher-kva.example", true),
        ] {
            let parsed: HostRule = rule.parse().unwrap();
            assert_eq!(parsed.allows(host, Some("www.acme.test")), is_allowed, "{rule} {host}");
            assert!(!HostRule::Partner.allows(host, None));
        }
    }

    #[test]
    fn what_is_no_host_is_no_rule() {
        for bad in [
            "",
            "*",
            "*.",
            "localhost",
            "https://a.example",
            "a.example/x",
            "a.example:8443",
            "u@a.example",
            "a b.example",
            "*.*.example",
            "a.*.example",
            "127.0.0.1",
            "[::1]",
            ".example.com",
            "a.example.",
            "a.example?x",
            "a.example#x",
        ] {
            assert!(bad.parse::<HostRule>().is_err(), "{bad:?}");
        }
    }
}
