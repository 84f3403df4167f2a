//! From the tree to typed settings: reads every key, reports every problem, knows every name.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IntoDeserializer, value::UnitDeserializer};

use super::{
    error::{Origin, Problem},
    source::{Node, Value, join, variable_for},
};

/// A table whose keys are known.
pub(super) trait Section: Sized {
    /// Its keys, in the order of the manual.
    const KEYS: &'static [&'static str];

    /// Reads it. None when a key is wrong and has no default to go on with; the problem is noted.
    fn read(table: &mut TableReader<'_>) -> Option<Self>;
}

/// Declares a section once: the type, its keys and how it is read.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $crate::config::read::Section for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read(table: &mut $crate::config::read::TableReader<'_>) -> Option<Self> {
                $(let $field = table.key(stringify!($field));)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}
pub(super) use section;

/// All tables and what is wrong with them.
pub(super) struct Reader<'a> {
    pub root: &'a Node,
    /// The built-in settings: what reading goes on with after a problem, so that all are found.
    pub defaults: Option<&'a Node>,
    pub problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// Reads the section `name`.
    pub fn section<S: Section>(&mut self, name: &str) -> Option<S> {
        let node = self.root.find(&[name])?;
        let fallback = self.defaults.and_then(|defaults| defaults.find(&[name]));
        TableReader::read(node, fallback, name.to_owned(), self.problems)
    }

    /// Reads the list of tables `name`; an entry that is wrong is left out and noted.
    pub fn list<S: Section>(&mut self, name: &str) -> Option<Vec<S>> {
        let node = self.root.find(&[name])?;
        let Value::List(list) = &node.value else {
            self.problems.push(Problem {
                origin: Some(node.key_origin.clone()),
                key: name.to_owned(),
                message: format!("expected a list of tables, each under [[{name}]]"),
            });
            return None;
        };
        let entries = list.iter().enumerate();
        Some(
            entries
                .filter_map(|(index, entry)| {
                    TableReader::read(entry, None, format!("{name}.{index}"), self.problems)
                })
                .collect(),
        )
    }

    /// Notes every section that is none.
    pub fn unknown_sections(&mut self, known: &[(&str, &'static [&'static str])]) {
        let Value::Table(table) = &self.root.value else { return };
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        for (key, node) in table.iter().filter(|(key, _)| !names.contains(&key.as_str())) {
            let nearest = nearest(key, &names).map(ToOwned::to_owned).or_else(|| {
                // A key at the top of the file that belongs into a section.
                let inside = known.iter().find(|(_, keys)| keys.contains(&key.as_str()))?;
                Some(format!("{}.{key}", inside.0))
            });
            let hint = nearest.map_or_else(
                || format!("sections are {}", names.join(", ")),
                |nearest| did_you_mean(&node.key_origin, &with_rest(&nearest, node)),
            );
            self.problems.push(unknown(node, key, &hint));
        }
    }
}

/// In a variable the wrong section is followed by a key that may well be right: keep it in the hint.
fn with_rest(section: &str, node: &Node) -> String {
    match (&node.key_origin, &node.value) {
        (Origin::Variable(_), Value::Table(table)) if !section.contains('.') => {
            table.keys().next().map_or_else(|| section.to_owned(), |key| join(section, key))
        }
        _ => section.to_owned(),
    }
}

fn unknown(node: &Node, path: &str, hint: &str) -> Problem {
    Problem {
        origin: Some(node.key_origin.clone()),
        key: path.to_owned(),
        message: format!("no such setting; {hint}"),
    }
}

fn did_you_mean(origin: &Origin, path: &str) -> String {
    match origin {
        Origin::Variable(_) => format!("did you mean {}?", variable_for(path)),
        _ => format!("did you mean `{path}`?"),
    }
}

/// The known name that `asked` was most likely meant to be.
fn nearest<'a>(asked: &str, known: &[&'a str]) -> Option<&'a str> {
    let asked = asked.to_lowercase().replace('-', "_");
    let distance = |name: &str| {
        let edits = strsim::damerau_levenshtein(&asked, name);
        // Half a name is as near as two slips: `timeout` for `response_timeout`.
        if asked.len() >= 3 && (name.contains(&asked) || asked.contains(name)) {
            edits.min(2)
        } else {
            edits
        }
    };
    let (edits, name) = known.iter().map(|name| (distance(name), *name)).min()?;
    (edits <= 2.max(asked.chars().count() / 3)).then_some(name)
}

/// One table while it is read.
pub(super) struct TableReader<'a> {
    table: &'a BTreeMap<String, Node>,
    node: &'a Node,
    fallback: Option<&'a Node>,
    path: String,
    problems: &'a mut Vec<Problem>,
}

impl<'a> TableReader<'a> {
    fn read<S: Section>(
        node: &'a Node,
        fallback: Option<&'a Node>,
        path: String,
        problems: &'a mut Vec<Problem>,
    ) -> Option<S> {
        let Value::Table(table) = &node.value else {
            problems.push(Problem {
                origin: Some(node.key_origin.clone()),
                message: format!("expected a table with the keys {}", S::KEYS.join(", ")),
                key: path,
            });
            return None;
        };
        for (key, child) in table.iter().filter(|(key, _)| !S::KEYS.contains(&key.as_str())) {
            let hint = nearest(key, S::KEYS).map_or_else(
                || format!("keys here are {}", S::KEYS.join(", ")),
                |nearest| did_you_mean(&child.key_origin, &join(&path, nearest)),
            );
            problems.push(unknown(child, &join(&path, key), &hint));
        }
        S::read(&mut TableReader { table, node, fallback, path, problems })
    }

    /// Reads one key. A wrong value is noted, and the default taken in its place.
    pub fn key<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let problem = match self.table.get(key) {
            Some(child) => match typed(&child.value) {
                Ok(value) => return Some(value),
                Err(message) => (child.origin.clone(), message),
            },
            // An optional setting is one that can be made of nothing.
            None => match T::deserialize(nothing()) {
                Ok(value) => return Some(value),
                Err(_) => (self.node.key_origin.clone(), "missing".to_owned()),
            },
        };
        let (origin, message) = problem;
        self.problems.push(Problem { origin: Some(origin), key: join(&self.path, key), message });
        let fallback = self.fallback?.find(&[key])?;
        typed(&fallback.value).ok()
    }
}

fn nothing() -> UnitDeserializer<serde::de::value::Error> {
    ().into_deserializer()
}

fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    match value {
        Value::Text(text) => from_toml(toml::Value::String(text.clone())).or_else(|message| {
            // A variable is text; a setting that is none reads it as TOML would.
            let table: toml::Table =
                format!("value = {text}").parse().map_err(|_| message.clone())?;
            match table.into_iter().next() {
                Some((_, value)) => from_toml(value).map_err(|_| message),
                None => Err(message),
            }
        }),
        Value::Leaf(leaf) => from_toml(leaf.clone()).map_err(|message| match leaf {
            toml::Value::String(_) => message,
            // The setting may want text: then its own words say best what it wants.
            other => {
                from_toml::<T>(toml::Value::String(other.to_string())).err().unwrap_or(message)
            }
        }),
        Value::Table(_) => Err("expected a single value, found a table".to_owned()),
        Value::List(_) => Err("expected a single value, found a list".to_owned()),
    }
}

fn from_toml<T: DeserializeOwned>(value: toml::Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.message().to_owned())
}
