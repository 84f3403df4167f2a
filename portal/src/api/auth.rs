//! Who asks: from the key in `Authorization` to an [`Actor`].
//!
//! What the book knows of a key is remembered for [`REMEMBERED_FOR`], so that a request does not cost a look into the
//! book: a key that was revoked, or is new, is taken for what it is at most that much later, in every process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use domain::{ApiKey, ApiKeyId};
use program::{Actor, ApiKeyHolder, Program};

use super::problem::Problem;

/// How old what is known of a key may be. 5 s are promised; answers under way take their time too.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(3);

/// Keys that are remembered at once; ids that are none among them.
const MOST_REMEMBERED: usize = 10_000;

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// The part of the key that may be shown.
    pub key: ApiKeyId,
    pub actor: Actor,
}

/// What is known of keys.
#[derive(Default)]
pub(super) struct Keys {
    known: Mutex<HashMap<ApiKeyId, (Instant, Option<ApiKeyHolder>)>>,
}

impl Keys {
    /// Who asks with these headers.
    ///
    /// # Errors
    /// No key, one that is none, was revoked or is over: all the same. The book could not be asked.
    pub async fn asker(&self, program: &Program, headers: &HeaderMap) -> Result<Asker, Problem> {
        let key = bearer(headers).ok_or_else(Problem::unauthorized)?;
        let (holder, is_fresh) = self.holder(program, &key.id).await?;
        let holder = holder
            .filter(|holder| program.accepts_api_key(holder, &key))
            .ok_or_else(Problem::unauthorized)?;
        if is_fresh {
            let (program, id) = (program.clone(), key.id.clone());
            // Nobody waits for it, and without it nothing is wrong.
            tokio::spawn(async move {
                if let Err(error) = program.note_api_key_use(&id).await {
                    tracing::warn!(api_key.id = %id, error = &error as &dyn std::error::Error, "the use of a key was not noted");
                }
            });
        }
        Ok(Asker { key: key.id, actor: holder.actor })
    }

    /// What is known of a key, and whether the book was asked for it just now.
    async fn holder(
        &self,
        program: &Program,
        id: &ApiKeyId,
    ) -> Result<(Option<ApiKeyHolder>, bool), Problem> {
        if let Some((at, holder)) = self.known().get(id)
            && at.elapsed() < REMEMBERED_FOR
        {
            return Ok((holder.clone(), false));
        }
        // Before the book is asked: what it says is not younger than this.
        let asked_at = Instant::now();
        let holder = program.api_key_holder(id).await?;
        let mut known = self.known();
        if known.len() >= MOST_REMEMBERED {
            known.retain(|_, (at, _)| at.elapsed() < REMEMBERED_FOR);
        }
        if known.len() < MOST_REMEMBERED {
            known.insert(id.clone(), (asked_at, holder.clone()));
        }
        Ok((holder, true))
    }

    fn known(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<ApiKeyId, (Instant, Option<ApiKeyHolder>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of `Authorization: Bearer …`; the scheme in any case (RFC 9110 section 11.1), exactly one.
fn bearer(headers: &HeaderMap) -> Option<ApiKey> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let text = given.next()?.to_str().ok()?;
    if given.next().is_some() {
        return None;
    }
    let (scheme, key) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().parse().ok()).flatten()
}
