//! The configuration that `demo` and `all` run with: a file that only its owner can read, because the private
//! Redis' password and the keys stand in it. The children get it with `--config`, and so can a person.

use std::{
    ffi::OsString,
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use process::Config;
use toml::{Table, Value};

/// Connections of one worker to the relay: as many as it has hands.
const RELAY_CONNECTIONS: i64 = 25;

/// Makes a folder that only its owner can read.
pub fn private_folder(path: &Path) -> anyhow::Result<PathBuf> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| path.canonicalize())
        .with_context(|| format!("can't make the folder {}", path.display()))
}

/// Values laid over a configuration file.
#[derive(Debug)]
pub struct Settings {
    table: Table,
    /// What was set here, as variables: in the environment they win over the file and over what we were
    /// started with.
    variables: Vec<(String, String)>,
    inherit: bool,
}

impl Settings {
    /// Nothing yet; what our environment says about settings is left out of account.
    pub fn alone() -> Self {
        Self { table: Table::new(), variables: Vec::new(), inherit: false }
    }

    /// What stands in `file`, if there is one, and in our environment.
    pub fn from_file(file: Option<&Path>) -> anyhow::Result<Self> {
        let table = match file {
            Some(file) => {
                let text = fs::read_to_string(file);
                let text = text.with_context(|| format!("can't read {}", file.display()))?;
                text.parse().with_context(|| format!("can't read {}", file.display()))?
            }
            None => Table::new(),
        };
        Ok(Self { table, variables: Vec::new(), inherit: true })
    }

    /// Sets a key, over whatever it was.
    pub fn set(&mut self, section: &str, key: &str, value: &str) {
        let name = format!("THROUGHLINE__{section}__{key}").to_uppercase();
        self.variables.push((name, value.to_owned()));
        let section = self.table.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(section) = section {
            section.insert(key.to_owned(), value.into());
        }
    }

    /// Sets the relay that all mail goes through.
    pub fn set_relay(&mut self, name: &str, address: &str) {
        let relay = Table::from_iter([
            ("name".to_owned(), Value::from(name)),
            ("address".to_owned(), Value::from(address)),
            ("max_connections".to_owned(), Value::from(RELAY_CONNECTIONS)),
        ]);
        self.table.insert("relay".to_owned(), Value::Array(vec![Value::Table(relay)]));
    }

    /// Writes the file and reads it back as a role does that is started with it and with
    /// [`Settings::child_environment`].
    pub fn write(&self, path: &Path) -> anyhow::Result<Config> {
        let text = toml::to_string(&self.table).context("can't write the configuration")?;
        write_private(path, text.as_bytes())?;
        let mut environment: Vec<(String, String)> = Vec::new();
        if self.inherit {
            environment.extend(process::config::environment());
            environment.retain(|(name, _)| !self.variables.iter().any(|(ours, _)| ours == name));
            environment.extend(self.variables.iter().cloned());
        }
        Ok(Config::load(Some(path), environment)?)
    }

    /// What a child's environment has more than ours, and what it has not.
    pub fn child_environment(&self) -> (Vec<(OsString, OsString)>, Vec<OsString>) {
        if self.inherit {
            let more = self.variables.iter().map(|(name, value)| (name.into(), value.into()));
            return (more.collect(), Vec::new());
        }
        let settings = process::config::environment().map(|(name, _)| OsString::from(name));
        (
            Vec::new(),
            settings.filter(|name| name.to_string_lossy().starts_with("THROUGHLINE__")).collect(),
        )
    }
}

/// Writes a file that only its owner can read.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let open =
        || fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    open()
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("can't write {}", path.display()))
}

/// 64 random hex digits, as the keys of an installation are written.
pub fn random_key() -> String {
    sandbox::random_hex(32)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_set_is_what_a_role_reads_and_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("throughline.toml");
        let mut settings = Settings::alone();
        settings.set("redis", "url", "redis://:secret@127.0.0.1:7/0");
        settings.set("secrets", "link_key", &random_key());
        settings.set_relay("sink", "127.0.0.1:2525");
        let config = settings.write(&path).unwrap();
        assert_eq!(config.redis.url.expose(), "redis://:secret@127.0.0.1:7/0");
        assert!(config.secrets.link_key().is_ok());
        assert_eq!(config.relays.len(), 1);
        assert_eq!(config.relays[0].address.to_string(), "127.0.0.1:2525");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    }

    #[test]
    fn a_file_is_kept_but_for_what_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, written) =
            (folder.path().join("mine.toml"), folder.path().join("throughline.toml"));
        fs::write(&mine, "[redis]\nurl = \"redis://elsewhere\"\noutcomes_bound = 5_000\n").unwrap();
        let mut settings = Settings::from_file(Some(&mine)).unwrap();
        settings.set("redis", "url", "redis://127.0.0.1:7");
        let config = settings.write(&written).unwrap();
        assert_eq!(config.redis.url.expose(), "redis://127.0.0.1:7");
        assert_eq!(config.redis.outcomes_bound, 5_000);
        let (more, without) = settings.child_environment();
        assert_eq!(more, [("THROUGHLINE__REDIS__URL".into(), "redis://127.0.0.1:7".into())]);
        assert!(without.is_empty());
    }
}
