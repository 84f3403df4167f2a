//! A mail as a mail program sees it: its pictures and its links.

use mail_parser::MessageParser;
use scraper::{ElementRef, Html};

/// A link of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Where it leads, as it stands.
    pub(super) href: String,
    /// Whether anybody can see it.
    pub(super) is_seen: bool,
}

/// A picture of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// Where it lies, as it stands.
    pub(super) src: String,
    /// Whether it is of one pixel: there to be asked for, not to be seen.
    pub(super) is_pixel: bool,
}

/// What is in the HTML of a mail, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mail {
    pub(super) links: Vec<Link>,
    pub(super) pictures: Vec<Picture>,
}

impl Mail {
    /// Reads the bytes of a message. A message without HTML has no links that open by a click.
    pub(super) fn read(message: &[u8]) -> Self {
        let message = MessageParser::new().parse(message).unwrap_or_default();
        // The parser makes HTML of plain text when there is no other.
        match message.body_html(0).filter(|_| message.html_body_count() > 0) {
            Some(html) => Self::read_html(&html),
            None => Self::default(),
        }
    }

    fn read_html(html: &str) -> Self {
        let mut mail = Self::default();
        let page = Html::parse_document(html);
        for element in page.tree.root().descendants().filter_map(ElementRef::wrap) {
            match element.value().name() {
                "a" => {
                    if let Some(href) = element.attr("href") {
                        let is_seen = has_content(element) && !is_hidden(element);
                        mail.links.push(Link { href: href.to_owned(), is_seen });
                    }
                }
                "img" => {
                    if let Some(src) = element.attr("src") {
                        let one = |name| element.attr(name).is_some_and(|value| value == "1");
                        let is_pixel = one("width") && one("height");
                        mail.pictures.push(Picture { src: src.to_owned(), is_pixel });
                    }
                }
                _ => {}
            }
        }
        mail
    }
}

/// Whether there is something to click on.
fn has_content(element: ElementRef<'_>) -> bool {
    let mut inside = element.descendants().filter_map(ElementRef::wrap);
    inside.any(|inside| inside.value().name() == "img")
        || element.text().any(|text| !text.trim().is_empty())
}

/// Whether it, or something around it, is not shown.
fn is_hidden(element: ElementRef<'_>) -> bool {
    let around = element.ancestors().filter_map(ElementRef::wrap);
    std::iter::once(element).chain(around).any(|element| {
        let style: String = element.attr("style").unwrap_or_default().split_whitespace().collect();
        let style = style.to_ascii_lowercase();
        element.attr("hidden").is_some()
            || style.contains("display:none")
            || style.contains("visibility:hidden")
    })
}

/// Where the first form of a page that is sent by POST goes, and what it holds: `None` when there is no such
/// form, an empty address for the page's own.
pub(super) fn form(page: &str) -> Option<(String, Vec<(String, String)>)> {
    let page = Html::parse_document(page);
    let elements = || page.tree.root().descendants().filter_map(ElementRef::wrap);
    let form = elements().find(|element| {
        element.value().name() == "form"
            && element.attr("method").is_some_and(|method| method.eq_ignore_ascii_case("post"))
    })?;
    let inside = form.descendants().filter_map(ElementRef::wrap);
    let fields = inside
        .filter(|element| element.value().name() == "input")
        .filter_map(|input| {
            let value = input.attr("value").unwrap_or_default();
            Some((input.attr("name")?.to_owned(), value.to_owned()))
        })
        .collect();
    Some((form.attr("action").unwrap_or_default().to_owned(), fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(href: &str, is_seen: bool) -> Link {
        Link { href: href.to_owned(), is_seen }
    }

    #[test]
    fn links_and_pictures_are_found_as_a_mail_program_finds_them() {
        let mail = Mail::read_html(
            "<p><a href='http://x.example/1?a=1&amp;b=2'>One</a> <a href=\"http://x.example/2\"><img \
             src=http://x.example/p.png width=600></a><div style=\"Display: none\"><p><a href=http://x.example/3>Three</a>\
             </p></div><a href=http://x.example/4> </a><!-- <a href=http://x.example/5>x</a> --><a name=here>x</a>\
             <img src=\"http://x.example/o.gif\" width=\"1\" height=\"1\">",
        );
        assert_eq!(
            mail.links,
            [
                link("http://x.example/1?a=1&b=2", true),
                link("http://x.example/2", true),
                link("http://x.example/3", false),
                link("http://x.example/4", false),
            ]
        );
        let pictures: Vec<_> =
            mail.pictures.iter().map(|one| (one.src.as_str(), one.is_pixel)).collect();
        assert_eq!(pictures, [("http://x.example/p.png", false), ("http://x.example/o.gif", true)]);
    }

    #[test]
    fn a_mail_of_text_alone_has_neither() {
        let text = b"Subject: x\r\n\r\nSee http://x.example/1\r\n";
        assert_eq!(Mail::read(text), Mail::default());
    }

    #[test]
    fn a_form_is_found_with_what_it_holds() {
        let page = "<form action=/search><input name=q></form><form METHOD=Post><input type=hidden name=a value='1&amp;2'>\
                    <button>Go</button></form>";
        let fields = vec![("a".to_owned(), "1&2".to_owned())];
        assert_eq!(form(page), Some((String::new(), fields)));
        assert_eq!(form("<form method=get></form>"), None);
    }
}
