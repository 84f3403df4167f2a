//! A message as a page: the same words, and nothing in it that acts for its recipient.

use domain::{activation::ActivationCommand, package_version::VersionCommand, token::Purpose};

use crate::running::Running;

impl Running {
    fn view(&self) -> String {
        format!("/v/{}", self.link_key.seal(Purpose::View, self.send))
    }
}

#[tokio::test]
async fn the_message_is_shown_without_a_way_to_act_for_its_recipient() {
    let portal = Running::start().await;
    let page = portal.get(&portal.view()).await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("sandbox") && !policy.contains("allow-scripts"), "{policy}");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("form-action 'none'"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.headers()["x-frame-options"], "DENY");
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    let html = page.text().await.unwrap();
    assert!(html.contains("Fabrikam Ltd") && html.contains("Anna"), "{html}");
    assert!(html.contains("https://fabrikam.example"), "links lead straight: {html}");
    for path in ["/u/", "/p/", "/o/", "/c/", "/i/"] {
        assert!(!html.contains(&format!("http://127.0.0.1{path}")), "{path}: {html}");
    }
    let mail = format!("{}/mail", portal.view());
    assert!(html.contains(&mail), "{html}");
    let said = portal.get(&mail).await;
    assert_eq!(said.status(), 200);
    let said = said.text().await.unwrap();
    assert!(said.contains("your own mail") && !said.contains("<form"), "{said}");
    assert!(!portal.in_the_book().await);
}

#[tokio::test]
async fn a_link_for_another_purpose_shows_nothing() {
    let portal = Running::start_with("Fabrikam Ltd", "1000000/s").await;
    for purpose in Purpose::ALL.into_iter().filter(|it| *it != Purpose::View) {
        let path = format!("/v/{}", portal.link_key.seal(purpose, portal.send));
        assert_eq!(portal.get(&path).await.status(), 404, "{purpose:?}");
        assert_eq!(portal.get(&format!("{path}/mail")).await.status(), 404, "{purpose:?}");
    }
}

#[tokio::test]
async fn what_was_recalled_is_shown_no_more_and_what_was_stopped_is() {
    let portal = Running::start().await;
    let send = portal.store.send(portal.send).await.unwrap().unwrap();
    let now = domain::UtcMillis::new(1);
    let row = portal.store.activation(send.activation).await.unwrap().unwrap();
    let command = ActivationCommand::Pause;
    portal.store.change_activation(send.activation, command, "test", now).await.unwrap();
    assert_eq!(portal.get(&portal.view()).await.status(), 200);
    let recall = VersionCommand::Recall;
    portal.store.change_version(&row.version_id, recall, "test", now).await.unwrap();
    assert_eq!(portal.get(&portal.view()).await.status(), 404);
}
