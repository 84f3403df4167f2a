//! Lists: all pages together are all rows, each once, whatever comes in meanwhile.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::World;

/// All items of a list, `limit` a page; `between` runs after every page.
async fn all(
    world: &World,
    path: &str,
    key: &str,
    limit: usize,
    mut between: impl AsyncFnMut(),
) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let mark = if path.contains('?') { '&' } else { '?' };
        let page = world.get(&format!("{path}{mark}limit={limit}{cursor}"), key).await.json();
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => {
                assert_eq!(found.len(), limit, "only the last page is short");
                cursor = format!("&cursor={next}");
            }
            None => return items,
        }
        between().await;
    }
}

fn ids(items: &[Value], name: &str) -> Vec<String> {
    items.iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_together_are_the_list() {
    let world = World::start().await;
    let (vendor, package, _) = world.vendor("northwind").await;
    let keys: Vec<String> = (0..13).map(|n| format!("p{n:02}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let made = world.partners(&vendor, &keys).await;
    let launch = json!({ "package": package, "partners": "all_eligible" });
    let launched = world.post("/launches", &world.ops_key, &launch).await;
    assert_eq!(launched.status, 201);
    assert_eq!(launched.json()["activations"].as_array().unwrap().len(), 13);
    for limit in [1, 5, 13, 200] {
        for (path, name) in [("/partners", "partner"), ("/activations", "activation")] {
            let items = all(&world, path, &world.ops_key, limit, async || {}).await;
            let found = ids(&items, name);
            let once: BTreeSet<&String> = found.iter().collect();
            assert_eq!((found.len(), once.len()), (13, 13), "{path} {limit}");
        }
    }
    // Newest first, and by when they joined.
    let activations =
        ids(&all(&world, "/activations", &world.ops_key, 4, async || {}).await, "activation");
    assert!(activations.is_sorted_by(|a, b| a > b), "{activations:?}");
    let partners = ids(&all(&world, "/partners", &world.ops_key, 4, async || {}).await, "partner");
    let expected: Vec<String> = made.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(partners, expected);
    let running = "/activations?state=running";
    assert!(all(&world, running, &world.ops_key, 4, async || {}).await.is_empty());
    let scheduled = "/activations?state=scheduled";
    assert_eq!(all(&world, scheduled, &world.ops_key, 4, async || {}).await.len(), 13);
}

#[tokio::test]
async fn what_comes_in_between_two_pages_moves_nothing() {
    let world = World::start().await;
    let (vendor, package, _) = world.vendor("northwind").await;
    let made = world.partners(&vendor, &["a", "b", "c", "d", "e", "f", "g"]).await;
    let first: Vec<&str> = made.iter().map(|(id, _)| id.as_str()).collect();
    let launch = json!({ "package": package, "partners": &first[..5] });
    assert_eq!(world.post("/launches", &world.ops_key, &launch).await.status, 201);
    let mut more = ["x", "y", "z"].into_iter();
    let found = all(&world, "/partners", &world.ops_key, 3, async || {
        if let Some(key) = more.next() {
            world.partners(&vendor, &[key]).await;
        }
    })
    .await;
    let found = ids(&found, "partner");
    let once: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(once.len(), found.len(), "no repeats");
    assert!(first.iter().all(|id| once.contains(id)), "all that was there");
    let mut late = first[5..].iter();
    let found = all(&world, "/activations", &world.ops_key, 2, async || {
        if let Some(partner) = late.next() {
            let launch = json!({ "package": package, "partners": [partner] });
            assert_eq!(world.post("/launches", &world.ops_key, &launch).await.status, 201);
        }
    })
    .await;
    let found = ids(&found, "activation");
    let once: BTreeSet<&String> = found.iter().collect();
    assert_eq!(
        (found.len(), once.len()),
        (5, 5),
        "what is newer than the first page is on no later one"
    );
}

#[tokio::test]
async fn suppressions_and_versions_are_read_in_pages_too() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let addresses: Vec<String> = (0..25).map(|n| format!("n{n}@example.com")).collect();
    let body = json!({ "scope": tenant.vendor, "addresses": addresses, "reason": "complained" });
    let done = world.post("/suppressions", &tenant.vendor_key, &body).await.json();
    assert_eq!(
        (&done["added"], &done["already"], &done["in_effect"]),
        (&json!(25), &json!(0), &json!("now"))
    );
    let path = format!("/suppressions?scope={}", tenant.vendor);
    let found = all(&world, &path, &tenant.vendor_key, 10, async || {}).await;
    let hashes = ids(&found, "address_hash");
    assert_eq!((hashes.len(), hashes.is_sorted()), (25, true));
    assert!(found.iter().all(|item| item["reason"] == "complained"));
    assert!(!serde_json::to_string(&found).unwrap().contains("@example.com"));
    let again = world.post("/suppressions", &tenant.vendor_key, &body).await.json();
    assert_eq!((&again["added"], &again["already"]), (&json!(0), &json!(25)));
    let path = format!("/packages/{}/versions", tenant.package);
    let versions = all(&world, &path, &tenant.vendor_key, 1, async || {}).await;
    assert_eq!(ids(&versions, "version"), [tenant.version.to_string()]);
}
