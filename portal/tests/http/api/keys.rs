//! Keys: who has none, whose is over, and how fast they may ask.

use std::time::Duration;

use program::Actor;
use reqwest::Method;
use testkit::wait::wait_for;

use super::world::{World, wide};

#[tokio::test]
async fn what_is_no_key_is_answered_the_same_whatever_it_is() {
    let world = World::start().await;
    let good = world.ops_key.clone();
    let expired = {
        let soon = domain::time::Clock::now(&*world.clock).plus(Duration::from_secs(60));
        let key = world.key(Actor::Ops, Some(soon)).await;
        assert_eq!(world.get("/partners", &key).await.status, 200);
        world.clock.advance(Duration::from_secs(60));
        format!("Bearer {key}")
    };
    let revoked = world.key(Actor::Ops, None).await;
    let id = revoked.rsplit_once('_').unwrap().0.parse().unwrap();
    world.program.revoke_api_key(&Actor::Ops, &id).await.unwrap();
    let (id, digits) = good.rsplit_once('_').unwrap();
    let other_digit = if digits.ends_with('0') { '1' } else { '0' };
    let unknown = format!("Bearer tlk_01j00000000000000000000000_{digits}");
    let forged = format!("Bearer {id}_{}{other_digit}", &digits[..63]);
    let mut bodies = Vec::new();
    for given in [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(good.clone()),
        Some(format!("Basic {good}")),
        Some(format!("Bearer {id}")),
        Some(format!("Bearer {}", good.to_uppercase())),
        Some(forged),
        Some(unknown),
        Some(format!("Bearer {revoked}")),
        Some(expired),
    ] {
        let headers: Vec<(&str, &str)> =
            given.iter().map(|given| ("authorization", given.as_str())).collect();
        let answer = world.send(Method::GET, "/api/v1/partners", &headers, None).await;
        let mut problem = answer.problem(401);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{given:?}");
        problem["instance"] = "the request".into();
        bodies.push(problem);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert!(!bodies[0].to_string().contains(digits));
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let given = format!("{scheme} {good}");
        let answer =
            world.send(Method::GET, "/api/v1/partners", &[("authorization", &given)], None).await;
        assert_eq!(answer.status, 200);
    }
    let given = format!("Bearer {good}");
    let twice = [("authorization", given.as_str()), ("authorization", given.as_str())];
    world.send(Method::GET, "/api/v1/partners", &twice, None).await.problem(401);
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_five_seconds_and_its_use_is_noted() {
    let world = World::start().await;
    let key = world.key(Actor::Ops, None).await;
    let id: domain::ApiKeyId = key.rsplit_once('_').unwrap().0.parse().unwrap();
    assert_eq!(world.get("/partners", &key).await.status, 200);
    let noted = async || {
        let keys = world.program.api_keys(&Actor::Ops).await.unwrap();
        keys.iter().find(|line| line.id == id).unwrap().used_at.is_some()
    };
    let noted = || async { noted().await.then_some(()) };
    wait_for("the use of the key", Duration::from_secs(10), noted).await;
    world.program.revoke_api_key(&Actor::Ops, &id).await.unwrap();
    let refused = || async {
        let answer = world.get("/partners", &key).await;
        (answer.status == 401).then_some(())
    };
    wait_for("the key to be refused", Duration::from_secs(5), refused).await;
}

#[tokio::test]
async fn who_asks_too_fast_is_told_when_to_come_back() {
    let limits = portal::ApiParts { limit: "1/h, burst 3".parse().unwrap(), ..wide() };
    let world = World::with(limits).await;
    let other = world.key(Actor::Ops, None).await;
    for remaining in ["2", "1", "0"] {
        let answer = world.get("/partners", &world.ops_key).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-limit"), "3");
        assert_eq!(answer.header("ratelimit-remaining"), remaining);
        let reset: u64 = answer.header("ratelimit-reset").parse().unwrap();
        assert!((1..=3 * 3_600).contains(&reset), "{reset}");
    }
    let full = world.get("/partners", &world.ops_key).await;
    full.problem(429);
    let wait: u64 = full.header("retry-after").parse().unwrap();
    assert!((3_500..=3_601).contains(&wait), "{wait}");
    assert_eq!(full.header("ratelimit-remaining"), "0");
    assert_eq!(world.get("/partners", &other).await.status, 200, "another key has its own");
}

#[tokio::test]
async fn who_tries_keys_is_slowed_down_and_who_has_one_is_not() {
    let limits = portal::ApiParts { anonymous_limit: "1/h, burst 2".parse().unwrap(), ..wide() };
    let world = World::with(limits).await;
    for _ in 0..2 {
        world.get("/partners", "tlk_guess").await.problem(401);
    }
    world.get("/partners", "tlk_guess").await.problem(429);
    world.send(Method::GET, "/api/v1/openapi.json", &[], None).await.problem(429);
    world.send(Method::GET, "/api/v1/nowhere", &[], None).await.problem(429);
    assert_eq!(world.get("/partners", &world.ops_key).await.status, 200);
}
