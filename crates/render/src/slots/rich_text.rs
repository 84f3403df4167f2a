//! Rich text in a slot: paragraphs, lists, emphasis and links, and nothing else.
//!
//! What a partner wrote is parsed as a browser would parse it, and only what is allowed is written
//! anew (ammonia); so what stands in a message is closed, and has no element, attribute or link that
//! was not looked at.

use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

use ammonia::{Builder, UrlRelative};
use scraper::{Html, Node, node::Element};
use unicode_segmentation::UnicodeSegmentation;

use super::Misfit;
use crate::{brand::https, clean::tidy};

/// The elements that may stand in rich text.
const ELEMENTS: [&str; 8] = ["a", "br", "em", "li", "ol", "p", "strong", "ul"];
/// The most bytes of what is handed in; office programs write much that is thrown away.
const MOST_BYTES: usize = 64 * 1024;
/// The most tags of what is handed in, and what parsing them costs.
const MOST_TAGS: usize = 2_000;
/// The deepest nesting: a list in a list in a list.
const MOST_DEPTH: usize = 10;

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(ELEMENTS))
        .clean_content_tags(HashSet::from(["script", "style", "title", "template"]))
        .add_tag_attributes("a", ["href"])
        .url_schemes(HashSet::from(["https"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(None)
        .attribute_filter(|_, _, value| Some(Cow::Owned(https(value)?.to_string())));
    builder
});

/// Rich text that may stand in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RichText {
    /// As HTML: closed, with allowed elements only.
    pub(crate) html: String,
    /// As plain text, with lines.
    pub(crate) text: String,
}

impl RichText {
    /// Reads what a partner wrote: HTML, or plain text with empty lines between paragraphs.
    pub(super) fn read(written: &str, most: usize) -> Result<Self, Misfit> {
        if written.len() > MOST_BYTES {
            let message = format!("it has {} bytes with its markup", written.len());
            return Err((message, format!("at most {MOST_BYTES}")));
        }
        let tags = written.bytes().filter(|b| *b == b'<').count();
        if tags > MOST_TAGS {
            return Err((format!("it has {tags} tags"), format!("at most {MOST_TAGS}")));
        }
        let written = match has_markup(written) {
            true => Cow::Borrowed(written),
            false => Cow::Owned(paragraphs(&written.replace("\r\n", "\n"))),
        };
        // Last, since references such as `&#8238;` become characters in the parser.
        let html = tidy(&SANITISER.clean(&written).to_string());
        let mut reader = Reader::default();
        reader.read(&html);
        if reader.deepest > MOST_DEPTH {
            return Err((
                "its lists are nested too deep".to_owned(),
                "at most 4 levels".to_owned(),
            ));
        }
        let length = reader.text.graphemes(true).filter(|it| *it != "\n").count() + reader.breaks;
        if length > most {
            let message = format!("it has {length} characters that are seen, line breaks counted");
            return Err((message, format!("at most {most}")));
        }
        if reader.text.trim().is_empty() {
            let message = "it has no character that can be seen";
            return Err((message.to_owned(), "a text, or nothing at all".to_owned()));
        }
        Ok(Self { html: html.trim().to_owned(), text: reader.text.trim().to_owned() })
    }
}

/// Whether somebody wrote a tag or a reference in it; a text with neither is plain.
fn has_markup(text: &str) -> bool {
    let has_tag = text.match_indices('<').any(|(at, _)| {
        text[at + 1..]
            .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
    });
    let has_reference = text.match_indices('&').any(|(at, _)| {
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '#').unwrap_or(rest.len());
        end > 0 && rest[end..].starts_with(';')
    });
    has_tag || has_reference
}

/// Plain text as paragraphs.
fn paragraphs(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    for paragraph in text.split("\n\n").map(str::trim).filter(|it| !it.is_empty()) {
        html.push_str("<p>");
        for (number, line) in paragraph.lines().enumerate() {
            if number > 0 {
                html.push_str("<br>");
            }
            crate::engine::push_html(&mut html, line.trim());
        }
        html.push_str("</p>");
    }
    html
}

/// Reads sanitised HTML as plain text.
#[derive(Default)]
struct Reader {
    text: String,
    deepest: usize,
    /// Line breaks that the elements make.
    breaks: usize,
    /// The open lists: the number of the next item, if they are numbered.
    lists: Vec<Option<usize>>,
}

impl Reader {
    fn read(&mut self, html: &str) {
        use ego_tree::iter::Edge;

        let fragment = Html::parse_fragment(html);
        let mut depth = 0;
        for edge in fragment.root_element().traverse() {
            match edge {
                Edge::Open(node) => match node.value() {
                    Node::Text(text) => self.words(text),
                    Node::Element(element) => {
                        depth += 1;
                        self.deepest = self.deepest.max(depth);
                        self.open(element.name());
                    }
                    _ => {}
                },
                Edge::Close(node) => {
                    if let Node::Element(element) = node.value() {
                        depth -= 1;
                        self.close(element);
                    }
                }
            }
        }
    }

    /// Text as a browser shows it: white space is one space, and none at the beginning of a line.
    fn words(&mut self, text: &str) {
        for c in text.chars() {
            if !c.is_ascii_whitespace() {
                self.text.push(c);
            } else if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
                self.text.push(' ');
            }
        }
    }

    /// Ends the line, and leaves `blank` empty lines.
    fn end_line(&mut self, blank: usize) {
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        if self.text.is_empty() {
            return;
        }
        let ends = self.text.len() - self.text.trim_end_matches('\n').len();
        for _ in ends..=blank {
            self.text.push('\n');
        }
    }

    fn open(&mut self, name: &str) {
        match name {
            "p" if self.lists.is_empty() => {
                self.breaks += 1;
                self.end_line(1);
            }
            "br" => {
                self.breaks += 1;
                self.text.push('\n');
            }
            "ul" | "ol" => {
                self.end_line(usize::from(self.lists.is_empty()));
                self.lists.push((name == "ol").then_some(1));
            }
            "li" => {
                self.breaks += 1;
                self.end_line(0);
                let indent = self.lists.len().saturating_sub(1) * 2;
                self.text.extend(std::iter::repeat_n(' ', indent));
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.text.push_str(&format!("{number}. "));
                        *number += 1;
                    }
                    _ => self.text.push_str("- "),
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, element: &Element) {
        match element.name() {
            "p" if self.lists.is_empty() => self.end_line(1),
            "ul" | "ol" => {
                self.lists.pop();
                self.end_line(usize::from(self.lists.is_empty()));
            }
            "a" => {
                if let Some(link) = element.attr("href")
                    && !self.text.ends_with(link)
                    && !self.text.ends_with(link.trim_end_matches('/'))
                {
                    self.text.push_str(&format!(" ({link})"));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(written: &str) -> String {
        RichText::read(written, 2_000).unwrap().html
    }

    fn text(written: &str) -> String {
        RichText::read(written, 2_000).unwrap().text
    }

    #[test]
    fn what_is_allowed_stays_and_what_is_not_goes() {
        for (written, kept) in [
            (
                "<p>One <strong>two</strong> <em>three</em><br>four</p>",
                "<p>One <strong>two</strong> <em>three</em><br>four</p>",
            ),
            ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
            (
                "<a href=\"https://a.example/x?a=1&b=2\">x</a>",
                "<a href=\"https://a.example/x?a=1&amp;b=2\">x</a>",
            ),
            ("<a href=\"http://a.example\">x</a>", "<a>x</a>"),
            ("<a href=\"javascript:alert(1)\">x</a>", "<a>x</a>"),
            (
                "<a href=\"https://u:p@a.example\" onclick=\"x\" style=\"y\" class=\"z\" id=\"i\">x</a>",
                "<a>x</a>",
            ),
            ("<a href=\"/x\">x</a>", "<a>x</a>"),
            ("<p style=\"display:none\" hidden>x", "<p>x</p>"),
            ("x<script>alert(1)</script><style>p{}</style>", "x"),
            ("<div><h1>x</h1><img src=x onerror=alert(1)></div>y", "xy"),
            ("<svg><p>x</svg>", "<p>x</p>"),
            ("<!-- a -->x<![CDATA[ b ]]>", "x"),
            ("</td></tr></table>x", "x"),
            ("<p>a<p>b</em></strong>", "<p>a</p><p>b</p>"),
            ("&lt;b&gt; &amp; &#8238;evil", "&lt;b&gt; &amp; evil"),
            ("{{7}} <em>{{{x}}}</em>", "{{7}} <em>{{{x}}}</em>"),
            ("O'Brien & Söhne <b>", "O'Brien &amp; Söhne"),
        ] {
            assert_eq!(html(written), kept, "{written}");
        }
    }

    #[test]
    fn plain_text_becomes_paragraphs() {
        assert_eq!(
            html("One & two\nthree\r\n\r\nfour < five"),
            "<p>One &amp; two<br>three</p><p>four &lt; five</p>"
        );
        assert_eq!(html("AT&T's a < b"), "<p>AT&amp;T's a &lt; b</p>");
    }

    #[test]
    fn the_plain_text_reads_like_text() {
        let written = "<p>Hello <strong>you</strong>,</p><p>we  have:</p><ul><li>one</li><li>two<ol><li>a</li><li>b</li></ol></li></ul>\
                       <p>See <a href=\"https://a.example/x\">our page</a> or <a href=\"https://b.example/\">https://b.example</a>.</p>";
        assert_eq!(
            text(written),
            "Hello you,\n\nwe have:\n\n- one\n- two\n  1. a\n  2. b\n\nSee our page (https://a.example/x) or https://b.example."
        );
    }

    #[test]
    fn only_what_is_seen_counts() {
        let long_link = format!("<a href=\"https://a.example/{}\">abc</a>", "x".repeat(400));
        // The link shows in the plain text, so it is seen there; the markup around it is not.
        assert!(RichText::read("<p><strong><em>abc</em></strong></p>", 4).is_ok());
        assert!(RichText::read(&long_link, 100).is_err());
        let breaks = format!("<p>x{}</p>", "<br>".repeat(50));
        let (message, expected) = RichText::read(&breaks, 40).unwrap_err();
        assert!(message.starts_with("it has 5"), "{message}");
        assert_eq!(expected, "at most 40");
        assert_eq!(RichText::read("👩‍👩‍👧👩‍👩‍👧", 3).unwrap().text, "👩‍👩‍👧👩‍👩‍👧");
        for nothing in ["<p></p>", "<p>&#8203;</p>", "<img src=x>", "<br><br>", "<!-- x -->"] {
            assert!(RichText::read(nothing, 100).is_err(), "{nothing}");
        }
    }

    #[test]
    fn too_much_is_refused_before_it_is_parsed() {
        for bad in ["<p>".repeat(3_000), "x".repeat(70_000), format!("{}x", "<ul><li>".repeat(20))]
        {
            assert!(RichText::read(&bad, 100_000).is_err());
        }
    }

    proptest! {
        #[test]
        fn reading_twice_changes_nothing(written in "([<>/a-z =\"'&;#!-]|<p>|</p>|<a href=\"https://a.example/\">|</a>|<ul>|<li>|<strong>|<br>|\u{202e}|\u{200b}|é){0,30}") {
            if let Ok(once) = RichText::read(&written, 2_000) {
                let twice = RichText::read(&once.html, 2_000).map_err(|(m, e)| TestCaseError::fail(format!("{m} {e}")))?;
                if has_markup(&once.html) {
                    prop_assert_eq!(&twice.html, &once.html);
                }
                let is_hidden = |c| matches!(c, '\u{202e}' | '\u{200b}');
                prop_assert!(!once.html.contains(is_hidden));
            }
        }
    }
}
