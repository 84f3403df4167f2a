//! What the API asks for: keys, lists in pages, suppressing.

use std::time::Duration;

use domain::{ApiKey, time::Clock};
use program::{
    Actor, AddApiKey, ErrorKind, LaunchFor, PageOf, Repeatable, Repeated, SuppressBecause,
    SuppressIn,
};

use crate::world::{OPS, World};

fn first<C>() -> PageOf<C> {
    PageOf { after: None, limit: 200 }
}

fn add(acts_for: Actor) -> AddApiKey {
    AddApiKey { name: "crm".to_owned(), acts_for, expires: None, secret: [3; 32] }
}

#[tokio::test]
async fn a_key_is_its_holder_s_until_it_is_over() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let program = &world.program;
    for acts_for in [OPS, Actor::Vendor(world.vendor.clone()), Actor::Company(company)] {
        let expires = Some(world.clock.now().plus(Duration::from_secs(10)));
        let add = AddApiKey { expires, ..add(acts_for.clone()) };
        let added = program.add_api_key(&OPS, &add).await.unwrap();
        let key: ApiKey = added.key.parse().unwrap();
        let holder = program.api_key_holder(&key.id).await.unwrap().unwrap();
        assert_eq!(
            (&holder.actor, added.line.acts_for.as_str()),
            (&acts_for, &*acts_for.to_string())
        );
        assert!(program.accepts_api_key(&holder, &key));
        let forged = ApiKey::new(key.id.clone(), [4; 32]);
        assert!(!program.accepts_api_key(&holder, &forged), "another secret");
        world.clock.advance(Duration::from_secs(10));
        assert!(!program.accepts_api_key(&holder, &key), "it is over");
    }
    let added = program.add_api_key(&OPS, &add(OPS)).await.unwrap();
    let key: ApiKey = added.key.parse().unwrap();
    assert!(program.revoke_api_key(&OPS, &key.id).await.unwrap().changed);
    let holder = program.api_key_holder(&key.id).await.unwrap().unwrap();
    assert!(!program.accepts_api_key(&holder, &key), "it was revoked");
    assert_eq!(program.api_keys(&OPS).await.unwrap().len(), 4);
    let listed = format!("{:?}", program.api_keys(&OPS).await.unwrap());
    let digits = added.key.rsplit_once('_').unwrap().1;
    assert!(!listed.contains(digits) && !format!("{holder:?}").contains(digits));
}

#[tokio::test]
async fn only_the_operator_makes_keys_and_only_for_who_is_there() {
    let world = World::new().await;
    let program = &world.program;
    let vendor = Actor::Vendor(world.vendor.clone());
    let added = program.add_api_key(&OPS, &add(OPS)).await.unwrap();
    assert_eq!(
        program.add_api_key(&vendor, &add(OPS)).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(program.api_keys(&vendor).await.unwrap_err().kind(), ErrorKind::NotFound);
    let revoked = program.revoke_api_key(&vendor, &added.line.id).await;
    assert_eq!(revoked.unwrap_err().kind(), ErrorKind::NotFound);
    for nobody in [
        Actor::Vendor("ven_01j00000000000000000000000".parse().unwrap()),
        Actor::Company("com_01j00000000000000000000000".parse().unwrap()),
    ] {
        let error = program.add_api_key(&OPS, &add(nobody)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let now = world.clock.now();
    for (name, expires) in
        [("", None), ("a\nb", None), (&*"x".repeat(81), None), ("crm", Some(now))]
    {
        let add = AddApiKey { name: name.to_owned(), expires, ..add(OPS) };
        let error = program.add_api_key(&OPS, &add).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{name:?}");
    }
    assert_eq!(program.api_keys(&OPS).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_relay_said_of_a_recipient_is_not_told_to_the_vendor() {
    let world = World::new().await;
    let (_, company, activation) = world.launched("acme").await;
    let sends = world.expand(activation).await;
    world.accepted(activation, sends[0].1).await;
    let details = async |actor: Actor| {
        let page = world.program.events(&actor, Some(activation), None, 10).await.unwrap();
        assert!(!page.events.is_empty());
        page.events.iter().any(|event| event.detail.is_object())
    };
    assert!(details(OPS).await);
    assert!(details(Actor::Company(company)).await);
    assert!(!details(Actor::Vendor(world.vendor.clone())).await);
}

#[tokio::test]
async fn lists_and_suppressions_end_at_the_wall() {
    let world = World::new().await;
    let (partner, company, activation) = world.launched("acme").await;
    let (other_partner, other_company) = world.partner("acma", "Gold").await;
    let program = &world.program;
    let stranger = Actor::Company(other_company.clone());
    let own = Actor::Company(company.clone());
    let vendor = Actor::Vendor(world.vendor.clone());

    let partners = async |actor: &Actor| {
        let page = program.list_partners(actor, None, None, &first()).await.unwrap();
        page.items.into_iter().map(|line| line.partner).collect::<Vec<_>>()
    };
    assert_eq!(partners(&stranger).await, std::slice::from_ref(&other_partner));
    assert_eq!(partners(&own).await, std::slice::from_ref(&partner));
    assert_eq!(partners(&vendor).await.len(), 2);
    assert!(program.partner(&stranger, &partner).await.is_err());
    for actor in [&stranger, &vendor] {
        let error = program.contact_lists(actor, &partner).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(program.contact_lists(&own, &partner).await.unwrap()[0].contacts, 2);
    assert_eq!(
        program.activation(&stranger, activation).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(program.activation(&own, activation).await.unwrap().activation, activation);
    let listed = program.list_activations(&stranger, None, None, &first()).await.unwrap();
    assert!(listed.items.is_empty());
    let several = world.launch_for(LaunchFor::Partners(vec![other_partner, partner]));
    assert_eq!(program.launch(&stranger, &several).await.unwrap_err().kind(), ErrorKind::NotFound);

    let anna = ["anna@example.com".to_owned()];
    let suppress = async |actor: &Actor, scope: &SuppressIn| {
        let done = program.suppress(actor, scope, &anna, SuppressBecause::Manual).await;
        let listed = program.list_suppressions(actor, scope, &first()).await;
        assert_eq!(done.is_ok(), listed.is_ok(), "who may not write may not read");
        done.map(|done| done.added)
    };
    let at_company = SuppressIn::Company(company);
    let at_vendor = SuppressIn::Vendor(world.vendor.clone());
    for (actor, scope) in [
        (&stranger, &at_company),
        (&vendor, &at_company),
        (&own, &at_vendor),
        (&own, &SuppressIn::Everywhere),
        (&vendor, &SuppressIn::Everywhere),
    ] {
        assert_eq!(
            suppress(actor, scope).await.unwrap_err().kind(),
            ErrorKind::NotFound,
            "{actor} {scope:?}"
        );
    }
    assert!(world.store.suppressions_since(domain::UtcMillis::new(0)).await.unwrap().is_empty());
    for (actor, scope) in
        [(&own, &at_company), (&vendor, &at_vendor), (&OPS, &SuppressIn::Everywhere)]
    {
        assert_eq!(suppress(actor, scope).await.unwrap(), 1);
        assert_eq!(suppress(actor, scope).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_suppressed_person_gets_nothing_more() {
    let world = World::new().await;
    let (_, company, activation) = world.launched("acme").await;
    let sends = world.sends_for(activation, "announce").await;
    world.expand_with(activation, &sends).await;
    let anna = ["anna@example.com".to_owned()];
    let scope = SuppressIn::Company(company);
    world.program.suppress(&OPS, &scope, &anna, SuppressBecause::Complained).await.unwrap();
    let on_belt = Default::default();
    let now = world.clock.now();
    let window = store::FeedWindow {
        now,
        until: now,
        per_lane: 100,
        per_provider: 1_000_000,
        total: 100,
        on_belt: &on_belt,
    };
    let fed = world.store.feed(&window).await.unwrap();
    let fed: Vec<&str> = fed.sends.iter().map(|send| send.address.as_str()).collect();
    assert_eq!(fed, ["bert@example.com"]);
}

#[tokio::test]
async fn a_request_that_died_is_done_again_and_one_that_is_done_is_not() {
    let world = World::new().await;
    let program = &world.program;
    let key = program.add_api_key(&OPS, &add(OPS)).await.unwrap().line.id;
    let request = || Repeatable {
        key: key.clone(),
        idempotency_key: "one".to_owned(),
        fingerprint: "POST /launches".to_owned(),
    };
    assert!(matches!(program.begin_request(request()).await.unwrap(), Repeated::First(_)));
    assert!(matches!(program.begin_request(request()).await.unwrap(), Repeated::UnderWay));
    world.clock.advance(Duration::from_secs(181));
    let Repeated::First(begun) = program.begin_request(request()).await.unwrap() else {
        panic!("its process died")
    };
    let answer = program::ApiAnswer {
        status: 201,
        content_type: "application/json".to_owned(),
        body: b"{}".to_vec(),
    };
    program.finish_request(&begun, &answer).await.unwrap();
    world.clock.advance(Duration::from_secs(23 * 3_600));
    let Repeated::Done(kept) = program.begin_request(request()).await.unwrap() else {
        panic!("it was done")
    };
    assert_eq!(kept, answer);
    world.clock.advance(Duration::from_secs(3_600));
    assert!(matches!(program.begin_request(request()).await.unwrap(), Repeated::First(_)));
}
