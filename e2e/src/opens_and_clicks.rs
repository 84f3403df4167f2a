//! One click comes back: an open and a click end as events in the book once each, with Redis killed in between.

use std::collections::BTreeSet;

use domain::EventKind;
use mail_parser::MessageParser;
use testkit::wait::wait_for;

use crate::fleet::{Fleet, PATIENCE, Size};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

/// A mail's HTML and text, decoded.
fn parts(mail: &[u8]) -> (String, String) {
    let mail = MessageParser::default().parse(mail).expect("a mail");
    let html = mail.body_html(0).expect("HTML").into_owned();
    (html, mail.body_text(0).expect("text").into_owned())
}

/// Every address in quotes that begins with `start`.
fn addresses(html: &str, start: &str) -> Vec<String> {
    html.split(['"', '\'']).filter(|part| part.starts_with(start)).map(ToOwned::to_owned).collect()
}

async fn get(url: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let request = client.expect("a client").get(url).header("user-agent", BROWSER);
    request.send().await.expect("the portal answers")
}

impl Fleet {
    async fn events(&self, kind: EventKind) -> i64 {
        let counts = self.store.event_counts(None, None).await.expect("the book answers");
        counts.iter().filter(|(known, _)| *known == kind).map(|(_, count)| *count).sum()
    }

    async fn wait_for_events(&self, opened: i64, clicked: i64) {
        wait_for(&format!("{opened} opens and {clicked} clicks"), PATIENCE, || async {
            let found =
                (self.events(EventKind::Opened).await, self.events(EventKind::Clicked).await);
            assert!(found.0 <= opened && found.1 <= clicked, "more than there were: {found:?}");
            (found == (opened, clicked)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_open_and_a_click_are_in_the_book_once_each() {
    let mut fleet = Fleet::set_up(Size { partners: 1, contacts: 3, ..Size::default() }).await;
    fleet.start("portal");
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.wait_until_sent(3).await;
    // Later steps are due: nobody can say that these clicks came too soon after their mail.
    fleet.bring_forward(11).await;
    fleet.wait_until_sent(9).await;
    fleet.wait_for_portal().await;

    let public_url = fleet.public_url();
    let (html, text) = parts(&fleet.relay.accepted()[0].data);
    let pixels = addresses(&html, &format!("{public_url}/o/"));
    let links: BTreeSet<String> =
        addresses(&html, &format!("{public_url}/c/")).into_iter().collect();
    assert_eq!(pixels.len(), 1, "{html}");
    let link = links.iter().find(|link| link.ends_with("/1")).expect("a link").clone();
    assert!(html.contains(&format!("{public_url}/u/")), "the way out is led nowhere else");
    for start in ["/c/", "/o/"] {
        assert!(!text.contains(&format!("{public_url}{start}")), "{text}");
    }

    assert_eq!(get(&pixels[0]).await.status(), 200);
    let answer = get(&link).await;
    assert_eq!(answer.status(), 302);
    let location = answer.headers()["location"].to_str().expect("ASCII").to_owned();
    assert!(location.starts_with("https://"), "{location}");
    fleet.wait_for_events(1, 1).await;

    // Without Redis it leads on, and what was answered is told when Redis is back.
    fleet.redis.stop();
    assert_eq!(get(&link).await.headers()["location"].to_str().expect("ASCII"), location);
    assert_eq!(get(&pixels[0]).await.status(), 200);
    fleet.redis.restart();
    fleet.wait_for_events(2, 2).await;

    // All four were a person's, who is one of three.
    let of_partner = fleet.store.engagement_counts(None, None).await.expect("the book answers");
    let human: Vec<(EventKind, bool, i64, i64)> = of_partner
        .iter()
        .map(|count| (count.kind, count.human, count.events, count.sends))
        .collect();
    assert_eq!(human, [(EventKind::Clicked, true, 2, 1), (EventKind::Opened, true, 2, 1)]);
    let again = fleet.ok(&["engagement", "reclassify"]);
    assert_eq!((&again["events"], &again["changed"]), (&4.into(), &0.into()), "{again}");
}

#[tokio::test]
async fn switched_off_mail_carries_neither() {
    let settings = vec![
        ("THROUGHLINE__TRACKING__OPENS", "false".to_owned()),
        ("THROUGHLINE__TRACKING__CLICKS", "false".to_owned()),
    ];
    let size = Size { partners: 1, contacts: 1, settings, ..Size::default() };
    let mut fleet = Fleet::set_up(size).await;
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.wait_until_sent(1).await;
    let public_url = fleet.public_url();
    let (html, _) = parts(&fleet.relay.accepted()[0].data);
    assert!(!html.contains(&format!("{public_url}/o/")), "{html}");
    assert!(!html.contains(&format!("{public_url}/c/")), "{html}");
    assert!(html.contains(&format!("{public_url}/u/")), "{html}");
}
