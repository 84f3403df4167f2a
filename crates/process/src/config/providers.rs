//! Whose mailbox an address is: the rules of the program or of a folder.

use std::{io, path::PathBuf};

use domain::provider::{Providers, ProvidersError};
use thiserror::Error;

use super::Limits;

/// The file in `limits.providers_folder` can't be used.
#[derive(Debug, Error)]
pub enum UnreadableProviders {
    /// It can't be read, or is not there.
    #[error("limits.providers_folder: {path} can't be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is no rule.
    #[error("limits.providers_folder: {path}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, and what was expected.
        #[source]
        source: ProvidersError,
    },
}

impl Limits {
    /// Which provider has which addresses.
    ///
    /// # Errors
    /// The folder's `providers.txt` can't be read, or a line of it is no rule.
    pub fn providers(&self) -> Result<Providers, UnreadableProviders> {
        if self.providers_folder.as_os_str().is_empty() {
            return Ok(Providers::built_in());
        }
        let path = self.providers_folder.join("providers.txt");
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                Providers::read(&text).map_err(|source| UnreadableProviders::Line { path, source })
            }
            Err(source) => Err(UnreadableProviders::File { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn the_folder_s_list_goes_in_the_place_of_the_program_s() {
        let folder = tempfile::tempdir().unwrap();
        let mut limits = Config::default().limits;
        assert_eq!(limits.providers().unwrap().of_address("a@gmail.com"), "gmail");
        limits.providers_folder = folder.path().to_owned();
        assert!(matches!(limits.providers(), Err(UnreadableProviders::File { .. })));
        let file = folder.path().join("providers.txt");
        std::fs::write(&file, "ours domain northwind.example\n").unwrap();
        let providers = limits.providers().unwrap();
        assert_eq!(providers.of_address("a@northwind.example"), "ours");
        assert_eq!(providers.of_address("a@gmail.com"), "other");
        std::fs::write(&file, "ours\n").unwrap();
        assert!(matches!(limits.providers(), Err(UnreadableProviders::Line { .. })));
    }
}
