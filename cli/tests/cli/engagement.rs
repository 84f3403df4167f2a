//! `engagement check`, on small lists.

use crate::machine::Machine;

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";

#[test]
fn the_rules_are_measured() {
    let machine = Machine::new();
    machine.file(
        "bots.json",
        &serde_json::json!([
            { "pattern": "bingbot", "instances": ["Mozilla/5.0 (compatible; bingbot/2.0)", "curl/8.5.0"] },
            { "pattern": "hidden", "instances": [CHROME, "GoogleImageProxy"] },
        ])
        .to_string(),
    );
    machine.file("people.txt", &format!("{CHROME}\n{CHROME} OPR/110.0.0.0\n\nSomething/1\n"));
    let check = ["engagement", "check", "--bots", "bots.json", "--people", "people.txt"];

    let answer = machine.ok(&[&check[..], &["--json"]].concat()).json();
    let (bots, people) = (&answer["lists"][0], &answer["lists"][1]);
    assert_eq!((&bots["whose"], &bots["agents"]), (&"bots".into(), &4.into()));
    assert_eq!((&bots["click"]["machines"], &bots["click"]["share"]), (&3.into(), &0.75.into()));
    // A mailbox provider's fetch is a person's open, and nobody's click.
    assert_eq!(bots["open"]["classes"]["proxy_open"], 1);
    assert_eq!(bots["open"]["machines"], 2);
    assert_eq!((&people["agents"], &people["click"]["machines"]), (&3.into(), &1.into()));
    assert_eq!(people["wrong"][0]["agent"], "Something/1");
    assert_eq!(people["wrong"][0]["rule"], "no_browser");

    let text = machine.ok(&check).stdout;
    for line in ["bots.json       4             3  75.00            2  50.00", "both  nothing_else"]
    {
        assert!(text.contains(line), "{line}:\n{text}");
    }

    // Other rules, other counts.
    std::fs::create_dir(machine.path("rules")).unwrap();
    machine.file("rules/user_agents.txt", "scanner everybody any windows");
    let config = std::fs::read_to_string(machine.path("throughline.toml")).unwrap();
    machine.file("throughline.toml", &format!("{config}[tracking]\nrules = \"rules\"\n"));
    let answer = machine.ok(&[&check[..], &["--json"]].concat()).json();
    assert_eq!(answer["lists"][1]["open"]["machines"], 2);
}

#[test]
fn only_some_of_what_is_wrong_is_shown_unless_all_is_asked_for() {
    let machine = Machine::new();
    let many: String = (0..30).map(|n| format!("{CHROME} OPR/{n}.0\n")).collect();
    machine.file("many.txt", &many);
    let check = ["--json", "engagement", "check", "--bots", "many.txt"];
    let some = machine.ok(&check).json();
    assert_eq!(some["lists"][0]["wrong"].as_array().unwrap().len(), 20);
    assert_eq!(some["lists"][0]["wrong_left_out"], 40);
    let all = machine.ok(&[&check[..], &["--all"]].concat()).json();
    assert_eq!(all["lists"][0]["wrong"].as_array().unwrap().len(), 60);
}

#[test]
fn a_list_that_is_none_is_named_with_its_place() {
    let machine = Machine::new();
    machine.file("bad.json", "[\"curl\",\n  7]");
    machine.file("empty.txt", "\n\n");
    for (file, why) in [
        ("bad.json", "bad.json:2:3: invalid type: integer `7`"),
        ("empty.txt", "empty.txt names no user agent"),
        ("none.txt", "none.txt can't be read"),
    ] {
        let ended = machine.run(&["engagement", "check", "--bots", file]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    assert_eq!(machine.run(&["engagement", "check"]).code, 2, "a list must be given");
}
