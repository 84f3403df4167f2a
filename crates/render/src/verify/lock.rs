//! Where a lock may stand, and what may stand in it.

use super::{Part, Walk, own};
use crate::{diagnostic::position, html_place::Place, parse::Span};

impl Walk<'_, '_> {
    /// Looks at a lock.
    pub(super) fn lock(
        &mut self,
        path: &str,
        source: &str,
        name: &str,
        body: &[Span],
        span: &Span,
        place: &mut Place,
    ) {
        let mut refuse = |at: &Span, message: &str, expected: &str| {
            self.findings.error(path, source, at, message, expected);
        };
        let is_body = matches!(self.part, Part::Text | Part::Html)
            && path == own(self.language, self.template, self.part.file());
        if !is_body {
            refuse(
                span,
                "a lock stands outside the body of a mail",
                "locks in body.html or body.txt",
            );
            return;
        }
        if self.blocks > 0 {
            refuse(
                span,
                "a lock stands in a block, and may be left out",
                "locks outside of blocks",
            );
        }
        if *place != Place::Text {
            refuse(
                span,
                "a lock stands inside a tag, a comment or a style sheet",
                "locks between tags",
            );
            return;
        }
        let text: String = body.iter().map(|span| &source[span.clone()]).collect();
        if text.trim().is_empty() {
            refuse(span, "the lock is empty", "the text that every message must have");
        }
        if self.part == Part::Html {
            for part in body {
                if let Err((at, message)) = place.read(&source[part.clone()]) {
                    let at = part.start + at;
                    refuse(&(at..at), &message, "plain HTML for mail");
                    *place = Place::Text;
                    return;
                }
            }
            if *place != Place::Text {
                refuse(span, "the lock ends inside a tag", "tags that are closed in the lock");
                *place = Place::Text;
            } else if let Err((message, expected)) = is_closed(&text) {
                refuse(span, &message, &expected);
            }
        } else if !is_paragraph(source, span) {
            let expected = "an empty line before `{{#lock …}}` and after `{{/lock}}`";
            refuse(span, "the lock is no paragraph of its own", expected);
        }
        let key = (path.to_owned(), name.to_owned());
        match self.verifier.locks.get(&key) {
            Some(known) if known != span => {
                let (line, _) = position(source, known.start);
                let message = format!("the lock `{name}` of line {line} is here again");
                self.findings.error(path, source, span, message, "a name for each lock");
            }
            _ => {
                self.verifier.locks.insert(key, span.clone());
            }
        }
    }
}

/// Whether empty lines, or the ends of the file, stand around a lock.
fn is_paragraph(source: &str, span: &Span) -> bool {
    let is_blank = |c: char| matches!(c, ' ' | '\t');
    let before = source[..span.start].trim_end_matches(is_blank);
    let before = before.strip_suffix('\n').map(|line| line.trim_end_matches(is_blank));
    let after = source[span.end..].trim_start_matches(is_blank);
    let after = after.strip_prefix('\n').map(|line| line.trim_start_matches(is_blank));
    let is_first = source[..span.start].trim().is_empty();
    let is_last = source[span.end..].trim().is_empty();
    (is_first || before.is_some_and(|line| line.ends_with('\n')))
        && (is_last || after.is_some_and(|line| line.starts_with('\n')))
}

/// Whether every tag that a lock opens is closed in it, in order, and nothing in it is hidden from a
/// reader by what it is.
fn is_closed(html: &str) -> Result<(), (String, String)> {
    const VOID: [&str; 5] = ["br", "col", "hr", "img", "meta"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if rest.starts_with('!') || rest.starts_with('?') {
            let message = "a comment stands in a lock".to_owned();
            return Err((message, "`{{! … }}` for notes".to_owned()));
        }
        let (is_end, tag) = match rest.strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, rest),
        };
        let name: String =
            tag.chars().take_while(|c| !c.is_whitespace() && !matches!(c, '>' | '/')).collect();
        let name = name.to_ascii_lowercase();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        if matches!(name.as_str(), "style" | "title" | "head" | "body" | "html")
            || name.contains(':')
        {
            return Err((format!("`<{name}>` stands in a lock"), "text that is seen".to_owned()));
        }
        let end = end_of_tag(rest).unwrap_or(rest.len());
        let is_self_closed = rest[..end].ends_with('/');
        if is_end {
            match open.pop() {
                Some(opened) if opened == name => {}
                _ => {
                    let message = format!("`</{name}>` in a lock closes what was opened outside");
                    return Err((message, "tags that are opened in the lock".to_owned()));
                }
            }
        } else if !VOID.contains(&name.as_str()) {
            if is_self_closed {
                return Err((
                    format!("`<{name}/>` is not closed by its `/`"),
                    format!("`</{name}>`"),
                ));
            }
            open.push(name);
        }
        rest = &rest[end..];
    }
    match open.pop() {
        None => Ok(()),
        Some(name) => Err((format!("the lock leaves `<{name}>` open"), format!("`</{name}>`"))),
    }
}

fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    text.bytes().position(|byte| match (quote, byte) {
        (None, b'"' | b'\'') => {
            quote = Some(byte);
            false
        }
        (Some(open), _) if open == byte => {
            quote = None;
            false
        }
        (None, b'>') => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lock_opens_it_closes() {
        for fine in [
            "x < y",
            "<p>x</p>",
            "<p title=\"a > b\">x<br>y</p><img alt='>'/>",
            "<TABLE><tr><td>x</td></tr></table>",
        ] {
            assert_eq!(is_closed(fine), Ok(()), "{fine}");
        }
        for bad in [
            "<p>x",
            "x</p>",
            "<p><b>x</p></b>",
            "<p/>",
            "<p>x</p></div>",
            "</td></tr></table><p>x</p>",
            "<!-- x -->",
            "<style>p{}</style>",
            "<v:rect></v:rect>",
        ] {
            assert!(is_closed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_paragraph_has_empty_lines_around_it() {
        let lock = "{{#lock}}x{{/lock}}";
        for (before, after, is_fine) in [
            ("", "", true),
            ("a\n\n", "\n\nb", true),
            ("a\n  \n", " \n \nb", true),
            ("\n", "\n", true),
            ("a\n", "\n\nb", false),
            ("a\n\n", "\nb", false),
            ("a ", "\n\n", false),
            ("a\n\n", " b", false),
        ] {
            let source = format!("{before}{lock}{after}");
            let span = before.len()..before.len() + lock.len();
            assert_eq!(is_paragraph(&source, &span), is_fine, "{source:?}");
        }
    }
}
