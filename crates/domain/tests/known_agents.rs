//! The lists of the program on user agents of every kind we know of. How they do on lists of others is what
//! `throughline engagement check` counts.

use domain::{
    TargetsId, UtcMillis,
    engagement::{Context, Rules, Seen, classify},
    track::{Method, Tracked, Visitor},
};

const CLICKED: Tracked = Tracked::Clicked { link: 1, targets: TargetsId::from_bytes([0; 16]) };

/// The agents of `list` that are no people, or those that are, each with the rule that says so.
fn judged(list: &str, what: Tracked, as_people: bool) -> Vec<String> {
    let rules = Rules::built_in();
    let agents = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut found = Vec::new();
    for agent in agents {
        let visitor = Visitor::new(Method::Get, agent, String::new(), false);
        let seen = [Seen { what, at: UtcMillis::new(0), visitor: &visitor }];
        let verdict = classify(&rules, Context::default(), &seen)[0];
        if verdict.class.is_human() == as_people {
            found.push(format!("{}: {agent}", verdict.rule));
        }
    }
    found
}

#[test]
fn people_are_taken_for_people() {
    for what in [CLICKED, Tracked::Opened] {
        assert_eq!(judged(include_str!("agents/people.txt"), what, false), [""; 0], "{what:?}");
    }
}

#[test]
fn bots_are_found() {
    for what in [CLICKED, Tracked::Opened] {
        assert_eq!(judged(include_str!("agents/bots.txt"), what, true), [""; 0], "{what:?}");
    }
}
