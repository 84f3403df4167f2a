//! `results`: what came back, for people, spreadsheets and programs.

use domain::{
    ActivationId, HashKey, HashScope, SendId, TrackRecord, UtcMillis, VendorId,
    engagement::Rules,
    track::{Method, Tracked, Visitor},
};
use store::{NewSend, Store, StoreOptions, StreamedTrack};

use crate::machine::{Machine, PARTNERS, sample_package};

const NOW: UtcMillis = UtcMillis::new(1_767_225_600_000);
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

/// A launched activation of `acme` for two people.
fn launched() -> (Machine, String) {
    let machine = Machine::new();
    machine.ok(&["migrate"]);
    machine.ok(&["vendor", "add", "Northwind"]);
    machine.file("partners.csv", PARTNERS);
    machine.ok(&["import", "partners", "partners.csv"]);
    machine.file(
        "c.csv",
        "email,first_name\nanna@example.com,=HYPERLINK(1)\nbert@example.com,+Bert\n",
    );
    let to = ["--company", "acme", "--list", "customers", "--consent", "opt_in", "c.csv"];
    machine.ok(&[&["import", "contacts"], &to[..]].concat());
    machine.ok(&["package", "publish", &sample_package()]);
    let launch = ["launch", "--package", "product-launch", "--partner", "acme", "--json"];
    let launched = machine.ok(&launch).json();
    let activation = launched["activations"][0]["activation"].as_str().unwrap().to_owned();
    (machine, activation)
}

/// Everybody's message is opened, Anna's by herself twice, Bert's by a program.
fn opened(machine: &Machine, activation: &str) {
    let id: ActivationId = activation.parse().unwrap();
    let url = format!("sqlite://{}", machine.path("book.sqlite").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&url, StoreOptions::default()).await.unwrap();
        let sends = expanded(&store, id).await;
        let track = |number: i64, send: SendId, hours: i64, agent: &str| {
            let visitor = Visitor::new(Method::Get, agent, String::new(), false);
            let what = Tracked::Opened;
            let record = TrackRecord { v: 1, id: number, send, what, age_ms: 0, visitor };
            StreamedTrack { record, at: UtcMillis::new(NOW.get() + hours * 3_600_000) }
        };
        let batch = [
            track(1, sends[0], 1, BROWSER),
            track(2, sends[0], 2, BROWSER),
            track(3, sends[1], 1, "curl/8"),
        ];
        store.record_tracks("tracks", "1-0", &batch, &Rules::built_in(), NOW).await.unwrap();
        store.close().await;
    });
}

async fn expanded(store: &Store, id: ActivationId) -> Vec<SendId> {
    let mut tx = store.begin_write().await.unwrap();
    let activation = tx.begin_expand(id).await.unwrap().unwrap();
    let contacts = tx.audience_chunk(&activation, 10).await.unwrap();
    let vendor: &VendorId = &activation.vendor_id;
    let key = HashKey::new([1; 32]);
    let hash = |contact: &store::AudienceContact| {
        key.hash_text(HashScope::Vendor(vendor), &contact.address)
    };
    let hashes: Vec<_> = contacts.iter().map(hash).collect();
    let persons = tx.ensure_persons(vendor, &hashes).await.unwrap();
    let send = |(contact, person): (&store::AudienceContact, &store::PersonFacts)| NewSend {
        step: "announce".parse().unwrap(),
        occurrence: 0,
        contact: contact.contact,
        person: person.person,
        provider: "example.com".to_owned(),
        due_at: NOW,
        skip: None,
    };
    let sends: Vec<NewSend> = contacts.iter().zip(&persons).map(send).collect();
    tx.insert_sends(&activation, &sends).await.unwrap();
    tx.finish_expand(id, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let on_belt = std::collections::HashMap::new();
    let window = store::FeedWindow {
        now: NOW,
        until: NOW,
        per_lane: 10,
        per_provider: 1_000_000,
        total: 10,
        on_belt: &on_belt,
    };
    let mut fed = store.feed(&window).await.unwrap().sends;
    fed.sort_by(|a, b| a.address.cmp(&b.address));
    fed.iter().map(|send| send.send).collect()
}

#[test]
fn people_and_machines_stand_side_by_side() {
    let (machine, activation) = launched();
    let none = machine.ok(&["results", &activation]).stdout;
    assert!(none.contains("nothing has come back yet"), "{none}");
    opened(&machine, &activation);
    let text = machine.ok(&["results", &activation]).stdout;
    assert!(text.contains("product-launch for Acme Ltd (acme)"), "{text}");
    assert!(text.contains("machine: programs that scan mail"), "{text}");
    let announce = text.lines().filter(|line| line.starts_with("announce")).nth(1).unwrap();
    let words: Vec<&str> = announce.split_whitespace().collect();
    assert_eq!(words, ["announce", "1", "(2", "times)", "-", "1", "0", "-", "0"], "{text}");
    assert!(text.contains("2026-01-01T"), "over time: {text}");

    let json = machine.ok(&["results", &activation, "--json"]).json();
    assert_eq!(json["total"]["opens"]["human"]["events"], 2);
    assert_eq!(json["total"]["opens"]["machine"]["messages"], 1);
    assert_eq!(json["total"]["rates"]["opened"]["denominator"], "delivered");
    let step = machine.ok(&["results", &activation, "--step", "deep-dive", "--json"]).json();
    assert_eq!(step["total"]["opens"]["human"]["events"], 0);
    assert_eq!(step["steps"].as_array().unwrap().len(), 1);
}

#[test]
fn a_spreadsheet_gets_numbers_and_runs_nothing() {
    let (machine, activation) = launched();
    opened(&machine, &activation);
    let csv = machine.ok(&["results", &activation, "--csv", "-"]).stdout;
    assert!(csv.starts_with("step,kind,who,bucket_start,events,messages\r\n"), "{csv}");
    assert!(csv.contains("announce,opened,human,,2,1\r\n"), "{csv}");
    machine.ok(&["results", &activation, "--csv", "out.csv"]);
    assert_eq!(std::fs::read_to_string(machine.path("out.csv")).unwrap(), csv);
    let there = machine.run(&["results", &activation, "--csv", "out.csv"]);
    assert_eq!(there.code, 2);
    assert!(there.stderr.contains("out.csv"), "{}", there.stderr);

    let persons = machine.ok(&["results", &activation, "--persons", "--csv", "-"]).stdout;
    let rows: Vec<&str> = persons.lines().collect();
    assert_eq!(rows.len(), 2, "Bert's program is nobody: {persons}");
    assert!(rows[1].starts_with("announce,opened,anna@example.com,'=HYPERLINK(1),"), "{persons}");
    let lines = machine.ok(&["results", &activation, "--persons"]).stdout;
    assert!(lines.contains("anna@example.com  =HYPERLINK(1)  (2 times)"), "{lines}");
    let documents = machine.ok(&["results", &activation, "--persons", "--json"]).stdout;
    let person: serde_json::Value = serde_json::from_str(documents.trim()).unwrap();
    assert_eq!((&person["email"], &person["events"]), (&"anna@example.com".into(), &2.into()));
}

#[test]
fn what_is_not_there_is_said() {
    let (machine, activation) = launched();
    assert_eq!(machine.run(&["results"]).code, 2);
    assert_eq!(machine.run(&["results", "act_x"]).code, 2);
    let none = machine.run(&["results", "act_0000000000zzz"]);
    assert_eq!((none.code, none.stdout.as_str()), (4, ""), "{}", none.stderr);
    let step = machine.run(&["results", &activation, "--step", "anounce"]);
    assert_eq!(step.code, 2);
    assert!(step.stderr.contains("one of: announce, deep-dive, last-call"), "{}", step.stderr);
}
