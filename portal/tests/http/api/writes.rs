//! What the API changes, and what it shows of it.

use serde_json::{Value, json};

use super::world::World;

#[tokio::test]
async fn a_launch_names_who_has_one_now_and_who_was_refused() {
    let world = World::start().await;
    let (vendor, package, version) = world.vendor("northwind").await;
    let made = world.partners(&vendor, &["a", "b"]).await;
    let (first, second) = (&made[0].0, &made[1].0);
    let launch = json!({
        "package": package, "partners": [first, second, first], "list": "customers",
        "start": "2026-01-02T09:00:00+01:00",
    });
    let answer = world.post("/launches", &world.ops_key, &launch).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let launched = answer.json();
    assert!(launched["group"].as_str().unwrap().starts_with("grp_"));
    assert_eq!(launched["version"], version.as_str());
    let rows = launched["activations"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "one that is named twice is launched once");
    assert!(rows.iter().all(|row| row["is_new"] == true && row["state"] == "scheduled"));
    let id = rows[0]["activation"].as_str().unwrap();
    let shown = world.get(&format!("/activations/{id}"), &world.ops_key).await.json();
    assert_eq!(shown["start_at"], "2026-01-02T08:00:00Z");
    assert_eq!((&shown["audience"], &shown["sends"]["total"]), (&Value::Null, &json!(0)));

    let again = world.post("/launches", &world.ops_key, &launch).await;
    assert_eq!((again.status, again.json()["group"].clone()), (200, Value::Null));
    let other = json!({ "package": package, "partners": [first], "list": "nobody" });
    let refused = world.post("/launches", &world.ops_key, &other).await;
    let refused = refused.json()["refused"][0].clone();
    assert_eq!(refused["reason"], "no_list");
    assert_eq!(refused["detail"], "the company has no list \"nobody\"; it has customers");
    assert_eq!(refused["partner"], first.as_str());
    // One foreign name, and nothing is launched.
    let stranger = world.tenant("contoso").await;
    let mixed = json!({ "package": package, "partners": [first, stranger.partner], "again": true });
    let before = world.snapshot().await;
    world.post("/launches", &world.ops_key, &mixed).await.problem(404);
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn an_activation_is_paused_resumed_and_cancelled() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let path = |command: &str| format!("/activations/{}/{command}", tenant.activation);
    for (command, before, after) in [
        ("pause", "scheduled", "paused"),
        ("resume", "paused", "scheduled"),
        ("cancel", "scheduled", "cancelled"),
    ] {
        let done = world.post(&path(command), &tenant.company_key, &Value::Null).await.json();
        assert_eq!((&done["before"], &done["after"]), (&json!(before), &json!(after)));
        assert_eq!((&done["changed"], &done["in_effect"]), (&json!(true), &json!("now")));
        let again = world.post(&path(command), &tenant.company_key, &Value::Null).await.json();
        assert_eq!(again["changed"], false);
    }
    let problem = world.post(&path("pause"), &tenant.company_key, &Value::Null).await.problem(409);
    assert_eq!(problem["detail"], "a cancelled activation can't be paused");
    let recalled = world
        .post(&format!("/versions/{}/recall", tenant.version), &tenant.vendor_key, &Value::Null)
        .await
        .json();
    assert_eq!(
        (&recalled["changed"], &recalled["version"]["state"]),
        (&json!(true), &json!("recalled"))
    );
}

#[tokio::test]
async fn a_suppressed_address_is_on_the_belt_before_the_answer() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let body = json!({
        "scope": tenant.company, "addresses": ["Anna@Example.com", "anna@example.com"], "reason": "unsubscribed",
    });
    let done = world.post("/suppressions", &tenant.company_key, &body).await.json();
    assert_eq!(done, json!({ "added": 1, "already": 0, "in_effect": "now" }));
    let path = format!("/suppressions?scope={}", tenant.company);
    let listed = world.get(&path, &tenant.company_key).await.json();
    let hash = listed["items"][0]["address_hash"].as_str().unwrap();
    let keys = world.redis.cli(&["--scan", "--pattern", "*suppressed"]);
    assert!(keys.lines().any(|key| !world.redis.cli(&["ZSCORE", key, hash]).trim().is_empty()));
    assert_eq!(listed["items"][0]["reason"], "unsubscribed");
    assert_eq!(listed["items"][0]["source"], tenant.company.as_str());
    let body =
        json!({ "scope": "everywhere", "addresses": ["anna@example.com"], "reason": "manual" });
    world.post("/suppressions", &tenant.company_key, &body).await.problem(404);
    world.post("/suppressions", &tenant.vendor_key, &body).await.problem(404);
    assert_eq!(world.post("/suppressions", &world.ops_key, &body).await.json()["added"], 1);
}

#[tokio::test]
async fn a_preview_shows_a_contact_to_its_company_and_somebody_made_up_to_the_vendor() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let body = json!({ "package": tenant.package, "partner": tenant.partner, "language": "de" });
    let before = world.snapshot().await;
    let shown = world.post("/previews", &tenant.vendor_key, &body).await.json();
    let messages = shown["messages"].as_array().unwrap();
    assert!(messages.len() >= 3);
    for message in messages {
        assert!(message["html"].as_str().unwrap().contains("<html"), "{message}");
        assert!(!message["subject"].as_str().unwrap().is_empty());
        assert!(message["text"].as_str().unwrap().contains("/u/preview"));
    }
    let mut to_anna = body;
    to_anna["person"] = json!({ "address": "anna@example.com" });
    to_anna["step"] = json!("announce");
    let shown = world.post("/previews", &tenant.company_key, &to_anna).await.json();
    assert_eq!(shown["messages"].as_array().unwrap().len(), 1);
    world.post("/previews", &tenant.vendor_key, &to_anna).await.problem(404);
    assert_eq!(world.snapshot().await, before, "nothing was changed");
}

#[tokio::test]
async fn the_description_is_served_to_everybody_and_keeps_its_promises() {
    let world = World::start().await;
    let served = world.send(reqwest::Method::GET, "/api/v1/openapi.json", &[], None).await;
    assert_eq!((served.status, served.header("content-type")), (200, "application/json"));
    assert_eq!(served.text, portal::openapi_json());
    let document = served.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{what}");
            for text in ["summary", "description"] {
                assert!(
                    operation[text].as_str().is_some_and(|text| text.len() > 8),
                    "{what} {text}"
                );
            }
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
            for (status, response) in responses {
                let content = response["content"].as_object().unwrap();
                let is_problem = content.contains_key("application/problem+json");
                assert_eq!(is_problem, !status.starts_with('2'), "{what} {status}");
                assert!(content.values().all(|kind| kind["schema"].is_object()), "{what} {status}");
            }
            let is_open = path == "/api/v1/openapi.json";
            assert_eq!(operation["security"].as_array().unwrap().is_empty(), is_open, "{what}");
            assert_eq!(responses.contains_key("401"), !is_open, "{what}");
        }
    }
    for name in ["Launch", "Preview", "PreviewPerson", "Suppress", "Invite", "ResendInvitation"] {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name}");
    }
}
