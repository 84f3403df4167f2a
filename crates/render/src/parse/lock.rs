//! `{{#lock "name"}}`: what stands in it is constant.

use super::{Expression, Node, Reader, Span};

impl Reader<'_> {
    /// Closes a lock, which holds constant text only.
    pub(super) fn lock(
        &mut self,
        name: &Expression,
        content: &[Node],
        otherwise: usize,
        span: Span,
    ) -> bool {
        let known = match name {
            Expression::Text { text, .. } if is_lock_name(text) => text.clone(),
            other => {
                let expected = "small letters, digits and hyphens in quotes: `{{#lock \"terms\"}}`";
                self.error(other.span(), "a lock has no such name", expected);
                return true;
            }
        };
        let mut body = Vec::new();
        for node in content {
            let at = match node {
                Node::Text(span) => {
                    body.push(span.clone());
                    continue;
                }
                Node::Value(value) => value.span().clone(),
                Node::If { condition, .. } => condition.span().clone(),
                Node::Each { span, .. } | Node::Partial { span, .. } | Node::Lock { span, .. } => {
                    span.clone()
                }
            };
            self.error(&at, "something that may change stands in a lock", "constant text and tags");
        }
        if otherwise > 0 {
            self.error(&span, "a lock has an `{{else}}`", "constant text and tags");
        }
        self.push(Node::Lock { name: known, body, span });
        true
    }
}

fn is_lock_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 40
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
