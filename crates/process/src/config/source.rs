//! Where settings come from: layers of text that become one tree, in which every value knows where it
//! was written.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::error::{Origin, Problem};

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "THROUGHLINE__";

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where the key stands: what an unknown key is reported at.
    pub key_origin: Origin,
    /// Where the value stands.
    pub origin: Origin,
    /// The value.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    /// A number, text, truth value or date from a file.
    Leaf(toml::Value),
    /// The text of a variable: what it means depends on the setting.
    Text(String),
}

impl Node {
    /// The node at `path`.
    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        let [first, rest @ ..] = path else { return Some(self) };
        let next = match &self.value {
            Value::Table(table) => table.get(*first),
            Value::List(list) => first.parse().ok().and_then(|index: usize| list.get(index)),
            Value::Leaf(_) | Value::Text(_) => None,
        };
        next?.find(rest)
    }

    /// Lays `over` on top: tables are joined, anything else is replaced.
    pub fn overlay(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Table(mine), Value::Table(theirs)) => {
                for (key, node) in theirs {
                    match mine.get_mut(&key) {
                        Some(existing) => existing.overlay(node),
                        None => {
                            mine.insert(key, node);
                        }
                    }
                }
            }
            (mine, theirs) => {
                *mine = theirs;
                self.origin = over.origin;
                self.key_origin = over.key_origin;
            }
        }
    }
}

/// A file, or the built-in copy of it.
pub(super) enum Text<'a> {
    BuiltIn(&'a str),
    File(Arc<PathBuf>, &'a str),
}

impl Text<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(text) | Self::File(_, text) => text,
        }
    }

    /// Line and column of a byte.
    fn at(&self, offset: usize) -> Origin {
        let before = self.as_str().get(..offset).unwrap_or(self.as_str());
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        match self {
            Self::BuiltIn(_) => Origin::BuiltIn { line, column },
            Self::File(path, _) => Origin::File { path: Arc::clone(path), line, column },
        }
    }

    /// Reads the text; a part that is no TOML is reported and left out.
    pub fn parse(&self, problems: &mut Vec<Problem>) -> Node {
        let (table, errors) = DeTable::parse_recoverable(self.as_str());
        for error in errors {
            problems.push(Problem {
                origin: Some(self.at(error.span().map_or(0, |span| span.start))),
                key: String::new(),
                message: error.message().to_owned(),
            });
        }
        let origin = self.at(table.span().start);
        let mut read = Tree { at: &|offset| self.at(offset), problems };
        let value = read.table(table.into_inner(), "");
        Node { key_origin: origin.clone(), origin, value }
    }
}

/// Turns what the TOML parser made into nodes.
struct Tree<'a> {
    at: &'a dyn Fn(usize) -> Origin,
    problems: &'a mut Vec<Problem>,
}

impl Tree<'_> {
    fn table(&mut self, table: DeTable<'_>, path: &str) -> Value {
        let mut nodes = BTreeMap::new();
        for (key, value) in table {
            let key_origin = (self.at)(key.span().start);
            let key = key.into_inner().into_owned();
            let path = join(path, &key);
            if let Some(node) = self.node(key_origin, value, &path) {
                nodes.insert(key, node);
            }
        }
        Value::Table(nodes)
    }

    fn node(
        &mut self,
        key_origin: Origin,
        value: Spanned<DeValue<'_>>,
        path: &str,
    ) -> Option<Node> {
        let origin = (self.at)(value.span().start);
        let value = match value.get_ref() {
            DeValue::Table(_) | DeValue::Array(_) => match value.into_inner() {
                DeValue::Table(table) => self.table(table, path),
                DeValue::Array(array) => Value::List(
                    array
                        .into_iter()
                        .enumerate()
                        .filter_map(|(index, value)| {
                            let origin = (self.at)(value.span().start);
                            self.node(origin, value, &join(path, &index.to_string()))
                        })
                        .collect(),
                ),
                _ => return None,
            },
            _ => match toml::Value::deserialize(toml::de::ValueDeserializer::from(value)) {
                Ok(leaf) => Value::Leaf(leaf),
                Err(error) => {
                    self.problems.push(Problem {
                        origin: Some(origin),
                        key: path.to_owned(),
                        message: error.message().to_owned(),
                    });
                    return None;
                }
            },
        };
        Some(Node { key_origin, origin, value })
    }
}

/// `section` and `key` as one path.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The variable that sets the key at `path`.
pub(super) fn variable_for(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Lays the variables that are ours over `root`.
pub(super) fn overlay_variables(
    root: &mut Node,
    variables: impl IntoIterator<Item = (String, String)>,
    problems: &mut Vec<Problem>,
) {
    let mut ours: Vec<(Vec<String>, String, String)> = variables
        .into_iter()
        .filter_map(|(name, text)| {
            let path = name.strip_prefix(PREFIX)?;
            Some((path.split("__").map(str::to_ascii_lowercase).collect(), name, text))
        })
        .collect();
    // A whole table comes before its parts, and the second entry of a list after the first.
    ours.sort_by_cached_key(|(path, _, _)| -> Vec<(Option<usize>, String)> {
        path.iter().map(|part| (part.parse().ok(), part.clone())).collect()
    });
    for (path, name, text) in ours {
        let origin = Origin::Variable(name.into());
        if let Err(message) = set(root, &path, &origin, &text) {
            problems.push(Problem { origin: Some(origin), key: path.join("."), message });
        }
    }
}

fn set(node: &mut Node, path: &[String], origin: &Origin, text: &str) -> Result<(), String> {
    let empty = || Node {
        key_origin: origin.clone(),
        origin: origin.clone(),
        value: Value::Table(BTreeMap::new()),
    };
    let Some((first, rest)) = path.split_first() else {
        if matches!(node.value, Value::Table(_) | Value::List(_)) {
            node.overlay(inline(origin, text)?);
        } else {
            node.value = Value::Text(text.to_owned());
        }
        node.origin = origin.clone();
        node.key_origin = origin.clone();
        return Ok(());
    };
    match &mut node.value {
        Value::List(list) => {
            let length = list.len();
            match first.parse::<usize>() {
                Ok(index) if index < length => set(&mut list[index], rest, origin, text),
                Ok(index) if index == length => {
                    list.push(empty());
                    set(&mut list[index], rest, origin, text)
                }
                Ok(_) => Err(format!(
                    "there are {length} of these so far, so the next number is {length}"
                )),
                Err(_) => {
                    Err("expected a number here, counted from 0, such as 0 for the first"
                        .to_owned())
                }
            }
        }
        Value::Table(table) => {
            let next = table.entry(first.clone()).or_insert_with(|| {
                if rest.is_empty() {
                    Node { value: Value::Text(String::new()), ..empty() }
                } else {
                    empty()
                }
            });
            set(next, rest, origin, text)
        }
        Value::Leaf(_) | Value::Text(_) => {
            Err("this is a single value and has no parts".to_owned())
        }
    }
}

/// A variable that sets a whole table or list holds it as TOML.
fn inline(origin: &Origin, text: &str) -> Result<Node, String> {
    let value = DeValue::parse(text).map_err(|error| {
        format!("expected a table or list as TOML writes it on one line: {}", error.message())
    })?;
    let mut problems = Vec::new();
    let node =
        Tree { at: &|_| origin.clone(), problems: &mut problems }.node(origin.clone(), value, "");
    match (node, problems.pop()) {
        (Some(node), None) => Ok(node),
        (_, problem) => {
            Err(problem.map_or_else(|| "no TOML value".to_owned(), |problem| problem.message))
        }
    }
}
