//! Holds a body against its description: what the description refuses is refused here, with the place of everything
//! that is wrong.
//!
//! Only as much of JSON Schema as our descriptions use; a test holds that they use no more.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

use super::{
    problem::{Fault, escaped},
    shape::Shape,
};

/// Faults of one body that are named; whoever sends more gets these first.
const MOST_FAULTS: usize = 20;

/// How deep a body may lie.
const MOST_DEPTH: usize = 16;

const COMPONENTS: &str = "#/components/schemas/";

/// What makes a description.
pub(super) type Described = fn(&mut Schemas) -> Value;

/// The descriptions that others refer to.
#[derive(Debug, Default, Clone)]
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Takes in a type and what it refers to; answers what refers to it.
    pub fn of<T: ToSchema>(&mut self) -> Value {
        let mut found: Vec<(String, RefOr<Schema>)> = Vec::new();
        T::schemas(&mut found);
        let name = T::name().into_owned();
        let reference = json!({ "$ref": format!("{COMPONENTS}{name}") });
        found.push((name, T::schema()));
        for (name, schema) in found {
            let text = serde_json::to_value(schema).expect("a description has a JSON form");
            self.0.insert(name, text);
        }
        reference
    }

    /// All of them.
    pub fn to_json(&self) -> Value {
        json!(self.0)
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(COMPONENTS));
        name.and_then(|name| self.0.get(name)).unwrap_or(schema)
    }

    /// Everything in `value` that `schema` does not allow.
    pub fn faults(&self, schema: &Value, value: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        Check { schemas: self, faults: &mut faults }.value("", schema, value, 0);
        faults
    }
}

struct Check<'a> {
    schemas: &'a Schemas,
    faults: &'a mut Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, pointer: &str, detail: &str, expected: &str) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault::at(pointer, detail, expected));
        }
    }

    fn value(&mut self, pointer: &str, schema: &Value, value: &Value, depth: usize) {
        let schema = self.schemas.resolve(schema);
        if depth > MOST_DEPTH {
            return self.fault(pointer, "lies too deep", "less of it");
        }
        if let Some(ways) = schema["oneOf"].as_array() {
            return self.one_of(pointer, ways, value, depth);
        }
        if !is_of_type(&schema["type"], value) {
            let expected = type_words(&schema["type"]);
            return self.fault(pointer, &format!("is {}", kind(value)), &expected);
        }
        if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            let near =
                value.as_str().and_then(|asked| program::nearest(asked, words.iter().copied()));
            return self.fault(
                pointer,
                &none_of_these(near),
                &format!("one of {}", words.join(", ")),
            );
        }
        match value {
            Value::Object(members) => self.object(pointer, schema, members, depth),
            Value::Array(items) => self.array(pointer, schema, items, depth),
            Value::String(text) => self.text(pointer, schema, text),
            Value::Number(number) => {
                let least = schema["minimum"].as_f64().unwrap_or(f64::MIN);
                let most = schema["maximum"].as_f64().unwrap_or(f64::MAX);
                if number.as_f64().is_none_or(|number| number < least || number > most) {
                    self.fault(pointer, "is out of bounds", &format!("{least} to {most}"));
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The faults of the way that is of the value's type, if there is one.
    fn one_of(&mut self, pointer: &str, ways: &[Value], value: &Value, depth: usize) {
        let fitting = ways.iter().find(|way| {
            let way = self.schemas.resolve(way);
            is_of_type(&way["type"], value)
        });
        match fitting {
            Some(way) => self.value(pointer, way, value, depth + 1),
            None => {
                let words: Vec<String> =
                    ways.iter().map(|way| type_words(&self.schemas.resolve(way)["type"])).collect();
                self.fault(pointer, &format!("is {}", kind(value)), &words.join(" or "));
            }
        }
    }

    fn object(
        &mut self,
        pointer: &str,
        schema: &Value,
        members: &Map<String, Value>,
        depth: usize,
    ) {
        let known = schema["properties"].as_object();
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                let expected = known.and_then(|known| known.get(name));
                let expected = expected.map_or_else(String::new, |schema| {
                    type_words(&self.schemas.resolve(schema)["type"])
                });
                self.fault(&format!("{pointer}/{}", escaped(name)), "is missing", &expected);
            }
        }
        let more = &schema["additionalProperties"];
        for (name, member) in members {
            let place = format!("{pointer}/{}", escaped(&cut(name)));
            match known.and_then(|known| known.get(name)) {
                Some(schema) => self.value(&place, schema, member, depth + 1),
                None if more.is_object() => self.value(&place, more, member, depth + 1),
                None => {
                    let names: Vec<&str> =
                        known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                    let near = program::nearest(name, names.iter().copied());
                    let detail = match near {
                        Some(near) => format!("there is no such member; did you mean \"{near}\"?"),
                        None => "there is no such member".to_owned(),
                    };
                    self.fault(&place, &detail, &format!("one of {}", names.join(", ")));
                }
            }
        }
    }

    fn array(&mut self, pointer: &str, schema: &Value, items: &[Value], depth: usize) {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
        if !(least..=most).contains(&(items.len() as u64)) {
            let detail = format!("has {} items", items.len());
            return self.fault(pointer, &detail, &format!("{least} to {most} items"));
        }
        for (at, item) in items.iter().enumerate() {
            self.value(&format!("{pointer}/{at}"), &schema["items"], item, depth + 1);
        }
    }

    fn text(&mut self, pointer: &str, schema: &Value, text: &str) {
        let length = text.chars().count() as u64;
        let least = schema["minLength"].as_u64().unwrap_or(0);
        let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
        if !(least..=most).contains(&length) {
            let detail = format!("has {length} characters");
            return self.fault(pointer, &detail, &format!("{least} to {most} characters"));
        }
        if let Some(pattern) = schema["pattern"].as_str() {
            let shape = Shape::of_pattern(pattern, u32::try_from(most).unwrap_or(u32::MAX));
            // A pattern that nobody checks would be a promise: a test holds that there is none.
            if !shape.is_some_and(|shape| shape.fits(text)) {
                let expected = shape.map_or_else(|| pattern.to_owned(), Shape::expected);
                return self.fault(pointer, &format!("got \"{}\"", cut(text)), &expected);
            }
        }
        let expected = match schema["format"].as_str() {
            Some("date-time") if text.parse::<jiff::Timestamp>().is_err() => {
                "a time with its offset, like 2026-12-03T10:00:00+01:00 (RFC 3339)"
            }
            Some("email") if text.parse::<domain::EmailAddress>().is_err() => {
                "an address like anna@example.com"
            }
            _ => return,
        };
        self.fault(pointer, &format!("got \"{}\"", cut(text)), expected);
    }
}

fn none_of_these(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("is none of these; did you mean \"{near}\"?"),
        None => "is none of these".to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn type_names(kinds: &Value) -> Vec<&str> {
    match kinds {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// `a string or null`.
fn type_words(kinds: &Value) -> String {
    let words = type_names(kinds).into_iter().map(|name| match name {
        "null" => "null".to_owned(),
        "integer" | "array" | "object" => format!("an {name}"),
        other => format!("a {other}"),
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// A schema without a type takes anything.
fn is_of_type(kinds: &Value, value: &Value) -> bool {
    let names = type_names(kinds);
    names.is_empty()
        || names.into_iter().any(|name| match name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            // 2.0 is an integer too, says JSON Schema.
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            "null" => value.is_null(),
            _ => false,
        })
}

/// What a stranger wrote, short enough to be repeated.
pub(super) fn cut(text: &str) -> String {
    let shown: String =
        text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(80).is_some() { format!("{shown}…") } else { shown }
}

/// The JSON of an answer.
pub(super) fn json_of<T: Serialize>(answer: &T) -> Vec<u8> {
    serde_json::to_vec(answer).expect("an answer has a JSON form: its maps have text keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::ROUTES;

    /// Words of JSON Schema that are checked, or say nothing that could be.
    const CHECKED: [&str; 18] = [
        "$ref",
        "oneOf",
        "type",
        "enum",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "description",
        "example",
    ];

    fn look(schemas: &Schemas, schema: &Value, seen: &mut Vec<String>) {
        let Some(members) = schema.as_object() else { return };
        for word in members.keys() {
            assert!(CHECKED.contains(&word.as_str()), "{word} is not checked: {schema}");
        }
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            if !seen.iter().any(|known| known == reference) {
                seen.push(reference.to_owned());
                let resolved = schemas.resolve(schema);
                assert!(resolved.get("$ref").is_none(), "{reference} refers to nothing");
                look(schemas, resolved, seen);
            }
            return;
        }
        if let Some(pattern) = schema["pattern"].as_str() {
            let most = schema["maxLength"].as_u64().unwrap_or(0);
            let shape = Shape::of_pattern(pattern, u32::try_from(most).unwrap());
            assert!(shape.is_some(), "nobody checks {pattern}");
        }
        if let Some(format) = schema["format"].as_str() {
            assert!(["date-time", "email"].contains(&format), "nobody checks {format}");
        }
        if schema["type"] == "object" && schema["properties"].is_object() {
            assert_eq!(schema["additionalProperties"], false, "{schema}");
        }
        for part in schema["properties"].as_object().into_iter().flat_map(Map::values) {
            look(schemas, part, seen);
        }
        for part in schema["oneOf"].as_array().into_iter().flatten() {
            look(schemas, part, seen);
        }
        look(schemas, &schema["items"], seen);
        look(schemas, &schema["additionalProperties"], seen);
    }

    #[test]
    fn what_a_body_s_description_says_is_checked() {
        let mut schemas = Schemas::default();
        let bodies: Vec<Value> =
            ROUTES.iter().filter_map(|route| Some(route.body?(&mut schemas))).collect();
        assert!(bodies.len() >= 3);
        let mut seen = Vec::new();
        for body in &bodies {
            look(&schemas, body, &mut seen);
        }
        assert!(seen.len() > bodies.len(), "{seen:?}");
    }

    #[test]
    fn an_example_does() {
        for route in ROUTES {
            let (Some(described), Some(example)) = (route.body, route.example) else { continue };
            let mut schemas = Schemas::default();
            let body = described(&mut schemas);
            assert_eq!(schemas.faults(&body, &example()), [], "{}", route.id);
        }
    }

    #[test]
    fn a_body_of_nothing_but_faults_is_answered_with_a_few() {
        let mut schemas = Schemas::default();
        let body = schemas.of::<crate::api::launches::LaunchIn>();
        let many: Map<String, Value> = (0..1_000).map(|n| (format!("x{n}"), json!(n))).collect();
        assert_eq!(schemas.faults(&body, &Value::Object(many)).len(), MOST_FAULTS);
    }
}
