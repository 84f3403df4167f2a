//! Listening, and stopping without dropping what is under way.

use std::{net::SocketAddr, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{Error, PortalParts, router};

/// How long requests under way may take to end once the portal stops.
const LAST_ANSWERS: Duration = Duration::from_secs(20);

/// How long the last events may take to reach the belt after that, or to be counted as lost.
const LAST_EVENTS: Duration = Duration::from_secs(10);

/// A portal that serves.
#[derive(Debug)]
pub struct PortalServer {
    /// Where: the port it was given, if it asked for any.
    pub address: SocketAddr,
    /// Ends after its stop token was cancelled and the last request is answered.
    pub task: JoinHandle<()>,
}

/// Serves at `listen` until `stop` is cancelled; then takes no new connection and answers what is under way,
/// for 20 s at most.
///
/// # Errors
/// The address can't be listened on.
pub async fn serve(
    listen: SocketAddr,
    parts: PortalParts,
    stop: CancellationToken,
) -> Result<PortalServer, Error> {
    let cannot = |source| Error::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let (router, drain) = router(parts, stop.clone());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let carrying = tokio::spawn(drain.run(stop.clone()));
    tracing::info!(%address, "portal serves");
    let task = tokio::spawn(async move {
        let serving =
            axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            ended = serving => {
                if let Err(error) = ended {
                    tracing::error!(%error, "portal stopped serving");
                }
            }
            () = overdue => tracing::warn!("portal stopped with requests under way"),
        }
        // What was answered gets its last chance to be counted; requests still under way don't.
        if tokio::time::timeout(LAST_EVENTS, carrying).await.is_err() {
            tracing::warn!("portal stopped with events under way");
        }
    });
    Ok(PortalServer { address, task })
}
