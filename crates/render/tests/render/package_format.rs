//! Everything `package.toml` can say is read, checked with its place, and kept in the version.

use render::{
    Compiled, GoalKind, Motion, PackageFiles, Severity, SharedTemplates, StepKind, check,
};

use crate::small::{self, HEAD, STEP, found, published, with, with_manifest};

/// A png of 300 x 100 pixels.
fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let pixel = |x, y| image::Rgb([x as u8, y as u8, 9]);
    image::RgbImage::from_fn(300, 100, pixel)
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

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
    for language in ["en", "de"] {
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
    // Words in shared partials are English only.
    let shared = SharedTemplates::embedded();
    let english = check(&files, &shared);
    assert!(english.iter().any(|d| d.message.contains("there is no partial")), "{english:#?}");
    for path in files.iter().map(|(path, _)| path.to_owned()).collect::<Vec<_>>() {
        if path.starts_with("de/") {
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
        let links = render::MessageLinks { unsubscribe_url: small::UNSUBSCRIBE };
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

/// Each mistake with the beginning of what is said about it: the key it belongs to, what is written,
/// what is found.
#[test]
fn each_mistake_is_named_with_its_place() {
    let cases: &[(&str, &str)] = &[
        ("[eligibility]\nregions = [\"UK\"]\n", "9:12: error: `UK` is no country; expected `GB`"),
        ("[eligibility]\nregions = [\"at\"]\n", "9:12: error: `at` is no country; expected `AT`"),
        (
            "[eligibility]\nregion = [\"AT\"]\n",
            "9:1: error: `[eligibility]` has no key `region`; expected perhaps `regions`",
        ),
        ("[eligibility]\npartner_types = [\"\"]\n", "9:18: error: `` is no kind of partner"),
        (
            "[motion]\nkind = \"evnet\"\n",
            "9:8: error: there is no kind `evnet`; expected perhaps `event`",
        ),
        ("[motion]\nkind = \"event\"\n", "8:1: error: the key `event_at` of `[motion]` is missing"),
        (
            "[motion]\nkind = \"event\"\nevent_at = \"day\"\n",
            "10:12: error: there is no slot `day`; expected a table `[slots.day]` with `kind = \"datetime\"`",
        ),
        (
            "[motion]\nkind = \"event\"\nevent_at = \"a\"\n[slots.a]\nkind = \"text\"\nlabel = \"A\"\n",
            "10:12: error: the slot `a` is of kind `text`; expected a slot of kind `datetime`",
        ),
        (
            "[motion]\nkind = \"event\"\nevent_at = \"a\"\n[slots.a]\nkind = \"datetime\"\nlabel = \"A\"\n",
            "10:12: error: the slot `a` may be left empty; expected `required = true`",
        ),
        (
            "[motion]\nkind = \"always-on\"\nperiod = \"1 month\"\n",
            "10:10: error: `1 month` is no `period`; expected a period like \"1w\"",
        ),
        (
            "[motion]\nkind = \"always-on\"\nperiod = \"1mo\"\nevent_at = \"x\"\n",
            "11:1: error: a motion of kind `always-on` has no `event_at`; expected `event_at` with kind `event` only",
        ),
        ("[[goals]]\nkey = \"A\"\ntitle = \"A\"\nkind = \"click\"\n", "9:7: error: `A` is no name"),
        (
            "[[goals]]\nkey = \"a\"\ntitle = \"A\"\nkind = \"klick\"\n",
            "11:8: error: there is no kind `klick`; expected perhaps `click`",
        ),
        (
            "[[goals]]\nkey = \"a\"\ntitle = \"A\"\nkind = \"click\"\ntarget = 5\n",
            "12:10: error: `target` is no share; expected a number from 0 to 1",
        ),
        (
            "[[goals]]\nkey = \"a\"\ntitle = \"A\"\nkind = \"click\"\n[[goals]]\nkey = \"a\"\ntitle = \"A\"\nkind = \"form\"\n",
            "13:7: error: the goal `a` is here again",
        ),
        ("[landing_page]\n", "8:1: error: the key `template` of `[landing_page]` is missing"),
        (
            "[landing_page]\ntemplate = \"page\"\n",
            "8:2: error: the landing page has no file `en/page/page.html.hbs`",
        ),
        (
            "[assets.hero]\nfile = \"hero.png\"\nalt = \"\"\n",
            "9:8: error: `hero.png` is no picture of the package; expected a file like `assets/hero.png`",
        ),
        (
            "[assets.hero]\nfile = \"assets/../hero.png\"\nalt = \"\"\n",
            "9:8: error: `assets/../hero.png` is no picture of the package",
        ),
        (
            "[assets.hero]\nfile = \"assets/hero.gif\"\nalt = \"\"\n",
            "9:8: error: `assets/hero.gif` is no picture of the package",
        ),
        (
            "[assets.hero]\nfile = \"assets/hero.png\"\nalt = \"\"\n",
            "9:8: error: there is no file `assets/hero.png`; expected perhaps `assets/here.png`",
        ),
        (
            "[assets.hero]\nfile = \"assets/bad.png\"\nalt = \"\"\n",
            "9:8: error: `assets/bad.png`: the file is no picture that is known",
        ),
        (
            "[assets.hero]\nfile = \"assets/here.png\"\n",
            "8:9: error: the key `alt` of `[assets.hero]` is missing",
        ),
        (
            "[assets.hero]\nfile = \"assets/here.png\"\nalt = \"\"\nwidth = 0\n",
            "11:9: error: `width` is not possible; expected a number of CSS pixels from 1 to 1200",
        ),
        (
            "[assets.Hero]\nfile = \"assets/here.png\"\nalt = \"\"\n",
            "8:9: error: `Hero` is no name of an asset",
        ),
        (
            "[slots.a]\nkind = \"colour\"\nlabel = \"A\"\nmax_length = 3\n",
            "11:1: error: a slot of kind `colour` has no `max_length`; expected `max_length` with kind `text` or `rich_text` or `url` only",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = \"A\"\nhosts = [\"a.example\"]\n",
            "11:1: error: a slot of kind `text` has no `hosts`",
        ),
        (
            "[slots.a]\nkind = \"url\"\nlabel = \"A\"\nhosts = [\"https://a.example\"]\n",
            "11:10: error: `https://a.example` is no host",
        ),
        (
            "[slots.a]\nkind = \"url\"\nlabel = \"A\"\nhosts = [\"a.example\"]\ndefault = \"https://b.example/\"\n",
            "12:11: error: the default does not fit the slot: it leads to `b.example`; expected a link to `a.example`",
        ),
        (
            "[slots.a]\nkind = \"choice\"\nlabel = \"A\"\n",
            "8:8: error: the key `choices` of `[slots.a]` is missing",
        ),
        (
            "[slots.a]\nkind = \"choice\"\nlabel = \"A\"\nchoices = [{ value = \"x\", label = \"X\" }]\n",
            "11:12: error: there is only one choice; expected 2 to 20",
        ),
        (
            "[slots.a]\nkind = \"choice\"\nlabel = \"A\"\nchoices = [{ value = \"x\", label = \"X\" }, { value = \"x\", label = \"Y\" }]\n",
            "11:52: error: the choice `x` is here again",
        ),
        (
            "[slots.a]\nkind = \"choice\"\nlabel = \"A\"\ndefault = \"z\"\nchoices = [{ value = \"x\", label = \"X\" }, { value = \"y\", label = \"Y\" }]\n",
            "11:11: error: the default does not fit the slot: `z` is none of the choices; expected",
        ),
        (
            "[slots.a]\nkind = \"image\"\nlabel = \"A\"\ndefault = \"x\"\n",
            "11:1: error: a slot of kind `image` has no `default`",
        ),
        (
            "[slots.a]\nkind = \"image\"\nlabel = \"A\"\nmin_width = 5000\n",
            "11:13: error: `min_width` is not possible; expected a number of pixels from 1 to 4096",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = \"A\"\nfill = \"partner.nmae\"\n",
            "11:8: error: there is no fill `partner.nmae`; expected perhaps `partner.name`",
        ),
        (
            "[slots.a]\nkind = \"colour\"\nlabel = \"A\"\nfill = \"partner.name\"\n",
            "11:8: error: `partner.name` does not fill a slot of kind `colour`; expected a slot of kind `text`",
        ),
        (
            "[slots.a]\nkind = \"datetime\"\nlabel = \"A\"\ndefault = \"2026-03-29T02:30[Europe/Vienna]\"\n",
            "11:11: error: the default does not fit the slot: 02:30:00 does not exist",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = { de = \"A\" }\n",
            "10:9: error: `label` has no text in `en`, the package's own language; expected `en = \"…\"` among its languages",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = { en = \"A\", german = \"B\" }\n",
            "10:21: error: `german` of `label` is no language",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = \"A\"\nmax_length = 3\ndefault = { en = \"abc\", de = \"abcd\" }\n",
            "12:30: error: the default does not fit the slot: it has 4 characters; expected at most 3",
        ),
        (
            "[slots.a]\nkind = \"colour\"\nlabel = \"A\"\n[slots.a_ink]\nkind = \"text\"\nlabel = \"B\"\n",
            "11:8: error: `a_ink` has a meaning already; expected another name: every colour has its `_ink`",
        ),
    ];
    for (written, expected) in cases {
        let mut files = with(written);
        files.insert("assets/here.png", png());
        files.insert("assets/bad.png", "nothing");
        let found = found(&files);
        let expected = format!("package.toml:{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{written}\n{found:#?}\nwant {expected}"
        );
    }
}

#[test]
fn each_mistake_in_a_step_is_named_with_its_place() {
    let event = "[motion]\nkind = \"event\"\nevent_at = \"e\"\n[slots.e]\nkind = \"datetime\"\nlabel = \"E\"\nrequired = true\n";
    let on = "[motion]\nkind = \"always-on\"\nperiod = \"1w\"\n";
    let cases: &[(&str, &str, &str)] = &[
        (
            "",
            "after = \"3d 9:00\"",
            "11:9: error: `3d 9:00` is no `after`; expected an offset like",
        ),
        ("", "after = \"36h 09:00\"", "11:9: error: `36h 09:00` is no `after`"),
        ("", "after = \"T-3d\"", "11:9: error: `T-3d` is no `after`"),
        (
            "",
            "at = \"T-3d\"",
            "11:6: error: `at` stands in a package without an event; expected `after`, or a `[motion]`",
        ),
        (
            event,
            "at = \"3d\"",
            "18:6: error: `3d` is no `at`; expected a time before or after the event",
        ),
        (
            event,
            "at = \"T-3d\"\nafter = \"0\"",
            "18:6: error: a step has both `after` and `at`; expected one of them",
        ),
        (
            event,
            "",
            "15:1: error: the key `after` of `[[steps]]` is missing; expected `after = …`, an offset like \"0\", \"36h\", \"3d\" or \"3d 09:00\"; or `at = …`",
        ),
        (
            "",
            "after = \"0\"\neditions = [\"announce\"]",
            "12:12: error: `editions` stand in a package that does not go on",
        ),
        (
            on,
            "after = \"0\"\neditions = [\"announce\"]\ntemplate = \"announce\"",
            "16:1: error: a step has both `template` and `editions`",
        ),
        (
            on,
            "after = \"0\"\neditions = [\"announce\", \"next\"]",
            "12:7: error: the step `announce` has no file `en/next/subject.txt.hbs`",
        ),
        (
            on,
            "after = \"0\"\neditions = []",
            "15:12: error: there are 0 editions; expected 1 to 120",
        ),
        (
            "",
            "after = \"0\"\nnetworks = [\"linkedin\"]",
            "12:1: error: a step of kind `email` has no `networks`; expected `networks` with kind `social` only",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"",
            "12:1: error: the key `networks` of `[[steps]]` is missing",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"\nnetworks = [\"facebook\"]",
            "16:13: error: there is no network `facebook`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"\nnetworks = []",
            "16:12: error: there are no networks",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"\nnetworks = [\"bluesky\"]\nimage = \"x\"",
            "17:9: error: there is no asset `x`; expected a table `[assets.x]`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"\nnetworks = [\"bluesky\"]",
            "13:7: error: the step `p` has no file `en/p/post.txt.hbs`; expected the text of the post",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"w\"\nkind = \"wait\"",
            "12:1: error: the key `for` of `[[steps]]` is missing",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"w\"\nkind = \"wait\"\nfor = \"2 days\"",
            "15:7: error: `2 days` is no `for`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"w\"\nkind = \"wait\"\nfor = \"2d\"\nafter = \"0\"",
            "16:1: error: a step of kind `wait` has no `after`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"anounce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"announce\"",
            "15:6: error: there is no step `anounce`; expected an email: perhaps `announce`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"b\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"announce\"",
            "15:6: error: the step `b` is of kind `branch`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clikced\"\nwithin = \"2d\"\nthen = \"announce\"",
            "16:6: error: there is no on `clikced`; expected perhaps `clicked`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"",
            "12:1: error: the key `then` of `[[steps]]` is missing",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"b\"",
            "18:8: error: the branch leads to itself",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nelse = \"nowhere\"",
            "18:8: error: there is no step `nowhere`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"announce\"\nelse = \"announce\"",
            "19:8: error: both ways of the branch are the same",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"c\"\n[[steps]]\nkey = \"c\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"b\"",
            "13:7: error: the branch `b` leads back to itself",
        ),
        ("", "after = \"0\"\nsend = \"now\"", "12:1: error: `[[steps]]` has no key `send`"),
    ];
    for (before, written, expected) in cases {
        let step = STEP.replace("after = \"0\"", written);
        let found = found(&with_manifest(&format!("{HEAD}{before}{step}\n")));
        let expected = format!("package.toml:{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{before}{written}\n{found:#?}\nwant {expected}"
        );
    }
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
