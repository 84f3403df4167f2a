//! What is wrong with a package is found all at once, where it is, with what was expected.

use render::{PackageFiles, Severity, SharedTemplates, check, publish};

use crate::small::shared;

const MANIFEST: &str = r#"name = "spring"
title = "Spring"
vendor = "Northwind Secure"
[audience]
rule = "list"
[person]
fields = ["first_name", "company"]
[slots.cta_url]
kind = "url"
label = "Link"
[slots.spotlight]
kind = "text"
label = "About you"
[[steps]]
key = "announce"
kind = "email"
after = "0"
"#;

const SAMPLE: &str = r##"{
  "vendor_name": "Northwind Secure", "tier": "Gold",
  "brand": {
    "name": "Harbour & Vale IT", "colour": "#0b6e4f", "postal_address": ["14 Quayside", "Bristol"],
    "web_site": "https://harbour-vale.example", "locale": "en-GB", "time_zone": "Europe/London",
    "contact_person": { "name": "Priya Raman", "email": "priya@harbour-vale.example" }
  },
  "sender": { "from_name": "Priya", "from_email": "p@harbour-vale.example", "reply_to": "p@harbour-vale.example" },
  "people": [{ "first_name": "Maya" }]
}"##;

fn package() -> PackageFiles {
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    PackageFiles::from_files([
        file("package.toml", MANIFEST),
        file("sample.json", SAMPLE),
        file("en/announce/subject.txt.hbs", "Hello {{person.first_name}}\n"),
        file("en/announce/body.txt.hbs", "Hello\n"),
        file("en/announce/body.html.hbs", "<p>Hello</p>\n"),
    ])
}

fn found_with(files: &PackageFiles, shared: &SharedTemplates) -> Vec<String> {
    check(files, shared).iter().map(ToString::to_string).collect()
}

fn found(files: &PackageFiles) -> Vec<String> {
    found_with(files, &SharedTemplates::embedded())
}

#[test]
fn the_small_package_is_right() {
    assert_eq!(found(&package()), Vec::<String>::new());
}

#[test]
fn a_template_error_is_named_with_its_place_and_what_was_expected() {
    let html = "en/announce/body.html.hbs";
    let cases = [
        (
            "<p>\n  {{partner.nmae}}",
            "2:5: error: there is nothing called `partner.nmae`; expected perhaps `partner.name`",
        ),
        (
            "äöü {{person.frist_name}}",
            "1:7: error: the package declares no person field `frist_name`; expected perhaps `person.first_name`",
        ),
        (
            "{{person.shoe_size}}",
            "1:3: error: the package declares no person field `shoe_size`; expected a field named in `fields` of `[person]` in package.toml",
        ),
        (
            "{{slots.cta}}",
            "1:3: error: there is nothing called `slots.cta`; expected perhaps `slots.cta_url`",
        ),
        ("{{env}}", "1:3: error: there is nothing called `env`; expected a name under campaign"),
        (
            "{{log \"x\"}}",
            "1:3: error: there is no helper `log`; expected one of `default`, `eq`, `percent`",
        ),
        ("{{lookup partner \"name\"}}", "1:10: error: there is nothing called `partner`"),
        (
            "{{defualt slots.spotlight \"x\"}}",
            "1:3: error: there is no helper `defualt`; expected perhaps `default`",
        ),
        (
            "{{default slots.spotlight}}",
            "1:3: error: `default` can't be called like this; expected `default value other`",
        ),
        ("{{> buton}}", "1:1: error: there is no partial `buton`; expected perhaps `button`"),
        ("{{{person.first_name}}}", "1:1: error: values can't be written without escaping"),
        ("{{{partner.name}}}", "1:1: error: values can't be written without escaping"),
        (
            "<a href={{partner.web_site}}>",
            "1:11: error: a value stands in an attribute without quotes; expected the attribute value in quotes",
        ),
        ("<a href=\"{{partner.name}}\">", "1:12: error: a value stands as a link that is not one"),
        (
            "<a href=\"https://x.example/?n={{person.first_name}}\">",
            "1:33: error: a value stands in a link without encoding; expected `{{percent value}}`, after the host",
        ),
        (
            "<p style=\"color:{{partner.name}}\">",
            "1:19: error: a value stands in a style; expected a colour or a number",
        ),
        ("<{{partner.name}}>", "1:4: error: a value stands inside a tag"),
        ("<!-- {{partner.name}} -->", "1:8: error: a value stands in a comment"),
        ("x\n<script>", "2:2: error: `<script>` has no place in mail"),
        ("<p onclick=\"x\">", "1:11: error: the attribute `onclick` runs a script"),
        (
            "<p>{{#if person.first_name}}<a href=\"{{/if}}",
            "1:10: error: the branches end in different places of the HTML",
        ),
        ("<p title=\"x", "1:11: error: the template ends inside a tag"),
        (
            "{{partner.address}}",
            "1:3: error: this can't be written as text; expected `{{#each …}}`",
        ),
        ("{{#if links.unsubscribe}}{{/if}}", "1:7: error: this value can't decide a condition"),
        (
            "{{#each partner.name}}{{/each}}",
            "1:9: error: this is no list; expected perhaps `partner.address`",
        ),
        (
            "{{#each partner.address}}{{partner.name}}{{/each}}",
            "1:28: error: `partner.name` is not known inside `each`; expected `@root.partner.name`",
        ),
        (
            "{{#each partner.address}}{{#each partner.address}}{{/each}}{{/each}}",
            "1:26: error: `each` stands inside `each`",
        ),
        (
            "{{#each partner.address}}{{> button}}{{/each}}",
            "1:26: error: a partial is called inside `each`",
        ),
        (
            "{{#if (eq person.first_name \"x\")}}{{/if}}",
            "1:7: error: `eq` can't be called like this; expected `eq value value`, none of a person",
        ),
        (
            "{{> button url=partner.web_site label=\"x\" partner=\"x\"}}",
            "1:51: error: `partner` has a meaning already",
        ),
        ("{{#if}}", "1:1: error: `if` takes one value"),
        (
            "{{#if a}}\n\n{{/unless}}",
            "3:1: error: `{{/unless}}` closes `{{#if}}` of line 1; expected `{{/if}}`",
        ),
    ];
    for (source, expected) in cases {
        let mut files = package();
        files.insert(html, source);
        let expected = format!("{html}:{expected}");
        let found = found(&files);
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{source}\n{found:#?}\nwant {expected}"
        );
        assert!(publish(&files, &SharedTemplates::embedded()).is_err(), "{source}");
    }
}

#[test]
fn an_error_in_a_partial_is_named_in_the_partial() {
    let mut files = package();
    files.insert("en/announce/body.html.hbs", "{{> button label=\"x\"}}{{> button label=\"y\"}}");
    let found = found(&files);
    let line = found.iter().find(|line| line.contains("`url`")).expect("the missing argument");
    assert!(line.starts_with("templates/email/partials/button.html.hbs:"), "{found:#?}");
    assert_eq!(found.len(), 1, "once, however often it is called: {found:#?}");
}

#[test]
fn an_argument_has_the_kind_of_what_is_passed() {
    let mut files = package();
    files.insert("en/announce/body.html.hbs", "{{> button url=partner.name label=\"x\"}}");
    let found = found(&files);
    assert!(found[0].contains("a value stands as a link that is not one"), "{found:#?}");
}

#[test]
fn partials_that_call_each_other_in_a_circle_are_refused() {
    let shared = shared(&[
        ("email/partials/a.html.hbs", "{{> b}}"),
        ("email/partials/b.html.hbs", "{{#if partner.logo}}{{> a}}{{/if}}"),
        ("email/partials/self.html.hbs", "{{> self}}"),
        ("email/partials/around.html.hbs", "{{> content}}"),
    ]);
    for (source, circle) in [
        (
            "{{> a}}",
            "partials/a.html.hbs → templates/email/partials/b.html.hbs → templates/email/partials/a.html.hbs",
        ),
        ("{{> self}}", "partials/self.html.hbs → templates/email/partials/self.html.hbs"),
        (
            "{{> around}}",
            "en/announce/body.html.hbs → templates/email/partials/around.html.hbs → en/announce/body.html.hbs",
        ),
    ] {
        let mut files = package();
        files.insert("en/announce/body.html.hbs", source);
        let found = found_with(&files, &shared);
        assert!(
            found.iter().any(|line| line.contains("in a circle") && line.contains(circle)),
            "{found:#?}"
        );
    }
}

#[test]
fn partials_that_unfold_to_too_much_are_refused_at_once() {
    let files: Vec<(String, String)> = (0..25)
        .map(|n| {
            (
                format!("email/partials/l{n}.html.hbs"),
                format!("{{{{> l{0}}}}}{{{{> l{0}}}}}", n + 1),
            )
        })
        .chain([("email/partials/l25.html.hbs".to_owned(), String::new())])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    let shared = shared(&files);
    let mut package = package();
    package.insert("en/announce/body.html.hbs", "{{> l0}}");
    // Written out, it would be 2^25 partials.
    let found = found_with(&package, &shared);
    assert!(found.iter().any(|line| line.contains("unfold to too much")), "{found:#?}");
}

#[test]
fn a_layout_without_the_address_or_the_way_out_is_refused() {
    for (gone, what) in [
        ("{{links.unsubscribe}}", "the unsubscribe link"),
        ("{{this}}", "the partner's postal address"),
    ] {
        let footer = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../templates/email/partials/footer.txt.hbs"
        ))
        .unwrap();
        let without = footer.replace(gone, "");
        assert_ne!(without, footer);
        let found = found_with(&package(), &shared(&[("email/partials/footer.txt.hbs", &without)]));
        assert!(found.iter().any(|line| line.contains(what)), "{found:#?}");
    }
}

#[test]
fn missing_and_superfluous_files_are_named() {
    let mut files = package();
    files.remove("en/announce/body.txt.hbs");
    files.insert("en/anounce/body.txt.hbs", "Hello");
    files.insert("notes.txt", "x");
    assert_eq!(
        found(&files),
        [
            "en/anounce/body.txt.hbs:1:1: warning: nothing uses this file; expected perhaps `en/announce/body.txt.hbs`",
            "notes.txt:1:1: warning: nothing uses this file; expected a file that a step names",
            "package.toml:15:7: error: the step `announce` has no file `en/announce/body.txt.hbs`; expected a subject, a text and an HTML part",
        ]
    );
    assert_eq!(check(&files, &SharedTemplates::embedded())[0].severity, Severity::Warning);
    let nothing = PackageFiles::default();
    assert_eq!(
        found(&nothing),
        ["package.toml:1:1: error: the file is missing; expected a package has a package.toml"]
    );
}

#[test]
fn a_layout_that_is_not_there_is_named() {
    let mut files = package();
    files.insert("package.toml", MANIFEST.replace("vendor =", "layout = \"cobrnad\"\nvendor ="));
    let found = found(&files);
    assert!(
        found[0].starts_with(
            "package.toml:3:1: error: there is no layout `cobrnad`; expected perhaps `cobrand`"
        ),
        "{found:#?}"
    );
}

#[test]
fn a_second_language_needs_every_step() {
    let mut files = package();
    files.insert("de/announce/subject.txt.hbs", "Hallo");
    let found = found(&files);
    assert!(
        found.iter().any(|line| line.contains("no file `de/announce/body.html.hbs`")),
        "{found:#?}"
    );
}

#[test]
fn a_sample_that_does_not_fit_is_named_with_its_place() {
    for (good, bad, expected) in [
        (
            "\"tier\": \"Gold\"",
            "\"tire\": \"Gold\"",
            "sample.json:2:43: error: unknown field `tire`",
        ),
        (
            "#0b6e4f",
            "green",
            "sample.json:1:1: error: step `announce` can't be rendered: colour: `green` is no colour",
        ),
        ("[{ \"first_name\": \"Maya\" }]", "[]", "sample.json:1:1: error: `people` is empty"),
    ] {
        let mut files = package();
        files.insert("sample.json", SAMPLE.replace(good, bad));
        let found = found(&files);
        assert!(found.iter().any(|line| line.starts_with(expected)), "{found:#?}\nwant {expected}");
    }
}

#[test]
fn files_that_are_no_text_are_refused() {
    for path in ["package.toml", "sample.json", "en/announce/body.html.hbs"] {
        let mut files = package();
        files.insert(path, vec![0xFF, 0xFE, 0x00]);
        let found = found(&files);
        assert!(
            found
                .iter()
                .any(|line| line.starts_with(&format!("{path}:1:1: error: the file is not UTF-8"))),
            "{found:#?}"
        );
    }
}

#[test]
fn a_package_that_is_too_large_for_the_shelf_is_refused() {
    let mut files = package();
    files.insert("en/announce/body.txt.hbs", "word ".repeat(52_000));
    let found = found(&files);
    assert!(
        found.iter().any(|line| line.contains("bytes; expected at most 262144 bytes")),
        "{found:#?}"
    );
}

#[test]
fn hostile_templates_are_refused() {
    let hostile = [
        "{{{{raw}}}}{{{{/raw}}}}",
        "{{{{raw}}}}",
        "{{#with partner}}{{name}}{{/with}}",
        "{{log}}",
        "{{log \"x\" level=\"error\"}}",
        "{{lookup . \"x\"}}",
        "{{lookup this}}",
        "{{> (partner.name)}}",
        "{{> [x]}}",
        "{{> \"x\"}}",
        "{{> ../x}}",
        "{{> @partial-block}}",
        "{{#> button}}{{/button}}",
        "{{#*inline \"x\"}}{{/inline}}",
        "{{*inline \"x\"}}",
        "{{& partner.name}}",
        "{{~{partner.name}~}}",
        "a < {{~partner.name}}",
        "{{~> button}}",
        "{{~#if partner.name}}{{/if}}",
        "{{{ partner.name }}}",
        "{{@root}}",
        "{{this}}",
        "{{.}}",
        "{{..}}",
        "{{../partner.name}}",
        "{{partner.[name]}}",
        "{{partner/name}}",
        "{{partner.name.length}}",
        "{{partner.constructor}}",
        "{{__proto__}}",
        "{{person}}",
        "{{slots}}",
        "{{links}}",
        "{{#each person}}{{this}}{{/each}}",
        "{{#each slots}}{{this}}{{/each}}",
        "{{#each partner.address as |x|}}{{x}}{{/each}}",
        "{{#if partner.name includeZero=true}}{{/if}}",
        "{{else}}",
        "{{^}}",
        "{{#if partner.name}}{{^}}{{/if}}",
        "{{/if}}",
        "{{#if partner.name}}",
        "{{eq}}",
        "{{if partner.name}}",
        "{{each partner.address}}",
        "{{raw}}",
        "{{len partner.address}}",
        "{{and 1 2}}",
        "{{not partner.name}}",
        "{{helperMissing}}",
        "{{blockHelperMissing}}",
        "{{#helperMissing}}{{/helperMissing}}",
        "{{partner.name",
        "{{ {{partner.name}} }}",
        "{{\"partner.name\" \"x\"}}",
        "{{default partner.name (log \"x\")}}",
        "{{percent (default person.first_name \"x\")}}",
        "{{default partner.name default=\"x\"}}",
        "{{percent partner.address}}",
        "\\{{partner.name}}",
        "\\\\{{partner.name}}",
        "<a href=\"javascript:{{percent partner.name}}\">x</a>",
        "<a href=\"{{percent partner.name}}\">x</a>",
        "<a href='{{slots.spotlight}}'>x</a>",
        "<img src=\"//{{percent partner.name}}\">",
        "<a href=\"https://{{percent person.company}}/\">x</a>",
        "<svg>",
        "<math>",
        "<iframe>",
        "<object>",
        "<embed src=\"x\">",
        "<form>",
        "<base href=\"x\">",
        "<SCRIPT>",
        "<p ONLOAD=\"x\">",
        "<p onload =\"x\">",
        "<p {{partner.name}}>",
        "<p {{partner.name}}=\"x\">",
        "<p title={{partner.name}}>",
        "<p title=x{{partner.name}}>",
        "<style>p{color:{{partner.name}}}</style>",
        "<p style=\"{{slots.spotlight}}\">x</p>",
        "<!--{{person.first_name}}-->",
        "<{{person.first_name}}",
        "</{{person.first_name}}",
        "<p title=\"{{#if partner.logo}}\"{{/if}}>",
        "\u{FDD0}f0\u{FDD1}",
        "<textarea>x</textarea>",
        "<link href=\"x\">",
        "<video src=\"x\"/>",
        "{{default (default person.first_name partner.name) \"x\"}}",
        "<p srcdoc=\"{{partner.name}}\">",
    ];
    for source in hostile {
        let mut files = package();
        files.insert("en/announce/body.html.hbs", source);
        assert!(publish(&files, &SharedTemplates::embedded()).is_err(), "{source}");
    }
}

#[test]
fn a_message_that_unfolds_to_more_than_the_cap_is_refused() {
    let big = "word ".repeat(20_000);
    let mut files = package();
    files.insert("en/announce/body.txt.hbs", "{{> big}}".repeat(6));
    let found = found_with(&files, &shared(&[("email/partials/big.txt.hbs", &big)]));
    assert!(
        found.iter().any(|line| line.contains("body.txt is larger than 524288 bytes")),
        "{found:#?}"
    );
}
