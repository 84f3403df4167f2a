//! Of what kind a value is, and what helpers make of values.

use super::Walk;
use crate::{
    brand::https,
    diagnostic::expected_name,
    parse::{Expression, Span},
    speaker::{CATEGORIES, DateStyle, Speaker},
    vocabulary::{HELPERS, Kind, Vocabulary},
};

/// A finding about one of the values of a call: where, what, and what was expected.
type Refusal = (Span, String, String);

impl Walk<'_, '_> {
    /// Of what kind a value is, if it is one.
    pub(super) fn expression(
        &mut self,
        path: &str,
        source: &str,
        value: &Expression,
        vocabulary: &Vocabulary,
    ) -> Option<Kind> {
        match value {
            Expression::Text { .. } => Some(Kind::Text),
            Expression::Constant { text, .. } => {
                let is_number = text.parse::<f64>().is_ok();
                Some(if is_number { Kind::Number } else { Kind::Flag })
            }
            Expression::Path { text, span } => {
                let kind = vocabulary.kind(text);
                if kind.is_none() {
                    let (message, expected) = self.unknown(text, vocabulary);
                    self.findings.error(path, source, span, message, expected);
                }
                kind
            }
            Expression::Call { helper, values, span } => {
                let mut kinds = Vec::new();
                for value in values {
                    kinds.push(self.expression(path, source, value, vocabulary)?);
                }
                let answer = match helper.as_str() {
                    "date" => self.date(values, &kinds),
                    "plural" => self.plural(path, source, values, &kinds),
                    "link" => link(values, &kinds),
                    helper if HELPERS.contains(&helper) => {
                        call(helper, &kinds).map_err(|expected| cannot(helper, span, expected))
                    }
                    _ => {
                        let message = format!("there is no helper `{helper}`");
                        let expected = expected_name(helper, HELPERS);
                        self.findings.error(path, source, span, message, expected);
                        return None;
                    }
                };
                match answer {
                    Ok(kind) => Some(kind),
                    Err((at, message, expected)) => {
                        // What is wrong with the call as a whole stands where the call does.
                        let at = if at == (0..0) { span.clone() } else { at };
                        self.findings.error(path, source, &at, message, expected);
                        None
                    }
                }
            }
        }
    }

    fn date(&self, values: &[Expression], kinds: &[Kind]) -> Result<Kind, Refusal> {
        let whole = "`date value \"long\"` with a slot of kind `datetime`";
        match (kinds, values) {
            ([Kind::Moment], _) => Ok(Kind::Text),
            ([Kind::Moment, _], [_, Expression::Text { text, span }]) => {
                match DateStyle::of(text) {
                    Some(_) => Ok(Kind::Text),
                    None => {
                        let expected = expected_name(text, DateStyle::NAMES);
                        Err((span.clone(), format!("there is no style `{text}`"), expected))
                    }
                }
            }
            _ => Err(cannot("date", &(0..0), whole)),
        }
    }

    fn plural(
        &mut self,
        path: &str,
        source: &str,
        values: &[Expression],
        kinds: &[Kind],
    ) -> Result<Kind, Refusal> {
        let whole = "`plural count \"one\" \"# place\" \"other\" \"# places\"`";
        let is_count = matches!(kinds.first(), Some(Kind::Number | Kind::Text));
        if !is_count || values.len() < 3 || values.len().is_multiple_of(2) {
            return Err(cannot("plural", &(0..0), whole));
        }
        let mut seen: Vec<&str> = Vec::new();
        let spoken = Speaker::new(self.language).categories();
        for pair in values[1..].chunks_exact(2) {
            let [Expression::Text { text: category, span }, form] = pair else {
                return Err(cannot("plural", pair[0].span(), whole));
            };
            if !matches!(form, Expression::Text { .. }) {
                let message = "the form of a plural is a text in quotes".to_owned();
                return Err((form.span().clone(), message, whole.to_owned()));
            }
            if !CATEGORIES.contains(&category.as_str()) {
                let message = format!("there is no plural category `{category}`");
                return Err((span.clone(), message, expected_name(category, CATEGORIES)));
            }
            if seen.contains(&category.as_str()) {
                let message = format!("the category `{category}` is here twice");
                return Err((span.clone(), message, "each once".to_owned()));
            }
            if !spoken.contains(&category.as_str()) {
                let message = format!(
                    "`{}` has no plural category `{category}`: it is never used",
                    self.language
                );
                let expected = format!("among `{}`", spoken.join("`, `"));
                self.findings.warning(path, source, span, message, expected);
            }
            seen.push(category);
        }
        if !seen.contains(&"other") {
            let message = "the category `other` is missing".to_owned();
            return Err((
                0..0,
                message,
                "`\"other\" \"# places\"`, for every other number".to_owned(),
            ));
        }
        Ok(Kind::Text)
    }

    fn unknown(&self, name: &str, vocabulary: &Vocabulary) -> (String, String) {
        let bare = name.strip_prefix("@root.").unwrap_or(name);
        if vocabulary.is_in_list() && bare == name {
            let root = format!("@root.{name}");
            if vocabulary.kind(&root).is_some() {
                return (format!("`{name}` is not known inside `each`"), format!("`{root}`"));
            }
        }
        if let Some(field) = bare.strip_prefix("person.") {
            let fields = self.verifier.package.person_fields.iter().map(String::as_str);
            let expected = match crate::diagnostic::nearest(field, fields) {
                Some(near) => format!("perhaps `person.{near}`"),
                None => "a field named in `fields` of `[person]` in package.toml".to_owned(),
            };
            return (format!("the package declares no person field `{field}`"), expected);
        }
        let group = bare.split('.').next().unwrap_or(bare);
        let near = crate::diagnostic::nearest(name, vocabulary.names());
        let expected = match near {
            Some(near) => format!("perhaps `{near}`"),
            None => {
                let inside = format!("{group}.");
                let siblings: Vec<_> = vocabulary
                    .names()
                    .filter(|known| known.starts_with(&inside))
                    .map(|known| format!("`{known}`"))
                    .collect();
                if siblings.is_empty() {
                    "a name under campaign, assets, links, partner, person, sender, slots or vendor"
                        .to_owned()
                } else {
                    format!("one of {}", siblings.join(", "))
                }
            }
        };
        (format!("there is nothing called `{name}`"), expected)
    }
}

fn cannot(helper: &str, span: &Span, expected: &str) -> Refusal {
    (span.clone(), format!("`{helper}` can't be called like this"), expected.to_owned())
}

/// What a helper makes of values of these kinds, or how it is called.
fn call(helper: &str, kinds: &[Kind]) -> Result<Kind, &'static str> {
    match (helper, kinds) {
        ("default" | "eq", kinds)
            if kinds.iter().any(|it| matches!(it, Kind::RichText | Kind::Moment)) =>
        {
            Err("values that are plain text")
        }
        ("default", [value, other]) if *value == Kind::Person && other.can_be_written() => {
            Ok(Kind::PersonOr)
        }
        ("default", [Kind::Url, Kind::Url]) => Ok(Kind::Url),
        ("default", [Kind::Colour, Kind::Colour]) => Ok(Kind::Colour),
        ("default", [value, other])
            if value.is_known_early() && value.can_be_written() && other.can_be_written() =>
        {
            Ok(if other.is_known_early() { Kind::Text } else { Kind::PersonOr })
        }
        ("default", _) => Err("`default value other`"),
        ("percent", [Kind::Text | Kind::Person | Kind::Url]) => Ok(Kind::Encoded),
        ("percent", _) => Err("`percent value` with a text"),
        ("eq", [one, two]) if one.is_known_early() && two.is_known_early() => Ok(Kind::Flag),
        ("eq", _) => Err("`eq value value`, none of a person"),
        ("time" | "datetime", [Kind::Moment]) => Ok(Kind::Text),
        ("time", _) => Err("`time value` with a slot of kind `datetime`"),
        ("datetime", _) => Err("`datetime value` with a slot of kind `datetime`"),
        ("number", [Kind::Number | Kind::Text]) => Ok(Kind::Text),
        ("number", _) => Err("`number value` with a number, none of a person"),
        _ => Err("a value"),
    }
}

/// `link`: a link that is checked, or one that the template says.
fn link(values: &[Expression], kinds: &[Kind]) -> Result<Kind, Refusal> {
    match (kinds, values) {
        ([Kind::Url], _) => Ok(Kind::Url),
        ([_], [Expression::Text { text, span }]) => match https(text) {
            Some(url) if url.as_str() == text => Ok(Kind::Url),
            Some(url) => {
                let message = format!("`{text}` is not how the link is written");
                Err((span.clone(), message, format!("`{url}`")))
            }
            None => {
                let message = format!("`{text}` is no https link");
                Err((span.clone(), message, "a link like https://www.example.com/page".to_owned()))
            }
        },
        _ => Err(cannot("link", &(0..0), "`link url` with a link, none of a person")),
    }
}
