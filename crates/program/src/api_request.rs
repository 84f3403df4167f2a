//! Requests that may be repeated: done once, answered as often as they are asked.

use std::time::Duration;

use domain::{ApiKeyId, UtcMillis};
use store::{ApiRequest, ApiRequestBegun};

use crate::{
    error::{Error, Result},
    program::Program,
};

pub use store::ApiAnswer;

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A request without an answer is taken to be under way for this long: longer than any request may take.
/// After it, its process must have died, and what it asked for is done again; every command of ours may be.
const UNDER_WAY_FOR: Duration = Duration::from_secs(3 * 60);

/// A request that its sender may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// The key that makes it.
    pub key: ApiKeyId,
    /// The name its sender gave it.
    pub idempotency_key: String,
    /// Tells it from every other request.
    pub fingerprint: String,
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Repeated {
    /// Nobody has: do it, and say what it was answered.
    First(RequestBegun),
    /// It was done: this is the answer.
    Done(ApiAnswer),
    /// The same is under way.
    UnderWay,
    /// The name belongs to another request.
    Other,
}

/// A request that nobody else does.
#[derive(Debug)]
pub struct RequestBegun {
    request: Repeatable,
    at: UtcMillis,
}

impl RequestBegun {
    fn row(&self) -> ApiRequest<'_> {
        row(&self.request, self.at)
    }
}

fn row(request: &Repeatable, at: UtcMillis) -> ApiRequest<'_> {
    ApiRequest {
        key: &request.key,
        idempotency_key: &request.idempotency_key,
        fingerprint: &request.fingerprint,
        now: at,
        cut_off_before: at.minus(UNDER_WAY_FOR),
        forget_at: at.plus(KEPT_FOR),
    }
}

impl Program {
    /// Says whether a request is to be done.
    ///
    /// # Errors
    /// When the book fails; then it must not be done.
    pub async fn begin_request(&self, request: Repeatable) -> Result<Repeated> {
        let at = self.now();
        let begun = self
            .store()
            .begin_api_request(&row(&request, at))
            .await
            .map_err(Error::book("note the request"))?;
        Ok(match begun {
            ApiRequestBegun::Begun => Repeated::First(RequestBegun { request, at }),
            ApiRequestBegun::Done(answer) => Repeated::Done(answer),
            ApiRequestBegun::UnderWay => Repeated::UnderWay,
            ApiRequestBegun::Other => Repeated::Other,
        })
    }

    /// Keeps what a request was answered.
    ///
    /// # Errors
    /// When the book fails; asking again does the same again, which changes nothing.
    pub async fn finish_request(&self, begun: &RequestBegun, answer: &ApiAnswer) -> Result<()> {
        let done = self.store().finish_api_request(&begun.row(), answer).await;
        done.map_err(Error::book("keep the answer"))
    }

    /// Forgets a request that did nothing.
    ///
    /// # Errors
    /// When the book fails; then it counts as under way for three minutes.
    pub async fn abandon_request(&self, begun: &RequestBegun) -> Result<()> {
        let done = self.store().abandon_api_request(&begun.row()).await;
        done.map_err(Error::book("forget the request"))
    }
}
