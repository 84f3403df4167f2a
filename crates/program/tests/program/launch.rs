//! `launch`.

use std::{collections::HashSet, sync::Arc};

use domain::{ActivationState, UtcMillis};
use program::{ErrorKind, LaunchFor, RefusedReason};
use testkit::TestDatabase;
use tokio::task::JoinSet;

use crate::world::{OPS, World};

#[tokio::test]
async fn a_second_launch_answers_with_the_first() {
    let world = World::new().await;
    let (partner, _, activation) = world.launched("acme").await;
    let again = world.launch(LaunchFor::Partner(partner.clone())).await;
    assert_eq!((again.group, again.activations[0].is_new), (None, false));
    assert_eq!(again.activations[0].activation, activation);

    let mut once_more = world.launch_for(LaunchFor::Partner(partner));
    once_more.again = true;
    let live = world.program.launch(&OPS, &once_more).await.unwrap();
    assert_eq!(live.activations[0].activation, activation, "a live one answers even with --again");
    world.program.cancel(&OPS, activation).await.unwrap();
    let ended = world.launch(once_more.who.clone()).await;
    assert_eq!(ended.activations[0].activation, activation);
    assert_eq!(ended.activations[0].state, ActivationState::Cancelled);
    let new = world.program.launch(&OPS, &once_more).await.unwrap();
    assert!(new.activations[0].is_new && new.group.is_some());
    assert_ne!(new.activations[0].activation, activation);
}

#[tokio::test]
async fn all_eligible_launches_who_may_and_says_why_not() {
    let world = World::new().await;
    for (key, tier) in [("gold", "Gold"), ("silver", "Silver"), ("bare", "Gold"), ("two", "Gold")] {
        let (_, company) = world.partner(key, tier).await;
        if key != "bare" {
            world.import_contacts(&company, "email\nanna@example.com\n").await;
        }
        if key == "two" {
            let mut import = world.contacts(&company, "email\nanna@example.com\n");
            import.list = "prospects".to_owned();
            world.program.import_contacts(&OPS, &import, &mut |_| {}).await.unwrap();
        }
    }
    world
        .publish(|manifest| {
            *manifest = manifest.replace(
                "[audience]",
                "[eligibility]\ntiers = [\"Gold\", \"Platinum\"]\n\n[audience]",
            );
        })
        .await;
    let launched = world.launch(LaunchFor::AllEligible).await;
    let keys: Vec<&str> = launched.activations.iter().map(|row| row.partner_key.as_str()).collect();
    assert_eq!(keys, ["gold"]);
    assert!(launched.group.is_some() && launched.doorbell_rung);
    let why = |key: &str| {
        launched.refused.iter().find(|row| row.partner_key == key).map(|row| row.reason.clone())
    };
    assert!(matches!(why("silver"), Some(RefusedReason::TierNotEligible { .. })));
    assert!(matches!(why("bare"), Some(RefusedReason::NoList { .. })));
    assert!(matches!(why("two"), Some(RefusedReason::SeveralLists { known }) if known.len() == 2));

    let mut named = world.launch_for(LaunchFor::AllEligible);
    named.list = Some("prospects".to_owned());
    let launched = world.program.launch(&OPS, &named).await.unwrap();
    let keys: Vec<&str> = launched.activations.iter().map(|row| row.partner_key.as_str()).collect();
    assert_eq!(keys, ["two"], "{:?}", launched.refused);
}

#[tokio::test]
async fn what_can_not_be_launched_says_what_to_do() {
    let world = World::new().await;
    let (partner, company) = world.partner("acme", "Gold").await;
    world.import_contacts(&company, "email\nanna@example.com\n").await;
    let launch = world.launch_for(LaunchFor::Partner(partner));
    let error = world.program.launch(&OPS, &launch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);

    world
        .publish(|manifest| manifest.push_str("\n[validity]\nuntil = \"2025-12-31T00:00:00Z\"\n"))
        .await;
    let mut late = launch.clone();
    late.start = Some(UtcMillis::new(1_767_225_600_000));
    let error = world.program.launch(&OPS, &late).await.unwrap_err();
    assert!(error.to_string().contains("valid until"), "{error}");

    world.publish(|_| {}).await;
    let mut slots = launch.clone();
    slots.slots.insert("ofer".to_owned(), "x".to_owned());
    let error = world.program.launch(&OPS, &slots).await.unwrap_err();
    assert!(error.to_string().contains("slot ofer"), "{error}");
    let mut misspelt = launch.clone();
    misspelt.package = "product-lunch".to_owned();
    let error = world.program.launch(&OPS, &misspelt).await.unwrap_err();
    assert!(error.to_string().contains("did you mean \"product-launch\""), "{error}");
    assert!(world.store.activation_summaries(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_launch_without_redis_is_in_the_book() {
    let mut world = World::new().await;
    let (partner, company) = world.partner("acme", "Gold").await;
    world.import_contacts(&company, "email\nanna@example.com\n").await;
    world.publish(|_| {}).await;
    world.redis.stop();
    let launched = world.launch(LaunchFor::Partner(partner)).await;
    assert!(launched.activations[0].is_new && !launched.doorbell_rung);
    assert_eq!(world.store.activations_to_expand(10).await.unwrap().len(), 1);
}

async fn a_thousand_clicks_make_one_activation(database: TestDatabase) {
    let world = Arc::new(World::on(database).await);
    let (partner, company) = world.partner("acme", "Gold").await;
    world.import_contacts(&company, "email\nanna@example.com\n").await;
    world.publish(|_| {}).await;
    let mut clicks = JoinSet::new();
    for _ in 0..1_000 {
        let world = world.clone();
        let launch = world.launch_for(LaunchFor::Partner(partner.clone()));
        clicks.spawn(async move { world.program.launch(&OPS, &launch).await.unwrap() });
    }
    let answers = clicks.join_all().await;
    let ids: HashSet<_> = answers.iter().map(|answer| answer.activations[0].activation).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.activations[0].is_new).count(), 1);
    assert_eq!(world.store.activation_summaries(None).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clicks_make_one_activation_on_sqlite() {
    a_thousand_clicks_make_one_activation(TestDatabase::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clicks_make_one_activation_on_postgres() {
    a_thousand_clicks_make_one_activation(TestDatabase::postgres()).await;
}
