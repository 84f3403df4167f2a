//! `/c/{token}/{number}`: a link of a message.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{link_targets::HONEYPOT, track::Tracked};

use super::{Tracking, visitor::Asked};
use crate::{asker::Asker, invalid_links::invalid_link};

/// GET and HEAD: leads on, whatever becomes of the event.
pub(crate) async fn follow(
    State(tracking): State<Tracking>,
    path: Result<Path<(String, String)>, PathRejection>,
    asked: Asked,
    asker: Asker,
) -> Response {
    let opened = path.ok().and_then(|Path((token, number))| {
        Some((tracking.link_key.open_click(&token).ok()?, link_number(&number)?))
    });
    let Some((click, number)) = opened else {
        return invalid_link(&tracking.invalid_links, &asker);
    };
    let list = match tracking.targets.get(&click.targets).await {
        Ok(Some(list)) => list,
        Ok(None) => return invalid_link(&tracking.invalid_links, &asker),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a link could not be looked up"
            );
            return asker.look().try_again_later();
        }
    };
    // What follows the link that nobody sees is led to the first one, so that it sees nothing odd.
    let shown = if number == HONEYPOT { HONEYPOT + 1 } else { number };
    let location = list.get(shown).and_then(|url| HeaderValue::from_str(url).ok());
    let Some(location) = location else { return invalid_link(&tracking.invalid_links, &asker) };
    let what = Tracked::Clicked { link: number, targets: click.targets };
    let visitor = asked.visitor(tracking.client_address, tracking.network);
    tracking.outbox.put(click.send, what, visitor);
    // 302: what was followed once is asked for again, and counted, the next time.
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

/// Digits and nothing else: one link has one address.
fn link_number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::link_number;

    #[test]
    fn a_number_is_written_in_one_way() {
        assert_eq!(link_number("0"), Some(0));
        assert_eq!(link_number("12"), Some(12));
        for bad in ["", "+1", "01", " 1", "-1", "70000", "1.0", "x"] {
            assert_eq!(link_number(bad), None, "{bad}");
        }
    }
}
