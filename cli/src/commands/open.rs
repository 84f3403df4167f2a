//! From the command line to a configuration, and from that to a program.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use process::{Config, SystemClock};
use program::{Parts, Program};
use render::SharedTemplates;

use crate::roles::start;

/// Where a configuration is looked for when none is named.
const USUAL_FILES: [&str; 2] = ["config/throughline.toml", "throughline.toml"];

/// The configuration a command was given.
#[derive(Debug)]
pub struct Settings {
    file: Option<PathBuf>,
}

impl Settings {
    pub fn new(named: Option<PathBuf>) -> Self {
        let usual = || USUAL_FILES.iter().map(PathBuf::from).find(|file| file.is_file());
        Self { file: named.or_else(usual) }
    }

    /// The file; `None` when the defaults and the environment are all there is.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Defaults, file and environment.
    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.file(), process::config::environment())?)
    }

    /// The same for a role, whose log begins.
    pub fn for_role(&self) -> anyhow::Result<Config> {
        let config = self.load()?;
        process::logging::init(&config.log)?;
        Ok(config)
    }

    /// The program, with the belt as it can be reached when it is needed.
    pub async fn program(&self) -> anyhow::Result<Program> {
        let mut config = self.load()?;
        // A command answers on standard output; what a role logs in passing would only be in the way.
        if config.log.filter == Config::default().log.filter {
            config.log.filter = "warn".to_owned();
        }
        process::logging::init(&config.log)?;
        let store = start::book(&config).await?;
        let belt = start::belt(&config).await?;
        program(&config, store, Some(belt))
    }
}

/// A program from a configuration, an open book and a handle on the belt.
pub fn program(
    config: &Config,
    store: store::Store,
    belt: Option<belt::Belt>,
) -> anyhow::Result<Program> {
    Ok(Program::new(Parts {
        store,
        belt,
        clock: Arc::new(SystemClock),
        hash_key: config.secrets.address_key()?,
        link_key: config.secrets.link_key()?,
        tiers: config.tiers.clone(),
        templates: shared_templates(config)?,
        public_url: config.portal.public_url.as_str().to_owned(),
        message_id_domain: config.sending.message_id_domain.clone(),
        list_domain: config.sending.list_domain.clone(),
    }))
}

/// The layouts and partials in force: those in the program, and those of the installation's own folder.
pub fn shared_templates(config: &Config) -> anyhow::Result<SharedTemplates> {
    let embedded = SharedTemplates::embedded();
    let folder = &config.templates.folder;
    if folder.as_os_str().is_empty() {
        return Ok(embedded);
    }
    embedded.with_folder(folder).context("templates.folder")
}
