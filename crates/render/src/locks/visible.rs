//! Whether a reader sees what is locked: nothing around it hides it, and its text can be read on its
//! ground, in light and in dark mode, whatever colours a partner has.

use std::collections::BTreeMap;

use ego_tree::NodeRef;
use scraper::{ElementRef, Html, Node};

use super::style::Sheet;
use crate::colour::{BLACK, Colour, WHITE};

/// The least contrast of a lock's text: what WCAG 2.2, 1.4.3, asks for of large text and 1.4.11 of all
/// that carries meaning. Below it, a partner's colours would have made it unreadable.
const LEAST_CONTRAST: f64 = 3.0;
/// The smallest text that people can read, in pixels.
const LEAST_SIZE: f64 = 7.0;
/// The least opacity of what is above it, all together.
const LEAST_OPACITY: f64 = 0.6;

/// Looks at every lock of a part. `html` has the comments `lock:NAME` and `/lock:NAME` around each.
///
/// # Errors
/// The name of a lock that is not seen, and why.
pub(crate) fn look<'n>(
    html: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<(), (String, String)> {
    let document = Html::parse_document(html);
    let mut sheet = Sheet::default();
    for node in document.root_element().descendants() {
        if let Some(element) = ElementRef::wrap(node)
            && element.value().name() == "style"
        {
            sheet.read(&element.text().collect::<String>());
        }
    }
    let locks = texts(&document);
    for name in names {
        let refuse = |why: &str| Err((name.to_owned(), why.to_owned()));
        let Some(texts) = locks.get(name) else {
            return refuse("it stands in something that is not shown, such as a comment");
        };
        if texts.is_empty() {
            return refuse("the page around it takes its text apart");
        }
        for media in std::iter::once(None).chain((0..sheet.medias).map(Some)) {
            for text in texts {
                if let Err(why) = is_seen(*text, &sheet, media) {
                    return Err((name.to_owned(), why));
                }
            }
        }
    }
    Ok(())
}

/// The texts and pictures of each lock, by its name.
fn texts(document: &Html) -> BTreeMap<String, Vec<NodeRef<'_, Node>>> {
    let mut locks: BTreeMap<String, Vec<NodeRef<'_, Node>>> = BTreeMap::new();
    let mut open: Option<String> = None;
    for node in document.tree.root().descendants() {
        match node.value() {
            Node::Comment(comment) => match comment.split_once(':') {
                Some(("lock", name)) => {
                    locks.entry(name.to_owned()).or_default();
                    open = Some(name.to_owned());
                }
                Some(("/lock", _)) => open = None,
                _ => {}
            },
            Node::Text(text) if !text.trim().is_empty() => {
                if let Some(texts) = open.as_ref().and_then(|name| locks.get_mut(name)) {
                    texts.push(node);
                }
            }
            Node::Element(element) if element.name() == "img" => {
                if let Some(texts) = open.as_ref().and_then(|name| locks.get_mut(name)) {
                    texts.push(node);
                }
            }
            _ => {}
        }
    }
    locks
}

/// Whether one text can be seen and read.
fn is_seen(text: NodeRef<'_, Node>, sheet: &Sheet, media: Option<usize>) -> Result<(), String> {
    let mut elements: Vec<ElementRef<'_>> = text.ancestors().filter_map(ElementRef::wrap).collect();
    elements.reverse();
    let is_picture = text.value().is_element();
    elements.extend(ElementRef::wrap(text));
    let (mut ink, mut ground) = (BLACK, WHITE);
    let mut opacity = 1.0;
    let mut is_visible = true;
    let mut size: f64 = 16.0;
    for element in elements {
        let name = element.value().name();
        if matches!(name, "head" | "title" | "style" | "template" | "noscript" | "script") {
            return Err(format!("it stands in `<{name}>`"));
        }
        let properties = sheet.properties(&element, media);
        if let Some(why) = hides(&element, &properties) {
            return Err(format!("`<{name}>` around it has {why}"));
        }
        if let Some(value) = properties.get("visibility") {
            is_visible = value != "hidden" && value != "collapse";
        }
        if let Some(value) = properties.get("opacity").and_then(|value| number(value)) {
            opacity *= value;
        }
        if let Some(value) = properties.get("font-size") {
            size = font_size(value, size);
        }
        if let Some(colour) = properties.get("color").and_then(|value| colour(value)) {
            ink = colour;
        }
        let background = properties.get("background-color");
        if let Some(colour) = background.and_then(|value| value.split(' ').find_map(colour)) {
            ground = colour;
        }
    }
    if !is_visible {
        return Err("`visibility` hides it".to_owned());
    }
    if opacity < LEAST_OPACITY {
        return Err("`opacity` hides it".to_owned());
    }
    if is_picture {
        return Ok(());
    }
    if size < LEAST_SIZE {
        return Err(format!("its text is {size} pixels high, and readers need {LEAST_SIZE}"));
    }
    let contrast = ink.contrast(ground);
    if contrast < LEAST_CONTRAST {
        let mode = media.map_or("", |_| " under a media query");
        return Err(format!(
            "its text is {ink} on {ground}{mode}: a contrast of {contrast:.1} : 1, and readers need {LEAST_CONTRAST} : 1"
        ));
    }
    Ok(())
}

/// What of an element hides everything in it.
fn hides(element: &ElementRef<'_>, properties: &BTreeMap<String, String>) -> Option<String> {
    if element.attr("hidden").is_some() {
        return Some("the attribute `hidden`".to_owned());
    }
    let is_nothing = |value: &str| number(value) == Some(0.0);
    for (property, value) in properties {
        let hides = match property.as_str() {
            "display" => value == "none",
            "mso-hide" => value == "all",
            "overflow" | "overflow-x" | "overflow-y" => {
                matches!(value.as_str(), "hidden" | "clip" | "scroll" | "auto")
                    && ["height", "max-height", "width", "max-width"].iter().any(|side| {
                        properties
                            .get(*side)
                            .and_then(|side| pixels(side))
                            .is_some_and(|it| it < 8.0)
                    })
            }
            "line-height" | "zoom" | "scale" => is_nothing(value),
            "clip" => value.starts_with("rect"),
            "clip-path" | "mask" | "mask-image" => value != "none",
            "filter" => {
                value.contains("opacity(0")
                    || value.contains("blur(")
                    || value.contains("contrast(0")
            }
            "transform" => {
                value.contains("scale") || value.contains("translate") || value.contains("matrix")
            }
            "position" => matches!(value.as_str(), "absolute" | "fixed"),
            "text-indent" | "margin-left" | "margin-top" | "left" | "top" | "letter-spacing" => {
                pixels(value).is_some_and(|it| it < -20.0)
            }
            "-webkit-text-fill-color" | "color" => value == "transparent" || has_no_alpha(value),
            _ => false,
        };
        if hides {
            return Some(format!("`{property}: {value}`"));
        }
    }
    None
}

/// `rgba(…, 0.2)` and `#0000`: so clear that it is not seen.
fn has_no_alpha(value: &str) -> bool {
    let alpha = value
        .strip_prefix("rgba(")
        .or_else(|| value.strip_prefix("rgb("))
        .and_then(|inside| inside.strip_suffix(')'))
        .map(|inside| {
            inside.split([',', '/', ' ']).filter(|part| !part.is_empty()).collect::<Vec<_>>()
        })
        .filter(|parts| parts.len() == 4)
        .and_then(|parts| number(parts[3]));
    let digits = value.strip_prefix('#').filter(|digits| matches!(digits.len(), 4 | 8));
    let clear = digits.and_then(|digits| {
        let alpha = u8::from_str_radix(&digits[digits.len() * 3 / 4..], 16).ok()?;
        Some(if digits.len() == 4 { alpha < 0xA } else { alpha < 0xA0 })
    });
    alpha.is_some_and(|alpha| alpha < LEAST_OPACITY) || clear == Some(true)
}

/// The number a value begins with; a percentage as a share.
fn number(value: &str) -> Option<f64> {
    let end = value
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+'))
        .unwrap_or(value.len());
    let number: f64 = value[..end].parse().ok()?;
    Some(if value[end..].starts_with('%') { number / 100.0 } else { number })
}

/// A length in pixels, if it is an absolute one.
fn pixels(value: &str) -> Option<f64> {
    let number = number(value)?;
    let unit = value.trim_start_matches(|c: char| !c.is_ascii_alphabetic() && c != '%');
    match unit {
        "" if number == 0.0 => Some(0.0),
        "px" | "" => Some(number),
        "pt" => Some(number * 4.0 / 3.0),
        "em" | "rem" => Some(number * 16.0),
        _ if number == 0.0 => Some(0.0),
        _ => None,
    }
}

fn font_size(value: &str, parent: f64) -> f64 {
    let unit = value.trim_start_matches(|c: char| !c.is_ascii_alphabetic() && c != '%');
    match (unit, number(value)) {
        ("em" | "%", Some(share)) => parent * share,
        (_, Some(_)) => pixels(value).unwrap_or(parent),
        _ => parent,
    }
}

/// A colour as mail writes it. What is none, such as `inherit`, changes nothing.
fn colour(value: &str) -> Option<Colour> {
    if let Some(digits) = value.strip_prefix('#') {
        let wide: String = match digits.len() {
            3 | 4 => digits.chars().take(3).flat_map(|digit| [digit, digit]).collect(),
            6 | 8 => digits.chars().take(6).collect(),
            _ => return None,
        };
        return Colour::read(&format!("#{wide}"));
    }
    if let Some(inside) = value.strip_prefix("rgb(").or_else(|| value.strip_prefix("rgba(")) {
        let mut parts =
            inside.trim_end_matches(')').split([',', '/', ' ']).filter(|it| !it.is_empty());
        let mut part = || Some(number(parts.next()?)?.clamp(0.0, 255.0).round() as u8);
        return Some(Colour(part()?, part()?, part()?));
    }
    let named = match value {
        "white" => WHITE,
        "black" => BLACK,
        "red" => Colour(0xFF, 0, 0),
        "green" => Colour(0, 0x80, 0),
        "blue" => Colour(0, 0, 0xFF),
        "yellow" => Colour(0xFF, 0xFF, 0),
        "orange" => Colour(0xFF, 0xA5, 0),
        "gray" | "grey" => Colour(0x80, 0x80, 0x80),
        "lightgray" | "lightgrey" => Colour(0xD3, 0xD3, 0xD3),
        "darkgray" | "darkgrey" => Colour(0xA9, 0xA9, 0xA9),
        "silver" => Colour(0xC0, 0xC0, 0xC0),
        "whitesmoke" => Colour(0xF5, 0xF5, 0xF5),
        "ivory" => Colour(0xFF, 0xFF, 0xF0),
        "navy" => Colour(0, 0, 0x80),
        _ => return None,
    };
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(before: &str, after: &str) -> Result<(), String> {
        let html = format!("{before}<!--lock:terms--><p>Terms apply.</p><!--/lock:terms-->{after}");
        look(&html, ["terms"]).map_err(|(name, why)| {
            assert_eq!(name, "terms");
            why
        })
    }

    #[test]
    fn a_lock_in_plain_mail_is_seen() {
        for (before, after) in [
            ("", ""),
            ("<table><tr><td style=\"color:#26272b\">", "</td></tr></table>"),
            ("<div style=\"background-color:#000000;color:white\">", "</div>"),
            ("<div style=\"display:none\">x</div>", ""),
            ("<style>.quiet { color: #6a6c75 }</style><div class=\"quiet\">", "</div>"),
            ("<div style=\"opacity:0.9;font-size:13px;overflow:hidden\">", "</div>"),
            ("<div style=\"color:inherit;background:none\">", "</div>"),
        ] {
            assert_eq!(seen(before, after), Ok(()), "{before}");
        }
    }

    #[test]
    fn whatever_hides_a_lock_is_found() {
        for (before, after, why) in [
            ("<!-- ", " -->", "it stands in something that is not shown"),
            ("<!--[if mso]> ", "<![endif]-->", "it stands in something that is not shown"),
            ("<style>", "</style>", "it stands in something that is not shown"),
            ("<p title=\"", "\">", "it stands in something that is not shown"),
            ("<title>", "</title>", "it stands in something that is not shown"),
            ("<noscript>", "</noscript>", ""),
            ("<div hidden>", "</div>", "`<div>` around it has the attribute `hidden`"),
            ("<div style=\"display:none\">", "</div>", "`<div>` around it has `display: none`"),
            ("<div style=\"DISPLAY : None !important\">", "</div>", "`display: none`"),
            (
                "<div style=\"display:none\"><div style=\"display:block\">",
                "</div></div>",
                "`display: none`",
            ),
            ("<style>.x{display:none}</style><div class=x>", "</div>", "`display: none`"),
            (
                "<style>@media print{.x p{display:none}}</style><div class=x>",
                "</div>",
                "`display: none`",
            ),
            ("<div style=\"visibility:hidden\">", "</div>", "`visibility` hides it"),
            (
                "<div style=\"opacity:0.5\"><div style=\"opacity:0.5\">",
                "</div></div>",
                "`opacity` hides it",
            ),
            ("<div style=\"font-size:0\">", "</div>", "its text is 0 pixels high"),
            (
                "<div style=\"font-size:50%\"><div style=\"font-size:0.5em\">",
                "</div></div>",
                "its text is 4 pixels high",
            ),
            ("<div style=\"line-height:0\">", "</div>", "`line-height: 0`"),
            ("<div style=\"max-height:0;overflow:hidden\">", "</div>", "`overflow: hidden`"),
            ("<div style=\"text-indent:-9999px\">", "</div>", "`text-indent: -9999px`"),
            ("<div style=\"position:absolute;left:-9999px\">", "</div>", "around it has"),
            ("<div style=\"transform:scale(0)\">", "</div>", "`transform: scale(0)`"),
            ("<div style=\"clip-path:inset(50%)\">", "</div>", "`clip-path"),
            ("<div style=\"mso-hide:all\">", "</div>", "`mso-hide: all`"),
            ("<div style=\"color:transparent\">", "</div>", "`color: transparent`"),
            ("<div style=\"color:rgba(0,0,0,0.1)\">", "</div>", "`color: rgba(0,0,0,0.1)`"),
            ("<div style=\"color:#0001\">", "</div>", "`color: #0001`"),
            (
                "<div style=\"color:#ffffff\">",
                "</div>",
                "its text is #ffffff on #ffffff: a contrast of 1.0 : 1",
            ),
            ("<div style=\"background:#111\">", "</div>", "its text is #000000 on #111111"),
            (
                "<table bgcolor=\"#000000\"><tr><td>",
                "</td></tr></table>",
                "its text is #000000 on #000000",
            ),
            ("<font color=\"#ffff00\">", "</font>", "its text is #ffff00 on #ffffff"),
            (
                "<style>@media (prefers-color-scheme: dark) { .x { background-color: #1c1c20 !important } }</style><div class=x>",
                "</div>",
                "its text is #000000 on #1c1c20 under a media query",
            ),
            ("<table>", "</table>", "the page around it takes its text apart"),
        ] {
            match seen(before, after) {
                Err(found) => assert!(found.contains(why), "{before}: {found}"),
                Ok(()) => panic!("{before}"),
            }
        }
    }

    #[test]
    fn colours_read_as_mail_writes_them() {
        for (text, expected) in [
            ("#0b6e4f", Some("#0b6e4f")),
            ("#fff", Some("#ffffff")),
            ("rgb(1, 2,3)", Some("#010203")),
            ("rgba(255 255 255 / 1)", Some("#ffffff")),
            ("white", Some("#ffffff")),
            ("inherit", None),
            ("#12", None),
            ("", None),
        ] {
            assert_eq!(colour(text).map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }
}
