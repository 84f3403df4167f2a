//! The demo data is what it says it is.

use std::{collections::HashSet, path::Path};

use domain::EmailAddress;
use sandbox::{DemoSize, Expected, RefusalRule, write_demo_data};

fn rows(path: &Path) -> Vec<csv::StringRecord> {
    let bytes = std::fs::read(path).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let text = text.trim_start_matches('\u{feff}').to_owned();
    csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).collect()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                std::fs::read(&path).unwrap(),
            ));
        }
    }
    found.sort();
    found
}

#[test]
fn the_same_seed_gives_the_same_files_and_another_seed_others() {
    let size = DemoSize { partners: 30, contacts_per_partner: 40, seed: 7 };
    let (one, two, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_demo_data(one.path(), &size).unwrap();
    write_demo_data(two.path(), &size).unwrap();
    write_demo_data(other.path(), &DemoSize { seed: 8, ..size }).unwrap();
    assert_eq!(files(one.path()), files(two.path()));
    assert_ne!(files(one.path()), files(other.path()));
}

#[test]
fn the_counts_are_those_of_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let data = write_demo_data(folder.path(), &DemoSize::default()).unwrap();
    assert_eq!(data.partners.len(), 25);
    let refuse = RefusalRule::default();
    let mut total = Expected::default();
    let mut lists_by_address = std::collections::HashMap::<String, HashSet<&str>>::new();
    for partner in &data.partners {
        let mut counted = Expected::default();
        let mut seen = HashSet::new();
        for row in rows(&partner.contacts_csv) {
            counted.rows += 1;
            let address = row[0].parse::<EmailAddress>();
            let key = address.as_ref().map_or_else(|_| row[0].to_owned(), ToString::to_string);
            if !seen.insert(key.clone()) {
                counted.duplicate_rows += 1;
                continue;
            }
            counted.contacts += 1;
            lists_by_address.entry(key).or_default().insert(&partner.key);
            let Ok(address) = address else {
                counted.malformed += 1;
                continue;
            };
            let domain = address.domain();
            assert!(
                ["example.com", "example.org", "example.net"].contains(&domain)
                    || domain.ends_with(".example"),
                "{domain} is somebody's"
            );
            if &row[8] == "yes" {
                counted.opted_out += 1;
                continue;
            }
            counted.sink_refused += u64::from(refuse.refuses(address.as_str()));
            counted.smtputf8 += u64::from(address.needs_smtputf8());
        }
        assert_eq!(counted, partner.expected, "{}", partner.key);
        total += counted;
    }
    assert_eq!(total, data.expected);
    assert_eq!(total.rows, 2_000);
    for (what, count) in [
        ("repeated", total.duplicate_rows),
        ("malformed", total.malformed),
        ("opted out", total.opted_out),
        ("refused by the sink", total.sink_refused),
        ("SMTPUTF8", total.smtputf8),
    ] {
        assert!((2..200).contains(&count), "{what}: {count}");
    }
    let in_several = lists_by_address.values().filter(|lists| lists.len() > 1).count();
    assert!(in_several >= 10, "{in_several} persons are in several lists");
}

#[test]
fn files_are_as_people_save_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = write_demo_data(folder.path(), &DemoSize::default()).unwrap();
    let texts: Vec<_> = data
        .partners
        .iter()
        .map(|partner| std::fs::read_to_string(&partner.contacts_csv).unwrap())
        .collect();
    let with = |what: fn(&String) -> bool| texts.iter().filter(|text| what(text)).count();
    assert_eq!(with(|text| text.starts_with('\u{feff}')), 5);
    assert_eq!(with(|text| text.contains("notes\r\n")), 9);
    assert!(with(|text| text.contains("\nc/o Post room\"")) > 3, "newlines inside quotes");
    let everything = texts.concat();
    for script in [
        "Jürgen",
        "Їжак",
        "Γιώργος",
        "ليلى",
        "נועה",
        "田中",
        "🌻",
        "김",
        "शर्मा",
        "ใจดี",
        "@bücher.example",
    ] {
        assert!(everything.contains(script), "{script}");
    }
    let no_first_name = data
        .partners
        .iter()
        .flat_map(|partner| rows(&partner.contacts_csv))
        .filter(|row| row[1].is_empty())
        .count();
    assert!((100..400).contains(&no_first_name), "{no_first_name}");
    for row in rows(&data.partners_csv) {
        row[4].parse::<EmailAddress>().unwrap();
        if !row[14].is_empty() {
            let png = std::fs::read(folder.path().join(&row[14])).unwrap();
            let decoder = png::Decoder::new(std::io::Cursor::new(png));
            assert!(decoder.read_info().unwrap().info().width >= 33);
        }
    }
}
