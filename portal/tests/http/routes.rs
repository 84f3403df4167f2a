//! Every route with every kind of link and every method: who gets what, and what may change something, stands in one
//! table.
//!
//! What the API's operations answer to every kind of key stands in `api/roles.rs`.

use std::collections::BTreeSet;

use domain::{
    ContentHash, LinkTargets, SendId, UtcMillis,
    token::{ClickToken, LinkKey, Purpose},
};
use reqwest::Method;
use serde_json::Value;

use crate::world::{Answer, Invited, Tenant, World};

/// What an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// This status, and nothing has changed.
    Same(u16),
    /// This status, and something has changed.
    Acts(u16),
}
use Want::{Acts, Same};

const NONE: Want = Same(404);
const SEEN: Want = Same(200);

/// With no link, one that was forged, one for another purpose, another tenant's, one whose time is over, and the right
/// one. What is over for a mail of the partner's is the activation: whoever got it may still unsubscribe.
///
/// Another tenant's link is as good as one's own; it shows and does what is the other's.
type Wants = [Want; 6];

/// The routes with a link, in the order in which they are tried.
const LINKS: &[(&str, Method, Wants)] = &[
    ("/o/{file}", Method::GET, [NONE, NONE, NONE, SEEN, SEEN, SEEN]),
    ("/c/{token}/{number}", Method::GET, [NONE, NONE, NONE, Same(302), Same(302), Same(302)]),
    ("/a/{name}", Method::GET, [NONE, NONE, NONE, SEEN, SEEN, SEEN]),
    ("/u/{token}", Method::GET, [NONE, NONE, NONE, SEEN, SEEN, SEEN]),
    ("/u/{token}", Method::POST, [NONE, NONE, NONE, Acts(200), Acts(200), Acts(200)]),
    ("/v/{token}", Method::GET, [NONE, NONE, NONE, SEEN, SEEN, SEEN]),
    ("/v/{token}/mail", Method::GET, [NONE, NONE, NONE, SEEN, SEEN, SEEN]),
    ("/p/{token}", Method::GET, [NONE, NONE, NONE, SEEN, SEEN, SEEN]),
    ("/p/{token}", Method::POST, [NONE, NONE, NONE, Acts(200), Acts(200), Acts(200)]),
    ("/i/{token}/mail/{step}", Method::GET, [NONE, NONE, NONE, SEEN, NONE, SEEN]),
    ("/i/{token}", Method::GET, [NONE, NONE, NONE, SEEN, SEEN, SEEN]),
    ("/i/{token}", Method::POST, [NONE, NONE, NONE, Acts(303), Same(303), Acts(303)]),
    ("/i/{token}/events", Method::GET, [NONE, NONE, NONE, SEEN, NONE, SEEN]),
];

/// The routes that know no links: everybody is answered the same.
const OPEN: &[(&str, Method, u16)] = &[
    ("/static/page.css", Method::GET, 200),
    ("/static/htmx.js", Method::GET, 200),
    ("/static/sse.js", Method::GET, 200),
    ("/favicon.ico", Method::GET, 204),
    ("/healthz", Method::GET, 200),
    ("/readyz", Method::GET, 200),
    ("/metrics", Method::GET, 200),
];

/// Under the API and nowhere, whatever the method.
const NOWHERE: &[&str] = &["/api", "/api/", "/api/{*rest}"];

/// Those that mail could be, and no more.
const METHODS: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

const KINDS: [&str; 6] = ["none", "forged", "other purpose", "theirs", "over", "right"];

/// Somebody with a mail and an invitation.
struct Holder {
    tenant: Tenant,
    invited: Invited,
    send: SendId,
    asset: ContentHash,
}

async fn holder(world: &World, name: &str) -> Holder {
    let tenant = world.tenant(name).await;
    let invited = world.invited(&tenant.vendor, &format!("{name}-two")).await;
    let send = world.sent(&tenant).await[0].1;
    let image = format!("an image of {name}");
    let asset = world.store.put_asset(image.as_bytes(), "image/png", UtcMillis::new(0)).await;
    Holder { tenant, invited, send, asset: asset.unwrap() }
}

fn targets() -> LinkTargets {
    LinkTargets::new(vec!["https://fabrikam.example/offer".to_owned()]).unwrap()
}

/// What a link of `path` is good for; `None` where it is a name and not sealed.
fn purpose_of(path: &str) -> Option<Purpose> {
    match path.get(..3)? {
        "/u/" => Some(Purpose::Unsubscribe),
        "/p/" => Some(Purpose::Preferences),
        "/v/" => Some(Purpose::View),
        "/o/" => Some(Purpose::Open),
        "/c/" => Some(Purpose::Click),
        "/i/" => Some(Purpose::Invitation),
        _ => None,
    }
}

async fn sealed(world: &World, path: &str, purpose: Purpose, key: &LinkKey, of: &Holder) -> String {
    let number = match path.starts_with("/i/") {
        true => world.store.invitation(&of.invited.invitation).await.unwrap().unwrap().mail,
        false => of.send,
    };
    match purpose {
        Purpose::Click => key.seal_click(&ClickToken { send: number, targets: targets().id() }),
        _ => key.seal(purpose, number),
    }
}

/// The paths to try for a kind of link: one, or one for each other purpose.
async fn paths(world: &World, path: &str, kind: &str, whose: &[Holder; 3]) -> Vec<String> {
    let [own, other, over] = whose;
    let put = |name: &str| {
        path.replace("{token}", name)
            .replace("{file}", &format!("{name}.gif"))
            .replace("{name}", &format!("{name}.png"))
            .replace("{number}", "1")
            .replace("{step}", "announce")
    };
    let of = match kind {
        "theirs" => other,
        "over" => over,
        _ => own,
    };
    let own_key = &world.link_key;
    let Some(purpose) = purpose_of(path) else {
        // An image is for everybody who has its name.
        let name = match kind {
            "none" => String::new(),
            "forged" => ContentHash::of(b"absent").to_string(),
            "other purpose" => own_key.seal(Purpose::Open, own.send),
            _ => of.asset.to_string(),
        };
        return vec![put(&name)];
    };
    match kind {
        "none" => vec![put("")],
        "forged" => {
            let foreign = LinkKey::new(1, &[8; 32]);
            vec![put(&sealed(world, path, purpose, &foreign, own).await)]
        }
        "other purpose" => {
            let mut paths = Vec::new();
            for other in Purpose::ALL.into_iter().filter(|other| *other != purpose) {
                paths.push(put(&sealed(world, path, other, own_key, own).await));
            }
            paths
        }
        _ => vec![put(&sealed(world, path, purpose, own_key, of).await)],
    }
}

/// The answer; of a stream that goes on the beginning alone.
async fn ask(world: &World, method: &Method, path: &str) -> Answer {
    let url = format!("http://{}{path}", world.address);
    let mut request = world.client.request(method.clone(), url);
    // To whatever could take a form, the one that would do the most.
    if *method != Method::GET && *method != Method::HEAD {
        request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click&intent=launch&wanted=no-vendor");
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let is_stream = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let text = match is_stream {
        true => String::new(),
        false => String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned(),
    };
    Answer { status, headers, text }
}

/// What a request could have changed, what links change among it.
async fn snapshot(world: &World, whose: &[Holder; 3]) -> String {
    let mut text = world.snapshot().await;
    for holder in whose {
        let send = world.store.send(holder.send).await.unwrap();
        let invitation = world.store.invitation(&holder.invited.invitation).await.unwrap();
        text.push_str(&format!("{send:?} {invitation:?}\n"));
    }
    text
}

async fn check(
    world: &World,
    what: &str,
    (method, path): (&Method, &str),
    want: Want,
    whose: &[Holder; 3],
) -> Answer {
    let before = snapshot(world, whose).await;
    let answer = ask(world, method, path).await;
    let (status, acts) = match want {
        Same(status) => (status, false),
        Acts(status) => (status, true),
    };
    assert_eq!(answer.status, status, "{what}: {path} {answer:?}");
    assert_eq!(snapshot(world, whose).await != before, acts, "{what} changed something: {path}");
    if *method == Method::HEAD {
        assert_eq!(answer.text, "", "{what}");
    }
    answer
}

/// What is not the holder's is not in an answer to its link.
fn names_nobody_else(what: &str, answer: &Answer, kind: &str) {
    let others: &[&str] = match kind {
        "theirs" => &["northwind", "fabrikam"],
        "over" => &["northwind", "contoso"],
        "right" => &["contoso", "fabrikam"],
        _ => &["northwind", "contoso", "fabrikam"],
    };
    for name in others {
        assert!(!answer.text.contains(&format!("Firm {name}")), "{what}: {}", answer.text);
    }
}

#[test]
fn every_route_has_its_line() {
    let document: Value = serde_json::from_str(&portal::openapi_json()).unwrap();
    let is_described = |method: &Method, path: &str| {
        let method = method.as_str().to_lowercase();
        document["paths"].get(path).is_some_and(|operations| operations.get(method).is_some())
    };
    let links = LINKS.iter().map(|(path, method, _)| (Some(method.clone()), (*path).to_owned()));
    let open = OPEN.iter().map(|(path, method, _)| (Some(method.clone()), (*path).to_owned()));
    let nowhere = NOWHERE.iter().map(|path| (None, (*path).to_owned()));
    let table: Vec<(Option<Method>, String)> = links.chain(open).chain(nowhere).collect();
    let routes = portal::routes();
    for route in &routes {
        let (method, path) = route;
        let is_known = table.contains(route)
            || method.as_ref().is_some_and(|method| is_described(method, path));
        assert!(is_known, "no line in the table for {route:?}");
    }
    for line in &table {
        assert!(routes.contains(line), "{line:?} is in the table alone");
    }
}

#[tokio::test]
async fn every_route_answers_every_link_and_method_as_the_table_says() {
    let world = World::start().await;
    world.belt.put_link_targets(&[targets()]).await.unwrap();
    let whose = [
        holder(&world, "northwind").await,
        holder(&world, "contoso").await,
        holder(&world, "fabrikam").await,
    ];
    let over = &whose[2];
    world.program.cancel(&program::Actor::Ops, over.tenant.activation).await.unwrap();
    let vendor = program::Actor::Vendor(over.tenant.vendor.clone());
    world.program.revoke_invitation(&vendor, &over.invited.invitation).await.unwrap();

    let takes = |path: &str, method: &Method| {
        let asked = if *method == Method::HEAD { &Method::GET } else { method };
        portal::routes().iter().any(|(known, at)| known.as_ref() == Some(asked) && at == path)
    };
    let paths_with_links: BTreeSet<&str> = LINKS.iter().map(|(path, ..)| *path).collect();
    // What no route takes, first: the links have not been used yet.
    for path in &paths_with_links {
        for method in METHODS.iter().filter(|method| !takes(path, method)) {
            for kind in ["forged", "theirs", "right"] {
                for path in paths(&world, path, kind, &whose).await {
                    let what = format!("{method} with a link that is {kind}");
                    check(&world, &what, (method, &path), Same(405), &whose).await;
                }
            }
        }
    }
    for (path, method, wants) in LINKS {
        let with_head = [Method::GET, Method::HEAD];
        let methods =
            if *method == Method::GET { &with_head[..] } else { std::slice::from_ref(method) };
        for (kind, want) in KINDS.into_iter().zip(*wants) {
            for asked in paths(&world, path, kind, &whose).await {
                for method in methods {
                    let what = format!("{method} {path} with a link that is {kind}");
                    let answer = check(&world, &what, (method, &asked), want, &whose).await;
                    names_nobody_else(&what, &answer, kind);
                }
            }
        }
    }
    // A link that was used launches nothing a second time.
    for path in paths(&world, "/i/{token}", "right", &whose).await {
        check(&world, "once more", (&Method::POST, &path), Same(303), &whose).await;
    }
}

#[tokio::test]
async fn what_knows_no_links_answers_everybody_the_same() {
    let world = World::start().await;
    let nobody: [Holder; 3] = [
        holder(&world, "northwind").await,
        holder(&world, "contoso").await,
        holder(&world, "fabrikam").await,
    ];
    let bearer = format!("Bearer {}", world.ops_key);
    let asked: [&[(&str, &str)]; 3] =
        [&[], &[("authorization", "Bearer forged")], &[("authorization", &bearer)]];
    for (path, _, status) in OPEN {
        for method in &METHODS {
            let status = match *method {
                Method::GET | Method::HEAD => *status,
                _ => 405,
            };
            for headers in asked {
                let answer = world.send(method.clone(), path, headers, None).await;
                assert_eq!(answer.status, status, "{method} {path}");
                for name in ["Firm", "example.com"] {
                    assert!(!answer.text.contains(name), "{method} {path}: {}", answer.text);
                }
            }
            check(&world, "without a link", (method, path), Same(status), &nobody).await;
        }
    }
    // What the API's operations answer is in their own table; here, to what they don't take.
    let routes = portal::routes();
    let api: BTreeSet<&str> = routes
        .iter()
        .map(|(_, path)| path.as_str())
        .filter(|path| path.starts_with("/api"))
        .collect();
    for path in api {
        let takes = |method: &Method| {
            let asked = if *method == Method::HEAD { &Method::GET } else { method };
            routes.iter().any(|(known, at)| known.as_ref() == Some(asked) && at == path)
        };
        let status = if NOWHERE.contains(&path) { 404 } else { 405 };
        let path = path.replace("{*rest}", "nowhere");
        for method in METHODS.iter().filter(|method| !takes(method)) {
            for headers in asked {
                let answer = world.send(method.clone(), &path, headers, None).await;
                assert_eq!(answer.status, status, "{method} {path}");
            }
        }
    }
}
