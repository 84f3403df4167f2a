//! What every answer has, whoever asks for what.

use reqwest::Method;

use crate::running::Running;

#[tokio::test]
async fn names_of_companies_are_text() {
    let name = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>&amp;";
    let portal = Running::start_with(name, portal::DEFAULT_INVALID_LINKS).await;
    let path = format!("/u/{}", portal.token);
    let asked = portal.get(&path).await.text().await.unwrap();
    let done = portal.one_click(&portal.token).await.text().await.unwrap();
    let already = portal.get(&path).await.text().await.unwrap();
    for html in [asked, done, already] {
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    }
}

#[tokio::test]
async fn every_answer_is_unframed_unsniffed_unstored_and_leaks_no_address() {
    let portal = Running::start().await;
    let valid = format!("/u/{}", portal.token);
    for (method, path) in [
        (Method::GET, valid.as_str()),
        (Method::POST, &valid),
        (Method::DELETE, &valid),
        (Method::GET, "/u/forged"),
        (Method::GET, "/nowhere"),
        (Method::GET, "/readyz"),
    ] {
        let answer = portal.ask(method.clone(), path, "").await;
        let headers = answer.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert_eq!(headers["cache-control"], "no-store", "{method} {path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{method} {path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{method} {path}");
        assert!(!headers.contains_key("set-cookie"), "{method} {path}");
        assert!(!answer.status().is_redirection(), "{method} {path}");
    }
    assert_eq!(portal.ask(Method::DELETE, &valid, "").await.status(), 405);
}

#[tokio::test]
async fn the_page_s_style_is_there() {
    let portal = Running::start().await;
    let html = portal.get(&format!("/u/{}", portal.token)).await.text().await.unwrap();
    assert!(html.contains("href=\"/static/page.css\""), "{html}");
    let style = portal.get("/static/page.css").await;
    assert_eq!(style.status(), 200);
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
}

#[tokio::test]
async fn health_and_metrics_are_served_and_hold_no_token() {
    let portal = Running::start().await;
    let book = portal.readiness.check("book");
    assert_eq!(portal.get("/healthz").await.status(), 200);
    assert_eq!(portal.get("/readyz").await.status(), 503);
    book.pass();
    assert_eq!(portal.get("/readyz").await.status(), 200);
    portal.one_click(&portal.token).await;
    portal.get("/u/forged").await;
    portal.get("/nowhere").await;
    let metrics = portal.get("/metrics").await.text().await.unwrap();
    for line in [
        "throughline_portal_requests_total{route=\"/u/{token}\",status=\"200\"} 1",
        "throughline_portal_requests_total{route=\"/u/{token}\",status=\"404\"} 1",
        "throughline_portal_requests_total{route=\"other\",status=\"404\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains(&portal.token) && !metrics.contains("nowhere"), "{metrics}");
}
