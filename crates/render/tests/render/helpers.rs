//! Helpers write in the language of the message, and take what they can write.

use render::{Compiled, PackageFiles, publish};

use crate::small::{found, mail, published, sample, shared, with};

const SLOTS: &str = r#"[slots.event_at]
kind = "datetime"
label = "When"
default = "2026-12-03T18:05[Europe/Vienna]"
[slots.seats]
kind = "text"
label = "Seats"
[slots.site]
kind = "url"
label = "Site"
fill = "partner.web_site"
[slots.accent]
kind = "colour"
label = "Accent"
fill = "partner.colour"
[slots.about]
kind = "rich_text"
label = "About"
[slots.speaker]
kind = "person"
label = "Speaker"
fill = "partner.contact"
[slots.photo]
kind = "image"
label = "Photo"
[slots.tone]
kind = "choice"
label = "Tone"
choices = [{ value = "short", label = "Short" }, { value = "long", label = "Long" }]
"#;

fn package(subject: &str, text: &str, html: &str) -> PackageFiles {
    let mut files = with(SLOTS);
    files.insert("en/announce/subject.txt.hbs", subject);
    files.insert("en/announce/body.txt.hbs", text);
    files.insert("en/announce/body.html.hbs", html);
    files
}

fn compiled(subject: &str, text: &str, html: &str) -> Compiled {
    let files = package(subject, text, html);
    Compiled::from_blob(&published(&files).blob).unwrap()
}

#[test]
fn values_of_every_kind_are_written() {
    let hash = "3f1c8f5f2f4a4e2f8c4bb2c6b1f1b7a5d6e0c9d8b7a69584736251403f2e1d0c";
    let compiled = compiled(
        "{{date slots.event_at \"short\"}} {{plural slots.seats \"one\" \"# place\" \"other\" \"# places\"}}",
        "{{datetime slots.event_at}}\n\n{{number 1234.5}}\n\n{{slots.about}}\n\n{{link slots.site}}\n",
        "<p title=\"{{date slots.event_at \"full\"}}\">{{date slots.event_at}}, {{time slots.event_at}}</p>\
         <a href=\"{{link slots.site}}\">x</a><a href=\"{{link \"https://vendor.example/\"}}\">y</a>\
         <p style=\"color:{{slots.accent_ink}};background:{{slots.accent}}\">{{slots.speaker.name}} {{slots.speaker.email}}</p>\
         {{#if slots.photo}}<img src=\"{{slots.photo.url}}\" width=\"{{slots.photo.width}}\" alt=\"{{slots.photo.alt}}\">{{/if}}\
         {{#if (eq slots.tone \"short\")}}S{{else}}L{{/if}}<div>{{slots.about}}</div>",
    );
    let photo = format!("{hash}.png 600x300 \"Us\" & you");
    let sample = sample(&[
        ("seats", "1250"),
        ("photo", &photo),
        ("tone", "long"),
        ("about", "<p>A <em>b</em></p><script>x</script><ul><li>c</ul>"),
    ]);
    let mail = mail(&compiled, &sample, &[]);
    assert_eq!(mail.subject, "03/12/2026 1,250 places", "as in Britain");
    let text = "Thursday, 3 December 2026 at 18:05 Central European Time\n\n1,234.5\n\nA b\n\n- c\n\nhttps://harbour-vale.example/\n";
    assert!(mail.text.contains(text), "{}", mail.text);
    for needle in [
        "<p title=\"Thursday, 3 December 2026\">3 December 2026, 18:05 Central European Time</p>",
        "<a href=\"https://harbour-vale.example/\">x</a><a href=\"https://vendor.example/\">y</a>",
        "<p style=\"color:#0b6e4f;background:#0b6e4f\">Priya Raman priya@harbour-vale.example</p>",
        &format!(
            "<img src=\"https://portal.example/a/{hash}.png\" width=\"600\" alt=\"&quot;Us&quot; &amp; you\">"
        ),
        "L<div><p>A <em>b</em></p><ul><li>c</li></ul></div>",
    ] {
        assert!(mail.html.contains(needle), "{needle}\n{}", mail.html);
    }
}

#[test]
fn dates_are_written_as_in_the_partner_s_region_where_it_speaks_the_language() {
    let shared =
        shared(&[("email/partials/en/when.html.hbs", "{{date at}} {{number 1234.5}} {{x}}")]);
    let html = "{{date slots.event_at}}<p>{{> when at=slots.event_at x=\"y\"}}</p>";
    let version = publish(&package("x", "x", html), &shared).unwrap();
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    for (locale, date, number) in [
        ("en-GB", "3 December 2026", "1,234.5"),
        ("en-US", "December 3, 2026", "1,234.5"),
        ("EN-au", "3 December 2026", "1,234.5"),
        ("en", "December 3, 2026", "1,234.5"),
        // Its contacts get English: as English is written everywhere.
        ("de-AT", "December 3, 2026", "1,234.5"),
        ("enx-GB", "December 3, 2026", "1,234.5"),
    ] {
        let mut sample = sample(&[]);
        sample.brand.locale = locale.to_owned();
        let mail = mail(&compiled, &sample, &[]);
        let expected = format!("{date}<p>{date} {number} y</p>");
        assert!(mail.html.contains(&expected), "{locale}: {expected} in {}", mail.html);
    }
}

#[test]
fn what_the_partner_left_is_nothing() {
    let compiled = compiled(
        "x{{plural slots.seats \"one\" \"# place\" \"other\" \"# places\"}}",
        "x",
        "{{#if slots.photo}}P{{/if}}{{#if slots.about}}A{{/if}}<p>[{{slots.about}}]</p>",
    );
    let mail = mail(&compiled, &sample(&[("seats", "many")]), &[]);
    assert_eq!(mail.subject, "xmany places", "no number is the form for every other one");
    assert!(mail.html.contains("<p>[]</p>"), "{}", mail.html);
}

#[test]
fn an_argument_of_a_partial_may_be_called_like_a_helper() {
    let files = package("x", "x", "{{> week number=\"1\" title=\"a\" text=\"b\"}}");
    let week = "<p>Week {{number}}: {{title}} {{text}}</p>";
    let shared = shared(&[("email/partials/en/week.html.hbs", week)]);
    let version = publish(&files, &shared).unwrap_or_else(|found| panic!("{found:#?}"));
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    let mail = mail(&compiled, &sample(&[]), &[]);
    assert!(mail.html.contains("<p>Week 1: a b</p>"), "{}", mail.html);
}

#[test]
fn a_call_that_can_not_be_is_named_with_its_place() {
    let html = "en/announce/body.html.hbs";
    for (source, expected) in [
        (
            "{{date slots.event_at \"lnog\"}}",
            "1:23: error: there is no style `lnog`; expected perhaps `long`",
        ),
        (
            "{{date slots.event_at slots.seats}}",
            "1:3: error: `date` can't be called like this; expected `date value \"long\"`",
        ),
        ("{{date slots.seats}}", "1:3: error: `date` can't be called like this"),
        ("{{date person.first_name}}", "1:3: error: `date` can't be called like this"),
        (
            "{{time slots.seats}}",
            "1:3: error: `time` can't be called like this; expected `time value` with a slot of kind `datetime`",
        ),
        ("{{datetime \"2026-01-01\"}}", "1:3: error: `datetime` can't be called like this"),
        (
            "{{slots.event_at}}",
            "1:3: error: this can't be written as text; expected `{{date …}}`, `{{time …}}` or `{{datetime …}}`",
        ),
        (
            "{{number person.company}}",
            "1:3: error: `number` can't be called like this; expected `number value` with a number, none of a person",
        ),
        ("{{plural 1 \"one\" \"# place\"}}", "1:3: error: the category `other` is missing"),
        ("{{plural 1 \"one\"}}", "1:3: error: `plural` can't be called like this"),
        (
            "{{plural person.company \"other\" \"x\"}}",
            "1:3: error: `plural` can't be called like this",
        ),
        (
            "{{plural 1 \"oen\" \"x\" \"other\" \"y\"}}",
            "1:12: error: there is no plural category `oen`; expected perhaps `one`",
        ),
        (
            "{{plural 1 \"other\" \"x\" \"other\" \"y\"}}",
            "1:24: error: the category `other` is here twice",
        ),
        (
            "{{plural 1 \"other\" slots.seats}}",
            "1:20: error: the form of a plural is a text in quotes",
        ),
        (
            "{{plural 1 \"few\" \"x\" \"other\" \"y\"}}",
            "1:12: warning: `en` has no plural category `few`: it is never used; expected among `one`, `other`",
        ),
        ("{{link slots.seats}}", "1:3: error: `link` can't be called like this"),
        ("{{link links.unsubscribe}}", "1:3: error: `link` can't be called like this"),
        ("{{link \"http://a.example/\"}}", "1:8: error: `http://a.example/` is no https link"),
        (
            "{{link \"https://a.example\"}}",
            "1:8: error: `https://a.example` is not how the link is written; expected `https://a.example/`",
        ),
        (
            "<a href=\"https://a.example/{{link slots.site}}\">",
            "1:30: error: a value stands in a link without encoding",
        ),
        ("<p style=\"{{link slots.site}}\">", "1:13: error: a value stands in a style"),
        (
            "<a href=\"{{slots.about}}\">",
            "1:12: error: a value stands in an attribute, and it has markup",
        ),
        ("<style>{{slots.about}}</style>", "1:10: error: a value stands in a style sheet"),
        (
            "{{default slots.about \"x\"}}",
            "1:3: error: `default` can't be called like this; expected values that are plain text",
        ),
        ("{{percent slots.about}}", "1:3: error: `percent` can't be called like this"),
        (
            "{{slots.photo}}",
            "1:3: error: this can't be written as text; expected `{{#if …}}`, or a value under it",
        ),
        ("{{slots.photo.size}}", "1:3: error: there is nothing called `slots.photo.size`"),
        (
            "{{slots.accent_inc}}",
            "1:3: error: there is nothing called `slots.accent_inc`; expected perhaps `slots.accent_ink`",
        ),
        ("<p style=\"{{slots.tone}}\">", "1:13: error: a value stands in a style"),
        (
            "<a href=\"{{slots.speaker.email}}\">",
            "1:12: error: a value stands as a link that is not one",
        ),
        ("{{assets.hero.url}}", "1:3: error: there is nothing called `assets.hero.url`"),
        (
            "{{dtae slots.event_at}}",
            "1:3: error: there is no helper `dtae`; expected perhaps `date`",
        ),
        (
            "{{#if (date slots.event_at)}}x{{/if}}{{date}}",
            "1:40: error: there is nothing called `date`",
        ),
    ] {
        let found = found(&package("x", "x", source));
        let expected = format!("{html}:{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{source}\n{found:#?}\nwant {expected}"
        );
    }
}

#[test]
fn german_is_written_as_germans_do() {
    let mut files = package("x", "x", "x");
    let manifest = String::from_utf8(files.get("package.toml").unwrap().to_vec()).unwrap();
    files.insert("package.toml", format!("language = \"de\"\n{manifest}"));
    let shared: Vec<(String, String)> = ["greeting", "spotlight", "footer", "masthead"]
        .iter()
        .flat_map(|name| {
            ["html", "txt"].map(|kind| {
                let path = format!("email/partials/en/{name}.{kind}.hbs");
                let file = format!("{}/../../templates/{path}", env!("CARGO_MANIFEST_DIR"));
                (path.replace("/en/", "/de/"), std::fs::read_to_string(file).unwrap_or_default())
            })
        })
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let shared: Vec<(&str, &str)> = shared.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    for file in ["subject.txt", "body.txt", "body.html"] {
        files.remove(&format!("en/announce/{file}.hbs"));
        files.insert(
            format!("de/announce/{file}.hbs"),
            "{{date slots.event_at}}, {{number 1234.5}}, {{plural 1 \"one\" \"# Platz\" \"other\" \"# Plätze\"}}",
        );
    }
    let version = render::publish(&files, &crate::small::shared(&shared))
        .unwrap_or_else(|found| panic!("{found:#?}"));
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    let step = compiled.steps()[0].key.clone();
    let shelf = sample(&[]).shelf();
    let skeleton = compiled.skeleton(&step, "de", &shelf, crate::small::PUBLIC).unwrap();
    let links = render::MessageLinks::all_to(crate::small::UNSUBSCRIBE);
    let mail = skeleton.message(&std::collections::BTreeMap::new(), &links).unwrap();
    assert_eq!(mail.subject, "3. Dezember 2026, 1.234,5, 1 Platz");
}
