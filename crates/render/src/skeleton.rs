//! One step for one partner, with only the person's part open.

mod segments;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use domain::LinkTargets;

pub(crate) use self::segments::Segment;
use self::segments::{Locked, Segments};
use crate::{
    clean::clean,
    error::RenderError,
    locks::{self, Lock},
    slots::rich_text::RichText,
    text,
    verify::Part,
    vocabulary::LINKS,
};

/// The most bytes of a part of a message.
pub(crate) const MOST_BYTES: usize = 512 * 1024;
/// The most characters of a person's field.
pub(crate) const MOST_FIELD: usize = 200;
/// The most characters of a subject. RFC 5322 would allow a header of 998; nobody reads so far.
const MOST_SUBJECT: usize = 300;
/// The most characters of a link.
const MOST_LINK: usize = 2_000;

/// Links that differ from message to message.
#[derive(Debug, Clone, Copy)]
pub struct MessageLinks<'a> {
    /// Where the recipient can ask for no more mail: `{public_url}/u/{token}`.
    pub unsubscribe_url: &'a str,
    /// Where the recipient can choose what mail to get: `{public_url}/p/{token}`.
    pub preferences_url: &'a str,
    /// Where the message can be read as a page: `{public_url}/v/{token}`.
    pub view_url: &'a str,
    /// Where the partner who is invited can launch: `{public_url}/i/{token}`; see [`crate::INVITATION`].
    pub invitation_url: &'a str,
}

impl<'a> MessageLinks<'a> {
    /// All of them to one place, for a message that goes to nobody.
    pub const fn all_to(url: &'a str) -> Self {
        Self { unsubscribe_url: url, preferences_url: url, view_url: url, invitation_url: url }
    }

    /// In the order of [`crate::vocabulary::LINKS`].
    const fn in_order(&self) -> [&'a str; LINKS.len()] {
        [self.unsubscribe_url, self.preferences_url, self.view_url, self.invitation_url]
    }
}

/// What of a message leads through the portal, so that it is known what became of it. The text part has
/// none of it: an image can't be in it, and a link there is read before it is followed.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrackingLinks<'a> {
    /// The address of the image that says that the message was opened; without it there is none.
    pub open_url: Option<&'a str>,
    /// How the addresses of links begin: `/` and a link's number follow. Without it links lead where they
    /// lead.
    pub click_url: Option<&'a str>,
    /// Whether there is a link that nobody sees, if links lead through the portal.
    pub honeypot: bool,
}

/// A message as it will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line without control characters.
    pub subject: String,
    /// Plain text; lines end in `\n`.
    pub text: String,
    /// HTML; lines end in `\n`.
    pub html: String,
}

/// One step for one partner. Making it costs a rendering; making a message of it costs little more
/// than copying. A clone is cheap.
#[derive(Debug, Clone)]
pub struct Skeleton(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fields: Vec<String>,
    subject: Segments,
    text: Segments,
    html: Segments,
    targets: LinkTargets,
    locks: PartLocks,
}

/// The locks of a mail's parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartLocks {
    /// Those of the text.
    pub(crate) text: Vec<Lock>,
    /// Those of the HTML.
    pub(crate) html: Vec<Lock>,
}

impl Skeleton {
    /// Puts together what was rendered with marks. The fields from number `fields.len()` on are the message's
    /// own links; `rich` are the partner's rich texts; links to `public_url` lead to the portal already.
    ///
    /// # Errors
    /// The marks do not fit together, or something around a lock hides it.
    pub(crate) fn new(
        fields: Vec<String>,
        rendered: [String; 3],
        rich: &[RichText],
        locks: PartLocks,
        public_url: &str,
    ) -> Result<Self, RenderError> {
        let [subject, text, html] = rendered;
        let misfit = || RenderError::Blob("its conditionals do not fit together".to_owned());
        let read = |rendered: &str, part: Part| {
            Segments::read(rendered, rich, part, Locked::Bare).ok_or_else(misfit)
        };
        if !locks.html.is_empty() {
            let marked = Segments::read(&html, rich, Part::Html, Locked::InComments);
            see_locks(&marked.ok_or_else(misfit)?, fields.len() + LINKS.len(), &locks.html)?;
        }
        let (html, targets) = read(&html, Part::Html)?.with_links(public_url);
        Ok(Self(Arc::new(Inner {
            subject: read(&subject, Part::Subject)?,
            text: read(&text, Part::Text)?,
            html,
            targets,
            fields,
            locks,
        })))
    }

    /// Where the links of its messages lead, in the order of their numbers.
    pub fn targets(&self) -> &LinkTargets {
        &self.0.targets
    }

    /// The message for one person. A field that is missing is empty; a field the package does not know
    /// is left out.
    ///
    /// # Errors
    /// A part larger than 512 KiB, or one without a lock of the package as it was published.
    pub fn message(
        &self,
        fields: &BTreeMap<String, String>,
        links: &MessageLinks<'_>,
    ) -> Result<Rendered, RenderError> {
        self.tracked_message(fields, links, &TrackingLinks::default())
    }

    /// The same, with what leads through the portal.
    ///
    /// # Errors
    /// As [`Skeleton::message`].
    pub fn tracked_message(
        &self,
        fields: &BTreeMap<String, String>,
        links: &MessageLinks<'_>,
        track: &TrackingLinks<'_>,
    ) -> Result<Rendered, RenderError> {
        let inner = &*self.0;
        let mut values: Vec<Cow<'_, str>> = Vec::with_capacity(inner.fields.len() + LINKS.len());
        for name in &inner.fields {
            values
                .push(fields.get(name).map_or(Cow::Borrowed(""), |value| clean(value, MOST_FIELD)));
        }
        values.extend(links.in_order().map(|url| clean(url, MOST_LINK)));
        let plain = TrackingLinks::default();
        let html = inner.html.write(&values, Part::Html, track)?;
        let text = text::wrap(&inner.text.write(&values, Part::Text, &plain)?);
        for lock in &inner.locks.html {
            lock.check(&html, Part::Html)?;
        }
        for lock in &inner.locks.text {
            lock.check(&text, Part::Text)?;
        }
        let subject = inner.subject.write(&values, Part::Subject, &plain)?;
        let subject = clean(&subject, MOST_SUBJECT).into_owned();
        Ok(Rendered { subject, text, html })
    }
}

/// Looks whether the locks are seen, by somebody with every field and by somebody with none.
fn see_locks(marked: &Segments, fields: usize, locks: &[Lock]) -> Result<(), RenderError> {
    for value in ["x", ""] {
        let values = vec![Cow::Borrowed(value); fields];
        let html = marked.write(&values, Part::Html, &TrackingLinks::default())?;
        locks::look(&html, locks.iter().map(Lock::name)).map_err(|(name, why)| {
            RenderError::Lock {
                name,
                part: Part::Html.file(),
                why: format!("it is not seen: {why}"),
            }
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::{CLOSE, Mark, OPEN};

    const PORTAL: &str = "https://m.example";

    fn links() -> MessageLinks<'static> {
        MessageLinks::all_to("https://m.example/u/t")
    }

    fn message(template: &str, value: &str) -> Rendered {
        let parts = [template.to_owned(), template.to_owned(), template.to_owned()];
        let skeleton =
            Skeleton::new(vec!["x".to_owned()], parts, &[], PartLocks::default(), PORTAL)
                .expect("marks fit");
        let fields = BTreeMap::from([("x".to_owned(), value.to_owned())]);
        skeleton.message(&fields, &links()).expect("it is small")
    }

    #[test]
    fn a_field_is_escaped_for_its_place() {
        let template = format!("{} {}", Mark::Field(0).text(), Mark::Percent(0).text());
        let rendered = message(&template, "O'Brien & Söhne <b>\r\nBcc: x");
        let encoded = "O%27Brien%20%26%20S%C3%B6hne%20%3Cb%3E%20Bcc%3A%20x";
        assert_eq!(rendered.subject, format!("O'Brien & Söhne <b> Bcc: x {encoded}"));
        assert_eq!(rendered.html, format!("O&#39;Brien &amp; Söhne &lt;b&gt; Bcc: x {encoded}"));
        assert!(rendered.text.starts_with("O'Brien & Söhne <b> Bcc: x"));
    }

    #[test]
    fn marks_in_a_field_are_no_marks() {
        let forged = format!("{}{}", Mark::If(1).text(), Mark::Field(1).text());
        let rendered = message(&Mark::Field(0).text(), &forged);
        assert_eq!(rendered.subject, "i1f1");
        assert_eq!(rendered.html, "i1f1");
    }

    #[test]
    fn marks_that_do_not_fit_together_are_refused() {
        for bad in [
            Mark::End.text(),
            Mark::Else.text(),
            Mark::If(0).text(),
            format!(
                "{}{}{}{}",
                Mark::If(0).text(),
                Mark::Else.text(),
                Mark::Else.text(),
                Mark::End.text()
            ),
            OPEN.to_string(),
            Mark::Rich(0).text(),
            Mark::Unlock.text(),
            Mark::Lock("a".to_owned()).text(),
            format!("{OPEN}{CLOSE}"),
        ] {
            assert!(Segments::read(&bad, &[], Part::Html, Locked::Bare).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_message_that_grows_too_large_is_refused() {
        let template = Mark::Field(0).text().repeat(4_000);
        let parts = [template.clone(), template.clone(), template];
        let skeleton =
            Skeleton::new(vec!["x".to_owned()], parts, &[], PartLocks::default(), PORTAL)
                .expect("marks fit");
        let fields = BTreeMap::from([("x".to_owned(), "é".repeat(MOST_FIELD))]);
        let error = skeleton.message(&fields, &links()).unwrap_err();
        assert_eq!(error.to_string(), "body.html is larger than 524288 bytes");
    }

    #[test]
    fn links_lead_through_the_portal_where_that_is_asked_for() {
        let html = "<body><a href=\"https://a.example/?x&amp;y\">a</a><a href=\"https://m.example/u/t\">u</a></body></html>";
        let parts = ["s".to_owned(), "https://a.example/?x&y".to_owned(), html.to_owned()];
        let skeleton =
            Skeleton::new(Vec::new(), parts, &[], PartLocks::default(), PORTAL).expect("marks fit");
        assert_eq!(skeleton.targets().urls(), ["https://a.example/?x&y"]);
        let made = |track| {
            let fields = BTreeMap::new();
            skeleton.tracked_message(&fields, &links(), &track).expect("it is small")
        };
        let plain = made(TrackingLinks::default());
        assert_eq!(plain.html, html);
        let clicks =
            TrackingLinks { click_url: Some("https://m.example/c/t"), ..TrackingLinks::default() };
        let tracked = made(clicks);
        assert_eq!(
            tracked.html,
            html.replace("https://a.example/?x&amp;y", "https://m.example/c/t/1")
        );
        assert_eq!(tracked.text, plain.text, "what is read before it is followed stays as it is");
        let opens = TrackingLinks { open_url: Some("https://m.example/o/t.gif"), ..clicks };
        let opened = made(opens).html;
        assert!(opened.contains("<img src=\"https://m.example/o/t.gif\""), "{opened}");
        assert!(opened.ends_with("border:0\">\n</body></html>"), "{opened}");
        assert!(!opened.contains("/c/t/0"));
        let trapped = made(TrackingLinks { honeypot: true, ..opens }).html;
        assert_eq!(trapped.matches("href=\"https://m.example/c/t/0\"").count(), 1, "{trapped}");
        let off = TrackingLinks { honeypot: true, ..TrackingLinks::default() };
        assert_eq!(made(off).html, html, "where links lead where they lead there is none to hide");
    }

    #[test]
    fn a_lock_s_link_stays_as_it_was_published() {
        let locked = "<p>Terms: <a href=\"https://v.example/terms\">read</a></p>";
        let other = "<a href=\"https://v.example/terms\">read</a>";
        let html = format!(
            "<body>{}{locked}{}{other}</body>",
            Mark::Lock("terms".to_owned()).text(),
            Mark::Unlock.text()
        );
        let parts = ["s".to_owned(), "t".to_owned(), html];
        let locks = PartLocks {
            text: Vec::new(),
            html: vec![Lock::new("terms".to_owned(), locked, Part::Html)],
        };
        let skeleton = Skeleton::new(Vec::new(), parts, &[], locks, PORTAL).expect("it is seen");
        let track =
            TrackingLinks { click_url: Some("https://m.example/c/t"), ..TrackingLinks::default() };
        let message =
            skeleton.tracked_message(&BTreeMap::new(), &links(), &track).expect("it is there");
        let through = other.replace("https://v.example/terms", "https://m.example/c/t/1");
        assert_eq!(message.html, format!("<body>{locked}{through}</body>"));
    }
}
