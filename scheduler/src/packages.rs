//! What published versions say, read once per version.

use std::{
    collections::{HashMap, VecDeque},
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
    /// Those whose skeletons were asked for last, the newest first.
    compiled: Arc<Mutex<CompiledVersions>>,
}

type CompiledVersions = VecDeque<(ContentHash, Arc<Compiled>)>;

const MOST_KEPT: usize = 256;
/// Ready to render, a version takes up some hundred KiB.
const MOST_COMPILED: usize = 16;

impl Packages {
    /// An empty cache in front of the book.
    pub fn new(store: Store) -> Self {
        Self { store, known: Arc::default(), compiled: Arc::default() }
    }

    /// What the version `hash` says.
    pub async fn get(&self, hash: &ContentHash) -> anyhow::Result<Arc<Package>> {
        if let Some(package) = self.known.lock().expect("no holder panics").get(hash) {
            return Ok(package.clone());
        }
        let package = Arc::new(self.read(hash).await?.package().clone());
        let mut known = self.known.lock().expect("no holder panics");
        if known.len() >= MOST_KEPT {
            known.clear();
        }
        known.insert(hash.clone(), package.clone());
        Ok(package)
    }

    /// The version `hash`, ready to render.
    pub async fn compiled(&self, hash: &ContentHash) -> anyhow::Result<Arc<Compiled>> {
        let kept = || self.compiled.lock().expect("no holder panics");
        if let Some((_, compiled)) = kept().iter().find(|(known, _)| known == hash) {
            return Ok(compiled.clone());
        }
        let compiled = Arc::new(self.read(hash).await?);
        let mut kept = kept();
        kept.push_front((hash.clone(), compiled.clone()));
        kept.truncate(MOST_COMPILED);
        Ok(compiled)
    }

    async fn read(&self, hash: &ContentHash) -> anyhow::Result<Compiled> {
        let blob = self
            .store
            .version_blob(hash)
            .await?
            .with_context(|| format!("the book has no package version {hash}"))?;
        Compiled::from_blob(&blob)
            .with_context(|| format!("package version {hash} in the book can't be read"))
    }
}
