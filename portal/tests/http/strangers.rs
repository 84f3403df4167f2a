//! What strangers are called, what they fill in, what their programs call themselves and what their servers answer:
//! text wherever it is shown, and most of it shown nowhere.

use program::{Actor, PublishAs};
use reqwest::Method;
use serde_json::json;

use crate::{
    api::results::answered_with,
    world::{Answer, World},
};

/// Breaks out of an element, an attribute, a comment, a script, a style; and what a form decodes once.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>--><svg onload=alert(3)>{{7*7}}&lt;b&gt;";

/// The same for a place that takes 100 characters.
const IN_TITLE: &str =
    "<script>alert(1)</script>'><img src=x onerror=alert(2)>--><svg onload=alert(3)>";

/// Nothing of it is live.
fn is_text(what: &str, answer: &Answer) {
    for live in ["<script>", "<img src=x", "<svg onload", "\"'><"] {
        assert!(!answer.text.contains(live), "{what}: {live} in {}", answer.text);
    }
}

fn filled(name: &str) -> String {
    let value: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    format!("{name}={value}")
}

#[tokio::test]
async fn names_and_texts_are_text_on_every_page() {
    let world = World::start().await;
    let vendor = world.vendor_called(&format!("Northwind {HOSTILE}")).await;
    let sample = render::SamplePackage::named("product-launch").unwrap();
    let mut files = sample.files().clone();
    let manifest = String::from_utf8(files.get("package.toml").unwrap().to_vec()).unwrap();
    let own = "title = { en = \"Northwind Shield: sign-in protection without passwords\"";
    let title = format!("title = {{ en = \"{IN_TITLE}\"");
    let title = manifest.replacen(own, &title, 1);
    assert_ne!(title, manifest);
    files.insert("package.toml", title.into_bytes());
    world.program.publish_files(&Actor::Ops, &vendor, &files, PublishAs::Published).await.unwrap();
    let invited = world.invited_as(&vendor, "acme", HOSTILE, "=cmd|'<i>").await;
    let page = world.send(Method::GET, &invited.link, &[], None).await;
    assert_eq!(page.status, 200);
    // It is there, as what it is: the names of vendor, partner and package, and of the list.
    assert!(page.text.matches("&lt;script&gt;alert(1)").count() >= 3, "{}", page.text);
    is_text("the page", &page);
    assert!(!page.text.contains("<i>"), "{}", page.text);
    let mail = world.send(Method::GET, &format!("{}/mail/announce", invited.link), &[], None).await;
    assert_eq!(mail.status, 200);
    is_text("a mail", &mail);

    // What was filled in comes back with what is wrong about it.
    let form = ("content-type", "application/x-www-form-urlencoded");
    let fields = ["start", "list", "slot.headline", "slot.offer", "slot.<b>", "profile.web_site"];
    for intent in ["preview", "launch"] {
        for field in fields {
            let body = format!("intent={intent}&{}", filled(field));
            let shown = world.send(Method::POST, &invited.link, &[form], Some(body)).await;
            assert!([200, 422, 303].contains(&shown.status), "{intent} {field}: {shown:?}");
            is_text(&format!("{intent} {field}"), &shown);
        }
    }
    let query = format!("{}/mail/announce?{}", invited.link, filled("slot.headline"));
    is_text("a preview", &world.send(Method::GET, &query, &[], None).await);

    let body = Some("intent=launch".to_owned());
    let launched = world.send(Method::POST, &invited.link, &[form], body).await;
    assert_eq!(launched.status, 303, "{launched:?}");
    let running = world.send(Method::GET, &invited.link, &[], None).await;
    assert!(running.text.contains("&lt;script&gt;alert(1)"), "{}", running.text);
    is_text("the results", &running);
}

#[tokio::test]
async fn user_agents_and_answers_of_servers_are_shown_in_no_page_and_as_data_in_the_api() {
    let world = World::start().await;
    let agent = format!("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) {HOSTILE} Firefox/132.0");
    let tenant = answered_with(&world, &agent, &format!("no mailbox {HOSTILE}")).await;
    let page = world.send(Method::GET, &world.link(&tenant.invitation).await, &[], None).await;
    assert!(page.text.contains("id=\"results\""), "{}", page.text);
    is_text("the results", &page);
    for shown in ["alert(", "Firefox", "no mailbox", "anna@example.com", "bert@example.com"] {
        assert!(!page.text.contains(shown), "{shown} in {}", page.text);
    }
    let metrics = world.send(Method::GET, "/metrics", &[], None).await;
    assert!(!metrics.text.contains("alert(") && !metrics.text.contains("example.com"));
    let base = format!("/activations/{}", tenant.activation);
    let mut shown = 0;
    for key in [&world.ops_key, &tenant.vendor_key, &tenant.company_key] {
        for path in ["", "/events", "/results", "/results.csv", "/results/persons"] {
            let answer = world.get(&format!("{base}{path}"), key).await;
            let kind = answer.header("content-type");
            assert!(!kind.contains("html"), "{path}: {kind}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert!(
                answer.header("content-security-policy").starts_with("default-src 'none'"),
                "{path}"
            );
            let is_there = answer.text.contains("alert(");
            assert!(!is_there || (path == "/events" && kind == "application/json"), "{path}");
            assert!(!is_there || *key != tenant.vendor_key, "{path}: they may name a contact");
            shown += u32::from(is_there);
        }
    }
    assert_eq!(shown, 2, "the company and ops see what was recorded");
}

#[tokio::test]
async fn one_link_unsubscribes_one_person() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let stranger = world.tenant("contoso").await;
    let (sends, theirs) = (world.sent(&tenant).await, world.sent(&stranger).await);
    let seal = |send| world.link_key.seal(domain::token::Purpose::Unsubscribe, send);
    let path = |send| format!("/u/{}", seal(send));
    let is_off = async |send| {
        let send = world.store.send(send).await.unwrap().unwrap();
        let scope = domain::HashScope::Company(&send.company);
        world.store.find_suppression(scope, &send.hash_company).await.unwrap().is_some()
    };
    // Everything that scanners do with all links of all mails.
    let before = world.snapshot().await;
    for (_, send) in sends.iter().chain(&theirs) {
        for method in [Method::GET, Method::HEAD] {
            let body = Some("List-Unsubscribe=One-Click".to_owned());
            assert_eq!(world.send(method, &path(*send), &[], body).await.status, 200);
        }
    }
    assert_eq!(world.snapshot().await, before);
    // One that names everybody else in its form is still one.
    let all: Vec<String> = sends.iter().chain(&theirs).map(|(_, send)| seal(*send)).collect();
    let body = format!("List-Unsubscribe=One-Click&token={}", all.join("&token="));
    let answer = world.send(Method::POST, &path(sends[0].1), &[], Some(body)).await;
    assert_eq!(answer.status, 200);
    assert!(is_off(sends[0].1).await);
    for (address, send) in sends[1..].iter().chain(&theirs) {
        assert!(!is_off(*send).await, "{address}");
    }
    let path = format!("/suppressions?scope={}", tenant.company);
    let listed = world.get(&path, &tenant.company_key).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let others = format!("/suppressions?scope={}", stranger.company);
    assert_eq!(world.get(&others, &stranger.company_key).await.json()["items"], json!([]));
}
