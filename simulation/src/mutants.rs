//! Breaks the scripts as they are loaded, one guard after the other: a schedule must break a promise.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

use anyhow::Context;
use belt::ScriptTexts;
use serde::Deserialize;

use crate::{
    bench::{Bench, each},
    run::Ran,
};

/// Where the scripts' files are, as the list names them.
const LUA: &str = "../crates/belt/lua/";

#[derive(Debug, Deserialize)]
struct List {
    mutation: Vec<Mutation>,
}

/// A row of the list, as `.ci/mutants` reads them too.
#[derive(Debug, Deserialize)]
struct Mutation {
    /// The line of the belt's protocol, a colon, and what is taken away.
    guard: String,
    file: String,
    find: String,
    replace: String,
    #[serde(default)]
    also: Vec<(String, String, String)>,
}

impl Mutation {
    fn line(&self) -> Option<u8> {
        self.guard.split_once(':').and_then(|(line, _)| line.parse().ok())
    }

    fn scripts(&self) -> anyhow::Result<ScriptTexts> {
        let mut scripts = ScriptTexts::default();
        let first = (&self.file, &self.find, &self.replace);
        for (file, find, replace) in
            std::iter::once(first).chain(self.also.iter().map(|(f, i, r)| (f, i, r)))
        {
            let name = file.strip_prefix(LUA).unwrap_or(file);
            anyhow::ensure!(
                scripts.replace(name, find, replace),
                "{file} has no `{find}` any more"
            );
        }
        Ok(scripts)
    }
}

/// Tries the rows of a list whose files are Lua, and prints which seed saw each. False if none saw one.
///
/// # Errors
/// When the list can't be read, or a schedule can't be run.
pub fn all(list: &Path, line: Option<u8>, schedules: u64) -> anyhow::Result<bool> {
    let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let list: List = toml::from_str(&text).with_context(|| list.display().to_string())?;
    let (lua, built): (Vec<_>, Vec<_>) =
        list.mutation.iter().partition(|mutation| mutation.file.ends_with(".lua"));
    let lua = lua.into_iter().filter(|m| line.is_none() || m.line() == line);
    let (mut tried, mut lived) = (0, 0);
    for mutation in lua {
        tried += 1;
        let began = Instant::now();
        let seen = seen_by(&mutation.scripts()?, schedules)?;
        let took = began.elapsed().as_secs_f64();
        match seen {
            Some(ran) => println!(
                "  caught by seed {} in {took:.1} s: {}\n        {}",
                ran.seed,
                mutation.guard,
                shortly(&ran.broken[0])
            ),
            None => {
                lived += 1;
                println!("  NOT caught by {schedules} seeds in {took:.1} s: {}", mutation.guard);
            }
        }
    }
    println!(
        "{tried} guards of the scripts removed, {} caught; {} rows are Rust and need a build (make simulate-mutants)",
        tried - lived,
        built.len()
    );
    Ok(lived == 0)
}

/// The lowest seed that breaks a promise with these scripts; those next to it may have been under way.
fn seen_by(scripts: &ScriptTexts, schedules: u64) -> anyhow::Result<Option<Ran>> {
    let scripts = Arc::new(scripts.clone());
    let mut benches = [Bench::set_up(Arc::clone(&scripts))?, Bench::set_up(scripts)?];
    let seen: Mutex<Option<Ran>> = Mutex::default();
    each(&mut benches, (1, schedules + 1), None, &|_, ran| {
        if ran.broken.is_empty() {
            return Ok(false);
        }
        let mut seen = seen.lock().expect("nobody panics here");
        if seen.as_ref().is_none_or(|known| ran.seed < known.seed) {
            *seen = Some(ran);
        }
        Ok(true)
    })?;
    Ok(seen.into_inner().expect("nobody panics here"))
}

fn shortly(broken: &str) -> String {
    let short: String = broken.chars().take(160).collect();
    if short.len() < broken.len() { short + " …" } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_list_names_a_line_and_what_is_there() {
        let list: List = toml::from_str(include_str!("../tests/mutations.toml")).unwrap();
        let mut lines = std::collections::BTreeSet::new();
        for mutation in &list.mutation {
            lines.insert(mutation.line().expect("a line"));
            if mutation.file.ends_with(".lua") {
                mutation.scripts().unwrap();
            }
        }
        assert_eq!(lines.into_iter().collect::<Vec<_>>(), (1..=14).collect::<Vec<_>>());
    }
}
