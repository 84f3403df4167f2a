//! A small package that is right, to be made wrong.

use std::collections::BTreeMap;

use render::{
    Compiled, MessageLinks, PackageFiles, Rendered, Sample, SharedTemplates, Version, check,
    publish,
};

/// Its `package.toml`, up to the steps.
pub const HEAD: &str = r#"name = "spring"
title = "Spring"
vendor = "Northwind Secure"
[audience]
rule = "list"
[person]
fields = ["first_name", "company"]
"#;

/// Its one step.
pub const STEP: &str = "[[steps]]\nkey = \"announce\"\nkind = \"email\"\nafter = \"0\"\n";

/// Its partner and its people.
pub const SAMPLE: &str = r##"{
  "vendor_name": "Northwind Secure", "tier": "Gold",
  "brand": {
    "name": "Harbour & Vale IT", "colour": "#0b6e4f", "postal_address": ["14 Quayside", "Bristol"],
    "web_site": "https://harbour-vale.example", "locale": "en-GB", "time_zone": "Europe/London",
    "contact_person": { "name": "Priya Raman", "email": "priya@harbour-vale.example" }
  },
  "sender": { "from_name": "Priya", "from_email": "p@harbour-vale.example", "reply_to": "p@harbour-vale.example" },
  "slots": {},
  "people": [{ "first_name": "Maya" }]
}"##;

/// Where the portal is.
pub const PUBLIC: &str = "https://portal.example";
/// The unsubscribe link of every message.
pub const UNSUBSCRIBE: &str = "https://portal.example/u/token";

/// The package with more in its `package.toml` before the step.
pub fn with(more: &str) -> PackageFiles {
    with_manifest(&format!("{HEAD}{more}{STEP}"))
}

/// What the layout speaks of, at the end so that it moves no line.
const SPOTLIGHT: &str = "[slots.spotlight]\nkind = \"text\"\nlabel = \"About you\"\n";

/// The package with another `package.toml`.
pub fn with_manifest(manifest: &str) -> PackageFiles {
    let manifest = &format!("{manifest}{SPOTLIGHT}");
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    PackageFiles::from_files([
        file("package.toml", manifest),
        file("sample.json", SAMPLE),
        file("en/announce/subject.txt.hbs", "Hello {{person.first_name}}\n"),
        file("en/announce/body.txt.hbs", "Hello\n"),
        file("en/announce/body.html.hbs", "<p>Hello</p>\n"),
    ])
}

/// Shared templates with one more or another partial or layout.
pub fn shared(files: &[(&str, &str)]) -> SharedTemplates {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    SharedTemplates::embedded().with_folder(dir.path()).unwrap()
}

/// What is found in it.
pub fn found(files: &PackageFiles) -> Vec<String> {
    check(files, &SharedTemplates::embedded()).iter().map(ToString::to_string).collect()
}

/// A png of 300 x 100 pixels.
pub fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let pixel = |x, y| image::Rgb([x as u8, y as u8, 9]);
    image::RgbImage::from_fn(300, 100, pixel)
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// It, published.
pub fn published(files: &PackageFiles) -> Version {
    publish(files, &SharedTemplates::embedded()).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// The sample of a package with other slot values.
pub fn sample(slots: &[(&str, &str)]) -> Sample {
    let mut sample = Sample::of(&with("")).expect("the sample is right");
    sample.slots = slots.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    sample
}

/// The first step for a partner and a person.
pub fn mail(compiled: &Compiled, sample: &Sample, person: &[(&str, &str)]) -> Rendered {
    let step = compiled.steps()[0].key.clone();
    let skeleton = compiled
        .skeleton(&step, "en", &sample.shelf(), PUBLIC)
        .unwrap_or_else(|error| panic!("{error}"));
    let person: BTreeMap<String, String> =
        person.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    skeleton.message(&person, &MessageLinks::all_to(UNSUBSCRIBE)).unwrap()
}
