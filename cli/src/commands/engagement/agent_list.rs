//! Lists of user agents, as they are published: JSON, or one a line.

use std::{
    fmt,
    io::{self, Read},
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use thiserror::Error;

/// A list of user agents can't be used.
#[derive(Debug, Error)]
pub enum UnreadableList {
    /// The file can't be read.
    #[error("{name} can't be read")]
    File {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What is in it is no list of user agents.
    #[error("{name}:{line}:{column}: {why}")]
    Json {
        /// Which.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 in front of a line.
        column: usize,
        /// What is wrong there.
        why: String,
    },
    /// There is nothing to count.
    #[error("{0} names no user agent")]
    Empty(String),
}

/// The user agents in a file; `-` is standard input.
pub fn read(file: &Path) -> Result<(String, Vec<String>), UnreadableList> {
    let is_stdin = file == Path::new("-");
    let name = if is_stdin { "standard input".to_owned() } else { file.display().to_string() };
    let mut bytes = Vec::new();
    let read = if is_stdin {
        io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(file).map(|content| bytes = content)
    };
    read.map_err(|source| UnreadableList::File { name: name.clone(), source })?;
    let agents = parse(&name, &bytes)?;
    if agents.is_empty() {
        return Err(UnreadableList::Empty(name));
    }
    Ok((name, agents))
}

fn parse(name: &str, bytes: &[u8]) -> Result<Vec<String>, UnreadableList> {
    if !is_json(bytes) {
        // Programs call themselves anything, in any encoding; the portal reads them like this, too.
        let text = String::from_utf8_lossy(bytes);
        return Ok(text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect());
    }
    let entries: Vec<Entry> = serde_json::from_slice(bytes).map_err(|error| {
        let text = error.to_string();
        // The place is said once, in front.
        let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
        UnreadableList::Json {
            name: name.to_owned(),
            line: error.line(),
            column: error.column(),
            why,
        }
    })?;
    Ok(entries.into_iter().flat_map(|Entry(agents)| agents).collect())
}

/// An array; a user agent may begin with a bracket, too: `[FBAN/…`.
fn is_json(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    rest.next() == Some(&b'[') && matches!(rest.next(), None | Some(b'"' | b'{' | b'[' | b']'))
}

/// What an entry names: one user agent, or those of a kind.
struct Entry(Vec<String>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a user agent, or an object with \"instances\" or \"userAgent\"")
    }

    fn visit_str<E>(self, agent: &str) -> Result<Entry, E> {
        Ok(Entry(vec![agent.to_owned()]))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "instances" => found = Some(map.next_value::<Vec<String>>()?),
                "userAgent" => found = Some(vec![map.next_value::<String>()?]),
                _ => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        found.map(Entry).ok_or_else(|| A::Error::missing_field("instances"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Entry, A::Error> {
        Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<String>, String> {
        parse("list", text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_are_read_in_each_of_their_shapes() {
        let two = Ok(vec!["a/1".to_owned(), "b 2".to_owned()]);
        assert_eq!(parsed("a/1\r\n\n  b 2 \n"), two);
        assert_eq!(parsed(" [ \"a/1\", \"b 2\" ]"), two);
        assert_eq!(parsed(r#"[{"pattern": "x", "instances": ["a/1", "b 2"], "tags": []}]"#), two);
        assert_eq!(parsed(r#"[{"userAgent": "a/1", "weight": 0.5}, "b 2"]"#), two);
        assert_eq!(parsed("[FBAN/FBIOS]\n[Pinterest/iOS]").unwrap().len(), 2);
        assert_eq!(parse("list", b"caf\xe9/1").unwrap(), ["caf\u{fffd}/1"]);
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_place() {
        for (text, why) in [
            ("[\"a\",\n 7]", "list:2:2: invalid type: integer `7`, expected a user agent"),
            ("[\"a\",\n", "list:2:0: EOF while parsing"),
            ("[{\"pattern\": \"x\"}]", "list:1:17: missing field `instances`"),
            ("[{\"instances\": \"x\"}]", "list:1:18: invalid type: string"),
            ("[[\"a\"]]", "list:1:2: invalid type: sequence, expected a user agent"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
