//! A rendered part cut into what is the same for everybody and what is not.

use std::borrow::Cow;

use domain::{LinkTargets, link_targets::HONEYPOT};

use super::{MOST_BYTES, TrackingLinks};
use crate::{
    engine::{push_html, push_percent},
    error::RenderError,
    links::Finder,
    mark::{CLOSE, Mark, OPEN},
    slots::rich_text::RichText,
    verify::Part,
};

/// What becomes of the marks around what is locked.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Locked {
    /// Nothing.
    Bare,
    /// Comments, so that what is parsed says where the locks are.
    InComments,
}

/// A rendered part, cut at its marks.
#[derive(Debug)]
pub(super) struct Segments {
    segments: Vec<Segment>,
    /// Bytes of literal text, to reserve memory once.
    literal: usize,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Segment {
    Literal(Box<str>),
    /// What is locked: nothing in it is changed, its links included.
    Locked(Box<str>),
    Field(usize),
    Percent(usize),
    If {
        field: usize,
        then: Vec<Segment>,
        otherwise: Vec<Segment>,
    },
    /// The value of an `href` that may lead through the portal; `plain` as it stood there.
    Link {
        number: u16,
        plain: Box<str>,
    },
    /// Where the image stands that says that the message was opened.
    Image,
}

/// The end of what is shown.
const BODY_END: &str = "</body>";

impl Segments {
    /// Cuts at marks; `None` if they do not fit together.
    pub(super) fn read(
        rendered: &str,
        rich: &[RichText],
        part: Part,
        locked: Locked,
    ) -> Option<Self> {
        struct Open {
            field: usize,
            then: Vec<Segment>,
            otherwise: Option<Vec<Segment>>,
        }
        fn current<'s>(root: &'s mut Vec<Segment>, open: &'s mut [Open]) -> &'s mut Vec<Segment> {
            match open.last_mut() {
                None => root,
                Some(Open { otherwise: Some(otherwise), .. }) => otherwise,
                Some(Open { then, .. }) => then,
            }
        }
        let mut root = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        let mut lock = None;
        let mut literal = 0;
        let mut rest = rendered;
        while let Some(at) = rest.find(OPEN) {
            if at > 0 {
                literal += at;
                let text = rest[..at].into();
                let text = match lock {
                    None => Segment::Literal(text),
                    Some(_) => Segment::Locked(text),
                };
                current(&mut root, &mut open).push(text);
            }
            let mark = &rest[at + OPEN.len_utf8()..];
            let end = mark.find(CLOSE)?;
            match Mark::read(&mark[..end])? {
                Mark::Field(field) => current(&mut root, &mut open).push(Segment::Field(field)),
                Mark::Percent(field) => current(&mut root, &mut open).push(Segment::Percent(field)),
                Mark::Rich(number) => {
                    let RichText { html, text } = rich.get(number)?;
                    let text = if part.is_html() { html } else { text };
                    literal += text.len();
                    let text = Segment::Literal(text.as_str().into());
                    current(&mut root, &mut open).push(text);
                }
                Mark::Lock(name) => {
                    if locked == Locked::InComments {
                        let comment = Segment::Literal(format!("<!--lock:{name}-->").into());
                        current(&mut root, &mut open).push(comment);
                    }
                    lock = Some(name);
                }
                Mark::Unlock => {
                    let name = lock.take()?;
                    if locked == Locked::InComments {
                        let comment = Segment::Literal(format!("<!--/lock:{name}-->").into());
                        current(&mut root, &mut open).push(comment);
                    }
                }
                Mark::If(field) => open.push(Open { field, then: Vec::new(), otherwise: None }),
                Mark::Else => {
                    let block = open.last_mut()?;
                    if block.otherwise.is_some() {
                        return None;
                    }
                    block.otherwise = Some(Vec::new());
                }
                Mark::End => {
                    let Open { field, then, otherwise } = open.pop()?;
                    let otherwise = otherwise.unwrap_or_default();
                    let segment = Segment::If { field, then, otherwise };
                    current(&mut root, &mut open).push(segment);
                }
            }
            rest = &mark[end + CLOSE.len_utf8()..];
        }
        if !rest.is_empty() {
            literal += rest.len();
            root.push(Segment::Literal(rest.into()));
        }
        (open.is_empty() && lock.is_none()).then_some(Self { segments: root, literal })
    }

    /// Cut at its links too, with a place for the image.
    pub(super) fn with_links(self, public_url: &str) -> (Self, LinkTargets) {
        let mut finder = Finder::new(public_url);
        let mut segments = finder.cut(self.segments);
        let end = segments.iter().enumerate().rev().find_map(|(index, segment)| match segment {
            Segment::Literal(text) => Some((index, text.rfind(BODY_END)?)),
            _ => None,
        });
        match end {
            Some((index, at)) => {
                if let Segment::Literal(text) = &segments[index] {
                    let (before, after) = text.split_at(at);
                    let cut = [
                        Segment::Literal(before.into()),
                        Segment::Image,
                        Segment::Literal(after.into()),
                    ];
                    segments.splice(index..=index, cut);
                }
            }
            None => segments.push(Segment::Image),
        }
        (Self { segments, literal: self.literal }, finder.into_targets())
    }

    pub(super) fn write(
        &self,
        values: &[Cow<'_, str>],
        part: Part,
        track: &TrackingLinks<'_>,
    ) -> Result<String, RenderError> {
        let mut out = String::with_capacity(self.literal + 512);
        write(&self.segments, values, part, track, &mut out);
        if out.len() > MOST_BYTES {
            return Err(RenderError::TooLarge { part: part.file(), limit: MOST_BYTES });
        }
        Ok(out)
    }
}

fn write(
    segments: &[Segment],
    values: &[Cow<'_, str>],
    part: Part,
    track: &TrackingLinks<'_>,
    out: &mut String,
) {
    let value = |field: usize| values.get(field).map_or("", |value| &**value);
    for segment in segments {
        // A skeleton is bounded, but it may name a long field many times.
        if out.len() > MOST_BYTES {
            return;
        }
        match segment {
            Segment::Literal(text) | Segment::Locked(text) => out.push_str(text),
            Segment::Field(field) if part.is_html() => push_html(out, value(*field)),
            Segment::Field(field) => out.push_str(value(*field)),
            Segment::Percent(field) => push_percent(out, value(*field)),
            Segment::If { field, then, otherwise } => {
                let branch = if value(*field).is_empty() { otherwise } else { then };
                write(branch, values, part, track, out);
            }
            Segment::Link { number, plain } => match track.click_url {
                Some(url) => push_link(url, *number, out),
                None => out.push_str(plain),
            },
            Segment::Image => push_image(track, out),
        }
    }
}

fn push_link(click_url: &str, number: u16, out: &mut String) {
    push_html(out, click_url);
    out.push('/');
    out.push_str(&number.to_string());
}

fn push_image(track: &TrackingLinks<'_>, out: &mut String) {
    if let Some(url) = track.click_url.filter(|_| track.honeypot) {
        // Without text, out of sight, out of the way of the Tab key and of what reads aloud.
        out.push_str("<div style=\"display:none\" aria-hidden=\"true\"><a tabindex=\"-1\" href=\"");
        push_link(url, HONEYPOT, out);
        out.push_str("\"></a></div>\n");
    }
    if let Some(url) = track.open_url {
        out.push_str("<img src=\"");
        push_html(out, url);
        out.push_str("\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block;width:1px;height:1px;border:0\">\n");
    }
}
