//! Everything `package.toml` can say is read, checked with its place, and kept in the version.

use render::{
    Compiled, GoalKind, Motion, PackageFiles, Severity, SharedTemplates, StepKind, check,
};

use crate::small::{self, HEAD, found, png, published, with, with_manifest};

/// A package that uses everything.
fn whole() -> PackageFiles {
    let manifest = r#"name = "webinar"
title = { en = "Webinar", de = "Online-Seminar" }
vendor = "Northwind Secure"
description = { en = "An hour online.", de = "Eine Stunde online." }
language = "en"

[eligibility]
tiers = ["Gold", "Platinum"]
regions = ["AT", "DE", "GB"]
partner_types = ["reseller", "MSP"]

[validity]
from = 2026-01-01

[audience]
rule = "list"
consent = { en = "Yes please.", "de-AT" = "Ja, gern." }

[person]
fields = ["first_name"]

[motion]
kind = "event"
event_at = "event_at"

[[goals]]
key = "registered"
title = { en = "Registered", de = "Angemeldet" }
kind = "click"
target = 0.05

[[goals]]
key = "answered"
title = "Answered"
kind = "reply"

[landing_page]
template = "landing"

[assets.hero]
file = "assets/hero.png"
alt = { en = "A harbour", de = "Ein Hafen" }
width = 150

[assets.mark]
file = "assets/mark.svg"
alt = ""

[slots.event_at]
kind = "datetime"
label = { en = "When", de = "Wann" }
default = "2026-12-03T10:00[Europe/Vienna]"

[slots.about]
kind = "rich_text"
label = "About you"

[[steps]]
key = "invite"
kind = "email"
at = "T-14d 09:00"

[[steps]]
key = "reminder"
kind = "email"
template = "invite"

[[steps]]
key = "post"
kind = "social"
at = "T-7d"
networks = ["linkedin", "mastodon"]
image = "hero"

[[steps]]
key = "pause"
kind = "wait"
for = "2d"

[[steps]]
key = "opened"
kind = "branch"
of = "invite"
on = "opened"
within = "2d"
then = "pause"
else = "reminder"
"#;
    let mut files = with_manifest(manifest);
    for file in ["subject.txt.hbs", "body.txt.hbs", "body.html.hbs"] {
        files.remove(&format!("en/announce/{file}"));
    }
    for language in ["en", "nl"] {
        files.insert(format!("{language}/invite/subject.txt.hbs"), "{{campaign.title}}");
        files.insert(format!("{language}/invite/body.txt.hbs"), "x\n\n{{slots.about}}\n");
        files.insert(
            format!("{language}/invite/body.html.hbs"),
            "<img src=\"{{assets.hero.url}}\" width=\"{{assets.hero.width}}\" height=\"{{assets.hero.height}}\" alt=\"{{assets.hero.alt}}\">\
             <img src=\"{{assets.mark.url}}\" width=\"{{assets.mark.width}}\" alt=\"\">{{slots.about}}",
        );
        files.insert(format!("{language}/post/post.txt.hbs"), "Join {{partner.name}}");
        files.insert(format!("{language}/landing/page.html.hbs"), "<h1>{{campaign.title}}</h1>");
    }
    // The shared partials with words in them are not there in Dutch.
    let found = check(&files, &SharedTemplates::embedded());
    assert!(found.iter().any(|d| d.message.contains("there is no partial")), "{found:#?}");
    for path in files.iter().map(|(path, _)| path.to_owned()).collect::<Vec<_>>() {
        if path.starts_with("nl/") {
            files.remove(&path);
        }
    }
    files.insert("assets/hero.png", png());
    files.insert(
        "assets/mark.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\"><rect width=\"40\" height=\"20\"/></svg>",
    );
    files
}

#[test]
fn everything_is_read_and_kept_in_the_version() {
    let version = published(&whole());
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    let package = compiled.package();
    assert_eq!(*package, version.package, "the blob holds all of it");
    assert_eq!(package.title.for_language("de-AT"), "Online-Seminar");
    assert_eq!(package.title.for_language("fr"), "Webinar");
    assert_eq!(package.audience.consent.for_language("de-AT"), "Ja, gern.");
    assert_eq!(package.audience.consent.for_language("de"), "Yes please.");
    assert!(package.is_for_region("at") && !package.is_for_region("FR"));
    assert!(package.is_for_partner_type("msp ") && !package.is_for_partner_type("agency"));
    assert_eq!(package.motion, Motion::Event { event_at: "event_at".to_owned() });
    assert_eq!(package.goals[0].kind, GoalKind::Click);
    assert_eq!(package.goals[0].target.unwrap().get(), 0.05);
    assert_eq!(package.landing_page.as_ref().unwrap().template, "landing");
    let due: Vec<_> =
        package.steps.iter().map(|step| step.due.map(|due| due.to_string())).collect();
    let due: Vec<_> = due.iter().map(Option::as_deref).collect();
    assert_eq!(due, [Some("T-14d 09:00"), Some("0"), Some("T-7d"), None, None]);
    assert!(
        matches!(&package.steps[2].kind, StepKind::Social { networks, .. } if networks.len() == 2)
    );
    let by_clock: Vec<_> = package.clock_steps().map(|step| step.key.as_str()).collect();
    assert_eq!(by_clock, ["invite"], "a branch leads to the reminder");
}

#[test]
fn a_vendor_s_logo_stands_beside_the_partner_s() {
    let logo = "[assets.vendor_logo]\nfile = \"assets/vendor.png\"\nalt = \"Northwind\"\n";
    let mut files = small::with(logo);
    // White on a clear ground: it lies on white.
    let clear =
        image::RgbaImage::from_fn(400, 100, |x, _| image::Rgba([255, 255, 255, (x / 2) as u8]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    clear.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    files.insert("assets/vendor.png", bytes.into_inner());
    let version = published(&files);
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    let html = small::mail(&compiled, &small::sample(&[]), &[]).html;
    let picture = version.package.assets["vendor_logo"].picture.clone().unwrap();
    let shown = image::load_from_memory(&version.assets[0].bytes).unwrap().to_rgba8();
    assert_eq!(shown.get_pixel(0, 0).0, [0x1C, 0x1C, 0x20, 255], "it got a dark ground");
    let needle = format!("src=\"https://portal.example/a/{}.png\" width=\"1", picture.hash);
    assert!(html.contains(&needle) && html.contains("alt=\"Northwind Secure\""), "{html}");
    let without = small::mail(
        &Compiled::from_blob(&published(&small::with("")).blob).unwrap(),
        &small::sample(&[]),
        &[],
    );
    assert!(without.html.contains("with Northwind Secure"), "{}", without.html);
}

#[test]
fn what_is_kept_and_not_run_is_said_in_notes() {
    let found = check(&whole(), &SharedTemplates::embedded());
    assert!(found.iter().all(|d| d.severity == Severity::Note), "{found:#?}");
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "package.toml:37:2: note: not enabled: the landing page is checked and kept, not served",
            "package.toml:64:7: note: not enabled: step `reminder`: only a branch leads to it, and branches are not decided yet",
            "package.toml:69:7: note: not enabled: step `post`: steps of kind `social` are checked and kept, not posted",
            "package.toml:76:7: note: not enabled: step `pause`: steps of kind `wait` are checked and kept, not waited for",
            "package.toml:81:7: note: not enabled: step `opened`: steps of kind `branch` are checked and kept, not decided",
        ]
    );
}

#[test]
fn pictures_are_published_under_their_hash_and_shown_in_their_size() {
    let version = published(&whole());
    assert_eq!(version.assets.len(), 2);
    for asset in &version.assets {
        assert_eq!(asset.hash, domain::ContentHash::of(&asset.bytes));
    }
    let hero = version.package.assets["hero"].picture.clone().unwrap();
    let mark = version.package.assets["mark"].picture.clone().unwrap();
    assert_eq!((hero.width, hero.height, mark.width, mark.height), (300, 100, 80, 40));
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    let mail = small::mail(&compiled, &small::sample(&[("about", "<p>We <em>are</em></p>")]), &[]);
    for needle in [
        format!(
            "<img src=\"https://portal.example/a/{}.png\" width=\"150\" height=\"50\" alt=\"A harbour\">",
            hero.hash
        ),
        format!("<img src=\"https://portal.example/a/{}.png\" width=\"80\" alt=\"\">", mark.hash),
        "<p>We <em>are</em></p>".to_owned(),
    ] {
        assert!(mail.html.contains(&needle), "{needle}\n{}", mail.html);
    }
    assert!(mail.text.contains("\nx\n\nWe are\n"), "{}", mail.text);
    assert_eq!(mail.subject, "Webinar");
}

/// A blob that says it has a picture no message can show is none that was published.
#[test]
fn a_version_whose_picture_was_changed_is_not_read() {
    let version = published(&whole());
    let blob = String::from_utf8(version.blob).unwrap();
    let changed =
        blob.replacen("\"extension\":\"png\"", "\"extension\":\"png\\\" onerror=\\\"x\"", 1);
    assert_ne!(changed, blob);
    let error = Compiled::from_blob(changed.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "not a package version: the asset `hero` has no picture");
}

#[test]
fn an_always_on_package_has_an_edition_for_each_occurrence() {
    let step = "[motion]\nkind = \"always-on\"\nperiod = \"1mo\"\n[[steps]]\nkey = \"news\"\nkind = \"email\"\nafter = \"3d 09:00\"\n";
    let mut files = with_manifest(&format!("{HEAD}{step}editions = [\"announce\", \"second\"]\n"));
    for (file, text) in
        [("subject.txt", "Second"), ("body.txt", "Second"), ("body.html", "<p>Second</p>")]
    {
        files.insert(format!("en/second/{file}.hbs"), text);
    }
    assert_eq!(found(&files), Vec::<String>::new());
    let compiled = Compiled::from_blob(&published(&files).blob).unwrap();
    let step = compiled.steps()[0].key.clone();
    let shelf = small::sample(&[]).shelf();
    let subject = |occurrence| {
        let skeleton = compiled.skeleton_of(&step, occurrence, "en", &shelf, small::PUBLIC)?;
        let links = render::MessageLinks::all_to(small::UNSUBSCRIBE);
        skeleton.message(&std::collections::BTreeMap::new(), &links).map(|mail| mail.subject)
    };
    assert_eq!(subject(0).unwrap(), "Hello");
    assert_eq!(subject(1).unwrap(), "Second");
    let error = subject(2).unwrap_err().to_string();
    assert_eq!(error, "step `news` has 2 editions, and none for occurrence 2");
}

#[test]
fn a_version_of_before_reads_and_keeps_its_hash() {
    // What an older program published, word for word.
    let old = r#"{"name":"spring","title":"Spring","vendor":"Northwind Secure","description":"","language":"en","validity":{"from":null,"until":null},"tiers":[],"audience":{"rule":"list","consent":""},"person_fields":["first_name","company"],"slots":{"cta_url":{"kind":"url","label":"Link","max_length":500,"required":false,"default":""},"spotlight":{"kind":"text","label":"About you","max_length":300,"required":false,"default":""}},"layout":"cobrand","steps":[{"key":"announce","kind":"email","after":"0","template":"announce"}]}"#;
    let read: render::Package = serde_json::from_str(old).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), old);
    let today = published(&with("[slots.cta_url]\nkind = \"url\"\nlabel = \"Link\"\n")).package;
    assert_eq!(today, read);
}

#[test]
fn a_package_without_an_email_does_nothing_and_check_says_so() {
    let wait = "[[steps]]\nkey = \"w\"\nkind = \"wait\"\nfor = \"2d\"\n";
    let found = found(&with_manifest(&format!("{HEAD}{wait}")));
    assert!(
        found.iter().any(|line| line
            .starts_with("package.toml:9:7: warning: no step is an email that the clock sends")),
        "{found:#?}"
    );
}

#[test]
fn posts_and_pages_are_checked_like_mail() {
    for (path, template, expected) in [
        (
            "en/post/post.txt.hbs",
            "{{person.first_name}}",
            "1:3: error: the package declares no person field",
        ),
        (
            "en/post/post.txt.hbs",
            "{{> footer}}",
            "1:1: error: there is no partial `footer`; expected none here",
        ),
        (
            "en/post/alt.txt.hbs",
            "{{partner.nmae}}",
            "1:3: error: there is nothing called `partner.nmae`; expected perhaps `partner.name`",
        ),
        ("en/landing/page.html.hbs", "<script>", "1:2: error: `<script>` has no place in mail"),
        (
            "en/landing/page.html.hbs",
            "{{links.unsubscribe}}",
            "1:3: error: there is nothing called `links.unsubscribe`",
        ),
        (
            "en/landing/page.html.hbs",
            "<a href=\"{{slots.about}}\">",
            "1:12: error: a value stands in an attribute, and it has markup",
        ),
    ] {
        let mut files = whole();
        files.insert(path, template);
        let found = found(&files);
        let expected = format!("{path}:{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{template}\n{found:#?}\nwant {expected}"
        );
    }
}

#[test]
fn pictures_that_nothing_names_are_pointed_out() {
    let mut files = whole();
    files.insert("assets/old.png", png());
    let found = found(&files);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("assets/old.png:1:1: warning: nothing uses this file")),
        "{found:#?}"
    );
}

#[test]
fn a_package_says_what_is_counted_of_its_mail() {
    let compiled = |more: &str| {
        let files = with(more);
        Compiled::from_blob(&published(&files).blob).unwrap().package().tracking
    };
    let all = compiled("");
    assert!(all.opens && all.clicks, "everything, if it says nothing");
    let some = compiled("[tracking]\nclicks = false\n");
    assert!(some.opens && !some.clicks);
    // What says nothing new is the same version.
    let named = |more: &str| published(&with(more)).hash;
    assert_eq!(named(""), named("[tracking]\nopens = true\n"));
    assert_ne!(named(""), named("[tracking]\nopens = false\n"));
    let lines = found(&with("[tracking]\nopens = \"no\"\nviews = true\n"));
    assert!(lines.iter().any(|line| line.contains("`opens`")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("`views`")), "{lines:?}");
}
