//! A text in several languages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A text in the package's own language, and perhaps in others.
///
/// In a version blob a text without translations is a plain text, as it was before there were any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Localised {
    own: String,
    others: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Plain(String),
    Several {
        own: String,
        #[serde(default)]
        others: BTreeMap<String, String>,
    },
}

impl From<Written> for Localised {
    fn from(written: Written) -> Self {
        match written {
            Written::Plain(own) => Self::from(own),
            Written::Several { own, others } => Self { own, others },
        }
    }
}

impl From<Localised> for Written {
    fn from(Localised { own, others }: Localised) -> Self {
        if others.is_empty() { Self::Plain(own) } else { Self::Several { own, others } }
    }
}

impl From<String> for Localised {
    fn from(own: String) -> Self {
        Self { own, others: BTreeMap::new() }
    }
}

impl Localised {
    /// A text in the package's own language, and others by language tag.
    pub fn new(own: impl Into<String>, others: BTreeMap<String, String>) -> Self {
        Self { own: own.into(), others }
    }

    /// The text in the package's own language.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// The text for a language: the same, or the same without region (`de-AT`, then `de`), or the
    /// package's own.
    pub fn for_language(&self, language: &str) -> &str {
        let mut wanted = language;
        loop {
            if let Some((_, text)) =
                self.others.iter().find(|(known, _)| known.eq_ignore_ascii_case(wanted))
            {
                return text;
            }
            match wanted.rsplit_once('-') {
                Some((shorter, _)) => wanted = shorter,
                None => return &self.own,
            }
        }
    }

    /// Every text with its language; the package's own, first, with `None`.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let others = self.others.iter().map(|(language, text)| (Some(&**language), &**text));
        std::iter::once((None, self.own())).chain(others)
    }

    /// Whether there is no text in any language.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.others.values().all(String::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Localised {
        let others = [("de", "Hallo"), ("de-CH", "Grüezi")];
        let others = others.map(|(language, text)| (language.to_owned(), text.to_owned()));
        Localised::new("Hello", BTreeMap::from(others))
    }

    #[test]
    fn the_nearest_language_is_found() {
        for (language, expected) in [
            ("de-AT", "Hallo"),
            ("de", "Hallo"),
            ("DE-ch", "Grüezi"),
            ("de-CH-1996", "Grüezi"),
            ("en", "Hello"),
            ("fr-CA", "Hello"),
            ("", "Hello"),
            ("-", "Hello"),
        ] {
            assert_eq!(text().for_language(language), expected, "{language}");
        }
    }

    #[test]
    fn a_plain_text_stays_one_in_a_blob() {
        let plain = Localised::from("Hello".to_owned());
        assert_eq!(serde_json::to_string(&plain).unwrap(), "\"Hello\"");
        for text in [plain, text(), Localised::default()] {
            let json = serde_json::to_string(&text).unwrap();
            assert_eq!(serde_json::from_str::<Localised>(&json).unwrap(), text);
        }
    }
}
