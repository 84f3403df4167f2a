//! `chaos recount` on files by hand: it passes what is within its bounds, and exits 1 for a line too many or too few.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

const PERSONS: usize = 20;

fn taken(person: usize) -> Value {
    json!({
        "line": "taken", "at_ms": 10.0, "connection": 1, "client": "worker-1", "rcpt": format!("{person}@example.com"),
        "message_id": format!("snd_{person}@throughline.example"), "accepted": true, "answered": 250,
    })
}

/// The files of a run in which everybody got one message and nothing was done to the fleet.
fn ledger_and_book() -> (Vec<Value>, Vec<Value>) {
    let mut ledger = vec![json!({
        "line": "run", "fault": "kill_worker", "title": "kill -9 worker", "engine": "sqlite", "seed": 1,
        "persons": PERSONS, "on_unknown": "retry", "ends": {},
    })];
    ledger.extend((0..PERSONS).map(taken));
    let book = (0..PERSONS).map(|person| {
        json!({
            "send": format!("snd_{person}"), "rcpt": format!("{person}@example.com"), "state": "sent",
            "reason": "", "attempts": 0, "duplicates": 0,
        })
    });
    (ledger, book.collect())
}

fn recount(ledger: &[Value], book: &[Value]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&folder.path().join("ledger.ndjson"), ledger);
    write(&folder.path().join("book.ndjson"), book);
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.arg("recount").arg(folder.path()).output().expect("it starts")
}

fn write(path: &Path, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, text).expect("the temporary folder is writable");
}

fn broken(ledger: &[Value], book: &[Value], why: &str) {
    let output = recount(ledger, book);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(why), "{said}");
}

#[test]
fn what_is_within_its_bounds_passes() {
    let (ledger, book) = ledger_and_book();
    let output = recount(&ledger, &book);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_doubled_line_of_the_ledger_exits_1() {
    let (mut ledger, book) = ledger_and_book();
    ledger.push(taken(7));
    broken(&ledger, &book, "1 doubled, at most 0 allowed");
}

#[test]
fn a_lost_line_of_the_ledger_exits_1() {
    let (mut ledger, book) = ledger_and_book();
    ledger.remove(8);
    broken(&ledger, &book, "1 sends are called sent and were not taken");
}

#[test]
fn a_lost_line_of_the_book_exits_1() {
    let (ledger, mut book) = ledger_and_book();
    book.remove(7);
    broken(&ledger, &book, "1 persons are not in the book");
}
