//! Handlebars as templates here may use it: strict, with our own conditionals and an allow-list of helpers.

pub(crate) mod helpers;

use std::{
    io::{self, Write},
    sync::Arc,
};

use handlebars::{Context, Handlebars};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    package::Package,
    speaker::Speaker,
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
    helpers::register_deciding(&mut registry);
    helpers::register_speaking(&mut registry, &Arc::new(Speaker::new(language)));
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
