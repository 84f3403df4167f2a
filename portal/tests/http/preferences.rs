//! Choosing mail: GET shows, POST keeps; only the link of a mail's own opens it.

use domain::{HashScope, token::Purpose};
use reqwest::Method;

use crate::running::{HTML, Running};

impl Running {
    fn preferences(&self) -> String {
        format!("/p/{}", self.link_key.seal(Purpose::Preferences, self.send))
    }

    /// Whether the recipient is suppressed for the vendor.
    async fn vendor_is_refused(&self) -> bool {
        let send = self.store.send(self.send).await.unwrap().unwrap();
        let scope = HashScope::Vendor(&send.vendor);
        self.store.find_suppression(scope, &send.hash_vendor).await.unwrap().is_some()
    }

    async fn refused_topics(&self) -> Vec<String> {
        let known = self.store.preferences(self.send).await.unwrap().unwrap().topics;
        known.into_iter().filter(|topic| topic.is_refused).map(|topic| topic.topic).collect()
    }
}

#[tokio::test]
async fn opening_the_page_changes_nothing_and_tells_no_address() {
    let portal = Running::start().await;
    for _ in 0..2 {
        let page = portal.get(&portal.preferences()).await;
        assert_eq!(
            (page.status().as_u16(), page.headers()["content-type"].to_str().unwrap()),
            (200, HTML)
        );
        let html = page.text().await.unwrap();
        assert!(html.contains("Fabrikam Ltd") && html.contains("New products"), "{html}");
        assert!(!html.contains("anna.meier@customer.example"), "{html}");
        let head = portal.ask(Method::HEAD, &portal.preferences(), "").await;
        assert_eq!(head.status(), 200);
        // What a button would send is no choice when it comes by looking.
        let chosen = "wanted=topics&shown=product-news";
        assert_eq!(portal.ask(Method::GET, &portal.preferences(), chosen).await.status(), 200);
    }
    assert!(!portal.in_the_book().await && !portal.vendor_is_refused().await);
    assert!(portal.refused_topics().await.is_empty());
}

#[tokio::test]
async fn a_topic_is_refused_and_wanted_again() {
    let portal = Running::start().await;
    let path = portal.preferences();
    let page = portal.ask(Method::POST, &path, "wanted=topics&shown=product-news").await;
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap();
    assert!(html.contains("role=\"status\"") && html.contains("in effect now"), "{html}");
    assert_eq!(portal.refused_topics().await, ["product-news"]);
    let send = portal.store.send(portal.send).await.unwrap().unwrap();
    assert_eq!(send.reason, "suppressed_topic");
    let body = "wanted=topics&shown=product-news&topic=product-news";
    assert_eq!(portal.ask(Method::POST, &path, body).await.status(), 200);
    assert!(portal.refused_topics().await.is_empty());
}

#[tokio::test]
async fn all_of_a_company_or_of_a_vendor_is_refused_and_wanted_again() {
    let portal = Running::start().await;
    let path = portal.preferences();
    portal.ask(Method::POST, &path, "wanted=no-company").await;
    assert!(portal.in_the_book().await && portal.on_the_belt().await);
    assert!(!portal.vendor_is_refused().await);
    portal.ask(Method::POST, &path, "wanted=no-vendor").await;
    assert!(portal.vendor_is_refused().await);
    let html = portal.get(&path).await.text().await.unwrap();
    let chosen = html.split("value=\"no-vendor\"").nth(1).unwrap();
    assert!(chosen.starts_with(" checked"), "{html}");
    portal.ask(Method::POST, &path, "wanted=topics&shown=product-news&topic=product-news").await;
    assert!(!portal.vendor_is_refused().await && !portal.on_the_belt().await);
    let send = portal.store.send(portal.send).await.unwrap().unwrap();
    let scope = HashScope::Company(&send.company);
    assert_eq!(portal.store.find_suppression(scope, &send.hash_company).await.unwrap(), None);
}

#[tokio::test]
async fn what_says_nothing_changes_nothing() {
    let portal = Running::start().await;
    for body in ["x=1", "topic=product-news", "wanted=all", "shown=product-news&wanted="] {
        let page = portal.ask(Method::POST, &portal.preferences(), body).await;
        assert_eq!(page.status(), 200, "{body}");
        assert!(!page.text().await.unwrap().contains("role=\"status\""), "{body}");
    }
    // A topic the partner does not write about.
    let body = "wanted=topics&shown=elsewhere&shown=..%2F..%2Fx";
    portal.ask(Method::POST, &portal.preferences(), body).await;
    assert!(!portal.in_the_book().await && portal.refused_topics().await.is_empty());
    let scope = store::reason::UNSUBSCRIBED;
    let all = portal.store.suppressions_since(domain::UtcMillis::new(0)).await.unwrap();
    assert!(all.iter().all(|row| row.reason != scope), "{all:?}");
}

#[tokio::test]
async fn another_site_s_page_is_refused() {
    let portal = Running::start().await;
    let sent = reqwest::Client::new()
        .post(format!("http://{}{}", portal.address, portal.preferences()))
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("wanted=no-company");
    assert_eq!(sent.send().await.unwrap().status(), 403);
    assert!(!portal.in_the_book().await);
}

#[tokio::test]
async fn a_link_for_another_purpose_opens_nothing() {
    let portal = Running::start_with("Fabrikam Ltd", "1000000/s").await;
    for purpose in Purpose::ALL.into_iter().filter(|it| *it != Purpose::Preferences) {
        let path = format!("/p/{}", portal.link_key.seal(purpose, portal.send));
        assert_eq!(portal.get(&path).await.status(), 404, "{purpose:?}");
        let answer = portal.ask(Method::POST, &path, "wanted=no-company").await;
        assert_eq!(answer.status(), 404, "{purpose:?}");
    }
    assert!(!portal.in_the_book().await);
}

#[tokio::test]
async fn what_somebody_else_decided_is_not_taken_back() {
    let portal = Running::start().await;
    let send = portal.store.send(portal.send).await.unwrap().unwrap();
    let scope = HashScope::Company(&send.company);
    let hashes = std::slice::from_ref(&send.hash_company);
    let now = domain::UtcMillis::new(1);
    let complained = store::reason::COMPLAINED;
    portal.store.add_suppressions(scope, hashes, complained, "relay", now).await.unwrap();
    let html = portal.get(&portal.preferences()).await.text().await.unwrap();
    assert!(!html.contains("<form"), "{html}");
    portal.ask(Method::POST, &portal.preferences(), "wanted=topics").await;
    let kept = portal.store.find_suppression(scope, &send.hash_company).await.unwrap().unwrap();
    assert_eq!(kept.reason, complained);
}
