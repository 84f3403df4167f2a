//! One click out: a partner is invited by mail, launches by its link, once, and no scanner does it for it.

use std::collections::BTreeMap;

use domain::{BrandProfile, UtcMillis};
use mail_parser::MessageParser;
use store::{InviteRequest, PartnerInput};
use testkit::wait::wait_for;

use crate::fleet::{Fleet, PATIENCE, Size, sample_package};

impl Fleet {
    /// Says whom invitations come from, and invites everybody; answers when the relay has the mails.
    async fn invite(&self, partners: usize) -> BTreeMap<String, String> {
        self.let_the_vendor_write();
        let invited = self.ok(&["invite", "--package", "product-launch", "--all-eligible"]);
        assert_eq!(invited["new"], partners, "{invited}");
        self.invitations(partners).await
    }

    /// The HTML of the invitations that the relay took, by address.
    async fn invitations(&self, count: usize) -> BTreeMap<String, String> {
        wait_for("the invitations", PATIENCE, || async {
            let mails: BTreeMap<String, String> = self
                .relay
                .accepted()
                .iter()
                .filter_map(|taken| {
                    let mail = MessageParser::default().parse(&taken.data)?;
                    let html = mail.body_html(0)?.into_owned();
                    let to = mail.to()?.first()?.address()?.to_owned();
                    html.contains("/i/").then_some((to, html))
                })
                .collect();
            (mails.len() >= count).then_some(mails)
        })
        .await
    }
}

fn link_in(html: &str) -> String {
    html.split('"').find(|part| part.contains("/i/")).expect("a link").to_owned()
}

fn client() -> reqwest::Client {
    let policy = reqwest::redirect::Policy::none();
    reqwest::Client::builder().redirect(policy).build().expect("a client")
}

#[tokio::test]
async fn a_partner_launches_by_its_link_once_and_scanners_do_nothing() {
    let mut fleet = Fleet::set_up(Size { partners: 2, contacts: 5, ..Size::default() }).await;
    fleet.start("portal");
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.wait_for_portal().await;
    let mails = fleet.invite(2).await;
    let link = link_in(&mails["pat@p0.example"]);
    assert_ne!(link, link_in(&mails["pat@p1.example"]), "each has a link of its own");
    assert!(mails["pat@p0.example"].contains("Partner 0 Ltd"), "in the partner's name");

    // Twenty scanners look at it from all sides.
    let http = client();
    for _ in 0..20 {
        assert_eq!(http.get(&link).send().await.expect("an answer").status(), 200);
        assert_eq!(http.head(&link).send().await.expect("an answer").status(), 200);
        let mail = format!("{link}/mail/announce");
        assert_eq!(http.get(mail).send().await.expect("an answer").status(), 200);
    }
    assert_eq!(fleet.counts().await.total(), 0, "nothing is launched by looking");

    // Twenty presses of the button are one launch.
    let presses = (0..20).map(|_| {
        let press = http.post(&link).form(&[("intent", "launch")]).send();
        tokio::spawn(press)
    });
    for press in presses.collect::<Vec<_>>() {
        assert_eq!(press.await.expect("no panic").expect("an answer").status(), 303);
    }
    fleet.wait_until_sent(5).await;
    assert_eq!(fleet.store.activation_summaries(None).await.expect("the book").len(), 1);
    let listed = fleet.ok(&["invitation", "list"]);
    assert_eq!((&listed[0]["state"], &listed[0]["mail"]), (&"launched".into(), &"sent".into()));
    assert!(listed[0]["activation"].is_string(), "{listed}");

    // It has ended, and the link is used again: it shows, and launches nothing.
    fleet.bring_forward(11).await;
    fleet.wait_until_sent(15).await;
    let press = http.post(&link).form(&[("intent", "launch")]).send().await.expect("an answer");
    assert_eq!(press.status(), 303);
    assert_eq!(fleet.store.activation_summaries(None).await.expect("the book").len(), 1);

    // Sent once more, the other's earlier link opens nothing.
    let other = link_in(&mails["pat@p1.example"]);
    let id = listed[1]["invitation"].as_str().expect("an id").to_owned();
    fleet.ok(&["invitation", "resend", &id]);
    assert_eq!(http.get(&other).send().await.expect("an answer").status(), 404);
    let again = wait_for("the second mail", PATIENCE, || async {
        let again = link_in(&fleet.invitations(2).await["pat@p1.example"]);
        (again != other).then_some(again)
    })
    .await;
    assert_eq!(http.get(&again).send().await.expect("an answer").status(), 200);
    fleet.ok(&["invitation", "revoke", &id]);
    http.post(&again).form(&[("intent", "launch")]).send().await.expect("an answer");
    assert_eq!(fleet.store.activation_summaries(None).await.expect("the book").len(), 1);
    // Invited again, all are told apart: one has launched, one was asked before.
    let audit = fleet.store.audit(100).await.expect("the book");
    for action in ["invite", "invitation launched", "resend invitation", "invitation revoked"] {
        assert!(audit.iter().any(|row| row.action == action), "{action}: {audit:?}");
    }
}

#[tokio::test]
async fn what_is_not_a_link_opens_nothing_and_nothing_strange_runs() {
    let mut fleet = Fleet::set_up(Size { partners: 1, contacts: 1, ..Size::default() }).await;
    let file = fleet.folder().join("strange.csv");
    std::fs::write(
        &file,
        "partner_key,company_name,tier,contact_name,contact_email,from_email,web_site,postal_address\n\
         strange,\"<script>alert(1)</script>\"\"><img src=x onerror=alert(2)>\",Gold,<b>Eve</b>,eve@strange.example,\
         eve@strange.example,https://strange.example,\"<svg onload=alert(3)>\"\n",
    )
    .expect("the temporary folder is writable");
    fleet.ok(&["import", "partners", file.to_str().expect("UTF-8")]);
    let contacts = fleet.folder().join("contacts-0.csv").display().to_string();
    fleet.ok(&["import", "contacts", "--company", "strange", "--list", "=cmd|'<i>", &contacts]);
    for role in ["portal", "scheduler", "worker"] {
        fleet.start(role);
    }
    fleet.wait_for_portal().await;
    let mails = fleet.invite(2).await;
    let http = client();

    // A name is text wherever it stands; the page has a policy, its frames can do nothing.
    let strange = link_in(&mails["eve@strange.example"]);
    let answer = http.get(&strange).send().await.expect("an answer");
    let policy = answer.headers()["content-security-policy"].to_str().expect("ASCII").to_owned();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(!answer.headers().contains_key("set-cookie"));
    let page = answer.text().await.expect("a page");
    assert!(page.contains("&lt;script&gt;"), "{page}");
    for live in ["<script>", "<img", "<svg", "<b>", "<i>", " style="] {
        assert!(!page.contains(live), "{live} in {page}");
    }
    let mail = http.get(format!("{strange}/mail/announce")).send().await.expect("an answer");
    let policy = mail.headers()["content-security-policy"].to_str().expect("ASCII");
    assert!(policy.contains("sandbox;") && policy.contains("default-src 'none'"), "{policy}");
    assert!(!mail.text().await.expect("a mail").contains("<script"));

    // Another site's page can't press the button.
    let link = link_in(&mails["pat@p0.example"]);
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let press = http.post(&link).header(name, value).form(&[("intent", "launch")]);
        assert_eq!(press.send().await.expect("an answer").status(), 403);
    }
    // A letter changed anywhere, or another link's token, opens nothing.
    let (base, token) = link.rsplit_once('/').expect("a link");
    for place in (0..token.len()).step_by(7) {
        let mut letters = token.to_owned().into_bytes();
        letters[place] = if letters[place] == b'A' { b'B' } else { b'A' };
        let forged = format!("{base}/{}", String::from_utf8(letters).expect("ASCII"));
        let press = http.post(&forged).form(&[("intent", "launch")]).send().await;
        assert!([404, 429].contains(&press.expect("an answer").status().as_u16()), "{forged}");
    }
    let unsubscribe = mails["pat@p0.example"].split('"').find(|part| part.contains("/u/"));
    let other = unsubscribe.expect("a link").replace("/u/", "/i/");
    let press = http.post(&other).form(&[("intent", "launch")]).send().await;
    assert!([404, 429].contains(&press.expect("an answer").status().as_u16()));
    assert_eq!(fleet.counts().await.total(), 0, "nothing was launched");

    // Pressed by its holder, it goes on where it can be watched.
    let press = http.post(&link).header("sec-fetch-site", "same-origin");
    let press = press.form(&[("intent", "launch")]).send().await.expect("an answer");
    assert_eq!(press.status(), 303);
    let mut events = http.get(format!("{link}/events")).send().await.expect("an answer");
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut told = String::new();
    while !told.contains("100%") {
        let part = tokio::time::timeout(PATIENCE, events.chunk()).await.expect("it is told");
        let part = part.expect("the stream goes on").expect("until all is sent");
        told.push_str(&String::from_utf8_lossy(&part));
        if fleet.counts().await.sent == 1 {
            fleet.bring_forward(11).await;
        }
    }
    assert!(told.contains("event: progress"), "{told}");
}

#[tokio::test]
async fn an_invitation_survives_redis_and_the_worker() {
    let mut fleet = Fleet::set_up(Size { partners: 3, contacts: 1, ..Size::default() }).await;
    fleet.start("scheduler");
    fleet.let_the_vendor_write();
    fleet.ok(&["invite", "--package", "product-launch", "--all-eligible"]);
    wait_for("the mails to be queued", PATIENCE, || async {
        let listed = fleet.ok(&["invitation", "list"]);
        let mails = listed.as_array().expect("a list").iter();
        mails.map(|line| &line["mail"]).all(|mail| *mail == "queued").then_some(())
    })
    .await;
    // Nobody has sent them, and Redis forgets everything.
    fleet.redis.flushall();
    fleet.start("worker");
    assert_eq!(fleet.invitations(3).await.len(), 3);
}

#[tokio::test]
async fn a_partner_whose_row_is_spoilt_keeps_nobody_else_from_being_invited() {
    let mut fleet = Fleet::set_up(Size { partners: 3, contacts: 1, ..Size::default() }).await;
    fleet.let_the_vendor_write();
    let store = &fleet.store;
    let vendor = store.find_vendor("Northwind Secure").await.expect("the book").expect("a vendor");
    let partners = store.partners(&vendor.id).await.expect("the book");
    let now = UtcMillis::new(0);
    // One lives where no clock is known, another's link launches until a moment that is none.
    let (brand, sender) =
        store.partner_brand(&partners[0].id).await.expect("the book").expect("a brand");
    let nowhere = PartnerInput {
        partner_key: partners[0].partner_key.clone(),
        company_name: partners[0].company_name.clone(),
        tier: partners[0].tier.clone(),
        region: String::new(),
        partner_type: String::new(),
        brand: BrandProfile { time_zone: "Mars/Olympus".to_owned(), ..brand },
        sender,
    };
    store.upsert_partners(&vendor.id, &[nowhere], "a test", now).await.expect("the book");
    let package = store
        .find_package(&vendor.id, "product-launch")
        .await
        .expect("the book")
        .expect("a package");
    let never = InviteRequest {
        vendor: vendor.id.clone(),
        package: package.id,
        partners: vec![partners[1].id.clone()],
        expires_at: UtcMillis::new(i64::MAX),
        who: "a test".to_owned(),
        now,
    };
    store.invite(&never).await.expect("the book");
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.ok(&["invite", "--package", "product-launch", "--all-eligible"]);
    let mails = fleet.invitations(2).await;
    let to: Vec<&str> = mails.keys().map(String::as_str).collect();
    assert_eq!(to, ["pat@p0.example", "pat@p2.example"]);
    assert!(mails["pat@p0.example"].contains("Partner 0 Ltd"), "{}", mails["pat@p0.example"]);
}

mod browser {
    use std::{fs, path::Path};

    use super::*;

    /// The way of a partner in a real Chromium: `e2e/browser/walk.mjs` says what is looked at.
    #[tokio::test]
    async fn from_the_mail_to_the_results() {
        let mut fleet = Fleet::set_up(Size { partners: 2, contacts: 4, ..Size::default() }).await;
        let file = fleet.folder().join("more.csv");
        fs::write(
            &file,
            "partner_key,company_name,tier,locale,time_zone,contact_name,contact_email,from_email,web_site,postal_address\n\
             keyboard,Keyboard & Sons,Gold,en-GB,Europe/London,Kim Board,kim@keyboard.example,,,\n\
             arabic,شركة النور,Gold,ar,Asia/Dubai,عبد الرحمن,a@noor.example,hello@noor.example,https://noor.example,شارع 1 | دبي\n",
        )
        .expect("the temporary folder is writable");
        fleet.ok(&["import", "partners", file.to_str().expect("UTF-8")]);
        let contacts = fleet.folder().join("contacts-0.csv").display().to_string();
        for company in ["keyboard", "arabic"] {
            fleet.ok(&[
                "import",
                "contacts",
                "--company",
                company,
                "--list",
                "customers",
                &contacts,
            ]);
        }
        for role in ["portal", "scheduler", "worker"] {
            fleet.start(role);
        }
        fleet.wait_for_portal().await;
        let mails = fleet.invite(4).await;
        let mut named = serde_json::Map::new();
        for (key, address) in [
            ("phone", "pat@p0.example"),
            ("plain", "pat@p1.example"),
            ("keyboard", "kim@keyboard.example"),
            ("arabic", "a@noor.example"),
        ] {
            let file = fleet.folder().join(format!("{key}.html"));
            fs::write(&file, &mails[address]).expect("the temporary folder is writable");
            named.insert(key.to_owned(), file.display().to_string().into());
        }

        // A campaign that asks for a picture, for a partner who comes later and writes German.
        let file = fleet.folder().join("later.csv");
        fs::write(
            &file,
            "partner_key,company_name,tier,locale,time_zone,contact_email,from_email,web_site,postal_address\n\
             picture,Bildwerk GmbH,Gold,de,Europe/Berlin,b@bildwerk.example,hallo@bildwerk.example,https://bildwerk.example,Weg 1 | Bonn\n",
        )
        .expect("the temporary folder is writable");
        fleet.ok(&["import", "partners", file.to_str().expect("UTF-8")]);
        let list = ["import", "contacts", "--company", "picture", "--list", "customers"];
        fleet.ok(&[&list[..], &[&contacts]].concat());
        let newsletter = sample_package();
        let newsletter = Path::new(&newsletter).with_file_name("evergreen-newsletter");
        fleet.ok(&["package", "publish", newsletter.to_str().expect("UTF-8")]);
        fleet.ok(&["invite", "--package", "evergreen-newsletter", "--partner", "picture"]);
        let mail = &fleet.invitations(5).await["b@bildwerk.example"];
        let file = fleet.folder().join("picture.html");
        fs::write(&file, mail).expect("the temporary folder is writable");
        named.insert("picture".to_owned(), file.display().to_string().into());
        crate::browser::walk("walk", &named, Path::new("invitation")).await;
    }
}
