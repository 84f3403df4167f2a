//! One loop: a pass when its bell rings, when the last pass found work, and every second.

use std::time::{Duration, Instant};

use belt::Bell;
use process::{Metrics, health::Check};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::leader::Leadership;

/// How long a loop rests when there is nothing to do.
const REST: Duration = Duration::from_secs(1);

/// What one pass closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Rows it moved.
    pub rows: u64,
    /// There is more to do right now.
    pub more: bool,
}

/// A loop's body: takes no input but the leader's fence, reads state and closes a gap.
pub trait Pass: Send + 'static {
    /// One bounded pass.
    fn pass(&mut self, fence: u64) -> impl Future<Output = anyhow::Result<Passed>> + Send;
}

/// What every loop needs to run.
pub struct Runner {
    pub name: &'static str,
    pub bell: Option<Bell>,
    pub metrics: Metrics,
    pub leadership: watch::Receiver<Leadership>,
    pub stop: CancellationToken,
    pub progress: Check,
}

impl Runner {
    /// Runs until stopped. A pass that failed is logged once per kind of trouble and tried again.
    pub async fn run(mut self, mut body: impl Pass) {
        let mut trouble: Option<String> = None;
        while !self.stop.is_cancelled() {
            let Some(fence) = self.leadership.borrow_and_update().fence() else {
                self.progress.pass();
                tokio::select! {
                    _ = self.leadership.changed() => {}
                    () = self.stop.cancelled() => {}
                }
                continue;
            };
            let began = Instant::now();
            match body.pass(fence).await {
                Ok(passed) => {
                    self.progress.pass();
                    if trouble.take().is_some() {
                        tracing::info!(scheduler.loop = self.name, "works again");
                    }
                    if passed.rows > 0 {
                        let took = began.elapsed();
                        self.metrics.loop_passed(self.name, passed.rows, took);
                        let duration_ms = took.as_secs_f64() * 1_000.0;
                        tracing::debug!(scheduler.loop = self.name, passed.rows, duration_ms, "pass");
                    }
                    if passed.more {
                        continue;
                    }
                }
                Err(error) => {
                    self.metrics.loop_failed(self.name);
                    self.progress.fail(format!("{error:#}"));
                    let text = format!("{error:#}");
                    if trouble.as_ref() != Some(&text) {
                        tracing::warn!(scheduler.loop = self.name, error = %text, "pass failed; trying again");
                        trouble = Some(text);
                    }
                }
            }
            self.rest().await;
        }
    }

    async fn rest(&mut self) {
        let ring = async {
            match &mut self.bell {
                Some(bell) => {
                    bell.wait(REST).await;
                }
                None => tokio::time::sleep(REST).await,
            }
        };
        tokio::select! {
            () = ring => {}
            () = self.stop.cancelled() => {}
        }
    }
}
