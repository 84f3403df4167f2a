//! The packages that come with the program pass the check, and read well for everybody.

use std::collections::BTreeMap;

use domain::PartnerShelf;
use render::{
    Compiled, MessageLinks, Rendered, Sample, SamplePackage, Severity, SharedTemplates, Version,
    check, publish,
};

const LINK: &str = "https://portal.example/u/AQEl3n0bqkK0Wv0r2cYw";

fn launch() -> (SamplePackage, Version, Sample) {
    let package = SamplePackage::named("product-launch").expect("it is embedded");
    let version = publish(package.files(), &SharedTemplates::embedded()).expect("it publishes");
    let sample = Sample::of(package.files()).expect("it has a sample");
    (package, version, sample)
}

fn person(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn render(compiled: &Compiled, shelf: &PartnerShelf, fields: &[(&str, &str)]) -> Vec<Rendered> {
    compiled
        .steps()
        .iter()
        .map(|step| {
            let skeleton =
                compiled.skeleton(&step.key, "en", shelf, "https://portal.example").unwrap();
            skeleton.message(&person(fields), &MessageLinks::all_to(LINK)).unwrap()
        })
        .collect()
}

#[test]
fn every_package_passes_the_check_without_a_warning() {
    let packages = SamplePackage::all();
    assert!(!packages.is_empty());
    for package in packages {
        let found = check(package.files(), &SharedTemplates::embedded());
        // What is not enabled is noted.
        assert!(found.iter().all(|it| it.severity == Severity::Note), "{found:#?}");
    }
}

#[test]
fn every_package_speaks_five_languages_and_shows_both_logos() {
    let packages = SamplePackage::all();
    let names: Vec<_> = packages.iter().map(SamplePackage::name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for package in packages {
        let version = publish(package.files(), &SharedTemplates::embedded()).unwrap();
        let compiled = Compiled::from_blob(&version.blob).unwrap();
        let sample = Sample::of(package.files()).unwrap();
        assert_eq!(compiled.languages(), ["ar", "de", "en", "fr", "ja"], "{}", package.name());
        let mut subjects = std::collections::BTreeSet::new();
        for language in compiled.languages() {
            let step = compiled.package().email_steps().next().unwrap();
            let skeleton = compiled
                .skeleton(&step.key, language, &sample.shelf(), "https://p.example")
                .unwrap();
            let mail = skeleton.message(&BTreeMap::new(), &MessageLinks::all_to(LINK)).unwrap();
            let direction = if language == "ar" { "rtl" } else { "ltr" };
            assert!(mail.html.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")));
            assert_eq!(mail.html.matches("class=\"plate\"").count(), 2, "{}", package.name());
            subjects.insert(mail.subject);
        }
        assert_eq!(subjects.len(), 5, "{subjects:?}");
    }
}

#[test]
fn the_launch_is_three_mails_over_ten_days() {
    let (_, version, _) = launch();
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    let steps: Vec<_> =
        compiled.steps().iter().map(|s| (s.key.to_string(), s.due.unwrap().to_string())).collect();
    let expected = [("announce", "0"), ("deep-dive", "3d"), ("last-call", "10d")];
    assert_eq!(steps, expected.map(|(k, a)| (k.to_owned(), a.to_owned())));
    assert_eq!(compiled.languages(), ["ar", "de", "en", "fr", "ja"]);
    assert!(version.blob.len() < 128 * 1024, "{}", version.blob.len());
}

#[test]
fn every_mail_carries_both_brands_the_address_and_the_way_out() {
    let (_, version, sample) = launch();
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    for mail in render(
        &compiled,
        &sample.shelf(),
        &[("first_name", "Maya"), ("company", "Thornbury Foods")],
    ) {
        for (part, name) in
            [(&mail.html, "Harbour &amp; Vale IT"), (&mail.text, "Harbour & Vale IT")]
        {
            for needle in [
                name,
                "Northwind Secure",
                "14 Quayside",
                "Bristol BS1 6AE",
                "United Kingdom",
                LINK,
                "Hi Maya,",
                "Priya Raman",
                "+44 117 496 0000",
                "https://www.harbour-vale.example/shield",
            ] {
                assert!(part.contains(needle), "{needle} in\n{part}");
            }
        }
        let logo = &sample.brand.logo.as_ref().expect("the sample has a logo").hash;
        assert!(mail.html.contains(&format!("src=\"https://portal.example/a/{logo}.png\"")));
        assert!(mail.html.contains("<html lang=\"en\" dir=\"ltr\">"));
        assert!(mail.html.len() < 20_000, "{} bytes", mail.html.len());
        assert!(!mail.html.contains("{{") && !mail.text.contains("{{"));
        let widest = mail.text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= 76, "{widest}\n{}", mail.text);
    }
}

#[test]
fn a_partner_without_logo_slots_or_telephone_still_looks_complete() {
    let (_, version, sample) = launch();
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    let mut shelf = sample.shelf();
    shelf.brand.logo = None;
    shelf.brand.contact_person.phone = String::new();
    shelf.slots.clear();
    shelf.brand.colour = "#ffe600".to_owned();
    for mail in render(&compiled, &shelf, &[]) {
        assert_eq!(mail.html.matches("class=\"plate\"").count(), 1, "the vendor's logo");
        assert!(
            mail.html.contains("<bdi>Harbour &amp; Vale IT</bdi></a>"),
            "the name stands in for the logo"
        );
        assert!(mail.html.contains("is a Northwind Secure partner. We advise"), "{}", mail.html);
        assert!(
            mail.html.contains("href=\"https://www.harbour-vale.example/\""),
            "the web site stands in"
        );
        assert!(mail.html.contains("Hello,") && mail.text.contains("Hello,"));
        assert!(mail.html.contains("color:#000000"), "dark text on a bright button");
        assert!(!mail.html.contains("Hi ,") && !mail.text.contains(" at ."), "{}", mail.text);
    }
}

#[test]
fn it_reads_well_for_people_at_the_edges() {
    let (_, version, sample) = launch();
    let compiled = Compiled::from_blob(&version.blob).unwrap();
    let longest = "Wolfe".repeat(400);
    let cases: [(&str, &str, &str); 6] = [
        ("Søren", "Hi Søren,", "Hi Søren,"),
        ("عبد الرحمن", "Hi عبد الرحمن,", "Hi عبد الرحمن,"),
        ("👩‍🚀 Zoë", "Hi 👩‍🚀 Zoë,", "Hi 👩‍🚀 Zoë,"),
        ("O'Brien & Söhne <b>", "Hi O&#39;Brien &amp; Söhne &lt;b&gt;,", "Hi O'Brien & Söhne <b>,"),
        ("{{7}}{{> footer}}", "Hi {{7}}{{&gt; footer}},", "Hi {{7}}{{> footer}},"),
        (&longest, &format!("Hi {},", "Wolfe".repeat(40)), &format!("{},", "Wolfe".repeat(40))),
    ];
    for (name, html, text) in cases {
        for mail in render(&compiled, &sample.shelf(), &[("first_name", name)]) {
            assert!(mail.html.contains(html), "{name}: {html}");
            assert!(mail.text.contains(text), "{name}: {text}\n{}", mail.text);
            assert!(!mail.subject.is_empty() && mail.subject.chars().count() <= 300);
            assert!(!mail.subject.chars().any(char::is_control));
        }
    }
}

#[test]
fn the_hash_is_of_the_content_and_of_nothing_else() {
    let (package, version, _) = launch();
    let dir = tempfile::tempdir().unwrap();
    // Written in another order, at another time, with the line ends of another system.
    let mut files: Vec<_> = package.files().iter().collect();
    files.reverse();
    for (path, bytes) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap().replace('\n', "\r\n");
        let is_template = path.extension().is_some_and(|end| end == "hbs");
        std::fs::write(path, if is_template { text.into_bytes() } else { bytes.to_vec() }).unwrap();
    }
    let again = render::PackageFiles::load_dir(dir.path()).unwrap();
    let same = publish(&again, &SharedTemplates::embedded()).unwrap();
    assert_eq!(same.hash, version.hash);

    for path in ["en/announce/body.html.hbs", "en/last-call/subject.txt.hbs", "package.toml"] {
        let mut changed = package.files().clone();
        let text = String::from_utf8(changed.get(path).unwrap().to_vec()).unwrap();
        changed.insert(path, text.replace("Northwind Shield", "Northwind Shiele"));
        let other = publish(&changed, &SharedTemplates::embedded()).unwrap();
        assert_ne!(other.hash, version.hash, "{path}");
    }
    let shared_dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(shared_dir.path().join("email/partials")).unwrap();
    std::fs::write(
        shared_dir.path().join("email/partials/button.txt.hbs"),
        "{{label}} -> {{url}}\n",
    )
    .unwrap();
    let shared = SharedTemplates::embedded().with_folder(shared_dir.path()).unwrap();
    assert_ne!(
        publish(package.files(), &shared).unwrap().hash,
        version.hash,
        "a shared partial it uses"
    );
    std::fs::remove_file(shared_dir.path().join("email/partials/button.txt.hbs")).unwrap();
    std::fs::write(shared_dir.path().join("email/partials/other.txt.hbs"), "x").unwrap();
    let shared = SharedTemplates::embedded().with_folder(shared_dir.path()).unwrap();
    assert_eq!(
        publish(package.files(), &shared).unwrap().hash,
        version.hash,
        "one it does not use"
    );
}

#[test]
fn a_blob_that_is_none_is_refused() {
    let (_, version, _) = launch();
    let text = String::from_utf8(version.blob.clone()).unwrap();
    for (bad, why) in [
        (String::new(), "EOF"),
        ("{}".to_owned(), "missing field"),
        (text.replacen("\"v\":1", "\"v\":9", 1), "its format is 9"),
        (text.replacen("{{> footer}}", "{{> foter}}", 1), "there is no partial `foter`"),
        (text.replacen("{{> content}}", "{{{slots.offer}}}", 1), "without escaping"),
        (format!("{}{}", " ".repeat(256 * 1024), text), "larger than 256 KiB"),
    ] {
        let error = Compiled::from_blob(bad.as_bytes()).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    }
}
