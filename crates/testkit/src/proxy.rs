//! A network of the test's own between a process and a server: a TCP proxy that cuts, stalls and loses answers.

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

/// What the network does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Carries everything.
    Whole,
    /// Every connection is closed, and every new one at once.
    Cut,
    /// Connections stay open, new ones are taken, and nothing moves in either direction.
    Stalled,
    /// What the client says arrives; what the server answers does not. Connections that lost something are
    /// closed when the link changes, for their stream has a hole.
    HalfOpen,
}

/// Where the other side of a proxy is.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

type Matches = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// A proxy on a loopback port. Dropped, it closes everything.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    link: watch::Sender<Link>,
    /// Which requests lose their answer, and how many still do.
    doomed: std::sync::Mutex<Option<Matches>>,
    to_lose: AtomicUsize,
    lost: AtomicUsize,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Listens on a free loopback port and carries everything to `upstream`.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn start(upstream: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            link: watch::Sender::new(Link::Whole),
            doomed: std::sync::Mutex::default(),
            to_lose: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
        });
        let listening = tokio::spawn(listen(listener, upstream, Arc::clone(&shared)));
        Self { address, shared, listening }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what the network does, for connections that are open too.
    pub fn set(&self, link: Link) {
        self.shared.link.send_replace(link);
    }

    /// The next `count` requests for which `matches` is true are carried out, and their connection is closed
    /// before the answer comes back.
    pub fn lose_answers(
        &self,
        count: usize,
        matches: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) {
        *self.shared.doomed.lock().unwrap_or_else(|e| e.into_inner()) = Some(Arc::new(matches));
        self.shared.to_lose.store(count, Ordering::SeqCst);
    }

    /// How many answers [`Self::lose_answers`] has lost so far.
    pub fn answers_lost(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.link.send_replace(Link::Cut);
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, upstream: Upstream, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let (upstream, shared) = (upstream.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let mut link = shared.link.subscribe();
            if *link.borrow_and_update() == Link::Cut {
                return;
            }
            let _ = client.set_nodelay(true);
            // A connection that was made into a stalled network reaches nobody until the network is back.
            if link.wait_for(|link| *link != Link::Stalled).await.is_err() {
                return;
            }
            match upstream {
                Upstream::Unix(path) => {
                    if let Ok(server) = UnixStream::connect(path).await {
                        carry(client, server, link, shared).await;
                    }
                }
                Upstream::Tcp(address) => {
                    if let Ok(server) = TcpStream::connect(address).await {
                        let _ = server.set_nodelay(true);
                        carry(client, server, link, shared).await;
                    }
                }
            }
        });
    }
}

/// Carries bytes both ways until one side closes or the link is cut.
async fn carry<C, S>(client: C, server: S, mut link: watch::Receiver<Link>, shared: Arc<Shared>)
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut client_reads, mut client_writes) = split(client);
    let (mut server_reads, mut server_writes) = split(server);
    let (mut asked, mut answered) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut hole = false;
    let mut loses_answer = false;
    loop {
        let now = *link.borrow_and_update();
        if now == Link::Cut || (hole && now != Link::HalfOpen) {
            return;
        }
        let moves = now != Link::Stalled;
        tokio::select! {
            changed = link.changed() => {
                if changed.is_err() { return }
            }
            read = client_reads.read(&mut asked), if moves => {
                let Ok(n @ 1..) = read else { return };
                loses_answer |= shared.is_doomed(&asked[..n]);
                if server_writes.write_all(&asked[..n]).await.is_err() { return }
            }
            read = server_reads.read(&mut answered), if moves => {
                let Ok(n @ 1..) = read else { return };
                if loses_answer {
                    shared.lost.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if now == Link::HalfOpen {
                    hole = true;
                } else if client_writes.write_all(&answered[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}

impl Shared {
    fn is_doomed(&self, request: &[u8]) -> bool {
        if self.to_lose.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let doomed = self.doomed.lock().unwrap_or_else(|e| e.into_inner()).clone();
        doomed.is_some_and(|matches| matches(request))
            && self
                .to_lose
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::TestRedis;

    async fn connected(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(proxy.address()).await.expect("the proxy listens")
    }

    async fn ping(stream: &mut TcpStream) -> std::io::Result<String> {
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 64];
        let n = stream.read(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer[..n]).into_owned())
    }

    async fn proxied() -> (TestRedis, Proxy) {
        let redis = TestRedis::start();
        let proxy = Proxy::start(Upstream::Unix(redis.socket())).await;
        (redis, proxy)
    }

    #[tokio::test]
    async fn a_cut_link_closes_what_is_open_and_what_is_new() {
        let (_redis, proxy) = proxied().await;
        let mut open = connected(&proxy).await;
        assert_eq!(ping(&mut open).await.unwrap(), "+PONG\r\n");
        proxy.set(Link::Cut);
        assert!(
            ping(&mut open).await.is_ok_and(|said| said.is_empty())
                || ping(&mut open).await.is_err()
        );
        let mut new = connected(&proxy).await;
        assert!(!ping(&mut new).await.is_ok_and(|said| said.contains("PONG")));
        proxy.set(Link::Whole);
        assert_eq!(ping(&mut connected(&proxy).await).await.unwrap(), "+PONG\r\n");
    }

    #[tokio::test]
    async fn a_stalled_link_answers_when_it_is_whole_again() {
        let (_redis, proxy) = proxied().await;
        let mut open = connected(&proxy).await;
        assert_eq!(ping(&mut open).await.unwrap(), "+PONG\r\n");
        proxy.set(Link::Stalled);
        let waiting = tokio::spawn(async move { ping(&mut open).await });
        let mut new = connected(&proxy).await;
        assert!(timeout(Duration::from_millis(100), ping(&mut new)).await.is_err());
        proxy.set(Link::Whole);
        assert_eq!(waiting.await.unwrap().unwrap(), "+PONG\r\n");
    }

    #[tokio::test]
    async fn a_half_open_link_carries_out_and_says_nothing() {
        let (redis, proxy) = proxied().await;
        let mut open = connected(&proxy).await;
        assert_eq!(ping(&mut open).await.unwrap(), "+PONG\r\n");
        proxy.set(Link::HalfOpen);
        open.write_all(b"SET half open\r\n").await.unwrap();
        crate::wait::wait_for("the command to arrive", Duration::from_secs(10), || async {
            (redis.cli(&["GET", "half"]) == "open").then_some(())
        })
        .await;
        proxy.set(Link::Whole);
        let mut answer = [0; 8];
        assert_eq!(open.read(&mut answer).await.unwrap_or(0), 0, "its stream had a hole");
    }

    #[tokio::test]
    async fn a_lost_answer_was_carried_out() {
        let (redis, proxy) = proxied().await;
        proxy.lose_answers(1, |request| request.starts_with(b"SET"));
        let mut open = connected(&proxy).await;
        assert_eq!(ping(&mut open).await.unwrap(), "+PONG\r\n");
        open.write_all(b"SET lost answer\r\n").await.unwrap();
        let mut answer = [0; 8];
        assert_eq!(open.read(&mut answer).await.unwrap_or(0), 0);
        assert_eq!(redis.cli(&["GET", "lost"]), "answer");
        assert_eq!(proxy.answers_lost(), 1);
        let mut again = connected(&proxy).await;
        again.write_all(b"SET lost not\r\n").await.unwrap();
        assert_eq!(again.read(&mut answer).await.unwrap(), 5, "one answer was to be lost");
    }
}
