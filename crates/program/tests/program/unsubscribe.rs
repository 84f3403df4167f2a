//! The unsubscribe endpoint's work.

use domain::{HashScope, SendId, SendState, token::Purpose};
use program::{BeltTold, ErrorKind};

use crate::world::{OPS, World};

#[tokio::test]
async fn one_click_is_in_book_and_belt_before_the_answer() {
    let world = World::new().await;
    let (_, company, activation) = world.launched("acme").await;
    let sends = world.expand(activation).await;
    let (_, send) = sends.iter().find(|(address, _)| address == "anna@example.com").unwrap();
    let token = world.link_key.seal(Purpose::Unsubscribe, *send);
    let hash = world.store.send(*send).await.unwrap().unwrap().hash_company;

    let page = world.program.unsubscribe_page(&token).await.unwrap();
    assert_eq!(
        (page.company_name.as_str(), page.masked_address.as_str()),
        ("Firm acme", "a…@example.com")
    );
    assert!(!page.already);
    assert!(!world.belt_says(hash.as_str()), "reading the page changes nothing");

    let done = world.program.unsubscribe(&token).await.unwrap();
    assert_eq!((done.already, done.belt), (false, BeltTold::Told));
    assert!(world.belt_says(hash.as_str()));
    let found = world.store.find_suppression(HashScope::Company(&company), &hash).await.unwrap();
    assert_eq!(found.unwrap().reason, "unsubscribed");
    assert!(world.program.unsubscribe_page(&token).await.unwrap().already);
    assert!(world.program.unsubscribe(&token).await.unwrap().already);
    let events = world.program.events(&OPS, Some(activation), None, 10).await.unwrap().events;
    assert_eq!(events.iter().filter(|e| e.kind.as_str() == "unsubscribed").count(), 1);
}

#[tokio::test]
async fn without_redis_it_is_durable_all_the_same() {
    let mut world = World::new().await;
    let (_, company, activation) = world.launched("acme").await;
    let (_, send) = world.expand(activation).await.remove(0);
    world.redis.stop();
    let done =
        world.program.unsubscribe(&world.link_key.seal(Purpose::Unsubscribe, send)).await.unwrap();
    assert_eq!(done.belt, BeltTold::BeforeAnythingIsSent);
    let all = world.store.suppressions(HashScope::Company(&company), None, 10).await.unwrap();
    assert_eq!(all.len(), 1);
    let status = world.program.status(&OPS, Some(activation)).await.unwrap();
    assert!(matches!(status.belt, program::BeltView::Unreachable { .. }), "{:?}", status.belt);
    assert_eq!(status.totals.of(SendState::Queued) + status.totals.of(SendState::Skipped), 2);
}

#[tokio::test]
async fn a_forged_link_and_one_of_a_send_that_is_gone_look_the_same() {
    let world = World::new().await;
    let gone = world.link_key.seal(Purpose::Unsubscribe, SendId::new(42));
    for token in ["", "x", gone.as_str(), &gone[1..]] {
        let error = world.program.unsubscribe(token).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::NotFound, "there is no link \"…\"")
        );
        assert_eq!(
            world.program.unsubscribe_page(token).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
