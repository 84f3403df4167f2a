//! The handle on the belt: a connection that comes back by itself, and how a script is called.

use std::{
    fmt,
    sync::{Arc, RwLock},
    time::Duration,
};

use redis::{
    Client, Cmd, FromRedisValue, RedisError, RedisResult, ToRedisArgs,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::watch;

use crate::{
    between::{Call, lost},
    config::{BeltConfig, Channel, TimeSource},
    error::{Error, Result, sort},
    keys::Keys,
    scripts::{Scripts, Text},
    sentinel::{self, SentinelUrl},
};

/// A handle on one channel of the belt. Clones share one connection, which is made at the first call
/// and made again, with growing pauses, whenever it breaks; calls that were pending fail. Where Sentinels
/// say which server is the primary, it goes over to another one as soon as they do.
#[derive(Clone)]
pub struct Belt {
    inner: Arc<Inner>,
    pub(crate) channel: Channel,
    scripts: Arc<RwLock<Option<Arc<Scripts>>>>,
}

pub(crate) struct Inner {
    config: BeltConfig,
    shown_url: String,
    keys: Keys,
    /// The server that is spoken to; `None` until a Sentinel has named one.
    link: watch::Sender<Option<Arc<Link>>>,
    /// Wakes whoever asks the Sentinels: a call found the server away.
    pub(crate) trouble: tokio::sync::Notify,
}

/// One server.
pub(crate) struct Link {
    /// Its address, without a password.
    pub(crate) address: String,
    /// Counts servers, so that a connection to an earlier one is known.
    number: u64,
    client: Client,
    manager: ConnectionManager,
}

impl Inner {
    /// The address of the server that is spoken to.
    pub(crate) fn address(&self) -> Option<String> {
        self.link.borrow().as_ref().map(|link| link.address.clone())
    }

    /// Speaks to the server at `url` from now on.
    pub(crate) fn go_to(&self, address: &str, url: &str) -> RedisResult<()> {
        let client = Client::open(url)?;
        let manager = ConnectionManager::new_lazy_with_config(
            client.clone(),
            ConnectionManagerConfig::new()
                .set_response_timeout(Some(self.config.response_timeout))
                .set_connection_timeout(Some(self.config.connection_timeout))
                .set_min_delay(Duration::from_millis(20))
                .set_max_delay(Duration::from_secs(1))
                // The next call starts the next round of attempts, so this is no end.
                .set_number_of_retries(3)
                .set_pipeline_buffer_size(1_024),
        )?;
        self.link.send_modify(|link| {
            let number = link.as_ref().map_or(0, |link| link.number) + 1;
            *link = Some(Arc::new(Link { address: address.to_owned(), number, client, manager }));
        });
        Ok(())
    }
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
    /// [`Error::BadUrl`] or [`Error::BadSentinelUrl`] if the URL names no Redis server.
    pub async fn connect(config: BeltConfig) -> Result<Self> {
        let channel = config.channel;
        let shown_url = without_password(&config.url);
        let sentinels = match config.url.strip_prefix(sentinel::SCHEME) {
            Some(rest) => Some(
                SentinelUrl::parse(rest)
                    .ok_or_else(|| Error::BadSentinelUrl { url: shown_url.clone() })?,
            ),
            None => None,
        };
        let inner = Arc::new(Inner {
            shown_url,
            keys: Keys::new(config.shard),
            config,
            link: watch::Sender::new(None),
            trouble: tokio::sync::Notify::new(),
        });
        match sentinels {
            Some(sentinels) => sentinel::follow(sentinels, &inner),
            None => {
                let url = &inner.config.url;
                let open = match url.strip_prefix("unix://") {
                    Some(path) => format!("redis+unix://{path}"),
                    None => url.clone(),
                };
                inner
                    .go_to(&inner.shown_url, &open)
                    .map_err(|source| Error::BadUrl { url: inner.shown_url.clone(), source })?;
            }
        }
        Ok(Self { inner, channel, scripts: Arc::default() })
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

    /// For a connection of the caller's own, to the server that is spoken to.
    pub(crate) fn client(&self) -> RedisResult<Client> {
        let link = self.inner.link.borrow().clone();
        link.map(|link| link.client.clone()).ok_or_else(no_primary)
    }

    /// Which server is spoken to, counted: a connection that was made under another number is to the wrong one.
    pub(crate) fn server_number(&self) -> u64 {
        self.inner.link.borrow().as_ref().map_or(0, |link| link.number)
    }

    pub(crate) fn sort(&self, source: RedisError, what: &'static str) -> Error {
        self.sort_call(source, what, 0, 0)
    }

    fn sort_call(&self, source: RedisError, what: &'static str, lease: u64, epoch: u32) -> Error {
        let error = sort(source, &self.inner.shown_url, what, lease, epoch);
        if matches!(error, Error::Unreachable { .. }) {
            self.inner.trouble.notify_one();
        }
        error
    }

    /// One call to the server that is spoken to. It fails as soon as another one is: nobody may wait for the
    /// answer of a server that is not the primary any more.
    async fn query<T, F>(&self, ask: impl FnOnce(ConnectionManager) -> F) -> RedisResult<T>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let mut links = self.inner.link.subscribe();
        let there = links.borrow_and_update().clone();
        let link = match there {
            Some(link) => link,
            None => self.first_link(&mut links).await.ok_or_else(no_primary)?,
        };
        let moved = async {
            loop {
                if links.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                if links.borrow().as_ref().is_some_and(|now| now.number != link.number) {
                    return;
                }
            }
        };
        tokio::select! {
            answer = ask(link.manager.clone()) => answer,
            () = moved => Err(io_error("another server is the primary now")),
        }
    }

    /// What the Sentinels name first, if they do in time.
    async fn first_link(
        &self,
        links: &mut watch::Receiver<Option<Arc<Link>>>,
    ) -> Option<Arc<Link>> {
        let wait = self.inner.config.connection_timeout;
        let named = tokio::time::timeout(wait, links.wait_for(Option::is_some)).await;
        named.ok()?.ok()?.clone()
    }

    /// Lets a call out and its answer back in, as far as what stands between lets them.
    async fn through<T, F>(
        &self,
        call: Call,
        ask: impl FnOnce(ConnectionManager) -> F,
    ) -> RedisResult<T>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let Some(between) = &self.inner.config.between else { return self.query(ask).await };
        if !between.going_out(call).await {
            return Err(lost());
        }
        let answer = self.query(ask).await;
        if between.coming_back(call, answer.is_err()).await { answer } else { Err(lost()) }
    }

    /// One plain command.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        what: &'static str,
        command: Cmd,
    ) -> Result<T> {
        self.through(Call { what, lease: 0 }, |mut manager| async move {
            command.query_async(&mut manager).await
        })
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
        self.through(Call { what, lease: 0 }, |mut manager| async move {
            pipeline.query_async(&mut manager).await
        })
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
        let BeltConfig { time, scripts, .. } = self.config();
        let scripts = Arc::new(Scripts::of(self.keys(), epoch, self.channel, *time, scripts));
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
        self.through(call, |mut manager| async move { command.query_async(&mut manager).await })
            .await
            .map_err(|source| self.sort_call(source, text.name, carried.lease, scripts.epoch))
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

fn io_error(why: &'static str) -> RedisError {
    RedisError::from(std::io::Error::other(why))
}

fn no_primary() -> RedisError {
    io_error("no Sentinel has named a primary")
}

/// The URL as it may be shown: `redis://user:secret@host` becomes `redis://host`.
fn without_password(url: &str) -> String {
    let url = url.split_once("?sentinel_password=").map_or(url, |(url, _)| url);
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
        assert_eq!(
            without_password("redis+sentinel://:p@h:1,i:2/main?sentinel_password=q"),
            "redis+sentinel://h:1,i:2/main"
        );
    }
}
