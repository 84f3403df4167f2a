//! A machine on which the binary is used: a folder, a configuration, a Redis.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use testkit::TestRedis;

pub struct Machine {
    folder: tempfile::TempDir,
    pub redis: TestRedis,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The one JSON document on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Machine {
    /// With keys, a book that does not exist yet, and a Redis of its own.
    pub fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap(), redis: TestRedis::start() };
        let config = format!(
            "[book]\nurl = \"sqlite://{}\"\n[redis]\nurl = \"{}\"\n[secrets]\naddress_key = \"{}\"\nlink_key = \"{}\"\n",
            machine.path("book.sqlite").display(),
            machine.redis.url(),
            "1".repeat(64),
            "2".repeat(64),
        );
        machine.file("throughline.toml", &config);
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs the binary in the machine's folder, where it finds `throughline.toml` by itself.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(self.folder.path(), arguments)
    }

    /// Runs it and asserts that it came to an answer.
    pub fn ok(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended
    }
}

/// Runs the binary in a folder.
pub fn run(folder: &Path, arguments: &[&str]) -> Ended {
    run_with(folder, arguments, &[])
}

/// The same with an environment; there is nothing in it but this.
pub fn run_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_throughline"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: status.code().expect("no signal ended it"),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

/// A partner's row, right in every column.
pub const PARTNERS: &str = "\
partner_key,company_name,tier,from_email,web_site,postal_address
acme,Acme Ltd,Gold,mail@acme.example,https://acme.example,Main Street 1 | 1010 Vienna
beta,Beta & Söhne,Silver,mail@beta.example,https://beta.example,Side Street 2 | 1020 Vienna
";

/// The folder of the sample package.
pub fn sample_package() -> String {
    format!("{}/../campaigns/product-launch", env!("CARGO_MANIFEST_DIR"))
}
