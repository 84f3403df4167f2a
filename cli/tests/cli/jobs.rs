//! `pause --partner …` and `jobs …` as people type them.

use crate::machine::{Machine, PARTNERS, sample_package};

fn launched() -> Machine {
    let machine = Machine::new();
    machine.ok(&["migrate"]);
    machine.ok(&["vendor", "add", "Northwind Secure"]);
    machine.file("partners.csv", PARTNERS);
    machine.ok(&["import", "partners", "partners.csv"]);
    machine.file("contacts.csv", "email\nanna@example.com\n");
    let to = ["--company", "acme", "--list", "customers", "--consent", "opt_in", "contacts.csv"];
    machine.ok(&[&["import", "contacts"], &to[..]].concat());
    machine.ok(&["package", "publish", &sample_package()]);
    machine.ok(&["launch", "--package", "product-launch", "--partner", "acme"]);
    machine
}

#[test]
fn every_level_is_paused_resumed_and_shown() {
    let machine = launched();
    for (level, words) in [
        (&["--partner", "acme"][..], "partner acme ("),
        (&["--package", "product-launch"], "package product-launch ("),
        (&["--package", "product-launch", "--version", "1"], "version product-launch@1 ("),
        (&["--vendor", "Northwind Secure"], "vendor Northwind Secure ("),
        (&["--all"], "everything"),
    ] {
        let run = |verb| machine.ok(&[&[verb], level].concat()).stdout;
        let paused = run("pause");
        assert!(paused.contains("is paused now, with 1 live activations; "), "{paused}");
        assert!(run("pause").contains("was paused already"));
        let status = machine.ok(&["status"]).stdout;
        let line = status.lines().find(|line| line.contains(words));
        assert!(line.is_some_and(|line| line.contains(" is paused by ops since ")), "{status}");
        assert!(run("resume").contains("goes on, with 1 live activations"));
        assert!(run("resume").contains("was not paused"));
        assert!(!machine.ok(&["status"]).stdout.contains("is paused by"));
    }
    let cancelled = machine.ok(&["cancel", "--partner", "acme"]).stdout;
    assert!(cancelled.contains("1 activations and 0 sends cancelled"), "{cancelled}");
    assert!(machine.ok(&["cancel", "--all"]).stdout.contains("nothing was live"));
}

#[test]
fn a_level_is_named_in_one_way() {
    let machine = launched();
    for arguments in [
        &["pause"][..],
        &["pause", "--partner", "acme", "--all"],
        &["pause", "--partner", "acme", "--package", "product-launch"],
        &["pause", "act_0000000000001", "--vendor", "Northwind Secure"],
        &["pause", "--version", "1"],
        &["pause", "--package", "product-launch", "--version", "0"],
        &["jobs", "replay"],
        &["jobs", "replay", "--all"],
        &["jobs", "replay", "snd_0000000000001", "--reason", "unknown"],
        &["jobs", "resolve", "snd_0000000000001"],
        &["jobs", "resolve", "snd_0000000000001", "--sent", "--again"],
        &["jobs", "list", "--reason", "bad_luck"],
    ] {
        let ended = machine.run(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    }
    for arguments in [
        &["pause", "--partner", "acne"][..],
        &["cancel", "--package", "product-lunch"],
        &["resume", "--package", "product-launch", "--version", "9"],
        &["pause", "--vendor", "Contoso"],
        &["jobs", "show", "snd_0000000000042"],
        &["jobs", "replay", "snd_0000000000042"],
        &["jobs", "list", "--partner", "acne"],
    ] {
        let ended = machine.run(arguments);
        assert_eq!(ended.code, 4, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    }
    assert!(machine.ok(&["jobs", "list"]).stdout.contains("no job is stuck"));
    let page = machine.ok(&["jobs", "list", "--json"]).json();
    assert!(page["items"].as_array().unwrap().is_empty() && page["next_cursor"].is_null());
}
