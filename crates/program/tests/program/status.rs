//! `status` and `events`.

use domain::SendState;
use program::BeltView;

use crate::world::{OPS, World};

#[tokio::test]
async fn counts_add_up_to_the_audience() {
    let world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    let before = world.program.status(&OPS, Some(activation)).await.unwrap();
    assert_eq!((before.activations[0].audience, before.activations[0].adds_up), (None, None));
    world.expand(activation).await;
    let status = world.program.status(&OPS, Some(activation)).await.unwrap();
    let row = &status.activations[0];
    assert_eq!((row.audience, row.adds_up), (Some(2), Some(true)));
    assert_eq!((row.counts.total, row.counts.of(SendState::Queued)), (2, 2));
    assert_eq!(row.steps.len(), 1);
    assert_eq!((row.partner_key.as_str(), row.package.as_str()), ("acme", "product-launch"));
    assert!(
        matches!(&status.belt, BeltView::Reachable { phase, .. } if phase == "open"),
        "{:?}",
        status.belt
    );
    assert_eq!(status.oldest_due, None, "all are queued");
    let queued =
        world.store.queued_sends(domain::UtcMillis::new(i64::MAX), None, 10).await.unwrap();
    world.store.make_due(&[queued[0].send], domain::UtcMillis::new(5)).await.unwrap();
    let status = world.program.status(&OPS, None).await.unwrap();
    assert_eq!(status.oldest_due.unwrap().send, queued[0].send);
}

#[tokio::test]
async fn a_step_that_lost_somebody_is_said() {
    let world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    let mut sends = world.sends_for(activation, "announce").await;
    sends.extend(world.sends_for(activation, "deep-dive").await.into_iter().take(1));
    world.expand_with(activation, &sends).await;
    let status = world.program.status(&OPS, Some(activation)).await.unwrap();
    assert_eq!(
        (status.activations[0].audience, status.activations[0].adds_up),
        (Some(2), Some(false))
    );
}
