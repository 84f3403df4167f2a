//! A slot's value once it was read.

use serde_json::{Value as Json, json};
use url::Url;

use super::{ImageValue, PersonValue, rich_text::RichText};
use crate::{
    colour::{Colour, WHITE},
    package::SlotKind,
};

/// A value that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// None.
    Empty,
    /// Plain text, one line; or one of the values of a choice.
    Text(String),
    /// Markup that was taken apart and put together again.
    RichText(RichText),
    /// A link.
    Url(Url),
    /// A picture of the book.
    Image(ImageValue),
    /// A colour.
    Colour(Colour),
    /// A person.
    Person(PersonValue),
    /// A moment.
    Moment(jiff::Zoned),
}

impl Value {
    /// The one form it is kept in, which reads back as the same value.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::RichText(rich) => rich.html.clone(),
            Self::Url(url) => url.to_string(),
            Self::Image(image) => image.to_string(),
            Self::Colour(colour) => colour.to_string(),
            Self::Person(person) => person.to_string(),
            Self::Moment(moment) => moment.to_string(),
        }
    }

    /// What templates see of it, but for rich text.
    pub(crate) fn to_json(&self, kind: SlotKind, public_url: &str) -> Json {
        match self {
            Self::Empty => match kind {
                SlotKind::Image | SlotKind::Colour | SlotKind::Person => Json::Null,
                _ => json!(""),
            },
            Self::Image(image) => json!({
                "url": asset_url(public_url, &image.hash, &image.extension),
                "width": image.width,
                "height": image.height,
                "alt": image.alt,
            }),
            Self::Person(person) => {
                json!({ "name": person.name, "email": person.email, "phone": person.phone })
            }
            other => json!(other.to_text()),
        }
    }

    /// The colour as text can have it on white, if this is a colour.
    pub(crate) fn ink(&self) -> Option<String> {
        match self {
            Self::Colour(colour) => Some(colour.readable_on(WHITE).to_string()),
            _ => None,
        }
    }
}

/// Where a picture of the book is served.
pub(crate) fn asset_url(public_url: &str, hash: &domain::ContentHash, extension: &str) -> String {
    format!("{}/a/{hash}.{extension}", public_url.trim_end_matches('/'))
}
