//! Mail servers that are not ours, Postfix's `smtp-sink` and Python's `aiosmtpd`, and Python's mail
//! parser for what they took.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde::Deserialize;

use crate::wait::wait_for;

/// Debian's Python, whatever else is called `python3` on this machine: aiosmtpd is installed for it.
const PYTHON: &str = "/usr/bin/python3";
/// How long a server may take to listen.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);

/// A mail server as a child process; it ends with this value.
#[derive(Debug)]
pub struct MailPeer {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Drop for MailPeer {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A message as Python's mail parser understands it.
#[derive(Debug, Clone, Deserialize)]
pub struct ReadMail {
    /// Header values by name in lower case, each as often as it stands there.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The name before the From address.
    pub from_name: String,
    /// The From address.
    pub from_email: String,
    /// The name before the To address.
    pub to_name: String,
    /// The To address.
    pub to_email: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Of the whole message.
    pub content_type: String,
    /// What the parser had to overlook.
    pub defects: Vec<String>,
    /// In bytes, without the line end.
    pub longest_line: usize,
}

impl ReadMail {
    /// The value of a header that must be there exactly once.
    ///
    /// # Panics
    /// When it is not.
    pub fn header(&self, name: &str) -> &str {
        match self.headers.get(name).map(Vec::as_slice) {
            Some([value]) => value,
            other => panic!("{name} is there {other:?} in {:?}", self.headers),
        }
    }
}

impl MailPeer {
    /// Postfix's `smtp-sink`, which offers PIPELINING but not SMTPUTF8 and takes every address.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub async fn smtp_sink() -> Self {
        Self::smtp_sink_with(&[]).await
    }

    /// The same with flags, which may make it refuse or break off.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub async fn smtp_sink_with(flags: &[&str]) -> Self {
        let path = ["/usr/sbin/smtp-sink", "/usr/bin/smtp-sink"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("smtp-sink is missing: apt-get install -y postfix");
        let folder = tempfile::tempdir().expect("a temporary folder");
        // As root it wants a user to become, and that user writes.
        let user: &[&str] = if is_root() { &["-u", "nobody"] } else { &[] };
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))
            .expect("the folder is ours");
        let address = free_address();
        let template = format!("{}/%M.", folder.path().display());
        let child = Command::new(path)
            .args(user)
            .args(["-d", &template])
            .args(flags)
            .args([&address, "100"])
            .stdin(Stdio::null())
            .spawn()
            .expect("smtp-sink starts");
        let peer = Self { child, address, folder };
        wait_for(&format!("smtp-sink at {}", peer.address), LISTENS_WITHIN, || async {
            tokio::net::TcpStream::connect(&peer.address).await.ok()
        })
        .await;
        peer
    }

    /// Python's `aiosmtpd`, which offers SMTPUTF8 but no PIPELINING and refuses addresses that begin
    /// with `gone`.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn aiosmtpd() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new(PYTHON)
            .args(["-c", include_str!("../peers/aiosmtpd_sink.py")])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is missing: apt-get install -y python3");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it was asked for");
        BufReader::new(stdout).read_line(&mut line).expect("a pipe can be read");
        let port: u16 = line.trim().parse().unwrap_or_else(|_| {
            panic!("aiosmtpd did not start: apt-get install -y python3-aiosmtpd")
        });
        Self { child, address: format!("127.0.0.1:{port}"), folder }
    }

    /// Where it listens, `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Reads every message it has kept, with Python's parser. Returns how many there were.
    ///
    /// # Panics
    /// When the parser can't make sense of one at all.
    pub fn read_mail(&self, mut each: impl FnMut(ReadMail)) -> usize {
        let mut reader = Command::new(PYTHON)
            .args(["-c", include_str!("../peers/read_mail.py")])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is missing: apt-get install -y python3");
        let stdout = reader.stdout.take().expect("it was asked for");
        let mut count = 0;
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("a pipe can be read");
            each(serde_json::from_str(&line).expect("read_mail.py prints what ReadMail reads"));
            count += 1;
        }
        let ended = reader.wait().expect("a child can be waited for");
        assert!(ended.success(), "read_mail.py ended with {ended}");
        count
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").to_string()
}

fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().expect("id(1) is there");
    out.stdout == b"0\n"
}
