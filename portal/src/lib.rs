//! HTTP: the unsubscribe endpoint, images and links of mail, and what grows from them.
//!
//! What a request may do is decided by [`program::Program`]; here it gets an address, a page and its
//! limits. No cookie is set, no script runs, no foreign host is asked, and nothing redirects but a link of a
//! mail, to where its sender had it lead: one-click unsubscribing must work for a machine that posts once
//! (RFC 8058).

mod api;
mod asker;
mod asset;
pub mod chart;
mod document;
mod elsewhere;
mod error;
mod frame;
mod invalid_links;
mod invite;
mod observe;
mod page;
mod preferences;
mod results;
mod routes;
mod serve;
mod statics;
mod track;
mod unsubscribe;
mod view;
mod words;

use std::sync::Arc;

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware};
use domain::RateSpec;
use process::{Metrics, Readiness};
use program::Program;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::{
    asker::{Asker, Base},
    invalid_links::InvalidLinks,
};

pub use self::{
    api::{ApiParts, openapi_json},
    error::Error,
    routes::routes,
    serve::{PortalServer, serve},
    track::TrackParts,
};

/// How many links that are none of ours one process looks up: more than mistyped ones ever make, too few to
/// guess with.
pub const DEFAULT_INVALID_LINKS: &str = "5/s, burst 50";

/// The most a request's body may hold, in bytes. One-click needs 26.
pub const BODY_LIMIT: usize = 16 * 1024;

/// Those who may watch launches go on at once, in one process: each looks into the book once a second.
const MOST_WATCHERS: usize = 500;

/// What a portal is built from.
#[derive(Debug, Clone)]
pub struct PortalParts {
    /// What a request may ask for.
    pub program: Program,
    /// What opens and clicks go through.
    pub track: TrackParts,
    /// Counts and times requests; served at `/metrics`.
    pub metrics: Metrics,
    /// Served at `/readyz`. The belt does not belong in it: without it the portal works, and says so.
    pub readiness: Readiness,
    /// The limits of the JSON API.
    pub api: ApiParts,
    /// How fast links that are none of ours are answered with more than "too many".
    pub invalid_links: RateSpec,
}

impl PortalParts {
    /// With [`DEFAULT_INVALID_LINKS`].
    pub fn new(
        program: Program,
        track: TrackParts,
        metrics: Metrics,
        readiness: Readiness,
    ) -> Self {
        let invalid_links = DEFAULT_INVALID_LINKS.parse().expect("the default is a rate");
        let api = ApiParts { client_address: track.client_address, ..ApiParts::default() };
        Self { program, track, metrics, readiness, api, invalid_links }
    }
}

#[derive(Clone)]
struct Portal {
    program: Program,
    metrics: Metrics,
    tracking: track::Tracking,
    invalid_links: Arc<InvalidLinks>,
    /// Those who may watch a launch go on at once.
    watchers: Arc<Semaphore>,
    /// Cancelled when the portal stops: who watches is sent away.
    stop: CancellationToken,
}

/// All of [`routes()`]; and what carries their events to the belt, to be run beside them.
#[expect(clippy::disallowed_methods, reason = "of routers that are made from lists")]
fn router(parts: PortalParts, stop: CancellationToken) -> (Router, track::Drain) {
    let invalid_links = Arc::new(InvalidLinks::new(parts.invalid_links));
    let (outbox, drain) =
        track::outbox(parts.track.belt.clone(), parts.metrics.clone(), parts.track.waiting);
    let tracking =
        track::Tracking::new(&parts.track, parts.program.clone(), outbox, invalid_links.clone());
    let api = api::router(parts.program.clone(), parts.api);
    let base = Base::of(parts.program.public_url());
    let portal = Portal {
        program: parts.program,
        metrics: parts.metrics.clone(),
        tracking,
        invalid_links,
        watchers: Arc::new(Semaphore::new(MOST_WATCHERS)),
        stop,
    };
    let router = routes::router()
        .merge(api)
        .with_state(portal)
        .merge(process::health::router(parts.readiness, parts.metrics.clone()))
        .fallback(async |asker: Asker| asker.look().not_found())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(observe::guard))
        .layer(middleware::from_fn_with_state(parts.metrics, observe::observe))
        .layer(Extension(base));
    (router, drain)
}
