//! `/healthz`, `/readyz` and `/metrics`: what every role serves.

use std::{io, net::SocketAddr};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::metrics::{Metrics, TextFormat};
pub use crate::readiness::{Check, CheckResult, Readiness};

#[derive(Clone)]
struct Health {
    readiness: Readiness,
    metrics: Metrics,
}

/// Where they are.
pub const PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The three routes, for a role that serves others too.
///
/// `/healthz` answers as long as the process does: restart it when it does not. `/readyz` answers 200,
/// or 503 with each check and its reason. `/metrics` is for Prometheus. None of them is for the public:
/// a proxy in front of the portal leaves them out.
#[expect(clippy::disallowed_methods, reason = "from the list")]
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    let [healthz, readyz, metrics_at] = PATHS;
    Router::new()
        .route(healthz, get(|| async { "ok\n" }))
        .route(readyz, get(ready))
        .route(metrics_at, get(exposition))
        .with_state(Health { readiness, metrics })
}

async fn ready(State(health): State<Health>) -> Response {
    let checks = health.readiness.ask().await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "checks": checks }))).into_response()
}

async fn exposition(State(health): State<Health>, headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = TextFormat::of_accept(accepts.unwrap_or("*/*"));
    ([(header::CONTENT_TYPE, format.content_type())], health.metrics.encode(format)).into_response()
}

/// A server of the three routes and nothing else.
#[derive(Debug)]
pub struct HealthServer {
    /// Where it listens: the port it was given, if it asked for any.
    pub address: SocketAddr,
    /// Ends after its stop token was cancelled.
    pub task: JoinHandle<()>,
}

/// Serves the three routes at `listen` until `stop` is cancelled.
///
/// # Errors
/// The address can't be listened on.
pub async fn serve(
    listen: SocketAddr,
    readiness: Readiness,
    metrics: Metrics,
    stop: CancellationToken,
) -> io::Result<HealthServer> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "health and metrics are served");
    let router = router(readiness, metrics);
    let task = tokio::spawn(async move {
        let serving = axum::serve(listener, router);
        if let Err(error) = serving.with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(%error, "health and metrics are no longer served");
        }
    });
    Ok(HealthServer { address, task })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::UtcMillis;

    use super::*;

    #[tokio::test]
    async fn a_role_says_that_it_lives_whether_it_is_ready_and_what_it_did() {
        let readiness = Readiness::new();
        let redis = readiness.check("redis");
        let metrics = Metrics::new("worker", UtcMillis::new(1_700_000_000_000));
        metrics.job_finished("send_email", "done", Duration::from_millis(12));
        let stop = CancellationToken::new();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = serve(listen, readiness, metrics, stop.clone()).await.unwrap();
        let get = async |path: &str, accept: &str| {
            let url = format!("http://{}{path}", server.address);
            let client = reqwest::Client::new();
            let answer = client.get(url).header("accept", accept).send().await.unwrap();
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            (answer.status().as_u16(), kind, answer.text().await.unwrap())
        };

        assert_eq!(get("/healthz", "*/*").await.0, 200);
        let (status, _, body) = get("/readyz", "*/*").await;
        assert_eq!(status, 503);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            json!({ "ready": false, "checks": [{ "name": "redis", "ok": false, "reason": "starting" }] })
        );
        redis.pass();
        let (status, _, body) = get("/readyz", "*/*").await;
        assert_eq!((status, body.contains("\"ready\":true")), (200, true), "{body}");

        let (status, kind, body) = get("/metrics", "text/plain").await;
        assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
        assert!(body.contains("throughline_worker_job_duration_seconds_count"), "{body}");
        let (_, kind, body) =
            get("/metrics", "application/openmetrics-text;version=1.0.0,*/*;q=0.1").await;
        assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(body.ends_with("# EOF\n"), "{body}");

        stop.cancel();
        server.task.await.unwrap();
    }
}
