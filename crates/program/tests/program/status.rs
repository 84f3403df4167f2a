//! `status` and `events`.

use domain::{
    SendState, TargetsId, TrackRecord, UtcMillis,
    engagement::Rules,
    track::{Method, Tracked, Visitor},
};
use program::{Actor, BeltView, ErrorKind, Tally};
use store::StreamedTrack;

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

#[tokio::test]
async fn what_came_back_is_people_s_and_machines_apart() {
    let world = World::new().await;
    let (_, company, activation) = world.launched("acme").await;
    world.expand(activation).await;
    let queued = world.store.queued_sends(UtcMillis::new(i64::MAX), None, 10).await.unwrap();
    let track = |id: i64, send: usize, link: Option<u16>, agent: &str| {
        let targets = TargetsId::from_bytes([1; 16]);
        let what = link.map_or(Tracked::Opened, |link| Tracked::Clicked { link, targets });
        let visitor = Visitor::new(Method::Get, agent, String::new(), false);
        let record = TrackRecord { v: 1, id, send: queued[send].send, what, age_ms: 0, visitor };
        StreamedTrack { record, at: UtcMillis::new(5 + id * 60_000) }
    };
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
    let came = [
        track(1, 0, None, browser),
        track(2, 0, Some(1), browser),
        track(3, 0, Some(1), browser),
        track(4, 1, Some(1), "curl/8"),
    ];
    let rules = Rules::built_in();
    world.store.record_tracks("tracks", "1-0", &came, &rules, UtcMillis::new(5)).await.unwrap();

    let status = world.program.status(&OPS, None).await.unwrap();
    let row = status.activations[0].engagement;
    assert_eq!(row, status.engagement);
    assert_eq!((row.opened.human.events, row.opened.machine.events), (1, 0));
    assert_eq!((row.clicked.human.events, row.clicked.human.sends), (2, 1));
    assert_eq!((row.clicked.machine.events, row.clicked.machine.sends), (1, 1));

    // Whoever runs the installation decides by which rules it counts, and nobody else.
    let tenant = Actor::Company(company);
    let refused = world.program.reclassify(&tenant, &rules).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let stricter = Rules::read("scanner firefox any firefox", "").unwrap();
    let done = world.program.reclassify(&OPS, &stricter).await.unwrap();
    assert_eq!((done.rules.as_str(), done.events, done.changed), (stricter.version(), 4, 4));
    let by_rule: Vec<String> = done
        .by_rule
        .iter()
        .map(|tally| format!("{} {} {} {}", tally.kind, tally.class, tally.rule, tally.events))
        .collect();
    assert_eq!(
        by_rule,
        ["clicked scanner firefox 2", "clicked scanner no_browser 1", "opened scanner firefox 1"]
    );
    let status = world.program.status(&OPS, None).await.unwrap();
    assert_eq!(status.engagement.clicked.human, Tally::default());
    assert_eq!(status.engagement.clicked.machine.sends, 2);
}
