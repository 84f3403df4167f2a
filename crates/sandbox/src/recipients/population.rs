//! Who reads mail: with which program, behind which gateway, and in what mood.
//!
//! The shares are those of a business audience, roughly. What counts is that each way to ask for pictures and
//! links occurs: by the program itself, through a provider's proxy, ahead of anybody, by a scanner.

use std::time::Duration;

use super::{RecipientsOptions, draw::Draw};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
const CHROME_ON_MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
const CHROME_ON_ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15";
const SAFARI_ON_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";

/// Who asks for the pictures of a mail, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pictures {
    /// This user agent, when the mail is looked at.
    Looked(&'static str),
    /// This user agent, soon after the mail came, whether it is looked at or not, and not again.
    Ahead(&'static str),
    /// Nobody.
    Off,
}

/// What a mail is read with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MailProgram {
    per_mille: u32,
    pub(super) pictures: Pictures,
    /// What its links open in.
    pub(super) browser: &'static str,
}

const fn program(per_mille: u32, pictures: Pictures, browser: &'static str) -> MailProgram {
    MailProgram { per_mille, pictures, browser }
}

const PROGRAMS: [MailProgram; 12] = [
    // Gmail shows pictures through its proxy.
    program(
        150,
        Pictures::Looked(
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        ),
        CHROME,
    ),
    program(
        100,
        Pictures::Looked(
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        ),
        CHROME_ON_ANDROID,
    ),
    // Apple's programs with their privacy protection, which says nothing but this.
    program(180, Pictures::Ahead("Mozilla/5.0"), SAFARI_ON_IPHONE),
    program(100, Pictures::Ahead("Mozilla/5.0"), SAFARI),
    // And without.
    program(
        50,
        Pictures::Looked(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        ),
        SAFARI_ON_IPHONE,
    ),
    // Outlook on Windows.
    program(180, Pictures::Looked("Mozilla/4.0 (compatible; ms-office; MSOffice 16)"), EDGE),
    // Outlook in a browser.
    program(80, Pictures::Looked(EDGE), EDGE),
    program(40, Pictures::Looked(CHROME_ON_MAC), CHROME_ON_MAC),
    program(
        40,
        Pictures::Looked(
            "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        ),
        CHROME,
    ),
    program(
        30,
        Pictures::Looked(
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
        ),
        FIREFOX,
    ),
    program(
        30,
        Pictures::Looked("Dalvik/2.1.0 (Linux; U; Android 14; SM-S911B Build/UP1A.231005.007)"),
        CHROME_ON_ANDROID,
    ),
    program(20, Pictures::Off, FIREFOX),
];

/// How a gateway follows links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    Get,
    Head,
    HeadThenGet,
}

/// What looks at mail for harm before anybody else does: it follows every link there is, seen or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gateway {
    per_mille: u32,
    pub(super) agent: &'static str,
    pub(super) follows: Follows,
    /// Whether it loads pictures, too.
    pub(super) pictures: bool,
}

const GATEWAYS: [Gateway; 4] = [
    // One that names itself.
    Gateway {
        per_mille: 250,
        agent: "Barracuda Sentinel (EE)",
        follows: Follows::Get,
        pictures: true,
    },
    // One that asks twice, as Proofpoint does.
    Gateway {
        per_mille: 250,
        agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36",
        follows: Follows::HeadThenGet,
        pictures: false,
    },
    // One that is nobody but an ordinary browser, as Microsoft's Safe Links is.
    Gateway {
        per_mille: 350,
        agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36",
        follows: Follows::Get,
        pictures: true,
    },
    // A script.
    Gateway { per_mille: 150, agent: "curl/8.5.0", follows: Follows::Head, pictures: false },
];

/// Whether and how somebody unsubscribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Stays,
    /// Through the mailbox provider's button (RFC 8058).
    OneClick,
    /// Through the link in the mail and the button on its page.
    ByPage,
}

/// A recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) program: &'static MailProgram,
    pub(super) gateway: Option<&'static Gateway>,
    pub(super) leaves: Leaves,
    /// Whether the mailbox is looked at in this run, by somebody or something.
    pub(super) reads: bool,
}

/// What becomes of one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mood {
    pub(super) opens: bool,
    pub(super) opens_again: bool,
    pub(super) clicks: bool,
    pub(super) clicks_another: bool,
    /// Which link, as a share of all of them.
    pub(super) link_per_mille: u32,
    /// When the person looks, after the mail came.
    pub(super) looks_after: Duration,
    /// How long the person then reads before the first click, and between two.
    pub(super) reads_for: Duration,
    /// When the gateway or the prefetch comes, after the mail came.
    pub(super) machine_after: Duration,
}

/// All recipients there could be.
#[derive(Debug, Clone)]
pub(super) struct Population {
    draw: Draw,
    options: RecipientsOptions,
}

impl Population {
    pub(super) fn new(options: &RecipientsOptions) -> Self {
        Self { draw: Draw::new(options.seed), options: options.clone() }
    }

    /// Who has this address, however it is spelled.
    pub(super) fn person(&self, address: &str) -> Person {
        let address = address.to_lowercase();
        let about = [address.as_str()];
        let draw = &self.draw;
        let options = &self.options;
        let lot = draw.per_mille("leaves", &about);
        let leaves = if lot < options.one_click_per_mille {
            Leaves::OneClick
        } else if lot < options.one_click_per_mille.saturating_add(options.by_page_per_mille) {
            Leaves::ByPage
        } else {
            Leaves::Stays
        };
        let gateway = draw
            .chance(options.scan_per_mille, "gateway", &about)
            .then(|| draw.choose(&GATEWAYS, |one| one.per_mille, "which gateway", &about));
        Person {
            program: draw.choose(&PROGRAMS, |one| one.per_mille, "program", &about),
            gateway,
            leaves,
            reads: draw.chance(options.read_per_mille, "reads", &about),
        }
    }

    /// What the person at `address` does with a mail; `mail` tells one of their mails from the others.
    pub(super) fn mood(&self, address: &str, mail: &str) -> Mood {
        let address = address.to_lowercase();
        let about = [address.as_str(), mail];
        let draw = &self.draw;
        let (options, pace) = (&self.options, &self.options.pace);
        Mood {
            opens: draw.chance(options.open_per_mille, "opens", &about),
            opens_again: draw.chance(120, "opens again", &about),
            clicks: draw.chance(options.click_per_mille, "clicks", &about),
            clicks_another: draw.chance(200, "clicks another", &about),
            link_per_mille: draw.per_mille("link", &about),
            looks_after: draw.between(pace.looks_after, "looks after", &about),
            reads_for: draw.between(pace.reads_for, "reads for", &about),
            machine_after: draw.between(pace.machine_after, "machine after", &about),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn population(seed: u64) -> Population {
        Population::new(&RecipientsOptions {
            seed,
            scan_per_mille: 50,
            one_click_per_mille: 25,
            by_page_per_mille: 5,
            ..RecipientsOptions::at("http://127.0.0.1:1", "http://127.0.0.1:2")
        })
    }

    #[test]
    fn a_person_is_the_same_in_every_run_and_another_one_with_another_seed() {
        let (one, again, other) = (population(7), population(7), population(8));
        let differ = (0..1_000).filter(|n| {
            let address = format!("p{n}@example.com");
            assert_eq!(one.person(&address), again.person(&address.to_uppercase()));
            assert_eq!(one.mood(&address, "3"), again.mood(&address, "3"));
            one.person(&address) != other.person(&address)
        });
        assert!(differ.count() > 700);
    }

    #[test]
    fn the_shares_are_what_they_are_said_to_be() {
        assert_eq!(PROGRAMS.iter().map(|one| one.per_mille).sum::<u32>(), 1_000);
        assert_eq!(GATEWAYS.iter().map(|one| one.per_mille).sum::<u32>(), 1_000);
        let population = population(2026);
        let people: Vec<Person> =
            (0..20_000).map(|n| population.person(&format!("p{n}@example.com"))).collect();
        let near = |found: usize, per_mille: usize| {
            let wanted = 20 * per_mille;
            assert!(found.abs_diff(wanted) < 100 + wanted / 10, "{found}, not {wanted}");
        };
        near(people.iter().filter(|person| person.gateway.is_some()).count(), 50);
        near(people.iter().filter(|person| person.leaves == Leaves::OneClick).count(), 25);
        near(people.iter().filter(|person| person.leaves == Leaves::ByPage).count(), 5);
        let mut by_program: HashMap<usize, usize> = HashMap::new();
        for person in &people {
            let index = PROGRAMS.iter().position(|one| one == person.program).unwrap();
            *by_program.entry(index).or_default() += 1;
        }
        for (index, program) in PROGRAMS.iter().enumerate() {
            near(by_program[&index], program.per_mille as usize);
        }
    }

    #[test]
    fn no_gateway_calls_itself_what_a_person_s_program_does() {
        let people: HashSet<&str> = PROGRAMS
            .iter()
            .flat_map(|one| {
                let pictures = match one.pictures {
                    Pictures::Looked(agent) | Pictures::Ahead(agent) => Some(agent),
                    Pictures::Off => None,
                };
                pictures.into_iter().chain([one.browser])
            })
            .collect();
        assert!(GATEWAYS.iter().all(|gateway| !people.contains(gateway.agent)));
    }
}
