//! The handle on the belt: a connection that comes back by itself, and how a script is called.

use std::{
    fmt,
    sync::{Arc, RwLock},
    time::Duration,
};

use redis::{
    Client, Cmd, FromRedisValue, RedisResult, ToRedisArgs,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use crate::{
    between::{Call, lost},
    config::{BeltConfig, Channel, TimeSource},
    error::{Error, Result, sort},
    keys::Keys,
    scripts::{Scripts, Text},
};

/// A handle on one channel of the belt. Clones share one connection, which is made at the first call
/// and made again, with growing pauses, whenever it breaks; calls that were pending fail.
#[derive(Clone)]
pub struct Belt {
    inner: Arc<Inner>,
    pub(crate) channel: Channel,
    scripts: Arc<RwLock<Option<Arc<Scripts>>>>,
}

struct Inner {
    config: BeltConfig,
    shown_url: String,
    client: Client,
    manager: ConnectionManager,
    keys: Keys,
}

impl fmt::Debug for Belt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Belt")
            .field("url", &self.inner.shown_url)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// A script's call: what it carries beside its arguments.
#[derive(Clone, Copy, Default)]
pub(crate) struct Carried {
    pub(crate) lease: u64,
}

impl Belt {
    /// A handle for `config`. The server need not be there yet.
    ///
    /// # Errors
    /// [`Error::BadUrl`] if the URL names no Redis server.
    pub async fn connect(config: BeltConfig) -> Result<Self> {
        let bad = |source| Error::BadUrl { url: without_password(&config.url), source };
        let url = match config.url.strip_prefix("unix://") {
            Some(path) => format!("redis+unix://{path}"),
            None => config.url.clone(),
        };
        let client = Client::open(url).map_err(bad)?;
        let manager = ConnectionManager::new_lazy_with_config(
            client.clone(),
            ConnectionManagerConfig::new()
                .set_response_timeout(Some(config.response_timeout))
                .set_connection_timeout(Some(config.connection_timeout))
                .set_min_delay(Duration::from_millis(20))
                .set_max_delay(Duration::from_secs(1))
                // The next call starts the next round of attempts, so this is no end.
                .set_number_of_retries(3)
                .set_pipeline_buffer_size(1_024),
        )
        .map_err(|source| Error::BadUrl { url: without_password(&config.url), source })?;
        let channel = config.channel;
        let inner = Inner {
            shown_url: without_password(&config.url),
            keys: Keys::new(config.shard),
            config,
            client,
            manager,
        };
        Ok(Self { inner: Arc::new(inner), channel, scripts: Arc::default() })
    }

    /// The same connection, another channel.
    pub fn channel(&self, channel: Channel) -> Self {
        Self { inner: Arc::clone(&self.inner), channel, scripts: Arc::default() }
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn ping(&self) -> Result<()> {
        self.ask("PING", redis::cmd("PING")).await
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn config(&self) -> &BeltConfig {
        &self.inner.config
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn manager(&self) -> ConnectionManager {
        self.inner.manager.clone()
    }

    pub(crate) fn sort(&self, source: redis::RedisError, what: &'static str) -> Error {
        sort(source, &self.inner.shown_url, what, 0, 0)
    }

    /// Lets a call out and its answer back in, as far as what stands between lets them.
    async fn through<T>(
        &self,
        call: Call,
        answered: impl Future<Output = RedisResult<T>>,
    ) -> RedisResult<T> {
        let Some(between) = &self.inner.config.between else { return answered.await };
        if !between.going_out(call).await {
            return Err(lost());
        }
        let answer = answered.await;
        if between.coming_back(call, answer.is_err()).await { answer } else { Err(lost()) }
    }

    /// One plain command.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        what: &'static str,
        command: Cmd,
    ) -> Result<T> {
        self.through(Call { what, lease: 0 }, command.query_async(&mut self.manager()))
            .await
            .map_err(|source| self.sort(source, what))
    }

    /// What answers with the time, as `TIME` does: seconds and microseconds.
    pub(crate) fn time(&self) -> Cmd {
        match self.inner.config.time {
            TimeSource::Server => redis::cmd("TIME"),
            TimeSource::Key => {
                let mut command = redis::cmd("EVAL");
                command
                    .arg(
                        "local n = redis.call('GET', KEYS[1]) or '0' \
                         return { string.format('%.0f', math.floor(n / 1000000)), string.format('%.0f', n % 1000000) }",
                    )
                    .arg(1)
                    .arg(self.keys().test_clock());
                command
            }
        }
    }

    /// Several plain commands in one go.
    pub(crate) async fn ask_all<T: FromRedisValue>(
        &self,
        what: &'static str,
        pipeline: redis::Pipeline,
    ) -> Result<T> {
        self.through(Call { what, lease: 0 }, pipeline.query_async(&mut self.manager()))
            .await
            .map_err(|source| self.sort(source, what))
    }

    /// The number and phase in the epoch key, if there is one.
    pub(crate) async fn epoch_key(&self) -> Result<Option<(u32, String)>> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys().epoch()).arg("n").arg("phase");
        let (number, phase): (Option<u32>, Option<String>) = self.ask("the epoch", command).await?;
        Ok(number.zip(phase))
    }

    /// The scripts of `epoch`, for this handle's channel.
    pub(crate) fn scripts_of(&self, epoch: u32) -> Arc<Scripts> {
        let known = self.scripts.read().unwrap_or_else(|e| e.into_inner()).clone();
        if let Some(scripts) = known.filter(|scripts| scripts.epoch == epoch) {
            return scripts;
        }
        let time: TimeSource = self.inner.config.time;
        let scripts = Arc::new(Scripts::of(self.keys(), epoch, self.channel, time));
        *self.scripts.write().unwrap_or_else(|e| e.into_inner()) = Some(Arc::clone(&scripts));
        scripts
    }

    /// The scripts of the epoch the belt is in, as far as this handle knows.
    pub(crate) async fn current_scripts(&self) -> Result<Arc<Scripts>> {
        let known = self.scripts.read().unwrap_or_else(|e| e.into_inner()).clone();
        match known {
            Some(scripts) => Ok(scripts),
            None => self.learn_scripts().await,
        }
    }

    /// The scripts of the epoch the belt is in, looked up from the server.
    pub(crate) async fn learn_scripts(&self) -> Result<Arc<Scripts>> {
        let (epoch, _) = self.epoch_key().await?.ok_or(Error::Closed)?;
        Ok(self.scripts_of(epoch))
    }

    /// Calls a script of the epoch the belt is in. For callers that hold nothing from an earlier
    /// epoch: on "closed" they look once whether there is a new one.
    pub(crate) async fn call<T: FromRedisValue, A: ToRedisArgs>(
        &self,
        script: fn(&Scripts) -> &Text,
        arguments: &A,
        carried: Carried,
    ) -> Result<T> {
        let scripts = self.current_scripts().await?;
        match self.call_in(&scripts, script, arguments, carried).await {
            Err(Error::Closed) => {
                let now = self.learn_scripts().await?;
                if now.epoch == scripts.epoch {
                    return Err(Error::Closed);
                }
                self.call_in(&now, script, arguments, carried).await
            }
            answer => answer,
        }
    }

    /// Calls a script of exactly this epoch.
    pub(crate) async fn call_in<T: FromRedisValue, A: ToRedisArgs>(
        &self,
        scripts: &Scripts,
        script: fn(&Scripts) -> &Text,
        arguments: &A,
        carried: Carried,
    ) -> Result<T> {
        let text = script(scripts);
        let call = Call { what: text.name, lease: carried.lease };
        let command = self.evalsha(&text.hash, arguments);
        self.through(call, command.query_async(&mut self.manager())).await.map_err(|source| {
            sort(source, &self.inner.shown_url, text.name, carried.lease, scripts.epoch)
        })
    }

    pub(crate) fn evalsha<A: ToRedisArgs>(&self, hash: &str, arguments: &A) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(hash).arg(1).arg(self.keys().epoch()).arg(arguments);
        command
    }

    /// Sets the time the scripts see under [`TimeSource::Key`], in microseconds since the epoch of Unix.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn set_test_clock(&self, micros: u64) -> Result<()> {
        let mut command = redis::cmd("SET");
        command.arg(self.keys().test_clock()).arg(micros);
        self.ask("the test clock", command).await
    }
}

/// The URL as it may be shown: `redis://user:secret@host` becomes `redis://host`.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_shown_url_has_no_password() {
        assert_eq!(without_password("redis://u:p@h:6379/0"), "redis://h:6379/0");
        assert_eq!(without_password("unix:///tmp/r.sock"), "unix:///tmp/r.sock");
    }
}
