//! Unsubscribing: GET asks, POST acts once and for good, with or without Redis.

use process::TextFormat;
use reqwest::Method;

use crate::running::{HTML, ONE_CLICK, Running};

#[tokio::test]
async fn opening_the_link_changes_nothing() {
    let portal = Running::start().await;
    let path = format!("/u/{}", portal.token);
    for _ in 0..3 {
        let page = portal.get(&path).await;
        assert_eq!(page.status(), 200);
        assert_eq!(page.headers()["content-type"], HTML);
        let html = page.text().await.unwrap();
        assert!(html.contains("Fabrikam Ltd") && html.contains("<button"), "{html}");
        assert!(html.contains("<form method=\"post\">") && html.contains("lang=\"en\""), "{html}");
        // A forwarded link does not tell whose it was.
        assert!(!html.contains("anna.meier@customer.example"), "{html}");
        let head = portal.ask(Method::HEAD, &path, "").await;
        assert_eq!(head.status(), 200);
        assert_eq!(head.headers()["content-type"], HTML);
        assert_eq!(head.text().await.unwrap(), "");
    }
    assert!(!portal.in_the_book().await);
    assert!(!portal.on_the_belt().await);
}

#[tokio::test]
async fn one_click_is_in_the_book_and_on_the_belt_when_it_answers() {
    let portal = Running::start().await;
    let answer = portal.one_click(&portal.token).await;
    assert!(portal.in_the_book().await);
    assert!(portal.on_the_belt().await);
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().get("set-cookie").is_none());
    assert!(answer.headers().get("location").is_none());
    let html = answer.text().await.unwrap();
    assert!(html.contains("Fabrikam Ltd") && html.contains("in effect now"), "{html}");
    let metrics = portal.metrics.encode(TextFormat::Prometheus);
    assert!(
        metrics.contains("throughline_portal_unsubscribes_total{effect=\"now\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn asking_again_is_answered_the_same() {
    let portal = Running::start().await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = portal.one_click(&portal.token).await;
        assert_eq!(answer.status(), 200);
        answers.push(answer.text().await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    assert!(portal.in_the_book().await);
    let page = portal.get(&format!("/u/{}", portal.token)).await.text().await.unwrap();
    assert!(page.contains("You are unsubscribed") && !page.contains("<button"), "{page}");
}

#[tokio::test]
async fn a_hundred_at_once_are_one_unsubscribe() {
    let portal = std::sync::Arc::new(Running::start().await);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let portal = portal.clone();
        asking.spawn(async move { portal.one_click(&portal.token).await.status().as_u16() });
    }
    assert!(asking.join_all().await.into_iter().all(|status| status == 200));
    let events = portal.store.event_counts(None, None).await.unwrap();
    let unsubscribed: Vec<i64> = events
        .into_iter()
        .filter(|(kind, _)| *kind == domain::EventKind::Unsubscribed)
        .map(|(_, count)| count)
        .collect();
    assert_eq!(unsubscribed, [1]);
}

#[tokio::test]
async fn every_body_that_providers_send_is_taken() {
    // RFC 8058 section 3.2 asks for multipart and allows a form.
    let portal = Running::start().await;
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let answer = reqwest::Client::new()
        .post(format!("http://{}/u/{}", portal.address, portal.token))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(multipart)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(portal.in_the_book().await);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_anything_happens() {
    let portal = Running::start().await;
    let body = format!("{ONE_CLICK}&x={}", "y".repeat(portal::BODY_LIMIT));
    let answer = portal.ask(Method::POST, &format!("/u/{}", portal.token), &body).await;
    assert_eq!(answer.status(), 413);
    assert!(!portal.in_the_book().await);
}

#[tokio::test]
async fn without_redis_it_is_in_the_book_and_the_page_says_when_it_counts() {
    let mut portal = Running::start().await;
    portal.redis.stop();
    let answer = portal.one_click(&portal.token).await;
    assert_eq!(answer.status(), 200);
    let html = answer.text().await.unwrap();
    assert!(html.contains("takes effect before anything else is sent"), "{html}");
    assert!(!html.contains("in effect now"), "{html}");
    assert!(portal.in_the_book().await);
    let metrics = portal.metrics.encode(TextFormat::Prometheus);
    assert!(
        metrics.contains("throughline_portal_unsubscribes_total{effect=\"later\"} 1"),
        "{metrics}"
    );

    // What the book holds, the belt is told when it is back: the second click is as good as the first.
    portal.redis.restart();
    portal.belt.open(2, 1, belt::OpenWith::default()).await.unwrap();
    portal.belt.finish_reporting(1).await.unwrap();
    let html = portal.one_click(&portal.token).await.text().await.unwrap();
    assert!(html.contains("in effect now"), "{html}");
    assert!(portal.on_the_belt().await);
}

#[tokio::test]
async fn when_the_book_is_away_nothing_is_promised() {
    let portal = Running::start().await;
    portal.store.close().await;
    let answer = portal.one_click(&portal.token).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let html = answer.text().await.unwrap();
    assert!(html.contains("nothing was changed"), "{html}");
    assert!(!html.to_lowercase().contains("sql"), "{html}");
    assert!(!portal.redis.cli(&["--scan", "--pattern", "*suppressed"]).contains("suppressed"));
}
