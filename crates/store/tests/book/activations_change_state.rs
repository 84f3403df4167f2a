use std::time::Duration;

use domain::{
    ActivationState, Outcome, VersionState, activation::ActivationCommand, outcome::Answer,
    outcome::NotNowReason, package_version::VersionCommand,
};
use store::{NewSchedule, StoreError};

use crate::builder::{Book, GIVE_UP, NOW, outcome};

on_both_engines!(
    cancelling_ends_every_open_send_and_counts_still_add_up,
    an_acceptance_after_the_cancel_is_still_an_acceptance,
    recalling_ends_all_live_activations_of_the_version,
    an_activation_that_ended_while_paused_completes_when_resumed,
    a_new_schedule_moves_what_is_due_and_what_is_on_the_belt,
    what_an_ended_activation_cannot_do_is_refused,
    a_cancel_and_an_expansion_at_once_leave_nothing_open,
);

async fn cancelling_ends_every_open_send_and_counts_still_add_up(book: Book) {
    let (_, _, id) = book.running(1_201).await;
    book.feed(1_000, 30, &std::collections::HashMap::new()).await;
    let change =
        book.store.change_activation(id, ActivationCommand::Cancel, "anna", NOW).await.unwrap();
    assert_eq!(
        (change.before, change.activation.state),
        (ActivationState::Running, ActivationState::Cancelled)
    );
    assert_eq!(book.store.cancel_open_sends(id, "cancelled").await.unwrap(), 1_201);
    assert_eq!(book.counts(id).await["cancelled:cancelled"], 1_201);
    let again =
        book.store.change_activation(id, ActivationCommand::Cancel, "anna", NOW).await.unwrap();
    assert!(!again.changed);
    let audit = book.store.audit(1).await.unwrap().remove(0);
    assert_eq!(
        (audit.who.as_str(), audit.action.as_str(), audit.subject),
        ("anna", "cancel activation", id.to_string())
    );
    let stops = book.store.stops(NOW).await.unwrap();
    assert_eq!(stops.activations, [(id, ActivationState::Cancelled)]);
    assert!(
        book.store.stops(NOW.plus(Duration::from_millis(1))).await.unwrap().activations.is_empty()
    );
}

async fn an_acceptance_after_the_cancel_is_still_an_acceptance(book: Book) {
    let (_, _, id) = book.running(2).await;
    let fed = book.feed_all().await.sends;
    book.store.change_activation(id, ActivationCommand::Cancel, "anna", NOW).await.unwrap();
    book.store.cancel_open_sends(id, "cancelled").await.unwrap();
    let done = outcome(&fed[0], 1, Outcome::Done(Answer::default()));
    book.store.record("outcomes", &[done], GIVE_UP).await.unwrap();
    let counts = book.counts(id).await;
    assert_eq!((counts["sent"], counts["cancelled:cancelled"]), (1, 1));
    assert_eq!(book.store.activation(id).await.unwrap().unwrap().state, ActivationState::Cancelled);
}

async fn recalling_ends_all_live_activations_of_the_version(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 3).await;
    let ids = book.launch(&program, &lanes).await;
    book.store.change_activation(ids[0], ActivationCommand::Cancel, "anna", NOW).await.unwrap();
    let recall =
        || book.store.change_version(&program.version, VersionCommand::Recall, "anna", NOW);
    let change = recall().await.unwrap();
    assert_eq!((change.before, change.changed), (VersionState::Published, true));
    assert!(!recall().await.unwrap().changed, "asking again changes nothing");
    let mut recalled = book.store.recalled_activations(&program.version).await.unwrap();
    recalled.sort_unstable();
    assert_eq!(recalled, ids[1..]);
    let state = book.store.activation(ids[1]).await.unwrap().unwrap().state;
    assert_eq!(state, ActivationState::Recalled);
    let back =
        book.store.change_version(&program.version, VersionCommand::Publish, "anna", NOW).await;
    assert!(matches!(back, Err(StoreError::VersionTransition(_))), "{back:?}");
}

async fn an_activation_that_ended_while_paused_completes_when_resumed(book: Book) {
    let (_, _, id) = book.running(1).await;
    let fed = book.feed_all().await.sends;
    book.store.change_activation(id, ActivationCommand::Pause, "anna", NOW).await.unwrap();
    let done = outcome(&fed[0], 1, Outcome::Done(Answer::default()));
    let recorded = book.store.record("outcomes", &[done], GIVE_UP).await.unwrap();
    assert!(recorded.completed.is_empty(), "a paused activation stays paused");
    let resumed =
        book.store.change_activation(id, ActivationCommand::Resume, "anna", NOW).await.unwrap();
    assert_eq!(resumed.activation.state, ActivationState::Completed);
    assert_eq!(book.store.activation(id).await.unwrap().unwrap(), resumed.activation);
}

async fn what_an_ended_activation_cannot_do_is_refused(book: Book) {
    let (_, _, id) = book.running(1).await;
    book.store.change_activation(id, ActivationCommand::Cancel, "anna", NOW).await.unwrap();
    let refused = book.store.change_activation(id, ActivationCommand::Resume, "anna", NOW).await;
    assert!(matches!(refused, Err(StoreError::Transition(_))), "{refused:?}");
    let nobody = book.store.change_activation(
        domain::ActivationId::new(9_999),
        ActivationCommand::Pause,
        "a",
        NOW,
    );
    assert!(matches!(nobody.await, Err(StoreError::NotFound { what: "activation", .. })));
}

async fn a_cancel_and_an_expansion_at_once_leave_nothing_open(book: Book) {
    let program = book.program().await;
    let lane = book.lanes(&program.vendor, 1).await.remove(0);
    book.contacts(&lane, "a", 300).await;
    let id = book.launch(&program, std::slice::from_ref(&lane)).await[0];
    let mut tx = book.store.begin_write().await.unwrap();
    let activation = tx.begin_expand(id).await.unwrap().unwrap();
    let contacts = tx.audience_chunk(&activation, 300).await.unwrap();
    let store = book.store.clone();
    let cancel = tokio::spawn(async move {
        store.change_activation(id, ActivationCommand::Cancel, "anna", NOW).await.unwrap();
        store.cancel_open_sends(id, "cancelled").await.unwrap()
    });
    // The cancel waits for the expansion that holds the row, however long that takes.
    book.decide_into(&mut tx, &activation, &contacts, &["hello"]).await;
    assert!(!cancel.is_finished());
    tx.commit().await.unwrap();
    assert_eq!(cancel.await.unwrap(), 300);
    assert_eq!(book.counts(id).await["cancelled:cancelled"], 300);
}

async fn a_new_schedule_moves_what_is_due_and_what_is_on_the_belt(book: Book) {
    let (_, _, id) = book.running(3).await;
    let fed = book.feed_all().await.sends;
    let done = outcome(&fed[0], 1, Outcome::Done(Answer::default()));
    book.store.record("outcomes", &[done], GIVE_UP).await.unwrap();
    let later = NOW.plus(Duration::from_secs(86_400));
    let schedule = NewSchedule {
        event_at: Some(later),
        slots: [("event_at".to_owned(), "tomorrow".to_owned())].into(),
        due_at: vec![(fed[0].step.clone(), later)],
    };
    let moved = book.store.reschedule(id, &schedule, "anna", NOW).await.unwrap();
    assert_eq!((moved.moved, moved.activation.schedule_revision), (2, 1), "what was sent stays");
    assert_eq!(
        (moved.activation.event_at, moved.activation.slots),
        (Some(later), schedule.slots.clone())
    );
    assert_eq!(book.store.stops(NOW).await.unwrap().revisions, [(id, 1)]);
    // The belt gives back what it had: the new time counts, not now.
    let back = Outcome::not_now(Duration::ZERO, NotNowReason::Revised);
    book.store.record("outcomes", &[outcome(&fed[1], 2, back)], GIVE_UP).await.unwrap();
    assert!(book.feed_all().await.sends.is_empty());
    assert_eq!(book.store.next_due_at().await.unwrap(), Some(later));

    book.store.change_activation(id, ActivationCommand::Cancel, "anna", NOW).await.unwrap();
    let ended = book.store.reschedule(id, &schedule, "anna", NOW).await;
    assert!(matches!(ended, Err(StoreError::Ended { .. })), "{ended:?}");
}
