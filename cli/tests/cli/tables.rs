//! Files in and out: imports of other people's files, and exports that come back.

use crate::machine::{Machine, PARTNERS};

/// With a vendor and the partners `acme` and `beta`.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.ok(&["migrate"]);
    machine.ok(&["vendor", "add", "Northwind"]);
    machine.file("partners.csv", PARTNERS);
    machine.ok(&["import", "partners", "partners.csv"]);
    machine
}

const TO: [&str; 6] = ["import", "contacts", "--company", "acme", "--list", "customers"];
const FROM: [&str; 6] = ["export", "contacts", "--company", "acme", "--list", "customers"];

fn with<'a>(command: [&'a str; 6], more: &[&'a str]) -> Vec<&'a str> {
    command.iter().chain(more).copied().collect()
}

#[test]
fn a_crm_file_goes_in_and_comes_out() {
    let machine = machine();
    machine.file(
        "crm.csv",
        "Mail 1;Mail 2;Vorname;Umsatz;Tel\n\
         anna@example.com;x;=Anna;1;+43 1\n\
         bert@example.com;y;Bert;2;\n\
         anna@example.com;z;Anna;3;+43 2\n",
    );
    let missing = machine.run(&with(TO, &["crm.csv", "--consent", "opt_in"]));
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("a column `email`"), "{}", missing.stderr);
    let maps = ["crm.csv", "--consent", "opt_in", "--map", "Mail 1=email", "--map", "2=-"];
    let dry = machine.ok(&with(TO, &[&maps[..], &["--dry-run"]].concat())).stdout;
    assert!(dry.contains("3 rows, 3 would be taken: 2 new, 1 repeated"), "{dry}");
    assert!(dry.contains("`Mail 1` is email, `Vorname` is first_name"), "{dry}");
    assert!(dry.contains("merge fields: umsatz (`Umsatz`), tel (`Tel`)"), "{dry}");
    let report = machine.ok(&with(TO, &[&maps[..], &["--json"]].concat())).json();
    assert_eq!((&report["created"], &report["repeated"]), (&2.into(), &1.into()));
    assert_eq!((&report["format"], &report["delimiter"]), (&"csv".into(), &";".into()));
    let again = machine.ok(&with(TO, &maps)).stdout;
    assert!(again.contains("3 rows, 3 taken: 2 unchanged, 1 repeated"), "{again}");
    let bad = machine.run(&with(TO, &["crm.csv", "--map", "Mail=email"]));
    assert_eq!(bad.code, 2);
    assert!(bad.stderr.contains("did you mean `Mail 1`?"), "{}", bad.stderr);
    assert_eq!(machine.run(&with(TO, &["crm.csv", "--map", "Mail"])).code, 2);

    let exported = machine.ok(&with(FROM, &["out.csv"])).stdout;
    assert_eq!(exported, "out.csv: 2 rows\n");
    let text = std::fs::read_to_string(machine.path("out.csv")).unwrap();
    assert!(text.contains("'+43 2") && !text.contains("+43 1"), "{text}");
    assert_eq!(machine.ok(&FROM).stdout, text, "without a file, to standard output");
    let back = machine.ok(&with(TO, &["out.csv"])).stdout;
    assert!(back.contains("2 rows, 2 taken: 2 unchanged"), "{back}");

    let lines = machine.ok(&with(FROM, &["--json"])).stdout;
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((lines.lines().count(), &first["email"]), (2, &"bert@example.com".into()));
    let exported = machine.ok(&with(FROM, &["out.jsonl", "--json"])).json();
    assert_eq!((&exported["rows"], &exported["format"]), (&2.into(), &"jsonl".into()));
    assert_eq!(std::fs::read_to_string(machine.path("out.jsonl")).unwrap(), lines);
    let back = machine.ok(&with(TO, &["out.jsonl"])).stdout;
    assert!(back.contains("JSON lines") && back.contains("2 unchanged"), "{back}");
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    use std::os::unix::fs::PermissionsExt;

    let machine = machine();
    let there = machine.run(&["export", "partners", "partners.csv"]);
    assert_eq!((there.code, there.stdout.as_str()), (2, ""));
    assert!(there.stderr.contains("partners.csv") && there.stderr.contains("--overwrite"));
    assert_eq!(std::fs::read_to_string(machine.path("partners.csv")).unwrap(), PARTNERS);
    machine.ok(&["export", "partners", "partners.csv", "--overwrite"]);
    let text = std::fs::read_to_string(machine.path("partners.csv")).unwrap();
    assert!(
        text.starts_with("partner_key,company_name,tier,region,partner_type,from_name,"),
        "{text}"
    );
    let mode = std::fs::metadata(machine.path("partners.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "others must not read it");
    let back = machine.ok(&["import", "partners", "partners.csv"]).stdout;
    assert!(back.contains("2 rows, 2 taken: 2 unchanged"), "{back}");

    let nowhere = machine.run(&["export", "partners", "none/partners.csv"]);
    assert_eq!(nowhere.code, 2, "{}", nowhere.stderr);
    let nobody = machine.run(&with(FROM, &["out.csv"]));
    assert_eq!(nobody.code, 4, "{}", nobody.stderr);
    assert!(!machine.path("out.csv").exists(), "half an export is none");
}

#[test]
fn what_is_no_table_is_said_to_be_what_it_is() {
    let machine = machine();
    let gzip = "\u{1f}\u{8b}".chars().map(|c| c as u8).chain(*b"\x08\0\0").collect::<Vec<u8>>();
    for (name, bytes, want) in [
        ("book.xlsx", &b"PK\x03\x04....xl/workbook.xml"[..], "an Excel file (.xlsx)"),
        ("photo.png", b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        ("list.csv.gz", &gzip, "gzip"),
        ("empty.csv", b"", "an empty file"),
    ] {
        std::fs::write(machine.path(name), bytes).unwrap();
        let ended = machine.run(&with(TO, &[name]));
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{name}");
        assert!(ended.stderr.contains(want) && ended.stderr.contains(name), "{}", ended.stderr);
    }
    std::fs::create_dir(machine.path("folder")).unwrap();
    for (name, want) in [("folder", "a folder"), ("none.csv", "none.csv"), ("/dev/null", "a pipe")]
    {
        let ended = machine.run(&with(TO, &[name]));
        assert_eq!(ended.code, 2, "{name}");
        assert!(ended.stderr.contains(want), "{}", ended.stderr);
    }
}
