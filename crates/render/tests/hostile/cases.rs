//! Reads the hostile cases and runs them: templates that vendors might write by mistake or on purpose,
//! and what partners and contacts put into their fields. The test and the example that measures share it.

use std::collections::BTreeMap;

use domain::{BrandProfile, PartnerShelf};
use render::{
    Compiled, MessageLinks, PackageFiles, Rendered, Sample, SharedTemplates, fill_slots, picture,
    publish,
};
use scraper::{Html, Node};
use serde::Deserialize;

const MANIFEST: &str = include_str!("package.toml");
const SAMPLE: &str = include_str!("sample.json");
const PUBLIC: &str = "https://portal.example";
const UNSUBSCRIBE: &str = "https://portal.example/u/token";

/// Text that a case has many times, so that the file does not.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    text: String,
    times: usize,
    #[serde(default)]
    then: String,
}

/// A template, and what is seen of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateCase {
    /// What it tries.
    pub name: String,
    /// The file under `en/announce`.
    part: String,
    /// Its text.
    #[serde(default)]
    template: String,
    /// Texts that go before it, many times.
    #[serde(default)]
    repeat: Vec<Repeat>,
    /// Shared partials it calls: `a.html` is `{{> a}}` in HTML.
    #[serde(default)]
    partials: BTreeMap<String, String>,
    /// What is found: line, column and the beginning of the message; with `file:` if it is another file.
    #[serde(default)]
    finding: String,
    /// What the part has when nothing is found.
    #[serde(default)]
    has: Vec<String>,
}

/// What somebody writes, and what becomes of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputCase {
    /// What it tries.
    pub name: String,
    /// Where it is written: `text` stands for every field of plain text.
    field: String,
    /// What is written.
    #[serde(default)]
    value: String,
    /// Texts that go after it, many times.
    #[serde(default)]
    repeat: Vec<Repeat>,
    /// Why it is refused.
    #[serde(default)]
    refused: String,
    /// What it becomes, as a value, or in plain text.
    #[serde(default)]
    becomes: Option<String>,
    /// What it becomes between tags; as what it becomes, escaped, if left out.
    #[serde(default)]
    html: Option<String>,
    /// Where it stays as it is.
    #[serde(default)]
    kept: bool,
}

/// The templates.
pub fn templates() -> Vec<TemplateCase> {
    read(include_str!("templates.jsonl"))
}

/// The inputs.
pub fn inputs() -> Vec<InputCase> {
    read(include_str!("inputs.jsonl"))
}

fn read<T: for<'de> Deserialize<'de>>(lines: &str) -> Vec<T> {
    let lines = lines.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("line {}: {error}", number + 1))
        })
        .collect()
}

fn package() -> PackageFiles {
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    PackageFiles::from_files([
        file("package.toml", MANIFEST),
        file("sample.json", SAMPLE),
        file("en/announce/subject.txt.hbs", "Hello\n"),
        file("en/announce/body.txt.hbs", "Hello\n"),
        file("en/announce/body.html.hbs", "<p>Hello</p>\n"),
    ])
}

impl TemplateCase {
    /// Runs it; what was not as expected.
    pub fn run(&self) -> Result<(), String> {
        let mut template = String::new();
        for repeat in &self.repeat {
            template.push_str(&repeat.text.repeat(repeat.times));
            template.push_str(&repeat.then);
        }
        template.push_str(&self.template);
        let path = format!("en/announce/{}.hbs", self.part);
        let mut files = package();
        files.insert(path.clone(), template);
        let partials = self
            .partials
            .iter()
            .map(|(name, text)| (format!("email/partials/{name}.hbs"), text.as_bytes().to_vec()));
        let shared = SharedTemplates::embedded().with_files(partials);
        if self.finding.is_empty() {
            return self.runs_harmlessly(&files, &shared);
        }
        let expected = match self.finding.strip_prefix("file:") {
            Some(whole) => whole.to_owned(),
            None => format!("{path}:{}", self.finding),
        };
        let Err(found) = publish(&files, &shared) else {
            return Err("it was published".to_owned());
        };
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        match found.iter().any(|line| line.starts_with(&expected)) {
            true => Ok(()),
            false => Err(format!("found {found:#?}\nwant {expected}")),
        }
    }

    fn runs_harmlessly(
        &self,
        files: &PackageFiles,
        shared: &SharedTemplates,
    ) -> Result<(), String> {
        let version = publish(files, shared).map_err(|found| format!("found {found:#?}"))?;
        let compiled = Compiled::from_blob(&version.blob).map_err(|error| error.to_string())?;
        let sample = Sample::of(files).ok_or("no sample")?;
        let mail = mail(&compiled, &sample.shelf(), &sample.people[0])?;
        let part = match self.part.as_str() {
            "subject.txt" => &mail.subject,
            "body.txt" => &mail.text,
            _ => &mail.html,
        };
        for needle in &self.has {
            if !part.contains(needle) {
                return Err(format!("{needle} is not in\n{part}"));
            }
        }
        elements(&mail.html).map(drop)
    }
}

fn mail(
    compiled: &Compiled,
    shelf: &PartnerShelf,
    person: &BTreeMap<String, String>,
) -> Result<Rendered, String> {
    let step = compiled.steps()[0].key.clone();
    let skeleton =
        compiled.skeleton(&step, "en", shelf, PUBLIC).map_err(|error| error.to_string())?;
    let links = MessageLinks::all_to(UNSUBSCRIBE);
    skeleton.message(person, &links).map_err(|error| error.to_string())
}

/// The fields of plain text.
pub const TEXT_FIELDS: [&str; 14] = [
    "vendor.name",
    "partner.tier",
    "partner.name",
    "partner.address",
    "partner.contact.name",
    "partner.contact.email",
    "partner.contact.phone",
    "sender.from_name",
    "sender.from_email",
    "sender.reply_to",
    "slots.spotlight",
    "slots.seats",
    "person.first_name",
    "person.company",
];

/// What is prepared once for all inputs: a package that writes every field at every place there is.
pub struct Stage {
    compiled: Compiled,
    sample: Sample,
    /// The elements of the message with a letter, and with nothing, in a field.
    tame: BTreeMap<&'static str, Vec<Vec<String>>>,
}

impl Stage {
    /// Publishes it.
    pub fn new() -> Self {
        let mut files = package();
        let names: Vec<String> = TEXT_FIELDS
            .iter()
            .map(|name| match *name {
                "partner.address" => "partner.address_line".to_owned(),
                name => name.to_owned(),
            })
            .collect();
        let all = |write: &dyn Fn(&str) -> String| -> String {
            names.iter().map(|name| write(name)).collect()
        };
        let subject = all(&|name| format!("[{{{{{name}}}}}]"));
        let text = all(&|name| {
            format!("[{{{{{name}}}}}]\n\nhttps://a.example/?q={{{{percent {name}}}}}\n\n")
        });
        let html = all(&|name| {
            format!(
                "<p title=\"{{{{{name}}}}}\" lang='{{{{{name}}}}}'>[{{{{{name}}}}}]</p>\
                 <a href=\"https://a.example/?q={{{{percent {name}}}}}&amp;r=1\">x</a>\
                 {{{{#if {name}}}}}<b>{{{{default {name} \"none\"}}}}</b>{{{{/if}}}}"
            )
        });
        let slots = "<div style=\"color:{{slots.accent_ink}};border-color:{{slots.accent}}\"><a href=\"{{link slots.site}}\" title=\"{{slots.site}}\">{{slots.site}}</a>\
                     {{#if slots.photo}}<img src=\"{{slots.photo.url}}\" width=\"{{slots.photo.width}}\" height=\"{{slots.photo.height}}\" alt=\"{{slots.photo.alt}}\">{{/if}}\
                     {{#if slots.speaker}}<i title=\"{{slots.speaker.name}}\">{{slots.speaker.name}} {{slots.speaker.email}} {{slots.speaker.phone}}</i>{{/if}}\
                     {{slots.tone}} {{date slots.event_at}} {{time slots.event_at}} {{plural slots.seats \"one\" \"# place\" \"other\" \"# places\"}}</div>\
                     <div title=\"rich\">{{slots.about}}</div>{{#lock \"terms\"}}<p>Terms apply.</p>{{/lock}}";
        files.insert("en/announce/subject.txt.hbs", format!("S{subject}"));
        files.insert("en/announce/body.txt.hbs", format!("{text}\n\n{{{{slots.about}}}}\n"));
        files.insert("en/announce/body.html.hbs", format!("{html}{slots}"));
        let version = publish(&files, &SharedTemplates::embedded())
            .unwrap_or_else(|found| panic!("{found:#?}"));
        let compiled = Compiled::from_blob(&version.blob).expect("a version reads");
        let sample = Sample::of(&files).expect("the sample is right");
        let mut stage = Self { compiled, sample, tame: BTreeMap::new() };
        for field in TEXT_FIELDS {
            let elements = ["x", ""].map(|tame| {
                let mail = stage.message(field, tame).expect("a letter is taken");
                elements(&mail.html).expect("the template is plain HTML")
            });
            stage.tame.insert(field, elements.to_vec());
        }
        stage
    }

    /// The message with `value` in a field.
    fn message(&self, field: &str, value: &str) -> Result<Rendered, String> {
        let mut shelf = self.sample.shelf();
        let mut person = self.sample.people[0].clone();
        let value = value.to_owned();
        let brand: &mut BrandProfile = &mut shelf.brand;
        match field {
            "vendor.name" => shelf.vendor_name = value,
            "partner.tier" => shelf.tier = value,
            // A partner without a name is refused; what is written here always has one.
            "partner.name" => brand.name = format!("N {value}"),
            "partner.address" => brand.postal_address = vec!["14 Quayside".to_owned(), value],
            "partner.contact.name" => brand.contact_person.name = value,
            "partner.contact.email" => brand.contact_person.email = value,
            "partner.contact.phone" => brand.contact_person.phone = value,
            "partner.web_site" => brand.web_site = value,
            "partner.colour" => brand.colour = value,
            "partner.logo" => {
                let extension = value;
                brand.logo.as_mut().expect("the sample has a logo").extension = extension;
            }
            "sender.from_name" => shelf.sender.from_name = value,
            "sender.from_email" => shelf.sender.from_email = value,
            "sender.reply_to" => shelf.sender.reply_to = value,
            _ => match field.split_once('.') {
                Some(("slots", name)) => {
                    shelf.slots.insert(name.to_owned(), value);
                }
                Some(("person", name)) => {
                    person.insert(name.to_owned(), value);
                }
                _ => return Err(format!("there is no field {field}")),
            },
        }
        mail(&self.compiled, &shelf, &person)
    }

    fn filled(&self, field: &str, value: &str) -> Result<String, String> {
        let name = field.strip_prefix("slots.").ok_or("only a slot becomes something")?;
        let slots = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let shelf = self.sample.shelf();
        let mut filled = fill_slots(self.compiled.package(), &slots, "en", &shelf.brand)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<String>())?;
        Ok(filled.remove(name).unwrap_or_default())
    }
}

impl InputCase {
    /// The fields it is written into.
    pub fn fields(&self) -> Vec<&str> {
        match self.field.as_str() {
            "text" => TEXT_FIELDS.to_vec(),
            field => vec![field],
        }
    }

    /// Runs it for one of its fields; what was not as expected.
    pub fn run(&self, stage: &Stage, field: &str) -> Result<(), String> {
        let mut value = self.value.clone();
        for repeat in &self.repeat {
            value.push_str(&repeat.text.repeat(repeat.times));
            value.push_str(&repeat.then);
        }
        let result = match field {
            "picture" => {
                let made = picture::prepare(value.as_bytes(), &picture::Limits::default());
                made.map(drop).map_err(|error| error.to_string())
            }
            "picture.png" => {
                let made = picture::prepare(&png(&value), &picture::Limits::default());
                made.map(drop).map_err(|error| error.to_string())
            }
            field => return self.run_in_mail(stage, field, &value),
        };
        self.refusal(result).map(drop)
    }

    /// What was refused, if it should be: `Ok(None)`; and what was made, if it should not.
    fn refusal<T>(&self, result: Result<T, String>) -> Result<Option<T>, String> {
        match result {
            Err(error) if self.refused.is_empty() => Err(format!("refused: {error}")),
            Err(error) if error.contains(&self.refused) => Ok(None),
            Err(error) => Err(format!("refused with {error}\nwant {}", self.refused)),
            Ok(_) if !self.refused.is_empty() => Err("it was taken".to_owned()),
            Ok(made) => Ok(Some(made)),
        }
    }

    fn run_in_mail(&self, stage: &Stage, field: &str, value: &str) -> Result<(), String> {
        let made = stage.message(field, value);
        let Some(mail) = self.refusal(made)? else { return Ok(()) };
        let is_text = TEXT_FIELDS.contains(&field);
        if !is_text {
            let filled = self.becomes.as_ref().map(|_| stage.filled(field, value)).transpose()?;
            if filled != self.becomes {
                return Err(format!("it became {filled:?}\nwant {:?}", self.becomes));
            }
        }
        let becomes = match (&self.becomes, self.kept) {
            (Some(becomes), _) => Some(becomes.as_str()),
            (None, true) => Some(value),
            (None, false) => None,
        };
        if let (true, Some(becomes)) = (is_text, becomes) {
            let shown = match field {
                "partner.name" => format!("[N {becomes}]").replace(" ]", "]"),
                "partner.address" => match becomes {
                    "" => "[14 Quayside]".to_owned(),
                    line => format!("[14 Quayside, {line}]"),
                },
                _ => format!("[{becomes}]"),
            };
            let html = self.html.clone().unwrap_or_else(|| escaped(&shown));
            let html = if self.html.is_some() { shown.replace(becomes, &html) } else { html };
            let text = unwrapped(&mail.text);
            for (part, needle) in [(&mail.html, &html), (&text, &unwrapped(&shown))] {
                if !part.contains(needle.as_str()) {
                    return Err(format!("{needle:?} is not in the message"));
                }
            }
        }
        // Nothing of what was written is markup, whatever it looks like.
        let found = elements(&mail.html)?;
        let tame = &stage.tame[if is_text { field } else { "partner.tier" }];
        let is_as_before = match field {
            // Other slots may bring a picture or a person along; what they bring is named in the template.
            "slots.about" | "slots.photo" | "slots.speaker" => true,
            _ => tame.contains(&found),
        };
        if !is_as_before {
            return Err(format!("the elements changed: {found:#?}\nfrom {:#?}", tame.first()));
        }
        if mail.html.matches("<p>Terms apply.</p>").count() != 1 {
            return Err("the lock is not there once".to_owned());
        }
        if mail.subject.chars().any(char::is_control) || mail.subject.chars().count() > 300 {
            return Err(format!("the subject is {:?}", mail.subject));
        }
        for part in [&mail.subject, &mail.text, &mail.html] {
            if let Some(c) = part.chars().find(|c| is_unwanted(*c)) {
                return Err(format!("{c:?} is in the message"));
            }
        }
        Ok(())
    }
}

/// What never leaves a field: controls, what turns the direction of others, marks of ours.
fn is_unwanted(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{FEFF}' | '\u{FDD0}'..='\u{FDEF}' | '\u{2028}' | '\u{2029}')
}

fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// Every element with the names of its attributes, in order, as a browser reads the page; and no script,
/// no handler, no link that is none.
fn elements(html: &str) -> Result<Vec<String>, String> {
    const KNOWN: [&str; 29] = [
        "html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td", "p",
        "a", "img", "br", "b", "i", "em", "strong", "ul", "ol", "li", "h1", "span", "code",
        "small", "sub", "sup", "bdi",
    ];
    let document = Html::parse_document(html);
    let mut found = Vec::new();
    for node in document.tree.root().descendants() {
        let Node::Element(element) = node.value() else { continue };
        let name = element.name();
        if !KNOWN.contains(&name) {
            return Err(format!("there is a <{name}>"));
        }
        let mut names = Vec::new();
        for (attribute, value) in element.attrs() {
            if attribute.starts_with("on") {
                return Err(format!("<{name}> has {attribute}"));
            }
            let is_link = matches!(attribute, "href" | "src");
            let is_fine = value.starts_with("https://")
                || value.starts_with("mailto:")
                || value.starts_with("http://");
            if is_link && !is_fine {
                return Err(format!("<{name}> leads to {value}"));
            }
            names.push(attribute);
        }
        names.sort_unstable();
        found.push(format!("{name} {}", names.join(" ")));
    }
    Ok(found)
}

/// A png whose header says what `text` says, `<width> x <height>`, and whose pixels are missing.
fn png(text: &str) -> Vec<u8> {
    let (width, height) = text.split_once(" x ").expect("<width> x <height>");
    let side = |text: &str| text.parse::<u32>().expect("a number").to_be_bytes();
    let mut header = side(width).to_vec();
    header.extend(side(height));
    header.extend([8, 6, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", vec![0x78, 0x9C]), (b"IEND", Vec::new())] {
        let mut crc = u32::MAX;
        for byte in kind.iter().chain(&data) {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
            }
        }
        bytes.extend(u32::try_from(data.len()).expect("it is small").to_be_bytes());
        bytes.extend(kind);
        bytes.extend(data);
        bytes.extend((crc ^ u32::MAX).to_be_bytes());
    }
    bytes
}
