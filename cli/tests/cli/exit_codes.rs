//! Every exit code, and what stands on standard error with it.

use serde_json::Value;

use crate::machine::{Machine, PARTNERS, run, run_with};

#[test]
fn bad_input_is_2() {
    let machine = Machine::new();
    for arguments in [
        &["lunch"][..],
        &["launch"],
        &["status", "act_x"],
        &["launch", "--package", "p", "--partner", "x", "--all-eligible"],
    ] {
        assert_eq!(machine.run(arguments).code, 2, "{arguments:?}");
    }
    machine.ok(&["migrate"]);
    machine.ok(&["vendor", "add", "Northwind"]);
    machine.file("partners.csv", &PARTNERS.replace("Gold", "Gould"));
    let ended = machine.run(&["import", "partners", "partners.csv"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stdout.contains("row 1 (line 2), tier")
            && ended.stdout.contains("did you mean Gold?"),
        "{}",
        ended.stdout
    );
    let missing = machine.run(&["import", "partners", "none.csv"]);
    assert_eq!(missing.code, 2);
    assert!(
        missing.stderr.contains("none.csv") && missing.stderr.contains("because: "),
        "{}",
        missing.stderr
    );

    machine.file("throughline.toml", "[bok]\nurl = \"x\"\n");
    let ended = machine.run(&["check-config"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("bok") && ended.stderr.contains("book"), "{}", ended.stderr);
}

#[test]
fn a_machine_that_is_not_set_up_is_3() {
    let machine = Machine::new();
    let old = machine.run(&["vendor", "add", "Northwind"]);
    assert_eq!(old.code, 3, "{}", old.stderr);
    assert!(old.stderr.contains("throughline migrate"), "{}", old.stderr);
    machine.ok(&["migrate"]);
    let config = std::fs::read_to_string(machine.path("throughline.toml")).unwrap();
    machine.file("throughline.toml", &config.replace(&"1".repeat(64), ""));
    let no_key = machine.run(&["vendor", "add", "Northwind"]);
    assert_eq!(no_key.code, 3, "{}", no_key.stderr);
    assert!(no_key.stderr.contains("address_key"), "{}", no_key.stderr);
    machine.file("throughline.toml", "[book]\nurl = \"sqlite:///proc/none/book.sqlite\"\n");
    let unwritable = machine.run(&["migrate"]);
    assert_eq!(unwritable.code, 3, "{}", unwritable.stderr);
    assert!(unwritable.stderr.contains("can't be written"), "{}", unwritable.stderr);
}

#[test]
fn what_there_is_not_is_4() {
    let machine = Machine::new();
    machine.ok(&["migrate"]);
    machine.ok(&["vendor", "add", "Northwind"]);
    machine.file("partners.csv", PARTNERS);
    machine.ok(&["import", "partners", "partners.csv"]);
    for arguments in [
        &["pause", "act_0000000000042"][..],
        &["status", "act_0000000000042"],
        &["import", "partners", "partners.csv", "--vendor", "Contoso"],
        &["launch", "--package", "none", "--partner", "acme"],
    ] {
        let ended = machine.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (4, ""), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("error: there is no "), "{}", ended.stderr);
    }
    let ended = machine.run(&["launch", "--package", "x", "--partner", "acne", "--json"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, ""));
    let said: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(said["exit_code"], 4);
    assert!(said["error"][0].as_str().unwrap().contains("did you mean \"acme\"?"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_5() {
    let machine = Machine::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = std::fs::read_to_string(machine.path("throughline.toml")).unwrap();
    let book = config.lines().find(|line| line.contains("sqlite://")).unwrap();
    machine.file(
        "throughline.toml",
        &config
            .replace(book, &format!("url = \"postgres://someone:hunter2@127.0.0.1:{port}/book\"")),
    );
    let ended = machine.run(&["status"]);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn secrets_are_masked_and_the_environment_wins() {
    let machine = Machine::new();
    let shown = machine.ok(&["check-config"]).stdout;
    assert!(!shown.contains(&"1".repeat(64)) && shown.contains("book.sqlite"), "{shown}");
    let json = machine.ok(&["check-config", "--json"]).json();
    assert!(json["config"]["book"]["url"].as_str().unwrap().contains("book.sqlite"));
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = machine.path("throughline.toml");
    let named = run(folder.path(), &["check-config", "--config", elsewhere.to_str().unwrap()]);
    assert!(named.stdout.contains("book.sqlite"), "{}", named.stderr);
    let variable = [("THROUGHLINE__BOOK__URL", "sqlite:///elsewhere/other.sqlite")];
    let shown = run_with(
        folder.path(),
        &["check-config", "--config", elsewhere.to_str().unwrap()],
        &variable,
    );
    assert!(shown.stdout.contains("/elsewhere/other.sqlite"), "{}{}", shown.stdout, shown.stderr);
}
