//! What the vendor locked reaches every recipient byte for byte, once, where it is seen; or nothing does.

use std::collections::BTreeMap;

use domain::PartnerShelf;
use proptest::prelude::*;
use render::{
    Compiled, MessageLinks, PackageFiles, RenderError, Rendered, SharedTemplates, publish,
};
use scraper::{ElementRef, Html};

use crate::small::{self, found, mail, published, sample, shared, with};

const SLOTS: &str = r##"[slots.about]
kind = "rich_text"
label = "About"
[slots.accent]
kind = "colour"
label = "Accent"
default = "#0b6e4f"
[slots.site]
kind = "url"
label = "Site"
fill = "partner.web_site"
[slots.photo]
kind = "image"
label = "Photo"
[slots.tone]
kind = "choice"
label = "Tone"
choices = [{ value = "short", label = "Short" }, { value = "long", label = "Long" }]
[slots.speaker]
kind = "person"
label = "Speaker"
fill = "partner.contact"
[slots.event_at]
kind = "datetime"
label = "When"
default = "2026-12-03T10:00[Europe/Vienna]"
"##;

const HTML_LOCK: &str = "<p class=\"terms\" style=\"color:#26272b\">Terms &amp; <b>conditions</b> apply.<br>Ask us.</p>";
const TEXT_LOCK: &str = "Terms & conditions apply. Ask us about them at any time, by telephone, by mail or in our offices in Bristol and in Exeter.";

fn package(text: &str, html: &str) -> PackageFiles {
    let mut files = with(SLOTS);
    files.insert("en/announce/body.txt.hbs", text);
    files.insert("en/announce/body.html.hbs", html);
    files
}

/// A lock with something before and after it.
fn around(before: &str, after: &str) -> PackageFiles {
    let html = format!("{before}{{{{#lock \"terms\"}}}}\n{HTML_LOCK}\n{{{{/lock}}}}{after}");
    package("x", &html)
}

fn compiled(files: &PackageFiles) -> Compiled {
    Compiled::from_blob(&published(files).blob).unwrap()
}

#[test]
fn locks_are_in_the_message_as_they_were_written() {
    let text = format!("Hello\n\n{{{{#lock \"terms\"}}}}\n{TEXT_LOCK}\n{{{{/lock}}}}\n\nBye");
    let html = format!(
        "<p>Hello</p>\n{{{{#lock \"terms\"}}}}\n{HTML_LOCK}\n{{{{/lock}}}}\n{{{{#lock \"second\"}}}}<p>Second.</p>{{{{/lock}}}}<p>Bye</p>"
    );
    let compiled = compiled(&package(&text, &html));
    let mail = mail(&compiled, &sample(&[]), &[]);
    assert!(mail.html.contains(&format!("<p>Hello</p>\n{HTML_LOCK}\n")), "{}", mail.html);
    let paragraphs: Vec<String> = mail.text.split("\n\n").map(|it| it.replace('\n', " ")).collect();
    assert!(paragraphs.iter().any(|it| it.trim() == TEXT_LOCK), "{}", mail.text);
    for part in [&mail.html, &mail.text, &mail.subject] {
        assert!(
            !part.contains("lock:")
                && !part.contains("{{")
                && !part.contains(['\u{FDD0}', '\u{FDD1}']),
            "{part}"
        );
    }
}

#[test]
fn where_a_lock_may_not_stand_is_named_with_its_place() {
    let lock = "{{#lock \"terms\"}}x{{/lock}}";
    for (html, expected) in [
        (
            format!("{{{{#if partner.logo}}}}{lock}{{{{/if}}}}"),
            "1:21: error: a lock stands in a block, and may be left out",
        ),
        (
            format!("{{{{#unless person.company}}}}{lock}{{{{/unless}}}}"),
            "1:27: error: a lock stands in a block",
        ),
        (
            format!("{{{{#each partner.address}}}}{lock}{{{{/each}}}}"),
            "1:26: error: a lock stands in a block",
        ),
        (format!("<p title=\"{lock}\">"), "1:11: error: a lock stands inside a tag"),
        (
            format!("<!-- {lock} -->"),
            "1:6: error: a lock stands inside a tag, a comment or a style sheet",
        ),
        (format!("<style>{lock}</style>"), "1:8: error: a lock stands inside a tag, a comment"),
        (
            format!("{lock}\n{lock}"),
            "2:1: error: the lock `terms` of line 1 is here again; expected a name for each lock",
        ),
        ("{{#lock \"terms\"}} {{/lock}}".to_owned(), "1:1: error: the lock is empty"),
        (
            "{{#lock \"terms\"}}<p>x{{/lock}}</p>".to_owned(),
            "1:1: error: the lock leaves `<p>` open; expected `</p>`",
        ),
        (
            "<p>{{#lock \"terms\"}}x</p>{{/lock}}".to_owned(),
            "1:4: error: `</p>` in a lock closes what was opened outside",
        ),
        (
            "{{#lock \"terms\"}}<p title=\"{{/lock}}\">x</p>".to_owned(),
            "1:1: error: the lock ends inside a tag",
        ),
        (
            "{{#lock \"terms\"}}<!-- x --><p>x</p>{{/lock}}".to_owned(),
            "1:1: error: a comment stands in a lock",
        ),
        (
            "{{#lock \"terms\"}}<script>x</script>{{/lock}}".to_owned(),
            "1:19: error: `<script>` has no place in mail",
        ),
        (
            "{{#lock \"terms\"}}{{partner.name}}{{/lock}}".to_owned(),
            "1:20: error: something that may change stands in a lock",
        ),
        ("{{#lock partner.name}}x{{/lock}}".to_owned(), "1:9: error: a lock has no such name"),
        ("{{#lock \"terms\"}}x".to_owned(), "1:1: error: `{{#lock}}` is never closed"),
        ("{{lock \"terms\"}}".to_owned(), "1:3: error: there is no helper `lock`"),
    ] {
        let found = found(&package("x", &html));
        let expected = format!("en/announce/body.html.hbs:{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{html}\n{found:#?}\nwant {expected}"
        );
    }
    for (path, text, expected) in [
        (
            "en/announce/body.txt.hbs",
            format!("Hello\n{lock}\n\nBye"),
            "2:1: error: the lock is no paragraph of its own",
        ),
        (
            "en/announce/body.txt.hbs",
            format!("Hello\n\n{lock} Bye"),
            "3:1: error: the lock is no paragraph of its own",
        ),
        (
            "en/announce/subject.txt.hbs",
            lock.to_owned(),
            "1:1: error: a lock stands outside the body of a mail",
        ),
        (
            "en/announce/preheader.html.hbs",
            lock.to_owned(),
            "1:1: error: a lock stands outside the body of a mail",
        ),
    ] {
        let mut files = package("x", "<p>x</p>");
        files.insert(path, text);
        let found = found(&files);
        let expected = format!("{path}:{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{found:#?}\nwant {expected}"
        );
    }
    let partial = shared(&[("email/partials/terms.html.hbs", lock)]);
    let refused = publish(&package("x", "{{> terms}}"), &partial).unwrap_err();
    assert!(refused[0].message.contains("outside the body"), "{refused:#?}");
}

/// Everything around a lock that hides it from somebody is found when the package is published.
#[test]
fn a_lock_that_somebody_does_not_see_is_refused() {
    for (before, after, why) in [
        ("<div style=\"display:none\">", "</div>", "`<div>` around it has `display: none`"),
        ("<div hidden>", "</div>", "the attribute `hidden`"),
        ("<div style=\"font-size:0\">", "</div>", "its text is 0 pixels high"),
        ("<style>.terms { visibility: hidden }</style>", "", "`visibility` hides it"),
        ("<table>", "<tr><td>x</td></tr></table>", "the page around it takes its text apart"),
        ("<!--[if mso]><p>x</p>", "<![endif]-->", "something that is not shown"),
        // The partner's colours.
        (
            "<style>.terms { color: {{partner.colour}} !important }</style>",
            "",
            "for a partner whose colour is #ffffff: it is not seen: its text is #ffffff on #ffffff",
        ),
        (
            "<div style=\"background-color:{{partner.colour}}\">",
            "</div>",
            "it is not seen: its text is #26272b on #0b6e4f: a contrast of 2.4 : 1",
        ),
        (
            "<div style=\"background-color:{{slots.accent}}\">",
            "</div>",
            "it is not seen: its text is #26272b on #0b6e4f: a contrast of 2.4 : 1",
        ),
        (
            "<style>@media (prefers-color-scheme: dark) { td { background-color: {{partner.colour}} !important } }</style>",
            "",
            "under a media query",
        ),
        // What depends on the person.
        (
            "{{#if person.company}}<div style=\"display:none\">{{else}}<div>{{/if}}",
            "</div>",
            "`display: none`",
        ),
        (
            "{{#if person.company}}<div>{{else}}<div style=\"display:none\">{{/if}}",
            "</div>",
            "`display: none`",
        ),
        (
            "{{#if partner.logo}}<div>{{else}}<div style=\"display:none\">{{/if}}",
            "</div>",
            "`display: none`",
        ),
    ] {
        let found = found(&around(before, after));
        let here = format!(
            "en/announce/body.html.hbs:1:{}: error: lock `terms`",
            before.chars().count() + 1
        );
        assert!(
            found.iter().any(|line| line.starts_with(&here) && line.contains(why)),
            "{before}\n{found:#?}\nwant {here} … {why}"
        );
    }
}

#[test]
fn colours_that_are_made_readable_may_stand_around_a_lock() {
    for (before, after) in [
        (
            "<div class=\"ink\" style=\"color:{{partner.ink}}\">{{#lock \"terms\"}}<span>x y z</span>{{/lock}}",
            "</div>",
        ),
        (
            "<div style=\"background-color:{{partner.colour}};color:{{partner.on_colour}}\">{{#lock \"terms\"}}<span>x y z</span>{{/lock}}",
            "</div>",
        ),
        (
            "<style>.x { border-color: {{slots.accent}} }</style><div class=\"x\">{{#lock \"terms\"}}<p>x y z</p>{{/lock}}",
            "</div>",
        ),
        (
            "<div style=\"background-color:#ffffff\"><font color=\"{{slots.accent_ink}}\">{{#lock \"terms\"}}<span>x y z</span>{{/lock}}",
            "</font></div>",
        ),
    ] {
        assert_eq!(
            found(&package("x", &format!("{before}{after}"))),
            Vec::<String>::new(),
            "{before}"
        );
    }
}

#[test]
fn a_layout_that_hides_or_repeats_the_content_is_refused() {
    let layout = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../templates/email/layouts/cobrand.html.hbs"
    ))
    .unwrap();
    for (content, why) in [
        ("{{> content}}{{> content}}", "it stands in the message 2 times, not once"),
        ("<div style=\"display:none\">{{> content}}</div>", "`display: none`"),
        ("{{#if partner.logo}}{{> content}}{{/if}}", "it is not seen"),
        ("{{#if person.first_name}}{{> content}}{{/if}}", "it is not seen"),
    ] {
        let shared = shared(&[(
            "email/layouts/cobrand.html.hbs",
            &layout.replace("{{> content}}", content),
        )]);
        let found = publish(&around("", ""), &shared).expect_err(content);
        assert!(found.iter().any(|d| d.message.contains(why)), "{content}\n{found:#?}");
    }
}

/// What a partner or a person writes can at most keep a message from leaving.
#[test]
fn a_second_copy_of_a_lock_stops_the_message() {
    let text = format!(
        "{{{{slots.about}}}}\n\n{{{{person.company}}}}\n\n{{{{#lock \"terms\"}}}}\n{TEXT_LOCK}\n{{{{/lock}}}}\n"
    );
    let html = "<div>{{slots.about}}</div>{{#lock \"terms\"}}<p>Terms apply.</p>{{/lock}}";
    let compiled = compiled(&package(&text, html));
    let step = compiled.steps()[0].key.clone();
    let message = |slots: &[(&str, &str)], company: &str| {
        let skeleton = compiled.skeleton(&step, "en", &sample(slots).shelf(), small::PUBLIC)?;
        let person = BTreeMap::from([("company".to_owned(), company.to_owned())]);
        skeleton.message(&person, &MessageLinks::all_to(small::UNSUBSCRIBE))
    };
    assert!(message(&[], "Acme").is_ok());
    let refused = |result: Result<Rendered, RenderError>| result.unwrap_err().to_string();
    assert_eq!(
        refused(message(&[("about", "<p>Terms apply.</p>")], "Acme")),
        "lock `terms` of body.html: it stands in the message 2 times, not once"
    );
    assert_eq!(
        refused(message(&[], TEXT_LOCK)),
        "lock `terms` of body.txt: it stands in the message 2 times, not once"
    );
}

#[test]
fn a_version_whose_lock_was_changed_is_not_read() {
    let version = published(&around("", ""));
    let blob = String::from_utf8(version.blob).unwrap();
    let changed = blob.replacen(
        "Terms &amp; <b>conditions</b> apply",
        "Terms &amp; <b>conditions</b> may apply",
        1,
    );
    assert_ne!(changed, blob);
    let error = Compiled::from_blob(changed.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "not a package version: its locks are not those it was published with");
    let start = blob.find(",\"locks\":").expect("the hashes are in the blob");
    let without = format!("{}}}", &blob[..start]);
    let error = Compiled::from_blob(without.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "not a package version: its locks are not those it was published with");
}

/// What somebody may write into a field.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "\\PC{0,40}",
        1 => "[<>/a-z =\"'&;#!-]{0,40}",
        2 => prop::sample::select(vec![
            "", "</td></tr></table>", "<!--", "-->", "<style>p{display:none}</style>", "</style>", "<div hidden>",
            "<p style=\"display:none\">", "\u{202E}", "\u{2067}", "<plaintext>", "<textarea>", "<select>", "<svg><title>",
            "<!--/lock:terms-->", "\u{FDD0}u\u{FDD1}", "\u{FDD0}lterms\u{FDD1}", "{{/lock}}", "<b>", "</p></div></body></html>",
            "<base href=\"https://evil.test\">", "<font color=white>", "<ul><li><ol><li>", "&lt;!--", "Terms & conditions",
        ]).prop_map(str::to_owned),
    ]
}

/// A partner and a person whose every field somebody else wrote.
fn world() -> impl Strategy<Value = (PartnerShelf, BTreeMap<String, String>)> {
    let texts = prop::collection::vec(hostile(), 14);
    (texts, any::<[u8; 6]>(), any::<bool>()).prop_map(|(texts, [r, g, b, x, y, z], has_photo)| {
        let mut shelf = sample(&[]).shelf();
        shelf.vendor_name.clone_from(&texts[0]);
        shelf.brand.name = format!("N{}", texts[1]);
        shelf.brand.postal_address = vec![format!("A{}", texts[2]), texts[3].clone()];
        shelf.brand.contact_person.name = format!("N{}", texts[4]);
        shelf.brand.contact_person.phone.clone_from(&texts[5]);
        shelf.brand.colour = format!("#{r:02x}{g:02x}{b:02x}");
        let mut slot = |name: &str, value: String| shelf.slots.insert(name.to_owned(), value);
        slot("spotlight", texts[6].clone());
        slot("about", format!("<p>x{}</p>{}", texts[7], texts[8]));
        slot("accent", format!("#{x:02x}{y:02x}{z:02x}"));
        slot("speaker", format!("N{} <a@example.com>", texts[9].replace(['<', '>'], "")));
        slot(
            "site",
            format!(
                "https://a.example/?{}",
                texts[10].replace(|c: char| c.is_whitespace() || c.is_control(), "")
            ),
        );
        if has_photo {
            slot("photo", format!("{}.png 600x300 {}", domain::ContentHash::of(b"x"), texts[11]));
        }
        let person = [("first_name", &texts[12]), ("company", &texts[13])];
        let person = person.map(|(name, value)| (name.to_owned(), value.clone()));
        (shelf, BTreeMap::from(person))
    })
}

/// The elements around the locked paragraph with their attributes, and its own markup.
fn locked(html: &str) -> Vec<String> {
    let document = Html::parse_document(html);
    let terms: Vec<ElementRef<'_>> = document
        .root_element()
        .descendent_elements()
        .filter(|element| element.attr("class") == Some("terms"))
        .collect();
    assert_eq!(terms.len(), 1, "{html}");
    let around = terms[0].ancestors().filter_map(ElementRef::wrap);
    let tags = around.map(|element| {
        let attributes: Vec<_> =
            element.value().attrs().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}", element.value().name(), attributes.join(" "))
    });
    tags.chain([terms[0].html()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Any brand profile, slots of every kind, any person: what is locked is there once, byte for byte,
    /// inside the same elements as for the tamest partner.
    #[test]
    fn locks_reach_everybody((shelf, person) in world()) {
        let text = format!(
            "{{{{person.first_name}}}}\n{{{{slots.about}}}}\n\n{{{{#lock \"terms\"}}}}\n{TEXT_LOCK}\n{{{{/lock}}}}\n\n{{{{person.company}}}}{{{{slots.speaker.name}}}}"
        );
        let html = format!(
            "<p>{{{{person.first_name}}}}</p><div style=\"border-color:{{{{slots.accent}}}}\">{{{{slots.about}}}}</div>\
             <a href=\"{{{{link slots.site}}}}\" title=\"{{{{slots.speaker.name}}}}\">{{{{slots.tone}}}}</a>\
             {{{{#if slots.photo}}}}<img src=\"{{{{slots.photo.url}}}}\" alt=\"{{{{slots.photo.alt}}}}\">{{{{/if}}}}\
             {{{{#lock \"terms\"}}}}{HTML_LOCK}{{{{/lock}}}}<div>{{{{slots.about}}}}</div><p>{{{{person.company}}}}</p>"
        );
        let version = publish(&package(&text, &html), &SharedTemplates::embedded());
        let version = version.map_err(|found| TestCaseError::fail(format!("{found:#?}")))?;
        let compiled = Compiled::from_blob(&version.blob).unwrap();
        let step = compiled.steps()[0].key.clone();
        let links = MessageLinks::all_to(small::UNSUBSCRIBE);
        let skeleton = compiled.skeleton(&step, "en", &shelf, small::PUBLIC);
        let skeleton = skeleton.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let wild = skeleton.message(&person, &links).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(wild.html.matches(HTML_LOCK).count(), 1);
        let words: Vec<&str> = TEXT_LOCK.split(' ').collect();
        let paragraphs = wild.text.split("\n\n").filter(|it| it.split_whitespace().eq(words.iter().copied()));
        prop_assert_eq!(paragraphs.count(), 1);
        let tame = small::mail(&compiled, &sample(&[]), &[]);
        let colours = |tags: Vec<String>| tags.into_iter().map(|tag| tag.replace(&shelf.brand.colour, "C")).collect::<Vec<_>>();
        prop_assert_eq!(colours(locked(&wild.html)), locked(&tame.html));
    }
}
