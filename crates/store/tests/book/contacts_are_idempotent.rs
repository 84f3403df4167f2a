use domain::HashScope;
use store::{ContactCounts, reason};

use crate::builder::{Book, NOW};

on_both_engines!(
    an_import_again_changes_nothing,
    two_imports_at_once_are_one,
    suppressions_are_kept_per_scope
);

async fn an_import_again_changes_nothing(book: Book) {
    let program = book.program().await;
    let lane = book.lanes(&program.vendor, 1).await.remove(0);
    let mut inputs: Vec<_> =
        (0..1_200).map(|n| book.contact(&lane, &format!("a{n}@example.com"))).collect();
    let put = |inputs: Vec<store::ContactInput>| {
        let (store, lane) = (book.store.clone(), lane.clone());
        async move { store.upsert_contacts(&lane.company, &lane.list, &inputs, NOW).await.unwrap() }
    };
    let compare = |list| book.store.compare_contacts(list, &inputs);
    let foretold = compare(None).await.unwrap();
    assert_eq!(compare(Some(&lane.list)).await.unwrap(), foretold);
    let first = put(inputs.clone()).await;
    assert_eq!(first, foretold);
    assert_eq!(first, ContactCounts { new: 1_200, ..ContactCounts::default() });
    let again = put(inputs.clone()).await;
    assert_eq!(again, ContactCounts { unchanged: 1_200, ..ContactCounts::default() });
    inputs[7].first_name = "Другая".to_owned();
    inputs.push(inputs[9].clone());
    let mut new = book.contact(&lane, "new@example.com");
    new.fields.clear();
    inputs.push(new);
    let foretold = book.store.compare_contacts(Some(&lane.list), &inputs).await.unwrap();
    let third = put(inputs).await;
    assert_eq!(third, foretold);
    assert_eq!(third, ContactCounts { new: 1, updated: 1, unchanged: 1_199, repeated: 1 });
    let lists = book.store.lists(&lane.company).await.unwrap();
    assert_eq!(lists[0].contacts, 1_201);
    assert_eq!(book.store.find_companies("p0").await.unwrap()[0].id, lane.company);
    assert_eq!(book.store.find_companies("firma P0").await.unwrap()[0].id, lane.company);
    assert_eq!(
        book.store.find_list(&lane.company, "customers").await.unwrap().unwrap().id,
        lane.list
    );
}

async fn two_imports_at_once_are_one(book: Book) {
    let program = book.program().await;
    let lane = book.lanes(&program.vendor, 1).await.remove(0);
    let inputs: Vec<_> =
        (0..600).map(|n| book.contact(&lane, &format!("a{n}@example.com"))).collect();
    let put = || book.store.upsert_contacts(&lane.company, &lane.list, &inputs, NOW);
    let (one, other) = tokio::join!(put(), put());
    let mut both = one.unwrap();
    both += other.unwrap();
    assert_eq!(both, ContactCounts { new: 600, unchanged: 600, ..ContactCounts::default() });
}

async fn suppressions_are_kept_per_scope(book: Book) {
    let program = book.program().await;
    let scope = HashScope::Vendor(&program.vendor);
    let hash = |text: &str| book.key.hash_text(HashScope::Everywhere, text);
    let both = [hash("a"), hash("b")];
    let add = |why| book.store.add_suppressions(scope, &both, why, "file", NOW);
    let some = [hash("a"), hash("c")];
    assert_eq!(book.store.count_unsuppressed(scope, &some).await.unwrap(), 2);
    assert_eq!(add(reason::MANUAL).await.unwrap(), 2);
    assert_eq!(book.store.count_unsuppressed(scope, &some).await.unwrap(), 1);
    assert_eq!(book.store.count_unsuppressed(HashScope::Everywhere, &some).await.unwrap(), 2);
    assert_eq!(add(reason::UNSUBSCRIBED).await.unwrap(), 0);
    let found = book.store.find_suppression(scope, &both[0]).await.unwrap().unwrap();
    assert_eq!((found.reason.as_str(), found.scope.as_str()), (reason::MANUAL, "vendor"));
    assert_eq!(book.store.find_suppression(HashScope::Everywhere, &both[0]).await.unwrap(), None);
    let page = book.store.suppressions(scope, None, 1).await.unwrap();
    let rest = book.store.suppressions(scope, Some(&page[0].hash), 5).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(book.store.suppressions_since(NOW).await.unwrap().len(), 2);
    let later = NOW.plus(std::time::Duration::from_secs(1));
    assert!(book.store.suppressions_since(later).await.unwrap().is_empty());
}
