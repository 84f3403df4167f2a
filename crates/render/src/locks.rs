//! Locks: what every message must have, byte for byte, where it is seen.
//!
//! A lock is constant when a package is published, so its final bytes are known then, and their hash
//! is in the version. Every finished message is searched for them before it leaves. What a message looks
//! like around a lock depends on the partner's colours and on what the person's fields open and close,
//! so that is looked at whenever a partner's skeleton is made.

mod style;
mod visible;

use std::fmt;

use domain::ContentHash;
use memchr::memmem::Finder;

use crate::{error::RenderError, text::wrap, verify::Part};

pub(crate) use self::visible::look;

/// Something that every message must have.
#[derive(Clone)]
pub(crate) struct Lock {
    name: String,
    /// Of its final bytes.
    hash: ContentHash,
    finder: Finder<'static>,
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.hash)
    }
}

impl Lock {
    /// A lock with what stands in it, as the template has it.
    pub(crate) fn new(name: String, content: &str, part: Part) -> Self {
        let wrapped;
        let bytes = match part {
            // As it will stand in the finished text.
            Part::Text => {
                wrapped = wrap(content);
                wrapped.trim()
            }
            _ => content.trim(),
        };
        let hash = ContentHash::of(bytes.as_bytes());
        Self { name, hash, finder: Finder::new(bytes.as_bytes()).into_owned() }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The hash of its final bytes.
    pub(crate) fn hash(&self) -> &ContentHash {
        &self.hash
    }

    /// Whether it stands in a finished part once, as it was published.
    pub(crate) fn check(&self, finished: &str, part: Part) -> Result<(), RenderError> {
        let refuse = |why: String| {
            Err(RenderError::Lock { name: self.name.clone(), part: part.file(), why })
        };
        let length = self.finder.needle().len();
        let mut places = self.finder.find_iter(finished.as_bytes());
        let Some(at) = places.next() else {
            return refuse("it is not in the message as it was published".to_owned());
        };
        let more = places.count();
        if more > 0 {
            return refuse(format!("it stands in the message {} times, not once", more + 1));
        }
        if part == Part::Text && !is_paragraph(finished, at, at + length) {
            return refuse("it is no paragraph of its own".to_owned());
        }
        Ok(())
    }
}

/// Whether empty lines, or the ends of the text, stand around a part of it.
fn is_paragraph(text: &str, from: usize, to: usize) -> bool {
    let before = text.get(..from).unwrap_or_default();
    let after = text.get(to..).unwrap_or_default();
    (before.is_empty() || before.ends_with("\n\n"))
        && (after.is_empty() || after == "\n" || after.starts_with("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(lock: &Lock, finished: &str, part: Part) -> Option<String> {
        lock.check(finished, part).err().map(|error| error.to_string())
    }

    #[test]
    fn a_lock_stands_once_as_it_is() {
        let lock = Lock::new("terms".to_owned(), "\n<p>Terms apply.</p>\n", Part::Html);
        assert_eq!(refused(&lock, "<b>x</b><p>Terms apply.</p>y", Part::Html), None);
        for (html, why) in [
            (
                "<p>Terms may apply.</p>",
                "lock `terms` of body.html: it is not in the message as it was published",
            ),
            (
                "<p>Terms apply.</P>",
                "lock `terms` of body.html: it is not in the message as it was published",
            ),
            ("", "lock `terms` of body.html: it is not in the message as it was published"),
            (
                "<p>Terms apply.</p><p>Terms apply.</p>",
                "lock `terms` of body.html: it stands in the message 2 times, not once",
            ),
        ] {
            assert_eq!(refused(&lock, html, Part::Html).as_deref(), Some(why), "{html}");
        }
    }

    #[test]
    fn in_text_it_is_a_paragraph_as_it_is_wrapped() {
        let long = "word ".repeat(40);
        let lock = Lock::new("terms".to_owned(), &format!("\n{long}\n"), Part::Text);
        let wrapped = wrap(&long);
        assert!(wrapped.lines().count() > 2);
        assert_eq!(refused(&lock, &format!("a\n\n{wrapped}\nb\n"), Part::Text), None);
        assert_eq!(refused(&lock, &wrapped, Part::Text), None);
        for text in
            [format!("a\n{wrapped}\nb\n"), format!("a\n\n{wrapped}b\n"), format!("a {wrapped}")]
        {
            let why = refused(&lock, &text, Part::Text);
            assert_eq!(
                why.as_deref(),
                Some("lock `terms` of body.txt: it is no paragraph of its own"),
                "{text}"
            );
        }
    }
}
