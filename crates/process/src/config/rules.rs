//! The rules that tell people from programs, from the program or from a folder.

use std::{
    io,
    path::{Path, PathBuf},
};

use domain::engagement::{NETWORKS, Rules, RulesError, USER_AGENTS};
use thiserror::Error;

use super::Tracking;

/// The lists of `tracking.rules` can't be used.
#[derive(Debug, Error)]
pub enum UnreadableRules {
    /// A file is there and can't be read.
    #[error("tracking.rules: {path} can't be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is no rule.
    #[error("tracking.rules")]
    Line(#[source] RulesError),
    /// The folder has neither list: most likely it is another one.
    #[error("tracking.rules: {0} has neither user_agents.txt nor networks.txt")]
    Nothing(PathBuf),
}

impl Tracking {
    /// The rules in force: a list in the folder goes before the one of the program.
    ///
    /// # Errors
    /// The folder has neither list, one can't be read, or a line of it is no rule.
    pub fn rules(&self) -> Result<Rules, UnreadableRules> {
        let folder = &self.rules;
        if folder.as_os_str().is_empty() {
            return Ok(Rules::built_in());
        }
        let agents = read(&folder.join("user_agents.txt"))?;
        let networks = read(&folder.join("networks.txt"))?;
        if agents.is_none() && networks.is_none() {
            return Err(UnreadableRules::Nothing(folder.clone()));
        }
        let agents = agents.as_deref().unwrap_or(USER_AGENTS);
        let networks = networks.as_deref().unwrap_or(NETWORKS);
        Rules::read(agents, networks).map_err(UnreadableRules::Line)
    }
}

fn read(path: &Path) -> Result<Option<String>, UnreadableRules> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(UnreadableRules::File { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn a_list_in_the_folder_goes_before_the_program_s() {
        let folder = tempfile::tempdir().unwrap();
        let mut tracking = Config::default().tracking;
        let built_in = tracking.rules().unwrap().version().to_owned();
        tracking.rules = folder.path().to_owned();
        assert!(matches!(tracking.rules(), Err(UnreadableRules::Nothing(_))));
        std::fs::write(folder.path().join("networks.txt"), NETWORKS).unwrap();
        assert_eq!(tracking.rules().unwrap().version(), built_in);
        std::fs::write(folder.path().join("user_agents.txt"), "scanner x any curl").unwrap();
        assert_ne!(tracking.rules().unwrap().version(), built_in);
        std::fs::write(folder.path().join("user_agents.txt"), "curl").unwrap();
        assert!(matches!(tracking.rules(), Err(UnreadableRules::Line(_))));
    }
}
