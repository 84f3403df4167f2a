//! What templates may call.

use std::sync::Arc;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason,
    Renderable, ScopedJson,
};
use serde_json::Value;

use super::push_percent;
use crate::{
    mark::Mark,
    speaker::{DateStyle, Speaker},
};

/// The value that says how the partner's region writes; no template can call it.
pub(crate) const LOCALE: &str = "spoken locale";

/// The helpers that leave open what depends on the person.
pub(crate) fn register_deciding(registry: &mut Handlebars<'_>) {
    registry.register_helper("if", Box::new(Conditional { is_negated: false }));
    registry.register_helper("unless", Box::new(Conditional { is_negated: true }));
    registry.register_helper("default", Box::new(Default));
    registry.register_helper("percent", Box::new(Percent));
    registry.register_helper("lock", Box::new(Lock));
}

/// The helpers that write in the language of the message.
pub(crate) fn register_speaking(registry: &mut Handlebars<'_>, speaker: &Arc<Speaker>) {
    for (name, words) in [
        ("date", Words::Date),
        ("time", Words::Time),
        ("datetime", Words::Datetime),
        ("number", Words::Number),
        ("plural", Words::Plural),
        ("link", Words::Link),
    ] {
        let helper = Speaking { name, words, speaker: speaker.clone() };
        registry.register_helper(name, Box::new(helper));
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

/// What a helper writes in the language of the message.
#[derive(Debug, Clone, Copy)]
enum Words {
    Date,
    Time,
    Datetime,
    Number,
    Plural,
    Link,
}

/// `date`, `time`, `datetime`, `number`, `plural` and `link`.
struct Speaking {
    name: &'static str,
    words: Words,
    speaker: Arc<Speaker>,
}

impl HelperDef for Speaking {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, handlebars::RenderError> {
        if helper.params().is_empty() {
            // An argument of a partial may have the same name; alone in its tag it is a value.
            return match state.evaluate(context, self.name)? {
                ScopedJson::Missing => {
                    Err(RenderErrorReason::MissingVariable(Some(self.name.to_owned())).into())
                }
                value => Ok(ScopedJson::Derived(value.as_json().clone())),
            };
        }
        let text = written(value(helper, 0, self.name)?);
        // A partner's region writes dates its own way: 4 February in London, February 4 in Boston.
        let locale = context.data().get(LOCALE).and_then(Value::as_str).map(Speaker::new);
        let speaker = locale.as_ref().unwrap_or(&self.speaker);
        let moment = || text.parse::<jiff::Zoned>().ok();
        let words = match self.words {
            Words::Link => text,
            Words::Number => speaker.number(&text),
            Words::Plural => {
                let category = speaker.category(&text);
                let pairs: Vec<&Value> =
                    helper.params().iter().skip(1).map(|it| it.value()).collect();
                let form = |wanted: &str| {
                    let mut pairs = pairs.chunks_exact(2);
                    pairs.find(|pair| pair[0].as_str() == Some(wanted))?[1].as_str()
                };
                let form = form(category).or_else(|| form("other")).unwrap_or_default();
                form.replace('#', &speaker.number(&text))
            }
            // A moment that the partner left is nothing.
            Words::Date => {
                let style = helper.param(1).and_then(|style| style.value().as_str());
                let style = style.and_then(DateStyle::of).unwrap_or(DateStyle::Long);
                moment().map(|moment| speaker.date(&moment, style)).unwrap_or_default()
            }
            Words::Time => moment().map(|moment| speaker.time(&moment)).unwrap_or_default(),
            Words::Datetime => moment().map(|moment| speaker.datetime(&moment)).unwrap_or_default(),
        };
        Ok(ScopedJson::Derived(Value::String(words)))
    }
}

/// `{{#lock "name"}}`: what stands in it, between marks that say where it is.
struct Lock;

impl HelperDef for Lock {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let name = written(value(helper, 0, "lock")?);
        out.write(&Mark::Lock(name).text())?;
        if let Some(content) = helper.template() {
            content.render(registry, context, state, out)?;
        }
        out.write(&Mark::Unlock.text())?;
        Ok(())
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
