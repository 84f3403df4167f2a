use store::{Migrated, Store, StoreError, StoreOptions};
use testkit::TestDatabase;

use crate::builder::{Book, NOW};

on_both_engines!(migrating_twice_changes_nothing, the_book_answers_when_asked_for_its_health);

async fn migrating_twice_changes_nothing(book: Book) {
    book.program().await;
    let again = book.store.migrate(NOW).await.unwrap();
    assert_eq!(again, Migrated { applied: vec![], version: newest_file() });
    assert_eq!(book.store.vendors().await.unwrap().len(), 1);
    book.store.require_schema().await.unwrap();
}

/// The number of the last file of migrations there is.
fn newest_file() -> i64 {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let numbers = names.filter_map(|name| name.to_str()?.split_once('_')?.0.parse().ok());
    numbers.max().unwrap()
}

async fn the_book_answers_when_asked_for_its_health(book: Book) {
    book.store.healthy().await.unwrap();
    book.store.close().await;
    assert!(book.store.healthy().await.is_err());
}

async fn many_migrate_at_once(database: TestDatabase) {
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = database.url().to_owned();
        tries.spawn(async move {
            let store = Store::open(&url, StoreOptions::default()).await.unwrap();
            store.migrate(NOW).await.unwrap().applied.len()
        });
    }
    let applied = tries.join_all().await;
    assert_eq!(applied.iter().filter(|steps| **steps > 0).count(), 1, "{applied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_migrate_at_once_take_turns_on_sqlite() {
    many_migrate_at_once(TestDatabase::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_migrate_at_once_take_turns_on_postgres() {
    many_migrate_at_once(TestDatabase::postgres()).await;
}

async fn an_empty_book_says_what_to_do(database: TestDatabase) {
    let store = Store::open(database.url(), StoreOptions::default()).await.unwrap();
    let error = store.require_schema().await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaOld { have: 0, .. }), "{error:?}");
    assert!(error.to_string().contains("throughline migrate"), "{error}");
}

#[tokio::test]
async fn an_empty_file_says_what_to_do() {
    an_empty_book_says_what_to_do(TestDatabase::sqlite()).await;
}

#[tokio::test]
async fn an_empty_database_says_what_to_do() {
    an_empty_book_says_what_to_do(TestDatabase::postgres()).await;
}

async fn refusal(url: &str) -> StoreError {
    Store::open(url, StoreOptions::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_book_that_cannot_be_written_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let in_no_folder = folder.path().join("missing").join("book.sqlite");
    let is_a_folder = folder.path().to_owned();
    let in_the_kernel = std::path::PathBuf::from("/proc/throughline.sqlite");
    for path in [in_no_folder, is_a_folder, in_the_kernel] {
        let error = refusal(&format!("sqlite://{}", path.display())).await;
        assert!(matches!(&error, StoreError::Unwritable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        assert!(text.contains("check that its folder exists"), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_book_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.sqlite");
    std::fs::write(&path, "this is no database, and longer than its header would be ".repeat(40))
        .unwrap();
    let error = refusal(&format!("sqlite://{}", path.display())).await;
    assert!(
        matches!(&error, StoreError::Unwritable { path: named, .. } if named.ends_with("book.sqlite")),
        "{error:?}"
    );
    let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(why.contains("file is not a database"), "{why}");
}

#[tokio::test]
async fn a_read_only_book_is_refused_when_it_is_opened() {
    // Permissions would not stop root. A write version SQLite does not know makes the file read-only
    // for whoever runs this (file format, section 1.3.3).
    let book = Book::on_sqlite().await;
    book.store.close().await;
    let path = book.database.folder().unwrap().join("book.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[18] = 9;
    std::fs::write(&path, bytes).unwrap();
    let error = refusal(book.database.url()).await;
    assert!(matches!(&error, StoreError::Unwritable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_path_with_odd_characters_is_that_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("büch 50%23#1.sqlite");
    let store = Store::open(&format!("sqlite://{}", path.display()), StoreOptions::default())
        .await
        .unwrap();
    store.migrate(NOW).await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let options = StoreOptions {
        connect_timeout: std::time::Duration::from_millis(500),
        ..StoreOptions::default()
    };
    let error = Store::open("postgres://nobody@127.0.0.1:1/none", options).await.unwrap_err();
    assert!(error.is_unreachable() && error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn a_url_of_no_book_is_refused_without_its_password() {
    let error = refusal("mysql://user:hunter2@host/db").await;
    assert!(matches!(&error, StoreError::BadUrl { .. }), "{error:?}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
