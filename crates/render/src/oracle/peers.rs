//! The same templates and data give what handlebars.js gives. Two things differ and nothing else: its escapes
//! are other ones for the same characters (`&#x27;`, `&#x60;`, `&#x3D;`), and a chain with `{{else if}}` leaves
//! other white space around its tags.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use super::*;
use crate::engine::helpers::register_deciding;

/// Where Debian's package libjs-handlebars puts it.
const HANDLEBARS: &str = "/usr/share/javascript/handlebars/handlebars.js";

/// Renders every case with handlebars.js.
fn rendered_there(cases: &[Value]) -> Vec<Result<String, String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/handlebars.js");
    let mut node = Command::new("node")
        .args([script, HANDLEBARS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node can be started");
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(&serde_json::to_vec(cases).unwrap()).unwrap();
    drop(stdin);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "{HANDLEBARS} can be used");
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), cases.len());
    let text = |value: &Value| value.as_str().map(str::to_owned);
    answers
        .iter()
        .map(|it| text(&it["text"]).ok_or_else(|| text(&it["error"]).unwrap_or_default()))
        .collect()
}

/// With the escapes that are ours.
fn with_our_escapes(html: &str) -> String {
    html.replace("&#x27;", "&#39;").replace("&#x60;", "`").replace("&#x3D;", "=")
}

/// What two renderings of a template must have in common.
fn common(template: &Value, rendered: &str) -> String {
    if template.as_str().unwrap().contains("{{else if") {
        rendered.split_whitespace().collect()
    } else {
        rendered.to_owned()
    }
}

/// A part of a step as handlebars.js takes it.
fn case(frozen: &Frozen, step: usize, data: &Value, part: Part) -> Value {
    let package = &frozen.package;
    let library = Library(frozen.templates.clone());
    let template = &package.steps[step].template;
    let source = |path: &String| library.0.get(path).cloned();
    let names = library.partial_names("en", part);
    let partials: serde_json::Map<String, Value> = names
        .into_iter()
        .chain(["content", "preheader"])
        .filter_map(|name| {
            let path = library.partial("en", template, part, name)?;
            Some((name.to_owned(), json!(source(&path)?)))
        })
        .collect();
    let entry = source(&Library::entry(package, "en", template, part)).unwrap();
    json!({ "entry": entry, "partials": partials, "data": data, "html": part == Part::Html })
}

fn data_of(frozen: &Frozen, shelf: &PartnerShelf, person: &BTreeMap<String, String>) -> Value {
    let package = &frozen.package;
    let fields = package.person_fields.iter().map(|field| {
        let value = person.get(field).map(|value| clean(value, MOST_FIELD)).unwrap_or_default();
        (field.clone(), Value::String(value.into_owned()))
    });
    data(package, "en", shelf, PUBLIC, fields.collect(), links()).unwrap().data
}

/// Values of a strategy, the same in every run.
fn drawn<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, number: usize) -> Vec<T> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..number).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn any_template_gives_what_handlebars_js_gives() {
    let base = in_english();
    let mut cases = Vec::new();
    let mut ours = Vec::new();
    let any = ([template(), template(), template()], shelf(sample().1.shelf()), person());
    for ([subject, text, html], shelf, person) in drawn(any, 300) {
        let mut files = base.clone();
        files.insert("en/announce/subject.txt.hbs", format!("s{subject}"));
        files.insert("en/announce/body.txt.hbs", text);
        files.insert("en/announce/body.html.hbs", html);
        let version = publish(&files, &SharedTemplates::embedded()).unwrap();
        let compiled = Compiled::from_blob(&version.blob).unwrap();
        let frozen: Frozen = serde_json::from_slice(&version.blob).unwrap();
        let data = data_of(&frozen, &shelf, &person);
        ours.push(in_two_steps(&compiled, 0, &shelf, &person));
        cases.extend(
            [Part::Subject, Part::Text, Part::Html].map(|part| case(&frozen, 0, &data, part)),
        );
    }
    let theirs = rendered_there(&cases);
    for ((ours, theirs), cases) in ours.iter().zip(theirs.chunks(3)).zip(cases.chunks(3)) {
        let theirs = |number: usize| {
            theirs[number].as_ref().unwrap_or_else(|error| panic!("{error}: {}", cases[number]))
        };
        let same = |template: &Value, ours: &str, theirs: &str| {
            let (ours, theirs) = (common(template, ours), common(template, theirs));
            assert!(ours == theirs, "{template}\nhere:  {ours}\nthere: {theirs}");
        };
        same(&cases[0]["entry"], &ours.subject, &clean(theirs(0), 300));
        same(&cases[1]["partials"]["content"], &ours.text, &wrap(theirs(1)));
        same(&cases[2]["partials"]["content"], &ours.html, &with_our_escapes(theirs(2)));
    }
}

#[test]
fn sample_packages_give_what_handlebars_js_gives() {
    let (blob, sample) = sample();
    let frozen: Frozen = serde_json::from_slice(&blob).unwrap();
    let compiled = Compiled::from_blob(&blob).unwrap();
    let shelf = sample.shelf();
    for step in 0..frozen.package.steps.len() {
        for person in &sample.people {
            let data = data_of(&frozen, &shelf, person);
            let ours = in_two_steps(&compiled, step, &shelf, person);
            let theirs =
                rendered_there(&[Part::Text, Part::Html].map(|it| case(&frozen, step, &data, it)));
            assert_eq!(ours.text, wrap(theirs[0].as_ref().unwrap()));
            assert_eq!(ours.html, with_our_escapes(theirs[1].as_ref().unwrap()));
        }
    }
}

/// Templates that others wrote, from the folder `templates` of `THROUGHLINE_CORPORA`.
fn corpus() -> Vec<(String, String, Value)> {
    let folder = std::env::var_os("THROUGHLINE_CORPORA").expect("THROUGHLINE_CORPORA is set");
    let folder = PathBuf::from(folder).join("templates");
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).expect("the corpora have templates") {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        texts.insert(name, std::fs::read_to_string(&path).unwrap());
    }
    let templates = texts.iter().filter_map(|(name, source)| {
        let stem = name.strip_suffix(".html")?;
        // Several sets of values for one template: everything any of them names is there.
        let mut data = serde_json::Map::new();
        for (other, text) in &texts {
            if other.starts_with(&format!("{stem}_data")) {
                let values: Value = serde_json::from_str(text).expect("values are JSON");
                data.extend(values.as_object().unwrap().clone());
            }
        }
        Some((stem.to_owned(), source.clone(), Value::Object(data)))
    });
    templates.collect()
}

/// What a template calls and has no value for is an empty text, at the top and in lists.
fn filled(source: &str, mut data: Value) -> Value {
    let tags = source.split("{{").skip(1);
    let tags = tags.map(|tag| tag.trim_start_matches('{').split('}').next().unwrap());
    let names = tags.map(|tag| tag.rsplit([' ', '.']).next().unwrap()).filter(|name| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && *name != "else"
    });
    for name in names {
        fill(&mut data, name);
    }
    data
}

fn fill(values: &mut Value, name: &str) {
    match values {
        Value::Object(values) => {
            values.values_mut().for_each(|value| fill(value, name));
            values.entry(name).or_insert_with(|| json!(""));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| fill(value, name)),
        _ => {}
    }
}

#[test]
fn templates_of_others_give_what_handlebars_js_gives() {
    let corpus = corpus();
    assert!(!corpus.is_empty(), "the corpora have templates");
    for (name, source, data) in corpus {
        let data = filled(&source, data);
        let allowed = source.replace("{{{", "{{").replace("}}}", "}}");
        let mut registry = empty_registry(Part::Html);
        register_deciding(&mut registry);
        registry.register_template_string(ENTRY, &allowed).unwrap();
        let ours = registry.render(ENTRY, &data).unwrap_or_else(|error| panic!("{name}: {error}"));
        let case = json!({ "entry": allowed, "partials": {}, "data": data, "html": true });
        let theirs =
            rendered_there(&[case]).remove(0).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (ours, theirs) = (common(&json!(allowed), &ours), with_our_escapes(&theirs));
        assert_eq!(ours, common(&json!(allowed), &theirs), "{name}");
        // As they stand they are no part of a package: they call values by names that no package has.
        let mut files = in_english();
        files.insert("en/announce/body.html.hbs", source.clone());
        let found = publish(&files, &SharedTemplates::embedded()).expect_err("it is refused");
        let mut errors = found.iter().filter(|it| it.severity == crate::Severity::Error);
        assert!(
            errors.all(|it| it.line > 0 && it.file == "en/announce/body.html.hbs"),
            "{found:#?}"
        );
        if source.contains("{{{") {
            let expected = "two braces: `{{…}}`";
            assert!(found.iter().any(|it| it.expected == expected), "{name}: {found:#?}");
        }
    }
}
