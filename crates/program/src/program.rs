//! The program: everything a command needs.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use belt::Belt;
use domain::{ContentHash, HashKey, UtcMillis, tier::Tiers, time::Clock, token::LinkKey};
use render::{Compiled, SharedTemplates};
use serde::Serialize;
use store::Store;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// How long a command waits for the belt before it answers without it: what the belt was to be told
/// is in the book by then, and a user waits.
const BELT_PATIENCE: Duration = Duration::from_secs(2);

/// What a program is built from.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The book.
    pub store: Store,
    /// The belt; without it, commands act on the book alone and say so.
    pub belt: Option<Belt>,
    /// Stamps imports, audit rows and suppressions.
    pub clock: Arc<dyn Clock>,
    /// Hashes addresses.
    pub hash_key: HashKey,
    /// Opens the tokens in links.
    pub link_key: LinkKey,
    /// The tiers there are.
    pub tiers: Tiers,
    /// Layouts and partials that packages share.
    pub templates: SharedTemplates,
    /// Where the portal is reached from outside, without a slash at the end.
    pub public_url: String,
    /// The domain of Message-IDs.
    pub message_id_domain: String,
    /// The domain under which List-IDs are made.
    pub list_domain: String,
}

/// Newest first.
type CompiledVersions = VecDeque<(ContentHash, Arc<Compiled>)>;

/// What a user may ask for. Cheap to clone.
#[derive(Clone)]
pub struct Program {
    pub(crate) parts: Arc<Parts>,
    pub(crate) launches: Arc<Semaphore>,
    compiled: Arc<Mutex<CompiledVersions>>,
}

/// Launches at work at once. A crowd that clicks at the same moment waits here, as long as it takes,
/// and not for a connection to the book, which has a time limit.
const LAUNCHES_AT_ONCE: usize = 8;

/// Compiled package versions that are kept: a version never changes, and compiling takes milliseconds.
const COMPILED_KEPT: usize = 8;

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("public_url", &self.parts.public_url)
            .finish_non_exhaustive()
    }
}

/// Whether the belt knows already. Either way the book does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BeltTold {
    /// The belt knows: nothing starts against it from now on.
    Told,
    /// The belt could not be told. It learns it from the book before it hands out anything again.
    BeforeAnythingIsSent,
}

impl fmt::Display for BeltTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Told => "in effect now",
            Self::BeforeAnythingIsSent => "takes effect before anything is sent",
        })
    }
}

impl Program {
    /// Puts a program together.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            launches: Arc::new(Semaphore::new(LAUNCHES_AT_ONCE)),
            compiled: Arc::default(),
        }
    }

    /// A package version, ready to render.
    pub(crate) async fn compiled(&self, hash: &ContentHash) -> Result<Arc<Compiled>> {
        let kept = || self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, compiled)) = kept().iter().find(|(known, _)| known == hash) {
            return Ok(compiled.clone());
        }
        let blob = self
            .store()
            .version_blob(hash)
            .await
            .map_err(Error::book("read the package version"))?
            .ok_or_else(|| Error::not_found("package version", hash))?;
        let compiled = Compiled::from_blob(&blob).map_err(|source| Error::Internal {
            doing: "read the published package",
            source: Box::new(source),
        })?;
        let compiled = Arc::new(compiled);
        let mut kept = kept();
        kept.truncate(COMPILED_KEPT - 1);
        kept.push_front((hash.clone(), compiled.clone()));
        Ok(compiled)
    }

    /// Where the portal is reached from outside, without a slash at the end.
    pub fn public_url(&self) -> &str {
        &self.parts.public_url
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    pub(crate) fn now(&self) -> UtcMillis {
        self.parts.clock.now()
    }

    /// Campaign time: the belt's, or as near as the book and this machine's clock come without it.
    pub(crate) async fn campaign_now(&self) -> Result<UtcMillis> {
        if let Some(belt) = &self.parts.belt
            && let Ok(Ok(clock)) = tokio::time::timeout(BELT_PATIENCE, belt.clock()).await
        {
            return Ok(clock.campaign);
        }
        let offset =
            self.store().campaign_offset().await.map_err(Error::book("read the campaign clock"))?;
        Ok(UtcMillis::new(self.now().get().saturating_add(offset)))
    }

    /// Tells the belt something that is in the book already.
    pub(crate) async fn tell_belt<F, Fut>(&self, what: &'static str, tell: F) -> BeltTold
    where
        F: FnOnce(Belt) -> Fut,
        Fut: Future<Output = belt::Result<()>>,
    {
        let Some(belt) = self.parts.belt.clone() else {
            return BeltTold::BeforeAnythingIsSent;
        };
        match tokio::time::timeout(BELT_PATIENCE, tell(belt)).await {
            Ok(Ok(())) => BeltTold::Told,
            Ok(Err(error)) => {
                tracing::warn!(
                    belt.told = what,
                    error = &error as &dyn std::error::Error,
                    "belt not told"
                );
                BeltTold::BeforeAnythingIsSent
            }
            Err(_) => {
                tracing::warn!(belt.told = what, "belt not told: no answer in time");
                BeltTold::BeforeAnythingIsSent
            }
        }
    }

    /// Asks the belt something that can be answered without it; `None` when it can't be asked in time.
    pub(crate) async fn ask_belt<T, F, Fut>(&self, ask: F) -> Option<T>
    where
        F: FnOnce(Belt) -> Fut,
        Fut: Future<Output = belt::Result<T>>,
    {
        let belt = self.parts.belt.clone()?;
        tokio::time::timeout(BELT_PATIENCE, ask(belt)).await.ok()?.ok()
    }

    /// Wakes a loop of the scheduler. It wakes by itself soon enough, so a bell nobody hears is fine.
    pub(crate) async fn ring(&self, bell: &'static str) -> bool {
        let told = self.tell_belt(bell, |belt| async move { belt.ring(bell).await }).await;
        told == BeltTold::Told
    }
}
