use std::{collections::BTreeSet, time::Duration};

use super::*;

fn var(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn with_env(env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(None, env.iter().map(|(name, value)| var(name, value)))
}

/// Loads `text` from a file called `t.toml`; problems name it without its folder.
fn with_file(text: &str) -> Result<Config, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.toml");
    std::fs::write(&path, text).unwrap();
    let before = format!("{}/", folder.path().display());
    Config::load(Some(&path), []).map_err(|error| {
        error.to_string().replace(&before, "").lines().map(ToOwned::to_owned).collect()
    })
}

fn problem_of_file(text: &str) -> String {
    let mut problems = with_file(text).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.remove(0)
}

fn problem_of_env(name: &str, value: &str) -> String {
    let error = with_env(&[(name, value)]).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    error.to_string()
}

#[test]
fn the_manual_is_the_default() {
    // Read as anybody's file over nothing at all: complete by itself, and the same as the default.
    let mut problems = Vec::new();
    let alone = Text::BuiltIn(DEFAULT_TOML).parse(&mut problems);
    let read = Config::read(&alone, &alone, &mut problems);
    assert_eq!(problems, []);
    assert_eq!(read.unwrap(), Config::default());
    assert_eq!(with_file(DEFAULT_TOML).unwrap(), Config::default());
    // Some values by hand, so that a slip in the file shows here.
    let config = Config::default();
    assert_eq!(config.redis.url.expose(), "redis://127.0.0.1:6379");
    assert_eq!(config.worker.hands, 50);
    assert_eq!(config.give_up().after, Duration::from_secs(4 * 86_400));
    assert_eq!(config.sending.on_unknown, OnUnknown::Retry);
    assert_eq!(config.relays[0].limit, None);
    assert_eq!(config.tiers, Tiers::default(), "the tiers of the file are those of the vocabulary");
    assert_eq!(config.portal.listen.ip().to_string(), "127.0.0.1");
}

#[test]
fn the_manual_names_and_explains_every_key() {
    let mut section = String::new();
    let mut explained = BTreeSet::new();
    let mut prose = false;
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']).to_owned();
            prose = false;
        } else if let Some((key, _)) =
            line.trim_start_matches("# ").split_once(" = ").filter(|_| !line.starts_with("#  "))
        {
            // Only the first [[tier]] explains its keys.
            if prose {
                explained.insert(format!("{section}.{key}"));
            }
            prose = false;
        } else {
            prose = line.starts_with("# ");
        }
    }
    let known: BTreeSet<String> = SECTIONS
        .iter()
        .flat_map(|(section, keys)| keys.iter().map(move |key| format!("{section}.{key}")))
        .collect();
    assert_eq!(explained, known);
}

#[test]
fn every_key_can_be_set_from_the_environment() {
    // What a variable sets is read like the same text in a file: set every key to its own default.
    let table: toml::Table = DEFAULT_TOML.parse().unwrap();
    let mut variables = Vec::new();
    for (section, value) in &table {
        let (entries, number) = match value {
            toml::Value::Table(table) => (vec![table], false),
            toml::Value::Array(list) => {
                (list.iter().filter_map(toml::Value::as_table).collect(), true)
            }
            other => panic!("{section} = {other}"),
        };
        for (index, entry) in entries.iter().enumerate() {
            for (key, value) in *entry {
                let path = if number {
                    format!("{section}.{index}.{key}")
                } else {
                    format!("{section}.{key}")
                };
                let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                variables.push((source::variable_for(&path), text));
            }
        }
    }
    assert!(variables.len() > 45, "{}", variables.len());
    assert_eq!(Config::load(None, variables).unwrap(), Config::default());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.toml");
    std::fs::write(
        &path,
        "[redis]\nurl = \"redis://file:1\"\ntracks_bound = 5_000\n[worker]\nhands = 3\n",
    )
    .unwrap();
    let env = [
        var("THROUGHLINE__REDIS__URL", "redis://env:2"),
        var("THROUGHLINE__WORKER__JOB_TIME_LIMIT", "30min"),
        var("THROUGHLINE__RELAY__0__LIMIT", "7/s"),
        var("THROUGHLINE__RELAY__1__NAME", "second"),
        var("THROUGHLINE__RELAY__1__ADDRESS", "smtp.example.com:587"),
        var("THROUGHLINE__RELAY__1__MAX_CONNECTIONS", "2"),
        var("THROUGHLINE__TIER", "[{ name = \"Only\", weight = 5, partner_limit = \"1/min\" }]"),
        var("THROUGHLINE_CONFIG", "not ours"),
        var("PATH", "/bin"),
    ];
    let config = Config::load(Some(&path), env).unwrap();
    assert_eq!(config.redis.url.expose(), "redis://env:2");
    assert_eq!(config.redis.tracks_bound, 5_000);
    assert_eq!(config.redis.outcomes_bound, 200_000);
    assert_eq!(config.worker.hands, 3);
    assert_eq!(config.worker.job_time_limit.to_string(), "30min");
    assert_eq!(config.relays[0].name, "relay");
    assert_eq!(config.relays[0].limit.unwrap().to_string(), "7/s, burst 7");
    assert_eq!(config.relays[1].address.host, "smtp.example.com");
    assert_eq!(config.tiers.names(), "Only");
}

#[test]
fn an_unknown_key_names_the_nearest() {
    assert_eq!(
        problem_of_file("[redis]\nurll = \"redis://x:1\"\n"),
        "t.toml:2:1: redis.urll: no such setting; did you mean `redis.url`?"
    );
    assert_eq!(
        problem_of_file("[wroker]\nhands = 1\n"),
        "t.toml:1:2: wroker: no such setting; did you mean `worker`?"
    );
    assert_eq!(
        problem_of_file("public_url = \"http://x\"\n"),
        "t.toml:1:1: public_url: no such setting; did you mean `portal.public_url`?"
    );
    assert!(
        problem_of_file("[redis]\nfrobnicate = 1\n")
            .contains("keys here are url, response_timeout")
    );
    assert!(
        problem_of_file(
            "[[relay]]\nname=\"a\"\naddress=\"h:1\"\nmax_connections=1\nlimmit=\"1/s\"\n"
        )
        .ends_with("relay.0.limmit: no such setting; did you mean `relay.0.limit`?")
    );
    assert_eq!(
        problem_of_env("THROUGHLINE__REDIS__URI", "redis://x:1"),
        "THROUGHLINE__REDIS__URI: redis.uri: no such setting; did you mean THROUGHLINE__REDIS__URL?"
    );
    assert_eq!(
        problem_of_env("THROUGHLINE__REDDIS__URL", "redis://x:1"),
        "THROUGHLINE__REDDIS__URL: reddis: no such setting; did you mean THROUGHLINE__REDIS__URL?"
    );
    assert!(
        problem_of_env("THROUGHLINE__SMTP__TIMEOUT", "1s")
            .contains("did you mean THROUGHLINE__SMTP__")
    );
    assert!(problem_of_env("THROUGHLINE__RELAY__7__NAME", "x").contains("the next number is 1"));
    assert!(problem_of_env("THROUGHLINE__REDIS__URL__HOST", "x").contains("has no parts"));
}

#[test]
fn a_wrong_value_says_where_and_what_was_expected() {
    for (text, place, expected) in [
        ("[worker]\nhands = \"many\"\n", "t.toml:2:9: worker.hands: ", "many"),
        ("[worker]\nhands = 0\n", "t.toml:2:9: worker.hands: ", "expected 1 to 10000, got 0"),
        (
            "[redis]\nresponse_timeout = 5\n",
            "t.toml:2:20: redis.response_timeout: ",
            "like \"250ms\", \"30s\"",
        ),
        (
            "[portal]\npublic_url = \"http://x/\"\n",
            "t.toml:2:14: portal.public_url: ",
            "without a slash at its end",
        ),
        (
            "[sending]\non_unknown = \"drop\"\n",
            "t.toml:2:14: sending.on_unknown: ",
            "`retry` or `hold`",
        ),
        (
            "[sending]\nlist_domain = \"a b\"\n",
            "t.toml:2:15: sending.list_domain: ",
            "mail.example.com",
        ),
        ("[smtp]\nhelo_name = \"[1.2.3]\"\n", "t.toml:2:13: smtp.helo_name: ", "[192.0.2.1]"),
        (
            "[scheduler]\nlane_window = 10_001\n",
            "t.toml:2:15: scheduler.lane_window: ",
            "expected 1 to 10000",
        ),
        (
            "[worker]\njob_time_limit = \"10min\"\n",
            "t.toml:2:18: worker.job_time_limit: ",
            "more than the time limits in [smtp]",
        ),
        (
            "[book]\nurl = \"mysql://h/db\"\n",
            "t.toml:2:7: book.url: ",
            "\"sqlite:FILE\" or \"postgres://…\"",
        ),
        (
            "[redis]\nurl = \"rediss://h:1\"\n",
            "t.toml:2:7: redis.url: ",
            "got one that begins \"rediss:\"",
        ),
        ("[log]\nfilter = \"a=loud\"\n", "t.toml:2:10: log.filter: ", "info,belt=debug"),
        ("relay = []\n", "t.toml:1:9: relay: ", "at least one"),
        ("tier = []\n", "t.toml:1:8: tier: ", "at least one"),
        ("[relay]\nname = \"x\"\n", "t.toml:1:2: relay: ", "each under [[relay]]"),
        ("redis = 5\n", "t.toml:1:1: redis: ", "expected a table with the keys url"),
        ("[[relay]]\nname = \"a\"\nmax_connections = 1\n", "relay.0.address: ", "missing"),
    ] {
        let problem = problem_of_file(text);
        assert!(problem.contains(place) && problem.contains(expected), "{text}: {problem}");
    }
    let twice = "[[relay]]\nname=\"a\"\naddress=\"h:1\"\nmax_connections=1\n".repeat(2);
    assert_eq!(
        problem_of_file(&twice),
        "t.toml:6:6: relay.1.name: there is another relay named \"a\""
    );
    let twice = "[[tier]]\nname=\"A\"\nweight=1\npartner_limit=\"1/s\"\n[[tier]]\nname=\"a\"\nweight=101\npartner_limit=\"1/s\"\n";
    assert_eq!(with_file(twice).unwrap_err().len(), 2);
}

#[test]
fn all_problems_are_named_at_once() {
    let problems = with_file(
        "[redis]\nurll = \"x\"\nresponse_timeout = \"soon\"\n[worker]\nhands = 0\n[smtp]\ndata_timeout = \"3h\"\n[nowhere]\n",
    )
    .unwrap_err();
    let keys: Vec<&str> =
        problems.iter().map(|problem| problem.split(": ").nth(1).unwrap()).collect();
    assert_eq!(
        keys,
        [
            "nowhere",
            "redis.urll",
            "redis.response_timeout",
            "worker.hands",
            "worker.job_time_limit"
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_is_reported_with_its_place() {
    let problems = with_file("[redis]\nurl = redis://x\n[worker]\nhands = 0\n").unwrap_err();
    assert!(problems[0].starts_with("t.toml:2:"), "{problems:#?}");
    let error = Config::load(Some(Path::new("/nowhere/t.toml")), []).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/t.toml: can't be read: "), "{error}");
}

#[test]
fn secrets_are_needed_masked_and_never_echoed() {
    let missing = Config::default().secrets.link_key().unwrap_err().to_string();
    assert!(
        missing.contains("openssl rand -hex 32")
            && missing.contains("THROUGHLINE__SECRETS__LINK_KEY"),
        "{missing}"
    );
    let missing = Config::default().secrets.address_key().unwrap_err().to_string();
    assert!(missing.contains("THROUGHLINE__SECRETS__ADDRESS_KEY"), "{missing}");

    let digits = "c0ffee11".repeat(8);
    let config = with_env(&[
        ("THROUGHLINE__SECRETS__LINK_KEY", &digits),
        ("THROUGHLINE__BOOK__URL", "postgres://tl:canary@db/tl"),
    ])
    .unwrap();
    assert!(config.secrets.link_key().is_ok());
    let shown = config.to_toml_masked();
    assert!(shown.contains("link_key = \"[secret, 64 digits]\""), "{shown}");
    assert!(shown.contains("address_key = \"[empty]\""), "{shown}");
    assert!(shown.contains("postgres://tl:[secret]@db/tl"), "{shown}");
    for text in [shown, format!("{config:?}")] {
        assert!(!text.contains("c0ffee") && !text.contains("canary"), "{text}");
    }

    // One digit short, one too many, and a number instead of text: said, and not repeated.
    for value in ["c0ffee11", &format!("{digits}9"), "\"c0ffee\""] {
        let problem = problem_of_env("THROUGHLINE__SECRETS__LINK_KEY", value);
        assert!(problem.contains("64 hex digits") && !problem.contains("c0ffee"), "{problem}");
    }
    let problem = problem_of_file("[secrets]\nlink_key = 1234567812345678\n");
    assert!(problem.contains("64 hex digits") && !problem.contains("12345678"), "{problem}");
    let problem = problem_of_file(&format!("[secrets]\nlink_key = {}\n", "12345678".repeat(8)));
    assert!(!problem.contains("12345678"), "{problem}");
}

#[test]
fn what_is_shown_can_be_loaded_again() {
    let config =
        with_env(&[("THROUGHLINE__RELAY__0__LIMIT", "5/s"), ("THROUGHLINE__LOG__FORMAT", "json")])
            .unwrap();
    let shown = config.to_toml_masked().replace("[empty]", "");
    assert_eq!(with_file(&shown).unwrap(), config);
}
