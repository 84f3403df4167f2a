//! Handlebars as templates here may use it: strict, with our own conditionals and an allow-list of helpers.

use std::io::{self, Write};

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason,
    Renderable, ScopedJson,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{
    mark::Mark,
    package::Package,
    verify::{Library, Part},
};

/// The name under which a registry holds the file a part begins with.
pub(crate) const ENTRY: &str = "entry";

/// The helpers that handlebars brings along and templates may not call.
const UNWANTED: [&str; 13] =
    ["and", "gt", "gte", "len", "log", "lookup", "lt", "lte", "ne", "not", "or", "raw", "with"];

/// What stands for itself in a query or a path of a link: unreserved characters (RFC 3986, 2.3) and `@`.
const KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// A registry that renders one part of one folder of templates in one language.
pub(crate) fn registry(
    library: &Library,
    package: &Package,
    language: &str,
    template: &str,
    part: Part,
) -> Result<Handlebars<'static>, Box<handlebars::TemplateError>> {
    let mut registry = empty_registry(part);
    registry.register_helper("if", Box::new(Conditional { is_negated: false }));
    registry.register_helper("unless", Box::new(Conditional { is_negated: true }));
    registry.register_helper("default", Box::new(Default));
    registry.register_helper("percent", Box::new(Percent));
    register_templates(&mut registry, library, package, language, template, part)?;
    Ok(registry)
}

/// A strict registry without the helpers that templates may not call.
pub(crate) fn empty_registry(part: Part) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    for helper in UNWANTED {
        registry.unregister_helper(helper);
    }
    registry.set_strict_mode(true);
    // An indented partial would indent what is in a field, too.
    registry.set_prevent_indent(true);
    match part {
        Part::Html | Part::Page => registry.register_escape_fn(escape_html),
        Part::Subject | Part::Text | Part::Post | Part::Alt => {
            registry.register_escape_fn(handlebars::no_escape);
        }
    }
    registry
}

/// Registers the entry and every partial that a part can call.
pub(crate) fn register_templates(
    registry: &mut Handlebars<'static>,
    library: &Library,
    package: &Package,
    language: &str,
    template: &str,
    part: Part,
) -> Result<(), Box<handlebars::TemplateError>> {
    let entry = Library::entry(package, language, template, part);
    let names = library.partial_names(language, part);
    let own = ["content", "preheader"];
    for name in names.iter().copied().chain(own) {
        let path = library.partial(language, template, part, name);
        if let Some(source) = path.and_then(|path| library.0.get(&path)) {
            registry.register_partial(name, source)?;
        }
    }
    if let Some(source) = library.0.get(&entry) {
        registry.register_template_string(ENTRY, source)?;
    }
    Ok(())
}

/// Escapes text for HTML, between tags and in quoted attributes.
pub(crate) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    push_html(&mut out, text);
    out
}

/// Appends text, escaped for HTML.
pub(crate) fn push_html(out: &mut String, text: &str) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(entity);
        from = at + 1;
    }
    out.push_str(&text[from..]);
}

/// Appends text, percent-encoded (RFC 3986).
pub(crate) fn push_percent(out: &mut String, text: &str) {
    out.extend(utf8_percent_encode(text, KEPT));
}

/// Renders the entry of `registry`, at most `limit` bytes; `Ok(None)` if it is more.
pub(crate) fn render(
    registry: &Handlebars<'static>,
    context: &Context,
    limit: usize,
) -> Result<Option<String>, Box<handlebars::RenderError>> {
    let mut out = Capped { bytes: Vec::new(), limit, is_full: false };
    match registry.render_with_context_to_write(ENTRY, context, &mut out) {
        Ok(()) => Ok(String::from_utf8(out.bytes).ok()),
        Err(_) if out.is_full => Ok(None),
        Err(error) => Err(Box::new(error)),
    }
}

/// Takes so many bytes and then refuses, since handlebars itself has no bound.
struct Capped {
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl Write for Capped {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + buffer.len() > self.limit {
            self.is_full = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `if` and `unless`: decided now by what the partner is, and left open by what the person is.
struct Conditional {
    is_negated: bool,
}

impl HelperDef for Conditional {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = value(helper, 0, "if")?;
        let (then, otherwise) = match self.is_negated {
            false => (helper.template(), helper.inverse()),
            true => (helper.inverse(), helper.template()),
        };
        let Some(field) = value.as_str().and_then(Mark::field_of) else {
            let branch = if is_there(value) { then } else { otherwise };
            return branch.map_or(Ok(()), |branch| branch.render(registry, context, state, out));
        };
        out.write(&Mark::If(field).text())?;
        if let Some(branch) = then {
            branch.render(registry, context, state, out)?;
        }
        out.write(&Mark::Else.text())?;
        if let Some(branch) = otherwise {
            branch.render(registry, context, state, out)?;
        }
        out.write(&Mark::End.text())?;
        Ok(())
    }
}

/// `default value other`.
struct Default;

impl HelperDef for Default {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, handlebars::RenderError> {
        let first = value(helper, 0, "default")?;
        let other = value(helper, 1, "default")?;
        let answer = match first.as_str().and_then(Mark::field_of) {
            Some(field) => Value::String(format!(
                "{}{}{}{}{}",
                Mark::If(field).text(),
                Mark::Field(field).text(),
                Mark::Else.text(),
                written(other),
                Mark::End.text(),
            )),
            None if is_there(first) => first.clone(),
            None => other.clone(),
        };
        Ok(ScopedJson::Derived(answer))
    }
}

/// `percent value`.
struct Percent;

impl HelperDef for Percent {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, handlebars::RenderError> {
        let text = written(value(helper, 0, "percent")?);
        let encoded = match Mark::field_of(&text) {
            Some(field) => Mark::Percent(field).text(),
            None => {
                let mut encoded = String::new();
                push_percent(&mut encoded, &text);
                encoded
            }
        };
        Ok(ScopedJson::Derived(Value::String(encoded)))
    }
}

fn value<'h>(
    helper: &'h Helper<'_>,
    number: usize,
    name: &'static str,
) -> Result<&'h Value, handlebars::RenderError> {
    let param =
        helper.param(number).ok_or(RenderErrorReason::ParamNotFoundForIndex(name, number))?;
    if param.is_value_missing() {
        let path = param.relative_path().cloned();
        return Err(RenderErrorReason::MissingVariable(path).into());
    }
    Ok(param.value())
}

fn is_there(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(_) => true,
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn registry_of(entry: &str, partials: &[(&str, &str)]) -> Handlebars<'static> {
        let mut registry = empty_registry(Part::Text);
        registry.register_template_string(ENTRY, entry).unwrap();
        for (name, source) in partials {
            registry.register_partial(name, source).unwrap();
        }
        registry
    }

    #[test]
    fn output_is_cut_off_at_the_limit() {
        let registry = registry_of("{{x}}{{x}}", &[]);
        let context = Context::from(json!({ "x": "12345" }));
        assert_eq!(render(&registry, &context, 10).unwrap().as_deref(), Some("1234512345"));
        assert_eq!(render(&registry, &context, 9).unwrap(), None);
    }

    #[test]
    fn a_name_that_is_missing_is_an_error() {
        let registry = registry_of("{{x}}", &[]);
        assert!(render(&registry, &Context::from(json!({})), 10).is_err());
    }

    #[test]
    fn an_indented_partial_indents_nothing() {
        let registry = registry_of("a\n  {{> p}}\nb", &[("p", "{{x}}\ny\n")]);
        let context = Context::from(json!({ "x": "1" }));
        assert_eq!(render(&registry, &context, 100).unwrap().as_deref(), Some("a\n  1\ny\nb"));
    }

    #[test]
    fn what_handlebars_brings_along_is_gone() {
        for helper in UNWANTED {
            let registry = registry_of(&format!("{{{{{helper} x}}}}"), &[]);
            let error = render(&registry, &Context::from(json!({ "x": "1" })), 10).unwrap_err();
            assert!(error.to_string().contains("Helper not found"), "{helper}: {error}");
        }
    }
}
