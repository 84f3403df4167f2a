//! What a recipient may choose, and what a message as a page gives away.

use domain::{SendId, package_version::VersionCommand, token::Purpose};
use program::{BeltTold, ErrorKind, Preferring, Wanted};

use crate::world::{OPS, World};

async fn one_send(world: &World) -> SendId {
    let (_, _, activation) = world.launched("acme").await;
    world.expand(activation).await.remove(0).1
}

fn topics(shown: &[&str], topics: &[&str]) -> Preferring {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Preferring { wanted: Wanted::Topics, shown: owned(shown), topics: owned(topics) }
}

#[tokio::test]
async fn a_choice_is_in_book_and_belt_before_the_answer() {
    let world = World::new().await;
    let send = one_send(&world).await;
    let token = world.link_key.seal(Purpose::Preferences, send);
    let page = world.program.preferences_page(&token).await.unwrap();
    assert_eq!((page.topics.len(), page.topics[0].title.as_str()), (1, "New products"));
    assert!(page.topics[0].is_wanted && page.wanted == Wanted::Topics && !page.is_final);
    let detail = world.store.send(send).await.unwrap().unwrap();
    let mark = detail.hash_company.about(&detail.partner, "product-news");

    let done = world.program.prefer(&token, &topics(&["product-news"], &[])).await.unwrap();
    assert_eq!(done.belt, BeltTold::Told);
    assert!(!done.page.topics[0].is_wanted && world.belt_says(mark.as_str()));
    assert!(!world.belt_says(detail.hash_company.as_str()), "and nothing more than that");
    let both = topics(&["product-news"], &["product-news"]);
    let done = world.program.prefer(&token, &both).await.unwrap();
    assert!(done.page.topics[0].is_wanted && !world.belt_says(mark.as_str()));

    // What was not shown is not decided, and what is nobody's topic is not kept.
    world.program.prefer(&token, &topics(&[], &[])).await.unwrap();
    world.program.prefer(&token, &topics(&["elsewhere"], &[])).await.unwrap();
    let all = world.store.suppressions_since(domain::UtcMillis::new(0)).await.unwrap();
    assert!(all.is_empty(), "{all:?}");
}

#[tokio::test]
async fn without_redis_a_choice_is_durable_all_the_same() {
    let mut world = World::new().await;
    let token = world.link_key.seal(Purpose::Preferences, one_send(&world).await);
    world.redis.stop();
    let all = Preferring { wanted: Wanted::NothingOfVendor, ..topics(&[], &[]) };
    let done = world.program.prefer(&token, &all).await.unwrap();
    assert_eq!(done.belt, BeltTold::BeforeAnythingIsSent);
    assert_eq!(done.page.wanted, Wanted::NothingOfVendor);
}

#[tokio::test]
async fn a_link_is_good_for_one_thing() {
    let world = World::new().await;
    let send = one_send(&world).await;
    for purpose in Purpose::ALL {
        let token = world.link_key.seal(purpose, send);
        let chosen = world.program.preferences_page(&token).await;
        assert_eq!(chosen.is_ok(), purpose == Purpose::Preferences, "{purpose:?}");
        let viewed = world.program.view_message(&token).await;
        assert_eq!(viewed.is_ok(), purpose == Purpose::View, "{purpose:?}");
        for error in [chosen.err(), viewed.err()].into_iter().flatten() {
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }
}

#[tokio::test]
async fn a_message_as_a_page_acts_for_nobody_and_goes_with_a_recall() {
    let world = World::new().await;
    let send = one_send(&world).await;
    let token = world.link_key.seal(Purpose::View, send);
    let view = world.program.view_message(&token).await.unwrap();
    assert!(view.html.contains("Firm acme"), "{}", view.html);
    for path in ["/u/", "/p/", "/o/", "/c/", "/i/"] {
        assert!(!view.html.contains(&format!("https://mail.example{path}")), "{path}");
    }
    let detail = world.store.send(send).await.unwrap().unwrap();
    let row = world.store.activation(detail.activation).await.unwrap().unwrap();
    let recall = VersionCommand::Recall;
    let who = OPS.to_string();
    let now = domain::UtcMillis::new(1);
    world.store.change_version(&row.version_id, recall, &who, now).await.unwrap();
    let error = world.program.view_message(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
