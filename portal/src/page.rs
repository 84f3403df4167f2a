//! Pages that ask and tell a recipient, and those for links that lead nowhere.

use std::sync::Arc;

use axum::{
    http::{StatusCode, header},
    response::Response,
};
use maud::{Markup, html};
use program::{BeltTold, UnsubscribePage, Unsubscribed};

use crate::{frame::Page, words::Words};

/// Where pages find what they share: the path under which the portal is reached, and the words of who asks.
#[derive(Clone)]
pub(crate) struct Look {
    pub base: Arc<str>,
    pub words: Words,
}

impl Look {
    /// The same with moments on this clock.
    #[must_use]
    pub fn in_time_zone(mut self, name: &str) -> Self {
        self.words = self.words.in_time_zone(name);
        self
    }

    pub fn answer(&self, status: StatusCode, title: String, body: Markup) -> Response {
        let Self { base, words } = self;
        Page { words, base, title, body, is_live: false }.answer(status)
    }

    /// Asks before anything happens: a link is opened by scanners too, a button is not.
    pub fn ask(&self, found: &UnsubscribePage) -> Response {
        let words = &self.words;
        let names = [
            ("company", found.company_name.as_str()),
            ("address", found.masked_address.as_str()),
            ("vendor", found.invitations_from.as_deref().unwrap_or_default()),
        ];
        if found.already {
            return self.done_already(found.invitations_from.is_some(), &names);
        }
        let refuses = found.invitations_from.is_some();
        let body = html! {
            @if refuses {
                p { (words.say_with("refuse-what", &names)) }
            } @else {
                p { (words.say_with("unsubscribe-from", &names)) }
                p { (words.say_with("unsubscribe-what", &names)) }
            }
            form method="post" {
                input type="hidden" name="List-Unsubscribe" value="One-Click";
                button type="submit" { (words.say(if refuses { "refuse" } else { "unsubscribe" })) }
            }
        };
        let title = if refuses { "refuse-title" } else { "unsubscribe-title" };
        self.answer(StatusCode::OK, words.say_with(title, &names), body)
    }

    fn done_already(&self, refuses: bool, names: &[(&'static str, &str)]) -> Response {
        let words = &self.words;
        let (title, text) = match refuses {
            true => ("refused-title", "refuse-what"),
            false => ("unsubscribed-title", "unsubscribed-already"),
        };
        let body = html! { p { (words.say_with(text, names)) } };
        self.answer(StatusCode::OK, words.say(title), body)
    }

    /// Says what was done.
    pub fn done(&self, done: &Unsubscribed) -> Response {
        let words = &self.words;
        let names = [
            ("company", done.company_name.as_str()),
            ("address", done.masked_address.as_str()),
            ("vendor", done.invitations_from.as_deref().unwrap_or_default()),
        ];
        let when = match done.belt {
            BeltTold::Told => "in-effect-now",
            BeltTold::BeforeAnythingIsSent => "in-effect-before",
        };
        let (title, text) = match done.invitations_from {
            Some(_) => ("refused-title", "refuse-what"),
            None => ("unsubscribed-title", "unsubscribed"),
        };
        let body = html! {
            p { (words.say_with(text, &names)) }
            p { (words.say(when)) }
        };
        self.answer(StatusCode::OK, words.say(title), body)
    }

    /// The same for a forged link, a mistyped one and a path there never was.
    pub fn not_found(&self) -> Response {
        self.said(StatusCode::NOT_FOUND, "not-found-title", "not-found")
    }

    /// Too many links that are none of ours.
    pub fn too_many(&self) -> Response {
        self.said(StatusCode::TOO_MANY_REQUESTS, "too-many-title", "too-many")
    }

    /// What another site's page sent.
    pub fn refused(&self) -> Response {
        self.said(StatusCode::FORBIDDEN, "not-found-title", "not-found")
    }

    /// Something of ours is away; nothing has been done.
    pub fn try_again_later(&self) -> Response {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut response = self.said(status, "try-again-title", "try-again");
        let wait = header::HeaderValue::from_static("60");
        response.headers_mut().insert(header::RETRY_AFTER, wait);
        response
    }

    fn said(&self, status: StatusCode, title: &str, text: &str) -> Response {
        let body = html! { p { (self.words.say(text)) } };
        self.answer(status, self.words.say(title), body)
    }
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
            invitations_from: None,
            locale: "en".to_owned(),
            already: false,
        };
        let acted = Unsubscribed {
            company_name: name.to_owned(),
            masked_address: "<img src=x>".to_owned(),
            invitations_from: None,
            locale: "en".to_owned(),
            already: false,
            belt: BeltTold::Told,
        };
        let already = UnsubscribePage { already: true, ..asked.clone() };
        let refused = UnsubscribePage { invitations_from: Some(name.to_owned()), ..asked.clone() };
        for (tag, _) in Words::languages() {
            let look = Look { base: "".into(), words: Words::of(tag) };
            for response in
                [look.ask(&asked), look.ask(&already), look.ask(&refused), look.done(&acted)]
            {
                let text = text(response).await;
                assert!(text.contains("&lt;script&gt;") && text.contains("&lt;img"), "{text}");
                assert!(!text.contains("<script") && !text.contains("<img"), "{text}");
            }
        }
    }
}
