//! Every route there is: the pages' here, the API's in `api::routes`, health and metrics in `process::health`.
//!
//! The router is made from these lists and from nothing else (`clippy.toml` holds it to that), and a test tries every
//! one of them with every kind of link and every method (`tests/http/routes.rs`).

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode},
    routing::{MethodFilter, MethodRouter, on},
};

use crate::{
    BODY_LIMIT, Portal, api, asset, invite, preferences, statics, track, unsubscribe, view,
};

/// A route of the pages, the images and the links of mail.
struct Route {
    /// GET is HEAD too.
    method: Method,
    path: &'static str,
    /// The most a request's body may hold, in bytes.
    most: usize,
    handler: fn(MethodFilter) -> MethodRouter<Portal>,
}

/// A route that shows; what is different is said where it stands.
const SHOW: Route = Route { method: Method::GET, path: "", most: BODY_LIMIT, handler: |_| none() };

/// A route that acts.
const ACT: Route = Route { method: Method::POST, ..SHOW };

/// Stands in for the handler of what is no whole route.
fn none() -> MethodRouter<Portal> {
    MethodRouter::new()
}

/// All of them. What stands in mail is opened by scanners, so GET changes nothing.
static ROUTES: &[Route] = &[
    Route { path: "/u/{token}", handler: |it| on(it, unsubscribe::show), ..SHOW },
    Route { path: "/u/{token}", handler: |it| on(it, unsubscribe::act), ..ACT },
    Route { path: "/p/{token}", handler: |it| on(it, preferences::show), ..SHOW },
    Route { path: "/p/{token}", handler: |it| on(it, preferences::act), ..ACT },
    Route { path: "/v/{token}", handler: |it| on(it, view::show), ..SHOW },
    Route { path: "/v/{token}/mail", handler: |it| on(it, view::use_the_mail), ..SHOW },
    Route { path: "/o/{file}", handler: |it| on(it, track::open::show), ..SHOW },
    Route { path: "/c/{token}/{number}", handler: |it| on(it, track::click::follow), ..SHOW },
    Route { path: "/a/{name}", handler: |it| on(it, asset::show), ..SHOW },
    Route { path: "/i/{token}", handler: |it| on(it, invite::page), ..SHOW },
    Route {
        path: "/i/{token}",
        most: invite::FORM_LIMIT,
        handler: |it| on(it, invite::act),
        ..ACT
    },
    Route { path: "/i/{token}/mail/{step}", handler: |it| on(it, invite::mail), ..SHOW },
    Route { path: "/i/{token}/events", handler: |it| on(it, invite::events), ..SHOW },
    Route { path: "/static/page.css", handler: |it| on(it, statics::style), ..SHOW },
    Route { path: "/static/htmx.js", handler: |it| on(it, statics::htmx), ..SHOW },
    Route { path: "/static/sse.js", handler: |it| on(it, statics::sse), ..SHOW },
    // Browsers ask for a picture of the site by themselves; there is none.
    Route { path: "/favicon.ico", handler: |it| on(it, async || StatusCode::NO_CONTENT), ..SHOW },
];

/// A router of the list.
#[expect(clippy::disallowed_methods, reason = "from the list")]
pub(crate) fn router() -> Router<Portal> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        let filter = route.method.clone().try_into().expect("a method that routers know");
        let handler = (route.handler)(filter).layer(DefaultBodyLimit::max(route.most));
        router.route(route.path, handler)
    })
}

/// Every route of a portal: its method and path. No method stands for every method.
pub fn routes() -> Vec<(Option<Method>, String)> {
    let pages = ROUTES.iter().map(|it| (Some(it.method.clone()), it.path.to_owned()));
    let health = process::health::PATHS.map(|path| (Some(Method::GET), path.to_owned()));
    pages.chain(api::routes()).chain(health).collect()
}
