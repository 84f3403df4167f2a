//! The JSON Schema of `package.toml`, for editors: what each key means, and what may stand there.
//!
//! It says what the reader takes; a test holds the two together. What needs more than one place of the
//! file (does the slot exist, does a branch end) only `check` says.

use serde_json::{Map, Value, json};

use super::{
    COUNTRIES, MOST_FIELDS, MOST_TEXT, MOST_TITLE, assets::MOST_ASSETS, motion, motion::MOST_GOALS,
    slots, steps,
};
use crate::package::{Fill, SlotKind};

const NAME: &str = "^[a-z]([a-z0-9-]{0,58}[a-z0-9])?$";
const FIELD: &str = "^[a-z][a-z0-9_]{0,39}$";
const STEP_KEY: &str = "^[a-z][a-z0-9-]{0,39}$";
const LANGUAGE: &str = "^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$";
const OFFSET: &str = "^(0|[0-9]{1,7}(min|h|d))$";
const AFTER: &str = "^(0|[0-9]{1,7}(min|h|d))( ([01][0-9]|2[0-3]):[0-5][0-9])?$";
const AT: &str = "^T([-+][0-9]{1,7}(min|h|d))?( ([01][0-9]|2[0-3]):[0-5][0-9])?$";
const PERIOD: &str = "^([1-9]|[1-4][0-9]|5[0-2])w$|^([1-9]|1[0-2])mo$";

/// The JSON Schema (draft 7) of `package.toml`.
pub fn package_schema() -> Value {
    let mut schema = object(
        "An activation package of Throughline.",
        &["name", "title", "vendor", "audience", "steps"],
        [
            (
                "name",
                pattern(
                    NAME,
                    "Stable name, the same in every version: small letters, digits and hyphens.",
                ),
            ),
            ("title", localised("What partners see.", MOST_TITLE)),
            ("vendor", text("The vendor's name, for people who read this file.", MOST_TITLE)),
            ("description", localised("One paragraph for partners.", MOST_TEXT)),
            (
                "language",
                with_default(
                    pattern(
                        LANGUAGE,
                        "The package's own language (BCP 47): a plain text is in it, and it is used when a better one is not there.",
                    ),
                    "en",
                ),
            ),
            (
                "layout",
                with_default(pattern(NAME, "The shared layout around every mail."), "cobrand"),
            ),
            (
                "topic",
                object(
                    "What its mail is about, for recipients who want some mail of a partner and not other. Packages with the same name of a topic share it.",
                    &["name", "title"],
                    [
                        ("name", pattern(NAME, "Stable name: small letters, digits and hyphens.")),
                        ("title", localised("What recipients see.", MOST_TITLE)),
                    ],
                ),
            ),
            ("eligibility", eligibility()),
            ("validity", validity()),
            ("audience", audience()),
            ("person", person()),
            ("motion", motion_table()),
            ("goals", array("What counts as success.", 1, MOST_GOALS, goal())),
            ("tracking", tracking()),
            (
                "landing_page",
                object(
                    "The page that links may lead to: `<language>/<template>/page.html.hbs`. Checked and kept; not served yet.",
                    &["template"],
                    [("template", pattern(NAME, "The folder of the page under each language."))],
                ),
            ),
            (
                "assets",
                named(
                    "The pictures that templates show as `assets.NAME.url`, `.width`, `.height` and `.alt`.",
                    MOST_ASSETS,
                    asset(),
                ),
            ),
            (
                "slots",
                named(
                    "What partners may fill; templates write it as `slots.NAME`.",
                    slots::MOST_SLOTS,
                    slot(),
                ),
            ),
            (
                "steps",
                array("What happens, in the order of the file.", 1, steps::MOST_STEPS, step()),
            ),
        ],
    );
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        schema.insert("title".to_owned(), json!("package.toml"));
    }
    schema
}

fn eligibility() -> Value {
    let countries: Vec<&str> = COUNTRIES.split(' ').collect();
    object(
        "Who may launch it. What is left out, or empty, keeps nobody out.",
        &[],
        [
            ("tiers", texts("Names of tiers, compared without case.")),
            (
                "regions",
                json!({
                    "description": "Countries of partners, ISO 3166-1 alpha-2, such as \"AT\".",
                    "type": "array",
                    "uniqueItems": true,
                    "items": { "type": "string", "enum": countries },
                }),
            ),
            (
                "partner_types",
                texts("Kinds of partners, such as \"reseller\", compared without case."),
            ),
        ],
    )
}

fn tracking() -> Value {
    let flag = |description: &str| json!({ "description": description, "type": "boolean", "default": true });
    object(
        "What is counted of its mail. The installation may count less, never more.",
        &[],
        [
            ("opens", flag("Whether its mail carries an image that says that it was opened.")),
            (
                "clicks",
                flag("Whether its links lead through the portal, which counts and redirects."),
            ),
        ],
    )
}

fn validity() -> Value {
    let moment = |description: &str| {
        json!({
            "description": format!("{description} A day like 2026-09-01 (its beginning in UTC), or a moment like 2026-09-01T08:00:00+02:00."),
            "type": "string",
        })
    };
    object(
        "When its steps may be sent.",
        &[],
        [
            ("from", moment("Nothing is sent before it.")),
            ("until", moment("Nothing is sent from then on.")),
        ],
    )
}

fn audience() -> Value {
    object(
        "Who gets it.",
        &["rule"],
        [
            (
                "rule",
                choice(
                    "How people are chosen. `list`: everybody on the list the partner chooses.",
                    &["list"],
                ),
            ),
            (
                "consent",
                localised(
                    "What recipients were told when they consented, for the partner to compare.",
                    MOST_TEXT,
                ),
            ),
        ],
    )
}

fn person() -> Value {
    object(
        "What is known of a recipient.",
        &[],
        [(
            "fields",
            json!({
                "description": "The merge fields its templates may write as `person.NAME`. A missing one is empty.",
                "type": "array",
                "uniqueItems": true,
                "maxItems": MOST_FIELDS,
                "items": { "type": "string", "pattern": FIELD },
            }),
        )],
    )
}

fn motion_table() -> Value {
    by_kind(
        object(
            "How it runs. Left out: once, its steps after the start.",
            &["kind"],
            [
                (
                    "kind",
                    choice(
                        "`event`: its steps stand before and after an event. `always-on`: it goes on, period by period.",
                        &["event", "always-on"],
                    ),
                ),
                (
                    "event_at",
                    pattern(
                        FIELD,
                        "The slot of kind `datetime` that says when the event is; required, or with a default.",
                    ),
                ),
                (
                    "period",
                    pattern(
                        PERIOD,
                        "How long a period is: \"1w\", \"2w\", \"1mo\", \"3mo\". Each is one occurrence of every step.",
                    ),
                ),
            ],
        ),
        &["event", "always-on"],
        &motion::KEYS_OF_KINDS,
        &[("event", &["event_at"]), ("always-on", &["period"])],
    )
}

fn goal() -> Value {
    object(
        "Something that counts as success.",
        &["key", "title", "kind"],
        [
            ("key", pattern(NAME, "Stable name, unique in the package.")),
            ("title", localised("What partners see.", MOST_TITLE)),
            ("kind", choice("What a recipient does.", &["click", "form", "reply"])),
            (
                "target",
                json!({
                    "description": "The share of the audience that is hoped for, such as 0.05.",
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                }),
            ),
        ],
    )
}

fn asset() -> Value {
    object(
        "A picture. It is written anew when the package is published: pixels, and nothing else.",
        &["file", "alt"],
        [
            (
                "file",
                pattern(
                    "^assets/.+\\.([Pp][Nn][Gg]|[Jj][Pp][Ee]?[Gg]|[Ss][Vv][Gg])$",
                    "Its file in the package: png, jpg or svg, at most 1 MiB and 4096 pixels a side.",
                ),
            ),
            (
                "alt",
                localised(
                    "What it shows, for people who don't see it; \"\" if it is decoration.",
                    300,
                ),
            ),
            (
                "width",
                number(
                    "How wide it is shown, in CSS pixels. Left out: its own width, at most 600.",
                    1,
                    1_200,
                ),
            ),
        ],
    )
}

fn slot() -> Value {
    let kinds = SlotKind::ALL.map(SlotKind::as_str);
    let choice_of = object(
        "One of the values.",
        &["value", "label"],
        [
            (
                "value",
                text("What templates compare with: `{{#if (eq slots.NAME \"value\")}}`.", 60),
            ),
            ("label", localised("What partners see.", 100)),
        ],
    );
    by_kind(
        object(
            "Something a partner may fill.",
            &["kind", "label"],
            [
                (
                    "kind",
                    choice(
                        "What may stand in it. `text`: one paragraph. `rich_text`: paragraphs, lists, emphasis, links. `url`: an https link. `image`: a picture that was uploaded. `choice`: one of several values. `colour`: #rrggbb. `person`: `Name <email>, phone`. `datetime`: a moment with its zone.",
                        &kinds,
                    ),
                ),
                ("label", localised("What the partner is asked.", 200)),
                (
                    "required",
                    json!({ "description": "Whether a launch needs it.", "type": "boolean", "default": false }),
                ),
                (
                    "default",
                    localised(
                        "What stands there if the partner leaves it. Of a choice: one of its values, the first if left out. Of a datetime: like \"2026-12-03T10:00[Europe/Vienna]\".",
                        slots::MOST_RICH_LENGTH as usize * 2,
                    ),
                ),
                (
                    "fill",
                    choice(
                        "What of the partner's brand profile stands there if the partner leaves it.",
                        &Fill::ALL.map(Fill::as_str),
                    ),
                ),
                (
                    "max_length",
                    number(
                        "The most characters; of rich text, those that are seen. 300, 1000 and 500 if left out. At most 2000, of rich text 10000.",
                        1,
                        slots::MOST_RICH_LENGTH,
                    ),
                ),
                (
                    "hosts",
                    json!({
                        "description": "Hosts a link may lead to: \"www.example.com\", \"*.example.com\" (itself and every host below), \"partner\" (the partner's own web site and below). Left out: any.",
                        "type": "array",
                        "uniqueItems": true,
                        "maxItems": slots::MOST_HOSTS,
                        "items": { "type": "string" },
                    }),
                ),
                ("choices", array("What may be chosen.", 2, slots::MOST_CHOICES, choice_of)),
                ("min_width", number("The least width of a picture, in pixels.", 1, 4_096)),
                ("min_height", number("The least height of a picture, in pixels.", 1, 4_096)),
                (
                    "max_bytes",
                    number(
                        "The most bytes of a picture as it is handed in; 1 MiB if left out.",
                        1,
                        1024 * 1024,
                    ),
                ),
            ],
        ),
        &kinds,
        &slots::KEYS_OF_KINDS,
        &[("choice", &["choices"])],
    )
}

fn step() -> Value {
    let kinds = ["email", "social", "wait", "branch"];
    by_kind(
        object(
            "One step.",
            &["key", "kind"],
            [
                ("key", pattern(STEP_KEY, "Stable name, unique in the package.")),
                (
                    "kind",
                    choice(
                        "`email`: a mail to each person. `social`: a post in the partner's name. `wait`: a pause. `branch`: two ways to go on. All but `email` are checked and kept, not run yet.",
                        &kinds,
                    ),
                ),
                (
                    "after",
                    pattern(
                        AFTER,
                        "When it is due, from the start: \"0\", \"90min\", \"36h\", \"3d\", or with the recipient's time of day \"3d 09:00\" (whole days only).",
                    ),
                ),
                (
                    "at",
                    pattern(
                        AT,
                        "When it is due, from the event of the motion, instead of `after`: \"T-14d\", \"T-1d 09:00\", \"T\", \"T+2h\".",
                    ),
                ),
                (
                    "template",
                    pattern(
                        NAME,
                        "The folder of its templates under each language; the key if left out.",
                    ),
                ),
                (
                    "editions",
                    json!({
                        "description": "In an always-on package, instead of `template`: occurrence n uses the n-th folder; when they are used up, there are no more.",
                        "type": "array",
                        "uniqueItems": true,
                        "minItems": 1,
                        "maxItems": steps::MOST_EDITIONS,
                        "items": { "type": "string", "pattern": NAME },
                    }),
                ),
                (
                    "networks",
                    json!({
                        "description": "Where a post goes.",
                        "type": "array",
                        "uniqueItems": true,
                        "minItems": 1,
                        "items": { "type": "string", "enum": ["linkedin", "bluesky", "mastodon"] },
                    }),
                ),
                ("image", pattern(FIELD, "The asset a post shows.")),
                ("for", pattern(OFFSET, "How long a wait is: \"90min\", \"36h\", \"2d\".")),
                ("of", pattern(STEP_KEY, "The email step a branch looks at.")),
                (
                    "on",
                    choice(
                        "What a person does with that email.",
                        &["clicked", "opened", "replied"],
                    ),
                ),
                ("within", pattern(OFFSET, "How long they may take: \"2d\".")),
                (
                    "then",
                    pattern(STEP_KEY, "The step for those who do. It is not sent by the clock."),
                ),
                (
                    "else",
                    pattern(STEP_KEY, "The step for those who don't. It is not sent by the clock."),
                ),
            ],
        ),
        &kinds,
        &steps::KEYS_OF_KINDS,
        &[("social", &["networks"]), ("wait", &["for"]), ("branch", &["of", "on", "within"])],
    )
}

fn object<const N: usize>(description: &str, required: &[&str], keys: [(&str, Value); N]) -> Value {
    let properties: Map<String, Value> =
        keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut schema = json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Forbids the keys of other kinds, and asks for those a kind needs.
fn by_kind(
    mut schema: Value,
    kinds: &[&str],
    keys: &[(&str, &[&str])],
    needed: &[(&str, &[&str])],
) -> Value {
    let rules: Vec<Value> = kinds
        .iter()
        .filter_map(|kind| {
            let foreign: Vec<Value> = keys
                .iter()
                .filter(|(_, kinds)| !kinds.contains(kind))
                .map(|(key, _)| json!({ "required": [key] }))
                .collect();
            let mut then = Map::new();
            if !foreign.is_empty() {
                then.insert("not".to_owned(), json!({ "anyOf": foreign }));
            }
            if let Some((_, keys)) = needed.iter().find(|(needing, _)| needing == kind) {
                then.insert("required".to_owned(), json!(keys));
            }
            let condition =
                json!({ "properties": { "kind": { "const": kind } }, "required": ["kind"] });
            (!then.is_empty()).then(|| json!({ "if": condition, "then": then }))
        })
        .collect();
    schema["allOf"] = Value::Array(rules);
    schema
}

fn named(description: &str, most: usize, one: Value) -> Value {
    json!({
        "description": description,
        "type": "object",
        "maxProperties": most,
        "propertyNames": { "pattern": FIELD },
        "additionalProperties": one,
    })
}

fn array(description: &str, least: usize, most: usize, one: Value) -> Value {
    json!({ "description": description, "type": "array", "minItems": least, "maxItems": most, "items": one })
}

fn texts(description: &str) -> Value {
    json!({ "description": description, "type": "array", "uniqueItems": true, "items": { "type": "string" } })
}

fn text(description: &str, most: usize) -> Value {
    json!({ "description": description, "type": "string", "minLength": 1, "maxLength": most })
}

fn localised(description: &str, most: usize) -> Value {
    json!({
        "description": format!("{description} A text, or one for each of several languages: {{ en = \"…\", de = \"…\" }}; the package's own must be among them."),
        "anyOf": [
            { "type": "string", "maxLength": most },
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": LANGUAGE },
                "additionalProperties": { "type": "string", "maxLength": most },
            },
        ],
    })
}

fn pattern(pattern: &str, description: &str) -> Value {
    json!({ "description": description, "type": "string", "pattern": pattern })
}

fn choice(description: &str, values: &[&str]) -> Value {
    json!({ "description": description, "type": "string", "enum": values })
}

fn number(description: &str, least: u32, most: u32) -> Value {
    json!({ "description": description, "type": "integer", "minimum": least, "maximum": most })
}

fn with_default(mut schema: Value, default: &str) -> Value {
    schema["default"] = json!(default);
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::{diagnostic::Findings, manifest::keys_asked_for};

    /// Every table of the schema with its keys, as the reader calls it.
    fn tables(schema: &Value, name: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
        if let Some(properties) = schema["properties"].as_object() {
            found.insert(name.to_owned(), properties.keys().cloned().collect());
            for (key, value) in properties {
                let (below, name) = match value["type"].as_str() {
                    Some("array") => (&value["items"], format!("[[{key}]]")),
                    Some("object") if value["properties"].is_object() => {
                        (value, format!("[{key}]"))
                    }
                    Some("object") => (&value["additionalProperties"], format!("[{key}.x]")),
                    _ => continue,
                };
                tables(below, &name, found);
            }
        }
    }

    #[test]
    fn the_schema_has_the_keys_that_are_read_and_no_others() {
        let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let kinds = SlotKind::ALL.map(SlotKind::as_str);
        for (slot, step, motion) in kinds.iter().enumerate().map(|(number, slot)| {
            let step = ["email", "social", "wait", "branch"][number % 4];
            (slot, step, ["event", "always-on"][number % 2])
        }) {
            let source = format!(
                "[topic]\n[eligibility]\n[validity]\n[audience]\n[person]\n[motion]\nkind = \"{motion}\"\n[[goals]]\n[tracking]\n[landing_page]\n[assets.x]\n\
                 [slots.x]\nkind = \"{slot}\"\nchoices = [{{}}, {{}}]\n[[steps]]\nkind = \"{step}\"\neditions = [\"a\"]\n[[steps]]\nkind = \"email\"\n"
            );
            for (table, keys) in keys_asked_for(&source, &mut Findings::default()) {
                read.entry(table).or_default().extend(keys.into_iter().map(str::to_owned));
            }
        }
        let mut written = BTreeMap::new();
        tables(&package_schema(), "", &mut written);
        assert_eq!(written, read);
    }

    #[test]
    fn every_key_says_what_it_is() {
        fn look(schema: &Value, at: &str) {
            if let Some(properties) = schema["properties"].as_object() {
                for (key, value) in properties {
                    let description = value["description"].as_str().unwrap_or_default();
                    assert!(description.len() > 10, "{at}.{key}");
                    look(value, &format!("{at}.{key}"));
                    look(&value["items"], &format!("{at}.{key}"));
                    look(&value["additionalProperties"], &format!("{at}.{key}"));
                }
            }
        }
        look(&package_schema(), "");
    }
}
