//! A sink that runs, and a client of it.

use std::{path::Path, time::Duration};

use sandbox::{LedgerLine, LedgerReader, Sink, SinkOptions, SinkReady, SinkStats};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

pub const WITHIN: Duration = Duration::from_secs(20);

pub struct Running {
    pub ready: SinkReady,
    pub stop: oneshot::Sender<()>,
    pub task: JoinHandle<SinkStats>,
}

impl Running {
    pub async fn start(folder: &Path) -> Self {
        Self::start_with(SinkOptions::in_folder(folder.to_owned())).await
    }

    pub async fn start_with(options: SinkOptions) -> Self {
        let sink = Sink::bind(options).await.unwrap();
        let ready = sink.ready();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(async { sink.run(stopped).await.unwrap() });
        Self { ready, stop, task }
    }

    pub async fn stop(self) -> SinkStats {
        self.stop.send(()).unwrap();
        timeout(WITHIN, self.task).await.expect("it stops").unwrap()
    }

    pub async fn ledger(&self) -> Vec<LedgerLine> {
        LedgerReader::new(&self.ready.http).next().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> (u16, reqwest::header::HeaderMap, String) {
        let answer = reqwest::get(format!("{}{path}", self.ready.http)).await.unwrap();
        (answer.status().as_u16(), answer.headers().clone(), answer.text().await.unwrap())
    }
}

/// A client that sends bytes as it likes.
pub struct Raw {
    pub stream: TcpStream,
    pub seen: Vec<u8>,
}

impl Raw {
    pub async fn connect(sink: &Running) -> Self {
        let stream = TcpStream::connect(&sink.ready.smtp).await.unwrap();
        let mut raw = Self { stream, seen: Vec::new() };
        raw.expect("220").await;
        raw
    }

    pub async fn greeted(sink: &Running) -> Self {
        let mut raw = Self::connect(sink).await;
        raw.send("EHLO client.example\r\n").await;
        raw.expect("250").await;
        raw
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next reply, all its lines; its code must be the one expected.
    pub async fn expect(&mut self, code: &str) -> String {
        let mut reply = String::new();
        loop {
            let line = timeout(WITHIN, self.line())
                .await
                .expect("a reply")
                .expect("the connection is open");
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                assert!(reply.starts_with(code), "wanted {code}, got {reply}");
                return reply;
            }
        }
    }

    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.seen.iter().position(|byte| *byte == b'\n') {
                return Some(String::from_utf8(self.seen.drain(..=end).collect()).unwrap());
            }
            if self.stream.read_buf(&mut self.seen).await.unwrap() == 0 {
                return None;
            }
        }
    }

    pub async fn is_closed(&mut self) -> bool {
        timeout(WITHIN, self.line()).await.expect("an end").is_none()
    }

    pub async fn message(&mut self, to: &str, message: &str) {
        self.send(&format!("MAIL FROM:<news@example.com>\r\nRCPT TO:<{to}>\r\nDATA\r\n")).await;
        for code in ["250", "250", "354"] {
            self.expect(code).await;
        }
        self.send(message).await;
        self.expect("250 2.0.0").await;
    }
}
