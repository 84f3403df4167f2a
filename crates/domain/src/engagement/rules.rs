//! The rules that are data: lists of user agents and of networks.

use std::{collections::HashMap, fmt};

use thiserror::Error;

use super::{
    Class,
    network::Cidr,
    pattern::{Pattern, without_device},
};
use crate::track::{Tracked, Visitor};

/// Raised when the code in [`super::classify()`] decides differently.
const CODE_VERSION: u32 = 2;

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
    overlooked: Vec<(On, String)>,
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
        let mut agent_lines = read_lines("user_agents.txt", user_agents)?;
        let overlooked = agent_lines
            .extract_if(.., |line| line.class == NOTHING)
            .map(|line| (line.on, line.what.to_lowercase()))
            .collect();
        let agents = rules(&agent_lines, Pattern::read)?;
        let networks = rules(&read_lines("networks.txt", networks)?, |text| {
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
        let version = format!("{CODE_VERSION}-{}", &data[..12]);
        Ok(Self { version, overlooked, agents, networks })
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
        let mut agent = without_device(&visitor.agent.to_lowercase());
        for (_, text) in self.overlooked.iter().filter(|(on, _)| on.takes(what)) {
            if agent.contains(text) {
                // Not nothing: whoever says just this has said something.
                agent = agent.replace(text, " ");
            }
        }
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

/// The class of lines whose WHAT says nothing.
const NOTHING: &str = "nothing";

/// A line of a list, `CLASS NAME ON WHAT`.
struct Line<'t> {
    file: &'static str,
    number: usize,
    class: &'t str,
    name: &'t str,
    on: On,
    what: String,
}

impl Line<'_> {
    fn refuse(&self, why: String) -> RulesError {
        RulesError { file: self.file, line: self.number, why }
    }
}

/// Reads lines; `#` begins a comment at the start of a line, two spaces what goes on the line before.
fn read_lines<'t>(file: &'static str, text: &'t str) -> Result<Vec<Line<'t>>, RulesError> {
    let mut lines: Vec<Line<'t>> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let refuse = |why: &str| RulesError { file, line: index + 1, why: why.to_owned() };
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if line.starts_with("  ") {
            let before = lines.last_mut().ok_or_else(|| refuse("there is no line to go on"))?;
            before.what.push(' ');
            before.what.push_str(content);
            continue;
        }
        let mut words = content.splitn(4, char::is_whitespace);
        let mut word = || words.next().unwrap_or_default();
        let (class, name, on, what) = (word(), word(), word(), word().trim());
        if class != NOTHING && class.parse::<Class>().is_err() {
            return Err(refuse(&format!(
                "expected a class: human, proxy_open, prefetch, scanner or nothing, got \"{class}\""
            )));
        }
        let on = match on {
            "open" => On::Open,
            "click" => On::Click,
            "any" => On::Any,
            other => return Err(refuse(&format!("expected open, click or any, got \"{other}\""))),
        };
        if what.is_empty() {
            return Err(refuse("expected CLASS NAME ON WHAT, each followed by one space"));
        }
        lines.push(Line { file, number: index + 1, class, name, on, what: what.to_owned() });
    }
    Ok(lines)
}

/// The rules of `lines`.
fn rules<T>(
    lines: &[Line<'_>],
    what: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<Rule<T>>, RulesError> {
    let mut classes: HashMap<&str, Class> = HashMap::new();
    let read = |line: &Line<'_>| {
        let class: Class = line.class.parse().map_err(|error| line.refuse(format!("{error}")))?;
        let what = what(&line.what).map_err(|why| line.refuse(why))?;
        Ok(Rule { class, name: line.name.to_owned(), on: line.on, what })
    };
    let mut rules = Vec::new();
    for line in lines {
        let rule = read(line)?;
        // A name stands in counts and in what is asked for later: it means one thing.
        if *classes.entry(line.name).or_insert(rule.class) != rule.class {
            return Err(line.refuse(format!("the rule \"{}\" has another class above", rule.name)));
        }
        rules.push(rule);
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
            ("  curl", "", "user_agents.txt, line 1: there is no line to go on"),
            ("scanner x any curl & <>", "", "user_agents.txt, line 1: expected a text to look for"),
            ("", "nothing x any 192.0.2.0/24", "networks.txt, line 1: expected a class"),
            ("scanner x any a\nhuman x any b", "", "user_agents.txt, line 2: the rule \"x\" has"),
            ("", "scanner x any nowhere", "networks.txt, line 1: expected a network"),
            ("", "scanner x any 192.0.2.0/28", "networks.txt, line 1: 192.0.2.0/28 is smaller"),
        ] {
            let error = read(agents, networks).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }

    #[test]
    fn a_line_goes_on_where_the_next_begins_with_spaces() {
        let rules = Rules::read("scanner x any curl\n# why\n  & !libcurl", "").unwrap();
        assert_eq!(listed(&rules, CLICK, "curl", ""), Some((Class::Scanner, "x".to_owned())));
        assert_eq!(listed(&rules, CLICK, "libcurl", ""), None);
    }

    #[test]
    fn what_a_device_is_called_says_nothing() {
        let rules = Rules::read("scanner bot any bot", "").unwrap();
        let found = |agent: &str| listed(&rules, CLICK, agent, "").is_some();
        assert!(!found("Mozilla/5.0 (Linux; Android 9; Robot X Build/P1) Chrome/1"));
        assert!(found("Mozilla/5.0 (Linux; Android 9; X Build/P1) Chrome/1 (Robot)"));
    }

    #[test]
    fn other_lists_have_another_version() {
        let version = |agents: &str, networks: &str| {
            Rules::read(agents, networks).unwrap().version().to_owned()
        };
        let one = version("scanner x any curl", "");
        assert_ne!(one, version("scanner x any wget", ""));
        assert_ne!(one, version("scanner x any curl", "scanner y any 192.0.2.0/24"));
        assert!(one.starts_with("2-"), "{one}");
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = Rules::read(
            "nothing phone any Cubot\nhuman phone any android\nscanner bot any bot\n\
             prefetch bare open ^Mozilla/5.0$\nscanner nobody click ^$",
            "prefetch apple open 17.0.0.0/8",
        )
        .unwrap();
        let found = |what, agent, network| {
            listed(&rules, what, agent, network).map(|(class, name)| format!("{class} {name}"))
        };
        assert_eq!(found(CLICK, "Some Bot", "").as_deref(), Some("scanner bot"));
        assert_eq!(found(CLICK, "Android CUBOT", "").as_deref(), Some("human phone"));
        assert_eq!(found(CLICK, "CUBOT", ""), None, "it says nothing");
        assert_eq!(found(CLICK, "CUBOT (a bot)", "").as_deref(), Some("scanner bot"));
        assert_eq!(found(Tracked::Opened, "mozilla/5.0", "").as_deref(), Some("prefetch bare"));
        assert_eq!(found(Tracked::Opened, "Mozilla/5.0 (X11)", ""), None);
        assert_eq!(found(CLICK, "Mozilla/5.0", ""), None, "the rule is about opens");
        assert_eq!(found(CLICK, "", "").as_deref(), Some("scanner nobody"));
        let apple = found(Tracked::Opened, "Mozilla/5.0 (X11)", "17.58.4.0/24");
        assert_eq!(apple.as_deref(), Some("prefetch apple"));
        // A person's user agent does not make a person of what comes from a scanner's network.
        let apple = found(Tracked::Opened, "Android", "17.58.4.0/24");
        assert_eq!(apple.as_deref(), Some("prefetch apple"));
    }
}
