//! `/o/{token}.gif`: the image that says that a message was opened.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{token::Purpose, track::Tracked};

use super::{Tracking, visitor::Asked};
use crate::{asker::Asker, invalid_links::invalid_link};

/// One transparent pixel.
const PIXEL: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// GET and HEAD: the image, whatever becomes of the event.
pub(crate) async fn show(
    State(tracking): State<Tracking>,
    file: Result<Path<String>, PathRejection>,
    asked: Asked,
    asker: Asker,
) -> Response {
    let send = file.ok().and_then(|Path(file)| {
        let token = file.strip_suffix(".gif")?;
        tracking.link_key.open(Purpose::Open, token).ok()
    });
    let Some(send) = send else { return invalid_link(&tracking.invalid_links, &asker) };
    let visitor = asked.visitor(tracking.client_address, tracking.network);
    tracking.outbox.put(send, Tracked::Opened, visitor);
    (StatusCode::OK, [(header::CONTENT_TYPE, "image/gif")], PIXEL.as_slice()).into_response()
}
