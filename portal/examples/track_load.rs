//! Asks for images and links of mail at a constant rate, whatever the answers take.
//!
//! `track_load HOST:PORT PATHS RATE SECONDS CONNECTIONS`: PATHS is a file with one path on each line, asked for in
//! turn. Every request has its moment, `n / RATE` seconds after the start, and its time runs from that moment:
//! what a slow answer keeps waiting behind it is late, and is measured as late. Prints one line of JSON.
//! `bench/portal.sh` uses it; it is plain HTTP/1.1 on plain sockets because it runs beside what it measures.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

/// A person's browser; what it is taken for does not matter here.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(20);

struct Plan {
    address: String,
    requests: Vec<Vec<u8>>,
    rate: f64,
    total: usize,
    start: Instant,
    next: Cell<usize>,
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    micros: Vec<u32>,
    failed: u64,
    last_answer: Option<Instant>,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, run())
}

async fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, paths, rate, seconds, connections] = arguments.as_slice() else {
        bail!("usage: track_load HOST:PORT PATHS RATE SECONDS CONNECTIONS");
    };
    let paths = std::fs::read_to_string(paths).with_context(|| format!("can't read {paths}"))?;
    let request = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {AGENT}\r\n\r\n")
            .into_bytes()
    };
    let requests: Vec<Vec<u8>> = paths.lines().map(request).collect();
    if requests.is_empty() {
        bail!("no paths to ask for");
    }
    let (rate, seconds): (f64, f64) = (rate.parse()?, seconds.parse()?);
    let total = (rate * seconds).round() as usize;
    let plan = Rc::new(Plan {
        address: address.clone(),
        requests,
        rate,
        total,
        // Everybody is connected by then.
        start: Instant::now() + Duration::from_millis(500),
        next: Cell::new(0),
        found: RefCell::new(Found { micros: Vec::with_capacity(total), ..Found::default() }),
    });
    let connections: usize = connections.parse()?;
    let tasks: Vec<_> =
        (0..connections).map(|_| tokio::task::spawn_local(ask(Rc::clone(&plan)))).collect();
    for task in tasks {
        task.await??;
    }
    plan.say();
    Ok(())
}

/// One connection: takes the next moment whenever it is free.
async fn ask(plan: Rc<Plan>) -> anyhow::Result<()> {
    let mut stream = connect(&plan.address).await?;
    let mut buffer = Vec::with_capacity(8 * 1024);
    loop {
        let number = plan.next.get();
        if number >= plan.total {
            return Ok(());
        }
        plan.next.set(number + 1);
        let moment = plan.start + Duration::from_secs_f64(number as f64 / plan.rate);
        tokio::time::sleep_until(moment).await;
        let request = &plan.requests[number % plan.requests.len()];
        let answered = tokio::time::timeout(PATIENCE, exchange(&mut stream, request, &mut buffer));
        let status = answered.await.ok().and_then(Result::ok);
        plan.note(moment, status);
        if status.is_none() {
            stream = connect(&plan.address).await?;
            buffer.clear();
        }
    }
}

async fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let stream =
        TcpStream::connect(address).await.with_context(|| format!("can't connect to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request and its whole answer; the status.
async fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> anyhow::Result<u16> {
    stream.write_all(request).await?;
    buffer.clear();
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer).await?;
    };
    let text = std::str::from_utf8(&buffer[..head])?;
    let status = text.get(9..12).context("no status")?.parse()?;
    let length: usize = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("an answer without a length")?
        .1
        .trim()
        .parse()?;
    while buffer.len() < head + length {
        more(stream, buffer).await?;
    }
    Ok(status)
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    if stream.read_buf(buffer).await? == 0 {
        bail!("the connection was closed");
    }
    Ok(())
}

impl Plan {
    fn note(&self, moment: Instant, status: Option<u16>) {
        let now = Instant::now();
        let mut found = self.found.borrow_mut();
        found.last_answer = Some(now);
        if matches!(status, Some(200..400)) {
            found.micros.push(u32::try_from((now - moment).as_micros()).unwrap_or(u32::MAX));
        } else {
            found.failed += 1;
        }
    }

    fn say(&self) {
        let mut found = self.found.borrow_mut();
        found.micros.sort_unstable();
        let micros = &found.micros;
        let at = |share: f64| {
            let rank = (micros.len() as f64 * share).ceil() as usize;
            micros.get(rank.max(1) - 1).map_or(f64::NAN, |micros| f64::from(*micros) / 1_000.0)
        };
        let seconds = found.last_answer.map_or(0.0, |last| (last - self.start).as_secs_f64());
        println!(
            "{{\"asked\":{},\"answered\":{},\"failed\":{},\"seconds\":{seconds:.3},\"p50_ms\":{:.3},\"p99_ms\":{:.3},\
             \"p999_ms\":{:.3},\"max_ms\":{:.3}}}",
            self.total,
            micros.len(),
            found.failed,
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
        );
    }
}
