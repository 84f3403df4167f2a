//! One click comes back: POST acts, GET does not, and nothing more goes to that person.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use testkit::wait::wait_for;

use crate::fleet::{Fleet, PATIENCE, Size};

/// The path of the message's List-Unsubscribe link.
fn link(mail: &str) -> String {
    let unfolded = mail.replace("\r\n ", " ");
    let line = unfolded
        .lines()
        .find(|line| line.starts_with("List-Unsubscribe:"))
        .expect("every message has the header");
    let url = line.split(['<', '>']).nth(1).expect("a link in angle brackets");
    format!("/u/{}", url.rsplit('/').next().expect("a token"))
}

async fn request(fleet: &Fleet, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(fleet.portal()).await.expect("the portal listens");
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.expect("the portal reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the portal answers");
    answer
}

#[tokio::test]
async fn one_click_ends_it_for_that_person_and_nobody_else() {
    let mut fleet = Fleet::set_up(Size { partners: 2, contacts: 5, ..Size::default() }).await;
    fleet.start("portal");
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.wait_until_sent(10).await;
    wait_for("the portal to listen", PATIENCE, || async {
        TcpStream::connect(fleet.portal()).await.ok()
    })
    .await;

    let taken = fleet.relay.accepted().remove(0);
    let path = link(&String::from_utf8_lossy(&taken.data));
    // A scanner that follows the link changes nothing.
    let page = request(&fleet, "GET", &path, "").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert_eq!(fleet.counts().await.skipped, 0);

    let answer = request(&fleet, "POST", &path, "List-Unsubscribe=One-Click").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // It was durable before it was answered: the two steps to come are skipped already.
    assert_eq!(fleet.counts().await.skipped, 2);

    fleet.bring_forward(11).await;
    fleet.wait_until_sent(10 + 9 * 2).await;
    let to_that_person =
        fleet.relay.accepted().iter().filter(|mail| mail.rcpt == taken.rcpt).count();
    assert_eq!(to_that_person, 1);
    let counts = fleet.counts().await;
    assert_eq!((counts.sent, counts.skipped, counts.open()), (28, 2, 0), "{counts:?}");
}

#[tokio::test]
async fn with_redis_away_it_is_durable_and_says_when_it_takes_effect() {
    let mut fleet = Fleet::set_up(Size { partners: 1, contacts: 3, ..Size::default() }).await;
    fleet.start("portal");
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.wait_until_sent(3).await;
    wait_for("the portal to listen", PATIENCE, || async {
        TcpStream::connect(fleet.portal()).await.ok()
    })
    .await;
    let taken = fleet.relay.accepted().remove(0);
    let path = link(&String::from_utf8_lossy(&taken.data));
    fleet.redis.stop();
    let answer = request(&fleet, "POST", &path, "List-Unsubscribe=One-Click").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(fleet.counts().await.skipped, 2);
    fleet.redis.restart();
    fleet.bring_forward(11).await;
    fleet.wait_until_sent(3 + 2 * 2).await;
    assert_eq!(fleet.counts().await.open(), 0);
}
