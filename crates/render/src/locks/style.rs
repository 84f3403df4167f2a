//! As much of CSS as mail has, read to see whether a text can be read: rules with plain selectors, and
//! the properties that hide or colour.

use std::collections::BTreeMap;

use scraper::{ElementRef, Selector};

/// Declarations by property; the flag says `!important`.
type Declarations = Vec<(String, String, bool)>;

/// One rule of a style sheet, for one selector.
#[derive(Debug)]
struct Rule {
    selector: Selector,
    specificity: (usize, usize, usize),
    declarations: Declarations,
    /// The number of the media query it stands in.
    media: Option<usize>,
}

/// The style sheets of a message.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    rules: Vec<Rule>,
    /// How many media queries there are.
    pub(super) medias: usize,
}

impl Sheet {
    /// Reads on through a style sheet.
    pub(super) fn read(&mut self, css: &str) {
        self.block(&without_comments(css), None);
    }

    fn block(&mut self, css: &str, media: Option<usize>) {
        let mut rest = css;
        while let Some(start) = rest.find(['{', ';', '}']) {
            let (head, tail) = (rest[..start].trim(), &rest[start + 1..]);
            if !rest[start..].starts_with('{') {
                // `@import …;`, or a brace too many.
                rest = tail;
                continue;
            }
            let end = end_of_block(tail);
            let inside = &tail[..end];
            if head.starts_with("@media") || head.starts_with("@supports") {
                // One in another counts as one: more rules hold, fewer can be missed.
                let number = media.unwrap_or(self.medias);
                self.medias = self.medias.max(number + 1);
                self.block(inside, Some(number));
            } else if !head.starts_with('@') {
                let declarations = declarations(inside);
                for selector in head.split(',') {
                    let plain = without_pseudo(selector);
                    if let Ok(parsed) = Selector::parse(&plain) {
                        let (specificity, declarations) =
                            (specificity(&plain), declarations.clone());
                        self.rules.push(Rule {
                            selector: parsed,
                            specificity,
                            declarations,
                            media,
                        });
                    }
                }
            }
            rest = tail.get(end + 1..).unwrap_or_default();
        }
    }

    /// The properties an element has by itself where media query `media` holds.
    pub(super) fn properties(
        &self,
        element: &ElementRef<'_>,
        media: Option<usize>,
    ) -> BTreeMap<String, String> {
        let mut properties = presentational(element);
        let mut matching: Vec<(usize, &Rule)> = self
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.media.is_none() || rule.media == media)
            .filter(|(_, rule)| rule.selector.matches(element))
            .collect();
        matching.sort_by_key(|(order, rule)| (rule.specificity, *order));
        let own = element.attr("style").map(declarations).unwrap_or_default();
        for wanted in [false, true] {
            let sheets = matching.iter().flat_map(|(_, rule)| &rule.declarations);
            for (property, value, is_important) in sheets.chain(&own) {
                if *is_important == wanted {
                    properties.insert(property.clone(), value.clone());
                }
            }
        }
        properties
    }
}

/// What attributes of old say.
fn presentational(element: &ElementRef<'_>) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (attribute, property) in
        [("bgcolor", "background-color"), ("color", "color"), ("text", "color")]
    {
        if let Some(value) = element.attr(attribute) {
            properties.insert(property.to_owned(), value.to_ascii_lowercase());
        }
    }
    properties
}

/// `property: value` by `;`, in small letters. `background` counts as the colour in it.
fn declarations(css: &str) -> Declarations {
    let css = without_comments(css);
    let mut declarations = Vec::new();
    for declaration in css.split(';') {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let value = value.trim().to_ascii_lowercase();
        let (value, is_important) = match value.split_once('!') {
            Some((value, rest)) => (value.trim().to_owned(), rest.trim() == "important"),
            None => (value, false),
        };
        let property = match property.trim().to_ascii_lowercase() {
            property if property == "background" => "background-color".to_owned(),
            property => property,
        };
        declarations.push((property, value, is_important));
    }
    declarations
}

fn without_comments(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start + 2..].split_once("*/").map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    // What old programs were hidden from.
    out.replace("<!--", " ").replace("-->", " ")
}

/// Where the block that begins `css` ends.
fn end_of_block(css: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in css.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    css.len()
}

/// A selector without `:hover` and `::before`: it holds for more elements then, never for fewer.
fn without_pseudo(selector: &str) -> String {
    let mut out = String::with_capacity(selector.len());
    let mut rest = selector.trim();
    while let Some(start) = rest.find(':') {
        out.push_str(&rest[..start]);
        let name = rest[start..].trim_start_matches(':');
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len());
        rest = &name[end..];
        if rest.starts_with('(') {
            rest = rest.split_once(')').map_or("", |(_, rest)| rest);
        }
    }
    out.push_str(rest);
    let ends_open = out.is_empty() || out.ends_with([' ', '>', '+', '~']);
    if ends_open { out + "*" } else { out }
}

fn specificity(selector: &str) -> (usize, usize, usize) {
    let count = |mark: &[char]| selector.matches(mark).count();
    let elements = selector
        .split([' ', '>', '+', '~'])
        .filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()))
        .count();
    (count(&['#']), count(&['.', '[']), elements)
}

#[cfg(test)]
mod tests {
    use scraper::Html;

    use super::*;

    fn property(css: &str, html: &str, media: Option<usize>, property: &str) -> Option<String> {
        let mut sheet = Sheet::default();
        sheet.read(css);
        let document = Html::parse_fragment(html);
        let last = document.root_element().descendent_elements().last().unwrap();
        sheet.properties(&last, media).remove(property)
    }

    #[test]
    fn rules_hold_in_the_order_of_css() {
        for (css, html, media, expected) in [
            ("p { color: red }", "<p>", None, Some("red")),
            ("p { color: red } p { COLOR : Blue }", "<p>", None, Some("blue")),
            (".a { color: red } p { color: blue }", "<p class=a>", None, Some("red")),
            ("#i { color: red } .a { color: blue }", "<p class=a id=i>", None, Some("red")),
            ("div p { color: red } p { color: blue }", "<div><p>", None, Some("red")),
            ("p { color: red }", "<p style=\"color: blue\">", None, Some("blue")),
            ("p { color: red !important }", "<p style=\"color: blue\">", None, Some("red")),
            (
                "p { color: red !important }",
                "<p style=\"color: blue !important\">",
                None,
                Some("blue"),
            ),
            ("td p, .x { color: red }", "<p class=x>", None, Some("red")),
            ("/* p { color: red } */", "<p>", None, None),
            ("@media (dark) { p { color: red } }", "<p>", None, None),
            ("@media (dark) { p { color: red } } b { color: blue }", "<p>", Some(0), Some("red")),
            (
                "@media x { b { color: red } } @media y { p { color: blue } }",
                "<p>",
                Some(1),
                Some("blue"),
            ),
            ("@import url(x); p { color: red }", "<p>", None, Some("red")),
            ("p:hover { color: red }", "<p>", None, Some("red")),
            ("p::before, :root { color: red }", "<p>", None, Some("red")),
            ("p:nth-child(2) { color: red }", "<p>", None, Some("red")),
            ("", "<font color=RED>", None, Some("red")),
            ("font { color: blue }", "<font color=RED>", None, Some("blue")),
            ("} p { color: red", "<p>", None, Some("red")),
        ] {
            assert_eq!(property(css, html, media, "color").as_deref(), expected, "{css} {html}");
        }
        let background = property("p { background: #FFF url(x) }", "<p>", None, "background-color");
        assert_eq!(background.as_deref(), Some("#fff url(x)"));
    }
}
