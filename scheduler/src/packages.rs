//! What published versions say, read once per version.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use anyhow::Context;
use domain::ContentHash;
use render::{Compiled, Package};
use store::Store;

/// Versions never change, so a cache of them is never stale. Emptied when it grows past a bound.
#[derive(Clone, Debug)]
pub struct Packages {
    store: Store,
    known: Arc<Mutex<HashMap<ContentHash, Arc<Package>>>>,
}

const MOST_KEPT: usize = 256;

impl Packages {
    /// An empty cache in front of the book.
    pub fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// What the version `hash` says.
    pub async fn get(&self, hash: &ContentHash) -> anyhow::Result<Arc<Package>> {
        if let Some(package) = self.known.lock().expect("no holder panics").get(hash) {
            return Ok(package.clone());
        }
        let blob = self
            .store
            .version_blob(hash)
            .await?
            .with_context(|| format!("the book has no package version {hash}"))?;
        let compiled = Compiled::from_blob(&blob)
            .with_context(|| format!("package version {hash} in the book can't be read"))?;
        let package = Arc::new(compiled.package().clone());
        let mut known = self.known.lock().expect("no holder panics");
        if known.len() >= MOST_KEPT {
            known.clear();
        }
        known.insert(hash.clone(), package.clone());
        Ok(package)
    }
}
