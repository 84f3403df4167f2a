//! Opens and clicks: answered whatever is away, on their way to the book, and never led anywhere that no
//! list says.

use std::time::Duration;

use belt::StreamId;
use domain::{
    LinkTargets, SendId, TargetsId, TrackRecord,
    token::{ClickToken, LinkKey, Purpose},
    track::{Method as Asked, Tracked},
};
use process::TextFormat;
use reqwest::Method;
use testkit::wait::wait_for;

use crate::running::{HTML, Running};

const PATIENCE: Duration = Duration::from_secs(20);

fn targets() -> LinkTargets {
    let urls = ["https://fabrikam.example/offer?x=1&y=2", "https://fabrikam.example/b"];
    LinkTargets::new(urls.map(ToOwned::to_owned).to_vec()).unwrap()
}

impl Running {
    fn pixel(&self) -> String {
        format!("/o/{}.gif", self.link_key.seal(Purpose::Open, self.send))
    }

    fn link(&self, targets: TargetsId, number: u16) -> String {
        let click = ClickToken { send: self.send, targets };
        format!("/c/{}/{number}", self.link_key.seal_click(&click))
    }

    /// The events on the stream, once there are so many.
    async fn tracks(&self, count: usize) -> Vec<TrackRecord> {
        let read = wait_for("the events", PATIENCE, || async {
            let read =
                self.belt.read_tracks(StreamId::default(), 100, Duration::ZERO).await.ok()?;
            (read.len() >= count).then_some(read)
        })
        .await;
        read.iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect()
    }

    /// The sum of a counter over its labels.
    fn count(&self, name: &str) -> u64 {
        let text = self.metrics.encode(TextFormat::Prometheus);
        let samples = text.lines().filter(|line| line.starts_with(name));
        samples.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    }
}

#[tokio::test]
async fn an_open_and_a_click_are_on_their_way_to_the_book() {
    let portal = Running::start().await;
    portal.belt.put_link_targets(&[targets()]).await.unwrap();
    // Neither of them needs the book.
    portal.store.close().await;
    let pixel = portal.get_as("Some Mail 1", &portal.pixel()).await;
    assert_eq!(pixel.status(), 200);
    assert_eq!(pixel.headers()["content-type"], "image/gif");
    assert_eq!(pixel.headers()["cache-control"], "no-store");
    assert_eq!(pixel.headers()["referrer-policy"], "no-referrer");
    assert_eq!(pixel.bytes().await.unwrap().len(), 43);
    let click = portal.get_as("Mozilla/5.0", &portal.link(targets().id(), 1)).await;
    assert_eq!(click.status(), 302);
    assert_eq!(click.headers()["location"], "https://fabrikam.example/offer?x=1&y=2");
    assert_eq!(click.headers()["cache-control"], "no-store");
    assert_eq!(click.headers()["referrer-policy"], "no-referrer");
    assert!(!click.headers().contains_key("set-cookie"));
    let head = portal.ask(Method::HEAD, &portal.link(targets().id(), 2), "").await;
    assert_eq!(head.status(), 302);
    assert_eq!(head.headers()["location"], "https://fabrikam.example/b");

    let tracks = portal.tracks(3).await;
    let what: Vec<Tracked> = tracks.iter().map(|track| track.what).collect();
    let clicked = |link| Tracked::Clicked { link, targets: targets().id() };
    assert_eq!(what, [Tracked::Opened, clicked(1), clicked(2)]);
    assert!(tracks.iter().all(|track| track.send == portal.send));
    assert_eq!(tracks[0].visitor.network, "127.0.0.0/24");
    assert_eq!(tracks[1].visitor.agent, "Mozilla/5.0");
    assert_eq!((tracks[1].visitor.method, tracks[2].visitor.method), (Asked::Get, Asked::Head));
    assert_eq!(portal.count("throughline_portal_tracks_total"), 3);
    assert_eq!(portal.count("throughline_portal_tracks_lost_total"), 0);
}

#[tokio::test]
async fn a_link_that_the_belt_forgot_is_in_the_book_and_then_remembered() {
    let portal = Running::start().await;
    let now = domain::UtcMillis::new(1);
    portal.store.put_link_targets(&[targets()], now).await.unwrap();
    let link = portal.link(targets().id(), 2);
    assert_eq!(portal.get(&link).await.status(), 302);
    portal.store.close().await;
    assert_eq!(portal.get(&link).await.status(), 302, "it is remembered");
    let other = LinkTargets::new(vec!["https://other.example/".to_owned()]).unwrap();
    let answer = portal.get(&portal.link(other.id(), 1)).await;
    assert_eq!(answer.status(), 503, "nobody can say where it leads");
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn with_redis_away_they_still_answer_and_what_was_answered_comes_later() {
    let mut portal = Running::start().await;
    portal.store.put_link_targets(&[targets()], domain::UtcMillis::new(1)).await.unwrap();
    portal.redis.stop();
    let (pixel, link) = (portal.pixel(), portal.link(targets().id(), 1));
    for _ in 0..3 {
        assert_eq!(portal.get(&pixel).await.status(), 200);
        assert_eq!(portal.get(&link).await.status(), 302);
    }
    portal.redis.restart();
    portal.belt.open(2, 1, belt::OpenWith::default()).await.unwrap();
    portal.belt.finish_reporting(1).await.unwrap();
    let tracks = portal.tracks(6).await;
    assert_eq!(tracks.len(), 6);
    let numbers: std::collections::BTreeSet<i64> = tracks.iter().map(|track| track.id).collect();
    assert_eq!(numbers.len(), 6, "each is one event, however often it is told");
    assert_eq!(portal.count("throughline_portal_tracks_lost_total"), 0);
}

#[tokio::test]
async fn what_memory_does_not_hold_and_what_a_stop_cuts_off_is_counted() {
    let mut portal = Running::start().await;
    portal.redis.stop();
    let pixel = portal.pixel();
    // 100 may wait, and as many are in hand at most.
    for _ in 0..300 {
        assert_eq!(portal.get(&pixel).await.status(), 200);
    }
    let full = portal.count("throughline_portal_tracks_lost_total{reason=\"full\"}");
    assert!(full >= 100, "{full}");
    portal.stop().await;
    assert_eq!(portal.count("throughline_portal_tracks_total"), 300);
    assert_eq!(portal.count("throughline_portal_tracks_lost_total"), 300, "all are accounted for");
}

#[tokio::test]
async fn nothing_leads_anywhere_that_no_list_says() {
    let portal = Running::start_with("Fabrikam Ltd", "1000000/s").await;
    portal.belt.put_link_targets(&[targets()]).await.unwrap();
    let id = targets().id();
    let send = portal.send;
    let sealed = |purpose| portal.link_key.seal(purpose, send);
    let link = portal.link(id, 1);
    let token = link.split('/').nth(2).unwrap();
    let foreign = LinkKey::new(1, &[8; 32]).seal_click(&ClickToken { send, targets: id });
    let mut forged = vec![
        portal.link(id, 3),
        portal.link(id, u16::MAX),
        portal.link(TargetsId::from_bytes([1; 16]), 1),
        format!("/c/{token}/01"),
        format!("/c/{token}/-1"),
        format!("/c/{token}/1/"),
        format!("/c/{token}/https:%2F%2Fevil.example"),
        format!("/c/{token}/%2F%2Fevil.example"),
        format!("/c/{token}"),
        format!("/c/{foreign}/1"),
        "/c//1".to_owned(),
        format!("/o/{token}.gif"),
        format!("/o/{}", sealed(Purpose::Open)),
        format!("/o/{}.png", sealed(Purpose::Open)),
        format!("/o/{}.gif", LinkKey::new(1, &[8; 32]).seal(Purpose::Open, send)),
        format!("/u/{token}"),
        format!("/u/{}", sealed(Purpose::Open)),
    ];
    for purpose in Purpose::ALL {
        forged.push(format!("/c/{}/1", sealed(purpose)));
        if purpose != Purpose::Open {
            forged.push(format!("/o/{}.gif", sealed(purpose)));
        }
    }
    // Another character at every place of the token.
    for place in 0..token.len() {
        let mut letters = token.to_owned().into_bytes();
        letters[place] = if letters[place] == b'A' { b'B' } else { b'A' };
        forged.push(format!("/c/{}/1", String::from_utf8(letters).unwrap()));
    }
    for path in forged {
        let answer = portal.get(&path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert!(!answer.headers().contains_key("location"), "{path}");
        assert_eq!(answer.headers()["content-type"], HTML, "{path}");
    }
    // What stands behind a link changes nothing about where it leads.
    let answer = portal.get(&format!("{link}?url=https://evil.example&next=//evil.example")).await;
    assert_eq!(answer.headers()["location"], "https://fabrikam.example/offer?x=1&y=2");
    assert_eq!(portal.tracks(1).await.len(), 1, "what leads nowhere is no event");
    assert_eq!(portal.ask(Method::POST, &link, "x=y").await.status(), 405);
}

#[tokio::test]
async fn the_link_that_nobody_sees_is_an_event_and_looks_like_any_other() {
    let portal = Running::start().await;
    portal.belt.put_link_targets(&[targets()]).await.unwrap();
    let answer = portal.get(&portal.link(targets().id(), 0)).await;
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "https://fabrikam.example/offer?x=1&y=2");
    assert_eq!(portal.tracks(1).await[0].what.link(), Some(0));
}

#[tokio::test]
async fn who_guesses_links_is_slowed_down_and_real_ones_are_not() {
    let portal = Running::start_with("Fabrikam Ltd", "1/h, burst 2").await;
    portal.belt.put_link_targets(&[targets()]).await.unwrap();
    let forged = LinkKey::new(1, &[8; 32]).seal(Purpose::Open, SendId::new(1));
    let path = format!("/o/{forged}.gif");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(portal.get(&path).await.status().as_u16());
    }
    assert_eq!(statuses, [404, 404, 429, 429]);
    assert_eq!(portal.get(&portal.pixel()).await.status(), 200);
    assert_eq!(portal.get(&portal.link(targets().id(), 1)).await.status(), 302);
}
