//! The way of a request: from what came in to a handler, and back with an answer or a problem.

use std::{borrow::Cow, net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    extract::{ConnectInfo, RawPathParams, Request, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use domain::ContentHash;
use program::{ApiAnswer, Repeatable, Repeated};
use serde_json::Value;
use tracing::Instrument;

use super::{
    Api,
    auth::Asker,
    limit::{Client, Left},
    problem::{Fault, Kind, Problem},
    route::{Answer, Call, KeyKind, Param, Route, bad_parameter},
    schema::cut,
};
use crate::track::client_address;

/// The most a body may hold, in bytes: a thousand partners and slots full to the brim, escaped in the longest way.
pub(super) const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// The most a request that only reads may take.
const READ_LIMIT: Duration = Duration::from_secs(14);

/// The most a request that changes something is waited for. It goes on after that.
const WRITE_LIMIT: Duration = Duration::from_secs(60);

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The most characters of an Idempotency-Key.
pub(super) const IDEMPOTENCY_KEY_MOST: usize = 255;

/// Answers a request that came in on a route.
pub(super) async fn answer(
    api: Api,
    route: &'static Route,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let id = api.ids.next();
    let span = tracing::info_span!("api", request.id = %id, operation = route.id);
    let mut left = None;
    let (parts, body) = request.into_parts();
    let answered = run(&api, route, path.ok(), parts, body, &mut left).instrument(span).await;
    let mut response = answered.unwrap_or_else(|problem| problem.response(&id));
    if let Some(left) = left {
        left.write(response.headers_mut());
    }
    response
}

/// Answers a request that no route is for.
pub(super) fn refuse(api: &Api, request: &Request, problem: Problem) -> Response {
    let id = api.ids.next();
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client = client(api, request.headers(), address);
    let (left, problem) = match api.limits.clients.count(&client) {
        Ok(left) => (left, problem),
        Err((left, too_many)) => (left, too_many),
    };
    let mut response = problem.response(&id);
    left.write(response.headers_mut());
    response
}

pub(super) fn not_allowed(allowed: &str) -> Problem {
    let problem = Problem::new(Kind::MethodNotAllowed, format!("it takes {allowed}"));
    let allowed = HeaderValue::from_str(allowed).expect("methods are words");
    problem.with_header(header::ALLOW, allowed)
}

fn client(api: &Api, headers: &HeaderMap, peer: Option<&ConnectInfo<SocketAddr>>) -> Client {
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    Client::at(client_address(api.client_address, headers, peer))
}

async fn run(
    api: &Api,
    route: &'static Route,
    path: Option<RawPathParams>,
    parts: Parts,
    body: Body,
    left: &mut Option<Left>,
) -> Result<Response, Problem> {
    let asker = who(api, route, &parts, left).await?;
    let path = path_values(route, path)?;
    let query = query_values(route, parts.uri.query().unwrap_or_default())?;
    let repeat = match route.is_write {
        true => idempotency_key(&parts.headers)?,
        false => None,
    };
    let (text, body) = match route.body {
        Some(_) => read_body(api, route, &parts.headers, body).await?,
        None => (Vec::new(), Value::Null),
    };
    let repeatable = match (repeat, &asker) {
        (Some(idempotency_key), Some(asker)) => Some(Repeatable {
            key: asker.key.clone(),
            idempotency_key,
            fingerprint: fingerprint(&parts, &text),
        }),
        _ => None,
    };
    let actor = asker.map_or(program::Actor::Ops, |asker| asker.actor);
    let call = Call { api: api.clone(), actor, path, query, body };
    if route.is_write {
        return write(api, route, call, repeatable).await;
    }
    let answered = tokio::time::timeout(READ_LIMIT, (route.handler)(call)).await;
    let slow = |_| Problem::new(Kind::Unavailable, "it took too long; ask for less").retry_after(5);
    answered.map_err(slow)?.map(response)
}

/// Who asks, within the limits.
async fn who(
    api: &Api,
    route: &Route,
    parts: &Parts,
    left: &mut Option<Left>,
) -> Result<Option<Asker>, Problem> {
    let client = client(api, &parts.headers, parts.extensions.get());
    let anonymous = |left: &mut Option<Left>| match api.limits.clients.count(&client) {
        Ok(now) => {
            *left = Some(now);
            Ok(())
        }
        Err((now, problem)) => {
            *left = Some(now);
            Err(problem)
        }
    };
    let Some(kinds) = route.keys else {
        anonymous(left)?;
        return Ok(None);
    };
    let asker = match api.keys.asker(&api.program, &parts.headers).await {
        Ok(asker) => asker,
        Err(problem) if problem.kind == Kind::Unauthorized => {
            // Who tries keys is slowed down; who has one is not.
            anonymous(left)?;
            return Err(problem);
        }
        Err(problem) => return Err(problem),
    };
    match api.limits.keys.count(&asker.key) {
        Ok(now) => *left = Some(now),
        Err((now, problem)) => {
            *left = Some(now);
            return Err(problem);
        }
    }
    tracing::debug!(api_key.id = %asker.key, actor = %asker.actor, "request of a key");
    let kind = KeyKind::of(&asker.actor);
    if !kinds.contains(&kind) {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let detail = format!(
            "this key is for {}; this is done with one for {}",
            kind.as_str(),
            words.join(" or ")
        );
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    Ok(Some(asker))
}

/// The values of the path. One of another shape names nothing there is.
fn path_values(
    route: &Route,
    given: Option<RawPathParams>,
) -> Result<Vec<(&'static str, String)>, Problem> {
    let given = given.as_ref();
    let mut values = Vec::with_capacity(route.path_params.len());
    for param in route.path_params {
        let value = given
            .into_iter()
            .flat_map(RawPathParams::iter)
            .find(|(name, _)| *name == param.name)
            .map(|(_, value)| value.to_owned());
        match value.filter(|value| param.shape.fits(value)) {
            Some(value) => values.push((param.name, value)),
            None => {
                let expected = param.shape.expected();
                let fault = Fault::of(param.name, "names nothing there is", &expected);
                return Err(Problem::with_faults(Kind::NotFound, vec![fault]));
            }
        }
    }
    Ok(values)
}

/// The values of the query: each that there is at most once, and of its shape; all that is wrong is named.
fn query_values(route: &Route, query: &str) -> Result<Vec<(&'static str, String)>, Problem> {
    let mut values: Vec<(&'static str, String)> = Vec::new();
    let mut faults = Vec::new();
    let names = || route.query.iter().map(|param| param.name);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value: Cow<'_, str> = value;
        match route.query.iter().find(|param| param.name == name) {
            None => {
                let detail = match program::nearest(&name, names()) {
                    Some(near) => format!("there is no such parameter; did you mean \"{near}\"?"),
                    None => "there is no such parameter".to_owned(),
                };
                let expected = match route.query.is_empty() {
                    true => "no parameters".to_owned(),
                    false => format!("one of {}", names().collect::<Vec<_>>().join(", ")),
                };
                faults.push(Fault::of(&cut(&name), &detail, &expected));
            }
            Some(param) if values.iter().any(|(known, _)| *known == param.name) => {
                faults.push(Fault::of(param.name, "is given twice", "one value"));
            }
            Some(param) if !param.shape.fits(&value) => {
                let detail = format!("got \"{}\"", cut(&value));
                faults.push(Fault::of(param.name, &detail, &param.shape.expected()));
            }
            Some(param) => values.push((param.name, value.into_owned())),
        }
    }
    let is_missing = |param: &&Param| {
        param.required
            && !values.iter().any(|(known, _)| *known == param.name)
            && !faults.iter().any(|fault| fault.parameter.as_deref() == Some(param.name))
    };
    let missing: Vec<Fault> = route
        .query
        .iter()
        .filter(is_missing)
        .map(|param| Fault::of(param.name, "is missing", &param.shape.expected()))
        .collect();
    faults.extend(missing);
    faults.truncate(20);
    match faults.is_empty() {
        true => Ok(values),
        false => Err(Problem::with_faults(Kind::BadRequest, faults)),
    }
}

/// The name under which a request may be repeated: 1 to 255 visible characters of ASCII.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else { return Ok(None) };
    let fits = (1..=IDEMPOTENCY_KEY_MOST).contains(&key.len())
        && key.as_bytes().iter().all(u8::is_ascii_graphic)
        && given.next().is_none();
    match key.to_str() {
        Ok(text) if fits => Ok(Some(text.to_owned())),
        _ => {
            let shown = String::from_utf8_lossy(key.as_bytes());
            Err(bad_parameter(
                "Idempotency-Key",
                &shown,
                "1 to 255 visible characters of ASCII, once",
            ))
        }
    }
}

/// Tells a request from every other of the same key.
fn fingerprint(parts: &Parts, body: &[u8]) -> String {
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let body = ContentHash::of(body);
    ContentHash::of(format!("{}\n{target}\n{body}", parts.method).as_bytes()).to_string()
}

/// The body: JSON that is as the route describes.
async fn read_body(
    api: &Api,
    route: &Route,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Vec<u8>, Value), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let got = if essence.is_empty() { "nothing".to_owned() } else { cut(essence) };
        let detail = format!("expected Content-Type: application/json, got {got}");
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    let too_large =
        || Problem::new(Kind::TooLarge, format!("a body may have {BODY_LIMIT} bytes at most"));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|it| it > BODY_LIMIT as u64)
    {
        return Err(too_large());
    }
    let text = match axum::body::to_bytes(body, BODY_LIMIT).await {
        Ok(text) => text,
        Err(error) => {
            let is_limit = std::error::Error::source(&error)
                .is_some_and(|cause| cause.to_string().contains("length limit"));
            return Err(match is_limit {
                true => too_large(),
                false => Problem::new(Kind::BadRequest, "the body was cut off"),
            });
        }
    };
    let value: Value = serde_json::from_slice(&text).map_err(|error| {
        // The place is in the error's text; what stands there is not.
        let place = format!("line {}, column {}", error.line(), error.column());
        let fault = Fault::at("", &format!("{place}: no JSON: {error}"), "a JSON object");
        Problem::with_faults(Kind::BadRequest, vec![fault])
    })?;
    let faults = api.document.faults(route, &value);
    match faults.is_empty() {
        true => Ok((text.into(), value)),
        false => Err(Problem::with_faults(Kind::Unprocessable, faults)),
    }
}

/// Does what a request asks for, once, however often it is made under one name.
async fn write(
    api: &Api,
    route: &'static Route,
    call: Call,
    repeatable: Option<Repeatable>,
) -> Result<Response, Problem> {
    let begun = match repeatable {
        None => None,
        Some(request) => match api.program.begin_request(request).await? {
            Repeated::First(begun) => Some(begun),
            Repeated::Done(answer) => return Ok(replay(answer)),
            Repeated::UnderWay => {
                let detail = "the first of these requests is under way; ask again for its answer";
                return Err(Problem::new(Kind::UnderWay, detail).retry_after(1));
            }
            Repeated::Other => {
                let detail = "another request was made under this Idempotency-Key; take a new one";
                return Err(Problem::new(Kind::KeyReused, detail));
            }
        },
    };
    let program = api.program.clone();
    // A task of its own: whoever asks may go away, what was begun is brought to its end and kept.
    let doing = async move {
        let answered = (route.handler)(call).await;
        if let Some(begun) = begun {
            let kept = match &answered {
                Ok(answer) => program.finish_request(&begun, &kept(answer)).await,
                Err(_) => program.abandon_request(&begun).await,
            };
            if let Err(error) = kept {
                tracing::warn!(error = &error as &dyn std::error::Error, "an answer was not kept");
            }
        }
        answered
    };
    let task = tokio::spawn(doing.in_current_span());
    match tokio::time::timeout(WRITE_LIMIT, task).await {
        Ok(Ok(answered)) => answered.map(response),
        Ok(Err(panicked)) => {
            tracing::error!(
                error = &panicked as &dyn std::error::Error,
                "a request ended in a panic"
            );
            Err(Problem::new(Kind::Internal, "this should not happen; our log says more"))
        }
        Err(_) => {
            let detail =
                "it takes long and goes on; ask again with the same Idempotency-Key for its answer";
            Err(Problem::new(Kind::Unavailable, detail).retry_after(10))
        }
    }
}

fn kept(answer: &Answer) -> ApiAnswer {
    ApiAnswer {
        status: answer.status,
        content_type: answer.content_type.to_owned(),
        body: answer.body.clone(),
    }
}

fn response(answer: Answer) -> Response {
    let status = axum::http::StatusCode::from_u16(answer.status).expect("a status of ours");
    (status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response()
}

fn replay(answer: ApiAnswer) -> Response {
    let status = axum::http::StatusCode::from_u16(answer.status).expect("a status that was ours");
    let headers = [(header::CONTENT_TYPE, answer.content_type)];
    let mut response = (status, headers, answer.body).into_response();
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
