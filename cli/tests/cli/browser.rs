//! Messages in a real Chromium: what people see of them, on a telephone and a desktop, light and dark.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::machine::{Ended, Machine, run_with};

/// Folders of the sample packages, and the languages they are written in.
const PACKAGES: [&str; 3] = ["product-launch", "webinar-in-a-box", "evergreen-newsletter"];
const LANGUAGES: [&str; 5] = ["en", "de", "fr", "ja", "ar"];

/// Reads what every message shows. A message stands in a frame of its own, as wide as the screen.
const READER: &str = r#"
const tidy = text => text.replace(/\s+/g, ' ').trim();
const light = colour => {
  const [r, g, b] = colour.match(/[\d.]+/g).map(Number);
  return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
};
const seen = frame => {
  const page = frame.contentDocument, style = it => frame.contentWindow.getComputedStyle(it);
  frame.style.height = page.documentElement.scrollHeight + 'px';
  const locks = JSON.parse(frame.dataset.locks).map(text => {
    const holders = [...page.body.querySelectorAll('*')].filter(it => tidy(it.textContent) === text);
    const holder = holders.at(-1);
    if (!holder) return { text, covered: true, size: 0 };
    const box = holder.getBoundingClientRect();
    const top = page.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return {
      text, size: parseFloat(style(holder).fontSize), covered: !top || !(holder.contains(top) || top.contains(holder)),
      contrast: Math.abs(light(style(holder).color) - light(style(page.querySelector('.sheet')).backgroundColor)),
    };
  });
  const shown = tidy(page.body.innerText);
  return {
    name: frame.dataset.name, width: page.documentElement.scrollWidth, shown, locks,
    direction: style(page.querySelector('h1')).direction,
    sheet: light(style(page.querySelector('.sheet')).backgroundColor),
    words: light(style(page.querySelector('.content p')).color),
    broken: [...page.images].filter(it => !(it.complete && it.naturalWidth > 0)).map(it => it.getAttribute('src')),
    buttons: [...page.querySelectorAll('a.button-link')].map(it => it.getBoundingClientRect().height),
    programs: page.scripts.length + [...page.querySelectorAll('*')].filter(it => [...it.attributes].some(a => a.name.startsWith('on'))).length,
  };
};
addEventListener('load', () => {
  const read = [...document.querySelectorAll('iframe')].map(seen);
  const out = document.createElement('pre');
  out.id = 'read';
  out.textContent = encodeURIComponent(JSON.stringify(read));
  document.body.replaceChildren(out);
});
"#;

/// A machine on which packages can be rendered.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.ok(&["migrate"]);
    machine.ok(&["vendor", "add", "Northwind Secure"]);
    machine
}

fn folder(package: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns").join(package)
}

/// Runs the binary where it finds a browser.
fn run(machine: &Machine, arguments: &[&str]) -> Ended {
    let path = std::env::var_os("PATH").unwrap();
    let ended = run_with(&machine.path(""), arguments, &[("PATH", path.to_str().unwrap())]);
    assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    ended
}

/// Renders a package into `out`; answers the files of HTML.
fn render(machine: &Machine, package: &str, out: &str, more: &[&str]) -> Vec<PathBuf> {
    let dir = folder(package);
    let mut arguments = vec!["--json", "render", "--dir", dir.to_str().unwrap(), "--out", out];
    arguments.extend(more);
    let rendered = run(machine, &arguments).json();
    let files = rendered.as_array().unwrap().iter().flat_map(|it| it["files"].as_array().unwrap());
    files
        .map(|file| machine.path(file.as_str().unwrap()))
        .filter(|file| file.extension().is_some_and(|it| it == "html"))
        .collect()
}

/// What must stand in every message of a step in a language, as it is read: the package's locks.
fn locks(package: &str, language: &str, template: &str) -> Vec<String> {
    let file = folder(package).join(language).join(template).join("body.html.hbs");
    let source = fs::read_to_string(&file).unwrap();
    let mut locks = Vec::new();
    for lock in source.split("{{#lock ").skip(1) {
        let inner = lock.split_once("}}").unwrap().1.split_once("{{/lock}}").unwrap().0;
        let words =
            inner.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        let text = words.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        locks.push(text.replace("&nbsp;", " ").replace("&amp;", "&"));
    }
    assert!(!locks.is_empty(), "{} locks nothing", file.display());
    locks
}

/// A message to look at.
struct Message {
    file: PathBuf,
    language: String,
    locks: Vec<String>,
}

/// Lets Chromium read all messages of a folder on a screen of this width.
fn read(folder: &Path, messages: &[Message], width: u32, dark: bool) -> Vec<Value> {
    let attribute = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;");
    let frames: String = messages
        .iter()
        .map(|message| {
            format!(
                "<iframe style=\"width:{width}px;border:0\" data-name=\"{}\" data-locks=\"{}\" srcdoc=\"{}\"></iframe>\n",
                attribute(&message.file.file_name().unwrap().to_string_lossy()),
                attribute(&serde_json::to_string(&message.locks).unwrap()),
                attribute(&fs::read_to_string(&message.file).unwrap()),
            )
        })
        .collect();
    let page = folder.join("reader.html");
    let document =
        format!("<!DOCTYPE html><meta charset=utf-8><script>{READER}</script><body>{frames}");
    fs::write(&page, document).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--timeout=60000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--blink-settings=preferredColorScheme={}", i32::from(!dark)))
        .args(["--window-size=1200,900", "--dump-dom"])
        .arg(&page)
        .output()
        .expect("Chromium can be started");
    let dumped = String::from_utf8(output.stdout).unwrap();
    let read =
        dumped.split_once("<pre id=\"read\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (read, _) = read.unwrap_or_else(|| {
        panic!("Chromium read nothing: {dumped}\n{}", String::from_utf8_lossy(&output.stderr))
    });
    let read: Vec<Value> = serde_json::from_str(&percent_decoded(read)).unwrap();
    assert_eq!(read.len(), messages.len());
    read
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| char::from(byte.unwrap()).to_digit(16).unwrap() as u8;
        bytes.push(if byte == b'%' { hex(rest.next()) * 16 + hex(rest.next()) } else { byte });
    }
    String::from_utf8(bytes).unwrap()
}

/// What must be so of every message, on whatever screen.
fn assert_reads_well(message: &Message, seen: &Value, width: u32, dark: bool) {
    let name = format!("{} in {} at {width}, dark: {dark}", seen["name"], message.language);
    assert!(seen["width"].as_u64().unwrap() <= u64::from(width), "{name}: {}", seen["width"]);
    let direction = if message.language == "ar" { "rtl" } else { "ltr" };
    assert_eq!(seen["direction"], direction, "{name}");
    assert_eq!(seen["broken"], Value::Array(vec![]), "{name}: pictures that are not shown");
    assert_eq!(seen["programs"], 0, "{name}");
    let buttons = seen["buttons"].as_array().unwrap();
    assert_eq!(buttons.len(), 1, "{name}: one action a mail");
    // As large as a finger: WCAG 2.2, 2.5.5.
    assert!(buttons[0].as_f64().unwrap() >= 44.0, "{name}: {buttons:?}");
    let (sheet, words) = (seen["sheet"].as_f64().unwrap(), seen["words"].as_f64().unwrap());
    assert!(if dark { sheet < 0.2 && words > 0.7 } else { sheet > 0.9 && words < 0.3 }, "{name}");
    let shown = seen["shown"].as_str().unwrap();
    for lock in seen["locks"].as_array().unwrap() {
        let text = lock["text"].as_str().unwrap();
        assert_eq!(shown.matches(text).count(), 1, "{name}: `{text}` in {shown}");
        assert_eq!(lock["covered"], false, "{name}: `{text}`");
        assert!(lock["size"].as_f64().unwrap() >= 10.0, "{name}: `{text}`");
        assert!(lock["contrast"].as_f64().unwrap() > 0.3, "{name}: `{text}` {lock}");
    }
}

fn look_at(messages: &[Message]) {
    for (width, dark) in [(390, false), (390, true), (760, false), (760, true)] {
        let folder = messages[0].file.parent().unwrap();
        for (message, seen) in messages.iter().zip(read(folder, messages, width, dark)) {
            assert_reads_well(message, &seen, width, dark);
        }
    }
}

/// The messages of a package in a language, for the sample person or for those who put it to the test.
fn messages(machine: &Machine, package: &str, language: &str, more: &[&str]) -> Vec<Message> {
    let mut arguments = vec!["--language", language];
    arguments.extend(more);
    render(machine, package, "out", &arguments)
        .into_iter()
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let template =
                name.split('.').find(|part| folder(package).join("en").join(part).is_dir());
            let template = template.unwrap_or_else(|| panic!("no template for {name}")).to_owned();
            let kept = file.with_file_name(format!("{language}.{name}.html"));
            fs::rename(&file, &kept).unwrap();
            let locks = locks(package, language, &template);
            Message { file: kept, language: language.to_owned(), locks }
        })
        .collect()
}

#[test]
fn sample_packages_read_well_in_every_language() {
    for package in PACKAGES {
        let machine = machine();
        let mut all = Vec::new();
        for language in LANGUAGES {
            all.extend(messages(&machine, package, language, &[]));
            all.extend(messages(&machine, package, language, &["--edges"]));
        }
        look_at(&all);
    }
}

#[test]
fn what_a_partner_enters_hides_no_lock() {
    let machine = machine();
    let mut all = Vec::new();
    for hostile in [
        "</p></td></tr></table></div><div style=\"display:none\">",
        "</title></style><style>.fine{display:none!important}</style><!--",
        "<div style=\"position:fixed;top:0;left:0;width:9999px;height:9999px;background:#fff\">x</div>",
        "{{/lock}}{{#lock \"keys\"}}x{{/lock}}",
        "\u{202E}\u{2066}\u{2067}\u{200B}\u{200D}\u{FEFF}",
        "W\u{0336}\u{0336}\u{0336}\u{0489}\u{0489}\u{0489}\u{0489}\u{0489}\u{0489}\u{0489}",
        "<plaintext>",
        "<svg onload=alert(1)><foreignObject><textarea>",
    ] {
        let slot = format!("spotlight={hostile}");
        let offer = format!("offer={hostile}");
        let field = format!("company={hostile}");
        let number = all.len();
        let more = ["--slot", &slot, "--slot", &offer, "--field", &field];
        for mut message in messages(&machine, "product-launch", "en", &more) {
            let kept = message.file.with_extension(format!("{number}.html"));
            fs::rename(&message.file, &kept).unwrap();
            message.file = kept;
            all.push(message);
        }
    }
    look_at(&all);
}

#[test]
fn pictures_are_taken_in_four_views() {
    let machine = machine();
    let dir = folder("product-launch");
    let dir = dir.to_str().unwrap();
    run(&machine, &["render", "--dir", dir, "--step", "announce", "--png", "--out", "shots"]);
    let mut light_of = Vec::new();
    for (view, width) in
        [("phone-light", 390), ("phone-dark", 390), ("desktop-light", 760), ("desktop-dark", 760)]
    {
        let picture = image::open(machine.path(&format!("shots/announce.{view}.png"))).unwrap();
        assert_eq!(picture.width(), width, "{view}");
        assert!((600..4_000).contains(&picture.height()), "{view}: {}", picture.height());
        let grey = picture.to_luma8();
        let sum: u64 = grey.pixels().map(|pixel| u64::from(pixel.0[0])).sum();
        light_of.push(sum / u64::from(picture.width() * picture.height()));
    }
    let [phone, phone_dark, desktop, desktop_dark] = light_of[..] else { unreachable!() };
    assert!(phone > 180 && desktop > 180, "{light_of:?}");
    assert!(phone_dark < 80 && desktop_dark < 80, "{light_of:?}");
}
