//! Doorbells: a capped list somebody waits at.

use std::time::Duration;

use redis::aio::MultiplexedConnection;

use crate::{connection::Belt, error::Result};

/// A bell somebody waits at, on a connection of its own.
pub struct Bell {
    belt: Belt,
    key: String,
    connection: Option<MultiplexedConnection>,
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bell").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Rings nobody has answered; more say nothing new.
const RINGS: isize = 8;

impl Belt {
    /// Rings the bell `name`; whoever waits at it, or comes next, is woken.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`]: every loop that waits at a bell also wakes by itself.
    pub async fn ring(&self, name: &str) -> Result<()> {
        let key = self.keys().bell(name);
        let mut pipeline = redis::pipe();
        pipeline.cmd("RPUSH").arg(&key).arg(1).ignore();
        pipeline.cmd("LTRIM").arg(&key).arg(-RINGS).arg(-1).ignore();
        self.ask_all("a bell", pipeline).await
    }

    /// The bell `name`, to wait at.
    pub fn bell(&self, name: &str) -> Bell {
        self.bell_at(self.keys().bell(name))
    }

    pub(crate) fn bell_at(&self, key: String) -> Bell {
        Bell { belt: self.clone(), key, connection: None }
    }
}

impl Bell {
    /// Waits until it rings (true) or `timeout` has passed (false). With Redis away it waits the time
    /// out, so a loop around it does not spin.
    pub async fn wait(&mut self, timeout: Duration) -> bool {
        let started = tokio::time::Instant::now();
        match self.blocked(timeout).await {
            Ok(rung) => rung,
            Err(error) => {
                tracing::debug!(%error, bell = %self.key, "the bell can't be heard");
                self.connection = None;
                tokio::time::sleep_until(started + timeout).await;
                false
            }
        }
    }

    async fn blocked(&mut self, timeout: Duration) -> redis::RedisResult<bool> {
        // A call that is dropped while it blocks leaves its answer on the connection, so the
        // connection is only kept after a call that was answered.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.belt.own_connection(timeout.max(Duration::from_secs(2))).await?,
        };
        let mut command = redis::cmd("BLPOP");
        command.arg(&self.key).arg(timeout.as_secs_f64().max(0.001));
        let rung: Option<(String, String)> = command.query_async(&mut connection).await?;
        self.connection = Some(connection);
        Ok(rung.is_some())
    }
}
