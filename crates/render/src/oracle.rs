//! Rendering in two steps gives what rendering at once gives: handlebars with its own conditionals,
//! on data in which the person's fields are plain values, is the oracle.

mod peers;

use std::collections::BTreeMap;

use domain::PartnerShelf;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, Renderable,
    handlebars_helper,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::{
    Compiled, MessageLinks, PackageFiles, Rendered, Sample, SamplePackage, SharedTemplates,
    clean::clean,
    compiled::data,
    engine::{ENTRY, empty_registry, push_percent, register_templates},
    package::Package,
    publish,
    skeleton::MOST_FIELD,
    text::wrap,
    verify::{Library, Part},
    version::Frozen,
    vocabulary::LINKS,
};

const LINK: &str = "https://portal.example/u/AQEl3n0b?a=1&b='2'";
const PUBLIC: &str = "https://portal.example";

handlebars_helper!(default: |value: Json, other: Json| {
    if value.as_str().is_some_and(|text| !text.is_empty()) { value.clone() } else { other.clone() }
});
handlebars_helper!(percent: |value: str| {
    let mut out = String::new();
    push_percent(&mut out, value);
    out
});

/// A lock writes what it locks.
struct Lock;

impl HelperDef for Lock {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let inner = helper.template();
        inner.map_or(Ok(()), |inner| inner.render(registry, context, state, out))
    }
}

/// The message's own links as they stand in data.
fn links() -> serde_json::Map<String, Value> {
    LINKS.iter().map(|link| ((*link).to_owned(), LINK.into())).collect()
}

/// The message, rendered at once.
fn at_once(
    frozen: &Frozen,
    step: usize,
    shelf: &PartnerShelf,
    person: &BTreeMap<String, String>,
) -> Rendered {
    let package: &Package = &frozen.package;
    let library = Library(frozen.templates.clone());
    let fields = package.person_fields.iter().map(|field| {
        let value = person.get(field).map(|value| clean(value, MOST_FIELD)).unwrap_or_default();
        (field.clone(), Value::String(value.into_owned()))
    });
    let data = data(package, "en", shelf, PUBLIC, fields.collect(), links()).unwrap();
    let context = Context::from(data.data);
    let render = |part| {
        let mut registry: Handlebars<'static> = empty_registry(part);
        registry.register_helper("default", Box::new(default));
        registry.register_helper("percent", Box::new(percent));
        registry.register_helper("lock", Box::new(Lock));
        let speaker = std::sync::Arc::new(crate::speaker::Speaker::new("en"));
        crate::engine::helpers::register_speaking(&mut registry, &speaker);
        let step = &package.steps[step];
        register_templates(&mut registry, &library, package, "en", &step.template, part).unwrap();
        registry.render_with_context(ENTRY, &context).unwrap()
    };
    Rendered {
        subject: clean(&render(Part::Subject), 300).into_owned(),
        text: wrap(&render(Part::Text)),
        html: render(Part::Html),
    }
}

fn in_two_steps(
    compiled: &Compiled,
    step: usize,
    shelf: &PartnerShelf,
    person: &BTreeMap<String, String>,
) -> Rendered {
    let step = &compiled.steps()[step].key;
    let skeleton = compiled.skeleton(step, "en", shelf, PUBLIC).unwrap();
    skeleton.message(person, &MessageLinks::all_to(LINK)).unwrap()
}

/// The files of a sample package, in English only: its other languages are looked at elsewhere.
fn in_english() -> PackageFiles {
    let package = SamplePackage::named("product-launch").unwrap();
    let mut files = package.files().clone();
    let others = files.iter().map(|(path, _)| path.to_owned());
    let others: Vec<_> =
        others.filter(|path| path.ends_with(".hbs") && !path.starts_with("en/")).collect();
    for path in others {
        files.remove(&path);
    }
    files
}

fn sample() -> (Vec<u8>, Sample) {
    let files = in_english();
    let version = publish(&files, &SharedTemplates::embedded()).unwrap();
    (version.blob, Sample::of(&files).unwrap())
}

/// What people and programs put into fields.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "\\PC{0,30}",
        1 => "[\\x00-\\x1f\u{80}-\u{9f}\u{2028}\u{202e}\u{fdd0}\u{fdd1}fpiez0-3]{0,12}",
        1 => "[{}#/>!&<\"'%=; a-z\\\\]{0,20}",
        2 => prop::sample::select(vec![
            "", " ", "Maya", "O'Brien & Söhne <b>", "{{7}}", "{{{x}}}", "{{> p}}", "{{lookup this}}",
            "{{{{raw}}}}", "{{#if x}}", "\u{FDD0}f0\u{FDD1}", "\u{FDD0}z\u{FDD1}", "\u{FDD0}", "\u{FDD1}",
            "<script>alert(1)</script>", "\" onmouseover=\"x", "' x='", "--><b>", "</style>", "a\r\nBcc: x@y.example",
            "javascript:alert(1)", "%0d%0a", "عبد الرحمن", "\u{202E}gnp", "👩‍👩‍👧", "&amp;",
        ]).prop_map(str::to_owned),
    ]
}

fn person() -> impl Strategy<Value = BTreeMap<String, String>> {
    let field =
        prop::sample::select(vec!["first_name", "company", "unknown"]).prop_map(str::to_owned);
    prop::collection::btree_map(field, hostile(), 0..3)
}

/// A partner whose every text somebody else wrote. Names that clean to nothing are refused, not rendered.
fn shelf(base: PartnerShelf) -> impl Strategy<Value = PartnerShelf> {
    let texts = prop::collection::vec(hostile(), 9);
    (texts, any::<[u8; 3]>(), any::<bool>()).prop_map(move |(texts, [r, g, b], has_logo)| {
        let mut shelf = base.clone();
        shelf.vendor_name.clone_from(&texts[0]);
        shelf.brand.name = format!("N{}", texts[1]);
        shelf.brand.postal_address = vec![format!("A{}", texts[2]), texts[3].clone()];
        shelf.brand.contact_person.name.clone_from(&texts[4]);
        shelf.brand.contact_person.email.clone_from(&texts[5]);
        shelf.brand.contact_person.phone.clone_from(&texts[6]);
        shelf.slots.insert("spotlight".to_owned(), texts[7].clone());
        shelf.slots.insert("offer".to_owned(), texts[8].clone());
        shelf.brand.colour = format!("#{r:02x}{g:02x}{b:02x}");
        if !has_logo {
            shelf.brand.logo = None;
        }
        shelf
    })
}

/// The names of all tags and attributes in order: the structure of an HTML text.
fn structure(html: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let mut quote = None;
        let end = rest[start..].find(|c: char| match quote {
            None if c == '"' => {
                quote = Some(c);
                false
            }
            Some(open) if c == open => {
                quote = None;
                false
            }
            None => c == '>',
            Some(_) => false,
        });
        let Some(end) = end else { break };
        let tag = &rest[start..start + end];
        let mut outside = tag.split('"').step_by(2);
        names.extend(outside.by_ref().map(|part| part.trim().to_owned()));
        rest = &rest[start + end..];
    }
    names
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn two_steps_give_what_one_gives(
        shelf in shelf(sample().1.shelf()),
        people in prop::collection::vec(person(), 3),
    ) {
        let (blob, _) = sample();
        let compiled = Compiled::from_blob(&blob).unwrap();
        let frozen: Frozen = serde_json::from_slice(&blob).unwrap();
        for step in 0..compiled.steps().len() {
            for person in &people {
                let message = in_two_steps(&compiled, step, &shelf, person);
                prop_assert_eq!(&message, &at_once(&frozen, step, &shelf, person));
                prop_assert!(!message.subject.chars().any(char::is_control));
                for part in [&message.subject, &message.text, &message.html] {
                    prop_assert!(!part.contains(crate::clean::is_noncharacter));
                    prop_assert!(!part.contains('\r'));
                }
            }
        }
    }

    /// Whatever stands in the fields, the HTML has the tags and attributes it has for plain ones.
    #[test]
    fn fields_do_not_change_the_structure(
        shelf in shelf(sample().1.shelf()),
        person in person(),
    ) {
        let (blob, _) = sample();
        let compiled = Compiled::from_blob(&blob).unwrap();
        let plain = |text: &str, most: usize| if clean(text, most).is_empty() { "" } else { "x" }.to_owned();
        let mut tame = shelf.clone();
        tame.vendor_name = plain(&shelf.vendor_name, 200);
        tame.brand.name = "x".to_owned();
        for line in &mut tame.brand.postal_address {
            *line = plain(line, 200);
        }
        let contact = &mut tame.brand.contact_person;
        for field in [&mut contact.name, &mut contact.email, &mut contact.phone] {
            *field = plain(field, 200);
        }
        for value in tame.slots.values_mut().filter(|value| !value.starts_with("https:")) {
            *value = if value.trim().is_empty() { String::new() } else { plain(value, 400) };
        }
        let people: BTreeMap<_, _> = person.iter().map(|(k, v)| (k.clone(), plain(v, 200))).collect();
        for step in 0..compiled.steps().len() {
            let wild = in_two_steps(&compiled, step, &shelf, &person);
            let tame = in_two_steps(&compiled, step, &tame, &people);
            prop_assert_eq!(structure(&wild.html), structure(&tame.html));
        }
    }
}

/// A random template: every construct, nested.
fn template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z \n<>&.]{0,8}".prop_map(|text| text.replace('<', "< ")),
        prop::sample::select(vec![
            "{{person.first_name}}",
            "{{ person.company }}",
            "{{person.company }}",
            "{{partner.name}}",
            "{{default person.first_name \"there & <you>\"}}",
            "{{default person.first_name partner.name}}",
            "{{default person.first_name person.company}}",
            "{{default slots.spotlight \"none\"}}",
            "{{default person.company (default slots.spotlight \"x\")}}",
            "{{percent person.first_name}}",
            "{{percent partner.name}}",
            "{{! note }}",
            "{{!-- {{x}} --}}",
            "\n{{> greeting}}\n",
            "{{> greeting}}",
            "{{links.unsubscribe}}",
            "{{vendor.name}}",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let body = prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat());
        let condition = prop::sample::select(vec![
            "person.first_name", "person.company", "partner.logo", "slots.spotlight",
            "(eq partner.tier \"Gold\")",
        ]);
        let block = prop::sample::select(vec!["if", "unless"]);
        prop_oneof![
            (block, condition.clone(), body.clone(), body.clone()).prop_map(|(block, condition, one, two)| {
                format!("{{{{#{block} {condition}}}}}{one}{{{{else}}}}{two}{{{{/{block}}}}}")
            }),
            (condition.clone(), condition, body.clone(), body.clone(), body.clone()).prop_map(
                |(first, second, one, two, three)| format!(
                    "\n{{{{#if {first}}}}}\n{one}{{{{else if {second}}}}}{two}\n{{{{else}}}}\n{three}{{{{/if}}}}\n"
                )
            ),
            body.prop_map(|body| format!(
                "{body}{{{{#each partner.address}}}}{{{{#if @root.person.first_name}}}}{{{{this}}}}{{{{/if}}}}{{{{#unless @last}}}}, {{{{/unless}}}}{{{{/each}}}}"
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn two_steps_give_what_one_gives_for_any_template(
        templates in [template(), template(), template()],
        shelf in shelf(sample().1.shelf()),
        people in prop::collection::vec(person(), 3),
    ) {
        let mut files = in_english();
        let [subject, text, html] = templates;
        files.insert("en/announce/subject.txt.hbs", format!("s{subject}"));
        files.insert("en/announce/body.txt.hbs", text);
        files.insert("en/announce/body.html.hbs", html);
        let version = publish(&files, &SharedTemplates::embedded());
        let version = version.map_err(|found| TestCaseError::fail(format!("{found:#?}")))?;
        let compiled = Compiled::from_blob(&version.blob).unwrap();
        let frozen: Frozen = serde_json::from_slice(&version.blob).unwrap();
        for person in &people {
            prop_assert_eq!(in_two_steps(&compiled, 0, &shelf, person), at_once(&frozen, 0, &shelf, person));
        }
    }
}
