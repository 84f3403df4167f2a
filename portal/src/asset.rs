//! `/a/<hash>.<ext>`: images that stand in mail, for ever the same under their name.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::ContentHash;
use program::ErrorKind;

use crate::{Portal, asker::Asker};

/// The ending of a name and what is served under it: raster images only.
const KINDS: [(&str, &str); 4] =
    [("png", "image/png"), ("jpg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp")];

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// GET and HEAD: the image.
pub(crate) async fn show(
    State(portal): State<Portal>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    asker: Asker,
) -> Response {
    let Some((hash, kind)) = name.ok().and_then(|Path(name)| parse(&name)) else {
        return asker.look().not_found();
    };
    let tag = format!("\"{hash}\"");
    match portal.program.asset(&hash).await {
        Ok(asset) if asset.content_type == kind => {
            let same = headers
                .get(header::IF_NONE_MATCH)
                .is_some_and(|known| known.as_bytes() == tag.as_bytes());
            let headers = [(header::CACHE_CONTROL, FOR_EVER), (header::ETAG, &tag)];
            if same {
                return (StatusCode::NOT_MODIFIED, headers).into_response();
            }
            (headers, [(header::CONTENT_TYPE, kind)], asset.bytes).into_response()
        }
        Ok(_) => asker.look().not_found(),
        Err(error) if error.kind() == ErrorKind::NotFound => asker.look().not_found(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an image could not be read");
            asker.look().try_again_later()
        }
    }
}

fn parse(name: &str) -> Option<(ContentHash, &'static str)> {
    let (hash, ending) = name.split_once('.')?;
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == ending)?;
    Some((hash.parse().ok()?, kind))
}
