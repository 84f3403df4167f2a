//! Inviting partners, and taking that back.

use std::time::Duration;

use domain::time::Clock;
use program::Actor;
use serde_json::{Value, json};

use super::world::World;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn partners_are_invited_once_and_those_who_are_not_are_named_with_the_reason() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let made = world.partners(&tenant.vendor, &["a", "b"]).await;
    let (first, second) = (&made[0].0, &made[1].0);
    let invite = json!({
        "package": tenant.package, "partners": [first, first, tenant.partner], "expires_in_hours": 2.0,
    });
    let answer = world.post("/invitations", &tenant.vendor_key, &invite).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let invited = answer.json();
    assert_eq!((&invited["new"], &invited["package"]), (&json!(1), &json!("product-launch")));
    let rows = invited["invitations"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "one that is named twice is invited once: {invited}");
    assert_eq!((&rows[0]["partner"], &rows[0]["state"]), (&json!(first), &json!("open")));
    assert_eq!((&rows[0]["mail"], &rows[0]["activation"]), (&json!("due"), &Value::Null));
    let until = world.clock.now().plus(2 * HOUR);
    assert_eq!(rows[0]["expires_at"], until.to_string());
    let refused = &invited["refused"][0];
    assert_eq!(
        (&refused["partner"], &refused["reason"]),
        (&json!(tenant.partner), &json!("launched"))
    );
    assert!(refused["detail"].as_str().unwrap().contains(&tenant.activation.to_string()));

    let again = world.post("/invitations", &tenant.vendor_key, &invite).await;
    assert_eq!((again.status, &again.json()["new"]), (200, &json!(0)), "{again:?}");
    assert_eq!(again.json()["invitations"][0]["invitation"], rows[0]["invitation"]);

    world.store.refuse_invitations(second, "a test", world.clock.now()).await.unwrap();
    let all = json!({ "package": tenant.package, "partners": "all_eligible" });
    let answer = world.post("/invitations", &world.ops_key, &all).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let refused = answer.json()["refused"].clone();
    let mut reasons: Vec<&str> =
        refused.as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["launched", "wants_none"], "{refused}");
}

#[tokio::test]
async fn an_invitation_is_listed_mailed_again_and_taken_back() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let made = world.partners(&tenant.vendor, &["a", "b", "c"]).await;
    let ids: Vec<&str> = made.iter().map(|(partner, _)| partner.as_str()).collect();
    let invite = json!({ "package": tenant.package, "partners": ids });
    assert_eq!(world.post("/invitations", &tenant.vendor_key, &invite).await.status, 201);
    let mut found: Vec<String> = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/invitations?vendor={}&limit=2{cursor}", tenant.vendor);
        let page = world.get(&path, &tenant.vendor_key).await.json();
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), 2, "{page}");
        found.extend(items.iter().map(|item| item["partner"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found[0], tenant.partner.as_str(), "oldest first");
    assert_eq!(&found[1..], ids);

    let path = |command: &str| format!("/invitations/{}/{command}", tenant.invitation);
    let longer = json!({ "expires_in_hours": 2160 });
    let again = world.post(&path("resend"), &tenant.vendor_key, &longer).await;
    assert_eq!(again.status, 200, "{again:?}");
    let until = world.clock.now().plus(2160 * HOUR);
    assert_eq!(again.json()["expires_at"], until.to_string());
    for _ in 0..2 {
        let revoked = world.post(&path("revoke"), &tenant.vendor_key, &Value::Null).await;
        assert_eq!((revoked.status, &revoked.json()["state"]), (200, &json!("revoked")));
    }
    let problem = world.post(&path("resend"), &tenant.vendor_key, &longer).await.problem(409);
    let said = format!("invitation {} is revoked", tenant.invitation);
    assert_eq!(problem["detail"], said);
}

#[tokio::test]
async fn an_invitation_that_is_mailed_again_under_a_name_is_mailed_once() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let path = format!("/invitations/{}/resend", tenant.invitation);
    let mail = async || world.store.invitation(&tenant.invitation).await.unwrap().unwrap().mail;
    let before = mail().await;
    let first = world.post_as(&path, &tenant.vendor_key, Some("once"), &json!({})).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, ""), "{first:?}");
    let sent = mail().await;
    assert_ne!(sent, before, "another mail, another link");
    let second = world.post_as(&path, &tenant.vendor_key, Some("once"), &json!({})).await;
    assert_eq!((second.status, second.header("idempotency-replayed")), (200, "true"));
    assert_eq!((second.text, mail().await), (first.text, sent));
}

#[tokio::test]
async fn what_does_not_do_invites_nobody() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let stranger = world.tenant("contoso").await;
    let made = world.partners(&tenant.vendor, &["a"]).await;
    let first = &made[0].0;
    let before = world.snapshot().await;
    for hours in [json!(0), json!(2161), json!(-1), json!(1.5), json!("24"), Value::Null] {
        let invite =
            json!({ "package": tenant.package, "partners": [first], "expires_in_hours": hours });
        let problem = world.post("/invitations", &tenant.vendor_key, &invite).await.problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "/expires_in_hours", "{hours}: {problem}");
    }
    let near = json!({ "package": tenant.package, "partners": [first], "expires_in_hour": 5 });
    let problem = world.post("/invitations", &tenant.vendor_key, &near).await.problem(422);
    let said = "there is no such member; did you mean \"expires_in_hours\"?";
    assert_eq!(problem["errors"][0]["detail"], said);
    // One foreign name, and nobody is invited; whose program it is, the package says.
    let mixed = json!({ "package": tenant.package, "partners": [first, stranger.partner] });
    for key in [&world.ops_key, &tenant.vendor_key, &stranger.vendor_key] {
        world.post("/invitations", key, &mixed).await.problem(404);
    }
    let missing = world.get("/invitations", &tenant.vendor_key).await.problem(400);
    assert_eq!(missing["errors"][0]["parameter"], "vendor");
    let nobody = "/invitations?vendor=ven_01j00000000000000000000000";
    world.get(nobody, &world.ops_key).await.problem(404);
    let none = "/invitations/inv_01j00000000000000000000000/revoke";
    world.post(none, &world.ops_key, &Value::Null).await.problem(404);
    assert_eq!(world.snapshot().await, before);

    let (vendor, package, _) = world.silent_vendor("fabrikam").await;
    let made = world.partners(&vendor, &["f"]).await;
    let key = world.key(Actor::Vendor(vendor), None).await;
    let invite = json!({ "package": package, "partners": [made[0].0] });
    let problem = world.post("/invitations", &key, &invite).await.problem(409);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("has not said whom its mail comes from"), "{problem}");
}
