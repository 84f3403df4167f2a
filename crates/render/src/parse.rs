//! Reads a template into a tree whose every part knows where it stands.
//!
//! The language is a part of Handlebars: values, `if`, `unless`, `else`, `else if`, `each`, partials
//! and comments. Everything else (unescaped values, raw blocks, block partials, decorators,
//! whitespace in odd places) is refused here, with its position. It has no recursion on the text, so
//! depth is bounded before anything recursive, handlebars' own parser included, sees the template.

mod expression;
mod lock;

use std::ops::Range;

use crate::diagnostic::Findings;

pub(crate) use self::expression::Expression;

/// The most bytes of a template.
pub(crate) const MOST_BYTES: usize = 256 * 1024;
/// The most tags times bytes: handlebars finds the line of a tag by counting from the beginning, and
/// ten thousand tags in a large template take it seconds.
const MOST_WORK: usize = 16 * 1024 * 1024;
/// The deepest nesting of blocks.
pub(crate) const MOST_DEPTH: usize = 32;

/// A place in the text, in bytes.
pub(crate) type Span = Range<usize>;

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// Literal text.
    Text(Span),
    /// `{{value}}`.
    Value(Expression),
    /// `{{#if}}` or `{{#unless}}`, which is an `if` with its branches swapped.
    If { condition: Expression, then: Vec<Node>, otherwise: Vec<Node> },
    /// `{{#each list}}`.
    Each { list: Expression, body: Vec<Node>, otherwise: Vec<Node>, span: Span },
    /// `{{#lock "name"}}`: constant text that every message must have as it is. `span` is all of it,
    /// from tag to tag.
    Lock { name: String, body: Vec<Span>, span: Span },
    /// `{{> name key=value}}`.
    Partial { name: String, arguments: Vec<(String, Expression)>, span: Span },
}

/// Reads the template `source` of `file`; `None` if it is wrong, with the findings saying why.
pub(crate) fn parse(file: &str, source: &str, findings: &mut Findings) -> Option<Vec<Node>> {
    let mut reader = Reader { file, source, findings, blocks: Vec::new(), is_fine: true };
    reader.read();
    reader.finish()
}

/// A block that is open: what opened it, and what stands in it so far.
struct Open {
    name: String,
    span: Span,
    expression: Expression,
    then: Vec<Node>,
    /// The branch after `{{else}}`, once that was read.
    otherwise: Option<Vec<Node>>,
    /// Whether it was opened by an `{{else if}}` of the block before, and closes with it.
    is_chained: bool,
}

struct Reader<'a> {
    file: &'a str,
    source: &'a str,
    findings: &'a mut Findings,
    /// The open blocks; the first is the template itself.
    blocks: Vec<Open>,
    is_fine: bool,
}

impl Reader<'_> {
    fn error(&mut self, span: &Span, message: impl Into<String>, expected: impl Into<String>) {
        self.is_fine = false;
        self.findings.error(self.file, self.source, span, message, expected);
    }

    fn read(&mut self) {
        let source = self.source;
        self.blocks.push(Open {
            name: String::new(),
            span: 0..0,
            expression: Expression::Constant { text: String::new(), span: 0..0 },
            then: Vec::new(),
            otherwise: None,
            is_chained: false,
        });
        if source.len() > MOST_BYTES {
            self.error(&(0..0), "the template is larger than 256 KiB", "at most 262144 bytes");
            return;
        }
        let tags = source.matches("{{").count();
        if tags.saturating_mul(source.len()) > MOST_WORK {
            let message = format!("there are {tags} tags in a template of {} bytes", source.len());
            let most = MOST_WORK / source.len().max(1);
            self.error(&(0..0), message, format!("at most {most} in one of this size"));
            return;
        }
        if let Some(at) = source.find(crate::clean::is_noncharacter) {
            self.error(&(at..at), "a Unicode noncharacter stands in the template", "text");
            return;
        }
        let mut at = 0;
        while let Some(found) = source[at..].find("{{") {
            let start = at + found;
            if start > at {
                self.push(Node::Text(at..start));
            }
            match self.tag(start) {
                Some(end) => at = end,
                None => return,
            }
        }
        if at < source.len() {
            self.push(Node::Text(at..source.len()));
        }
    }

    fn finish(mut self) -> Option<Vec<Node>> {
        while self.is_fine && self.blocks.len() > 1 {
            let open = self.blocks.pop().expect("more than one");
            if !open.is_chained {
                let message = format!("`{{{{#{}}}}}` is never closed", open.name);
                self.error(&open.span, message, format!("`{{{{/{}}}}}`", open.name));
            }
        }
        let root = self.blocks.pop()?;
        self.is_fine.then_some(root.then)
    }

    fn push(&mut self, node: Node) {
        let open = self.blocks.last_mut().expect("the template itself is open");
        match &mut open.otherwise {
            Some(otherwise) => otherwise.push(node),
            None => open.then.push(node),
        }
    }

    /// Reads the tag that starts at `start`; the offset after it, or `None` to stop reading.
    fn tag(&mut self, start: usize) -> Option<usize> {
        let source = self.source;
        let rest = &source[start..];
        if source[..start].ends_with('\\') {
            self.error(&(start - 1..start), "a backslash stands before `{{`", "no backslash");
            return None;
        }
        if rest.starts_with("{{{{") {
            self.error(&(start..start + 4), "raw blocks are not allowed", "`{{…}}`");
            return None;
        }
        if rest.starts_with("{{!") {
            let (from, close) = if rest.starts_with("{{!--") { (5, "--}}") } else { (3, "}}") };
            return match rest[from..].find(close) {
                Some(end) => Some(start + from + end + close.len()),
                None => {
                    self.error(
                        &(start..start + 3),
                        "the comment is never closed",
                        format!("`{close}`"),
                    );
                    None
                }
            };
        }
        let Some(inside) = inside_of_tag(rest) else {
            self.error(&(start..start + 2), "`{{` is never closed", "`}}`");
            return None;
        };
        let end = start + inside.end + 2;
        let span = start..end;
        let inner = start + inside.start..start + inside.end;
        let text = &source[inner.clone()];
        if text.starts_with('~') || text.ends_with('~') {
            // It would join what stands apart in the source, and what was checked there.
            self.error(&span, "whitespace control is not allowed", "`{{…}}` without `~`");
            return Some(end);
        }
        match text.chars().next() {
            Some('{') => {
                self.error(
                    &span,
                    "values can't be written without escaping",
                    "two braces: `{{…}}`",
                );
                // What follows the third closing brace can't be told; stop before noise.
                Some(if source[end..].starts_with('}') { end + 1 } else { end })
            }
            Some('&') => {
                self.error(
                    &span,
                    "values can't be written without escaping",
                    "`{{…}}` without `&`",
                );
                Some(end)
            }
            Some('>') => {
                self.partial(&span, inner.start + 1..inner.end);
                Some(end)
            }
            Some('*') => {
                self.error(&span, "decorators are not allowed", "a value, a block or a partial");
                Some(end)
            }
            Some('#') => self.open(&span, inner.start + 1..inner.end).then_some(end),
            Some('/') => self.close(&span, text[1..].trim()).then_some(end),
            Some('^') => {
                self.error(&span, "`^` is not allowed", "`{{else}}`");
                Some(end)
            }
            _ => {
                let words = text.trim();
                if words == "else" {
                    return self.otherwise(&span).then_some(end);
                }
                if let Some(rest) = words.strip_prefix("else ") {
                    let from = inner.end - text.trim_start().len() + (words.len() - rest.len());
                    return self.otherwise_if(&span, from..inner.end).then_some(end);
                }
                if let Some(value) = self.expression(inner, true) {
                    self.push(Node::Value(value));
                }
                Some(end)
            }
        }
    }

    fn open(&mut self, span: &Span, inner: Span) -> bool {
        let text = &self.source[inner.clone()];
        if text.starts_with('>') || text.starts_with('*') {
            let what = if text.starts_with('>') { "block partials" } else { "decorators" };
            self.error(span, format!("{what} are not allowed"), "`{{> name}}`");
            return false;
        }
        let name: String = text.trim_start().chars().take_while(|c| !c.is_whitespace()).collect();
        if self.blocks.len() > MOST_DEPTH {
            self.error(span, "blocks are nested too deep", "at most 32 levels");
            return false;
        }
        let known = ["if", "unless", "each", "lock"];
        if !known.contains(&name.as_str()) {
            let expected = crate::diagnostic::expected_name(&name, known);
            self.error(span, format!("there is no block `{name}`"), expected);
        }
        let from = inner.end - text.trim_start().len() + name.len();
        let expression = self.argument(&name, span, from..inner.end);
        self.blocks.push(Open {
            name,
            span: span.clone(),
            expression,
            then: Vec::new(),
            otherwise: None,
            is_chained: false,
        });
        true
    }

    /// The one argument of a block.
    fn argument(&mut self, name: &str, span: &Span, inner: Span) -> Expression {
        let missing = Expression::Constant { text: "null".to_owned(), span: span.clone() };
        let Some(mut values) = self.values(inner) else { return missing };
        if values.len() != 1 {
            let message = format!("`{name}` takes one value, and {} stand here", values.len());
            self.error(span, message, format!("`{{{{#{name} value}}}}`"));
            return missing;
        }
        values.pop().unwrap_or(missing)
    }

    fn otherwise(&mut self, span: &Span) -> bool {
        let is_open = self.blocks.len() > 1;
        let open = self.blocks.last_mut().expect("the template itself is open");
        if !is_open || open.otherwise.is_some() {
            self.error(span, "`{{else}}` belongs to no open block", "one `{{else}}` in a block");
            return false;
        }
        open.otherwise = Some(Vec::new());
        true
    }

    fn otherwise_if(&mut self, span: &Span, inner: Span) -> bool {
        if !self.otherwise(span) {
            return false;
        }
        let text = &self.source[inner.clone()];
        let Some(rest) = text.trim_start().strip_prefix("if ") else {
            self.error(
                span,
                "`{{else}}` is followed by something else than `if`",
                "`{{else if value}}`",
            );
            return false;
        };
        if self.blocks.last().is_some_and(|open| open.name != "if") {
            self.error(span, "`{{else if}}` belongs to no open `if`", "`{{else}}`");
            return false;
        }
        if self.blocks.len() > MOST_DEPTH {
            self.error(span, "blocks are nested too deep", "at most 32 levels");
            return false;
        }
        let expression = self.argument("else if", span, inner.end - rest.len()..inner.end);
        self.blocks.push(Open {
            name: "if".to_owned(),
            span: span.clone(),
            expression,
            then: Vec::new(),
            otherwise: None,
            is_chained: true,
        });
        true
    }

    fn close(&mut self, span: &Span, name: &str) -> bool {
        if self.blocks.len() == 1 {
            let message = format!("`{{{{/{name}}}}}` closes nothing");
            self.error(span, message, "a block that was opened before");
            return false;
        }
        loop {
            let open = self.blocks.pop().expect("more than the template itself is open");
            if open.name != name {
                let (line, _) = crate::diagnostic::position(self.source, open.span.start);
                let message =
                    format!("`{{{{/{name}}}}}` closes `{{{{#{}}}}}` of line {line}", open.name);
                self.error(span, message, format!("`{{{{/{}}}}}`", open.name));
                return false;
            }
            let is_chained = open.is_chained;
            let then = open.then;
            let otherwise = open.otherwise.unwrap_or_default();
            if open.name == "lock" {
                let whole = open.span.start..span.end;
                return self.lock(&open.expression, &then, otherwise.len(), whole);
            }
            self.push(match open.name.as_str() {
                "each" => {
                    Node::Each { list: open.expression, body: then, otherwise, span: open.span }
                }
                "unless" => {
                    Node::If { condition: open.expression, then: otherwise, otherwise: then }
                }
                _ => Node::If { condition: open.expression, then, otherwise },
            });
            if !is_chained {
                return true;
            }
        }
    }

    fn partial(&mut self, span: &Span, inner: Span) {
        let text = &self.source[inner.clone()];
        let trimmed = text.trim_start();
        let name: String = trimmed
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .collect();
        let from = inner.end - trimmed.len() + name.len();
        let follows_space =
            self.source[from..inner.end].chars().next().is_none_or(char::is_whitespace);
        if name.is_empty() || !follows_space {
            self.error(
                span,
                "a partial is named in the template itself",
                "a name of small letters, digits and hyphens: `{{> button}}`",
            );
            return;
        }
        let mut arguments: Vec<(String, Expression)> = Vec::new();
        let mut tokens = match self.tokens(from..inner.end) {
            Some(tokens) => tokens.into_iter().peekable(),
            None => return,
        };
        while let Some(token) = tokens.next() {
            let key = self.source[token.clone()].to_owned();
            let is_key = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let is_assigned = tokens.next_if(|next| self.source[next.clone()] == *"=").is_some();
            let value = match tokens.next() {
                Some(value) if is_key && is_assigned => self.atom(value, &mut tokens, 0),
                _ => {
                    let expected = "arguments as `name=value`";
                    self.error(&token, format!("`{key}` is no argument of a partial"), expected);
                    return;
                }
            };
            let Some(value) = value else { return };
            if arguments.iter().any(|(known, _)| *known == key) {
                self.error(&token, format!("the argument `{key}` is given twice"), "each once");
            }
            arguments.push((key, value));
        }
        self.push(Node::Partial { name, arguments, span: span.clone() });
    }
}

/// Where the inside of the tag at the start of `text` lies; quotes may hold braces.
fn inside_of_tag(text: &str) -> Option<Span> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().skip(2) {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'}') if text[at..].starts_with("}}") => return Some(2..at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(source: &str) -> String {
        let mut findings = Findings::default();
        assert_eq!(parse("t", source, &mut findings), None, "{source}");
        let found = findings.into_sorted();
        found.first().expect("a finding").to_string()
    }

    fn tree(source: &str) -> Vec<Node> {
        let mut findings = Findings::default();
        let nodes = parse("t", source, &mut findings);
        nodes.unwrap_or_else(|| panic!("{:?}", findings.into_sorted()))
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("a\n  {{{x}}}", "t:2:3: error: values can't be written without escaping"),
            ("{{&x}}", "t:1:1: error: values can't be written without escaping"),
            ("{{{{raw}}}} {{{{/raw}}}}", "t:1:1: error: raw blocks are not allowed"),
            ("a < {{~x}}", "t:1:5: error: whitespace control is not allowed"),
            ("{{#if x~}}{{/if}}", "t:1:1: error: whitespace control is not allowed"),
            ("{{* dec}}", "t:1:1: error: decorators are not allowed"),
            ("{{#*inline \"x\"}}{{/inline}}", "t:1:1: error: decorators are not allowed"),
            ("{{#> x}}{{/x}}", "t:1:1: error: block partials are not allowed"),
            ("äö {{x", "t:1:4: error: `{{` is never closed"),
            ("{{#if a}}\nx", "t:1:1: error: `{{#if}}` is never closed"),
            ("{{#if a}}\n{{/each}}", "t:2:1: error: `{{/each}}` closes `{{#if}}` of line 1"),
            ("{{/if}}", "t:1:1: error: `{{/if}}` closes nothing"),
            ("{{else}}", "t:1:1: error: `{{else}}` belongs to no open block"),
            (
                "{{#if a}}{{else}}{{else}}{{/if}}",
                "t:1:18: error: `{{else}}` belongs to no open block",
            ),
            (
                "{{#each a}}{{else if b}}{{/each}}",
                "t:1:12: error: `{{else if}}` belongs to no open `if`",
            ),
            ("{{#fi a}}{{/fi}}", "t:1:1: error: there is no block `fi`; expected perhaps `if`"),
            ("{{#with a}}{{/with}}", "t:1:1: error: there is no block `with`"),
            ("{{#if}}{{/if}}", "t:1:1: error: `if` takes one value, and 0 stand here"),
            ("{{#if a b}}{{/if}}", "t:1:1: error: `if` takes one value, and 2 stand here"),
            ("{{#lock terms}}x{{/lock}}", "t:1:9: error: a lock has no such name"),
            ("{{#lock \"A b\"}}x{{/lock}}", "t:1:9: error: a lock has no such name"),
            (
                "{{#lock \"a\"}}x{{b}}{{/lock}}",
                "t:1:17: error: something that may change stands in a lock",
            ),
            ("{{#lock \"a\"}}{{> b}}{{/lock}}", "t:1:14: error: something that may change"),
            (
                "{{#lock \"a\"}}{{#if b}}x{{/if}}{{/lock}}",
                "t:1:20: error: something that may change",
            ),
            (
                "{{#lock \"a\"}}{{#lock \"b\"}}x{{/lock}}{{/lock}}",
                "t:1:14: error: something that may change",
            ),
            ("{{#lock \"a\"}}x{{else}}y{{/lock}}", "t:1:1: error: a lock has an `{{else}}`"),
            ("{{}}", "t:1:3: error: nothing stands in the tag"),
            ("{{! never", "t:1:1: error: the comment is never closed"),
            ("{{default x \"y}}", "t:1:1: error: `{{` is never closed"),
            ("{{> (lookup x)}}", "t:1:1: error: a partial is named in the template itself"),
            ("{{> partner.name}}", "t:1:1: error: a partial is named in the template itself"),
            ("{{> button slots}}", "t:1:12: error: `slots` is no argument of a partial"),
            ("{{> button a=1 a=2}}", "t:1:16: error: the argument `a` is given twice"),
            ("{{../x}}", "t:1:3: error: `../x` is no value"),
            ("{{a.[b]}}", "t:1:3: error: `a.[b]` is no value"),
            ("\\{{x}}", "t:1:1: error: a backslash stands before `{{`"),
            ("{{default x \"\\u0041\"}}", "t:1:13: error: a backslash can't stand in a tag"),
            ("x\u{FDD0}", "t:1:2: error: a Unicode noncharacter stands in the template"),
            (
                "{{default (a (a (a (a (a b c) d) e) f) g) h}}",
                "t:1:23: error: calls are nested too deep",
            ),
        ];
        for (source, expected) in cases {
            let got = problem(source);
            assert!(got.starts_with(expected), "{source}\n got: {got}\nwant: {expected}");
        }
    }

    #[test]
    fn a_hundred_thousand_blocks_are_refused_at_once() {
        let deep = format!("{}{}", "{{#if a}}".repeat(700), "{{/if}}".repeat(700));
        assert!(problem(&deep).contains("blocks are nested too deep"));
        let many = format!("{}{}", "{{#if a}}".repeat(12_000), "{{/if}}".repeat(12_000));
        let expected = "t:1:1: error: there are 24000 tags in a template of 192000 bytes; expected at most 87 in one of this size";
        assert_eq!(problem(&many), expected);
        let deeper = "{{#if a}}".repeat(100_000);
        assert!(problem(&deeper).contains("larger than 256 KiB"));
        let chained = format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if a}}".repeat(500));
        assert!(problem(&chained).contains("blocks are nested too deep"));
    }

    #[test]
    fn else_if_is_a_conditional_inside_the_else() {
        let nodes = tree("{{#if a}}1{{else if b}}2{{else}}3{{/if}}4");
        let [Node::If { otherwise, .. }, Node::Text(_)] = &nodes[..] else { panic!("{nodes:?}") };
        let [Node::If { then, otherwise, .. }] = &otherwise[..] else { panic!("{otherwise:?}") };
        assert!(matches!((&then[..], &otherwise[..]), ([Node::Text(_)], [Node::Text(_)])));
    }

    #[test]
    fn quotes_may_hold_braces_and_comments_anything() {
        let nodes = tree("{{!-- {{#if}} }} --}}{{default a \"}}\"}}{{! x }}");
        let [Node::Value(Expression::Call { helper, values, .. })] = &nodes[..] else {
            panic!("{nodes:?}")
        };
        assert_eq!(helper, "default");
        assert!(matches!(&values[1], Expression::Text { text, .. } if text == "}}"));
    }
}
