use std::{collections::BTreeMap, time::Duration};

use domain::{
    ActivationState, EventId, EventKind, HashScope, OnUnknown, Outcome, SendState,
    activation::ActivationCommand,
    merge::{SendStatus, merge},
    outcome::{Answer, NotNowReason, PermanentReason},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use sqlx::Connection;
use store::{AddressState, StreamedOutcome, reason};

use crate::builder::{Book, GIVE_UP, NOW, outcome};

on_both_engines!(
    a_batch_moves_sends_once_and_keeps_the_position,
    a_bad_address_is_suppressed_everywhere,
    an_activation_completes_with_its_last_send,
    outcomes_of_unknown_sends_are_counted_and_change_nothing,
    events_are_followed_without_a_gap,
    any_order_and_repetition_gives_what_merging_gives,
    a_recorder_and_a_cancel_at_once_lose_nothing,
);

fn done() -> Outcome {
    Outcome::Done(Answer::new(250, "2.0.0", "ok", "main"))
}

async fn a_batch_moves_sends_once_and_keeps_the_position(book: Book) {
    let (_, lane, id) = book.running(3).await;
    let fed = book.feed_all().await.sends;
    let batch = [
        outcome(&fed[0], 1, done()),
        outcome(&fed[1], 2, Outcome::transient(Duration::from_secs(60), Answer::note("busy"))),
        outcome(&fed[0], 1, done()),
        outcome(&fed[0], 4, done()),
    ];
    let recorded = book.store.record("outcomes", &batch, GIVE_UP).await.unwrap();
    assert_eq!((recorded.new, recorded.repeated, recorded.unknown), (3, 1, 0));
    let sent = recorded.changed.iter().find(|change| change.send == fed[0].send).unwrap();
    assert_eq!(
        (sent.before, sent.after, &sent.partner),
        (SendState::Queued, SendState::Sent, &lane.partner)
    );
    let deferred = recorded.changed.iter().find(|change| change.send == fed[1].send).unwrap();
    assert_eq!(
        (deferred.after, deferred.due_at),
        (SendState::Due, NOW.plus(Duration::from_secs(60)))
    );
    assert_eq!(book.store.recorder_position("outcomes").await.unwrap().as_deref(), Some("4-0"));
    let again = book.store.record("outcomes", &batch, GIVE_UP).await.unwrap();
    assert_eq!((again.new, again.repeated, again.changed.len()), (0, 4, 0));
    let counts = book.store.send_counts(Some(id), None).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.duplicates).sum::<i64>(), 1);
    let kinds = book.store.event_counts(Some(id), None).await.unwrap();
    assert_eq!(kinds, [(EventKind::Accepted, 2), (EventKind::Deferred, 1)]);
}

async fn a_bad_address_is_suppressed_everywhere(book: Book) {
    let (_, lane, id) = book.running(2).await;
    let fed = book.feed_all().await.sends;
    let refused = Outcome::Permanent {
        reason: PermanentReason::BadAddress,
        answer: Answer::new(550, "5.1.1", "no such user", "main"),
    };
    let recorded =
        book.store.record("outcomes", &[outcome(&fed[0], 1, refused)], GIVE_UP).await.unwrap();
    assert_eq!(recorded.suppressed, [fed[0].hash_everywhere.clone()]);
    let kept = book
        .store
        .find_suppression(HashScope::Everywhere, &fed[0].hash_everywhere)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.reason, reason::HARD_BOUNCE);
    assert_eq!(book.counts(id).await["failed:bad_address"], 1);
    // The file does not bring the address back, not even with something new about the person.
    let mut input = book.contact(&lane, &fed[0].address);
    let put = |input| {
        let (store, lane) = (book.store.clone(), lane.clone());
        async move { store.upsert_contacts(&lane.company, &lane.list, &[input], NOW).await.unwrap() }
    };
    assert_eq!(put(input.clone()).await.unchanged, 1);
    input.first_name = "Another".to_owned();
    assert_eq!(put(input).await.updated, 1);
    let activation = book.store.activation(id).await.unwrap().unwrap();
    let mut tx = book.store.begin_write().await.unwrap();
    let late = tx.late_contacts(&activation, domain::ContactId::new(0), 10).await.unwrap();
    let states: Vec<AddressState> = late.iter().map(|contact| contact.address_state).collect();
    assert_eq!(
        (states.as_slice(), late[0].hard_bounced),
        ([AddressState::Bounced].as_slice(), true)
    );
    tx.rollback().await.unwrap();
    let kinds = book.store.event_counts(None, None).await.unwrap();
    assert_eq!(kinds, [(EventKind::Bounced, 1)]);
}

async fn an_activation_completes_with_its_last_send(book: Book) {
    let (_, _, id) = book.running(3).await;
    let fed = book.feed_all().await.sends;
    let first = [
        outcome(&fed[0], 1, done()),
        outcome(&fed[1], 2, Outcome::permanent(PermanentReason::Rejected)),
    ];
    assert!(book.store.record("outcomes", &first, GIVE_UP).await.unwrap().completed.is_empty());
    let last =
        book.store.record("outcomes", &[outcome(&fed[2], 3, done())], GIVE_UP).await.unwrap();
    assert_eq!(last.completed, [id]);
    let activation = book.store.activation(id).await.unwrap().unwrap();
    assert_eq!((activation.state, activation.ended_at), (ActivationState::Completed, Some(NOW)));
}

async fn outcomes_of_unknown_sends_are_counted_and_change_nothing(book: Book) {
    let (_, _, _) = book.running(1).await;
    let fed = book.feed_all().await.sends;
    let mut stranger = outcome(&fed[0], 1, done());
    stranger.record.send = domain::SendId::new(999_999);
    let recorded = book.store.record("outcomes", &[stranger], GIVE_UP).await.unwrap();
    assert_eq!((recorded.new, recorded.repeated, recorded.unknown), (0, 0, 1));
    assert!(book.store.events(None, None, EventId::new(0), 10).await.unwrap().is_empty());
}

async fn events_are_followed_without_a_gap(book: Book) {
    let (program, _, id) = book.running(40).await;
    let fed = book.feed_all().await.sends;
    let mut writers = tokio::task::JoinSet::new();
    for (n, part) in fed.chunks(10).enumerate() {
        let batch: Vec<StreamedOutcome> =
            part.iter().map(|send| outcome(send, n as u64 + 1, done())).collect();
        let store = book.store.clone();
        writers.spawn(async move { store.record("outcomes", &batch, GIVE_UP).await.unwrap().new });
    }
    let (mut after, mut seen) = (EventId::new(0), 0);
    while seen < 40 {
        let page = book.store.events(None, Some(&program.vendor), after, 7).await.unwrap();
        after = page.last().map_or(after, |event| event.id);
        seen += page.len();
        tokio::task::yield_now().await;
    }
    assert_eq!(writers.join_all().await.iter().sum::<u64>(), 40);
    assert_eq!(book.store.events(Some(id), None, EventId::new(0), 100).await.unwrap().len(), 40);
    assert!(book.store.events(None, None, after, 10).await.unwrap().is_empty());
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(done()),
        Just(Outcome::permanent(PermanentReason::Rejected)),
        Just(Outcome::permanent(PermanentReason::Stopped)),
        Just(Outcome::Unknown(Answer::default())),
        Just(Outcome::transient(Duration::from_secs(60), Answer::default())),
        Just(Outcome::not_now(Duration::from_secs(60), NotNowReason::Limit)),
    ]
}

/// The law of the book: whatever order, grouping and repetition the stream has, a send stands where
/// `domain::merge` puts it.
async fn any_order_and_repetition_gives_what_merging_gives(book: Book) {
    const SENDS: usize = 40;
    let (_, _, id) = book.running(SENDS).await;
    let fed = book.feed_all().await.sends;
    // One fixed seed: a failure comes again.
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        prop::test_runner::TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[5; 32]),
    );
    let plan = (
        prop::collection::vec((prop::collection::vec(any_outcome(), 1..5), any::<bool>()), SENDS),
        any::<u64>(),
    );
    let (plans, order) = plan.new_tree(&mut runner).unwrap().current();
    let mut stream = Vec::new();
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for (n, (send, (ends, hold))) in fed.iter().zip(&plans).enumerate() {
        let mut status = SendStatus {
            not_before: None,
            state: SendState::Queued,
            reason: String::new(),
            due_at: send.due_at,
            claim: None,
            accepted_claim: None,
            attempts: 0,
            duplicates: 0,
            first_fed_at: Some(NOW),
        };
        for (claim, end) in ends.iter().enumerate() {
            let mut entry = outcome(send, (n * 10 + claim + 1) as u64, end.clone());
            entry.record.on_unknown = if *hold { OnUnknown::Hold } else { OnUnknown::Retry };
            status = merge(&status, &entry.record, NOW, GIVE_UP);
            stream.push(entry.clone());
            stream.push(entry);
        }
        let name = if status.reason.is_empty() {
            status.state.to_string()
        } else {
            format!("{}:{}", status.state, status.reason)
        };
        *expected.entry(name).or_default() += 1;
    }
    // A shuffle that keeps, per send, what merging makes depend on order out of it: two refusals of
    // different reasons (the first stands), so those sends keep their order.
    let mut keyed: Vec<(u64, usize, StreamedOutcome)> = stream
        .into_iter()
        .enumerate()
        .map(|(place, entry)| {
            let n = fed.iter().position(|send| send.send == entry.record.send).unwrap();
            let ends = &plans[n].0;
            let refusals =
                ends.iter().filter(|end| matches!(end, Outcome::Permanent { .. })).count();
            let spread = if refusals > 1 { n as u64 } else { place as u64 };
            let key = (spread.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ order).rotate_left(23);
            (key, place, entry)
        })
        .collect();
    keyed.sort_by_key(|(key, place, _)| (*key, *place));
    let mixed: Vec<StreamedOutcome> = keyed.into_iter().map(|(_, _, entry)| entry).collect();
    let (mut new, mut repeated) = (0, 0);
    for batch in mixed.chunks(13).chain(mixed.chunks(29)) {
        let recorded = book.store.record("outcomes", batch, GIVE_UP).await.unwrap();
        new += recorded.new;
        repeated += recorded.repeated;
    }
    assert_eq!(new as usize, plans.iter().map(|(ends, _)| ends.len()).sum::<usize>());
    assert_eq!(repeated as usize, mixed.len() * 2 - new as usize);
    assert_eq!(book.counts(id).await, expected);
}

async fn a_recorder_and_a_cancel_at_once_lose_nothing(book: Book) {
    let (_, _, id) = book.running(600).await;
    let fed = book.feed_all().await.sends;
    let accepted: Vec<StreamedOutcome> =
        fed[..300].iter().zip(1..).map(|(send, claim)| outcome(send, claim, done())).collect();
    let deferred: Vec<StreamedOutcome> = fed[300..]
        .iter()
        .zip(1..)
        .map(|(send, claim)| {
            outcome(send, claim, Outcome::transient(Duration::from_secs(9), Answer::default()))
        })
        .collect();
    let record = async {
        for batch in accepted.chunks(50).zip(deferred.chunks(50)) {
            book.store.record("outcomes", batch.0, GIVE_UP).await.unwrap();
            book.store.record("outcomes", batch.1, GIVE_UP).await.unwrap();
        }
    };
    let cancel = async {
        book.store.change_activation(id, ActivationCommand::Cancel, "anna", NOW).await.unwrap();
        book.store.cancel_open_sends(id, "cancelled").await.unwrap();
    };
    tokio::join!(record, cancel);
    let counts = book.counts(id).await;
    assert_eq!((counts["sent"], counts["cancelled:cancelled"]), (300, 300), "{counts:?}");
}

/// Between reading a send and writing it somebody else moves it: the recorder must merge into what is
/// there then. Only Postgres lets two writers meet; the row lock makes them meet every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_moves_under_the_recorder_is_merged_again() {
    let book = Book::on_postgres().await;
    let (_, _, id) = book.running(1).await;
    let fed = book.feed_all().await.sends;
    let mut canceller = sqlx::PgConnection::connect(book.database.url()).await.unwrap();
    let mut watcher = sqlx::PgConnection::connect(book.database.url()).await.unwrap();
    let mut tx = canceller.begin().await.unwrap();
    sqlx::query("UPDATE send SET state = 'cancelled', reason = 'cancelled' WHERE send_id = $1")
        .bind(fed[0].send.get())
        .execute(&mut *tx)
        .await
        .unwrap();
    let deferred =
        outcome(&fed[0], 1, Outcome::transient(Duration::from_secs(9), Answer::default()));
    let store = book.store.clone();
    let recorder =
        tokio::spawn(async move { store.record("outcomes", &[deferred], GIVE_UP).await.unwrap() });
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let count: i64 = sqlx::query_scalar(waiting).fetch_one(&mut watcher).await.unwrap();
        if count > 0 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "the recorder never met the lock");
        tokio::task::yield_now().await;
    }
    tx.commit().await.unwrap();
    let recorded = recorder.await.unwrap();
    assert_eq!((recorded.new, recorded.changed.len()), (1, 0));
    assert_eq!(book.counts(id).await["cancelled:cancelled"], 1);
}
