use std::time::Duration;

use store::RosterEntry;

use crate::builder::{Book, NOW};

on_both_engines!(
    the_number_grows_from_holder_to_holder,
    one_of_many_gets_the_lease,
    epochs_are_never_given_twice,
    roster_and_position_are_kept,
);

const TTL: Duration = Duration::from_secs(5);

async fn the_number_grows_from_holder_to_holder(book: Book) {
    let acquire =
        |holder: &'static str, now| book.store.acquire_lease("scheduler", holder, now, TTL);
    let a = acquire("a", NOW).await.unwrap().unwrap();
    assert_eq!(acquire("b", NOW.plus(TTL).minus(Duration::from_millis(1))).await.unwrap(), None);
    assert_eq!(acquire("a", NOW).await.unwrap().unwrap().number, a.number);
    let later = NOW.plus(TTL);
    assert_eq!(
        book.store.renew_lease(&a, later, TTL).await.unwrap(),
        None,
        "an expired lease is not renewed"
    );
    let b = acquire("b", later).await.unwrap().unwrap();
    assert!(b.number > a.number);
    assert_eq!(
        book.store.renew_lease(&a, later, TTL).await.unwrap(),
        None,
        "a lost lease is not renewed"
    );
    let kept = book.store.renew_lease(&b, later, TTL).await.unwrap().unwrap();
    assert_eq!((kept.number, kept.expires_at), (b.number, later.plus(TTL)));
    book.store.release_lease(&a).await.unwrap();
    assert_eq!(acquire("a", later).await.unwrap(), None, "a stranger's release frees nothing");
    book.store.release_lease(&b).await.unwrap();
    let again = acquire("b", later).await.unwrap().unwrap();
    assert!(again.number > b.number, "taken anew by the same holder it is another number");
}

async fn one_of_many_gets_the_lease(book: Book) {
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..20 {
        let store = book.store.clone();
        tries.spawn(
            async move { store.acquire_lease("x", &format!("h{n}"), NOW, TTL).await.unwrap() },
        );
    }
    assert_eq!(tries.join_all().await.into_iter().flatten().count(), 1);
}

async fn epochs_are_never_given_twice(book: Book) {
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = book.store.clone();
        tries.spawn(async move { store.next_epoch().await.unwrap() });
    }
    let mut epochs = tries.join_all().await;
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=20).collect::<Vec<u32>>());
    assert_eq!(book.store.epoch().await.unwrap(), 20);
}

async fn roster_and_position_are_kept(book: Book) {
    let entry = |worker: &str| RosterEntry { worker: worker.to_owned(), epoch: 3, seen_at: NOW };
    book.store.save_roster(&[entry("a"), entry("b")]).await.unwrap();
    book.store.save_roster(&[entry("b")]).await.unwrap();
    assert_eq!(book.store.roster().await.unwrap(), [entry("b")]);
    assert_eq!(book.store.recorder_position("outcomes").await.unwrap(), None);
    book.store.set_recorder_position("outcomes", "7-1").await.unwrap();
    assert_eq!(book.store.recorder_position("outcomes").await.unwrap().as_deref(), Some("7-1"));
}
