//! A recipient chooses less mail, and gets less; and reads a message as a page.

use mail_parser::MessageParser;

use crate::fleet::{Fleet, Size};

/// The links of a kind (`p`, `v`) in the HTML that a recipient got.
fn link(fleet: &Fleet, rcpt: &str, path: &str) -> String {
    let taken = fleet.relay.accepted();
    let taken = taken.iter().find(|mail| mail.rcpt[0] == rcpt).expect("a mail");
    let mail = MessageParser::default().parse(&taken.data).expect("it parses");
    let html = mail.body_html(0).expect("it has HTML");
    let wanted = format!("/{path}/");
    html.split('"').find(|part| part.contains(&wanted)).expect("it has the link").to_owned()
}

async fn choose(link: &str, form: &[(&str, &str)]) {
    let answer = reqwest::Client::new().post(link).form(form).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn less_mail_is_what_comes() {
    let mut fleet = Fleet::set_up(Size { partners: 2, contacts: 5, ..Size::default() }).await;
    for role in ["portal", "scheduler", "worker"] {
        fleet.start(role);
    }
    fleet.launch();
    fleet.wait_until_sent(10).await;
    fleet.wait_for_portal().await;
    let people: Vec<String> =
        fleet.relay.accepted().into_iter().map(|mail| mail.rcpt[0].clone()).take(3).collect();

    // The message can be read as a page, and reading changes nothing.
    let view = link(&fleet, &people[0], "v");
    let page = reqwest::get(&view).await.expect("an answer");
    assert_eq!(page.status(), 200);
    assert!(page.text().await.expect("a page").contains("Partner"));
    let preferences: Vec<String> = people.iter().map(|rcpt| link(&fleet, rcpt, "p")).collect();
    assert_eq!(reqwest::get(&preferences[0]).await.expect("an answer").status(), 200);
    assert_eq!(fleet.counts().await.skipped, 0);

    // One refuses the topic, one the company, one changes its mind: two steps to come for each.
    let refuse = [("wanted", "topics"), ("shown", "product-news")];
    choose(&preferences[0], &refuse).await;
    assert_eq!(fleet.counts().await.skipped, 2, "in the book before the answer");
    choose(&preferences[1], &[("wanted", "no-company")]).await;
    choose(&preferences[2], &[("wanted", "no-vendor")]).await;
    let again = [("wanted", "topics"), ("shown", "product-news"), ("topic", "product-news")];
    choose(&preferences[2], &again).await;
    assert_eq!(fleet.counts().await.skipped, 4);

    fleet.bring_forward(11).await;
    fleet.wait_until_sent(10 + 8 * 2).await;
    let got =
        |rcpt: &String| fleet.relay.accepted().iter().filter(|mail| mail.rcpt[0] == *rcpt).count();
    assert_eq!(people.iter().map(got).collect::<Vec<_>>(), [1, 1, 3]);
    let counts = fleet.counts().await;
    assert_eq!((counts.sent, counts.skipped, counts.open()), (26, 4, 0), "{counts:?}");
}

mod browser {
    use std::{fs, path::Path};

    use super::*;

    /// The way of a recipient in a real Chromium: `e2e/browser/recipient.mjs` says what is looked at.
    #[tokio::test]
    async fn from_the_mail_to_less_of_it() {
        let mut fleet = Fleet::set_up(Size { partners: 1, contacts: 1, ..Size::default() }).await;
        let partner = fleet.folder().join("arabic.csv");
        fs::write(
            &partner,
            "partner_key,company_name,tier,locale,time_zone,contact_name,contact_email,from_email,web_site,postal_address\n\
             arabic,شركة النور,Gold,ar,Asia/Dubai,عبد الرحمن,a@noor.example,hello@noor.example,https://noor.example,شارع 1 | دبي\n",
        )
        .expect("the temporary folder is writable");
        fleet.ok(&["import", "partners", partner.to_str().expect("UTF-8")]);
        let contacts = fleet.folder().join("arabic-contacts.csv");
        fs::write(
            &contacts,
            "email,first_name,consent_basis,language\nnoor@customer.example,نور,opt_in,ar\n",
        )
        .expect("the temporary folder is writable");
        let contacts = contacts.display().to_string();
        let list = ["import", "contacts", "--company", "arabic", "--list", "customers", &contacts];
        fleet.ok(&list);
        for role in ["portal", "scheduler", "worker"] {
            fleet.start(role);
        }
        fleet.wait_for_portal().await;
        fleet.launch();
        fleet.wait_until_sent(2).await;
        let mut mails = serde_json::Map::new();
        for taken in fleet.relay.accepted() {
            let key = if taken.rcpt[0].starts_with("noor") { "arabic" } else { "english" };
            let mail = MessageParser::default().parse(&taken.data).expect("it parses");
            let file = fleet.folder().join(format!("{key}.html"));
            let html = mail.body_html(0).expect("it has HTML");
            fs::write(&file, html.as_bytes()).expect("the temporary folder is writable");
            mails.insert(key.to_owned(), file.display().to_string().into());
        }
        crate::browser::walk("recipient", &mails, Path::new("recipient")).await;
    }
}
