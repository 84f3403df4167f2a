//! Simulated recipients before a portal that has other addresses than ours: they go by what stands in the mail.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use sandbox::{Answers, Pace, Recipients, RecipientsOptions};
use tokio::time::timeout;

use crate::stage::{Raw, Running, WITHIN};

/// A request: method, path, user agent, body.
type Call = (String, String, String, String);

/// A web server that keeps what it was asked.
struct Site {
    base: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Site {
    /// `/go/…` leads to `leads_to`.
    async fn start(leads_to: &str) -> Self {
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let state = (Arc::clone(&calls), leads_to.to_owned());
        let router = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, calls }
    }

    /// All requests, in an order that does not depend on when they came.
    fn calls(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap().clone();
        calls.sort();
        calls
    }

    fn count(&self, method: &str, start: &str) -> u64 {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.0 == method && call.1.starts_with(start)).count() as u64
    }
}

async fn answer(
    State((calls, leads_to)): State<(Arc<Mutex<Vec<Call>>>, String)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let agent = parts.headers.get(header::USER_AGENT).map_or("", |it| it.to_str().unwrap());
    let path = parts.uri.path().to_owned();
    let body = axum::body::to_bytes(body, 10_000).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    calls.lock().unwrap().push((parts.method.to_string(), path.clone(), agent.to_owned(), body));
    if path.starts_with("/go/") {
        return (StatusCode::FOUND, [(header::LOCATION, leads_to)]).into_response();
    }
    Html("<form method=post action=\"?sure\"><input type=hidden name=really value=yes><button>Go</button></form>")
        .into_response()
}

/// A mail with a picture to see, one of one pixel, two links, one that nobody sees, the way out, and the same of
/// another site.
fn mail(number: usize, site: &str, foreign: &str) -> String {
    format!(
        "Message-ID: <{number}@example.com>\r\nList-Unsubscribe: <{site}/leave/{number}>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
         <p><img src=\"{site}/logo.png\" width=\"80\" height=\"20\"><img src=\"{foreign}/logo.png\">\r\n\
         <a href=\"{site}/go/{number}/a\">Register</a> <a href=\"{site}/go/{number}/b\">More</a>\r\n\
         <a href=\"{foreign}/go/{number}\">Elsewhere</a> <a href=\"mailto:x@example.com\">Write</a>\r\n\
         <a href=\"{site}/leave/{number}\">Unsubscribe</a></p>\r\n\
         <div style=\"display:none\"><a href=\"{site}/go/{number}/hidden\"></a></div>\r\n\
         <img src=\"{site}/seen/{number}\" width=\"1\" height=\"1\">\
         <img src=\"{foreign}/seen/{number}\" width=\"1\" height=\"1\">\r\n.\r\n"
    )
}

/// Everybody at once, everybody reads, nobody unsubscribes.
fn options(sink: &Running, site: &Site) -> RecipientsOptions {
    let soon = (Duration::ZERO, Duration::from_millis(2));
    RecipientsOptions {
        seed: 7,
        one_click_per_mille: 0,
        by_page_per_mille: 0,
        scan_per_mille: 200,
        open_per_mille: 600,
        click_per_mille: 500,
        pace: Pace { looks_after: soon, reads_for: soon, machine_after: soon },
        ..RecipientsOptions::at(&sink.ready.http, &site.base)
    }
}

/// A sink with a mail to each of so many people.
async fn filled(folder: &std::path::Path, people: usize, site: &str, foreign: &str) -> Running {
    let sink = Running::start(folder).await;
    let mut client = Raw::greeted(&sink).await;
    for number in 0..people {
        let to = format!("person{number}@example.com");
        client.message(&to, &mail(number, site, foreign)).await;
    }
    sink
}

async fn finished(options: RecipientsOptions) -> Answers {
    let mut recipients = Recipients::start(options).unwrap();
    timeout(WITHIN, recipients.finished()).await.expect("they come to an end").unwrap()
}

#[tokio::test]
async fn what_they_know_is_what_was_asked_and_the_same_with_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Site::start("/landing").await, Site::start("/landing").await);
    let sink = filled(folder.path(), 60, &first.base, "https://elsewhere.example").await;
    let answers = finished(options(&sink, &first)).await;
    assert_eq!(answers.failed, 0, "{answers:?}");
    assert_eq!(first.count("GET", "/seen/"), answers.people.opened + answers.machines.opened);
    let clicked = first.count("GET", "/go/") + first.count("HEAD", "/go/");
    assert_eq!(clicked, answers.people.clicked + answers.machines.clicked);
    assert!(answers.people.opened > 0 && answers.people.clicked > 0, "{answers:?}");
    assert!(answers.machines.opened > 0 && answers.hidden_links > 0, "{answers:?}");
    assert_eq!(first.count("GET", "/logo.png"), 1, "what is the same for all is loaded once");
    // Where a click leads on this site, it is followed.
    assert_eq!(first.count("GET", "/landing"), answers.people.clicked);

    // The same people at another site; their mails name the first one.
    assert_eq!(finished(options(&sink, &second)).await.tracked(), 0);
    assert_eq!(second.calls(), []);
    let before = first.calls();
    assert_eq!(finished(options(&sink, &first)).await, answers);
    let mut twice = before.clone();
    twice.extend(before);
    // Whoever comes first loads what is the same for all.
    let sorted = |mut calls: Vec<Call>| {
        calls.iter_mut().filter(|call| call.1 == "/logo.png").for_each(|call| call.2.clear());
        calls.sort();
        calls
    };
    assert_eq!(sorted(first.calls()), sorted(twice), "the same requests by the same programs");
    let others = RecipientsOptions { seed: 8, ..options(&sink, &first) };
    assert_ne!(finished(others).await, answers);
    sink.stop().await;
}

#[tokio::test]
async fn no_other_site_is_asked_for_anything() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = Site::start("/").await;
    let site = Site::start(&format!("{}/landing", foreign.base)).await;
    let sink = filled(folder.path(), 60, &site.base, &foreign.base).await;
    let answers = finished(options(&sink, &site)).await;
    assert!(answers.people.clicked > 0, "{answers:?}");
    assert_eq!(answers.led_away, answers.people.clicked);
    assert_eq!(foreign.calls(), []);
    // `http://127.0.0.1:808` is the start of `http://127.0.0.1:8080`, and somebody else.
    let start = site.base[..site.base.len() - 1].to_owned();
    let outside = RecipientsOptions { allowed_base: start, ..options(&sink, &site) };
    let before = site.calls();
    assert_eq!(finished(outside).await.tracked(), 0);
    assert_eq!(site.calls(), before);
    sink.stop().await;
}

#[tokio::test]
async fn gateways_follow_every_link_and_people_only_what_they_see() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start("https://partner.example/").await;
    let sink = filled(folder.path(), 60, &site.base, "https://elsewhere.example").await;
    let scanned =
        RecipientsOptions { scan_per_mille: 1_000, open_per_mille: 0, ..options(&sink, &site) };
    let answers = finished(scanned).await;
    assert_eq!((answers.people.opened, answers.people.clicked), (0, 0));
    let mut links: BTreeMap<String, usize> = BTreeMap::new();
    for (_, path, ..) in site.calls() {
        *links.entry(path).or_default() += 1;
    }
    for number in 0..60 {
        for link in ["a", "b", "hidden"] {
            assert!(links.contains_key(&format!("/go/{number}/{link}")), "{number} {link}");
        }
    }
    assert!(site.count("HEAD", "/go/") > 0 && site.count("GET", "/go/") > 0);
    assert_eq!(site.count("POST", "/"), 0, "a scanner presses no button");

    let before = site.count("GET", "/go/");
    let hidden = || site.calls().iter().filter(|call| call.1.ends_with("/hidden")).count();
    let hidden_before = hidden();
    let read =
        RecipientsOptions { scan_per_mille: 0, click_per_mille: 1_000, ..options(&sink, &site) };
    let answers = finished(read).await;
    assert_eq!(site.count("GET", "/go/") - before, answers.people.clicked);
    assert_eq!((answers.machines.clicked, answers.hidden_links), (0, 0));
    assert!(answers.people.clicked > 0 && hidden() == hidden_before, "{answers:?}");
    sink.stop().await;
}

#[tokio::test]
async fn who_leaves_does_it_through_the_provider_or_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start("https://partner.example/").await;
    let sink = filled(folder.path(), 40, &site.base, "https://elsewhere.example").await;
    let leaving = |one_click_per_mille, by_page_per_mille, read_per_mille| RecipientsOptions {
        one_click_per_mille,
        by_page_per_mille,
        read_per_mille,
        scan_per_mille: 0,
        ..options(&sink, &site)
    };
    // A provider needs no mailbox that is looked into.
    let answers = finished(leaving(1_000, 0, 0)).await;
    assert_eq!((answers.one_click, answers.by_page, answers.mails_read), (40, 0, 0));
    let posted = |body: &str| site.calls().iter().filter(|call| call.3 == body).count();
    assert_eq!(posted("List-Unsubscribe=One-Click"), 40);
    assert_eq!(site.count("GET", "/"), 0);

    let answers = finished(leaving(0, 1_000, 1_000)).await;
    assert_eq!((answers.one_click, answers.by_page), (0, 40));
    assert_eq!(site.count("GET", "/leave/"), 40);
    assert_eq!(posted("really=yes"), 40, "what the form of the page holds");
    assert_eq!(answers.people, sandbox::Requests::default(), "who leaves reads no further");
    sink.stop().await;
}

#[tokio::test]
async fn a_campaign_waits_for_who_acts_at_once_and_not_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start("https://partner.example/").await;
    let sink = filled(folder.path(), 20, &site.base, "https://elsewhere.example").await;
    let hour = (Duration::from_secs(3_600), Duration::from_secs(3_600));
    let soon = (Duration::ZERO, Duration::ZERO);
    let mut recipients = Recipients::start(RecipientsOptions {
        one_click_per_mille: 500,
        scan_per_mille: 1_000,
        pace: Pace { looks_after: hour, reads_for: hour, machine_after: soon },
        ..options(&sink, &site)
    })
    .unwrap();
    let answers = timeout(WITHIN, recipients.caught_up()).await.expect("an end").unwrap();
    assert!(answers.one_click > 0 && answers.machines.clicked >= 60, "{answers:?}");
    assert_eq!(answers.people.opened, 0);
    // What came later is waited for, too.
    let mut client = Raw::greeted(&sink).await;
    client.message("late@example.com", &mail(20, &site.base, "https://elsewhere.example")).await;
    let later = timeout(WITHIN, recipients.caught_up()).await.expect("an end").unwrap();
    assert!(later.machines.clicked >= answers.machines.clicked + 3, "{later:?}");
    // A second copy of a mail is none.
    client.message("late@example.com", &mail(20, &site.base, "https://elsewhere.example")).await;
    let again = timeout(WITHIN, recipients.caught_up()).await.expect("an end").unwrap();
    assert_eq!(again.machines.clicked, later.machines.clicked);
    sink.stop().await;
}

#[tokio::test]
async fn a_sink_that_is_gone_is_an_error_and_no_quiet_end() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start("/").await;
    let sink = filled(folder.path(), 1, &site.base, "https://elsewhere.example").await;
    let options = options(&sink, &site);
    sink.stop().await;
    let mut recipients = Recipients::start(options).unwrap();
    let ended = timeout(WITHIN, recipients.finished()).await.expect("an end");
    assert!(matches!(ended, Err(sandbox::RecipientsError::Ledger(_))), "{ended:?}");
}
