//! `check-config`.

use std::process::ExitCode;

use serde_json::json;

use super::open::Settings;
use crate::output::Output;

pub const HELP: &str = "\
Example:
  throughline --config fleet.toml check-config

Every problem of the file and the environment is named at once; the exit code is 2 then.";

pub fn run(settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    let config = settings.load()?;
    let resolved = config.to_toml_masked();
    let file = settings.file().map(|file| file.display().to_string());
    let document: toml::Table = resolved.parse()?;
    output.answer(&json!({ "file": file, "config": document }), || {
        let from = file.as_deref().unwrap_or("no file");
        format!("# from the defaults, {from} and the environment\n{resolved}")
    })?;
    Ok(ExitCode::SUCCESS)
}
