//! What a request was: by what it said of itself, by where it came from, and by what else was asked of the
//! same message.

use std::collections::HashSet;

use super::{Class, Rules};
use crate::{
    link_targets::HONEYPOT,
    time::UtcMillis,
    track::{Method, Tracked, Visitor},
};

/// Between the acceptance of a message and the first click of a person lie a delivery, a look and a
/// decision.
const TOO_EARLY_MS: i64 = 2_000;
/// Nobody follows several links of a message within this time.
const BURST_MS: i64 = 1_000;
/// So many different links at once are a machine's; all of them, if there are fewer.
const BURST_LINKS: usize = 3;
/// Nobody follows all links of a message within this time, down to the imprint …
const SWEEP_MS: i64 = 10_000;
/// … unless there are fewer than so many.
const SWEEP_LEAST_LINKS: usize = 4;
/// So many different links within that time are a machine's, however many there are.
const SWEEP_LINKS: usize = 8;
/// Who followed a link that nobody sees, or many at once, asked for the rest as well at about that time.
const COMPANY_MS: i64 = 10_000;

/// A request for something of a message.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// What was asked for.
    pub what: Tracked,
    /// When.
    pub at: UtcMillis,
    /// Who asked.
    pub visitor: &'a Visitor,
}

/// What is known of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context {
    /// When the relay took it; `None` while that is not known.
    pub accepted_at: Option<UtcMillis>,
    /// How many links it has; `None` if that is not known.
    pub links: Option<usize>,
}

/// What a request was, and the rule that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'r> {
    /// What it was.
    pub class: Class,
    /// The rule: one of a list, or one of this code.
    pub rule: &'r str,
}

/// What each of `seen` was: all that was asked for of one message, in any order. The answer is in the same
/// order, and depends on nothing but what is given.
pub fn classify<'r>(rules: &'r Rules, message: Context, seen: &[Seen<'_>]) -> Vec<Verdict<'r>> {
    let bursts = together(seen, BURST_MS, burst_links(message));
    let sweeps = together(seen, SWEEP_MS, sweep_links(message));
    let given_away: Vec<&Seen<'_>> = seen
        .iter()
        .enumerate()
        .filter(|(index, one)| {
            bursts.contains(index) || sweeps.contains(index) || one.what.link() == Some(HONEYPOT)
        })
        .map(|(_, one)| one)
        .collect();
    let company = |one: &Seen<'_>| {
        given_away.iter().any(|other| {
            other.visitor.agent == one.visitor.agent
                && other.visitor.network == one.visitor.network
                && (other.at.get() - one.at.get()).abs() <= COMPANY_MS
        })
    };
    let decide = |(index, one): (usize, &Seen<'_>)| {
        let verdict = |class, rule| Verdict { class, rule };
        if one.visitor.method == Method::Head {
            return verdict(Class::Scanner, "head");
        }
        if one.visitor.ahead {
            return verdict(Class::Prefetch, "announced");
        }
        if one.what.link() == Some(HONEYPOT) {
            return verdict(Class::Scanner, "honeypot");
        }
        let listed = rules.listed(one.what, one.visitor);
        if let Some((class, rule)) = listed.filter(|(class, _)| *class != Class::Human) {
            return verdict(class, rule);
        }
        if bursts.contains(&index) {
            return verdict(Class::Scanner, "burst");
        }
        if sweeps.contains(&index) {
            return verdict(Class::Scanner, "sweep");
        }
        if company(one) {
            return verdict(Class::Scanner, "company");
        }
        let is_click = matches!(one.what, Tracked::Clicked { .. });
        if message.accepted_at.is_some_and(|at| one.at.get() < at.get() + TOO_EARLY_MS) {
            let class = if is_click { Class::Scanner } else { Class::Prefetch };
            return verdict(class, "too_early");
        }
        if let Some((class, rule)) = listed {
            return verdict(class, rule);
        }
        // A link opens in a browser, and every browser calls itself so; images are shown by mail programs
        // too, which call themselves anything.
        let agent = &one.visitor.agent;
        if is_click && !["Mozilla/", "Opera/"].iter().any(|start| agent.starts_with(start)) {
            return verdict(Class::Scanner, "no_browser");
        }
        verdict(Class::Human, "nothing_else")
    };
    seen.iter().enumerate().map(decide).collect()
}

/// How many different links at once are a machine's; `None` if no number is.
fn burst_links(message: Context) -> Option<usize> {
    match message.links {
        Some(0 | 1) => None,
        Some(links) => Some(links.min(BURST_LINKS)),
        None => Some(BURST_LINKS),
    }
}

/// How many different links within seconds are a machine's.
fn sweep_links(message: Context) -> Option<usize> {
    match message.links {
        Some(links) if links < SWEEP_LEAST_LINKS => None,
        Some(links) => Some(links.min(SWEEP_LINKS)),
        None => Some(SWEEP_LINKS),
    }
}

/// Which of `seen` are clicks that came within `millis` with so many others that no person did it.
fn together(seen: &[Seen<'_>], millis: i64, enough: Option<usize>) -> HashSet<usize> {
    let Some(enough) = enough else { return HashSet::new() };
    let mut clicks: Vec<(i64, u16, usize)> = seen
        .iter()
        .enumerate()
        .filter_map(|(index, one)| Some((one.at.get(), one.what.link()?, index)))
        .collect();
    clicks.sort_unstable();
    let mut found = HashSet::new();
    let mut first = 0;
    for last in 0..clicks.len() {
        while clicks[last].0 - clicks[first].0 > millis {
            first += 1;
        }
        let window = &clicks[first..=last];
        let links: HashSet<u16> = window.iter().map(|(_, link, _)| *link).collect();
        if links.len() >= enough {
            found.extend(window.iter().map(|(_, _, index)| *index));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TargetsId;
    use proptest::prelude::*;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
    const APPLE_MAIL: &str =
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    const GMAIL_PROXY: &str =
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
    const GMAIL_PREFETCH: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0";

    fn click(link: u16) -> Tracked {
        Tracked::Clicked { link, targets: TargetsId::from_bytes([0; 16]) }
    }

    fn get(agent: &str) -> Visitor {
        Visitor::new(Method::Get, agent, "203.0.113.0/24".to_owned(), false)
    }

    const ACCEPTED: Context =
        Context { accepted_at: Some(UtcMillis::new(100_000)), links: Some(5) };

    /// The verdicts on requests, each `class rule`; times count from the acceptance.
    fn verdicts(message: Context, requests: &[(Tracked, i64, Visitor)]) -> Vec<String> {
        let seen: Vec<Seen<'_>> = requests
            .iter()
            .map(|(what, at, visitor)| Seen {
                what: *what,
                at: UtcMillis::new(100_000 + at),
                visitor,
            })
            .collect();
        let rules = Rules::built_in();
        let verdicts = classify(&rules, message, &seen);
        verdicts.iter().map(|verdict| format!("{} {}", verdict.class, verdict.rule)).collect()
    }

    fn verdict(what: Tracked, at: i64, visitor: Visitor) -> String {
        verdicts(ACCEPTED, &[(what, at, visitor)]).remove(0)
    }

    #[test]
    fn people_are_people() {
        assert_eq!(verdict(Tracked::Opened, 9_000, get(APPLE_MAIL)), "human nothing_else");
        assert_eq!(verdict(click(1), 9_000, get(CHROME)), "human nothing_else");
        // Two links after another, one of them twice.
        let slow = [
            (click(1), 60_000, get(CHROME)),
            (click(1), 60_200, get(CHROME)),
            (click(2), 60_900, get(CHROME)),
        ];
        assert_eq!(verdicts(ACCEPTED, &slow), ["human nothing_else"; 3]);
    }

    #[test]
    fn an_open_through_gmail_or_yahoo_is_a_real_one_and_a_prefetch_is_not() {
        let gmail = verdict(Tracked::Opened, 9_000, get(GMAIL_PROXY));
        assert_eq!(gmail, "proxy_open gmail_image_proxy");
        let yahoo = verdict(
            Tracked::Opened,
            9_000,
            get("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"),
        );
        assert_eq!(yahoo, "proxy_open yahoo_mail_proxy");
        assert!(Class::ProxyOpen.is_human() && !Class::Prefetch.is_human());
        let ahead = verdict(Tracked::Opened, 9_000, get(GMAIL_PREFETCH));
        assert_eq!(ahead, "prefetch gmail_prefetch");
    }

    #[test]
    fn apple_s_privacy_protection_loads_ahead() {
        let bare = verdict(Tracked::Opened, 900_000, get("Mozilla/5.0"));
        assert_eq!(bare, "prefetch apple_privacy_agent");
        let network = Visitor::new(Method::Get, APPLE_MAIL, "17.58.4.0/24".to_owned(), false);
        assert_eq!(verdict(Tracked::Opened, 900_000, network), "prefetch apple_network");
    }

    #[test]
    fn head_is_no_person() {
        let head = Visitor::new(Method::Head, CHROME, String::new(), false);
        assert_eq!(verdict(click(1), 9_000, head), "scanner head");
    }

    #[test]
    fn who_says_that_it_loads_ahead_does() {
        let ahead = Visitor::new(Method::Get, CHROME, String::new(), true);
        assert_eq!(verdict(click(1), 9_000, ahead), "prefetch announced");
    }

    #[test]
    fn before_acceptance_and_just_after_it_nobody_has_read_anything() {
        for at in [-5_000, 0, 1_999] {
            assert_eq!(verdict(click(1), at, get(CHROME)), "scanner too_early");
            assert_eq!(verdict(Tracked::Opened, at, get(CHROME)), "prefetch too_early");
        }
        assert_eq!(verdict(click(1), 2_000, get(CHROME)), "human nothing_else");
        let unknown = Context { accepted_at: None, ..ACCEPTED };
        assert_eq!(verdicts(unknown, &[(click(1), 0, get(CHROME))]), ["human nothing_else"]);
    }

    #[test]
    fn all_links_at_once_are_a_machine_s_and_so_is_what_it_asked_for_besides() {
        let other = Visitor::new(Method::Get, CHROME, "198.51.100.0/24".to_owned(), false);
        let burst = [
            (Tracked::Opened, 59_000, get(CHROME)),
            (click(1), 60_000, get(CHROME)),
            (click(2), 60_400, get(CHROME)),
            (click(3), 60_900, get(CHROME)),
            (click(4), 64_000, get(CHROME)),
            (Tracked::Opened, 60_000, other),
            (click(1), 600_000, get(CHROME)),
        ];
        assert_eq!(
            verdicts(ACCEPTED, &burst),
            [
                "scanner company",
                "scanner burst",
                "scanner burst",
                "scanner burst",
                "scanner company",
                "human nothing_else",
                "human nothing_else"
            ]
        );
        // Both of two links are all of them; one of one is not.
        let both = [(click(1), 60_000, get(CHROME)), (click(2), 60_400, get(CHROME))];
        let of = |links| Context { links: Some(links), ..ACCEPTED };
        assert_eq!(verdicts(of(2), &both), ["scanner burst"; 2]);
        assert_eq!(verdicts(of(3), &both), ["human nothing_else"; 2]);
        assert_eq!(verdicts(of(1), &both[..1]), ["human nothing_else"]);
    }

    #[test]
    fn all_links_one_after_the_other_within_seconds_are_a_machine_s() {
        let sweep = |links: u16, apart: i64| -> Vec<(Tracked, i64, Visitor)> {
            (1..=links)
                .map(|link| (click(link), 60_000 + i64::from(link) * apart, get(CHROME)))
                .collect()
        };
        let of = |links| Context { links, ..ACCEPTED };
        assert_eq!(verdicts(of(Some(5)), &sweep(5, 2_000)), ["scanner sweep"; 5]);
        assert_eq!(verdicts(of(Some(40)), &sweep(8, 1_100)), ["scanner sweep"; 8]);
        assert_eq!(verdicts(of(None), &sweep(8, 1_100)), ["scanner sweep"; 8]);
        // Somebody who wants to know it all: not the imprint too, or not so fast.
        assert_eq!(verdicts(of(Some(5)), &sweep(4, 2_000)), ["human nothing_else"; 4]);
        assert_eq!(verdicts(of(Some(5)), &sweep(5, 2_600)), ["human nothing_else"; 5]);
        assert_eq!(verdicts(of(Some(3)), &sweep(3, 1_100)), ["human nothing_else"; 3]);
        // An image that was loaded along with it, and a person an hour later.
        let mut along = sweep(5, 2_000);
        along.push((Tracked::Opened, 59_000, get(CHROME)));
        along.push((click(2), 3_600_000, get(CHROME)));
        let found = verdicts(of(Some(5)), &along);
        assert_eq!(found[5..], ["scanner company", "human nothing_else"]);
    }

    #[test]
    fn a_link_that_nobody_sees_is_followed_by_machines() {
        let trapped = [
            (click(HONEYPOT), 60_000, get(CHROME)),
            (click(2), 63_000, get(CHROME)),
            (click(2), 90_000, get(CHROME)),
        ];
        assert_eq!(
            verdicts(ACCEPTED, &trapped),
            ["scanner honeypot", "scanner company", "human nothing_else"]
        );
    }

    #[test]
    fn programs_that_name_themselves_are_taken_at_their_word() {
        for agent in [
            "curl/8.5.0",
            "python-requests/2.31.0",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
            "",
            "Barracuda Sentinel (EE)",
            "SomethingNobodyKnows/1.0",
        ] {
            let verdict = verdict(click(1), 60_000, get(agent));
            assert!(verdict.starts_with("scanner "), "{agent}: {verdict}");
        }
        let cubot = "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36";
        assert!(verdict(click(1), 60_000, get(cubot)).starts_with("human "));
    }

    proptest! {
        /// People behind one address, or one of them with two devices: whatever they follow, in whatever
        /// order, if it is not several links a moment.
        #[test]
        fn who_reads_before_following_the_next_link_is_a_person(
            links in 2usize..12,
            clicks in prop::collection::vec((1u16..12, 3_400i64..600_000, 0usize..2), 1..20),
        ) {
            let mut at = 60_000;
            let requests: Vec<(Tracked, i64, Visitor)> = clicks
                .into_iter()
                .map(|(link, later, agent)| {
                    at += later;
                    let link = 1 + link % u16::try_from(links).unwrap();
                    (click(link), at, get([CHROME, APPLE_MAIL][agent]))
                })
                .collect();
            let message = Context { links: Some(links), ..ACCEPTED };
            for verdict in verdicts(message, &requests) {
                prop_assert_eq!(verdict, "human nothing_else");
            }
        }

        /// A scanner that comes minutes after the message, as a browser, each time from elsewhere: it gives
        /// itself away by wanting everything.
        #[test]
        fn who_wants_everything_within_seconds_is_none(
            order in (4u16..20).prop_flat_map(|links| Just((1..=links).collect::<Vec<_>>()).prop_shuffle()),
            minutes in 1i64..600,
            seconds in 0i64..10,
        ) {
            let links = order.len();
            let apart = seconds * 1_000 / i64::try_from(links).unwrap();
            let requests: Vec<(Tracked, i64, Visitor)> = (0i64..)
                .zip(&order)
                .map(|(turn, link)| {
                    let network = format!("198.51.{turn}.0/24");
                    let visitor = Visitor::new(Method::Get, CHROME, network, false);
                    (click(*link), minutes * 60_000 + turn * apart, visitor)
                })
                .collect();
            let message = Context { links: Some(links), ..ACCEPTED };
            for verdict in verdicts(message, &requests) {
                prop_assert!(verdict.starts_with("scanner "), "{}", verdict);
            }
        }

        #[test]
        fn the_order_in_which_requests_are_told_does_not_matter(
            requests in prop::collection::vec((0u16..6, 0i64..5_000, 0usize..4), 0..20),
            turn in 0usize..20,
        ) {
            let agents = [CHROME, APPLE_MAIL, GMAIL_PROXY, "curl/8"];
            let mut requests: Vec<(Tracked, i64, Visitor)> = requests
                .into_iter()
                .map(|(link, at, agent)| {
                    let what = if link == 5 { Tracked::Opened } else { click(link) };
                    (what, at, get(agents[agent]))
                })
                .collect();
            let mut one = verdicts(ACCEPTED, &requests);
            let turn = turn % requests.len().max(1);
            requests.rotate_left(turn);
            one.rotate_left(turn);
            prop_assert_eq!(one, verdicts(ACCEPTED, &requests));
        }
    }
}
