//! The campaign's mails as the partner's contacts would get them.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, RawQuery, State, rejection::PathRejection},
    response::Response,
};
use program::{InvitationPage, Previewed};

use super::form::Given;
use crate::{
    Portal,
    asker::Asker,
    document::{Shows, document},
};

/// All mails in the order in which they go; `None` where one can't be shown before more is filled in.
pub(super) async fn all(
    portal: &Portal,
    token: &str,
    page: &InvitationPage,
    slots: &BTreeMap<String, String>,
) -> Vec<Option<Previewed>> {
    let mut previews = Vec::with_capacity(page.steps.len());
    for step in &page.steps {
        let preview = portal.program.invitation_preview(token, step.key.as_str(), slots).await;
        if let Err(error) = &preview {
            tracing::debug!(error = error as &dyn std::error::Error, "a mail can't be shown yet");
        }
        previews.push(preview.ok());
    }
    previews
}

/// `/i/{token}/mail/{step}?slot.NAME=VALUE`: one mail, for a frame of the page. It is what a vendor and a partner
/// wrote: nothing in it runs, submits, leads anywhere or loads what is not ours.
pub(crate) async fn mail(
    State(portal): State<Portal>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
    asker: Asker,
) -> Response {
    let Ok(Path((token, step))) = path else { return portal.invalid_link(&asker) };
    let slots = Given::read_fields(query.unwrap_or_default().as_bytes()).launch.slots;
    match portal.program.invitation_preview(&token, &step, &slots).await {
        Ok(mail) => document(mail.html, portal.program.public_url(), Shows::Frame),
        Err(error) => portal.refuse(&error, &asker),
    }
}
