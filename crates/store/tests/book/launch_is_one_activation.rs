use std::{collections::HashSet, sync::Arc};

use domain::{
    ActivationState, VersionState, activation::ActivationCommand, package_version::VersionCommand,
};
use store::StoreError;

use crate::builder::{Book, NOW};

on_both_engines!(
    a_thousand_launches_at_once_are_one_activation,
    a_second_launch_answers_with_the_first_and_again_makes_another_once_it_ended,
    nothing_is_launched_across_vendors,
    a_partner_named_twice_is_launched_once,
    only_a_published_version_is_launched,
    a_recall_and_launches_at_once_leave_nothing_live,
);

async fn a_thousand_launches_at_once_are_one_activation(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 1).await;
    let request = Arc::new(book.request(&program, &lanes));
    let mut clicks = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let (store, request) = (book.store.clone(), Arc::clone(&request));
        clicks.spawn(async move { store.launch(&request).await.unwrap() });
    }
    let launched = clicks.join_all().await;
    let ids: HashSet<_> = launched.iter().map(|launched| launched.items[0].activation).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(launched.iter().filter(|launched| launched.items[0].is_new).count(), 1);
    assert_eq!(launched.iter().filter(|launched| launched.group.is_some()).count(), 1);
    assert_eq!(book.store.activation_summaries(None).await.unwrap().len(), 1);
}

async fn a_second_launch_answers_with_the_first_and_again_makes_another_once_it_ended(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 2).await;
    let mut request = book.request(&program, &lanes);
    let first = book.store.launch(&request).await.unwrap();
    request.again = true;
    let while_live = book.store.launch(&request).await.unwrap();
    assert_eq!(while_live.items[0].activation, first.items[0].activation);
    assert_eq!(while_live.group, None);

    let ended = first.items[0].activation;
    book.store.change_activation(ended, ActivationCommand::Cancel, "test", NOW).await.unwrap();
    request.again = false;
    let answered = book.store.launch(&request).await.unwrap();
    assert_eq!(
        (answered.items[0].activation, answered.items[0].state),
        (ended, ActivationState::Cancelled)
    );
    request.again = true;
    let again = book.store.launch(&request).await.unwrap();
    assert_ne!(again.items[0].activation, ended);
    assert!(again.items[0].is_new);
    assert!(!again.items[1].is_new);
}

async fn nothing_is_launched_across_vendors(book: Book) {
    let program = book.program().await;
    let other = book.store.add_vendor("Other", "test", NOW).await.unwrap().row.id;
    let strangers = book.lanes(&other, 1).await;
    let refused = book.store.launch(&book.request(&program, &strangers)).await;
    assert!(matches!(refused, Err(StoreError::NotFound { what: "partner", .. })), "{refused:?}");
    let mut request = book.request(&program, &strangers);
    request.vendor = other;
    let refused = book.store.launch(&request).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound { what: "package version", .. })),
        "{refused:?}"
    );
    assert!(book.store.activation_summaries(None).await.unwrap().is_empty());
}

async fn a_partner_named_twice_is_launched_once(book: Book) {
    let program = book.program().await;
    let lane = book.lanes(&program.vendor, 1).await.remove(0);
    let launched = book.launch(&program, &[lane.clone(), lane]).await;
    assert_eq!(launched[0], launched[1]);
    let activation = book.store.activation(launched[0]).await.unwrap().unwrap();
    assert_eq!(activation.slots["greeting"], "Servus");
    assert_eq!(activation.state, ActivationState::Scheduled);
}

async fn only_a_published_version_is_launched(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 1).await;
    let request = book.request(&program, &lanes);
    book.store.change_version(&program.version, VersionCommand::Retire, "a", NOW).await.unwrap();
    let refused = book.store.launch(&request).await;
    assert!(
        matches!(refused, Err(StoreError::NotPublished { state: VersionState::Retired, .. })),
        "{refused:?}"
    );
    book.store.change_version(&program.version, VersionCommand::Publish, "a", NOW).await.unwrap();
    assert!(book.store.launch(&request).await.unwrap().items[0].is_new);
}

async fn a_recall_and_launches_at_once_leave_nothing_live(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 40).await;
    let mut clicks = tokio::task::JoinSet::new();
    for lane in &lanes {
        let request = book.request(&program, std::slice::from_ref(lane));
        let store = book.store.clone();
        clicks.spawn(async move { store.launch(&request).await });
    }
    book.store.change_version(&program.version, VersionCommand::Recall, "a", NOW).await.unwrap();
    for launched in clicks.join_all().await {
        match launched {
            Ok(_) | Err(StoreError::NotPublished { state: VersionState::Recalled, .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    for activation in book.store.activation_summaries(None).await.unwrap() {
        assert_eq!(activation.activation.state, ActivationState::Recalled);
    }
}
