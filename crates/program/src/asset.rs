//! Assets: raster images that mail and pages show, under their content hash.

use domain::ContentHash;

use crate::{
    error::{Error, Result},
    program::Program,
};

/// An image from the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetFound {
    /// The bytes; they never change under their hash.
    pub bytes: Vec<u8>,
    /// `image/png` or `image/jpeg`.
    pub content_type: String,
}

impl Program {
    /// An asset. Whoever knows the hash has the image: it stands in mail that was sent.
    ///
    /// # Errors
    /// There is none of this hash.
    pub async fn asset(&self, hash: &ContentHash) -> Result<AssetFound> {
        let asset = self
            .store()
            .asset(hash)
            .await
            .map_err(Error::book("read the asset"))?
            .ok_or_else(|| Error::not_found("asset", hash))?;
        Ok(AssetFound { bytes: asset.bytes, content_type: asset.content_type })
    }
}
