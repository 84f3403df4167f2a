//! `/u/{token}`: GET asks and changes nothing, POST acts (RFC 8058).

use axum::{
    body::Bytes,
    extract::{
        Path, State,
        rejection::{BytesRejection, PathRejection},
    },
    response::{IntoResponse, Response},
};
use program::{BeltTold, Error, ErrorKind};

use crate::{Portal, asker::Asker, invalid_links::invalid_link};

type Token = Result<Path<String>, PathRejection>;

/// GET and HEAD: the page with the button. Scanners open links, so nothing changes.
pub(crate) async fn show(State(portal): State<Portal>, token: Token, asker: Asker) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    match portal.program.unsubscribe_page(&token).await {
        Ok(found) => asker.look_in(&found.locale).ask(&found),
        Err(error) => portal.refuse(&error, &asker),
    }
}

/// POST: takes the person off the company's lists, durably, before it answers; as often as it is asked.
///
/// Both bodies RFC 8058 section 3.2 allows (a form or multipart) are taken, and so is any other: the
/// token alone says what is asked, and turning somebody away over a body would only make a complaint of it.
/// A body over the limit is refused before anything happens.
pub(crate) async fn act(
    State(portal): State<Portal>,
    token: Token,
    asker: Asker,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if let Err(rejection) = body {
        return rejection.into_response();
    }
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    match portal.program.unsubscribe(&token).await {
        Ok(done) => {
            portal.metrics.unsubscribed(done.belt == BeltTold::Told);
            asker.look_in(&done.locale).done(&done)
        }
        Err(error) => portal.refuse(&error, &asker),
    }
}

impl Portal {
    pub(crate) fn refuse(&self, error: &Error, asker: &Asker) -> Response {
        if error.kind() == ErrorKind::NotFound {
            return self.invalid_link(asker);
        }
        tracing::error!(error = error as &dyn std::error::Error, "a request could not be answered");
        asker.look().try_again_later()
    }

    pub(crate) fn invalid_link(&self, asker: &Asker) -> Response {
        invalid_link(&self.invalid_links, asker)
    }
}
