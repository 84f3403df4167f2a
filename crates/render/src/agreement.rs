//! Compares what we read in a template with what handlebars reads in it.

use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use serde_json::Value;

use crate::{
    diagnostic::Findings,
    parse::{Expression, Node},
};

/// Whether handlebars reads the same names in a template as we do. What is checked here and what is
/// run there must be one thing; where they differ, the template is refused.
pub(crate) fn handlebars_agrees(
    path: &str,
    source: &str,
    nodes: &[Node],
    findings: &mut Findings,
) -> bool {
    let template = match Template::compile(source) {
        Ok(template) => template,
        Err(error) => {
            let (line, column) = error.pos().unwrap_or((1, 1));
            let at = offset(source, line, column);
            findings.error(path, source, &(at..at), error.reason().to_string(), "");
            return false;
        }
    };
    let mut theirs = Some(Vec::new());
    names_in_template(&template, &mut theirs);
    let mut ours = Vec::new();
    names_in_nodes(nodes, &mut ours);
    ours.sort();
    let agrees = theirs.is_some_and(|mut theirs| {
        theirs.sort();
        theirs == ours
    });
    if !agrees {
        findings.error(
            path,
            source,
            &(0..0),
            "the template has a tag that reads in two ways",
            "plain tags",
        );
    }
    agrees
}

fn offset(source: &str, line: usize, column: usize) -> usize {
    let start: usize =
        source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &source[start.min(source.len())..];
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

fn names_in_nodes(nodes: &[Node], names: &mut Vec<String>) {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::Value(value) => names_in_expression(value, names),
            Node::If { condition, then, otherwise } => {
                names.push("#if".to_owned());
                names_in_expression(condition, names);
                names_in_nodes(then, names);
                names_in_nodes(otherwise, names);
            }
            Node::Each { list, body, otherwise, .. } => {
                names.push("#each".to_owned());
                names_in_expression(list, names);
                names_in_nodes(body, names);
                names_in_nodes(otherwise, names);
            }
            Node::Lock { name, .. } => names.push(format!("#lock {name}")),
            Node::Partial { name, arguments, .. } => {
                names.push(format!(">{name}"));
                for (key, value) in arguments {
                    names.push(format!("{key}="));
                    names_in_expression(value, names);
                }
            }
        }
    }
}

fn names_in_expression(value: &Expression, names: &mut Vec<String>) {
    match value {
        Expression::Path { text, .. } => names.push(text.clone()),
        Expression::Text { .. } | Expression::Constant { .. } => {}
        Expression::Call { helper, values, .. } => {
            names.push(helper.clone());
            for value in values {
                names_in_expression(value, names);
            }
        }
    }
}

/// Collects names as handlebars has them; `None` once there is something we never allow.
fn names_in_template(template: &Template, names: &mut Option<Vec<String>>) {
    for element in &template.elements {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(call) => {
                names_in_parameter(&call.name, names);
                call.params.iter().for_each(|value| names_in_parameter(value, names));
                if !call.hash.is_empty() || call.block_param.is_some() {
                    *names = None;
                }
            }
            TemplateElement::HelperBlock(block) => {
                let name = match (block.name.as_name(), &block.params[..]) {
                    (Some("if" | "unless"), _) => "#if".to_owned(),
                    (Some("each"), _) => "#each".to_owned(),
                    (Some("lock"), [Parameter::Literal(Value::String(name))])
                        if block.inverse.is_none() && lock_content(block).is_some() =>
                    {
                        format!("#lock {name}")
                    }
                    _ => {
                        *names = None;
                        return;
                    }
                };
                if let Some(names) = names {
                    names.push(name);
                }
                if !block.hash.is_empty() || block.block_param.is_some() {
                    *names = None;
                }
                block.params.iter().for_each(|value| names_in_parameter(value, names));
                for branch in [&block.template, &block.inverse].into_iter().flatten() {
                    names_in_template(branch, names);
                }
            }
            TemplateElement::PartialExpression(call) => {
                let is_plain = matches!(&call.name, Parameter::Name(_)) && call.params.is_empty();
                match (names.as_mut(), call.name.as_name()) {
                    (Some(names), Some(name)) if is_plain => names.push(format!(">{name}")),
                    _ => {
                        *names = None;
                        return;
                    }
                }
                for (key, value) in &call.hash {
                    if let Some(names) = names {
                        names.push(format!("{key}="));
                    }
                    names_in_parameter(value, names);
                }
            }
            _ => *names = None,
        }
    }
}

/// What stands in a lock, as handlebars writes it; `None` if it is not constant.
fn lock_content(block: &HelperTemplate) -> Option<String> {
    let mut content = String::new();
    for element in &block.template.as_ref()?.elements {
        match element {
            TemplateElement::RawString(text) => content.push_str(text),
            TemplateElement::Comment(_) => {}
            _ => return None,
        }
    }
    Some(content)
}

/// The locks of a template by name, with what stands in them as handlebars writes it. Locks stand in no
/// other block.
pub(crate) fn locks_of(template: &Template) -> Vec<(String, String)> {
    let blocks = template.elements.iter().filter_map(|element| match element {
        TemplateElement::HelperBlock(block) if block.name.as_name() == Some("lock") => Some(block),
        _ => None,
    });
    let named = blocks.filter_map(|block| match block.params.first() {
        Some(Parameter::Literal(Value::String(name))) => Some((name.clone(), lock_content(block)?)),
        _ => None,
    });
    named.collect()
}

fn names_in_parameter(parameter: &Parameter, names: &mut Option<Vec<String>>) {
    let Some(list) = names else { return };
    match parameter {
        Parameter::Name(_) | Parameter::Path(_) => {
            list.extend(parameter.as_name().map(str::to_owned));
        }
        Parameter::Literal(_) => {}
        Parameter::Subexpression(call) => match call.as_element() {
            TemplateElement::Expression(call) => {
                names_in_parameter(&call.name, names);
                call.params.iter().for_each(|value| names_in_parameter(value, names));
                if !call.hash.is_empty() {
                    *names = None;
                }
            }
            _ => *names = None,
        },
        _ => *names = None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    /// What handlebars makes of `theirs`, held against what we make of `ours`.
    fn agrees(ours: &str, theirs: &str) -> bool {
        let mut findings = Findings::default();
        let nodes = parse("t", ours, &mut findings).expect("it parses");
        let agrees = handlebars_agrees("t", theirs, &nodes, &mut findings);
        assert_eq!(agrees, findings.into_sorted().is_empty(), "a finding says why");
        agrees
    }

    #[test]
    fn the_same_template_reads_the_same() {
        let all = "{{a.b}} {{#if a}}x{{else if (eq b \"1\")}}y{{else}}{{> p x=(default a.b 'z')}}{{/if}}\
                   {{#unless c}}{{percent d}}{{/unless}}{{#each e}}{{this}}{{@last}}{{/each}}{{!-- {{n}} --}}\
                   {{#lock \"terms\"}}\n<p>x</p>{{! note }}\n{{/lock}}";
        assert!(agrees(all, all));
    }

    #[test]
    fn a_tag_that_only_handlebars_sees_is_noticed() {
        for (ours, theirs) in [
            ("{{a}}", "{{a}}{{b}}"),
            ("{{a}}", "{{{a}}}"),
            ("{{a}}", "{{a x=1}}"),
            ("{{> p}}", "{{> p a}}"),
            ("{{> p}}", "{{> (p a)}}"),
            ("{{> p}}", "{{#> p}}{{/p}}"),
            ("{{#if a}}{{/if}}", "{{#with a}}{{/with}}"),
            ("{{#each a}}{{/each}}", "{{#each a as |b|}}{{/each}}"),
            ("x", "{{#*inline \"a\"}}{{/inline}}"),
            ("x", "{{{{raw}}}}{{{{/raw}}}}"),
            ("{{#lock \"a\"}}x{{/lock}}", "{{#lock \"b\"}}x{{/lock}}"),
            ("{{#lock \"a\"}}x{{/lock}}", "{{#lock \"a\"}}x{{b}}{{/lock}}"),
            ("{{#lock \"a\"}}x{{/lock}}", "{{#lock a}}x{{/lock}}"),
        ] {
            assert!(!agrees(ours, theirs), "{theirs}");
        }
    }
}
