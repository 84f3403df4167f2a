//! What a partner fills in at launch.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    brand::is_https,
    diagnostic::expected_name,
    mark::clean,
    package::{Package, Slot, SlotKind},
};

/// Why a slot value is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotProblem {
    /// The slot.
    pub slot: String,
    /// What is wrong.
    pub message: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for SlotProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot `{}`: {}; expected {}", self.slot, self.message, self.expected)
    }
}

/// The value of every slot of the package: the partner's, or the default, or nothing.
///
/// # Errors
/// Every value that does not fit, every name the package does not know, every required slot left empty.
pub fn validate_slots(
    package: &Package,
    values: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<SlotProblem>> {
    let mut problems = Vec::new();
    for name in values.keys() {
        if !package.slots.contains_key(name) {
            let known = package.slots.keys().map(String::as_str);
            problems.push(SlotProblem {
                slot: name.clone(),
                message: "the package has no such slot".to_owned(),
                expected: expected_name(name, known),
            });
        }
    }
    let mut filled = BTreeMap::new();
    for (name, slot) in &package.slots {
        let given = values.get(name).map(|value| value.trim()).unwrap_or_default();
        let value = if given.is_empty() { slot.default.as_str() } else { given };
        let problem = |message: String, expected: String| SlotProblem {
            slot: name.clone(),
            message,
            expected,
        };
        if value.is_empty() && slot.required {
            problems
                .push(problem("it must be filled".to_owned(), format!("a value: {}", slot.label)));
        } else if !value.is_empty()
            && let Err((message, expected)) = fits(slot, value)
        {
            problems.push(problem(message, expected));
        }
        filled.insert(name.clone(), clean(value, slot.max_length as usize).into_owned());
    }
    if problems.is_empty() { Ok(filled) } else { Err(problems) }
}

/// Whether a value fits a slot; otherwise what is wrong and what was expected.
pub(crate) fn fits(slot: &Slot, value: &str) -> Result<(), (String, String)> {
    let length = value.chars().count();
    if length > slot.max_length as usize {
        let message = format!("it has {length} characters");
        return Err((message, format!("at most {}", slot.max_length)));
    }
    match slot.kind {
        SlotKind::Text => Ok(()),
        SlotKind::Url
            if is_https(value) && !value.chars().any(|c| c.is_whitespace() || c.is_control()) =>
        {
            Ok(())
        }
        SlotKind::Url => Err((
            "it is no https link".to_owned(),
            "a link like https://www.example.com/page".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnostic::Findings, manifest};

    fn package() -> Package {
        let source = r#"
name = "spring"
title = "Spring"
vendor = "V"
[audience]
rule = "list"
[slots.cta_url]
kind = "url"
label = "Link"
required = true
[slots.spotlight]
kind = "text"
label = "About you"
max_length = 10
default = "Hello"
[[steps]]
key = "a"
kind = "email"
after = "0"
"#;
        let mut findings = Findings::default();
        let (package, _) = manifest::read(source, &mut findings);
        assert_eq!(findings.into_sorted(), []);
        package
    }

    fn problems(values: &[(&str, &str)]) -> Vec<String> {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        match validate_slots(&package(), &values) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn defaults_are_filled_and_values_kept() {
        let values = BTreeMap::from([("cta_url".to_owned(), " https://a.example/x ".to_owned())]);
        let filled = validate_slots(&package(), &values).unwrap();
        assert_eq!(filled["cta_url"], "https://a.example/x");
        assert_eq!(filled["spotlight"], "Hello");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        assert_eq!(
            problems(&[("spotlite", "x"), ("spotlight", "far too long a text")]),
            [
                "slot `spotlite`: the package has no such slot; expected perhaps `spotlight`",
                "slot `cta_url`: it must be filled; expected a value: Link",
                "slot `spotlight`: it has 19 characters; expected at most 10",
            ]
        );
    }

    #[test]
    fn only_https_is_a_link() {
        for bad in [
            "http://a.example",
            "javascript:alert(1)",
            "//a.example",
            "a.example",
            "https://a.example/ x",
            "https://u:p@a.example",
        ] {
            assert_eq!(problems(&[("cta_url", bad)]).len(), 1, "{bad}");
        }
    }
}
