//! `/i/{token}/events`: how a launch goes on, pushed as it goes (server-sent events).

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use program::{InvitationStands, LaunchStatus};

use super::{Token, show};
use crate::{Portal, asker::Asker};

/// How often the book is looked at while somebody watches.
const EVERY: Duration = Duration::from_secs(1);
/// A look that takes long is not taken often: at most this share of the time is spent looking.
const LOOKS_AT_MOST: u32 = 10;
/// How long one stream lasts; a browser opens the next by itself.
const LASTS: Duration = Duration::from_secs(10 * 60);

/// The part of the page that changes, whenever it has changed, until there is nothing left to change.
pub(crate) async fn events(State(portal): State<Portal>, token: Token, asker: Asker) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    let page = match portal.program.invitation_page(&token).await {
        Ok(page) => page,
        Err(error) => return portal.refuse(&error, &asker),
    };
    if !matches!(page.stands, InvitationStands::Launched { .. }) {
        return portal.invalid_link(&asker);
    }
    let Ok(place) = portal.watchers.clone().try_acquire_owned() else {
        let wait = [(header::RETRY_AFTER, HeaderValue::from_static("30"))];
        return (StatusCode::SERVICE_UNAVAILABLE, wait).into_response();
    };
    let look = asker.look_in(&page.locale).in_time_zone(&page.time_zone);
    let watch = Watch {
        portal,
        token,
        vendor_name: page.vendor_name,
        look,
        last: String::new(),
        rest: Duration::ZERO,
        until: tokio::time::Instant::now() + LASTS,
        _place: place,
    };
    Sse::new(watch.stream()).keep_alive(KeepAlive::default()).into_response()
}

/// What a stream does next.
enum Next {
    Look,
    SayOver,
    End,
}

struct Watch {
    portal: Portal,
    token: String,
    vendor_name: String,
    look: crate::page::Look,
    last: String,
    rest: Duration,
    until: tokio::time::Instant,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Watch {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold((self, Next::Look), |(mut watch, next)| async move {
            match next {
                Next::Look => {
                    let (text, is_over) = watch.next().await?;
                    let event = Event::default().event("progress").data(text);
                    let next = if is_over { Next::SayOver } else { Next::Look };
                    Some((Ok(event), (watch, next)))
                }
                // A browser that is not told comes back for ever.
                Next::SayOver => {
                    Some((Ok(Event::default().event("over").data("")), (watch, Next::End)))
                }
                Next::End => None,
            }
        })
    }

    /// The next text that differs from the last one, and whether it is the last. `None` when it is time to
    /// stop watching.
    async fn next(&mut self) -> Option<(String, bool)> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.rest) => {}
                () = self.portal.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
            }
            let began = tokio::time::Instant::now();
            let seen = self.portal.program.invitation_progress(&self.token).await;
            self.rest = EVERY.max(began.elapsed() * LOOKS_AT_MOST);
            // Away for a moment: what is shown stays.
            let Ok(seen) = seen else { continue };
            let text = show::figures(&seen, &self.vendor_name, &self.look).into_string();
            let is_over = is_over(&seen.status);
            if text != self.last || is_over {
                self.last.clone_from(&text);
                return Some((text, is_over));
            }
        }
    }
}

/// Cancelled or recalled, or completed: no send changes any more. What comes back may, for weeks.
fn is_over(seen: &LaunchStatus) -> bool {
    matches!(seen.state, domain::ActivationState::Cancelled | domain::ActivationState::Recalled)
}
