//! A value is escaped for the place where it stands, whoever wrote it.

use std::collections::BTreeMap;

use render::{
    Compiled, MessageLinks, RenderError, Sample, SamplePackage, SharedTemplates, publish,
};

const NAME: &str = "O'Brien & Söhne <b>";
const IN_HTML: &str = "O&#39;Brien &amp; Söhne &lt;b&gt;";
const IN_LINK: &str = "O%27Brien%20%26%20S%C3%B6hne%20%3Cb%3E";

fn compiled(subject: &str, text: &str, html: &str) -> (Compiled, Sample) {
    let package = SamplePackage::named("product-launch").unwrap();
    let mut files = package.files().clone();
    files.insert("en/announce/subject.txt.hbs", subject);
    files.insert("en/announce/body.txt.hbs", text);
    files.insert("en/announce/body.html.hbs", html);
    let version =
        publish(&files, &SharedTemplates::embedded()).unwrap_or_else(|found| panic!("{found:#?}"));
    (Compiled::from_blob(&version.blob).unwrap(), Sample::of(&files).unwrap())
}

#[test]
fn a_name_is_right_in_html_text_subject_and_links() {
    for variable in ["partner.name", "person.company"] {
        let (compiled, mut sample) = compiled(
            &format!("S {{{{{variable}}}}} E"),
            &format!("S {{{{{variable}}}}} E\nhttps://x.example/?c={{{{percent {variable}}}}}"),
            &format!(
                "<p title=\"S {{{{{variable}}}}} E\">S {{{{{variable}}}}} E</p>\
                 <a href=\"https://x.example/?c={{{{percent {variable}}}}}&amp;d=1\">x</a>"
            ),
        );
        sample.brand.name = NAME.to_owned();
        let step = compiled.steps()[0].key.clone();
        let skeleton =
            compiled.skeleton(&step, "en", &sample.shelf(), "https://p.example").unwrap();
        let person = BTreeMap::from([("company".to_owned(), NAME.to_owned())]);
        let links = MessageLinks::all_to("https://p.example/u/t");
        let mail = skeleton.message(&person, &links).unwrap();
        assert_eq!(mail.subject, format!("S {NAME} E"));
        assert!(
            mail.text.contains(&format!("S {NAME} E\nhttps://x.example/?c={IN_LINK}\n")),
            "{}",
            mail.text
        );
        assert!(
            mail.html.contains(&format!("<p title=\"S {IN_HTML} E\">S {IN_HTML} E</p>")),
            "{}",
            mail.html
        );
        let link = format!("href=\"https://x.example/?c={IN_LINK}&amp;d=1\"");
        assert!(mail.html.contains(&link), "{}", mail.html);
    }
}

#[test]
fn template_text_in_a_field_is_text() {
    let (compiled, mut sample) = compiled(
        "x{{partner.name}}|{{person.company}}",
        "{{slots.spotlight}}",
        "<p>{{slots.spotlight}}</p>",
    );
    let step = compiled.steps()[0].key.clone();
    for field in [
        "{{7}}",
        "{{{x}}}",
        "{{> footer}}",
        "{{lookup this}}",
        "{{{{raw}}}}",
        "{{#if x}}",
        "{{person.first_name}}",
    ] {
        sample.brand.name = field.to_owned();
        sample.slots.insert("spotlight".to_owned(), field.to_owned());
        let skeleton =
            compiled.skeleton(&step, "en", &sample.shelf(), "https://p.example").unwrap();
        let person = BTreeMap::from([("company".to_owned(), field.to_owned())]);
        let links = MessageLinks::all_to("https://p.example/u/t");
        let mail = skeleton.message(&person, &links).unwrap();
        assert_eq!(mail.subject, format!("x{field}|{field}"));
        assert!(mail.text.contains(&format!("\n{field}\n")), "{}", mail.text);
        assert!(
            mail.html.contains(&format!("<p>{}</p>", field.replace('>', "&gt;"))),
            "{}",
            mail.html
        );
    }
}

#[test]
fn marks_in_a_partners_text_forge_no_field() {
    let (compiled, mut sample) = compiled("x{{partner.name}}", "x", "<p>{{slots.spotlight}}</p>");
    let step = compiled.steps()[0].key.clone();
    for forged in
        ["\u{FDD0}f0\u{FDD1}", "\u{FDD0}i0\u{FDD1}", "\u{FDD0}z\u{FDD1}", "\u{FDD0}", "\u{FDD1}f2"]
    {
        sample.brand.name = format!("N{forged}");
        sample.slots.insert("spotlight".to_owned(), forged.to_owned());
        sample.vendor_name = forged.to_owned();
        let skeleton =
            compiled.skeleton(&step, "en", &sample.shelf(), "https://p.example").unwrap();
        let person = BTreeMap::from([("first_name".to_owned(), "SECRET".to_owned())]);
        let links = MessageLinks::all_to("https://p.example/u/t");
        let mail = skeleton.message(&person, &links).unwrap();
        assert!(
            !mail.subject.contains("SECRET") && !mail.html.contains("SECRET"),
            "{}",
            mail.subject
        );
        assert_eq!(mail.subject, format!("xN{}", forged.replace(['\u{FDD0}', '\u{FDD1}'], "")));
    }
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let (compiled, sample) = compiled("x", "x", "x");
    let step = compiled.steps()[0].key.clone();
    let refused = |shelf: &domain::PartnerShelf| {
        compiled.skeleton(&step, "en", shelf, "https://p.example").unwrap_err().to_string()
    };
    let mut shelf = sample.shelf();
    shelf.brand.web_site = "javascript:alert(1)".to_owned();
    assert!(refused(&shelf).starts_with("web_site: `javascript:alert(1)` is no web site"));
    let mut shelf = sample.shelf();
    shelf.brand.postal_address.clear();
    assert!(refused(&shelf).starts_with("postal_address: there is none"));
    let mut shelf = sample.shelf();
    shelf.slots.insert("cta_url".to_owned(), "http://x.example".to_owned());
    assert!(refused(&shelf).starts_with("slot `cta_url`: it is no https link"));
    let nowhere = "nowhere".parse().unwrap();
    let error =
        compiled.skeleton(&nowhere, "en", &sample.shelf(), "https://p.example").unwrap_err();
    assert!(matches!(error, RenderError::UnknownStep(_)), "{error}");
    let error = compiled.skeleton(&step, "nl", &sample.shelf(), "https://p.example").unwrap_err();
    assert!(matches!(error, RenderError::UnknownLanguage(_)), "{error}");
}

#[test]
fn a_locale_finds_the_nearest_language() {
    let package = SamplePackage::named("product-launch").unwrap();
    let mut files = package.files().clone();
    let english: Vec<_> =
        package.files().iter().filter(|(path, _)| path.starts_with("en/")).collect();
    for (path, text) in english {
        files.insert(path.replacen("en/", "en-AU/", 1), text);
    }
    // Partials with words in them are not there in Australian English.
    let dir = tempfile::tempdir().unwrap();
    let from = concat!(env!("CARGO_MANIFEST_DIR"), "/../../templates/email/partials/en");
    let to = dir.path().join("email/partials/en-AU");
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    let without = publish(&files, &SharedTemplates::embedded()).unwrap_err();
    assert!(without.iter().any(|d| d.message == "there is no partial `masthead`"), "{without:#?}");
    let shared = SharedTemplates::embedded().with_folder(dir.path()).unwrap();
    let version = publish(&files, &shared).unwrap_or_else(|found| panic!("{found:#?}"));
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    assert_eq!(compiled.languages(), ["ar", "de", "en", "en-AU", "fr", "ja"]);
    for (locale, language) in [
        ("en-AU", "en-AU"),
        ("en-au-x-y", "en-AU"),
        ("en-GB", "en"),
        ("de-AT", "de"),
        ("nl-BE", "en"),
        ("", "en"),
    ] {
        assert_eq!(compiled.language_for(locale), language, "{locale}");
    }
}
