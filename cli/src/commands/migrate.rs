//! `migrate`.

use std::process::ExitCode;

use anyhow::Context;
use domain::time::Clock;
use process::SystemClock;
use serde_json::json;
use store::{Store, StoreOptions};

use super::open::Settings;
use crate::output::Output;

pub const HELP: &str = "\
Example:
  throughline --config fleet.toml migrate

Applies what is missing and nothing twice; a book that does not exist yet is made.";

pub async fn run(settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    let config = settings.load()?;
    let url = &config.book.url;
    let store = Store::open(url.expose(), StoreOptions::default())
        .await
        .with_context(|| format!("book.url is {url}"))?;
    let done = store
        .migrate(SystemClock.now())
        .await
        .context("can't bring the book's schema up to date")?;
    store.close().await;
    output.answer(&json!({ "version": done.version, "applied": done.applied }), || {
        if done.applied.is_empty() {
            format!("the book's schema is version {} already", done.version)
        } else {
            format!(
                "applied {}; the book's schema is version {} now",
                done.applied.join(", "),
                done.version
            )
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
