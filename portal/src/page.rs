//! The few pages there are: plain HTML that works without scripts, images and fonts, for everybody.

use std::fmt::{self, Display};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use program::{BeltTold, UnsubscribePage, Unsubscribed};

use crate::escape::Escaped;

const STYLE: &str = include_str!("../static/page.css");

/// The one style sheet.
pub(crate) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, STYLE).into_response()
}

/// A page: `title` and `body` are HTML already.
fn page(status: StatusCode, title: &dyn Display, body: &dyn Display) -> Response {
    // The style sheet is named relative to `/u/{token}`, so that a portal under a path of its own works.
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"../static/page.css\">\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// Asks before anything happens: a link is opened by scanners too, a button is not.
pub(crate) fn ask(found: &UnsubscribePage) -> Response {
    let company = Escaped(&found.company_name);
    let address = Escaped(&found.masked_address);
    if found.already {
        let body = format!(
            "<p>{address} gets no mail from <strong>{company}</strong>. There is nothing left to do.</p>"
        );
        return page(StatusCode::OK, &"You are unsubscribed", &body);
    }
    let body = format!(
        "<p>The mail you got was from <strong>{company}</strong>, sent to {address}.</p>\n\
         <p>When you unsubscribe, {company} sends no more marketing mail to this address.</p>\n\
         <form method=\"post\">\n<input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\n\
         <button type=\"submit\">Unsubscribe</button>\n</form>"
    );
    page(StatusCode::OK, &format_args!("Unsubscribe from {company}?"), &body)
}

/// Says what was done.
pub(crate) fn done(done: &Unsubscribed) -> Response {
    let company = Escaped(&done.company_name);
    let address = Escaped(&done.masked_address);
    let when = When(done.belt);
    let body = format!(
        "<p><strong>{company}</strong> sends no more marketing mail to {address}.</p>\n<p>{when}</p>"
    );
    page(StatusCode::OK, &"You are unsubscribed", &body)
}

/// When it is in effect, for the recipient.
struct When(BeltTold);

impl Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            BeltTold::Told => "This is in effect now.",
            BeltTold::BeforeAnythingIsSent => {
                "This is recorded and takes effect before anything else is sent."
            }
        })
    }
}

/// The same for a forged link, a mistyped one and a path there never was.
pub(crate) fn not_found() -> Response {
    let body = "<p>This link does not lead anywhere. If it came in a mail, it may have been cut off: please copy it whole.</p>";
    page(StatusCode::NOT_FOUND, &"Page not found", &body)
}

/// A link of a mail can't be looked up just now.
pub(crate) fn link_try_again() -> Response {
    let body =
        "<p>This link could not be looked up just now. Please try again in a few minutes.</p>";
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, &"Please try again", &body);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
    response
}

/// Too many links that are none of ours.
pub(crate) fn too_many() -> Response {
    page(
        StatusCode::TOO_MANY_REQUESTS,
        &"Too many requests",
        &"<p>Please try again in a moment.</p>",
    )
}

/// Something of ours is away; nothing has been done.
pub(crate) fn try_again_later() -> Response {
    let body =
        "<p>Your request could not be recorded just now. Please try again in a few minutes.</p>";
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, &"Please try again", &body);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_strangers_are_called_stays_text() {
        let name = "\"><script>alert(1)</script>";
        let asked = UnsubscribePage {
            company_name: name.to_owned(),
            masked_address: "<img src=x>".to_owned(),
            already: false,
        };
        let acted = Unsubscribed {
            company_name: name.to_owned(),
            masked_address: "<img src=x>".to_owned(),
            already: false,
            belt: BeltTold::Told,
        };
        let already = UnsubscribePage { already: true, ..asked.clone() };
        for response in [ask(&asked), ask(&already), done(&acted)] {
            let text = text(response).await;
            assert!(text.contains("&lt;script&gt;") && text.contains("&lt;img"), "{text}");
            assert!(
                !text.contains("<script") && !text.contains("<img") && !text.contains("\"><"),
                "{text}"
            );
        }
    }
}
