//! `/p/{token}`: what mail a recipient wants. GET and HEAD change nothing, POST does; it works without scripts.

use axum::{
    body::Bytes,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use maud::{Markup, html};
use program::{BeltTold, PreferencesPage, PreferredTopic, Preferring, Wanted};

use crate::{
    Portal, asker::Asker, elsewhere::comes_from_elsewhere, frame::name, page::Look, words::Words,
};

type Token = Result<Path<String>, PathRejection>;

/// The page with the choices.
pub(crate) async fn show(State(portal): State<Portal>, token: Token, asker: Asker) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    match portal.program.preferences_page(&token).await {
        Ok(page) => asker.look_in(&page.locale).preferences(&page, None),
        Err(error) => portal.refuse(&error, &asker),
    }
}

/// Keeps what was chosen, durably, before it answers; as often as it is asked.
pub(crate) async fn act(
    State(portal): State<Portal>,
    token: Token,
    asker: Asker,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(Path(token)) = token else { return portal.invalid_link(&asker) };
    if comes_from_elsewhere(&headers) {
        return asker.look().refused();
    }
    let Some(chosen) = chosen(&body) else {
        return show(State(portal), Ok(Path(token)), asker).await;
    };
    match portal.program.prefer(&token, &chosen).await {
        Ok(kept) => asker.look_in(&kept.page.locale).preferences(&kept.page, Some(kept.belt)),
        Err(error) => portal.refuse(&error, &asker),
    }
}

/// Reads a body of `application/x-www-form-urlencoded`; fields it does not know are left. `None` if it does not
/// say how much mail is wanted: nobody is taken off, or put on, by a guess.
fn chosen(body: &[u8]) -> Option<Preferring> {
    let mut wanted = None;
    let (mut shown, mut topics) = (Vec::new(), Vec::new());
    for (field, value) in url::form_urlencoded::parse(body) {
        match &*field {
            "wanted" => wanted = WANTED.iter().find(|(word, _)| *word == value).map(|(_, it)| *it),
            "shown" => shown.push(value.into_owned()),
            "topic" => topics.push(value.into_owned()),
            _ => {}
        }
    }
    Some(Preferring { wanted: wanted?, shown, topics })
}

/// What stands in the form for each.
const WANTED: [(&str, Wanted); 3] = [
    ("topics", Wanted::Topics),
    ("no-company", Wanted::NothingOfCompany),
    ("no-vendor", Wanted::NothingOfVendor),
];

impl Look {
    /// The page; `done` if something was just kept.
    fn preferences(&self, page: &PreferencesPage, done: Option<BeltTold>) -> Response {
        let words = &self.words;
        let names = [
            ("company", page.company_name.as_str()),
            ("vendor", page.vendor_name.as_str()),
            ("address", page.masked_address.as_str()),
        ];
        let body = html! {
            @if let Some(belt) = done {
                div role="status" {
                    p { strong { (words.say("preferences-saved")) } }
                    p { (words.say(match belt {
                        BeltTold::Told => "in-effect-now",
                        BeltTold::BeforeAnythingIsSent => "in-effect-before",
                    })) }
                }
            }
            @if page.is_final {
                p { (words.say_with("preferences-final", &names)) }
            } @else {
                p { (words.say_with("preferences-for", &names)) }
                form method="post" {
                    (how_much(words, page, &names))
                    div.act { button.main type="submit" { (words.say("preferences-save")) } }
                }
            }
        };
        self.answer(StatusCode::OK, words.say_with("preferences-title", &names), body)
    }
}

fn how_much(words: &Words, page: &PreferencesPage, names: &[(&'static str, &str)]) -> Markup {
    let some = if page.topics.is_empty() { "preferences-all" } else { "preferences-chosen" };
    html! {
        fieldset {
            legend { (words.say("preferences-how-much")) }
            @for ((value, wanted), label) in
                WANTED.iter().zip([some, "preferences-no-company", "preferences-no-vendor"])
            {
                div.choice {
                    input type="radio" name="wanted" id={ "wanted-" (value) } value=(value)
                        checked[*wanted == page.wanted];
                    label for={ "wanted-" (value) } { (words.say_with(label, names)) }
                }
            }
        }
        @if !page.topics.is_empty() {
            fieldset {
                legend { (words.say_with("preferences-topics", names)) }
                @for topic in &page.topics { (one(topic)) }
            }
        }
    }
}

fn one(topic: &PreferredTopic) -> Markup {
    let id = format!("topic-{}", topic.topic);
    html! {
        div.choice {
            input type="hidden" name="shown" value=(topic.topic);
            input type="checkbox" name="topic" id=(id) value=(topic.topic) checked[topic.is_wanted];
            label for=(id) { (name(&topic.title)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_guessed() {
        for body in [&b""[..], b"topic=a", b"wanted=", b"wanted=everything", b"WANTED=topics"] {
            assert_eq!(chosen(body), None, "{body:?}");
        }
        let found = chosen(b"wanted=topics&shown=a&shown=b&topic=b&x=y").unwrap();
        assert_eq!(found.wanted, Wanted::Topics);
        assert_eq!((found.shown, found.topics), (vec!["a".into(), "b".into()], vec!["b".into()]));
        // The last word counts, as with any form.
        let twice = chosen(b"wanted=topics&wanted=no-company").unwrap();
        assert_eq!(twice.wanted, Wanted::NothingOfCompany);
    }

    #[tokio::test]
    async fn what_strangers_are_called_stays_text() {
        let bad = "\"><script>alert(1)</script>";
        let page = PreferencesPage {
            company_name: bad.to_owned(),
            vendor_name: bad.to_owned(),
            masked_address: "<img src=x>".to_owned(),
            locale: "en".to_owned(),
            topics: vec![PreferredTopic {
                topic: "tips".to_owned(),
                title: bad.to_owned(),
                is_wanted: true,
            }],
            wanted: Wanted::Topics,
            is_final: false,
        };
        for (tag, _) in Words::languages() {
            for page in [page.clone(), PreferencesPage { is_final: true, ..page.clone() }] {
                let look = Look { base: "".into(), words: Words::of(tag) };
                let body = look.preferences(&page, Some(BeltTold::Told)).into_body();
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let text = String::from_utf8(body.to_vec()).unwrap();
                assert!(text.contains("&lt;script&gt;"), "{text}");
                assert!(!text.contains("<script") && !text.contains("<img"), "{text}");
            }
        }
    }
}
