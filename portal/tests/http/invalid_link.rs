//! Links that are none of ours: told nothing, slowed down, and never at the cost of a valid one.

use domain::{
    SendId,
    token::{LinkKey, Purpose},
};
use reqwest::Method;

use crate::running::{ONE_CLICK, Running};

#[tokio::test]
async fn a_forged_link_leads_nowhere_and_says_no_more() {
    let portal = Running::start_with("Fabrikam Ltd", "1000000/s").await;
    let nowhere = portal.get("/no/such/page").await;
    assert_eq!(nowhere.status(), 404);
    let nowhere = nowhere.text().await.unwrap();

    let mut forged: Vec<String> = Vec::new();
    // Another character at every place of the token.
    for place in 0..portal.token.len() {
        let mut letters = portal.token.clone().into_bytes();
        letters[place] = if letters[place] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(letters).unwrap());
    }
    forged.push(portal.token[..50].to_owned());
    forged.push(format!("{}A", portal.token));
    forged.push("%00".to_owned());
    forged.push("%ff".to_owned());
    forged.push("x".repeat(8_000));
    // Sealed with the right key, for a send that is not in the book; and with another key for one that is.
    forged.push(LinkKey::new(1, &[9; 32]).seal(Purpose::Unsubscribe, SendId::new(i64::MAX)));
    forged.push(LinkKey::new(1, &[8; 32]).seal(Purpose::Unsubscribe, portal.send));
    for token in forged {
        for (method, body) in [(Method::GET, ""), (Method::POST, ONE_CLICK)] {
            let answer = portal.ask(method.clone(), &format!("/u/{token}"), body).await;
            assert_eq!(answer.status(), 404, "{method} {token}");
            assert_eq!(answer.text().await.unwrap(), nowhere, "{method} {token}");
        }
    }
    assert!(!portal.in_the_book().await);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_valid_links_are_not() {
    let portal = Running::start_with("Fabrikam Ltd", "1/h, burst 3").await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        let answer = portal.one_click("forged").await;
        let wait = answer
            .headers()
            .get("retry-after")
            .map(|wait| wait.to_str().unwrap().parse::<u64>().unwrap());
        answers.push((
            answer.status().as_u16(),
            wait.is_some_and(|wait| wait > 3_000 && wait <= 3_601),
        ));
    }
    let (unknown, too_many) = ((404, false), (429, true));
    assert_eq!(answers, [unknown, unknown, unknown, too_many, too_many, too_many]);

    assert_eq!(portal.get(&format!("/u/{}", portal.token)).await.status(), 200);
    for _ in 0..20 {
        assert_eq!(portal.one_click(&portal.token).await.status(), 200);
    }
    assert!(portal.in_the_book().await);
    // Valid ones did not refill what guessing may use.
    assert_eq!(portal.get("/u/forged").await.status(), 429);
}
