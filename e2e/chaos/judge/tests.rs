//! That the judge can say no.

use super::*;
use crate::lines::Check;

/// A hundred persons, two workers, one of which was killed with two connections open and doubled one message.
fn files() -> Files {
    let mut ledger = Vec::new();
    let mut book = Vec::new();
    for n in 0..100_u32 {
        let client = if n < 50 { "worker-1" } else { "worker-2" };
        ledger.push(LedgerLine::Begun(begun(n, client, f64::from(n))));
        ledger.push(LedgerLine::Taken(taken(n, client, f64::from(n))));
        book.push(Send {
            send: format!("snd_{n}"),
            rcpt: format!("{n}@example.com"),
            state: "sent".to_owned(),
            reason: String::new(),
            attempts: 0,
            duplicates: 0,
        });
    }
    ledger.push(LedgerLine::Fault(Fault {
        at_ms: 50.0,
        what: "kill -9 worker".to_owned(),
        client: "worker-1".to_owned(),
        open_connections: 2,
        may_double: 2,
        recovery: Recovery::Orphans,
    }));
    ledger.push(LedgerLine::Begun(begun(49, "worker-2", 7_050.0)));
    ledger.push(LedgerLine::Taken(taken(49, "worker-2", 7_051.0)));
    let run = Run {
        fault: "kill_worker".to_owned(),
        title: String::new(),
        engine: "sqlite".to_owned(),
        seed: 1,
        persons: 100,
        on_unknown: "retry".to_owned(),
        ends: BTreeMap::new(),
    };
    Files { run, ledger, book }
}

fn begun(n: u32, client: &str, at_ms: f64) -> Begun {
    Begun { at_ms, connection: 1, client: client.to_owned(), rcpt: format!("{n}@example.com") }
}

fn taken(n: u32, client: &str, at_ms: f64) -> Taken {
    Taken {
        at_ms,
        connection: 1,
        client: client.to_owned(),
        rcpt: format!("{n}@example.com"),
        message_id: format!("snd_{n}@throughline.example"),
        accepted: true,
        answered: Some(250),
    }
}

fn broken(change: impl FnOnce(&mut Files)) -> Verdict {
    let mut files = files();
    change(&mut files);
    let verdict = files.judge();
    assert!(!verdict.broken.is_empty(), "{verdict:?}");
    verdict
}

#[test]
fn within_its_bounds_a_run_passes_and_is_counted() {
    let verdict = files().judge();
    assert_eq!(verdict.broken, Vec::<String>::new());
    assert_eq!((verdict.lost, verdict.doubled, verdict.bound), (0, 1, 2));
    assert_eq!(verdict.kills, [Kill { open_connections: 2, doubled: 1, alone: true }]);
    assert_eq!(verdict.recovery, [7.0]);
    assert_eq!(verdict.killed, BTreeMap::from([("worker".to_owned(), 1)]));
}

#[test]
fn more_doubles_than_connections_are_seen() {
    let verdict = broken(|files| {
        for n in 0..2 {
            files.ledger.push(LedgerLine::Taken(taken(n, "worker-2", 8_000.0)));
        }
    });
    assert_eq!((verdict.doubled, verdict.bound), (3, 2));
}

/// The sum fits, but it was not the killed worker's connections that doubled.
#[test]
fn doubles_count_against_the_kill_they_come_from() {
    broken(|files| {
        for line in &mut files.ledger {
            if let LedgerLine::Fault(fault) = line {
                fault.open_connections = 0;
                fault.may_double = 0;
            }
        }
        files.ledger.push(LedgerLine::Fault(Fault {
            at_ms: 60.0,
            what: "kill -9 worker".to_owned(),
            client: "worker-3".to_owned(),
            open_connections: 2,
            may_double: 2,
            recovery: Recovery::Orphans,
        }));
    });
}

#[test]
fn a_double_under_hold_is_one_too_many() {
    broken(|files| files.run.on_unknown = "hold".to_owned());
}

#[test]
fn more_held_than_connections_are_seen() {
    broken(|files| {
        files.run.on_unknown = "hold".to_owned();
        files.ledger.pop();
        for send in &mut files.book[..3] {
            send.state = "held".to_owned();
            send.reason = "unknown".to_owned();
        }
    });
}

#[test]
fn a_person_nobody_expanded_is_lost() {
    assert_eq!(broken(|files| drop(files.book.pop())).lost, 2, "missing, and unknown to the book");
}

#[test]
fn a_person_expanded_twice_is_seen() {
    broken(|files| {
        let mut again = files.book[0].clone();
        again.send = "snd_100".to_owned();
        files.book.push(again);
    });
}

#[test]
fn a_send_that_never_ended_is_lost() {
    assert_eq!(broken(|files| files.book[7].state = "queued".to_owned()).lost, 1);
}

#[test]
fn a_send_that_nobody_took_is_a_false_success() {
    let of_seven =
        |line: &LedgerLine| matches!(line, LedgerLine::Taken(t) if t.rcpt == "7@example.com");
    assert_eq!(broken(|files| files.ledger.retain(|line| !of_seven(line))).lost, 1);
}

#[test]
fn an_end_that_nothing_called_for_is_lost_and_one_that_was_called_for_must_come() {
    let fail = |files: &mut Files| {
        files.book[7].state = "failed".to_owned();
        files.book[7].reason = "refused".to_owned();
        for line in &mut files.ledger {
            if let LedgerLine::Taken(t) = line
                && t.rcpt == "7@example.com"
            {
                t.accepted = false;
            }
        }
    };
    assert_eq!(broken(fail).lost, 1);
    let mut meant = files();
    fail(&mut meant);
    meant.run.ends.insert("failed/refused".to_owned(), 1);
    assert!(meant.judge().broken.is_empty(), "{:?}", meant.judge());
    broken(|files| {
        files.run.ends.insert("failed/refused".to_owned(), 1);
    });
}

#[test]
fn an_acceptance_that_the_book_never_heard_of_is_seen() {
    broken(|files| {
        files.book[7].state = "failed".to_owned();
        files.book[7].reason = "refused".to_owned();
        files.run.ends.insert("failed/refused".to_owned(), 1);
    });
}

#[test]
fn what_the_relay_took_without_a_word_may_come_once_more() {
    let twice = |files: &mut Files, answered: Option<u16>| {
        for line in &mut files.ledger {
            if let LedgerLine::Taken(t) = line
                && (t.rcpt == "7@example.com" || t.rcpt == "8@example.com")
            {
                t.answered = answered;
            }
        }
        for n in [7, 8] {
            files.ledger.push(LedgerLine::Taken(taken(n, "worker-2", 9_000.0)));
        }
    };
    let mut silent = files();
    twice(&mut silent, None);
    assert_eq!((silent.judge().doubled, silent.judge().bound), (3, 4));
    broken(|files| twice(files, Some(250)));
}

#[test]
fn a_check_outside_its_bounds_is_seen() {
    let check = |got| {
        LedgerLine::Check(Check { what: "activations".to_owned(), got, least: 1.0, most: 1.0 })
    };
    let mut fine = files();
    fine.ledger.push(check(1.0));
    assert!(fine.judge().broken.is_empty());
    broken(|files| files.ledger.push(check(2.0)));
}

#[test]
fn a_silence_ends_with_the_next_message() {
    let mut files = files();
    files.ledger.push(LedgerLine::Fault(Fault {
        at_ms: 99.0,
        what: "Redis".to_owned(),
        client: String::new(),
        open_connections: 1,
        may_double: 0,
        recovery: Recovery::Silence,
    }));
    assert_eq!(files.silences(), [6.951]);
}

#[test]
fn percentiles_are_samples() {
    assert_eq!(percentile(&[], 0.99), None);
    assert_eq!(percentile(&[3.0], 0.99), Some(3.0));
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!(percentile(&hundred, 0.99), Some(99.0));
}
