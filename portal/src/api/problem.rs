//! What is wrong with a request, as `application/problem+json` (RFC 9457).

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::id::RequestId;

/// What a problem's body is.
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// Where the kinds of problems are told apart.
const TYPES: &str = "urn:throughline:problem:";

/// What went wrong, in words for people and for programs.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// The kind of problem, to be told apart by programs.
    #[schema(format = "uri", example = "urn:throughline:problem:bad-request")]
    r#type: String,
    /// The kind in words, always the same for one kind.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong this time.
    detail: String,
    /// The request. The same name stands in our log.
    #[schema(format = "uri", example = "urn:throughline:request:01j00000000000000000000000")]
    instance: String,
    /// What is wrong in detail, everything that was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Fault>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Fault {
    /// Where in the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pointer: Option<String>,
    /// Which parameter or header, if it is not in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// What is wrong.
    pub detail: String,
    /// What was expected instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub expected: String,
}

impl Fault {
    /// In the body.
    pub fn at(pointer: &str, detail: &str, expected: &str) -> Self {
        Self {
            pointer: Some(pointer.to_owned()),
            parameter: None,
            detail: detail.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// In a parameter or header.
    pub fn of(parameter: &str, detail: &str, expected: &str) -> Self {
        Self {
            pointer: None,
            parameter: Some(parameter.to_owned()),
            detail: detail.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// The kinds there are: name, title, status.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $title:literal, $status:ident;)*) => {
        /// The kinds of problems.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// In words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }
        }
    };
}

kinds! {
    /// The request can't be read.
    BadRequest = "bad-request", "The request can't be read", BAD_REQUEST;
    /// There is no key, or none that is good.
    Unauthorized = "unauthorized", "A key is needed", UNAUTHORIZED;
    /// The key is for others.
    Forbidden = "forbidden", "The key is not for this", FORBIDDEN;
    /// There is none that the key's owner may know of.
    NotFound = "not-found", "There is none", NOT_FOUND;
    /// The resource does not take the method.
    MethodNotAllowed = "method-not-allowed", "The resource does not take this method", METHOD_NOT_ALLOWED;
    /// The state of affairs stands against it.
    Conflict = "conflict", "The state of affairs stands against it", CONFLICT;
    /// The same is under way.
    UnderWay = "under-way", "The same request is under way", CONFLICT;
    /// The body is too large.
    TooLarge = "too-large", "The body is too large", PAYLOAD_TOO_LARGE;
    /// The body is not JSON.
    UnsupportedMediaType = "unsupported-media-type", "The body must be JSON", UNSUPPORTED_MEDIA_TYPE;
    /// The body can be read, and does not do.
    Unprocessable = "unprocessable", "The body does not do", UNPROCESSABLE_ENTITY;
    /// The Idempotency-Key belongs to another request.
    KeyReused = "idempotency-key-reused", "The Idempotency-Key belongs to another request", UNPROCESSABLE_ENTITY;
    /// Too many requests.
    TooMany = "too-many-requests", "Too many requests", TOO_MANY_REQUESTS;
    /// The fault is ours.
    Internal = "internal", "The fault is ours", INTERNAL_SERVER_ERROR;
    /// Something of ours is away, or takes too long.
    Unavailable = "unavailable", "Please try again", SERVICE_UNAVAILABLE;
}

/// What is wrong with a request.
#[derive(Debug)]
pub(super) struct Problem {
    pub kind: Kind,
    pub detail: String,
    pub faults: Vec<Fault>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), faults: Vec::new(), headers: Vec::new() }
    }

    pub fn with_faults(kind: Kind, faults: Vec<Fault>) -> Self {
        let detail = match faults.as_slice() {
            [only] => {
                let place = only.pointer.as_deref().or(only.parameter.as_deref()).unwrap_or("");
                format!("{place}: {}", only.detail)
            }
            several => format!("{} things are wrong; errors names them", several.len()),
        };
        Self { kind, detail, faults, headers: Vec::new() }
    }

    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says when to come back: whole seconds, at least one.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The same for a key that is none, one that was revoked and one that is over: nobody learns which.
    pub fn unauthorized() -> Self {
        Self::new(
            Kind::Unauthorized,
            "send a key of yours as \"Authorization: Bearer tlk_…\"; this one is none, or none any more",
        )
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub fn response(self, id: &RequestId) -> Response {
        let status = self.kind.status();
        let body = ProblemBody {
            r#type: format!("{TYPES}{}", self.kind.word()),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: self.detail,
            instance: id.urn(),
            errors: self.faults,
        };
        let text = serde_json::to_vec(&body).expect("a problem is texts and numbers");
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<program::Error> for Problem {
    fn from(error: program::Error) -> Self {
        use program::Error;
        match error {
            Error::NotFound { .. } => Self::new(Kind::NotFound, error.to_string()),
            Error::BadInput { problems } => {
                let faults = problems.iter().map(fault).collect();
                Self::with_faults(Kind::Unprocessable, faults)
            }
            Error::Conflict { why } => Self::new(Kind::Conflict, why),
            // What is behind these is in the log, under the name of the request.
            Error::Unreachable { .. } | Error::NotReady { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "the API can't answer");
                let detail = "a server of ours is away; nothing was done";
                Self::new(Kind::Unavailable, detail).retry_after(5)
            }
            Error::Busy { .. } => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the API has to wait");
                Self::new(Kind::Unavailable, "the book is busy; ask again").retry_after(5)
            }
            Error::Internal { .. } | Error::File { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "the API failed");
                Self::new(Kind::Internal, "this should not happen; our log says more")
            }
        }
    }
}

/// The place of a problem as a pointer into the body: `slot headline` is `/slots/headline`.
fn fault(problem: &program::Problem) -> Fault {
    let place = problem.place.as_str();
    let pointer = match place.split_once(' ') {
        Some(("slot", name)) => format!("/slots/{}", escaped(name)),
        Some(("step", _)) => "/step".to_owned(),
        Some(("addresses", at)) => format!("/addresses/{at}"),
        _ => match place {
            "--contact" => "/person/address".to_owned(),
            "--list" => "/person/list".to_owned(),
            "--partner" => "/partner".to_owned(),
            other => format!("/{}", escaped(other.trim_start_matches('-'))),
        },
    };
    let detail = match problem.message.as_str() {
        "" => format!("got \"{}\"", problem.value),
        message => message.to_owned(),
    };
    Fault::at(&pointer, &detail, &problem.expected)
}

/// A name as a part of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
