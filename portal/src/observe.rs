//! What every answer has: safe headers, a time limit, a count.

use std::time::{Duration, Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use process::Metrics;

use crate::asker::Asker;

/// The most a request may take. What an unsubscribe had not committed by then is rolled back, and the
/// answer says to try again.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// No script, no frame, no foreign host; styles and forms of our own.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// Sets the headers that no handler has set, and ends what takes too long.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    // The API has limits of its own, and says in its own way that they are reached.
    let mut response = if request.uri().path().starts_with("/api/") {
        next.run(request).await
    } else {
        let asker = Asker::of(&request);
        let answered = tokio::time::timeout(TIME_LIMIT, next.run(request)).await;
        answered.unwrap_or_else(|_| asker.look().try_again_later())
    };
    let headers = response.headers_mut();
    set(headers, header::CACHE_CONTROL, "no-store");
    set(headers, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    // The address of the page is a secret: it unsubscribes.
    set(headers, header::REFERRER_POLICY, "no-referrer");
    set(headers, HeaderName::from_static("x-robots-tag"), "noindex, nofollow");
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

/// Counts and times a request by its route: the path itself may hold a token.
pub(crate) async fn observe(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let route =
        request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let took = began.elapsed();
    let status = response.status().as_u16();
    metrics.request_finished(&route, status, took);
    tracing::debug!(http.method = %method, http.route = route, http.status = status, duration_ms = took.as_millis(), "request");
    response
}
