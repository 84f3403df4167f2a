//! `/v/{token}`: a message as a page. It is what a vendor and a partner wrote, so nothing in it runs or submits; its links
//! open. It may have been passed on, so no link of it unsubscribes: those lead to `/v/{token}/mail`, which says so.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use maud::html;

use crate::{
    Portal,
    asker::Asker,
    document::{Shows, document},
};

type Token = Result<Path<String>, PathRejection>;

/// The message.
pub(crate) async fn show(State(portal): State<Portal>, token: Token, asker: Asker) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    match portal.program.view_message(&token).await {
        Ok(view) => document(view.html, portal.program.public_url(), Shows::Page),
        Err(error) => portal.refuse(&error, &asker),
    }
}

/// Where the links that unsubscribe lead.
pub(crate) async fn use_the_mail(
    State(portal): State<Portal>,
    token: Token,
    asker: Asker,
) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    match portal.program.view_locale(&token).await {
        Ok(locale) => {
            let look = asker.look_in(&locale);
            let body = html! { p { (look.words.say("view-mail")) } };
            look.answer(StatusCode::OK, look.words.say("view-mail-title"), body)
        }
        Err(error) => portal.refuse(&error, &asker),
    }
}
