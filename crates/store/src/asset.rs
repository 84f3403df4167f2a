//! Logos and other images, under the hash of their bytes.

use domain::{ContentHash, UtcMillis};
use sqlx::Row;

use crate::{engine::Store, error::Result, row::Read};

/// An image of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAsset {
    /// The file.
    pub bytes: Vec<u8>,
    /// Such as `image/png`.
    pub content_type: String,
}

impl Store {
    /// Keeps an image; the same bytes again change nothing.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn put_asset(
        &self,
        bytes: &[u8],
        content_type: &str,
        now: UtcMillis,
    ) -> Result<ContentHash> {
        let hash = ContentHash::of(bytes);
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("asset/add.sql"))
            .bind(hash.as_str())
            .bind(bytes.to_vec())
            .bind(content_type)
            .bind(now.get())
            .execute(tx.connection())
            .await?;
        tx.commit().await?;
        Ok(hash)
    }

    /// The image of this hash.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn asset(&self, hash: &ContentHash) -> Result<Option<StoredAsset>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("asset/get.sql"))
            .bind(hash.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            Ok(StoredAsset {
                bytes: row.try_get("content")?,
                content_type: row.text("content_type")?,
            })
        })
        .transpose()
    }
}
