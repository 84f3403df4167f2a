//! The JSON API, version 1: what [`program::Program`] lets a tenant do, over HTTP.
//!
//! [`routes::ROUTES`] is the one list: the router, the check of every request and the description
//! (`/api/v1/openapi.json`) are made from it. A request goes through [`call`]: who asks, how fast, whether the key is
//! for this at all, whether the request is what the description says, whether it was made before; then a handler asks
//! the program. Handlers decide nothing.
//!
//! Writes may be repeated with an `Idempotency-Key`. The answer of one that did something is kept for 24 hours; of one
//! that was refused nothing is kept, so that it can be corrected under the same key. Between doing and keeping a
//! process may die: then the same request is done again three minutes later, and that changes nothing. A launch meets
//! the live activation it made and answers with it, an invitation the open one; pausing, resuming, cancelling, recalling,
//! suppressing and revoking what is so already are no changes, and neither is replaying, dropping or resolving a job twice. An invitation that is resent is mailed once more; only
//! the link of the last of these mails opens anything.

mod activations;
mod auth;
mod call;
mod controls;
mod id;
mod invitations;
mod jobs;
mod launches;
mod limit;
mod openapi;
mod packages;
mod partners;
mod previews;
mod problem;
mod results;
mod route;
mod routes;
mod schema;
mod shape;
mod suppressions;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::Method,
    routing::{MethodRouter, any},
};
use domain::RateSpec;
use process::ClientAddress;
use program::Program;

use self::{
    auth::Keys,
    id::RequestIds,
    limit::{ApiLimits, Limits},
    openapi::Document,
    problem::{Kind, Problem},
};

/// What the API is built from, besides the program.
#[derive(Debug, Clone, Copy)]
pub struct ApiParts {
    /// How fast one key may ask.
    pub limit: RateSpec,
    /// How fast one address may ask without a key.
    pub anonymous_limit: RateSpec,
    /// Where a client's address is found.
    pub client_address: ClientAddress,
}

impl Default for ApiParts {
    /// As the configuration has it when nothing is said.
    fn default() -> Self {
        Self {
            limit: RateSpec::per_second(50, 100),
            anonymous_limit: RateSpec::per_second(5, 20),
            client_address: ClientAddress::Connection,
        }
    }
}

/// What every request works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

pub(crate) struct Inner {
    program: Program,
    keys: Keys,
    limits: ApiLimits,
    client_address: ClientAddress,
    ids: RequestIds,
    document: Document,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}

impl std::ops::Deref for Api {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The description of the API: OpenAPI 3.1, as JSON.
pub fn openapi_json() -> String {
    Document::new().text
}

/// What is under `/api` and leads nowhere, in the way of the API.
const NOWHERE: [&str; 3] = ["/api", "/api/", "/api/{*rest}"];

/// The methods and paths of all that is under `/api`; no method stands for every method.
pub(crate) fn routes() -> impl Iterator<Item = (Option<Method>, String)> {
    let known = routes::ROUTES.iter();
    let known = known.map(|route| (Some(route.method.clone()), format!("/api/v1{}", route.path)));
    known.chain(NOWHERE.map(|path| (None, path.to_owned())))
}

/// Everything under `/api`.
#[expect(clippy::disallowed_methods, reason = "from the list")]
pub(crate) fn router<S: Clone + Send + Sync + 'static>(
    program: Program,
    parts: ApiParts,
) -> Router<S> {
    let api = Api(Arc::new(Inner {
        program,
        keys: Keys::default(),
        limits: ApiLimits {
            keys: Limits::new(parts.limit),
            clients: Limits::new(parts.anonymous_limit),
        },
        client_address: parts.client_address,
        ids: RequestIds::default(),
        document: Document::new(),
    }));
    let mut router = Router::new();
    for path in routes::paths() {
        let mut methods: MethodRouter<S> = MethodRouter::new();
        let mut allowed = Vec::new();
        for route in routes::ROUTES.iter().filter(|route| route.path == path) {
            let filter = route.method.clone().try_into().expect("a method that routers know");
            let api = api.clone();
            methods = methods.on(filter, move |raw, request: Request| {
                call::answer(api.clone(), route, raw, request)
            });
            allowed.push(route.method.as_str());
            if route.method == Method::GET {
                allowed.push("HEAD");
            }
        }
        let (api, allowed) = (api.clone(), allowed.join(", "));
        methods = methods.fallback(move |request: Request| {
            let (api, allowed) = (api.clone(), allowed.clone());
            async move { call::refuse(&api, &request, call::not_allowed(&allowed)) }
        });
        router = router.route(&format!("/api/v1{path}"), methods);
    }
    // Routes and no fallback: a fallback of a router that is merged would be that of the whole portal.
    for path in NOWHERE {
        let api = api.clone();
        let nowhere = any(move |request: Request| {
            let api = api.clone();
            let detail = "there is no such path; see /api/v1/openapi.json";
            async move { call::refuse(&api, &request, Problem::new(Kind::NotFound, detail)) }
        });
        router = router.route(path, nowhere);
    }
    router
}
