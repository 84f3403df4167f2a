//! Pauses above single activations keep expand, feed and reconcile back, add up, and are the belt's stops.

use std::collections::HashMap;

use domain::{ActivationState, Holder, Scope, VersionState, package_version::VersionCommand};

use crate::builder::{Book, Lane, NOW, Program};

on_both_engines!(
    what_a_pause_covers_is_not_fed_and_is_again_once_resumed,
    what_is_paused_takes_nobodys_place_in_the_window,
    a_paused_scope_is_not_expanded,
    what_was_queued_is_not_put_back_while_it_is_paused,
    pauses_of_several_holders_add_up,
    the_belt_is_told_versions_of_a_paused_package,
    a_cancel_ends_what_is_live_under_it_and_nothing_else,
    the_oldest_due_is_none_that_is_paused,
    who_paused_an_activation_is_known_while_it_is_paused,
);

/// Two partners, each with one due send.
async fn two_lanes(book: &Book) -> (Program, Vec<Lane>) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 2).await;
    for lane in &lanes {
        book.contacts(lane, "a", 1).await;
    }
    for id in book.launch(&program, &lanes).await {
        book.expand(id, &["hello"]).await;
    }
    (program, lanes)
}

fn scopes(program: &Program, lane: &Lane) -> [(Scope, usize); 5] {
    [
        (Scope::Partner(lane.partner.clone()), 1),
        (Scope::Package(program.package.clone()), 0),
        (Scope::Version(program.version.clone()), 0),
        (Scope::Vendor(program.vendor.clone()), 0),
        (Scope::All, 0),
    ]
}

async fn what_a_pause_covers_is_not_fed_and_is_again_once_resumed(book: Book) {
    let (program, lanes) = two_lanes(&book).await;
    for (scope, left) in scopes(&program, &lanes[0]) {
        assert!(book.store.pause_scope(&scope, Holder::Ops, "ops", NOW).await.unwrap());
        let fed = book.feed_all().await.sends;
        assert_eq!(fed.len(), left, "{scope}");
        assert!(fed.iter().all(|send| send.partner == lanes[1].partner), "{scope}");
        let next = book.store.next_due_at().await.unwrap();
        assert!(next.is_none(), "{scope}: what waits is paused");
        assert_eq!(book.store.resume_scope(&scope, None, "ops", NOW).await.unwrap(), 1);
        let back = book.feed_all().await.sends;
        assert_eq!(back.len(), 2 - left, "{scope}");
        // As it was.
        let all: Vec<_> = fed.iter().chain(&back).map(|send| send.send).collect();
        assert_eq!(book.store.make_due(&all, NOW).await.unwrap(), 2);
    }
}

async fn what_is_paused_takes_nobodys_place_in_the_window(book: Book) {
    let (_, lanes) = two_lanes(&book).await;
    for (paused, free) in [(&lanes[0], &lanes[1]), (&lanes[1], &lanes[0])] {
        let partner = Scope::Partner(paused.partner.clone());
        book.store.pause_scope(&partner, Holder::Ops, "ops", NOW).await.unwrap();
        let fed = book.feed(10, 1, &HashMap::new()).await.sends;
        assert_eq!(fed.iter().map(|send| &send.partner).collect::<Vec<_>>(), [&free.partner]);
        book.store.resume_scope(&partner, None, "ops", NOW).await.unwrap();
        assert_eq!(book.store.make_due(&[fed[0].send], NOW).await.unwrap(), 1);
    }
}

async fn a_paused_scope_is_not_expanded(book: Book) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 2).await;
    let ids = book.launch(&program, &lanes).await;
    for (scope, left) in scopes(&program, &lanes[0]) {
        book.store.pause_scope(&scope, Holder::Ops, "ops", NOW).await.unwrap();
        let open = book.store.activations_to_expand(10).await.unwrap();
        assert_eq!(open.len(), left, "{scope}");
        let mut tx = book.store.begin_write().await.unwrap();
        assert!(tx.begin_expand(ids[0]).await.unwrap().is_none(), "{scope}");
        assert_eq!(tx.begin_expand(ids[1]).await.unwrap().is_some(), left == 1, "{scope}");
        tx.rollback().await.unwrap();
        book.store.resume_scope(&scope, None, "ops", NOW).await.unwrap();
        assert_eq!(book.store.activations_to_expand(10).await.unwrap().len(), 2, "{scope}");
    }
}

async fn what_was_queued_is_not_put_back_while_it_is_paused(book: Book) {
    let (program, lanes) = two_lanes(&book).await;
    let fed = book.feed_all().await.sends;
    let sends: Vec<_> = fed.iter().map(|send| send.send).collect();
    for (scope, left) in scopes(&program, &lanes[0]) {
        book.store.pause_scope(&scope, Holder::Ops, "ops", NOW).await.unwrap();
        assert_eq!(
            book.store.requeue(&sends, NOW, NOW).await.unwrap().sends.len(),
            left,
            "{scope}"
        );
        book.store.resume_scope(&scope, None, "ops", NOW).await.unwrap();
        assert_eq!(book.store.requeue(&sends, NOW, NOW).await.unwrap().sends.len(), 2, "{scope}");
    }
}

async fn pauses_of_several_holders_add_up(book: Book) {
    let (program, lanes) = two_lanes(&book).await;
    let partner = Scope::Partner(lanes[0].partner.clone());
    let vendor = Scope::Vendor(program.vendor.clone());
    let store = &book.store;
    assert!(store.pause_scope(&partner, Holder::Company, "com", NOW).await.unwrap());
    assert!(!store.pause_scope(&partner, Holder::Company, "com", NOW).await.unwrap(), "it is");
    assert!(store.pause_scope(&partner, Holder::Vendor, "ven", NOW).await.unwrap());
    assert!(store.pause_scope(&vendor, Holder::Vendor, "ven", NOW).await.unwrap());
    assert_eq!(store.pauses().await.unwrap().len(), 3);
    let seen = &store.pauses().await.unwrap()[0];
    assert_eq!(seen.vendor.as_ref(), Some(&program.vendor));
    let resume = |scope: &Scope, holder| {
        let scope = scope.clone();
        async move { store.resume_scope(&scope, holder, "x", NOW).await.unwrap() }
    };
    assert_eq!(resume(&vendor, Some(Holder::Vendor)).await, 1);
    assert_eq!(resume(&vendor, Some(Holder::Vendor)).await, 0, "once");
    assert_eq!(book.feed_all().await.sends.len(), 1, "the partner is paused by itself");
    assert_eq!(resume(&partner, Some(Holder::Vendor)).await, 1);
    assert_eq!(book.feed_all().await.sends.len(), 0, "the company's own pause stands");
    assert_eq!(resume(&partner, Some(Holder::Ops)).await, 0, "ops has none");
    assert_eq!(resume(&partner, None).await, 1);
    assert_eq!(book.feed_all().await.sends.len(), 1);
    let audit = store.audit(10).await.unwrap();
    let said: Vec<_> =
        audit.iter().rev().map(|row| format!("{} {}", row.who, row.action)).collect();
    let (_, said) = said.split_at(said.len() - 6);
    assert_eq!(
        said,
        [
            "com pause partner",
            "ven pause partner",
            "ven pause vendor",
            "x resume vendor",
            "x resume partner",
            "x resume partner"
        ]
    );
}

async fn the_belt_is_told_versions_of_a_paused_package(book: Book) {
    let program = book.program().await;
    let second = book.publish(&program.vendor, b"two").await;
    let package = Scope::Package(program.package.clone());
    book.store.pause_scope(&package, Holder::Ops, "ops", NOW).await.unwrap();
    book.store.pause_scope(&Scope::All, Holder::Ops, "ops", NOW).await.unwrap();
    let mut told = book.store.stops(NOW).await.unwrap().pauses;
    told.sort();
    let versions = [program.version.clone(), second.clone()].map(Scope::Version);
    let mut want = [vec![Scope::All], versions.to_vec()].concat();
    want.sort();
    assert_eq!(told, want);
    let recall = VersionCommand::Recall;
    book.store.change_version(&second, recall, "ops", NOW).await.unwrap();
    let stops = book.store.version_stops(&package).await.unwrap();
    let of = |id| stops.iter().find(|stop| stop.version == id).unwrap();
    assert!(of(program.version.clone()).is_paused);
    assert_eq!(of(second.clone()).state, VersionState::Recalled);
    assert_eq!(book.store.version_stops(&Scope::Version(second)).await.unwrap().len(), 1);
}

async fn a_cancel_ends_what_is_live_under_it_and_nothing_else(book: Book) {
    let (program, lanes) = two_lanes(&book).await;
    let partner = Scope::Partner(lanes[0].partner.clone());
    assert_eq!(book.store.live_activations(&partner).await.unwrap(), 1);
    let cancelled = book.store.cancel_scope(&partner, "anna", NOW).await.unwrap();
    assert_eq!(cancelled.len(), 1);
    assert_eq!(book.store.live_activations(&Scope::All).await.unwrap(), 1);
    assert_eq!(book.store.cancelled_and_open(&partner).await.unwrap(), cancelled);
    let state = book.store.activation(cancelled[0]).await.unwrap().unwrap();
    assert_eq!((state.state, state.ended_at), (ActivationState::Cancelled, Some(NOW)));
    assert_eq!(book.feed_all().await.sends.len(), 1, "the other partner's goes");
    book.store.cancel_open_sends(cancelled[0], "cancelled").await.unwrap();
    assert!(book.store.cancelled_and_open(&Scope::All).await.unwrap().is_empty());
    assert!(book.store.cancel_scope(&partner, "anna", NOW).await.unwrap().is_empty(), "once");
    let audit = book.store.audit(1).await.unwrap().remove(0);
    assert_eq!(
        (audit.action.as_str(), audit.subject.as_str()),
        ("cancel partner", partner.as_str())
    );
    for scope in [Scope::Vendor(program.vendor), Scope::Package(program.package)] {
        assert_eq!(book.store.live_activations(&scope).await.unwrap(), 1, "{scope}");
    }
    let version = Scope::Version(program.version);
    assert_eq!(book.store.cancel_scope(&version, "anna", NOW).await.unwrap().len(), 1);
}

async fn the_oldest_due_is_none_that_is_paused(book: Book) {
    let (program, lanes) = two_lanes(&book).await;
    for (scope, left) in scopes(&program, &lanes[0]) {
        book.store.pause_scope(&scope, Holder::Ops, "ops", NOW).await.unwrap();
        let oldest = book.store.oldest_due(NOW).await.unwrap();
        assert_eq!(oldest.is_some(), left == 1, "{scope}");
        book.store.resume_scope(&scope, None, "ops", NOW).await.unwrap();
    }
}

async fn who_paused_an_activation_is_known_while_it_is_paused(book: Book) {
    use domain::activation::ActivationCommand::{Pause, Resume};
    let (_, _, id) = book.running(1).await;
    book.store.change_activation(id, Pause, "anna", NOW).await.unwrap();
    let paused = book.store.paused_activations().await.unwrap().remove(0);
    assert_eq!((paused.activation, paused.who.as_str(), paused.at), (id, "anna", Some(NOW)));
    book.store.change_activation(id, Resume, "bert", NOW).await.unwrap();
    assert!(book.store.paused_activations().await.unwrap().is_empty());
}
