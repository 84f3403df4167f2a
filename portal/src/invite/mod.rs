//! `/i/{token}`: a partner looks at a campaign in its own name, launches it with one button, and sees what becomes
//! of it. GET and HEAD change nothing: scanners open links. It all works without scripts.

mod form;
mod preview;
mod progress;
mod show;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use domain::activation::ActivationCommand;
use program::{Error, ErrorKind, InvitationStands, Problem};

use self::{
    form::{Given, Intent},
    show::Shown,
};
use crate::{Portal, asker::Asker, elsewhere::comes_from_elsewhere};

type Token = Result<Path<String>, PathRejection>;

/// The most a filled-in form may hold, in bytes: rich texts among it.
const FORM_LIMIT: usize = 128 * 1024;

/// The page, what it sends, and what it shows in frames and brings up to date.
pub(crate) fn router() -> Router<Portal> {
    Router::new()
        .route("/i/{token}", get(page).post(act))
        .route("/i/{token}/mail/{step}", get(preview::mail))
        .route("/i/{token}/events", get(progress::events))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
}

async fn page(State(portal): State<Portal>, token: Token, asker: Asker) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    portal.invitation(&token, &asker, &Shown::default(), StatusCode::OK).await
}

/// What a button of the page does.
async fn act(
    State(portal): State<Portal>,
    token: Token,
    asker: Asker,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    // The link is the authority, and no cookie goes along; that another site's page sends it is odd all the same.
    if comes_from_elsewhere(&headers) {
        return asker.look().refused();
    }
    let given = Given::read(&body);
    let done = match given.intent {
        Intent::Preview => {
            let shown = Shown { given: given.launch, ..Shown::default() };
            return portal.invitation(&token, &asker, &shown, StatusCode::OK).await;
        }
        Intent::Launch => {
            let launched = portal.program.launch_invited(&token, &given.launch).await;
            launched.map(|_| None)
        }
        Intent::Decline => portal.program.decline_invitation(&token).await.map(|()| None),
        Intent::Renew => portal.program.renew_invitation(&token).await.map(Some),
        Intent::Pause => portal.command(&token, ActivationCommand::Pause).await,
        Intent::Resume => portal.command(&token, ActivationCommand::Resume).await,
        Intent::Stop => portal.command(&token, ActivationCommand::Cancel).await,
    };
    match done {
        Ok(None) => see_again(&asker, &token),
        Ok(Some(renewed)) => {
            let shown = Shown { renewed: Some(renewed), ..Shown::default() };
            portal.invitation(&token, &asker, &shown, StatusCode::OK).await
        }
        Err(Error::BadInput { problems }) => {
            let shown = Shown { given: given.launch, problems, ..Shown::default() };
            portal.invitation(&token, &asker, &shown, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        // Something changed since the page was shown: the page says what.
        Err(error) if error.kind() == ErrorKind::Conflict => see_again(&asker, &token),
        Err(error) => portal.refuse(&error, &asker),
    }
}

/// 303: the page anew, by GET, so that reloading it sends nothing twice.
fn see_again(asker: &Asker, token: &str) -> Response {
    Redirect::to(&format!("{}/i/{token}", asker.base())).into_response()
}

impl Portal {
    async fn command(
        &self,
        token: &str,
        command: ActivationCommand,
    ) -> Result<Option<bool>, Error> {
        self.program.command_invited(token, command).await.map(|_| None)
    }

    /// The page as things stand.
    async fn invitation(
        &self,
        token: &str,
        asker: &Asker,
        shown: &Shown,
        status: StatusCode,
    ) -> Response {
        let page = match self.program.invitation_page(token).await {
            Ok(page) => page,
            Err(error) => return self.refuse(&error, asker),
        };
        let look = asker.look_in(&page.locale).in_time_zone(&page.time_zone);
        let parts = show::Parts { page: &page, token, look: &look, shown };
        match &page.stands {
            InvitationStands::Open => {
                let previews = preview::all(self, token, &page, &shown.given.slots).await;
                parts.launch(&previews, status)
            }
            InvitationStands::Launched { .. } => {
                match self.program.invitation_progress(token).await {
                    Ok(seen) => parts.progress(&seen),
                    Err(error) => self.refuse(&error, asker),
                }
            }
            other => parts.closed(other),
        }
    }
}

/// The problems of one field, by its place.
fn problems_at<'p>(problems: &'p [Problem], place: &str) -> Vec<&'p Problem> {
    problems.iter().filter(|problem| problem.place == place).collect()
}
