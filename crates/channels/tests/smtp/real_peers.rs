//! Servers that are not ours: Postfix's smtp-sink and Python's aiosmtpd, read with Python's parser.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use channels::smtp::{AlwaysGo, MailParts, RelayConfig, Relays, build};
use testkit::wait::wait_for;

use super::harness::parts;

/// A child process that ends with the test.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command, install: &str) -> Peer {
    let name = command.get_program().to_owned();
    let child = command.stdin(Stdio::null()).spawn();
    Peer(child.unwrap_or_else(|error| panic!("{name:?} can't be started ({error}): {install}")))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

async fn listening(address: &str) {
    wait_for(&format!("something to listen on {address}"), Duration::from_secs(20), || async {
        tokio::net::TcpStream::connect(address).await.ok()
    })
    .await;
}

fn smtp_sink(flags: &[&str], port: u16) -> Peer {
    let path = ["/usr/sbin/smtp-sink", "/usr/bin/smtp-sink"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("smtp-sink is missing: apt-get install -y postfix");
    // As root it wants a user to become.
    let user: &[&str] = if is_root() { &["-u", "nobody"] } else { &[] };
    let mut command = Command::new(path);
    command.args(user).args(flags).arg(format!("127.0.0.1:{port}")).arg("100");
    start(&mut command, "apt-get install -y postfix")
}

fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().expect("id(1) is there");
    out.stdout == b"0\n"
}

/// Names and subjects of many scripts, and bodies with what trips encoders.
fn sample(n: usize) -> (String, String, String) {
    let names =
        ["Jürgen Müller", "O'Brien & Sons, \"Ltd.\"", "山田 太郎", "عائلة", "", "=?utf-8?q?x?="];
    let name = names[n % names.len()].to_owned();
    let subject =
        format!("{n}: 50 % off – für Sie, 太郎 {}", "long ".repeat(n % 40)).trim_end().to_owned();
    let text = format!("Hello {name},\n.\n..\nFrom here = there\n{}\n", "ü".repeat(n % 300));
    (name, subject, text)
}

async fn send_samples(relays: &Relays, count: usize) {
    let sends = (0..count).map(|n| {
        let relays = relays.clone();
        tokio::spawn(async move {
            let (name, subject, text) = sample(n);
            let id = format!("snd_{n}@mail.example");
            let html = format!("<p>{text}</p>");
            let parts = MailParts {
                from_name: &name,
                to_name: &name,
                list_id_name: &name,
                subject: &subject,
                text: &text,
                html: &html,
                message_id: &id,
                ..parts()
            };
            let outcome = relays.transmit("main", &build(&parts).unwrap(), &AlwaysGo).await;
            assert_eq!(outcome.label(), "done", "{n}: {outcome:?}");
        })
    });
    for send in sends.collect::<Vec<_>>() {
        send.await.unwrap();
    }
}

/// Reads every message of a folder with Python's parser: one line a message, fields in hex so that
/// nothing is changed on the way.
const READ: &str = r#"
import email, email.policy, os, sys
folder, skip = sys.argv[1], sys.argv[2] == "skip-envelope"
hexed = lambda text: text.encode("utf-8").hex()
for name in os.listdir(folder):
    data = open(os.path.join(folder, name), "rb").read()
    if skip:
        # smtp-sink writes X-Client-*, X-Mail-Args, X-Rcpt-Args and Received before the message.
        data = data[data.index(b"From: "):]
        # It stores lines with LF.
        data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").rstrip(b"\r\n") + b"\r\n"
    m = email.message_from_bytes(data, policy=email.policy.SMTP)
    assert not m.defects, (name, m.defects)
    sender, to = m["From"].addresses[0], m["To"].addresses[0]
    body = lambda kind: m.get_body((kind,)).get_content().replace("\r\n", "\n")
    fields = [m["Message-ID"], sender.display_name, sender.addr_spec, to.display_name, to.addr_spec,
        m["Subject"], m["List-Unsubscribe"], m["List-Unsubscribe-Post"], m["Reply-To"],
        body("plain"), body("html"), ",".join(sorted(m.keys()))]
    print(" ".join(hexed(str(f)) for f in fields))
"#;

fn unhex(hex: &str) -> String {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    String::from_utf8(hex.as_bytes().chunks(2).map(byte).collect()).unwrap()
}

fn check_with_python(folder: &Path, mode: &str, count: usize) {
    let out = Command::new("/usr/bin/python3").args(["-c", READ]).arg(folder).arg(mode).output();
    let out = out.expect("python3 is missing: apt-get install -y python3");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let out = String::from_utf8(out.stdout).unwrap();
    let mut got: Vec<Vec<String>> =
        out.lines().map(|line| line.split(' ').map(unhex).collect()).collect();
    got.sort();
    let mut want: Vec<Vec<String>> = (0..count)
        .map(|n| {
            let (name, subject, text) = sample(n);
            let headers = "Content-Type,Date,From,List-ID,List-Unsubscribe,List-Unsubscribe-Post,\
                MIME-Version,Message-ID,Reply-To,Subject,To";
            vec![
                format!("<snd_{n}@mail.example>"),
                name.clone(),
                "news@nordwind.example".to_owned(),
                name,
                "anna@example.com".to_owned(),
                subject,
                "<https://t.example/u/abc>".to_owned(),
                "List-Unsubscribe=One-Click".to_owned(),
                "sales@nordwind.example".to_owned(),
                text.clone(),
                format!("<p>{text}</p>"),
                headers.to_owned(),
            ]
        })
        .collect();
    want.sort();
    assert_eq!(got.len(), want.len(), "messages read");
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got, want);
    }
}

fn relays_at(port: u16, connections: usize) -> Relays {
    let mut config = RelayConfig::new("main", format!("127.0.0.1:{port}"));
    config.max_connections = connections;
    config.messages_per_connection = 20;
    Relays::new([config]).unwrap()
}

#[tokio::test]
async fn smtp_sink_gets_every_message_once_and_python_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("mail");
    fs::create_dir(&dump).unwrap();
    for path in [folder.path(), &dump] {
        // The sink writes as another user.
        let status = Command::new("chmod").arg("777").arg(path).status().unwrap();
        assert!(status.success());
    }
    let port = free_port();
    let template = format!("{}/%M.", dump.display());
    let _sink = smtp_sink(&["-d", &template], port);
    listening(&format!("127.0.0.1:{port}")).await;
    let relays = relays_at(port, 10);
    send_samples(&relays, 200).await;
    relays.drain(Duration::from_secs(10)).await;
    check_with_python(&dump, "skip-envelope", 200);
}

#[tokio::test]
async fn smtp_sink_refusals_are_read_as_what_they_are() {
    let cases: [(&[&str], &str); 6] = [
        (&["-B", "550 5.1.1 no such user", "-f", "RCPT"], "permanent"),
        (&["-b", "451 4.7.1 greylisted", "-r", "RCPT"], "transient"),
        (&["-f", "."], "permanent"),
        (&["-r", "."], "transient"),
        (&["-q", "."], "unknown"),
        (&["-Q", "CONNECT"], "not_now"),
    ];
    for (flags, label) in cases {
        let port = free_port();
        let _sink = smtp_sink(flags, port);
        listening(&format!("127.0.0.1:{port}")).await;
        let relays = relays_at(port, 2);
        let outcome = relays.transmit("main", &build(&parts()).unwrap(), &AlwaysGo).await;
        assert_eq!(outcome.label(), label, "{flags:?}: {outcome:?}");
    }
}

const AIOSMTPD: &str = r#"
import os, sys, time
from aiosmtpd.controller import Controller
folder, count = sys.argv[1], 0
class Handler:
    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        with open(os.path.join(folder, str(count)), "wb") as f:
            f.write(envelope.content)
        return "250 2.0.0 taken"
c = Controller(Handler(), hostname="127.0.0.1", port=int(sys.argv[2]))
c.start()
print("ready", flush=True)
while True: time.sleep(60)
"#;

#[tokio::test]
async fn aiosmtpd_without_pipelining_gets_every_message_once_and_python_reads_it() {
    let install = "apt-get install -y python3-aiosmtpd";
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", AIOSMTPD]).arg(folder.path()).arg(port.to_string()).stdout(Stdio::piped());
    let mut server = start(&mut command, install);
    let mut line = String::new();
    let stdout = server.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "aiosmtpd did not start: {install}");
    let relays = relays_at(port, 5);
    send_samples(&relays, 100).await;
    relays.drain(Duration::from_secs(10)).await;
    check_with_python(folder.path(), "as-it-is", 100);
}
