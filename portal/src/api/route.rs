//! What a route is: one value from which the router, the check of its requests and the description are made.

use std::pin::Pin;

use axum::http::Method;
use program::Actor;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Api,
    problem::{Fault, Kind, Problem},
    schema::{Described, cut, json_of},
    shape::{PAGE_USUAL, Shape},
};

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Ops,
    Vendor,
    Company,
}

impl KeyKind {
    pub const fn of(actor: &Actor) -> Self {
        match actor {
            Actor::Ops => Self::Ops,
            Actor::Vendor(_) => Self::Vendor,
            Actor::Company(_) => Self::Company,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ops => "ops",
            Self::Vendor => "vendor",
            Self::Company => "company",
        }
    }
}

/// Every kind of key.
pub(super) const ANY: &[KeyKind] = &[KeyKind::Ops, KeyKind::Vendor, KeyKind::Company];

/// What a handler answers.
pub(super) type Answered = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

/// A parameter of a path or a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param {
    pub name: &'static str,
    pub shape: Shape,
    pub about: &'static str,
    pub required: bool,
}

impl Param {
    pub const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, about, required: false }
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// What a route answers when all is well.
pub(super) struct Success {
    pub status: u16,
    pub about: &'static str,
    pub content_type: &'static str,
    /// `None` for what is no JSON.
    pub schema: Option<Described>,
}

/// A route.
pub(super) struct Route {
    pub method: Method,
    /// Below `/api/v1`.
    pub path: &'static str,
    /// The operation's name.
    pub id: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    pub about: &'static str,
    /// Who may ask at all; `None`: everybody, without a key. What of it they see is decided by the program.
    pub keys: Option<&'static [KeyKind]>,
    /// Of the path, in its order.
    pub path_params: &'static [Param],
    pub query: &'static [Param],
    pub body: Option<Described>,
    /// A body that does, as an example.
    pub example: Option<fn() -> Value>,
    pub success: &'static [Success],
    /// Whether the state of affairs may stand against it.
    pub may_conflict: bool,
    /// Whether it changes something: such a request may be repeated under its Idempotency-Key.
    pub is_write: bool,
    pub handler: fn(Call) -> Answered,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn ok<T: Serialize>(answer: &T) -> Result<Self, Problem> {
        Self::json(200, answer)
    }

    pub fn json<T: Serialize>(status: u16, answer: &T) -> Result<Self, Problem> {
        Ok(Self { status, content_type: JSON, body: json_of(answer) })
    }
}

pub(super) const JSON: &str = "application/json";

pub(super) const CSV: &str = "text/csv; charset=utf-8";

/// A request that was read and found to be what its route describes.
pub(super) struct Call {
    pub api: Api,
    pub actor: Actor,
    pub path: Vec<(&'static str, String)>,
    pub query: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Call {
    /// A part of the path. A text of another shape names nothing there is.
    pub fn part<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        let text =
            self.path.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str());
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no such {name}")))
    }

    /// A parameter of the query.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }

    /// The same, read.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| bad_parameter(name, text, "a value of its shape"))
    }

    /// The part of a list that is asked for.
    pub fn page<C: std::str::FromStr>(&self) -> Result<program::PageOf<C>, Problem> {
        let limit = self.parsed("limit")?.unwrap_or(PAGE_USUAL);
        Ok(program::PageOf { after: self.parsed("cursor")?, limit })
    }

    /// The body.
    pub fn body<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        serde_json::from_value(self.body.take()).map_err(|error| {
            let fault = Fault::at("", &format!("can't be read: {error}"), "");
            Problem::with_faults(Kind::Unprocessable, vec![fault])
        })
    }
}

pub(super) fn bad_parameter(name: &str, got: &str, expected: &str) -> Problem {
    let fault = Fault::of(name, &format!("got \"{}\"", cut(got)), expected);
    Problem::with_faults(Kind::BadRequest, vec![fault])
}
