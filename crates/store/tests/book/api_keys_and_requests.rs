//! Keys of the API, and requests that are made twice.

use std::time::Duration;

use domain::{ApiKey, ApiKeyId, UtcMillis};
use store::{
    ApiAnswer, ApiKeyRow, ApiKeyScope, ApiRequest, ApiRequestBegun as Begun, Store, StoreError,
};

use crate::builder::{Book, NOW};

on_both_engines!(
    a_key_is_kept_as_a_hash_and_ends_once,
    the_use_of_a_key_is_noted_now_and_then,
    a_request_is_begun_once_and_answered_as_often_as_it_is_made,
    what_was_given_up_or_cut_off_is_begun_again,
    what_is_old_is_forgotten_a_part_at_a_time,
);

const DAY: Duration = Duration::from_secs(86_400);

async fn key(store: &Store) -> ApiKeyId {
    let key = ApiKey::new(store.new_api_key_id(NOW), [5; 32]);
    let row = ApiKeyRow {
        id: key.id.clone(),
        name: "crm".to_owned(),
        hash: key.hash(),
        scope: ApiKeyScope::Ops,
        scope_id: String::new(),
        created_by: "test".to_owned(),
        created_at: NOW,
        expires_at: Some(NOW.plus(DAY)),
        revoked_at: None,
        used_at: None,
    };
    store.add_api_key(&row).await.unwrap();
    assert_eq!(store.api_key(&key.id).await.unwrap(), Some(row));
    key.id
}

async fn a_key_is_kept_as_a_hash_and_ends_once(book: Book) {
    let store = &book.store;
    let id = key(store).await;
    let later = NOW.plus(Duration::from_secs(9));
    assert!(store.revoke_api_key(&id, "test", later).await.unwrap());
    assert!(!store.revoke_api_key(&id, "test", later.plus(DAY)).await.unwrap());
    let rows = store.api_keys().await.unwrap();
    assert_eq!((rows.len(), rows[0].revoked_at), (1, Some(later)));
    let other = store.new_api_key_id(NOW);
    assert_eq!(store.api_key(&other).await.unwrap(), None);
    let error = store.revoke_api_key(&other, "test", NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    let audit = store.audit(10).await.unwrap();
    let said: Vec<_> = audit
        .iter()
        .filter(|row| row.subject == id.as_str())
        .map(|row| row.action.as_str())
        .collect();
    assert_eq!(said, ["revoke api key", "add api key"]);
}

async fn the_use_of_a_key_is_noted_now_and_then(book: Book) {
    let store = &book.store;
    let id = key(store).await;
    let used = async || store.api_key(&id).await.unwrap().unwrap().used_at;
    assert_eq!(used().await, None);
    let minute = Duration::from_secs(60);
    store.note_api_key_use(&id, NOW, NOW.minus(minute)).await.unwrap();
    assert_eq!(used().await, Some(NOW));
    store.note_api_key_use(&id, NOW.plus(minute), NOW).await.unwrap();
    assert_eq!(used().await, Some(NOW), "not older than that");
    let later = NOW.plus(2 * minute);
    store.note_api_key_use(&id, later, NOW.plus(minute)).await.unwrap();
    assert_eq!(used().await, Some(later));
}

fn request<'a>(key: &'a ApiKeyId, name: &'a str, now: UtcMillis) -> ApiRequest<'a> {
    ApiRequest {
        key,
        idempotency_key: name,
        fingerprint: "POST /launches",
        now,
        cut_off_before: now.minus(Duration::from_secs(180)),
        forget_at: now.plus(DAY),
    }
}

async fn a_request_is_begun_once_and_answered_as_often_as_it_is_made(book: Book) {
    let store = &book.store;
    let id = key(store).await;
    let first = request(&id, "one", NOW);
    let mut begun = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (store, id) = (store.clone(), id.clone());
        begun.spawn(
            async move { store.begin_api_request(&request(&id, "one", NOW)).await.unwrap() },
        );
    }
    let begun = begun.join_all().await;
    assert_eq!(begun.iter().filter(|answer| **answer == Begun::Begun).count(), 1, "{begun:?}");
    assert_eq!(begun.iter().filter(|answer| **answer == Begun::UnderWay).count(), 19);
    let answer = ApiAnswer {
        status: 201,
        content_type: "application/json".to_owned(),
        body: vec![b'{', 0xff, 0, b'}'],
    };
    store.finish_api_request(&first, &answer).await.unwrap();
    let again = request(&id, "one", NOW.plus(Duration::from_secs(3_600)));
    assert_eq!(store.begin_api_request(&again).await.unwrap(), Begun::Done(answer));
    let other = ApiRequest { fingerprint: "POST /suppressions", ..again };
    assert_eq!(store.begin_api_request(&other).await.unwrap(), Begun::Other);
    assert_eq!(
        store.begin_api_request(&request(&id, "two", NOW)).await.unwrap(),
        Begun::Begun,
        "another name is another request"
    );
    let stranger = key(store).await;
    assert_eq!(
        store.begin_api_request(&request(&stranger, "one", NOW)).await.unwrap(),
        Begun::Begun,
        "names belong to their key"
    );
}

async fn what_was_given_up_or_cut_off_is_begun_again(book: Book) {
    let store = &book.store;
    let id = key(store).await;
    let first = request(&id, "one", NOW);
    assert_eq!(store.begin_api_request(&first).await.unwrap(), Begun::Begun);
    store.abandon_api_request(&first).await.unwrap();
    assert_eq!(store.begin_api_request(&first).await.unwrap(), Begun::Begun);
    let soon = request(&id, "one", NOW.plus(Duration::from_secs(180)));
    assert_eq!(store.begin_api_request(&soon).await.unwrap(), Begun::UnderWay);
    let late = request(&id, "one", NOW.plus(Duration::from_secs(181)));
    assert_eq!(store.begin_api_request(&late).await.unwrap(), Begun::Begun, "its process died");
    assert_eq!(store.begin_api_request(&late).await.unwrap(), Begun::UnderWay);
    // The one that was taken for dead comes back: it neither answers for the other nor gives it up.
    let answer = |status| ApiAnswer { status, content_type: String::new(), body: Vec::new() };
    store.finish_api_request(&first, &answer(500)).await.unwrap();
    store.abandon_api_request(&first).await.unwrap();
    assert_eq!(store.begin_api_request(&late).await.unwrap(), Begun::UnderWay);
    store.finish_api_request(&late, &answer(200)).await.unwrap();
    assert_eq!(store.begin_api_request(&late).await.unwrap(), Begun::Done(answer(200)));
    store.abandon_api_request(&late).await.unwrap();
    assert_eq!(store.begin_api_request(&late).await.unwrap(), Begun::Done(answer(200)));
}

async fn what_is_old_is_forgotten_a_part_at_a_time(book: Book) {
    let store = &book.store;
    let id = key(store).await;
    let names: Vec<String> = (0..250).map(|n| format!("n{n:03}")).collect();
    let done = ApiAnswer { status: 200, content_type: String::new(), body: Vec::new() };
    for name in &names {
        let one = request(&id, name, NOW);
        assert_eq!(store.begin_api_request(&one).await.unwrap(), Begun::Begun);
        store.finish_api_request(&one, &done).await.unwrap();
    }
    let mut left = Vec::new();
    let tomorrow = NOW.plus(DAY);
    for round in 0..4 {
        store.begin_api_request(&request(&id, &format!("r{round}"), tomorrow)).await.unwrap();
        let mut count = 0;
        for name in &names {
            // Before the day is over nothing is forgotten: asking then counts what is left.
            let asked = request(&id, name, NOW);
            let other = ApiRequest { fingerprint: "another", ..asked };
            match store.begin_api_request(&other).await.unwrap() {
                Begun::Other => count += 1,
                Begun::Begun => store.abandon_api_request(&other).await.unwrap(),
                unexpected => panic!("{unexpected:?}"),
            }
        }
        left.push(count);
    }
    assert_eq!(left, [150, 50, 0, 0]);
}
