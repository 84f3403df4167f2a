//! Where in HTML a value stands, and whether it may stand there.
//!
//! Escaping makes a text safe between tags and in quoted attributes. It does not make it safe as the
//! name of a tag, in an attribute without quotes, in a script, or as the target of a link, so values
//! are refused there.

use crate::vocabulary::Kind;

/// The place reached so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between tags.
    Text,
    /// In a comment.
    Comment,
    /// In the content of `<style>`.
    Style,
    /// In a tag, outside attribute values.
    Tag { element: String, word: String },
    /// After `=`.
    BeforeValue { element: String, attribute: String },
    /// In a quoted attribute value.
    Value { element: String, attribute: String, quote: char, so_far: Prefix },
    /// In an attribute value without quotes.
    Bare { element: String },
}

/// What stands in an attribute value before the current place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// Literal text only.
    Literal(String),
    /// A checked link, and perhaps more.
    Link,
}

impl Place {
    /// Reads on through literal text.
    ///
    /// # Errors
    /// What the text may not contain, and the byte offset in it.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), (usize, String)> {
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let c = rest.chars().next().unwrap_or(' ');
            let mut width = c.len_utf8();
            let next = match self {
                Self::Text => {
                    if rest.starts_with("<!--[if") || rest.starts_with("<![endif]") {
                        // What only old Outlook reads is checked like everything else.
                        width = rest.find('>').map_or(rest.len(), |end| end + 1);
                        None
                    } else if rest.starts_with("<!--") {
                        width = 4;
                        Some(Self::Comment)
                    } else if c == '<'
                        && (rest.len() == 1
                            || rest[1..].starts_with(|c: char| {
                                c.is_ascii_alphabetic() || "/!?".contains(c)
                            }))
                    {
                        // At the very end, what follows would be the name of a tag.
                        Some(Self::Tag { element: String::new(), word: String::new() })
                    } else {
                        None
                    }
                }
                Self::Comment => rest.starts_with("-->").then(|| {
                    width = 3;
                    Self::Text
                }),
                Self::Style => (rest.len() >= 8 && rest[..8].eq_ignore_ascii_case("</style>"))
                    .then(|| {
                        width = 8;
                        Self::Text
                    }),
                Self::Tag { element, word } => {
                    let ends_word = c.is_whitespace() || c == '>' || (c == '/' && !word.is_empty());
                    if ends_word && element.is_empty() && !word.is_empty() {
                        *element = std::mem::take(word);
                        if !is_for_mail(element) {
                            let start = at.saturating_sub(element.len());
                            return Err((start, format!("`<{element}>` has no place in mail")));
                        }
                    }
                    match c {
                        '>' if element == "style" => Some(Self::Style),
                        '>' => Some(Self::Text),
                        '=' => {
                            let attribute = std::mem::take(word);
                            if attribute.starts_with("on") {
                                let message = format!("the attribute `{attribute}` runs a script");
                                return Err((at, message));
                            }
                            Some(Self::BeforeValue { element: std::mem::take(element), attribute })
                        }
                        _ if c.is_whitespace() => {
                            if !rest.trim_start().starts_with('=') {
                                word.clear();
                            }
                            None
                        }
                        _ => {
                            word.extend(c.to_lowercase());
                            None
                        }
                    }
                }
                Self::BeforeValue { element, attribute } => match c {
                    '"' | '\'' => Some(Self::Value {
                        element: std::mem::take(element),
                        attribute: std::mem::take(attribute),
                        quote: c,
                        so_far: Prefix::Literal(String::new()),
                    }),
                    _ if c.is_whitespace() => None,
                    _ => Some(Self::Bare { element: std::mem::take(element) }),
                },
                Self::Value { element, quote, so_far, .. } => {
                    if c == *quote {
                        Some(Self::Tag { element: std::mem::take(element), word: String::new() })
                    } else {
                        if let Prefix::Literal(text) = so_far {
                            text.push(c);
                        }
                        None
                    }
                }
                Self::Bare { element } => match c {
                    '>' => {
                        width = 0;
                        Some(Self::Tag { element: std::mem::take(element), word: String::new() })
                    }
                    _ if c.is_whitespace() => {
                        Some(Self::Tag { element: std::mem::take(element), word: String::new() })
                    }
                    _ => None,
                },
            };
            if let Some(next) = next {
                *self = next;
            }
            at += width;
        }
        Ok(())
    }

    /// A value of `kind` stands here.
    ///
    /// # Errors
    /// Why it may not, and what may.
    pub(crate) fn put(&mut self, kind: Kind) -> Result<(), (String, &'static str)> {
        let refuse = |place: &str, expected| Err((format!("a value stands {place}"), expected));
        match self {
            Self::Text => Ok(()),
            Self::Value { .. } if kind == Kind::RichText => {
                refuse("in an attribute, and it has markup", "rich text between tags")
            }
            Self::Comment => refuse("in a comment", "`{{!-- … --}}` for notes"),
            Self::Style => match kind {
                Kind::Colour | Kind::Number => Ok(()),
                _ => refuse("in a style sheet", "a colour or a number"),
            },
            Self::Tag { .. } => refuse("inside a tag", "values in quoted attributes only"),
            Self::BeforeValue { .. } | Self::Bare { .. } => {
                refuse("in an attribute without quotes", "the attribute value in quotes")
            }
            Self::Value { element, attribute, so_far, .. } => match attribute.as_str() {
                "style" => match kind {
                    Kind::Colour | Kind::Number => Ok(()),
                    _ => refuse("in a style", "a colour or a number"),
                },
                "href" | "src" | "action" | "background" | "cite" | "poster" => {
                    match (&so_far, kind) {
                        (Prefix::Literal(text), Kind::Url | Kind::PersonUrl) if text.is_empty() => {
                            *so_far = Prefix::Link;
                            Ok(())
                        }
                        (Prefix::Literal(text), Kind::Encoded) if has_fixed_target(text) => Ok(()),
                        (Prefix::Link, Kind::Encoded) => Ok(()),
                        (Prefix::Literal(text), _) if text.is_empty() => {
                            refuse("as a link that is not one", "a link such as `partner.web_site`")
                        }
                        _ => refuse(
                            "in a link without encoding",
                            "`{{percent value}}`, after the host",
                        ),
                    }
                }
                // A page in a page, several links in one, a link where nobody sees it.
                "srcdoc" | "srcset" | "ping" | "formaction" | "data" | "manifest" | "xmlns"
                | "target" | "http-equiv" | "id" | "class" => {
                    Err((format!("a value stands in `{attribute}`"), "no value there"))
                }
                "content" if element == "meta" => {
                    refuse("in the `content` of a `<meta>`", "no value there")
                }
                name if name.contains(':') => {
                    refuse("in an attribute of another language", "no value there")
                }
                _ => Ok(()),
            },
        }
    }
}

/// Whether mail has a use for an element; what runs, loads or sends something is none of them.
fn is_for_mail(element: &str) -> bool {
    const ELEMENTS: [&str; 50] = [
        "!doctype",
        "a",
        "abbr",
        "address",
        "b",
        "big",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "hr",
        "html",
        "i",
        "img",
        "ins",
        "li",
        "meta",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "small",
        "span",
        "strong",
        "style",
        "sub",
        "sup",
        "table",
        "title",
        "u",
        "ul",
    ];
    const TABLE: [&str; 7] = ["tbody", "td", "tfoot", "th", "thead", "tr", "bdi"];
    let name = element.trim_start_matches('/');
    // `v:`, `o:` and `w:` are what old Outlook draws buttons with.
    let is_outlook =
        ["v:", "o:", "w:"].iter().any(|space| name.starts_with(space)) || name == "xml";
    ELEMENTS.contains(&name) || TABLE.contains(&name) || is_outlook
}

/// Whether a link that begins with `text` goes where the template says, whatever follows.
fn has_fixed_target(text: &str) -> bool {
    text == "mailto:"
        || text == "tel:"
        || text.starts_with("mailto:") && text.contains('?')
        || text.strip_prefix("https://").is_some_and(|rest| rest.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(before: &str, kind: Kind) -> Result<(), String> {
        let mut place = Place::Text;
        place.read(before).map_err(|(_, message)| message)?;
        place.put(kind).map_err(|(message, _)| message)
    }

    #[test]
    fn text_may_stand_between_tags_and_in_quotes_only() {
        for fine in
            ["", "<p>", "<p class=x>", "<img alt=\"", "<img alt='a", "<!-- x --><p>", "a < b "]
        {
            assert_eq!(put(fine, Kind::Text), Ok(()), "{fine}");
        }
        for bad in [
            "<",
            "<p ",
            "<p title=",
            "<p title=a",
            "<!-- ",
            "<style>",
            "<style type=\"a\">p{color:",
            "<p style=\"",
            "<a href=\"",
            "<a HREF = '",
            "<a href=\"https://",
            "<a href=\"javascript:",
            "<script>",
            "<p onclick=\"",
            "<iframe ",
            "<!--[if mso]><v:rect href=\"",
            "<img src=\"",
            "<img srcset=\"",
            "<a ping=\"",
            "<meta http-equiv=\"refresh\" content=\"",
            "<p class=\"",
            "<p id='",
            "<v:rect xlink:href=\"",
        ] {
            assert!(put(bad, Kind::Text).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_begin_links_and_encoded_text_ends_them() {
        assert_eq!(put("<a href=\"", Kind::Url), Ok(()));
        assert_eq!(put("<a href=\"", Kind::PersonUrl), Ok(()));
        assert_eq!(put("<a href=\"mailto:", Kind::Encoded), Ok(()));
        assert_eq!(put("<a href=\"https://a.example/?q=", Kind::Encoded), Ok(()));
        assert!(put("<a href=\"https://", Kind::Encoded).is_err());
        assert!(put("<a href=\"", Kind::Encoded).is_err());
        assert!(put("<a href=\"x", Kind::Url).is_err());
        assert!(put("<a href=\"https://a.example/?q=", Kind::Text).is_err());
    }

    #[test]
    fn colours_may_stand_in_styles() {
        assert_eq!(put("<p style=\"color:", Kind::Colour), Ok(()));
        assert_eq!(put("<style>p { color: ", Kind::Colour), Ok(()));
        assert_eq!(put("<style>x</style>", Kind::Text), Ok(()));
    }
}
