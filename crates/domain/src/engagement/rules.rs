//! The rules that are data: lists of user agents and of networks.

use std::{collections::HashMap, fmt};

use thiserror::Error;

use super::{Class, network::Cidr};
use crate::track::{Tracked, Visitor};

/// Raised when the code in [`super::classify()`] decides differently.
const CODE_VERSION: u32 = 1;

/// The list of user agents that comes with the program.
pub const USER_AGENTS: &str = include_str!("../../../../config/engagement/user_agents.txt");
/// The list of networks that comes with the program.
pub const NETWORKS: &str = include_str!("../../../../config/engagement/networks.txt");

/// What kind of request a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Open,
    Click,
    Any,
}

impl On {
    fn takes(self, what: Tracked) -> bool {
        match self {
            Self::Any => true,
            Self::Open => matches!(what, Tracked::Opened),
            Self::Click => matches!(what, Tracked::Clicked { .. }),
        }
    }
}

/// A text in a user agent.
#[derive(Debug)]
struct Pattern {
    text: String,
    at_start: bool,
    at_end: bool,
}

impl Pattern {
    fn read(text: &str) -> Self {
        let (text, at_start) = text.strip_prefix('^').map_or((text, false), |rest| (rest, true));
        let (text, at_end) = text.strip_suffix('$').map_or((text, false), |rest| (rest, true));
        Self { text: text.to_lowercase(), at_start, at_end }
    }

    /// Whether `agent`, in lower case, matches.
    fn matches(&self, agent: &str) -> bool {
        match (self.at_start, self.at_end) {
            (true, true) => agent == self.text,
            (true, false) => agent.starts_with(&self.text),
            (false, true) => agent.ends_with(&self.text),
            (false, false) => agent.contains(&self.text),
        }
    }
}

#[derive(Debug)]
struct Rule<T> {
    class: Class,
    name: String,
    on: On,
    what: T,
}

/// A line of a list that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}, line {line}: {why}")]
pub struct RulesError {
    /// Which list.
    pub file: &'static str,
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// The rules as they are at one time.
pub struct Rules {
    version: String,
    agents: Vec<Rule<Pattern>>,
    networks: Vec<Rule<Cidr>>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Rules {
    /// Those that come with the program: `config/engagement/`.
    pub fn built_in() -> Self {
        Self::read(USER_AGENTS, NETWORKS).expect("the lists of the program were tested")
    }

    /// Reads the two lists. What they look like is explained at the head of each.
    ///
    /// # Errors
    /// The first line that is no rule.
    pub fn read(user_agents: &str, networks: &str) -> Result<Self, RulesError> {
        let agents = read_list("user_agents.txt", user_agents, |text| Ok(Pattern::read(text)))?;
        let networks = read_list("networks.txt", networks, |text| {
            let network: Cidr = text.parse().map_err(|error| format!("{error}"))?;
            // A rule about a smaller one could not be run over what is kept of addresses.
            if !network.is_coarse() {
                return Err(format!(
                    "{network} is smaller than what is kept, a /24 or (IPv6) a /48"
                ));
            }
            Ok(network)
        })?;
        let mut hasher = blake3::Hasher::new();
        for part in [user_agents, "\0", networks_text(networks.as_slice()).as_str()] {
            hasher.update(part.as_bytes());
        }
        let data = hasher.finalize().to_hex();
        Ok(Self { version: format!("{CODE_VERSION}-{}", &data[..12]), agents, networks })
    }

    /// Names these rules: the same name, the same decisions.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.agents.len() + self.networks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the lists say: the first user agent that fits, and if that is nobody's or a person's, the first
    /// network.
    pub(super) fn listed(&self, what: Tracked, visitor: &Visitor) -> Option<(Class, &str)> {
        let agent = visitor.agent.to_lowercase();
        let by_agent =
            self.agents.iter().find(|rule| rule.on.takes(what) && rule.what.matches(&agent));
        if let Some(rule) = by_agent.filter(|rule| rule.class != Class::Human) {
            return Some((rule.class, &rule.name));
        }
        let network: Option<Cidr> = visitor.network.parse().ok();
        let by_network = network.and_then(|network| {
            self.networks.iter().find(|rule| rule.on.takes(what) && rule.what.holds(&network))
        });
        by_network
            .map(|rule| (rule.class, rule.name.as_str()))
            .or(by_agent.map(|rule| (rule.class, rule.name.as_str())))
    }
}

fn networks_text(networks: &[Rule<Cidr>]) -> String {
    use fmt::Write;
    networks.iter().fold(String::new(), |mut text, rule| {
        let _ = writeln!(text, "{} {} {:?} {}", rule.class, rule.name, rule.on, rule.what);
        text
    })
}

/// Reads `CLASS NAME ON WHAT` lines; `#` begins a comment at the start of a line.
fn read_list<T>(
    file: &'static str,
    text: &str,
    what: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<Rule<T>>, RulesError> {
    let mut rules = Vec::new();
    let mut classes: HashMap<String, Class> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let refuse = |why: String| RulesError { file, line: index + 1, why };
        let mut words = line.splitn(4, char::is_whitespace);
        let mut word = || words.next().unwrap_or_default();
        let (class, name, on, rest) = (word(), word(), word(), word().trim());
        let class: Class = class.parse().map_err(|error| refuse(format!("{error}")))?;
        let on = match on {
            "open" => On::Open,
            "click" => On::Click,
            "any" => On::Any,
            other => return Err(refuse(format!("expected open, click or any, got \"{other}\""))),
        };
        if rest.is_empty() {
            return Err(refuse(
                "expected CLASS NAME ON WHAT, each followed by one space".to_owned(),
            ));
        }
        // A name stands in counts and in what is asked for later: it means one thing.
        if *classes.entry(name.to_owned()).or_insert(class) != class {
            return Err(refuse(format!("the rule \"{name}\" has another class above")));
        }
        rules.push(Rule { class, name: name.to_owned(), on, what: what(rest).map_err(refuse)? });
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TargetsId, track::Method};

    const CLICK: Tracked = Tracked::Clicked { link: 1, targets: TargetsId::from_bytes([0; 16]) };

    fn listed(rules: &Rules, what: Tracked, agent: &str, network: &str) -> Option<(Class, String)> {
        let visitor = Visitor::new(Method::Get, agent, network.to_owned(), false);
        rules.listed(what, &visitor).map(|(class, name)| (class, name.to_owned()))
    }

    #[test]
    fn the_lists_of_the_program_read() {
        let rules = Rules::built_in();
        assert!(rules.len() > 80, "{}", rules.len());
        assert_eq!(rules.version(), Rules::built_in().version());
    }

    #[test]
    fn a_line_that_is_no_rule_is_named() {
        let read = |agents: &str, networks: &str| {
            Rules::read(agents, networks).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(read("# a\n\nscanner x any curl", ""), Ok(()));
        for (agents, networks, why) in [
            ("robot x any curl", "", "user_agents.txt, line 1: expected a class"),
            ("\nscanner x never curl", "", "user_agents.txt, line 2: expected open, click or any"),
            ("scanner x any", "", "user_agents.txt, line 1: expected CLASS NAME ON WHAT"),
            ("scanner x any a\nhuman x any b", "", "user_agents.txt, line 2: the rule \"x\" has"),
            ("", "scanner x any nowhere", "networks.txt, line 1: expected a network"),
            ("", "scanner x any 192.0.2.0/28", "networks.txt, line 1: 192.0.2.0/28 is smaller"),
        ] {
            let error = read(agents, networks).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }

    #[test]
    fn other_lists_have_another_version() {
        let version = |agents: &str, networks: &str| {
            Rules::read(agents, networks).unwrap().version().to_owned()
        };
        let one = version("scanner x any curl", "");
        assert_ne!(one, version("scanner x any wget", ""));
        assert_ne!(one, version("scanner x any curl", "scanner y any 192.0.2.0/24"));
        assert!(one.starts_with("1-"), "{one}");
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = Rules::read(
            "human phone any cubot\nscanner bot any bot\nprefetch bare open ^Mozilla/5.0$\n\
             scanner nobody click ^$",
            "prefetch apple open 17.0.0.0/8",
        )
        .unwrap();
        let found = |what, agent, network| {
            listed(&rules, what, agent, network).map(|(class, name)| format!("{class} {name}"))
        };
        assert_eq!(found(CLICK, "Some Bot", "").as_deref(), Some("scanner bot"));
        assert_eq!(found(CLICK, "Android CUBOT", "").as_deref(), Some("human phone"));
        assert_eq!(found(Tracked::Opened, "mozilla/5.0", "").as_deref(), Some("prefetch bare"));
        assert_eq!(found(Tracked::Opened, "Mozilla/5.0 (X11)", ""), None);
        assert_eq!(found(CLICK, "Mozilla/5.0", ""), None, "the rule is about opens");
        assert_eq!(found(CLICK, "", "").as_deref(), Some("scanner nobody"));
        let apple = found(Tracked::Opened, "Mozilla/5.0 (X11)", "17.58.4.0/24");
        assert_eq!(apple.as_deref(), Some("prefetch apple"));
        // A person's user agent does not make a person of what comes from a scanner's network.
        let apple = found(Tracked::Opened, "cubot", "17.58.4.0/24");
        assert_eq!(apple.as_deref(), Some("prefetch apple"));
    }
}
