//! One click comes back: POST acts, GET does not, and nothing more goes to that person.

use crate::fleet::{Fleet, Size};

/// The message's List-Unsubscribe link.
fn link(mail: &str) -> String {
    let unfolded = mail.replace("\r\n ", " ");
    let line = unfolded
        .lines()
        .find(|line| line.starts_with("List-Unsubscribe:"))
        .expect("every message has the header");
    line.split(['<', '>']).nth(1).expect("a link in angle brackets").to_owned()
}

/// What a mail client does when its reader clicks once (RFC 8058).
async fn one_click(link: &str) -> u16 {
    let request = reqwest::Client::new().post(link).form(&[("List-Unsubscribe", "One-Click")]);
    request.send().await.expect("the portal answers").status().as_u16()
}

#[tokio::test]
async fn one_click_ends_it_for_that_person_and_nobody_else() {
    let mut fleet = Fleet::set_up(Size { partners: 2, contacts: 5, ..Size::default() }).await;
    fleet.start("portal");
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.wait_until_sent(10).await;
    fleet.wait_for_portal().await;

    let taken = fleet.relay.accepted().remove(0);
    let link = link(&String::from_utf8_lossy(&taken.data));
    // A scanner that follows the link changes nothing.
    let page = reqwest::get(&link).await.expect("the portal answers");
    assert_eq!(page.status(), 200);
    assert_eq!(fleet.counts().await.skipped, 0);

    assert_eq!(one_click(&link).await, 200);
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
    fleet.wait_for_portal().await;
    let taken = fleet.relay.accepted().remove(0);
    let link = link(&String::from_utf8_lossy(&taken.data));
    fleet.redis.stop();
    assert_eq!(one_click(&link).await, 200);
    assert_eq!(fleet.counts().await.skipped, 2);
    fleet.redis.restart();
    fleet.bring_forward(11).await;
    fleet.wait_until_sent(3 + 2 * 2).await;
    assert_eq!(fleet.counts().await.open(), 0);
}
