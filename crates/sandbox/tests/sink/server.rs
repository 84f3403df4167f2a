//! The mail sink as a client sees it.

use sandbox::{RefusalRule, SinkOptions, SinkStats};

use crate::stage::{Raw, Running};

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
