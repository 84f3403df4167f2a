//! `throughline all`: a whole fleet on one machine, to work with. Its data stay.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use process::{Config, Shutdown};
use toml::Table;

use super::{
    fleet::{Base, Fleet, Plan},
    is_redis_missing, settings,
    settings::Settings,
    tell_deaths,
};

/// Runs scheduler, portal, workers and a private Redis as one, with all data in one folder.
#[derive(Debug, Args)]
#[command(after_help = "Example: throughline all --data /var/lib/throughline --workers 4")]
pub struct Options {
    /// Where the book, the private Redis and the logs lie; made if it is missing.
    #[arg(long, value_name = "DIR", default_value = "throughline-data")]
    pub data: PathBuf,

    /// Worker processes.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub workers: u32,
}

/// Runs until Ctrl-C or SIGTERM. `file` is the configuration file, if there is one: relays, limits, tiers and
/// the portal's address come from it; the keys are made and kept in the data folder if it has none.
pub async fn run(options: Options, file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    // Everything that is wrong with the configuration is said before anything is started.
    let given = Config::load(file.as_deref(), process::config::environment())?;
    process::logging::init(&given.log)?;
    let asked = Shutdown::new();
    process::shutdown::watch_signals(asked.clone())?;
    let folder = settings::private_folder(&options.data)?;
    let settings = settings_of(&given, file.as_deref(), &folder)?;
    let base = match Base::start(&folder).await {
        Ok(base) => base,
        Err(error) if is_redis_missing(&error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(3));
        }
        Err(error) => return Err(error),
    };
    tell_deaths(&base.supervisor);
    let supervisor = base.supervisor.clone();
    let plan = Plan {
        folder: folder.clone(),
        settings,
        workers: options.workers,
        // A relay may take its time for the answer to a final dot; cutting it off is how mail arrives twice.
        stop_workers_within: given.worker.drain_time_limit.get() + Duration::from_secs(5),
    };
    let fleet = match Fleet::start(base, plan).await {
        Ok(fleet) => fleet,
        Err(error) => {
            supervisor.stop_all().await;
            return Err(error);
        }
    };
    for child in fleet.supervisor.children() {
        eprintln!("{:>9}  pid {}", child.name, child.pid);
    }
    eprintln!(
        "Runs, with everything in {}. Commands and more workers: throughline --config {} …",
        folder.display(),
        fleet.config_file.display()
    );
    let failed = tokio::select! {
        error = fleet.failed() => Some(error),
        () = asked.draining() => None,
    };
    fleet.stop().await;
    match failed {
        Some(error) => Err(error),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn settings_of(given: &Config, file: Option<&Path>, folder: &Path) -> anyhow::Result<Settings> {
    let mut settings = Settings::from_file(file)?;
    if given.book.url.expose() == Config::default().book.url.expose() {
        settings.set("book", "url", &format!("sqlite://{}", folder.join("book.sqlite").display()));
    }
    let keys = Keys::of(given, &folder.join("keys.toml"))?;
    if let Some((address_key, link_key)) = keys.made {
        settings.set("secrets", "address_key", &address_key);
        settings.set("secrets", "link_key", &link_key);
    }
    Ok(settings)
}

/// The keys of the installation, when the configuration has none: made once and kept.
struct Keys {
    made: Option<(String, String)>,
}

impl Keys {
    fn of(given: &Config, file: &Path) -> anyhow::Result<Self> {
        match (given.secrets.address_key.bytes(), given.secrets.link_key.bytes()) {
            (Some(_), Some(_)) => return Ok(Self { made: None }),
            (None, None) => {}
            _ => bail!(
                "secrets.address_key and secrets.link_key: give both, or neither to have them made"
            ),
        }
        if !file.exists() {
            let text = format!(
                "# Made by `throughline all`. Keep a copy with the backups of the book: without address_key every\n\
                 # suppression is lost, without link_key the links in mail that was sent stop working.\n\
                 address_key = \"{}\"\nlink_key = \"{}\"\n",
                settings::random_key(),
                settings::random_key()
            );
            settings::write_private(file, text.as_bytes())?;
        }
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("can't read {}", file.display()))?;
        let table: Table =
            text.parse().with_context(|| format!("can't read {}", file.display()))?;
        let key = |name: &str| {
            let value = table.get(name).and_then(|value| value.as_str()).map(str::to_owned);
            value.with_context(|| format!("{} has no {name}", file.display()))
        };
        Ok(Self { made: Some((key("address_key")?, key("link_key")?)) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.toml");
        let config = Config::default();
        let first = Keys::of(&config, &file).unwrap().made.unwrap();
        assert_eq!(Keys::of(&config, &file).unwrap().made.unwrap(), first);
        assert_ne!(first.0, first.1);
        assert_eq!(first.0.len(), 64);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);
    }

    #[test]
    fn keys_that_are_given_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.secrets.address_key = process::SecretKey::from_bytes([1; 32]);
        let file = folder.path().join("keys.toml");
        assert!(Keys::of(&config, &file).is_err(), "half of the keys is none");
        config.secrets.link_key = process::SecretKey::from_bytes([2; 32]);
        assert!(Keys::of(&config, &file).unwrap().made.is_none());
        assert!(!file.exists());
    }
}
