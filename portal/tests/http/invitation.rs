//! The page behind an invitation: looking does nothing, only its own form acts, and only while it may.

use std::time::Duration;

use domain::{time::Clock, token::Purpose};
use program::{Actor, PublishAs};
use reqwest::Method;

use crate::world::{Answer, Invited, Tenant, World};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Scripts, styles and frames of its own, and nothing of anybody else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                           img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
                           frame-ancestors 'none'";
/// Nothing runs in a mail that is shown, and nothing leads out of it.
const MAIL_POLICY: &str = "default-src 'none'; img-src http://127.0.0.1/a/ 'self'; style-src 'unsafe-inline'; \
                           sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

impl World {
    /// What is sent when a button of the page is pressed.
    async fn press(&self, link: &str, body: &str) -> Answer {
        self.send(Method::POST, link, &[FORM], Some(body.to_owned())).await
    }

    async fn look(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// Everything with the invitation.
    async fn all_of(&self, invited: &Invited) -> String {
        let invitation = self.store.invitation(&invited.invitation).await.unwrap();
        format!("{invitation:?}\n{}", self.snapshot().await)
    }

    async fn open(&self) -> (Tenant, Invited) {
        let tenant = self.tenant("northwind").await;
        let invited = self.invited(&tenant.vendor, "second").await;
        (tenant, invited)
    }
}

fn activations(world: &World) -> impl Future<Output = usize> {
    let store = world.store.clone();
    async move { store.activation_summaries(None).await.unwrap().len() }
}

#[tokio::test]
async fn looking_changes_nothing_whatever_is_sent_along() {
    let world = World::start().await;
    let (_, invited) = world.open().await;
    let before = world.all_of(&invited).await;
    for intent in ["launch", "decline", "renew", "pause", "stop"] {
        let body = format!("intent={intent}");
        for method in [Method::GET, Method::HEAD] {
            for path in [invited.link.clone(), format!("{}?{body}", invited.link)] {
                let headers = [FORM, ("x-http-method-override", "POST")];
                let answer = world.send(method.clone(), &path, &headers, Some(body.clone())).await;
                assert_eq!(answer.status, 200, "{method} {path}");
            }
        }
    }
    // A button that there is not shows, and does nothing.
    for body in ["", "intent=preview", "intent=LAUNCH", "intent=revoke"] {
        assert_eq!(world.press(&invited.link, body).await.status, 200);
    }
    assert_eq!(world.all_of(&invited).await, before);
    assert_eq!(world.press(&invited.link, "intent=launch").await.status, 303);
    assert_ne!(world.all_of(&invited).await, before);
}

#[tokio::test]
async fn another_site_s_page_can_t_press_a_button() {
    let world = World::start().await;
    let (_, invited) = world.open().await;
    let before = world.all_of(&invited).await;
    let own = format!("http://{}", world.address);
    let foreign: [&[(&str, &str)]; 6] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", &own)],
        &[("origin", "https://evil.example")],
        &[("origin", "http://127.0.0.1.evil.example")],
        &[("origin", "http://127.0.0.1")],
    ];
    for intent in ["launch", "decline", "renew", "stop", "preview"] {
        for headers in foreign {
            let headers: Vec<(&str, &str)> =
                [FORM].into_iter().chain(headers.iter().copied()).collect();
            let body = format!("intent={intent}");
            let answer = world.send(Method::POST, &invited.link, &headers, Some(body)).await;
            assert_eq!(answer.status, 403, "{intent} {headers:?}");
        }
    }
    assert_eq!(world.all_of(&invited).await, before);
    // As a browser sends it from the page itself.
    let own = [FORM, ("sec-fetch-site", "same-origin"), ("origin", "null")];
    let body = Some("intent=launch".to_owned());
    assert_eq!(world.send(Method::POST, &invited.link, &own, body).await.status, 303);
    assert_ne!(world.all_of(&invited).await, before);
}

#[tokio::test]
async fn a_link_that_was_used_launches_nothing_more() {
    let world = World::start().await;
    let (_, invited) = world.open().await;
    let launched = world.press(&invited.link, "intent=launch").await;
    assert_eq!((launched.status, launched.header("location")), (303, invited.link.as_str()));
    let count = activations(&world).await;
    assert_eq!(world.press(&invited.link, "intent=launch").await.status, 303);
    assert_eq!(world.press(&invited.link, "intent=stop").await.status, 303);
    // It has ended, and the same form is sent once more.
    let before = world.all_of(&invited).await;
    assert_eq!(world.press(&invited.link, "intent=launch").await.status, 303);
    assert_eq!(world.press(&invited.link, "intent=decline").await.status, 303);
    assert_eq!((activations(&world).await, world.all_of(&invited).await), (count, before));
}

/// A link that is over, by what made it so.
async fn is_over(world: &World, invited: &Invited, link: &str, shown: u16) {
    let before = world.all_of(invited).await;
    for intent in ["launch", "pause", "resume", "stop"] {
        let answer = world.press(link, &format!("intent={intent}")).await;
        assert!([303, 404].contains(&answer.status), "{intent}: {answer:?}");
    }
    assert_eq!(world.all_of(invited).await, before);
    let page = world.look(link).await;
    assert_eq!(page.status, shown, "{page:?}");
    assert!(
        !page.text.contains("value=\"launch\"") && !page.text.contains("iframe"),
        "{}",
        page.text
    );
    assert_eq!(world.look(&format!("{link}/mail/announce")).await.status, 404);
    // A stream would go on and on: its head says enough.
    let events = format!("http://{}{link}/events", world.address);
    assert_eq!(world.client.get(events).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn what_has_expired_was_declined_taken_back_or_mailed_again_launches_and_shows_nothing() {
    let world = World::start().await;
    let (tenant, expired) = world.open().await;
    let vendor = Actor::Vendor(tenant.vendor.clone());
    let [declined, revoked, again] = [
        world.invited(&tenant.vendor, "declined").await,
        world.invited(&tenant.vendor, "revoked").await,
        world.invited(&tenant.vendor, "again").await,
    ];
    assert_eq!(world.press(&declined.link, "intent=decline").await.status, 303);
    is_over(&world, &declined, &declined.link, 200).await;
    world.program.revoke_invitation(&vendor, &revoked.invitation).await.unwrap();
    is_over(&world, &revoked, &revoked.link, 200).await;
    world.program.resend_invitation(&vendor, &again.invitation, 14 * DAY).await.unwrap();
    is_over(&world, &again, &again.link, 404).await;
    assert_eq!(world.look(&world.link(&again.invitation).await).await.status, 200);
    // To the moment.
    let before = world.all_of(&expired).await;
    world.clock.advance(14 * DAY - Duration::from_millis(1));
    assert!(world.look(&expired.link).await.text.contains("value=\"launch\""));
    world.clock.advance(Duration::from_millis(1));
    is_over(&world, &expired, &expired.link, 200).await;
    assert_eq!(world.all_of(&expired).await, before);
}

#[tokio::test]
async fn what_was_taken_back_or_declined_steers_nothing_that_was_launched_otherwise() {
    let world = World::start().await;
    let (tenant, declined) = world.open().await;
    let revoked = world.invited(&tenant.vendor, "revoked").await;
    let vendor = Actor::Vendor(tenant.vendor.clone());
    world.press(&declined.link, "intent=decline").await;
    world.program.revoke_invitation(&vendor, &revoked.invitation).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let partners = serde_json::json!([declined.partner, revoked.partner]);
    let launch = serde_json::json!({ "package": tenant.package, "partners": partners });
    assert_eq!(world.post("/launches", &tenant.vendor_key, &launch).await.status, 201);
    is_over(&world, &declined, &declined.link, 200).await;
    is_over(&world, &revoked, &revoked.link, 200).await;
}

#[tokio::test]
async fn a_link_steers_what_it_launched_and_nothing_else() {
    let world = World::start().await;
    let (tenant, invited) = world.open().await;
    let stranger = world.tenant("contoso").await;
    world.press(&invited.link, "intent=launch").await;
    let state = async |activation| {
        let store = &world.store;
        store.activation(activation).await.unwrap().unwrap().state.to_string()
    };
    // What another's form holds does not say whose activation it is about.
    let body = format!(
        "intent=stop&activation={}&partner={}&token={}",
        stranger.activation, stranger.partner, tenant.activation
    );
    assert_eq!(world.press(&invited.link, &body).await.status, 303);
    assert_eq!(state(stranger.activation).await, "scheduled");
    assert_eq!(state(tenant.activation).await, "scheduled");
    let own = world.store.invitation(&invited.invitation).await.unwrap().unwrap().activation;
    assert_eq!(state(own.unwrap()).await, "cancelled");
}

#[tokio::test]
async fn a_form_is_bounded() {
    let world = World::start().await;
    let (_, invited) = world.open().await;
    let before = world.all_of(&invited).await;
    let body = |bytes: usize| {
        let start = "intent=launch&slot.headline=";
        format!("{start}{}", "x".repeat(bytes - start.len()))
    };
    let most = 3 * 1024 * 1024;
    assert_eq!(world.press(&invited.link, &body(most + 1)).await.status, 413);
    assert_eq!(world.all_of(&invited).await, before);
    // It is read, and found to be too long for its slot.
    assert_eq!(world.press(&invited.link, &body(most)).await.status, 422);
    assert_eq!(world.all_of(&invited).await, before);
}

#[tokio::test]
async fn every_page_has_its_policy_and_mails_stand_in_frames_that_can_do_nothing() {
    let world = World::start().await;
    let (_, invited) = world.open().await;
    let page = world.look(&invited.link).await;
    let frames: Vec<&str> =
        page.text.match_indices("<iframe").map(|(at, _)| &page.text[at..at + 40]).collect();
    assert!(frames.len() >= 3, "{}", page.text);
    assert!(frames.iter().all(|frame| frame.starts_with("<iframe sandbox=\"\" ")), "{frames:?}");
    let mail = world.look(&format!("{}/mail/announce", invited.link)).await;
    assert_eq!((mail.status, mail.header("content-security-policy")), (200, MAIL_POLICY));
    assert_eq!(mail.header("x-frame-options"), "SAMEORIGIN");
    let refused = world.press(&invited.link, "intent=launch&start=never").await;
    assert_eq!(refused.status, 422);
    world.press(&invited.link, "intent=launch").await;
    let running = world.look(&invited.link).await;
    for answer in [&page, &refused, &running] {
        assert_eq!(answer.header("content-security-policy"), PAGE_POLICY);
        assert_eq!(answer.header("x-frame-options"), "DENY");
        for inline in [" style=", " onload=", " onclick=", " onsubmit=", "javascript:", "<style"] {
            assert!(!answer.text.contains(inline), "{inline} in {}", answer.text);
        }
        let scripts: Vec<&str> = answer.text.split("<script").skip(1).collect();
        assert!(scripts.iter().all(|it| it.starts_with(" src=\"/static/")), "{scripts:?}");
    }
    for answer in [&page, &mail, &refused, &running] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn mail_comes_from_where_the_link_was_mailed_to() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let invited = world.invited_without_sender(&tenant.vendor, "bare", "en").await;
    let before = world.all_of(&invited).await;
    for from in
        ["ceo@bank.example", "anna@bare.example.evil.example", "anna@evil.example?bare.example"]
    {
        let from: String = url::form_urlencoded::byte_serialize(from.as_bytes()).collect();
        let answer =
            world.press(&invited.link, &format!("intent=launch&profile.from_email={from}")).await;
        assert_eq!(answer.status, 422, "{from}");
    }
    assert_eq!(world.all_of(&invited).await, before);
    let own = "intent=launch&profile.from_email=news%40bare.example";
    assert_eq!(world.press(&invited.link, own).await.status, 303);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_partner_s_language() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let said = [
        ("en", ["of the domain to which", "A link that begins with", "At most 400 characters"]),
        ("de", ["der Domain, an die", "Ein Link, der mit", "Höchstens 400 Zeichen"]),
        ("fr", ["du domaine auquel", "Un lien qui commence", "400 caractères au plus"]),
        ("ja", ["送られたドメイン", "で始まるリンク", "400文字以内"]),
        ("ar", ["من النطاق الذي", "رابط يبدأ", "حرفًا على الأكثر"]),
    ];
    for (locale, texts) in said {
        let invited = world.invited_without_sender(&tenant.vendor, locale, locale).await;
        let before = world.all_of(&invited).await;
        let long = "x".repeat(401);
        let body = format!(
            "intent=launch&profile.from_email=x&slot.cta_url=javascript%3Ax&slot.spotlight={long}"
        );
        let answer = world.press(&invited.link, &body).await;
        assert_eq!(answer.status, 422, "{locale}");
        // All at once; and nothing of what a program would be told is in the page.
        for text in texts {
            assert!(answer.text.contains(text), "{locale}: {text} in {}", answer.text);
        }
        for technical in ["expected", "it has 401", "an address (", "no https link"] {
            assert!(!answer.text.contains(technical), "{locale}: {technical}");
        }
        assert_eq!(answer.text.matches("aria-invalid=\"true\"").count(), 3, "{locale}");
        assert_eq!(world.all_of(&invited).await, before, "{locale}");
    }
}

#[tokio::test]
async fn fresh_links_are_not_mailed_one_after_the_other() {
    let world = World::start().await;
    let (_, invited) = world.open().await;
    world.clock.advance(14 * DAY);
    let renewed = world.press(&invited.link, "intent=renew").await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert!(renewed.text.contains("A new link is on its way"), "{renewed:?}");
    let link = world.link(&invited.invitation).await;
    assert_ne!(link, invited.link);
    for _ in 0..3 {
        assert_eq!(world.press(&link, "intent=renew").await.status, 200);
        assert_eq!(world.press(&invited.link, "intent=renew").await.status, 404);
    }
    assert_eq!(world.link(&invited.invitation).await, link, "no mail after the first");
    let mail = world.store.invitation(&invited.invitation).await.unwrap().unwrap();
    assert!(mail.expires_at > world.clock.now());
    assert_eq!(link, format!("/i/{}", world.link_key.seal(Purpose::Invitation, mail.mail)));
}

/// A body of a form with a file.
fn with_file(intent: &str, fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut part = |head: &str, bytes: &[u8]| {
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{head}\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    };
    part("intent\"", intent.as_bytes());
    for (name, value) in fields {
        part(&format!("{name}\""), value.as_bytes());
    }
    part("file.photo\"; filename=\"team.png\"\r\ncontent-type: image/png", file);
    body.extend(b"--b--\r\n");
    body
}

#[tokio::test]
async fn a_picture_is_chosen_on_the_page_and_kept_while_the_rest_is_mended() {
    let world = World::start().await;
    let vendor = world.vendor_called("Northwind").await;
    let sample = render::SamplePackage::named("product-launch").unwrap();
    let mut files = sample.files().clone();
    let manifest = String::from_utf8(files.get("package.toml").unwrap().to_vec()).unwrap();
    let slot = "[slots.photo]\nkind = \"image\"\nlabel = \"Your team\"\nmin_width = 20\n\n\
                [slots.spotlight]";
    files.insert("package.toml", manifest.replacen("[slots.spotlight]", slot, 1).into_bytes());
    world.program.publish_files(&Actor::Ops, &vendor, &files, PublishAs::Published).await.unwrap();
    let invited = world.invited(&vendor, "second").await;
    let page = world.look(&invited.link).await;
    assert!(page.text.contains("multipart/form-data"), "{}", page.text);
    assert!(page.text.contains("type=\"file\""), "{}", page.text);
    let press = async |body: Vec<u8>| {
        let url = format!("http://{}{}", world.address, invited.link);
        let request =
            world.client.post(url).header("content-type", "multipart/form-data; boundary=b");
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let picture = |width: u32| {
        let svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='9'><rect width='5' height='5'/></svg>"
        );
        svg.into_bytes()
    };
    // Too small, no picture at all: said where it is asked for, and nothing is launched.
    let before = world.all_of(&invited).await;
    for (file, said) in [
        (picture(4), "at least 20 pixels wide"),
        (b"MZ no picture".to_vec(), "at least 20 pixels wide"),
    ] {
        let (status, text) = press(with_file("launch", &[], &file)).await;
        assert_eq!(status, 422, "{text}");
        assert!(text.contains(said), "{text}");
        assert_eq!(world.all_of(&invited).await, before);
    }
    // Another field is wrong: the picture stays chosen, by its name in the book.
    let fields = [("alt.photo", "The <team>"), ("slot.cta_url", "javascript:x")];
    let (status, text) = press(with_file("launch", &fields, &picture(30))).await;
    assert_eq!(status, 422, "{text}");
    let (_, kept) = text.split_once("name=\"slot.photo\" value=\"").unwrap();
    let (kept, _) = kept.split_once('"').unwrap();
    assert!(kept.ends_with("The &lt;team&gt;"), "{kept}");
    let kept = kept.replace("&lt;", "<").replace("&gt;", ">");
    let shown = world.look(&format!("/a/{}", kept.split(' ').next().unwrap())).await;
    assert_eq!((shown.status, shown.headers["content-type"].to_str().unwrap()), (200, "image/png"));
    let fields = [("slot.photo", kept.as_str()), ("alt.photo", "Our team"), ("list", "customers")];
    let (status, text) = press(with_file("launch", &fields, b"")).await;
    assert_eq!(status, 303, "{text}");
    let launched = world.store.invitation(&invited.invitation).await.unwrap().unwrap();
    let activation = world.store.activation(launched.activation.unwrap()).await.unwrap().unwrap();
    let slots = format!("{activation:?}");
    assert!(slots.contains("Our team"), "{slots}");
    // A link that has launched takes no more.
    let (status, _) = press(with_file("launch", &[], &picture(31))).await;
    assert_eq!(status, 303);
}
