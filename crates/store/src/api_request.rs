//! Requests that may be repeated: what they were answered.

use domain::{ApiKeyId, UtcMillis};
use sqlx::Row;

use crate::{
    engine::{Store, WriteTx},
    error::{Result, StoreError},
    row::Read,
};

/// Requests forgotten in one go, so that nobody waits for a big one.
const FORGET_AT_ONCE: i64 = 100;

/// A request that may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiRequest<'a> {
    /// The key that makes it.
    pub key: &'a ApiKeyId,
    /// The name its sender gave it.
    pub idempotency_key: &'a str,
    /// Tells it from every other request.
    pub fingerprint: &'a str,
    /// When.
    pub now: UtcMillis,
    /// A request that was begun before this and has no answer was cut off: its process died.
    pub cut_off_before: UtcMillis,
    /// When it may be forgotten.
    pub forget_at: UtcMillis,
}

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAnswer {
    /// The HTTP status.
    pub status: u16,
    /// What the body is.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What is to be done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiRequestBegun {
    /// It is the first of this name, or takes the place of one that was cut off: do it.
    Begun,
    /// It was done: this is the answer.
    Done(ApiAnswer),
    /// The same is under way.
    UnderWay,
    /// The name belongs to another request.
    Other,
}

impl Store {
    /// Takes the name of a request, or says what became of it. Forgets some that are old, too.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn begin_api_request(&self, request: &ApiRequest<'_>) -> Result<ApiRequestBegun> {
        let mut tx = self.begin_write().await?;
        tx.forget_api_requests(request.now).await?;
        let begun = sqlx::query(sql!("api_request/begin.sql"))
            .bind(request.key.as_str())
            .bind(request.idempotency_key)
            .bind(request.fingerprint)
            .bind(request.now.get())
            .bind(request.forget_at.get())
            .execute(tx.connection())
            .await?
            .rows_affected();
        if begun == 1 {
            tx.commit().await?;
            return Ok(ApiRequestBegun::Begun);
        }
        let row = sqlx::query(sql!("api_request/get.sql"))
            .bind(request.key.as_str())
            .bind(request.idempotency_key)
            .fetch_optional(tx.connection())
            .await?;
        // Given up by another between the two statements, which only Postgres lets happen.
        let Some(row) = row else { return Ok(ApiRequestBegun::UnderWay) };
        if row.text("fingerprint")? != request.fingerprint {
            return Ok(ApiRequestBegun::Other);
        }
        if let Some(status) = row.opt_int("status")? {
            return Ok(ApiRequestBegun::Done(ApiAnswer {
                status: u16::try_from(status).map_err(|_| StoreError::Corrupt {
                    column: "status",
                    text: status.to_string(),
                })?,
                content_type: row.opt_text("content_type")?.unwrap_or_default(),
                body: row.try_get("body")?,
            }));
        }
        let begun_at = row.time("begun_at")?;
        if begun_at >= request.cut_off_before {
            return Ok(ApiRequestBegun::UnderWay);
        }
        let taken = sqlx::query(sql!("api_request/take_over.sql"))
            .bind(request.key.as_str())
            .bind(request.idempotency_key)
            .bind(begun_at.get())
            .bind(request.now.get())
            .bind(request.forget_at.get())
            .execute(tx.connection())
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(if taken == 1 { ApiRequestBegun::Begun } else { ApiRequestBegun::UnderWay })
    }

    /// Keeps the answer to a request that was begun; of one that another took over, nothing.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn finish_api_request(
        &self,
        request: &ApiRequest<'_>,
        answer: &ApiAnswer,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("api_request/finish.sql"))
            .bind(request.key.as_str())
            .bind(request.idempotency_key)
            .bind(request.now.get())
            .bind(i64::from(answer.status))
            .bind(answer.content_type.as_str())
            .bind(answer.body.clone())
            .bind(request.forget_at.get())
            .execute(tx.connection())
            .await?;
        tx.commit().await
    }

    /// Gives the name of a request back: nothing was done.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn abandon_api_request(&self, request: &ApiRequest<'_>) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("api_request/abandon.sql"))
            .bind(request.key.as_str())
            .bind(request.idempotency_key)
            .bind(request.now.get())
            .execute(tx.connection())
            .await?;
        tx.commit().await
    }
}

impl WriteTx {
    async fn forget_api_requests(&mut self, now: UtcMillis) -> Result<u64> {
        let forgotten = sqlx::query(sql!("api_request/forget.sql"))
            .bind(now.get())
            .bind(FORGET_AT_ONCE)
            .execute(self.connection())
            .await?;
        Ok(forgotten.rows_affected())
    }
}
