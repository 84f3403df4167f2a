//! `pause`, `resume`, `cancel`.

use std::{sync::Arc, time::Duration};

use domain::{ActivationState, SendState, activation::ActivationCommand, time::Clock};
use program::{BeltTold, ErrorKind};
use testkit::wait::wait_for;
use tokio::task::JoinSet;

use crate::world::{OPS, World};

#[tokio::test]
async fn the_belt_knows_before_the_answer() {
    let world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    let id = activation.to_string();
    assert!(!world.belt_says(&id));
    let paused = world.program.pause(&OPS, activation).await.unwrap();
    assert_eq!(
        (paused.after, paused.changed, paused.belt),
        (ActivationState::Paused, true, BeltTold::Told)
    );
    assert!(world.belt_says(&id));
    let again = world.program.pause(&OPS, activation).await.unwrap();
    assert_eq!((again.changed, again.belt), (false, BeltTold::Told));
    let resumed = world.program.resume(&OPS, activation).await.unwrap();
    assert_eq!((resumed.after, resumed.belt), (ActivationState::Scheduled, BeltTold::Told));
    assert!(!world.belt_says(&id));
    let audit = world.store.audit(10).await.unwrap();
    assert!(
        audit.iter().filter(|row| row.subject == id && row.who == "ops").count() >= 2,
        "{audit:?}"
    );
}

#[tokio::test]
async fn without_redis_the_book_has_it_and_the_answer_says_so() {
    let mut world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    world.redis.stop();
    let paused = world.program.pause(&OPS, activation).await.unwrap();
    assert_eq!(paused.belt, BeltTold::BeforeAnythingIsSent);
    assert_eq!(paused.belt.to_string(), "takes effect before anything is sent");
    let row = world.store.activation(activation).await.unwrap().unwrap();
    assert_eq!(row.state, ActivationState::Paused);
}

#[tokio::test]
async fn cancel_ends_what_had_not_gone() {
    let world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    assert_eq!(world.expand(activation).await.len(), 2);
    let cancelled = world.program.cancel(&OPS, activation).await.unwrap();
    assert_eq!((cancelled.after, cancelled.sends_cancelled), (ActivationState::Cancelled, 2));
    let status = world.program.status(&OPS, Some(activation)).await.unwrap();
    assert_eq!(status.totals.of(SendState::Cancelled), 2);
    let error = world.program.resume(&OPS, activation).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.to_string(), "a cancelled activation can't be resumed");
    let again = world.program.cancel(&OPS, activation).await.unwrap();
    assert_eq!((again.changed, again.sends_cancelled), (false, 0));
}

/// Whatever order many commands reach book and belt in, the belt ends where the book does.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_word_is_the_book_s() {
    let world = Arc::new(World::new().await);
    let (_, _, activation) = world.launched("acme").await;
    for _ in 0..5 {
        let mut commands = JoinSet::new();
        for n in 0..8 {
            let world = world.clone();
            commands.spawn(async move {
                if n % 2 == 0 {
                    world.program.pause(&OPS, activation).await.unwrap();
                } else {
                    world.program.resume(&OPS, activation).await.unwrap();
                }
            });
        }
        commands.join_all().await;
        let row = world.store.activation(activation).await.unwrap().unwrap();
        let stopped = world.belt_says(&activation.to_string());
        assert_eq!(stopped, row.state == ActivationState::Paused, "the book says {}", row.state);
    }
}

/// The other command overtakes this one between the book and the belt: Redis stands still until the
/// book has both.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_overtaken_tells_the_belt_again() {
    let world = Arc::new(World::new().await);
    let (_, _, activation) = world.launched("acme").await;
    world.redis.pause();
    let pausing = tokio::spawn({
        let world = world.clone();
        async move { world.program.pause(&OPS, activation).await.unwrap() }
    });
    wait_for("the pause to be in the book", Duration::from_secs(10), || async {
        let row = world.store.activation(activation).await.unwrap().unwrap();
        (row.state == ActivationState::Paused).then_some(())
    })
    .await;
    let resume = ActivationCommand::Resume;
    world.store.change_activation(activation, resume, "another", world.clock.now()).await.unwrap();
    world.redis.resume();
    assert_eq!(pausing.await.unwrap().belt, BeltTold::Told);
    assert!(!world.belt_says(&activation.to_string()), "the book says it runs");
}
