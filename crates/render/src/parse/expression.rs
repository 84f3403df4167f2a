//! What stands inside a tag: values, and helpers with theirs.

use super::{Reader, Span};

/// The deepest nesting of calls in one tag.
const MOST_CALLS: usize = 4;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    /// `partner.name`, `this`, `@last`.
    Path { text: String, span: Span },
    /// `"text"`.
    Text { text: String, span: Span },
    /// `7`, `true`, `null`.
    Constant { text: String, span: Span },
    /// `helper value value`.
    Call { helper: String, values: Vec<Expression>, span: Span },
}

impl Expression {
    /// Where it stands.
    pub(crate) fn span(&self) -> &Span {
        match self {
            Self::Path { span, .. }
            | Self::Text { span, .. }
            | Self::Constant { span, .. }
            | Self::Call { span, .. } => span,
        }
    }
}

impl Reader<'_> {
    /// A whole tag as one value: a path, a constant, or a helper and its values.
    pub(super) fn expression(&mut self, inner: Span, is_tag: bool) -> Option<Expression> {
        let mut values = self.values(inner.clone())?;
        match (values.len(), values.first()) {
            (0, _) => {
                self.error(&inner, "nothing stands in the tag", "a value like `partner.name`");
                None
            }
            (1, _) => values.pop(),
            (_, Some(Expression::Path { text, span })) if is_tag => {
                let (helper, span) = (text.clone(), span.start..inner.end);
                values.remove(0);
                Some(Expression::Call { helper, values, span })
            }
            _ => {
                self.error(&inner, "a helper is called by its name", "`{{helper value}}`");
                None
            }
        }
    }

    /// The values that stand one after another in `inner`.
    pub(super) fn values(&mut self, inner: Span) -> Option<Vec<Expression>> {
        let mut tokens = self.tokens(inner)?.into_iter().peekable();
        let mut values = Vec::new();
        while let Some(token) = tokens.next() {
            values.push(self.atom(token, &mut tokens, 0)?);
        }
        Some(values)
    }

    pub(super) fn atom(
        &mut self,
        token: Span,
        tokens: &mut std::iter::Peekable<std::vec::IntoIter<Span>>,
        depth: usize,
    ) -> Option<Expression> {
        let source = self.source;
        let text = &source[token.clone()];
        match text.as_bytes().first() {
            Some(b'(') => {
                if depth >= MOST_CALLS {
                    self.error(&token, "calls are nested too deep", "at most 4 levels");
                    return None;
                }
                let mut values = Vec::new();
                loop {
                    let Some(next) = tokens.next() else {
                        self.error(&token, "`(` is never closed", "`)`");
                        return None;
                    };
                    if source[next.clone()] == *")" {
                        let span = token.start..next.end;
                        return self.call(values, span);
                    }
                    values.push(self.atom(next, tokens, depth + 1)?);
                }
            }
            Some(b'"' | b'\'') => {
                let inside = &text[1..text.len() - 1];
                Some(Expression::Text { text: inside.to_owned(), span: token })
            }
            Some(b'0'..=b'9' | b'-') => {
                Some(Expression::Constant { text: text.to_owned(), span: token })
            }
            _ if matches!(text, "true" | "false" | "null") => {
                Some(Expression::Constant { text: text.to_owned(), span: token })
            }
            _ if is_path(text) => Some(Expression::Path { text: text.to_owned(), span: token }),
            _ => {
                let message = format!("`{text}` is no value");
                self.error(&token, message, "a path like `partner.name` or a \"text\"");
                None
            }
        }
    }

    fn call(&mut self, mut values: Vec<Expression>, span: Span) -> Option<Expression> {
        if values.len() < 2 {
            self.error(&span, "a call needs a helper and a value", "`(helper value)`");
            return None;
        }
        match values.remove(0) {
            Expression::Path { text: helper, .. } => {
                Some(Expression::Call { helper, values, span })
            }
            _ => {
                self.error(&span, "a helper is called by its name", "`(helper value)`");
                None
            }
        }
    }

    /// Splits the inside of a tag into words, texts, `=`, `(` and `)`.
    pub(super) fn tokens(&mut self, inner: Span) -> Option<Vec<Span>> {
        let source = self.source;
        let mut tokens = Vec::new();
        let mut at = inner.start;
        while let Some(c) = source[at..inner.end].chars().next() {
            let end = match c {
                _ if c.is_whitespace() => {
                    at += c.len_utf8();
                    continue;
                }
                '(' | ')' | '=' => at + 1,
                '"' | '\'' => match source[at + 1..inner.end].find(c) {
                    Some(length) => at + length + 2,
                    None => {
                        self.error(&(at..inner.end), "the text is never closed", format!("`{c}`"));
                        return None;
                    }
                },
                _ => {
                    let length = source[at..inner.end]
                        .find(|c: char| c.is_whitespace() || "()=\"'".contains(c))
                        .unwrap_or(inner.end - at);
                    at + length
                }
            };
            if source[at..end].contains('\\') {
                let message = "a backslash can't stand in a tag";
                self.error(
                    &(at..end),
                    message,
                    "the character itself, in the other kind of quotes",
                );
                return None;
            }
            tokens.push(at..end);
            at = end;
        }
        Some(tokens)
    }
}

/// `partner.name`, `this`, `@last`, `@root.partner.name`.
fn is_path(text: &str) -> bool {
    let body = text.strip_prefix('@').unwrap_or(text);
    !body.is_empty()
        && body.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
}
