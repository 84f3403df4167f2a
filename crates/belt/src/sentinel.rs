//! Which server is the primary, as Sentinels say.
//!
//! They are asked with their own two commands instead of through the library's client for them: that one hands out
//! connections but none that comes back by itself, and it believes whichever Sentinel answers first. One that was
//! cut off together with the old primary still names that one, so here all are asked and the newest
//! configuration counts.

use std::{sync::Arc, time::Duration};

use redis::{Client, RedisResult};

use crate::connection::Inner;

/// How a URL begins that names Sentinels.
pub(crate) const SCHEME: &str = "redis+sentinel://";

/// How often they are asked while nothing is wrong.
const EVERY: Duration = Duration::from_secs(1);
/// How often at most when something is: a failover takes seconds.
const SOONEST: Duration = Duration::from_millis(100);
/// How long one of them may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where the Sentinels are, and what they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentinelUrl {
    /// A URL for each Sentinel.
    sentinels: Vec<String>,
    /// What they call the primary.
    name: String,
    /// `user:password@` of the primary, or nothing.
    credentials: String,
    /// `/0`, or nothing.
    database: String,
}

impl SentinelUrl {
    /// What comes after [`SCHEME`]: `user:password@host:port,host:port/name/0?sentinel_password=…`.
    pub(crate) fn parse(rest: &str) -> Option<Self> {
        let (rest, password) = match rest.split_once('?') {
            Some((rest, query)) => (rest, query.strip_prefix("sentinel_password=")?),
            None => (rest, ""),
        };
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (format!("{credentials}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/')?;
        let (name, database) = match path.split_once('/') {
            Some((name, number)) => (name, format!("/{}", number.parse::<u32>().ok()?)),
            None => (path, String::new()),
        };
        let of_sentinels =
            if password.is_empty() { String::new() } else { format!(":{password}@") };
        let mut sentinels = Vec::new();
        for host in hosts.split(',') {
            let (address, port) = host.rsplit_once(':')?;
            port.parse::<u16>().ok()?;
            let url = format!("redis://{of_sentinels}{host}");
            if address.is_empty() || Client::open(&*url).is_err() {
                return None;
            }
            sentinels.push(url);
        }
        let name = name.to_owned();
        (!name.is_empty()).then_some(Self { sentinels, name, credentials, database })
    }

    /// The primary's URL at an address that a Sentinel named.
    fn primary_at(&self, address: &str) -> String {
        format!("redis://{}{address}{}", self.credentials, self.database)
    }

    /// What the Sentinel with the newest configuration calls the primary.
    async fn ask_all(&self) -> Option<String> {
        let asked = self.sentinels.iter().map(|sentinel| async move {
            match tokio::time::timeout(PATIENCE, ask(sentinel, &self.name)).await {
                Ok(Ok(said)) => said,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a Sentinel does not answer");
                    None
                }
                Err(_) => None,
            }
        });
        let said = futures::future::join_all(asked).await;
        newest(said.into_iter().flatten())
    }
}

/// Of what several Sentinels said, what the newest configuration says.
fn newest(said: impl Iterator<Item = (u64, String)>) -> Option<String> {
    said.max_by_key(|(epoch, _)| *epoch).map(|(_, address)| address)
}

/// One Sentinel: the number of its configuration and the primary's address. `None` if it knows no such primary.
async fn ask(sentinel: &str, name: &str) -> RedisResult<Option<(u64, String)>> {
    let client = Client::open(sentinel)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let (address, about): (Option<(String, u16)>, Vec<String>) = redis::pipe()
        .cmd("SENTINEL")
        .arg("GET-MASTER-ADDR-BY-NAME")
        .arg(name)
        .cmd("SENTINEL")
        .arg("MASTER")
        .arg(name)
        .query_async(&mut connection)
        .await?;
    let epoch = about.chunks_exact(2).find(|pair| pair[0] == "config-epoch");
    let epoch = epoch.and_then(|pair| pair[1].parse().ok()).unwrap_or(0);
    Ok(address.map(|(host, port)| {
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        (epoch, format!("{host}:{port}"))
    }))
}

/// Asks the Sentinels every second, and at once when a call finds the server away, for as long as the handle
/// lives; goes over to the primary they name.
pub(crate) fn follow(url: SentinelUrl, inner: &Arc<Inner>) {
    let inner = Arc::downgrade(inner);
    tokio::spawn(async move {
        let mut named = true;
        loop {
            let said = url.ask_all().await;
            let Some(inner) = inner.upgrade() else { return };
            match said {
                Some(address) if inner.address().as_ref() != Some(&address) => {
                    match inner.go_to(&address, &url.primary_at(&address)) {
                        Ok(()) => {
                            tracing::info!(redis.address = %address, "Redis's primary is here")
                        }
                        Err(error) => {
                            tracing::warn!(redis.address = %address, %error, "a Sentinel named no usable address")
                        }
                    }
                    named = true;
                }
                Some(_) => named = true,
                None if named => {
                    tracing::warn!(redis.name = %url.name, "no Sentinel names a primary; asking on");
                    named = false;
                }
                None => {}
            }
            tokio::time::sleep(SOONEST).await;
            let woken = inner.trouble.notified();
            let _ = tokio::time::timeout(EVERY - SOONEST, woken).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_sentinels_and_a_primary() {
        let url = SentinelUrl::parse("u:p@a:26379,10.0.0.2:26380,[::1]:26381/main/3").unwrap();
        assert_eq!(
            url.sentinels,
            ["redis://a:26379", "redis://10.0.0.2:26380", "redis://[::1]:26381"]
        );
        assert_eq!(url.primary_at("10.0.0.9:6379"), "redis://u:p@10.0.0.9:6379/3");
        let url = SentinelUrl::parse("a:1/main?sentinel_password=s").unwrap();
        assert_eq!(url.sentinels, ["redis://:s@a:1"]);
        assert_eq!(url.primary_at("b:2"), "redis://b:2");
    }

    #[test]
    fn half_a_url_is_none() {
        for bad in [
            "",
            "a:1",
            "a:1/",
            "a/main",
            ":1/main",
            "a:x/main",
            "a:1,/main",
            "a:1/main/x",
            "a:1/main?db=1",
        ] {
            assert_eq!(SentinelUrl::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_newest_configuration_counts() {
        let said = |epoch, address: &str| (epoch, address.to_owned());
        let answers = [said(1, "old:1"), said(2, "new:1"), said(1, "old:1")];
        assert_eq!(newest(answers.into_iter()), Some("new:1".to_owned()));
        assert_eq!(newest(std::iter::empty()), None);
    }
}
