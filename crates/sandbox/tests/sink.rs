//! The mail sink as a client sees it.

use std::{path::Path, time::Duration};

use sandbox::{
    LedgerLine, LedgerReader, Recipients, RecipientsOptions, RefusalRule, Sink, SinkOptions,
    SinkReady, SinkStats,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

const WITHIN: Duration = Duration::from_secs(20);

struct Running {
    ready: SinkReady,
    stop: oneshot::Sender<()>,
    task: JoinHandle<SinkStats>,
}

impl Running {
    async fn start(folder: &Path) -> Self {
        Self::start_with(SinkOptions::in_folder(folder.to_owned())).await
    }

    async fn start_with(options: SinkOptions) -> Self {
        let sink = Sink::bind(options).await.unwrap();
        let ready = sink.ready();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(async { sink.run(stopped).await.unwrap() });
        Self { ready, stop, task }
    }

    async fn stop(self) -> SinkStats {
        self.stop.send(()).unwrap();
        timeout(WITHIN, self.task).await.expect("it stops").unwrap()
    }

    async fn ledger(&self) -> Vec<LedgerLine> {
        LedgerReader::new(&self.ready.http).next().await.unwrap()
    }

    async fn get(&self, path: &str) -> (u16, reqwest::header::HeaderMap, String) {
        let answer = reqwest::get(format!("{}{path}", self.ready.http)).await.unwrap();
        (answer.status().as_u16(), answer.headers().clone(), answer.text().await.unwrap())
    }
}

/// A client that sends bytes as it likes.
struct Raw {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Raw {
    async fn connect(sink: &Running) -> Self {
        let stream = TcpStream::connect(&sink.ready.smtp).await.unwrap();
        let mut raw = Self { stream, seen: Vec::new() };
        raw.expect("220").await;
        raw
    }

    async fn greeted(sink: &Running) -> Self {
        let mut raw = Self::connect(sink).await;
        raw.send("EHLO client.example\r\n").await;
        raw.expect("250").await;
        raw
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next reply, all its lines; its code must be the one expected.
    async fn expect(&mut self, code: &str) -> String {
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

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.seen.iter().position(|byte| *byte == b'\n') {
                return Some(String::from_utf8(self.seen.drain(..=end).collect()).unwrap());
            }
            if self.stream.read_buf(&mut self.seen).await.unwrap() == 0 {
                return None;
            }
        }
    }

    async fn is_closed(&mut self) -> bool {
        timeout(WITHIN, self.line()).await.expect("an end").is_none()
    }

    async fn message(&mut self, to: &str, message: &str) {
        self.send(&format!("MAIL FROM:<news@example.com>\r\nRCPT TO:<{to}>\r\nDATA\r\n")).await;
        for code in ["250", "250", "354"] {
            self.expect(code).await;
        }
        self.send(message).await;
        self.expect("250 2.0.0").await;
    }
}

#[tokio::test]
async fn a_pipelined_client_is_answered_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Running::start(folder.path()).await;
    let mut raw = Raw::connect(&sink).await;
    raw.send("EHLO client.example\r\n").await;
    let offered = raw.expect("250").await;
    for extension in ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 26214400"]
    {
        assert!(offered.contains(extension), "{offered}");
    }
    raw.send(
        "MAIL FROM:<news@example.com> BODY=8BITMIME\r\nRCPT TO:<a@example.com>\r\n\
         RCPT TO:<gone.b@example.com>\r\nDATA\r\n",
    )
    .await;
    raw.expect("250 2.1.0").await;
    raw.expect("250 2.1.5").await;
    raw.expect("550 5.1.1").await;
    raw.expect("354").await;
    // The final dot and the next group in one write, as a fast client does.
    raw.send(
        "Message-ID: <one@example.com>\r\nSubject: x\r\n\r\n..dot\r\n.\r\n\
         MAIL FROM:<>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n",
    )
    .await;
    for code in ["250 2.0.0", "250 2.1.0", "250 2.1.5", "354"] {
        raw.expect(code).await;
    }
    raw.send("Message-ID: <two@example.com>\r\n\r\n.\r\nQUIT\r\n").await;
    raw.expect("250 2.0.0").await;
    raw.expect("221").await;
    assert!(raw.is_closed().await);

    let lines = sink.ledger().await;
    let shown: Vec<_> = lines
        .iter()
        .map(|line| (line.n, line.message_id.as_str(), line.rcpt.as_str(), line.answer.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (None, "", "gone.b@example.com", "550 5.1.1"),
            (Some(1), "one@example.com", "a@example.com", "250 2.0.0"),
            (Some(2), "two@example.com", "c@example.com", "250 2.0.0"),
        ]
    );
    let (status, _, raw_message) = sink.get("/m/1.eml").await;
    assert_eq!(
        (status, raw_message.as_str()),
        (200, "Message-ID: <one@example.com>\r\nSubject: x\r\n\r\n.dot\r\n")
    );
    let stats = sink.stop().await;
    assert_eq!((stats.accepted, stats.refused, stats.kept), (2, 1, 2));
}

#[tokio::test]
async fn a_duplicate_stands_in_the_ledger_and_what_is_not_kept_does_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SinkOptions::in_folder(folder.path().to_owned());
    options.keep = 1;
    let sink = Running::start_with(options.clone()).await;
    let mut raw = Raw::greeted(&sink).await;
    let message = "Message-ID: <same@example.com>\r\nSubject: s\r\n\r\nbody\r\n.\r\n";
    raw.message("a@example.com", message).await;
    raw.message("a@example.com", message).await;
    raw.message("b@example.com", message).await;
    assert_eq!(sink.ledger().await.iter().filter(|line| line.rcpt == "a@example.com").count(), 2);
    let (_, _, page) = sink.get("/").await;
    assert!(page.contains("The first 1 of 3 messages are kept"), "{page}");
    assert_eq!(sink.get("/m/2").await.0, 404);
    let stats = sink.stop().await;
    assert_eq!((stats.accepted, stats.duplicates, stats.kept), (3, 1, 1));

    // What an earlier run left is taken on.
    let sink = Running::start_with(options).await;
    assert_eq!(sink.ledger().await.len(), 3);
    let mut raw = Raw::greeted(&sink).await;
    raw.message("a@example.com", message).await;
    let stats = sink.stop().await;
    assert_eq!((stats.accepted, stats.duplicates, stats.kept), (4, 2, 1));
}

#[tokio::test]
async fn a_second_message_can_not_be_smuggled_in() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Running::start(folder.path()).await;
    for smuggled in
        ["x\n.\r\nMAIL FROM:<evil@example.com>\r\n", "x\r\n.\nNOOP\r\n", "x\r.\rNOOP\r\n"]
    {
        let mut raw = Raw::greeted(&sink).await;
        raw.send("MAIL FROM:<news@example.com>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n").await;
        for code in ["250", "250", "354"] {
            raw.expect(code).await;
        }
        raw.send(smuggled).await;
        raw.expect("550 5.5.2").await;
        assert!(raw.is_closed().await, "{smuggled:?}");
    }
    let mut raw = Raw::greeted(&sink).await;
    raw.send("MAIL FROM:<news@example.com>\r\nRCPT TO:<a@example.com>\r\nDATA\r\nSubject: early\r\n\r\n.\r\n").await;
    for code in ["250", "250", "554 5.5.0"] {
        raw.expect(code).await;
    }
    assert!(raw.is_closed().await);
    let mut raw = Raw::greeted(&sink).await;
    raw.send("NOOP\nQUIT\r\n").await;
    raw.expect("550 5.5.2").await;
    assert_eq!(sink.stop().await.accepted, 0);
}

#[tokio::test]
async fn sizes_orders_and_addresses_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SinkOptions::in_folder(folder.path().to_owned());
    options.max_message_bytes = 100;
    options.refuse = RefusalRule::nobody();
    let sink = Running::start_with(options).await;
    let mut raw = Raw::connect(&sink).await;
    raw.send("MAIL FROM:<a@example.com>\r\n").await;
    raw.expect("503").await;
    raw.send("EHLO x\r\nDATA\r\nMAIL FROM:<a@example.com> SIZE=101\r\nRCPT TO:<a@example.com>\r\n")
        .await;
    for code in ["250", "503", "552 5.3.4", "503"] {
        raw.expect(code).await;
    }
    raw.send("MAIL FROM:<a@example.com>\r\nRCPT TO:<δ@example.com>\r\nDATA\r\nRSET\r\n").await;
    for code in ["250", "553 5.6.7", "554 5.5.1", "250"] {
        raw.expect(code).await;
    }
    raw.send("MAIL FROM:<a@example.com> SMTPUTF8\r\nRCPT TO:<δ@example.com>\r\nRCPT TO:<gone.a@example.com>\r\nDATA\r\n")
        .await;
    for code in ["250", "250", "250", "354"] {
        raw.expect(code).await;
    }
    raw.send(&format!("{}\r\n.\r\n", "x".repeat(99))).await;
    raw.expect("552 5.3.4").await;
    raw.message("a@example.com", "Subject: small\r\n\r\n.\r\n").await;
    assert_eq!(sink.stop().await.accepted, 1);
}

#[tokio::test]
async fn pages_show_names_and_texts_and_run_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Running::start(folder.path()).await;
    let mut raw = Raw::greeted(&sink).await;
    raw.message(
        "a@example.com",
        "From: =?utf-8?B?5bGx55Sw?= <y@example.com>\r\nTo: \"A <script>\" <a@example.com>\r\n\
         Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_<b>?=\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         plain <i>text</i>\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
         <p>Hi</p><script>alert(1)</script>\r\n--x--\r\n.\r\n",
    )
    .await;
    let (_, headers, list) = sink.get("/").await;
    assert!(
        list.contains("Grüße &lt;b&gt;") && list.contains("山田 &lt;y@example.com&gt;"),
        "{list}"
    );
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    for (view, needle) in [
        ("", "<iframe sandbox class=\"screen phone\""),
        ("?view=desktop-dark", "src=\"/m/1/html?dark=true\""),
        ("?view=text", "plain &lt;i&gt;text&lt;/i&gt;"),
        ("?view=headers", "<td class=\"broken\">✗ no</td><td dir=\"auto\">not signed</td>"),
        ("?view=source", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_&lt;b&gt;?="),
    ] {
        let (status, _, page) = sink.get(&format!("/m/1{view}")).await;
        assert_eq!(status, 200, "{view}");
        assert!(page.contains(needle), "{view}: {page}");
        assert!(page.contains("<h1 dir=\"auto\">Grüße &lt;b&gt;</h1>"), "{view}: {page}");
        assert!(!page.contains("<script>"), "{view}: {page}");
    }
    assert_eq!(sink.get("/m/1?view=nothing").await.0, 400);
    let (_, headers, html) = sink.get("/m/1/html").await;
    assert!(html.contains("<p>Hi</p>"), "{html}");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("sandbox; default-src 'none'") && !policy.contains("script-src"),
        "{policy}"
    );
    for missing in ["/m/2", "/m/2.eml", "/m/x", "/m/..%2fledger.ndjson", "/m/2/html"] {
        assert_eq!(sink.get(missing).await.0, 404, "{missing}");
    }
    let stats: SinkStats = serde_json::from_str(&sink.get("/stats").await.2).unwrap();
    assert_eq!((stats.accepted, stats.connections_open), (1, 1));
    sink.stop().await;
}

#[tokio::test]
async fn recipients_answer_through_the_link_in_their_mail_and_no_other() {
    use axum::{Router, extract::State, http::Method, routing::any};
    use std::sync::{Arc, Mutex};
    type Calls = Arc<Mutex<Vec<(String, String, String)>>>;
    let calls = Calls::default();
    let portal =
        Router::new()
            .route(
                "/u/{token}",
                any(
                    |State(calls): State<Calls>,
                     method: Method,
                     uri: axum::http::Uri,
                     body: String| async move {
                        calls.lock().unwrap().push((
                            method.to_string(),
                            uri.path().to_owned(),
                            body,
                        ));
                    },
                ),
            )
            .with_state(Arc::clone(&calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, portal).await.unwrap() });

    let folder = tempfile::tempdir().unwrap();
    let sink = Running::start(folder.path()).await;
    let mut raw = Raw::greeted(&sink).await;
    for (number, url) in [
        (1, format!("{base}/u/1")),
        (2, format!("{base}9/u/2")),
        (3, "mailto:x@example.com".into()),
    ] {
        let message = format!(
            "Message-ID: <{number}@example.com>\r\nList-Unsubscribe: <{url}>\r\n\r\n.\r\n",
        );
        raw.message(&format!("r{number}@example.com"), &message).await;
    }
    let options = |unsubscribe_per_mille| RecipientsOptions {
        sink_http: sink.ready.http.clone(),
        allowed_base: base.clone(),
        seed: 1,
        unsubscribe_per_mille,
        scan_per_mille: 1_000,
    };
    let mut all_unsubscribe = Recipients::new(options(1_000)).unwrap();
    let answers = all_unsubscribe.answer().await.unwrap();
    assert_eq!((answers.unsubscribed, answers.scanned, answers.failed), (1, 0, 0));
    assert_eq!(all_unsubscribe.answer().await.unwrap().unsubscribed, 0, "a mail is answered once");
    let answers = Recipients::new(options(0)).unwrap().answer().await.unwrap();
    assert_eq!((answers.unsubscribed, answers.scanned), (0, 1));
    let post = ("POST".to_owned(), "/u/1".to_owned(), "List-Unsubscribe=One-Click".to_owned());
    let get = ("GET".to_owned(), "/u/1".to_owned(), String::new());
    assert_eq!(*calls.lock().unwrap(), [post, get]);
    sink.stop().await;
}
