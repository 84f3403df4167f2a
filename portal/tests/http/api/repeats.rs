//! Requests that are made twice.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;

#[tokio::test]
async fn twenty_at_once_under_one_name_launch_once_and_are_answered_alike() {
    let world = World::start().await;
    let (vendor, package, _) = world.vendor("northwind").await;
    let (partner, _) = world.partners(&vendor, &["acme"]).await.remove(0);
    let body = json!({ "package": package, "partners": [partner] });
    let ask = || world.post_as("/launches", &world.ops_key, Some("launch-1"), &body);
    let answers = futures::future::join_all((0..20).map(|_| ask())).await;
    let mut first = 0;
    for answer in &answers {
        match answer.status {
            201 if answer.header("idempotency-replayed").is_empty() => first += 1,
            201 => assert_eq!(answer.header("idempotency-replayed"), "true"),
            _ => {
                let problem = answer.problem(409);
                assert_eq!(problem["type"], "urn:throughline:problem:under-way");
                assert_eq!(answer.header("retry-after"), "1");
            }
        }
    }
    assert_eq!(first, 1);
    let done = answers.iter().find(|answer| answer.status == 201).unwrap();
    let again = ask().await;
    assert_eq!((again.status, &again.text), (201, &done.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("content-type"), "application/json");
    assert!(!again.header("ratelimit-remaining").is_empty());
    let all = store::Walk::All;
    assert_eq!(world.store.activation_rows(all, None, None, 100).await.unwrap().len(), 1);
    let said = world.store.audit(100).await.unwrap();
    assert_eq!(said.iter().filter(|row| row.action == "launch").count(), 1);
}

#[tokio::test]
async fn another_request_under_the_same_name_is_refused_and_another_key_has_names_of_its_own() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let suppress = |address: &str| json!({ "scope": tenant.company, "addresses": [address], "reason": "manual" });
    let path = "/suppressions";
    let first = world.post_as(path, &world.ops_key, Some("one"), &suppress("a@example.com")).await;
    assert_eq!(first.json()["added"], 1);
    let other = world.post_as(path, &world.ops_key, Some("one"), &suppress("b@example.com")).await;
    assert_eq!(other.problem(422)["type"], "urn:throughline:problem:idempotency-key-reused");
    let elsewhere = format!("/activations/{}/pause", tenant.activation);
    world.post_as(&elsewhere, &world.ops_key, Some("one"), &Value::Null).await.problem(422);
    let company = &tenant.company_key;
    let theirs = world.post_as(path, company, Some("one"), &suppress("b@example.com")).await;
    assert_eq!(theirs.json()["added"], 1, "{theirs:?}");
    // A day later the name is free.
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    let later = world.post_as(path, &world.ops_key, Some("one"), &suppress("c@example.com")).await;
    assert_eq!(later.json()["added"], 1, "{later:?}");
}

#[tokio::test]
async fn what_was_refused_may_be_corrected_under_its_name() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let body = |address: &str| json!({ "scope": tenant.company, "addresses": [address], "reason": "manual" });
    let path = "/suppressions";
    world.post_as(path, &world.ops_key, Some("one"), &body("nobody")).await.problem(422);
    let foreign = json!({
        "scope": "com_01j00000000000000000000000", "addresses": ["a@example.com"], "reason": "manual",
    });
    world.post_as(path, &world.ops_key, Some("one"), &foreign).await.problem(404);
    let good = world.post_as(path, &world.ops_key, Some("one"), &body("a@example.com")).await;
    assert_eq!((good.status, good.header("idempotency-replayed")), (200, ""));
    assert_eq!(good.json()["added"], 1);
    // Commands that stop something say the same when they are repeated, done again or replayed.
    let pause = format!("/activations/{}/pause", tenant.activation);
    let first = world.post_as(&pause, &world.ops_key, Some("two"), &Value::Null).await;
    let replayed = world.post_as(&pause, &world.ops_key, Some("two"), &Value::Null).await;
    let again = world.post_as(&pause, &world.ops_key, None, &Value::Null).await;
    assert_eq!(first.json()["changed"], true);
    assert_eq!(first.text, replayed.text);
    assert_eq!(
        (again.json()["changed"].clone(), again.json()["after"].clone()),
        (json!(false), json!("paused"))
    );
}

#[tokio::test]
async fn a_name_is_1_to_255_visible_characters() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let pause = format!("/activations/{}/pause", tenant.activation);
    for good in ["x", &"y".repeat(255), "!~"] {
        let answer = world.post_as(&pause, &world.ops_key, Some(good), &Value::Null).await;
        assert_eq!(answer.status, 200, "{good}: {answer:?}");
    }
    for bad in ["", "a b", &"y".repeat(256), "ü", "a\tb"] {
        let answer = world.post_as(&pause, &world.ops_key, Some(bad), &Value::Null).await;
        let problem = answer.problem(400);
        assert_eq!(problem["errors"][0]["parameter"], "Idempotency-Key", "{bad:?}");
    }
    let bearer = format!("Bearer {}", world.ops_key);
    let twice =
        [("authorization", bearer.as_str()), ("idempotency-key", "a"), ("idempotency-key", "b")];
    world.send(Method::POST, &format!("/api/v1{pause}"), &twice, None).await.problem(400);
}
