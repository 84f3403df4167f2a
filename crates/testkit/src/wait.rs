//! Waiting for a condition that has no signal of its own.

use std::{future::Future, time::Duration};

/// Asks `probe` until it answers `Some`, at short intervals.
///
/// # Panics
/// With `what` when the deadline passes first: a test that waits must say for what.
pub async fn wait_for<T, F, Fut>(what: &str, deadline: Duration, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let waited = tokio::time::timeout(deadline, async {
        loop {
            if let Some(value) = probe().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited {deadline:?} for: {what}"))
}
