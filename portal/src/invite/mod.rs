//! `/i/{token}`: a partner looks at a campaign in its own name, launches it with one button, and sees what becomes
//! of it. GET and HEAD change nothing: scanners open links. It all works without scripts.

mod fields;
mod form;
mod preview;
mod progress;
mod show;

pub(crate) use preview::mail;
pub(crate) use progress::events;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use domain::activation::ActivationCommand;
use program::{Error, ErrorKind, InvitationStands, Problem, SlotPicture};
use render::ImageValue;

use self::{
    form::{Given, Intent},
    show::Shown,
};
use crate::{Portal, asker::Asker, elsewhere::comes_from_elsewhere};

type Token = Result<Path<String>, PathRejection>;

/// The most a filled-in form may hold, in bytes: rich texts and pictures among it.
pub(crate) const FORM_LIMIT: usize = 3 * 1024 * 1024;

/// GET and HEAD: the page, as things stand. Nothing changes.
pub(crate) async fn page(State(portal): State<Portal>, token: Token, asker: Asker) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    portal.invitation(&token, &asker, &Shown::default(), StatusCode::OK).await
}

/// What a button of the page does.
pub(crate) async fn act(
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
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let mut given = Given::read(kind.unwrap_or_default(), body).await;
    let problems = match given.intent {
        Intent::Preview | Intent::Launch => portal.keep_pictures(&token, &mut given).await,
        _ => Ok(Vec::new()),
    };
    let problems = match problems {
        Ok(problems) => problems,
        Err(error) if error.kind() == ErrorKind::Conflict => return see_again(&asker, &token),
        Err(error) => return portal.refuse(&error, &asker),
    };
    let done = match given.intent {
        Intent::Preview | Intent::Launch if !problems.is_empty() => {
            Err(Error::BadInput { problems })
        }
        Intent::Preview => {
            let shown = Shown { given: given.launch, ..Shown::default() };
            return portal.invitation(&token, &asker, &shown, StatusCode::OK).await;
        }
        Intent::Launch => {
            let launched = portal.program.launch_invited(&token, &given.launch).await;
            launched.map(|_| ())
        }
        Intent::Decline => portal.program.decline_invitation(&token).await,
        Intent::Renew => return portal.renew(&token, &asker).await,
        Intent::Pause => portal.command(&token, ActivationCommand::Pause).await,
        Intent::Resume => portal.command(&token, ActivationCommand::Resume).await,
        Intent::Stop => portal.command(&token, ActivationCommand::Cancel).await,
    };
    match done {
        Ok(()) => see_again(&asker, &token),
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
    async fn command(&self, token: &str, command: ActivationCommand) -> Result<(), Error> {
        self.program.command_invited(token, command).await.map(|_| ())
    }

    /// Takes the pictures of a form into the book and their names into its slots; answers with what makes none.
    async fn keep_pictures(&self, token: &str, given: &mut Given) -> Result<Vec<Problem>, Error> {
        for (slot, alt) in &given.alts {
            let kept = given.launch.slots.get(slot).map(|kept| kept.parse::<ImageValue>());
            if let Some(Ok(mut kept)) = kept {
                kept.alt = alt.trim().to_owned();
                given.launch.slots.insert(slot.clone(), kept.to_string());
            }
        }
        let mut problems = Vec::new();
        for (slot, bytes) in std::mem::take(&mut given.files) {
            let alt = given.alts.get(&slot).map_or("", String::as_str);
            let picture = SlotPicture { slot: &slot, bytes: &bytes, alt };
            match self.program.invited_picture(token, picture).await {
                Ok(value) => {
                    given.launch.slots.insert(slot, value);
                }
                Err(Error::BadInput { problems: found }) => problems.extend(found),
                Err(error) => return Err(error),
            }
        }
        Ok(problems)
    }

    /// Has a fresh link mailed, and says so.
    async fn renew(&self, token: &str, asker: &Asker) -> Response {
        // Read before: once there is a fresh link, this one opens nothing.
        let page = match self.program.invitation_page(token).await {
            Ok(page) => page,
            Err(error) => return self.refuse(&error, asker),
        };
        let shown = |renewed| Shown { renewed: Some(renewed), ..Shown::default() };
        match self.program.renew_invitation(token).await {
            Ok(true) => {
                let look = asker.look_in(&page.locale).in_time_zone(&page.time_zone);
                let shown = shown(true);
                let parts = show::Parts { page: &page, token, look: &look, shown: &shown };
                parts.closed(&page.stands)
            }
            Ok(false) => self.invitation(token, asker, &shown(false), StatusCode::OK).await,
            Err(error) if error.kind() == ErrorKind::Conflict => see_again(asker, token),
            Err(error) => self.refuse(&error, asker),
        }
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
