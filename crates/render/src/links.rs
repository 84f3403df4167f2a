//! The links of a skeleton: found once, so that they have the same numbers in every message.
//!
//! A link is the value of an `href` that is whole in the skeleton. One that holds something about a person is
//! none of these: it goes out as it is, and so do the link to unsubscribe, addresses to write to, and links to
//! the portal itself.

use domain::{
    LinkTargets,
    link_targets::{MOST_LINKS, MOST_TARGET_BYTES, is_web_address},
};

use crate::skeleton::Segment;

/// Where in HTML a scan stands. Skeletons were checked when they were published ([`crate::html_place`]), so
/// this one only has to find its way.
#[derive(Debug, Clone, PartialEq)]
enum At {
    Text,
    Comment,
    Style,
    /// In a tag: its name while that is read, then the name of an attribute.
    Tag {
        name: String,
        is_name: bool,
        word: String,
    },
    /// After `=`.
    BeforeValue {
        name: String,
        attribute: String,
    },
    /// In a quoted value. `whole` says that nothing but literal text has stood in it so far, and where in
    /// the current literal it began.
    Value {
        name: String,
        attribute: String,
        quote: char,
        start: Option<usize>,
    },
    /// In a value without quotes.
    Bare {
        name: String,
    },
}

/// Replaces links by their numbers; the addresses they had, in order.
pub(crate) struct Finder<'a> {
    public_url: &'a str,
    urls: Vec<String>,
}

impl<'a> Finder<'a> {
    /// Finds links that do not lead to `public_url` already.
    pub(crate) fn new(public_url: &'a str) -> Self {
        Self { public_url, urls: Vec::new() }
    }

    /// Cuts `segments` at their links.
    pub(crate) fn cut(&mut self, segments: Vec<Segment>) -> Vec<Segment> {
        let mut at = At::Text;
        self.cut_from(segments, &mut at)
    }

    /// The list of what was found.
    pub(crate) fn into_targets(self) -> LinkTargets {
        LinkTargets::new(self.urls).expect("each address was looked at when it was found")
    }

    fn cut_from(&mut self, segments: Vec<Segment>, at: &mut At) -> Vec<Segment> {
        let mut cut = Vec::with_capacity(segments.len());
        for segment in segments {
            match segment {
                Segment::Literal(text) => self.cut_literal(&text, at, &mut cut),
                Segment::If { field, then, otherwise } => {
                    // Whichever branch a person gets, what follows is the same.
                    let mut after = at.clone();
                    let otherwise = self.cut_branch(otherwise, &mut after);
                    let then = self.cut_branch(then, at);
                    cut.push(Segment::If { field, then, otherwise });
                }
                other => {
                    not_whole(at);
                    cut.push(other);
                }
            }
        }
        cut
    }

    fn cut_branch(&mut self, segments: Vec<Segment>, at: &mut At) -> Vec<Segment> {
        not_whole(at);
        let cut = self.cut_from(segments, at);
        not_whole(at);
        cut
    }

    fn cut_literal(&mut self, text: &str, at: &mut At, cut: &mut Vec<Segment>) {
        let mut written = 0;
        let mut here = 0;
        // A value that goes on from another literal is not whole here.
        not_whole(at);
        while here < text.len() {
            let (width, link) = step(text, here, at);
            if let Some(start) = link
                && let Some(number) = self.number(&text[start..here])
            {
                if start > written {
                    cut.push(Segment::Literal(text[written..start].into()));
                }
                cut.push(Segment::Link { number, plain: text[start..here].into() });
                written = here;
            }
            here += width;
        }
        if text.len() > written {
            cut.push(Segment::Literal(text[written..].into()));
        }
    }

    /// The number of a link, if it is one that may be led through the portal.
    fn number(&mut self, href: &str) -> Option<u16> {
        let url = unescape(href);
        let ours = url
            .strip_prefix(self.public_url)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
        let fits = is_web_address(&url) && url.len() <= MOST_TARGET_BYTES && !ours;
        if !fits {
            return None;
        }
        // The same address twice is the same link: which of two buttons was pressed, nobody asks.
        if let Some(known) = self.urls.iter().position(|known| *known == url) {
            return u16::try_from(known + 1).ok();
        }
        if self.urls.len() >= MOST_LINKS {
            return None;
        }
        self.urls.push(url);
        u16::try_from(self.urls.len()).ok()
    }
}

/// A value that began before is interrupted.
fn not_whole(at: &mut At) {
    if let At::Value { start, .. } = at {
        *start = None;
    }
}

/// Reads what stands at `here`: how many bytes, and, if the value of an `href` ends here, where it began.
fn step(text: &str, here: usize, at: &mut At) -> (usize, Option<usize>) {
    let rest = &text[here..];
    let Some(c) = rest.chars().next() else { return (1, None) };
    let mut width = c.len_utf8();
    let mut link = None;
    let next = match at {
        At::Text => {
            if rest.starts_with("<!--[if") || rest.starts_with("<![endif]") {
                // What only old Outlook reads has links too.
                width = rest.find('>').map_or(rest.len(), |end| end + 1);
                None
            } else if rest.starts_with("<!--") {
                width = 4;
                Some(At::Comment)
            } else if c == '<'
                && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c))
            {
                Some(At::Tag { name: String::new(), is_name: true, word: String::new() })
            } else {
                None
            }
        }
        At::Comment => rest.starts_with("-->").then(|| {
            width = 3;
            At::Text
        }),
        At::Style => {
            rest.get(..8).is_some_and(|end| end.eq_ignore_ascii_case("</style>")).then(|| {
                width = 8;
                At::Text
            })
        }
        At::Tag { name, is_name, word } => {
            if *is_name && (c.is_whitespace() || c == '>') {
                *name = std::mem::take(word);
                *is_name = false;
            }
            match c {
                '>' if name == "style" => Some(At::Style),
                '>' => Some(At::Text),
                '=' => Some(At::BeforeValue {
                    name: std::mem::take(name),
                    attribute: std::mem::take(word),
                }),
                _ if c.is_whitespace() => {
                    // `href = "…"` is an attribute with its value too.
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
        At::BeforeValue { name, attribute } => match c {
            '"' | '\'' => Some(At::Value {
                name: std::mem::take(name),
                attribute: std::mem::take(attribute),
                quote: c,
                start: Some(here + 1),
            }),
            _ if c.is_whitespace() => None,
            _ => Some(At::Bare { name: std::mem::take(name) }),
        },
        At::Value { name, attribute, quote, start } if c == *quote => {
            if attribute == "href" {
                link = *start;
            }
            Some(At::Tag { name: std::mem::take(name), is_name: false, word: String::new() })
        }
        At::Value { .. } => None,
        At::Bare { name } if c == '>' || c.is_whitespace() => {
            if c == '>' {
                width = 0;
            }
            Some(At::Tag { name: std::mem::take(name), is_name: false, word: String::new() })
        }
        At::Bare { .. } => None,
    };
    if let Some(next) = next {
        *at = next;
    }
    (width, link)
}

/// The address that an attribute value stands for.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value.trim();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').and_then(|end| Some((end, entity(&rest[1..end])?)));
        match entity {
            Some((end, c)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTAL: &str = "https://mail.example";

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.into())
    }

    /// The addresses in `segments`, and the segments as text: `[1]` for the first link, `{}` for a field.
    fn found(segments: Vec<Segment>) -> (Vec<String>, String) {
        let mut finder = Finder::new(PORTAL);
        let cut = finder.cut(segments);
        (finder.into_targets().urls().to_vec(), shown(&cut))
    }

    fn shown(segments: &[Segment]) -> String {
        segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => text.to_string(),
                Segment::Link { number, .. } => format!("[{number}]"),
                Segment::If { then, otherwise, .. } => {
                    format!("({}|{})", shown(then), shown(otherwise))
                }
                _ => "{}".to_owned(),
            })
            .collect()
    }

    fn one(html: &str) -> (Vec<String>, String) {
        found(vec![literal(html)])
    }

    #[test]
    fn links_are_numbered_in_the_order_in_which_they_stand() {
        let (urls, shown) = one(
            "<p class=x><a href=\"https://a.example/\">a</a> <A title='<b href=\"x\">' HREF = 'https://b.example/?x=1&amp;y&#x3D;2'>b</A></p>",
        );
        assert_eq!(urls, ["https://a.example/", "https://b.example/?x=1&y=2"]);
        assert_eq!(
            shown,
            "<p class=x><a href=\"[1]\">a</a> <A title='<b href=\"x\">' HREF = '[2]'>b</A></p>"
        );
    }

    #[test]
    fn the_same_address_is_the_same_link() {
        let (urls, shown) =
            one("<a href=\"https://a.example/\">a</a><a href='https://a.example/'>b</a>");
        assert_eq!(urls, ["https://a.example/"]);
        assert_eq!(shown, "<a href=\"[1]\">a</a><a href='[1]'>b</a>");
    }

    #[test]
    fn what_leads_nowhere_or_home_stays_as_it_is() {
        for html in [
            "<a href=\"mailto:a@b.example\">x</a>",
            "<a href=\"tel:+43\">x</a>",
            "<a href=\"#top\">x</a>",
            "<a href=\"/x\">x</a>",
            "<a href=\"https://mail.example/u/token\">x</a>",
            "<a href=\"https://a.example@evil.example/\">x</a>",
            "<a href=\"https://b\u{fc}cher.example/\">x</a>",
            "<a href=https://a.example/>x</a>",
            "<img src=\"https://a.example/x.png\">",
            "<!-- <a href=\"https://a.example/\"> -->",
            "<style>a{x:url(\"href='https://a.example/'\")}</style>",
            "<p>write href=\"https://a.example/\"</p>",
            "<p title=\" href='https://a.example/'\">x</p>",
            "<a href=\"https://a.example/",
        ] {
            let (urls, shown) = one(html);
            assert_eq!(urls, [""; 0], "{html}");
            assert_eq!(shown, html);
        }
    }

    #[test]
    fn a_look_alike_of_the_portal_is_not_the_portal() {
        let (urls, _) = one("<a href=\"https://mail.example.evil.example/u/x\">x</a>");
        assert_eq!(urls, ["https://mail.example.evil.example/u/x"]);
    }

    #[test]
    fn a_link_with_something_about_a_person_is_not_led_through() {
        let segments = vec![
            literal("<a href=\"https://a.example/?n="),
            Segment::Percent(0),
            literal("&amp;x\">a</a><a href=\""),
            Segment::Field(1),
            literal("\">u</a><a title=\""),
            Segment::Field(0),
            literal("\" href=\"https://b.example/\">b</a>"),
        ];
        let (urls, shown) = found(segments);
        assert_eq!(urls, ["https://b.example/"]);
        assert!(shown.ends_with("href=\"[1]\">b</a>"), "{shown}");
        let segments = vec![
            literal("<a href=\"https://a.example/"),
            Segment::If {
                field: 0,
                then: vec![literal("vip\">a")],
                otherwise: vec![literal("\">b")],
            },
            literal("</a>"),
        ];
        assert_eq!(found(segments).0, [""; 0]);
    }

    #[test]
    fn both_branches_of_a_conditional_have_their_links() {
        let segments = vec![
            Segment::If {
                field: 0,
                then: vec![literal("<a href=\"https://then.example/\">x</a>")],
                otherwise: vec![literal("<a href=\"https://else.example/\">x</a>")],
            },
            literal("<a href=\"https://after.example/\">x</a>"),
        ];
        let (urls, shown) = found(segments);
        assert_eq!(urls.len(), 3);
        assert_eq!(urls[2], "https://after.example/");
        assert!(shown.contains("|") && shown.ends_with("<a href=\"[3]\">x</a>"), "{shown}");
    }

    #[test]
    fn the_buttons_of_old_outlook_are_links() {
        let html = "<!--[if mso]><v:roundrect href=\"https://a.example/\"><![endif]--><a href=\"https://a.example/\">x</a>";
        let (urls, shown) = one(html);
        assert_eq!(urls, ["https://a.example/"]);
        assert_eq!(shown.matches("[1]").count(), 2);
    }

    #[test]
    fn there_are_only_so_many() {
        let html: String = (0..MOST_LINKS + 5)
            .map(|n| format!("<a href=\"https://a.example/{n}\">x</a>"))
            .collect();
        assert_eq!(one(&html).0.len(), MOST_LINKS);
    }
}
