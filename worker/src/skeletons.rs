//! What is prepared once and used for many messages: compiled versions and partner skeletons.

use std::sync::Arc;

use belt::Shelf;
use domain::{ContentHash, PartnerShelf, SendEmail, StepKey, TargetsId, job};
use render::{Compiled, RenderError, Skeleton};

use crate::once::OnceMap;

/// Why a job's message can't be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It is not on the shelf (yet, or any more).
    #[error("{0} is not on the shelf")]
    ShelfMiss(ContentHash),
    /// The belt could not be asked.
    #[error("the shelf can't be read")]
    Belt(#[source] belt::Error),
    /// A shelf item is not what its writer promises.
    #[error("shelf item {0} can't be read")]
    Unreadable(ContentHash),
    /// Version, profile and slots don't make a message: the same every time.
    #[error("the message can't be prepared")]
    Render(#[source] RenderError),
}

/// A partner's part of one step, ready for every person.
#[derive(Debug)]
pub struct Prepared {
    /// Everything but the merge fields.
    pub skeleton: Skeleton,
    /// The name of the list of its links.
    pub targets: TargetsId,
    /// The partner it is for.
    pub partner: Arc<PartnerShelf>,
}

/// Version, profile, step, occurrence, and the language the person is known to read.
type PreparedKey = (ContentHash, ContentHash, StepKey, u32, String);

/// The caches of one worker process. Keys are content hashes, so nothing in them is ever stale.
#[derive(Debug)]
pub struct Skeletons {
    public_url: String,
    versions: OnceMap<ContentHash, Compiled>,
    partners: OnceMap<ContentHash, PartnerShelf>,
    prepared: OnceMap<PreparedKey, Prepared>,
}

impl Skeletons {
    /// Empty caches.
    pub fn new(public_url: &str) -> Self {
        Self {
            public_url: public_url.to_owned(),
            versions: OnceMap::new(64),
            partners: OnceMap::new(4_096),
            prepared: OnceMap::new(1_024),
        }
    }

    /// The skeleton for `job`, from the caches or from the shelf.
    pub async fn get(&self, job: &SendEmail, shelf: &Shelf) -> Result<Arc<Prepared>, PrepareError> {
        let key = (
            job.version.clone(),
            job.profile.clone(),
            job.step.clone(),
            job.occurrence,
            job.language.clone(),
        );
        self.prepared.get(key, || self.prepare(job, shelf)).await
    }

    async fn prepare(&self, job: &SendEmail, shelf: &Shelf) -> Result<Prepared, PrepareError> {
        let version = self.versions.get(job.version.clone(), || async {
            let blob = fetch(shelf, &job.version).await?;
            Compiled::from_blob(&blob).map_err(PrepareError::Render)
        });
        let partner = self.partners.get(job.profile.clone(), || async {
            let bytes = fetch(shelf, &job.profile).await?;
            serde_json::from_slice::<PartnerShelf>(&bytes)
                .ok()
                .filter(|partner| job::reads_version(partner.v))
                .ok_or_else(|| PrepareError::Unreadable(job.profile.clone()))
        });
        let (version, partner) = (version.await?, partner.await?);
        let language = version.language_of([&job.language, &partner.brand.locale]);
        let skeleton = version
            .skeleton_of(&job.step, job.occurrence, language, &partner, &self.public_url)
            .map_err(PrepareError::Render)?;
        Ok(Prepared { targets: skeleton.targets().id(), skeleton, partner })
    }
}

async fn fetch(shelf: &Shelf, hash: &ContentHash) -> Result<Arc<[u8]>, PrepareError> {
    let found = shelf.get(hash).await.map_err(PrepareError::Belt)?;
    found.ok_or_else(|| PrepareError::ShelfMiss(hash.clone()))
}
