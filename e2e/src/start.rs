//! What a role says when something it needs is not there, or not as it must be.

use std::process::Stdio;

use crate::fleet::{Fleet, Size};

fn tiny() -> Size {
    Size { partners: 1, contacts: 2, ..Size::default() }
}

#[tokio::test]
async fn without_redis_a_role_says_so_waits_and_ends_with_five() {
    let settings = vec![("THROUGHLINE__REDIS__START_WAIT", "2s".to_owned())];
    let mut fleet = Fleet::set_up(Size { settings, ..tiny() }).await;
    fleet.redis.stop();
    for role in ["scheduler", "worker"] {
        let place = fleet.start(role);
        assert_eq!(fleet.ended(place).await, Some(5), "{role}: {}", fleet.log(place));
        let log = fleet.log(place);
        assert!(log.contains("waiting for it"), "{log}");
        assert!(log.contains("has not answered within 2s"), "{log}");
    }
}

#[tokio::test]
async fn a_role_that_waited_goes_on_when_redis_comes() {
    let mut fleet = Fleet::set_up(tiny()).await;
    fleet.launch();
    fleet.redis.stop();
    fleet.start("scheduler");
    let worker = fleet.start("worker");
    testkit::wait::wait_for("the worker to say it waits", crate::fleet::PATIENCE, || async {
        fleet.log(worker).contains("waiting for it").then_some(())
    })
    .await;
    fleet.redis.restart();
    fleet.wait_until_sent(2).await;
}

#[tokio::test]
async fn a_redis_that_would_evict_jobs_is_refused() {
    let mut fleet = Fleet::set_up(tiny()).await;
    fleet.redis.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    for role in ["scheduler", "worker"] {
        let place = fleet.start(role);
        assert_eq!(fleet.ended(place).await, Some(3), "{role}: {}", fleet.log(place));
        let log = fleet.log(place);
        assert!(log.contains("CONFIG SET maxmemory-policy noeviction"), "{log}");
    }
}

#[tokio::test]
async fn a_book_that_cannot_be_written_is_named() {
    let fleet = Fleet::set_up(tiny()).await;
    let output = std::process::Command::new(crate::fleet::throughline())
        .arg("migrate")
        .env_clear()
        .env("THROUGHLINE__BOOK__URL", "sqlite:/proc/nowhere/book.sqlite")
        .current_dir(fleet.folder())
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("/proc/nowhere/book.sqlite"), "{said}");
}
