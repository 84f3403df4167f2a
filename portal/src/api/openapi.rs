//! The description of the API, made from its routes: OpenAPI 3.1.

use std::collections::HashMap;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{
    call::IDEMPOTENCY_KEY_MOST,
    problem::{self, Fault, Kind, ProblemBody},
    route::{ANY, Param, Route},
    routes::{ROUTES, paths},
    schema::Schemas,
};

/// The description, and what requests are held against.
pub(super) struct Document {
    pub text: String,
    schemas: Schemas,
    bodies: HashMap<&'static str, Value>,
}

const ABOUT: &str = "What a vendor, a partner's company or the operator of an installation does with Throughline, for \
programs.\n\n\
A key asks for one of them; what belongs to others is answered as if it did not exist. Lists come a page at a time: \
give `next_cursor` as `cursor` to read on, and take cursors for what they are, texts without a meaning. Requests that \
change something may carry an `Idempotency-Key`: made again within 24 hours they are answered as the first was, with \
`Idempotency-Replayed: true`, and nothing is done twice. Whatever is wrong is said as `application/problem+json` \
(RFC 9457). Times are RFC 3339; those called `start_at` are in campaign time.";

impl Document {
    pub fn new() -> Self {
        let mut schemas = Schemas::default();
        let problem = schemas.of::<ProblemBody>();
        let mut bodies = HashMap::new();
        let mut by_path = Map::new();
        for path in paths() {
            let mut operations = Map::new();
            for route in ROUTES.iter().filter(|route| route.path == path) {
                let body = route.body.map(|described| described(&mut schemas));
                let operation = operation(route, body.as_ref(), &problem, &mut schemas);
                operations.insert(route.method.as_str().to_lowercase(), operation);
                bodies.extend(body.map(|body| (route.id, body)));
            }
            by_path.insert(format!("/api/v1{path}"), Value::Object(operations));
        }
        let document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Throughline",
                "version": "1",
                "summary": "Through-channel marketing: launch, watch, stop.",
                "description": ABOUT,
                "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            },
            "servers": [{ "url": "/" }],
            "tags": tags(),
            "paths": by_path,
            "components": {
                "securitySchemes": {
                    "key": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "A key of yours, `tlk_…`, as `throughline api-key add` gives it once.",
                    },
                },
                "parameters": { "IdempotencyKey": idempotency_key() },
                "schemas": schemas.to_json(),
            },
        });
        let text = serde_json::to_string_pretty(&document).expect("a description has a JSON form");
        Self { text, schemas, bodies }
    }

    /// Everything in a body that its route does not describe.
    pub fn faults(&self, route: &Route, body: &Value) -> Vec<Fault> {
        let schema = self.bodies.get(route.id);
        schema.map_or_else(Vec::new, |schema| self.schemas.faults(schema, body))
    }
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "A name for a request that changes something, such as a UUID: made again under it within 24 hours, it \
                        is done once. For every operation with x-idempotency-key.",
        "schema": {
            "type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MOST, "pattern": "^[!-~]+$",
        },
    })
}

fn tags() -> Vec<Value> {
    let mut tags: Vec<&str> = Vec::new();
    for route in ROUTES {
        if !tags.contains(&route.tag) {
            tags.push(route.tag);
        }
    }
    tags.into_iter().map(|tag| json!({ "name": tag })).collect()
}

fn operation(route: &Route, body: Option<&Value>, problem: &Value, schemas: &mut Schemas) -> Value {
    let parameter = |param: &Param, place: &str, required: bool| {
        json!({
            "name": param.name,
            "in": place,
            "required": required,
            "description": param.about,
            "schema": param.shape.schema(),
        })
    };
    let mut parameters: Vec<Value> =
        route.path_params.iter().map(|param| parameter(param, "path", true)).collect();
    parameters.extend(route.query.iter().map(|param| parameter(param, "query", param.required)));
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": route.summary,
        "description": description(route),
        "parameters": parameters,
        "responses": responses(route, problem, schemas),
        "security": match route.keys {
            Some(_) => json!([{ "key": [] }]),
            None => json!([]),
        },
    });
    if route.is_write {
        // Not among the parameters: a tool that makes values up would send another request under the same name, and
        // be told so.
        operation["x-idempotency-key"] =
            json!({ "$ref": "#/components/parameters/IdempotencyKey" });
    }
    if let Some(body) = body {
        let mut content = json!({ "schema": body });
        if let Some(example) = route.example {
            content["example"] = example();
        }
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": content } });
    }
    operation
}

fn description(route: &Route) -> String {
    let about = route.about;
    match route.keys {
        Some(kinds) if kinds.len() < ANY.len() => {
            let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            format!("{about} For keys of {}.", words.join(" and "))
        }
        Some(_) => about.to_owned(),
        None => format!("{about} Needs no key."),
    }
}

fn responses(route: &Route, problem: &Value, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    for success in route.success {
        let schema = match success.schema {
            Some(described) => described(schemas),
            None => json!({ "type": "string" }),
        };
        let mut headers = limit_headers(true);
        if route.is_write {
            headers.insert(
                "Idempotency-Replayed".to_owned(),
                header(
                    "This is the answer of an earlier request.",
                    json!({ "type": "string", "enum": ["true"] }),
                    false,
                ),
            );
        }
        let mut content = Map::new();
        content.insert(success.content_type.to_owned(), json!({ "schema": schema }));
        responses.insert(
            success.status.to_string(),
            json!({ "description": success.about, "headers": headers, "content": content }),
        );
    }
    for kind in refusals(route) {
        let mut headers = limit_headers(false);
        match kind {
            Kind::Unauthorized => {
                let scheme = json!({ "type": "string", "const": "Bearer" });
                headers.insert("WWW-Authenticate".to_owned(), header("How to ask.", scheme, true));
            }
            Kind::TooMany | Kind::Unavailable => {
                let seconds = json!({ "type": "integer", "minimum": 1 });
                headers.insert("Retry-After".to_owned(), header("Seconds.", seconds, true));
            }
            _ => {}
        }
        responses.insert(
            kind.status().as_u16().to_string(),
            json!({
                "description": kind.title(),
                "headers": headers,
                "content": { problem::CONTENT_TYPE: { "schema": problem } },
            }),
        );
    }
    Value::Object(responses)
}

fn header(about: &str, schema: Value, required: bool) -> Value {
    json!({ "description": about, "required": required, "schema": schema })
}

fn limit_headers(required: bool) -> Map<String, Value> {
    let count = || json!({ "type": "integer", "minimum": 0 });
    Map::from_iter([
        ("RateLimit-Limit".to_owned(), header("Requests at once, at most.", count(), required)),
        ("RateLimit-Remaining".to_owned(), header("What is left of them.", count(), required)),
        (
            "RateLimit-Reset".to_owned(),
            header("Seconds until all of them are there again.", count(), required),
        ),
    ])
}

/// What may stand against a request of this route, one kind for each status.
pub(super) fn refusals(route: &Route) -> Vec<Kind> {
    let mut kinds = vec![Kind::BadRequest];
    if let Some(keys) = route.keys {
        kinds.push(Kind::Unauthorized);
        if keys.len() < ANY.len() {
            kinds.push(Kind::Forbidden);
        }
        let names_something = !route.path_params.is_empty()
            || route.body.is_some()
            || route.query.iter().any(|param| !["limit", "cursor", "state"].contains(&param.name));
        if names_something {
            kinds.push(Kind::NotFound);
        }
    }
    if route.is_write || route.may_conflict {
        kinds.push(Kind::Conflict);
    }
    if route.body.is_some() {
        kinds.extend([Kind::TooLarge, Kind::UnsupportedMediaType]);
    }
    if route.body.is_some() || route.is_write {
        kinds.push(Kind::Unprocessable);
    }
    kinds.extend([Kind::TooMany, Kind::Internal, Kind::Unavailable]);
    debug_assert!(route.method != Method::GET || !route.is_write, "a GET changes nothing");
    kinds
}
